/** How much of what was compressed is on the way to another process at most. */
import type { Made } from '../../store/compress/shared-work.js';

/** Bytes that may be on the way to one process; what comes beyond is dropped, and made there again. */
const ON_THE_WAY = 2 ** 23;

/** Counts what is on the way to one process. */
export class Way {
  private bytes = 0;

  /** Sends the result by `send`, which calls back when it has left; drops it when the way is full. */
  send({ bytes: { length } }: Made, send: (sent: () => void) => void): void {
    if (this.bytes + length > ON_THE_WAY) return;
    this.bytes += length;
    send(() => {
      this.bytes -= length;
    });
  }
}
