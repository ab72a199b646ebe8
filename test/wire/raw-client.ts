/**
 * Runs inside a client's namespace: sends what is on stdin (one JSON object) through a raw socket and prints, as JSON,
 * what came back from that address. `npm test` starts it; it is no test by itself.
 */
import { createRequire } from 'node:module';
import { text } from 'node:stream/consumers';
import type * as RawSocket from 'raw-socket';

export interface RawOrder {
  /** 1 ICMP, 6 TCP. */
  readonly protocol: number;
  readonly address: string;
  /** In hex, from the transport's header on; sent one after the other. */
  readonly send: readonly string[];
  /** The client's ports that are meant, in TCP: what comes for others belongs to an earlier exchange. */
  readonly ports: readonly number[];
  /** Stops after so many answers, or so many milliseconds. */
  readonly answers: number;
  readonly patience: number;
}

/** Installed apart, since it is compiled: see test/run/native-tools.ts. */
const tools = createRequire(new URL('../../../test/native-tools/package.json', import.meta.url));
const { createSocket } = tools('raw-socket') as typeof RawSocket;
const order = JSON.parse(await text(process.stdin)) as RawOrder;
const socket = createSocket({ protocol: order.protocol });
const answers: string[] = [];
const finish = (): void => {
  console.log(JSON.stringify(answers));
  process.exit(0);
};
socket.on('error', (error) => {
  console.error(error.message);
  process.exit(1);
});
socket.on('message', (buffer, source) => {
  if (source !== order.address) return;
  const header = ((buffer[0] ?? 0) & 15) * 4;
  const transport = buffer.subarray(header);
  if (order.ports.length > 0 && !order.ports.includes(transport.readUInt16BE(2))) return;
  answers.push(transport.toString('hex'));
  if (answers.length >= order.answers) finish();
});
for (const hex of order.send) {
  const bytes = Buffer.from(hex, 'hex');
  socket.send(bytes, 0, bytes.length, order.address, (error) => {
    if (error !== null) console.error(error.message);
  });
}
setTimeout(finish, order.patience);
