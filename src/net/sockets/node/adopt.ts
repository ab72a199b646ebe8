/**
 * Makes a server's connection read into one buffer that all connections share.
 *
 * A `net.Socket` that reads to `onread.buffer` allocates nothing for what arrives, which was measured to save a quarter
 * of the processor time of a small request; but `net.Server` has no option for it. So the connection that the server
 * made (paused, nothing read yet) gives its handle to a second one that is made with the option. Where a future Node
 * hides the handle, the first one is used, with `data` events: slower, otherwise the same.
 */
import { type OnReadOpts, Socket, type SocketConstructorOpts } from 'node:net';

/** What a `net.Socket` is made around; Node's documentation knows it as "anything with an underlying `_handle`". */
interface Handle {
  useUserBuffer?: unknown;
  readStart?: unknown;
}

interface WithHandle {
  _handle: Handle | null;
}

/** Takes bytes that lie in `bytes[start..end)` during the call. */
export type Arrived = (bytes: Uint8Array, start: number, end: number) => void;

/**
 * Returns the socket to use in place of `socket`, which must be paused and unread. `make` is asked for the receiver of
 * its bytes.
 */
export function adopt(socket: Socket, buffer: Uint8Array, receiver: (socket: Socket) => Arrived): Socket {
  const handle = (socket as unknown as WithHandle)._handle;
  if (typeof handle?.useUserBuffer !== 'function' || typeof handle.readStart !== 'function') {
    const arrived = receiver(socket);
    socket.on('data', (chunk: Buffer) => arrived(chunk, 0, chunk.length));
    return socket;
  }
  (socket as unknown as WithHandle)._handle = null;
  let arrived: Arrived | undefined;
  const onread: OnReadOpts = {
    buffer,
    callback: (length) => {
      arrived!(buffer, 0, length);
      return true;
    },
  };
  const options: SocketConstructorOpts & { handle: Handle; onread: OnReadOpts } = {
    handle,
    allowHalfOpen: true,
    onread,
  };
  const adopted = new Socket(options);
  arrived = receiver(adopted);
  // The server counts its connections and waits for their end when it closes.
  socket.destroy();
  return adopted;
}
