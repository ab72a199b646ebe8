/** The lines on standard output that say where a server serves. */
import type { Log } from './log.js';

/** `also`: where it listens beside that. A full disk or a reader that has gone is said in the log, and does not end the server. */
export function announce(url: string, log: Log, also: readonly string[] = []): void {
  const lost = (error: unknown): void =>
    log.warn(`serving on ${url}; standard output cannot be written (${(error as NodeJS.ErrnoException).code})`);
  process.stdout.once('error', lost);
  try {
    process.stdout.write(`listening on ${url}\n${also.map((one) => `also listening on ${one}\n`).join('')}`);
  } catch (error) {
    // A file is written at once.
    lost(error);
  }
}
