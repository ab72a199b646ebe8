/** Checks from this host, over our own stack, what a certificate authority will see. */
import { request } from 'node:http';
import { isIP } from 'node:net';
import type { CaaRecord, Outside } from '../../acme/order/ready.js';
import { LookupError } from '../../dns/resolver/resolver.js';
import { TYPE } from '../../dns/wire/constants.js';
import type { Clock } from '../../net/flow.js';
import { formatIp } from '../../net/ip-text.js';
import { answerOf, challengeRequest, HTTP } from './readiness.js';
import { type StackWay, streamOf } from './stack-way.js';
import { waitFor } from './wait-for.js';

/** Milliseconds that an address of ours is waited for. */
const ARRIVAL = 10_000;

/** What is asked over the wire. */
type Way = Pick<StackWay, 'connect'> & { readonly resolver: Pick<StackWay['resolver'], 'lookup'> };

/** `own`: our addresses, which cannot be reached over the wire. */
export function stackOutside(way: Way, own: () => readonly string[], clock: Clock): Outside {
  /** DHCP may take seconds longer than a router's advertisement, or the other way round. `family`: 4 or 6. */
  const arrived = (family: number): Promise<void> =>
    waitFor(() => own().some((one) => isIP(one) === family), clock, ARRIVAL);
  const lookup = (name: string, type: number): Promise<readonly Uint8Array[]> =>
    way.resolver.lookup(name, type).then(({ data }) => data, nothing);
  return {
    addresses: async (name) => {
      const both = await Promise.all([lookup(name, TYPE.A), lookup(name, TYPE.AAAA)]);
      const all = both.flat().map(formatIp);
      await Promise.all([...new Set(all.map(isIP))].map(arrived));
      return all;
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
