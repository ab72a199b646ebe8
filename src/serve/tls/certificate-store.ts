/** The certificates that are served: read from files, and again when these change; or made once and kept. */
import { unwatchFile, watchFile } from 'node:fs';
import { Certificates } from '../../tls/certificate/certificate.js';
import { loadCertificate } from '../../tls/certificate/load.js';
import type { Log } from '../log.js';
import type { TlsArguments } from '../options/tls.js';

/** Milliseconds between two looks at the files: a look costs a call each, and sees also what a link leads to. */
const LOOK = 5000;
/** Milliseconds between two looks at how long certificates last. */
const DAY = 86_400_000;

export interface CertificateSource {
  readonly files: TlsArguments['files'];
  readonly log: Log;
  /** Another process says what there is to say. */
  readonly quiet: boolean;
}

export class CertificateStore {
  readonly #source: CertificateSource;
  #current: Certificates;
  #reading: Promise<unknown> = Promise.resolve();
  readonly #daily: NodeJS.Timeout;
  readonly #changed = (): void => void this.reload().catch(() => undefined);

  private constructor(source: CertificateSource, first: Certificates) {
    this.#source = source;
    this.#current = first;
    for (const path of this.#paths()) watchFile(path, { persistent: false, interval: LOOK }, this.#changed);
    this.#daily = setInterval(this.#changed, DAY);
    this.#daily.unref();
  }

  /** Rejects with a `CertificateError`. */
  static async open(source: CertificateSource): Promise<CertificateStore> {
    return new CertificateStore(source, await read(source));
  }

  /** Those that are served now. */
  readonly current = (): Certificates => this.#current;

  /** Milliseconds since 1970 when the first of them expires. */
  get expires(): number {
    return Math.min(...this.#current.all.map(({ notAfter }) => notAfter));
  }

  /** Reads the files again. Rejects with a `CertificateError`, which is in the log: then nothing has changed. */
  reload(): Promise<void> {
    // One after the other: the last one read is the last one served.
    const done = this.#reading.then(() => this.#reload());
    this.#reading = done.catch(() => undefined);
    return done;
  }

  async #reload(): Promise<void> {
    const { log } = this.#source;
    try {
      const next = await read(this.#source);
      const same = next.all.every((one, i) => one.fingerprint === this.#current.all[i]?.fingerprint);
      this.#current = next;
      if (!same)
        log.event('net', `the certificates were read again: ${next.all.map(({ source }) => source).join(', ')}`);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      log.warn(`${error.message}; the certificate that was served stays`);
      throw error;
    }
  }

  #paths(): Set<string> {
    return new Set(this.#source.files.flatMap(({ certificate, key }) => [certificate, key]));
  }

  close(): void {
    clearInterval(this.#daily);
    for (const path of this.#paths()) unwatchFile(path, this.#changed);
  }
}

async function read({ files, log, quiet }: CertificateSource): Promise<Certificates> {
  const loaded = await Promise.all(files.map((pair) => loadCertificate(pair, Date.now())));
  if (!quiet) for (const note of loaded.flatMap(({ notes }) => notes)) log.warn(note);
  return new Certificates(loaded.map(({ certificate }) => certificate));
}
