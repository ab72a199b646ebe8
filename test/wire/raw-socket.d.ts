/** The part of raw-socket that the wire tests use; the package has no types of its own. */
declare module 'raw-socket' {
  import type { EventEmitter } from 'node:events';

  export interface RawSocket extends EventEmitter {
    send(
      buffer: Buffer,
      offset: number,
      length: number,
      address: string,
      done: (error: Error | null, bytes: number) => void,
    ): void;
    on(event: 'message', listener: (buffer: Buffer, source: string) => void): this;
    on(event: 'error', listener: (error: Error) => void): this;
    close(): void;
  }

  export function createSocket(options: { protocol: number }): RawSocket;
  export const Protocol: { readonly ICMP: 1; readonly TCP: 6; readonly UDP: 17 };
}
