/** X25519 (RFC 7748) by OpenSSL's EVP functions: without the detour over DER that `node:crypto` needs for raw keys. */
import { koffi } from '../../native/libc/koffi.js';
import { pinned } from '../../native/libc/slab.js';
import type { Agreed, X25519 } from './agreement.js';
import type { KeyShare, RandomBytes } from './primitives.js';

/** `EVP_PKEY_X25519`. */
const TYPE = 1034;
const LENGTH = 32;
/** Places in the scratch memory. */
const PRIVATE = 0;
const PEER = 32;
const OUTPUT = 64;
const SIZE = 96;

type Call = (...values: number[]) => number;

export class EvpX25519 implements X25519 {
  readonly #newPrivate: Call;
  readonly #newPublic: Call;
  readonly #getPublic: Call;
  readonly #newContext: Call;
  readonly #init: Call;
  readonly #setPeer: Call;
  readonly #derive: Call;
  readonly #freeContext: Call;
  readonly #freeKey: Call;
  readonly #clearErrors: Call;
  readonly #scratch = pinned(128);
  readonly #size = new DataView(this.#scratch.bytes.buffer, this.#scratch.bytes.byteOffset + SIZE, 8);

  /** Throws when a symbol is not there. */
  constructor() {
    const library = koffi().load(null);
    const take = (declaration: string) => library.func(declaration) as Call;
    const raw = 'int type, uint64_t engine, uint64_t key, uint64_t length';
    this.#newPrivate = take(`uint64_t EVP_PKEY_new_raw_private_key(${raw})`);
    this.#newPublic = take(`uint64_t EVP_PKEY_new_raw_public_key(${raw})`);
    this.#getPublic = take('int EVP_PKEY_get_raw_public_key(uint64_t key, uint64_t out, uint64_t length)');
    this.#newContext = take('uint64_t EVP_PKEY_CTX_new(uint64_t key, uint64_t engine)');
    this.#init = take('int EVP_PKEY_derive_init(uint64_t context)');
    this.#setPeer = take('int EVP_PKEY_derive_set_peer(uint64_t context, uint64_t peer)');
    this.#derive = take('int EVP_PKEY_derive(uint64_t context, uint64_t out, uint64_t length)');
    this.#freeContext = take('void EVP_PKEY_CTX_free(uint64_t context)');
    this.#freeKey = take('void EVP_PKEY_free(uint64_t key)');
    this.#clearErrors = take('void ERR_clear_error()');
  }

  keyShare(random: RandomBytes): KeyShare {
    const secret = random(LENGTH);
    const share = this.#withKey(secret, (key) => this.#share(key));
    return {
      share,
      agree: (peer) => {
        const shared = this.#withKey(secret, (key) => this.#agree(key, peer));
        secret.fill(0);
        return shared;
      },
    };
  }

  respond(peer: Uint8Array, random: RandomBytes): Agreed | undefined {
    const own = random(LENGTH);
    const made = this.#withKey(own, (key) => ({ share: this.#share(key), secret: this.#agree(key, peer) }));
    own.fill(0);
    return made.secret === undefined ? undefined : { share: made.share, secret: made.secret };
  }

  #share(key: number): Uint8Array {
    const { bytes, address } = this.#scratch;
    this.#size.setBigUint64(0, BigInt(LENGTH), true);
    if (this.#getPublic(key, address + OUTPUT, address + SIZE) !== 1) throw new Error('OpenSSL made no X25519 key');
    return bytes.slice(OUTPUT, OUTPUT + LENGTH);
  }

  /** The key exists during the call of `use` alone, so that none is left in OpenSSL when a handshake is given up. */
  #withKey<T>(secret: Uint8Array, use: (key: number) => T): T {
    const { bytes, address } = this.#scratch;
    bytes.set(secret, PRIVATE);
    const key = this.#newPrivate(TYPE, 0, address + PRIVATE, LENGTH);
    bytes.fill(0, PRIVATE, PRIVATE + LENGTH);
    if (key === 0) throw new Error('OpenSSL made no X25519 key');
    try {
      return use(key);
    } finally {
      this.#freeKey(key);
      bytes.fill(0, OUTPUT, OUTPUT + LENGTH);
    }
  }

  /** Undefined: no valid share, or one of small order (RFC 8446 7.4.2). */
  #agree(key: number, peer: Uint8Array): Uint8Array | undefined {
    if (peer.length !== LENGTH) return undefined;
    const { bytes, address } = this.#scratch;
    bytes.set(peer, PEER);
    const other = this.#newPublic(TYPE, 0, address + PEER, LENGTH);
    const context = this.#newContext(key, 0);
    this.#size.setBigUint64(0, BigInt(LENGTH), true);
    const done =
      other !== 0 &&
      context !== 0 &&
      this.#init(context) === 1 &&
      this.#setPeer(context, other) === 1 &&
      this.#derive(context, address + OUTPUT, address + SIZE) === 1;
    this.#freeContext(context);
    this.#freeKey(other);
    // Node's own calls must not find an error that is not theirs.
    if (!done) this.#clearErrors();
    return done ? bytes.slice(OUTPUT, OUTPUT + LENGTH) : undefined;
  }
}
