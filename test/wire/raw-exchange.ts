/** Hand-made packets from a client's namespace, and what came back. */
import { resolve } from 'node:path';
import { TCP, view } from '../sim/packets.js';
import type { Namespace } from './lab.js';
import type { RawOrder } from './raw-client.js';

async function run(client: Namespace, order: RawOrder): Promise<Uint8Array[]> {
  const script = resolve('build', 'test', 'wire', 'raw-client.js');
  const { stdout, stderr, status } = await client.run(process.execPath, [script], JSON.stringify(order));
  if (status !== 0) throw new Error(`raw client: ${stderr}`);
  return (JSON.parse(stdout) as string[]).map((hex) => Buffer.from(hex, 'hex'));
}

/** Sends to `address`, from the transport's header on; waits for so many answers. */
export function exchangeWith(
  address: string,
): (
  client: Namespace,
  protocol: number,
  send: readonly Uint8Array[],
  answers: number,
  patience?: number,
) => Promise<Uint8Array[]> {
  // Silence takes its time to prove; an answer does not.
  return (client, protocol, send, answers, patience = answers === 0 ? 1500 : 10_000) =>
    run(client, {
      protocol,
      address,
      send: send.map((bytes) => Buffer.from(bytes).toString('hex')),
      ports: protocol === TCP ? send.map((bytes) => view(bytes).getUint16(0)) : [],
      answers: Math.max(1, answers),
      patience,
    });
}
