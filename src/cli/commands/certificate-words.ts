/** What commands about certificates read and say alike. */
import { errorText } from '../../errors/report.js';
import { UserError } from '../../errors/user-error.js';
import { readNamedLater } from '../../native/named-file.js';

/** Bytes of a certificate, a chain or a key. */
const MOST = 1 << 20;

export const LATER = 'a running server takes it up within ten minutes, or at once when it gets SIGHUP';

/** `at` in milliseconds since 1970. */
export function time(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** The texts of `files`. Rejects with a `UserError` when one cannot be read. */
export function textsOf(files: readonly string[]): Promise<string[]> {
  return Promise.all(
    files.map((file) =>
      readNamedLater(file, MOST).then(String, (error: unknown) => {
        throw error instanceof UserError ? error : new UserError(`${file} cannot be read: ${errorText(error)}`);
      }),
    ),
  );
}
