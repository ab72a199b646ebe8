/** A connection that we open, on Node's sockets. */
import { connect } from 'node:net';
import type { Flow } from '../../flow.js';
import { SocketFlow } from './flow.js';

/** `address`: in text. Rejects with the system's error. The owner sets `handler` at once when it resolves. */
export function connectSocket(address: string, port: number): Promise<Flow> {
  const socket = connect({ host: address, port, noDelay: true, allowHalfOpen: true });
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.removeListener('error', reject);
      const flow = new SocketFlow(socket, { flowClosed: () => undefined });
      resolve(flow);
      // By then the owner has set its handler.
      setImmediate(() => socket.on('data', (chunk: Buffer) => flow.arrived(chunk, 0, chunk.length)));
    });
  });
}
