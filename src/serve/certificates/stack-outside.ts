/** Checks from this host, over our own stack, what a certificate authority will see. */
import { request } from 'node:http';
import type { CaaRecord, Outside } from '../../acme/order/ready.js';
import { LookupError } from '../../dns/resolver/resolver.js';
import { TYPE } from '../../dns/wire/constants.js';
import { formatIp } from '../../net/ip-text.js';
import { answerOf, challengeRequest, HTTP } from './readiness.js';
import { type StackWay, streamOf } from './stack-way.js';

/** `own`: our addresses, which cannot be reached over the wire. */
export function stackOutside(way: StackWay, own: () => readonly string[]): Outside {
  const lookup = (name: string, type: number): Promise<readonly Uint8Array[]> =>
    way.resolver.lookup(name, type).then(({ data }) => data, nothing);
  return {
    addresses: async (name) => {
      const both = await Promise.all([lookup(name, TYPE.A), lookup(name, TYPE.AAAA)]);
      return both.flat().map(formatIp);
    },
    caa: async (name) => (await lookup(name, TYPE.CAA)).flatMap(caaOf),
    challenge: async (address, name, token) => {
      if (own().includes(address)) throw new Error('our own address');
      const stream = streamOf(await way.connect(address, HTTP));
      return answerOf(request({ ...challengeRequest(name, token), createConnection: () => stream }));
    },
  };
}

/** An empty list where the name, or the type, does not exist. */
function nothing(error: unknown): readonly Uint8Array[] {
  if (error instanceof LookupError && (error.code === 'no-name' || error.code === 'no-data')) return [];
  throw error;
}

/** RFC 8659 4.1: flags, the length of the tag, the tag, the value. */
function caaOf(data: Uint8Array): CaaRecord[] {
  const [flags, length] = data;
  if (flags === undefined || length === undefined || data.length < 2 + length) return [];
  const text = new TextDecoder('latin1').decode(data.subarray(2));
  return [{ critical: flags >= 128, tag: text.slice(0, length).toLowerCase(), value: text.slice(length) }];
}
