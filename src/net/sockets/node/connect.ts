/** A connection that we open, on Node's sockets. */
import { connect } from 'node:net';
import { attempt, Containment, type OnFault } from '../../containment.js';
import type { Flow } from '../../flow.js';
import { SocketFlow } from './flow.js';

/**
 * `address`: in text. Rejects with the system's error. The owner sets `handler` at once when it resolves. `onFault`
 * gets what a handler throws, which ends this connection; without it that is thrown.
 */
export function connectSocket(address: string, port: number, onFault?: OnFault): Promise<Flow> {
  const faults = new Containment(onFault);
  const socket = connect({ host: address, port, noDelay: true, allowHalfOpen: true });
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.removeListener('error', reject);
      const flow = new SocketFlow(socket, {
        flowClosed: () => undefined,
        faulted: (one, error) => {
          attempt(() => one.abort('failed'));
          faults.note(error, 'connection', performance.now());
        },
      });
      resolve(flow);
      // By then the owner has set its handler.
      setImmediate(() => socket.on('data', (chunk: Buffer) => flow.arrived(chunk, 0, chunk.length)));
    });
  });
}
