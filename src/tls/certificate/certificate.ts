/** A certificate of ours, ready to be sent: its names, its chain, and the key that signs for it. */
import type { Signer } from '../primitives/primitives.js';

export interface Certificate {
  /** DNS names in small letters, `*.example.org` among them, and IP addresses. */
  readonly names: readonly string[];
  readonly signer: Signer;
  /** The Certificate message of TLS 1.3. */
  readonly message: Uint8Array;
  /** Milliseconds since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** Chain and private key in PEM, for the engine of TLS 1.2. */
  readonly pem: { readonly chain: string; readonly key: string };
  /** For people: the file that it came from. */
  readonly source: string;
  /** SHA-256 of the certificate, in hexadecimal. */
  readonly fingerprint: string;
}

export interface Chosen {
  readonly certificate: Certificate;
  readonly scheme: number;
}

/** Certificates by name. All of them are replaced together, and handshakes under way keep theirs. */
export class Certificates {
  readonly all: readonly Certificate[];
  readonly #byName = new Map<string, Certificate[]>();

  /** The first is for clients that ask for no name, or for one that is not there. At least one. */
  constructor(all: readonly Certificate[]) {
    if (all.length === 0) throw new RangeError('at least one certificate');
    this.all = all;
    for (const one of all) {
      for (const name of one.names) {
        const same = this.#byName.get(name);
        if (same === undefined) this.#byName.set(name, [one]);
        else if (!same.includes(one)) same.push(one);
      }
    }
  }

  /**
   * Those for `name`; an exact name goes before a wildcard, which stands for one label (RFC 9525 6.3). Undefined: none.
   */
  named(name: string | undefined): readonly Certificate[] | undefined {
    if (name === undefined) return undefined;
    // `example.org.` is the same host (RFC 1034 3.1), though RFC 6066 3 forbids the dot.
    const host = name.endsWith('.') ? name.slice(0, -1) : name;
    return this.#byName.get(host) ?? this.#byName.get(`*${host.slice(Math.max(0, host.indexOf('.')))}`);
  }

  /** The first certificate, and others with one of its names: an RSA and an ECDSA certificate of one host. */
  get fallback(): readonly Certificate[] {
    const [first] = this.all as readonly [Certificate];
    return this.all.filter((one) => one === first || one.names.some((name) => first.names.includes(name)));
  }

  /**
   * The certificate for a client that asks for `name` and verifies `schemes`. Ed25519 and ECDSA go before RSA, which
   * costs ten times as much to sign with. Undefined: the client verifies none of them.
   */
  choose(name: string | undefined, schemes: readonly number[]): Chosen | undefined {
    let best: Chosen | undefined;
    for (const certificate of this.named(name) ?? this.fallback) {
      const scheme = certificate.signer.schemes.find((one) => schemes.includes(one));
      if (scheme === undefined) continue;
      if (best === undefined || (isRsa(best.scheme) && !isRsa(scheme))) best = { certificate, scheme };
    }
    return best;
  }
}

/** `rsa_pss_rsae_sha256` to `rsa_pss_rsae_sha512`. */
function isRsa(scheme: number): boolean {
  return scheme >= 0x0804 && scheme <= 0x0806;
}
