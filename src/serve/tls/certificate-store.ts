/** The certificates that are served: read from files, and again when these change or appear; or made once and kept. */
import { existsSync, statSync } from 'node:fs';
import { InTurn } from '../../control/in-turn.js';
import { type Certificate, Certificates } from '../../tls/certificate/certificate.js';
import { CertificateError, type Loaded, loadCertificate, makeCertificate } from '../../tls/certificate/load.js';
import type { Log } from '../log.js';
import type { CertificateFiles } from './certificate-files.js';
import { LEFT } from './self-signed-files.js';

/** Milliseconds between two checks of the files: a check costs one call for each file, and follows links. */
const LOOK = 5000;
/** Milliseconds between two checks of the certificates' expiry. */
const DAY = 86_400_000;

export interface CertificateSource extends CertificateFiles {
  /** Has the ordered ones in place of their files. */
  readonly told?: { pemOf(source: string): string | undefined } | undefined;
  readonly log: Log;
  /** Another process reports on the certificates. */
  readonly quiet: boolean;
}

export class CertificateStore {
  readonly #source: CertificateSource;
  #current: Certificates;
  readonly #readings = new InTurn();
  readonly #daily: NodeJS.Timeout;
  readonly #watched: readonly string[];
  /** State of the files, taken before they were read. */
  #seen: string;
  readonly #looking: NodeJS.Timeout;
  readonly #changed = (): void => void this.reload().catch(() => undefined);

  private constructor(source: CertificateSource, watched: readonly string[], seen: string, first: Certificates) {
    this.#source = source;
    this.#current = first;
    this.#watched = watched;
    this.#seen = seen;
    // Not `watchFile`: a change between the reading and its first check would never be seen.
    this.#looking = setInterval(() => this.#look(), LOOK);
    this.#looking.unref();
    this.#daily = setInterval(this.#changed, DAY);
    this.#daily.unref();
  }

  /** Rejects with a `CertificateError`. */
  static async open(source: CertificateSource): Promise<CertificateStore> {
    const watched = source.told === undefined ? pathsOf(source) : filesOf(source.given);
    const seen = stateOf(watched);
    return new CertificateStore(source, watched, seen, await read(source, []));
  }

  /** Those that are served now. */
  readonly current = (): Certificates => this.#current;

  /** File of the self-signed certificate, where that one is served now. */
  get selfSigned(): string | undefined {
    const { given, ordered } = this.#source;
    const source = this.#current.all[0]!.source;
    return given.length > 0 || ordered.includes(source) ? undefined : source;
  }

  /** Milliseconds since 1970 when the first of them expires. */
  get expires(): number {
    return Math.min(...this.#current.all.map(({ notAfter }) => notAfter));
  }

  /** Reads the files again. Rejects with a `CertificateError`, which is in the log: then nothing has changed. */
  reload(): Promise<void> {
    // The last one read is the last one served.
    return this.#readings.run(() => this.#reload());
  }

  #look(): void {
    if (stateOf(this.#watched) !== this.#seen) this.#changed();
  }

  async #reload(): Promise<void> {
    const { log } = this.#source;
    this.#seen = stateOf(this.#watched);
    try {
      const next = await read(this.#source, this.#current.all);
      const before = this.#current.all;
      const same =
        next.all.length === before.length && next.all.every((one, i) => one.fingerprint === before[i]?.fingerprint);
      this.#current = next;
      if (!same)
        log.event('net', `the certificates were read again: ${next.all.map(({ source }) => source).join(', ')}`);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      log.warn(`${error.message}; the certificate that was served stays`);
      throw error;
    }
  }

  close(): void {
    clearInterval(this.#daily);
    clearInterval(this.#looking);
  }
}

/** Files whose change causes a reading; a missing file can be watched, too. */
function pathsOf({ given, ordered }: CertificateFiles): string[] {
  return [...new Set([...filesOf(given), ...ordered])];
}

function filesOf(pairs: CertificateFiles['given']): string[] {
  return pairs.flatMap(({ certificate, key }) => [certificate, key]);
}

/** Two states differ when a file was changed or replaced, came or went. */
function stateOf(paths: readonly string[]): string {
  return paths.map(identityOf).join(' ');
}

function identityOf(path: string): string {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
    return [dev, ino, size, mtimeNs, ctimeNs].join('/');
  } catch (error) {
    // The file is missing, or may not be read.
    return (error as NodeJS.ErrnoException).code ?? '';
  }
}

/** `before`: the certificates that were served until now. */
async function read(source: CertificateSource, before: readonly Certificate[]): Promise<Certificates> {
  const { given, ordered, log, quiet } = source;
  const found = await Promise.all([
    ...given.map((pair) => loadCertificate(pair, Date.now())),
    ...ordered.map((path) => loadOrdered(path, source, before)),
  ]);
  const loaded = found.filter((one) => one !== undefined);
  if (loaded.length === 0) loaded.push(await selfSigned(source, before[0], Date.now()));
  if (!quiet) for (const note of loaded.flatMap(({ notes }) => notes)) log.warn(note);
  return new Certificates(loaded.map(({ certificate }) => certificate));
}

/**
 * Its files are read at the start; a server that is sealed has no way to them. So long as `last` is good it stays, and
 * the one behind it is kept nowhere: the next start makes its own.
 */
async function selfSigned(source: CertificateSource, last: Certificate | undefined, now: number): Promise<Loaded> {
  if (last === undefined) return loadCertificate(source.otherwise(), now);
  if (last.notAfter - now > LEFT) return { certificate: last, notes: [] };
  const { certificate, key } = source.anew();
  const made = makeCertificate(certificate, key, { certificate: last.source, key: last.source }, now);
  if (!source.quiet)
    source.log.warn(`a self-signed certificate was made anew; its SHA-256 fingerprint is ${shown(made.certificate)}`);
  return made;
}

/** As browsers show it. */
function shown({ fingerprint }: Certificate): string {
  return fingerprint.toUpperCase().replace(/..(?!$)/g, '$&:');
}

/**
 * An unusable file does not stop the server: otherwise it could not order the certificate that replaces it. Undefined:
 * there is none.
 */
async function loadOrdered(
  path: string,
  { log, quiet, told }: CertificateSource,
  before: readonly Certificate[],
): Promise<Loaded | undefined> {
  const last = before.find((one) => one.source === path);
  const stays = last === undefined ? undefined : { certificate: last, notes: [] };
  const files = { certificate: path, key: path };
  const pem = told?.pemOf(path);
  if (told === undefined ? !existsSync(path) : pem === undefined) return stays;
  try {
    return pem === undefined ? await loadCertificate(files, Date.now()) : makeCertificate(pem, pem, files, Date.now());
  } catch (error) {
    if (!(error instanceof CertificateError)) throw error;
    if (!quiet)
      log.warn(`${error.message}; ${last === undefined ? 'it is left out' : 'the one that was served stays'}`);
    return stays;
  }
}
