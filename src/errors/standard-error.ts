import { writeSync } from 'node:fs';

/**
 * Writes `text` to standard error at once. A full disk, a closed or a full pipe loses it: what cannot be said must not
 * end the process. Waits for a reader of a pipe: a server logs by a `LogSink`, which does not.
 */
export function writeError(text: string): void {
  try {
    writeSync(2, text);
  } catch {
    // EIO, EAGAIN, EPIPE, ENOSPC: what cannot be shown is lost. An error of this function has nowhere to be shown.
  }
}
