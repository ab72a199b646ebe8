/** Has a certificate served, and looks from outside whether it is. */
import type { StoredCertificate } from '../state/certificate-state.js';
import type { KeeperOptions } from './options.js';
import { dateText } from './times.js';

export class InUse {
  readonly #options: KeeperOptions;
  readonly #now: () => number;
  readonly #tell: (sentence: string) => void;
  /** Fingerprint of what the sink has. */
  #used: string | undefined;

  /** `now` in milliseconds since 1970; `tell`: gets what a person should know. */
  constructor(options: KeeperOptions, now: () => number, tell: (sentence: string) => void) {
    this.#options = options;
    this.#now = now;
    this.#tell = tell;
  }

  /**
   * Gives `stored` to the sink where that has another one, or clients get another one. An expired one is served as
   * well.
   */
  async use(stored: StoredCertificate | undefined): Promise<void> {
    if (stored === undefined) return;
    const { sink, served, onEvent } = this.#options;
    const { fingerprint, notAfter, names } = stored.facts;
    const list = names.join(', ');
    const expired = notAfter <= this.#now();
    if (expired) this.#tell(`the certificate for ${list} expired on ${dateText(notAfter)}; it is served all the same`);
    if (this.#used === fingerprint) {
      const seen = await served?.();
      if (seen === undefined || seen === fingerprint) return;
      this.#tell(`clients get another certificate for ${list} than the one that is stored; it is put in use again`);
    }
    try {
      await sink.use(stored.chainPem, stored.keyPem);
    } catch (error) {
      // The sink is another part of this program: its message says what it cannot take.
      this.#tell(`the certificate for ${list} cannot be put in use: ${error instanceof Error ? error.message : error}`);
      return;
    }
    this.#used = fingerprint;
    if (!expired) onEvent?.(`the certificate for ${list} is ready, until ${dateText(notAfter)}`);
  }
}
