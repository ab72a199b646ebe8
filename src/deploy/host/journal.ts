/** What happened on a host: JSON lines, appended. A line that a power cut tore is passed over. */
import { open, readFile, rename, stat } from 'node:fs/promises';
import { expectSystemError, ifCode } from '../../errors/codes.js';
import { parseJson } from '../../errors/parse-json.js';

/** What an entry is about. */
type Step =
  | 'fetched'
  | 'verified'
  | 'staged'
  | 'trying'
  | 'good'
  | 'bad'
  | 'refused'
  | 'cancelled'
  | 'served'
  | 'held'
  | 'released'
  | 'recovered'
  | 'failed'
  | 'note';

export interface Entry {
  /** ISO 8601, UTC, by the host's clock: it may step. The order of the lines is what counts. */
  readonly at: string;
  readonly step: Step;
  /** The image's id. */
  readonly image?: string | undefined;
  readonly serial?: number | undefined;
  /** Commit of the deployment repository. */
  readonly commit?: string | undefined;
  /** Who signed the image, of a step `verified`. */
  readonly signer?: string | undefined;
  /** For people. */
  readonly reason?: string | undefined;
  readonly url?: string | undefined;
  /** Milliseconds that the step took. */
  readonly ms?: number | undefined;
}

/** Bytes after which a new file is begun; the one before is kept. */
const LARGEST = 2 ** 20;

export class Journal {
  private readonly file: string;
  private readonly echo: ((entry: Entry) => void) | undefined;

  /** `echo` sees each entry as well. */
  constructor(file: string, echo?: (entry: Entry) => void) {
    this.file = file;
    this.echo = echo;
  }

  /** Appends, and brings it to the disk. A full disk must not stop what the entry is about: then it is only echoed. */
  async add(entry: Omit<Entry, 'at'>): Promise<void> {
    const whole: Entry = { at: new Date().toISOString(), ...entry };
    this.echo?.(whole);
    try {
      const size = (await stat(this.file).catch(ifCode(undefined, 'ENOENT')))?.size ?? 0;
      if (size > LARGEST) await rename(this.file, `${this.file}.1`);
      const handle = await open(this.file, 'a+', 0o644);
      try {
        // A line that was torn by a power cut is ended, so that this one is not part of it.
        const { size: length } = await handle.stat();
        const last = Buffer.alloc(1);
        if (length > 0) await handle.read(last, 0, 1, length - 1);
        const torn = length > 0 && last[0] !== 10;
        await handle.writeFile(`${torn ? '\n' : ''}${JSON.stringify(whole)}\n`);
        await handle.sync();
      } finally {
        await handle.close();
      }
    } catch (error) {
      // The echo has it.
      expectSystemError(error);
    }
  }

  /** All entries, oldest first. */
  async read(): Promise<Entry[]> {
    const texts = await Promise.all(
      [`${this.file}.1`, this.file].map((file) => readFile(file, 'utf8').catch(ifCode('', 'ENOENT'))),
    );
    return texts
      .join('')
      .split('\n')
      .map(entryOf)
      .filter((entry) => entry !== undefined);
  }
}

function entryOf(line: string): Entry | undefined {
  const { at, step, ...more } = Object(parseJson(line)) as Entry;
  return typeof step === 'string' && typeof at === 'string' ? { at, step, ...more } : undefined;
}
