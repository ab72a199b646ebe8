/**
 * X25519 (RFC 7748) by the two functions inside OpenSSL that its EVP functions end in: they work on raw keys, where EVP
 * makes and frees two keys and a context for each handshake. They are not OpenSSL's public interface: they are used
 * only where they are there, and give what `node:crypto` gives.
 */
import { koffi } from '../../native/libc/koffi.js';
import { pinned } from '../../native/libc/slab.js';
import { type Agreed, nodeX25519, type X25519 } from './agreement.js';
import type { KeyShare, RandomBytes } from './primitives.js';

const LENGTH = 32;
/** Places in the scratch memory. */
const PRIVATE = 0;
const PEER = 32;
const SHARE = 64;
const SECRET = 96;

type Call = (...values: number[]) => number;

export class RawX25519 implements X25519 {
  readonly #public: Call;
  readonly #agree: Call;
  readonly #scratch = pinned(128);

  /** Throws when a symbol is not there, or is not what it is taken for. */
  constructor() {
    const library = koffi().load(null);
    this.#public = library.func('void ossl_x25519_public_from_private(uint64_t out, uint64_t key)') as Call;
    this.#agree = library.func('int ossl_x25519(uint64_t out, uint64_t key, uint64_t peer)') as Call;
    this.#check();
  }

  keyShare(random: RandomBytes): KeyShare {
    const secret = random(LENGTH);
    const { bytes } = this.#scratch;
    bytes.set(secret, PRIVATE);
    const share = this.#share();
    bytes.fill(0, PRIVATE, PRIVATE + LENGTH);
    return {
      share,
      agree: (peer) => {
        bytes.set(secret, PRIVATE);
        secret.fill(0);
        const shared = this.#secret(peer);
        bytes.fill(0);
        return shared;
      },
    };
  }

  respond(peer: Uint8Array, random: RandomBytes): Agreed | undefined {
    const own = random(LENGTH);
    const { bytes } = this.#scratch;
    bytes.set(own, PRIVATE);
    own.fill(0);
    const secret = this.#secret(peer);
    const share = secret === undefined ? undefined : this.#share();
    bytes.fill(0);
    return secret === undefined || share === undefined ? undefined : { share, secret };
  }

  #share(): Uint8Array {
    const { bytes, address } = this.#scratch;
    this.#public(address + SHARE, address + PRIVATE);
    return bytes.slice(SHARE, SHARE + LENGTH);
  }

  /** Undefined: no valid share, or one of small order, for which OpenSSL answers 0 (RFC 8446 7.4.2). */
  #secret(peer: Uint8Array): Uint8Array | undefined {
    if (peer.length !== LENGTH) return undefined;
    const { bytes, address } = this.#scratch;
    bytes.set(peer, PEER);
    if (this.#agree(address + SECRET, address + PRIVATE, address + PEER) !== 1) return undefined;
    return bytes.slice(SECRET, SECRET + LENGTH);
  }

  /** The same as `node:crypto`: a share, a secret, and no secret for a point of small order. */
  #check(): void {
    const fixed =
      (octet: number): RandomBytes =>
      (length) =>
        new Uint8Array(length).fill(octet);
    const peer = nodeX25519.keyShare(fixed(1)).share;
    const expected = nodeX25519.respond(peer, fixed(2));
    const got = this.respond(peer, fixed(2));
    const same =
      expected !== undefined &&
      got !== undefined &&
      Buffer.compare(got.share, expected.share) === 0 &&
      Buffer.compare(got.secret, expected.secret) === 0 &&
      this.respond(new Uint8Array(LENGTH), fixed(2)) === undefined;
    if (!same) throw new Error('the X25519 inside OpenSSL is not what it is taken for');
  }
}
