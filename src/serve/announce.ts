/** The one line on standard output that says where a server serves. */
import type { Log } from './log.js';

/** A full disk or a reader that has gone is said in the log, and does not end the server. */
export function announce(url: string, log: Log): void {
  const lost = (error: unknown): void =>
    log.warn(`serving on ${url}; standard output cannot be written (${(error as NodeJS.ErrnoException).code})`);
  process.stdout.once('error', lost);
  try {
    process.stdout.write(`listening on ${url}\n`);
  } catch (error) {
    // A file is written at once.
    lost(error);
  }
}
