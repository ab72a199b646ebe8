/**
 * What a server has of its certificates without a way to the folder where they lie: what was there before it was
 * sealed, and what the process that orders tells it from then on.
 */
import { join } from 'node:path';
import { challengeAnswers } from '../../acme/authority/http-01.js';
import { AUTHORITY } from '../../acme/state/authority-state.js';
import { namesIfReadable, textIfReadable } from '../../native/readable.js';
import type { AcmeArguments } from '../options/acme.js';
import { THUMBPRINT } from './challenge.js';
import { challengeFolder, challengesIn } from './challenge-files.js';

const PEM = '.pem';

export class Told {
  private readonly pems = new Map<string, string>();
  private readonly challenges = new Map<string, string>();
  private thumbprint: string | undefined;
  private about: string | undefined;

  /** Reads what is there. `sources`: files of certificates, which may not be there yet. */
  constructor(
    private readonly acme: AcmeArguments,
    private readonly sources: readonly string[],
  ) {
    for (const source of sources) {
      const pem = textIfReadable(source);
      if (pem !== undefined) this.pems.set(source, pem);
    }
    const folder = challengeFolder(acme.state);
    this.thumbprint = textIfReadable(join(folder, THUMBPRINT));
    this.about = textIfReadable(join(acme.state, AUTHORITY));
    for (const file of namesIfReadable(folder).filter((name) => name.endsWith(PEM))) {
      const pem = textIfReadable(join(folder, file));
      if (pem !== undefined) this.challenges.set(file.slice(0, -PEM.length), pem);
    }
  }

  /** Chain and key of a certificate in PEM; undefined: it has not been ordered yet. */
  readonly pemOf = (source: string): string | undefined => this.pems.get(source);

  /** What is known of the authority, as it is stored. */
  readonly authority = (): string | undefined => this.about;

  /** For `HttpOptions.acmeChallenge`. */
  readonly http = challengeAnswers(() => this.thumbprint);

  /** For `ServerConfiguration.challenge`. */
  get tls(): ReturnType<typeof challengesIn> {
    return challengesIn((name) => this.challenges.get(name), this.acme.certificates.flat());
  }

  /** Whether `source` is a certificate of this server. */
  takes(source: string, pem: string): boolean {
    if (!this.sources.includes(source)) return false;
    this.pems.set(source, pem);
    return true;
  }

  /** `pem` undefined: none any more. */
  challenge(name: string, pem: string | undefined): void {
    if (pem === undefined) this.challenges.delete(name);
    else this.challenges.set(name, pem);
  }

  learn(what: 'thumbprint' | 'authority', text: string): void {
    if (what === 'thumbprint') this.thumbprint = text;
    else this.about = text;
  }
}
