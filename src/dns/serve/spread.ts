/** Whether secondaries have a version of a zone: who proves a name by it must know, because any of them is asked. */
import { copyAddress, type DatagramPort, type Datagrams, datagramAddress, isSameAddress } from '../../net/datagrams.js';
import type { Clock } from '../../net/flow.js';
import type { Random } from '../../net/random.js';
import { readResponse } from '../resolver/response.js';
import { HEADER, TYPE } from '../wire/constants.js';
import { sameBytes } from '../wire/name.js';
import { ByteWriter, u16At } from '../wire/writer.js';
import { isNewer, serialOf, type Zone } from '../zone/zone.js';
import type { Secondary } from './notify.js';

/** Milliseconds between two questions to one secondary, and that all of them have. */
const AGAIN = 500;
const PATIENCE = 30_000;

/**
 * Resolves with the secondaries that have not shown `zone`, or a newer version, in time: none, if all is well. Each is
 * asked for its SOA record until then.
 */
export async function spread(
  zone: Pick<Zone, 'apex' | 'serial'>,
  secondaries: readonly Secondary[],
  datagrams: Datagrams,
  clock: Clock,
  random: Random,
): Promise<readonly Secondary[]> {
  const missing = new Set(secondaries);
  if (missing.size === 0) return [];
  const id = random.random32() & 0xffff;
  const out = new ByteWriter(HEADER + zone.apex.length + 4);
  for (const field of [id, 0, 1, 0, 0, 0]) out.u16(field);
  out.bytes(zone.apex);
  out.u16(TYPE.SOA);
  out.u16(1);
  const query = out.done();
  const question = query.subarray(HEADER);
  let done: () => void = () => undefined;
  const all = new Promise<void>((resolve) => {
    done = resolve;
  });
  const port = await datagrams.bind(0, (_port, { bytes, start, end, source }) => {
    const from = [...missing].find(({ address }) => isSameAddress(address, source));
    const message = bytes.subarray(start, end);
    if (from === undefined || message.length < query.length || u16At(message, 0) !== id) return;
    if (!sameBytes(message.subarray(HEADER, query.length), question)) return;
    const [soa] = readResponse(message, question)?.data ?? [];
    if (soa === undefined || isNewer(zone.serial, serialOf(soa))) return;
    missing.delete(from);
    if (missing.size === 0) done();
  });
  const ask = (): void => {
    for (const { address } of missing) send(port, query, address);
    again = clock.schedule(AGAIN, ask);
  };
  let again = clock.schedule(0, ask);
  const late = clock.schedule(PATIENCE, done);
  await all;
  again.cancel();
  late.cancel();
  port.close();
  return [...missing];
}

function send(port: DatagramPort, query: Uint8Array, address: Secondary['address']): void {
  const to = datagramAddress();
  copyAddress(to, address);
  port.send(query, 0, query.length, to);
}
