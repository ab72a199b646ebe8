/**
 * A host that is asked: our stack in virtual time, or Linux over a TAP. Frames go in and come out; its programs obey.
 */
export interface OracleSubject {
  readonly mac: Uint8Array;
  readonly address: number;
  send(frame: Uint8Array): void;
  /** Lets ms pass, virtual or real. */
  wait(ms: number): Promise<void>;
  /** Told of each frame that it sends. */
  listen(heard: (frame: Uint8Array) => void): () => void;
  /** The program that owns the connection from that port of ours: writes zeros, says FIN, resets. */
  /** Until that program has the connection. */
  accepted(port: number): Promise<void>;
  write(port: number, bytes: number): void;
  end(port: number): void;
  reset(port: number): void;
}

/** Where its program listens, and where nobody does. */
export const OPEN = 80;
export const SHUT = 81;
