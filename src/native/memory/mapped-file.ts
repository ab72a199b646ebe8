/**
 * The file behind a map, for `sendfile`: the kernel then sends the pages of the file itself. So a program that wants to
 * change the file has to wait until what was sent of it has arrived. `withdraw` finds that out.
 */

/** One that sent from the file. */
export interface Borrower {
  /** Bytes that its peer has not acknowledged; what was sent again would be read again. */
  readonly unacknowledged: number;
}

/** Milliseconds for which the kernel may still send for a socket that was closed before all had arrived. */
const ORPHANED = 40_000;
const LOOK_AGAIN = 50;

const files = new WeakMap<ArrayBufferLike, MappedFile>();

export class MappedFile {
  private readonly own: number;
  private readonly borrowers = new Set<Borrower>();
  private orphansUntil = Number.NEGATIVE_INFINITY;
  private fit = true;
  withdrawn = false;

  constructor(fd: number) {
    this.own = fd;
  }

  /** -1 when nothing may be sent from it any more. */
  get fd(): number {
    return this.fit && !this.withdrawn ? this.own : -1;
  }

  /** It cannot be sent from after all. */
  refuse(): void {
    this.fit = false;
  }

  borrowedBy(borrower: Borrower): void {
    this.borrowers.add(borrower);
  }

  /** Its socket is about to be closed. */
  returnedBy(borrower: Borrower): void {
    if (this.borrowers.delete(borrower) && borrower.unacknowledged > 0)
      this.orphansUntil = performance.now() + ORPHANED;
  }

  /**
   * Lends no more, and calls `done` when nothing that was sent may have to be sent again: at once, where that is so.
   */
  withdraw(done: () => void): void {
    this.withdrawn = true;
    for (const borrower of this.borrowers) if (borrower.unacknowledged === 0) this.borrowers.delete(borrower);
    if (this.borrowers.size === 0 && performance.now() >= this.orphansUntil) done();
    else setTimeout(() => this.withdraw(done), LOOK_AGAIN).unref();
  }
}

/** The file whose bytes from 0 on lie in `buffer`. */
export function fileBehind(buffer: ArrayBufferLike): MappedFile | undefined {
  return files.get(buffer);
}

export function noteFile(buffer: ArrayBufferLike, file: MappedFile): void {
  files.set(buffer, file);
}
