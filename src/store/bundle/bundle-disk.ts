/** The part of a bundle file behind the bytes that are in memory: it is read when it is sent, and verified then. */
import { closeSync, readSync } from 'node:fs';
import { expectSystemError } from '../../errors/codes.js';
import { Memory } from '../../memory/memory.js';
import { PAGE } from '../format/format.js';
import type { VerifiedPages } from '../format/verified-pages.js';
import type { ContentReader, ContentSource } from '../store.js';

/** Closes the descriptor when nothing refers to the disk any more; an answer being sent refers to it. */
const forgotten = new FinalizationRegistry<number>((fd) => closeSync(fd));

export class BundleDisk {
  /** `fd` is this object's from now on. */
  constructor(private readonly fd: number) {
    forgotten.register(this, fd);
  }

  /**
   * Bytes `[start, end)` of the file; fewer where it is shorter by now. At most a few hundred KiB: the caller waits.
   */
  read(start: number, end: number): Uint8Array {
    const bytes = new Uint8Array(end - start);
    let done = 0;
    while (done < bytes.length) {
      const count = readSync(this.fd, bytes, done, bytes.length - done, start + done);
      if (count === 0) break;
      done += count;
    }
    return bytes.subarray(0, done);
  }

  /** Content that begins at `at` in the file. */
  source(at: number, pages: VerifiedPages): ContentSource {
    const reader: ContentReader = {
      read: async (start, end) => {
        try {
          // Whole pages: a part of one has no hash.
          const { data } = pages;
          const first = data + Math.floor((at + start - data) / PAGE) * PAGE;
          const last = Math.min(data + Math.ceil((at + end - data) / PAGE) * PAGE, pages.fileBytes);
          const bytes = this.read(first, last);
          if (bytes.length !== last - first || !pages.holds(first, bytes)) return undefined;
          return { memory: new Memory(bytes), start: at + start - first, end: at + end - first };
        } catch (error) {
          // EIO: bytes that cannot be read are not sent.
          expectSystemError(error);
          return undefined;
        }
      },
      close: () => undefined,
    };
    return { open: () => Promise.resolve(reader) };
  }
}
