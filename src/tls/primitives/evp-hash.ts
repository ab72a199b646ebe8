/** Hashes and HMAC by OpenSSL's EVP functions: contexts that are made once, and three calls a value. */
import { koffi } from '../../native/libc/koffi.js';
import { addressOf, type Pinned, pinned } from '../../native/libc/slab.js';
import type { HashName } from '../common/suites.js';

/** Bytes of input that are copied to where OpenSSL reads them; longer input is for `node:crypto`. */
const MOST_INPUT = 32_768;
const MOST_DIGEST = 64;
const NAMES: Readonly<Record<HashName, string>> = { sha256: 'SHA256', sha384: 'SHA384' };
const LENGTHS: Readonly<Record<HashName, number>> = { sha256: 32, sha384: 48 };

/** `OSSL_PARAM` (openssl/core.h): key, type, data, size, size of what is returned; 40 bytes on 64 bits. */
const PARAM_SIZE = 40;
const UTF8_STRING = 4;

type Call = (...values: (number | string | null)[]) => number;

interface Digest {
  readonly md: number;
  /** An `EVP_MAC_CTX` with this digest set. */
  readonly mac: number;
  readonly length: number;
}

/** Pinned bytes, and the same as 32-bit words. */
interface Place extends Pinned {
  readonly words: Int32Array;
}

function place(size: number): Place {
  const { bytes, address } = pinned(size);
  return { bytes, address, words: new Int32Array(bytes.buffer, bytes.byteOffset, size >> 2) };
}

/** Overwrites `length` bytes: a loop, because `fill` costs more than a hash of what is cleared. */
function clear(words: Int32Array, length: number): void {
  for (let i = 0, end = (length + 3) >> 2; i < end; i++) words[i] = 0;
}

export class EvpHash {
  readonly #init: Call;
  readonly #update: Call;
  readonly #final: Call;
  readonly #macInit: Call;
  readonly #macUpdate: Call;
  readonly #macFinal: Call;
  readonly #context: number;
  readonly #input = place(MOST_INPUT);
  readonly #key = place(MOST_DIGEST);
  readonly #output = place(MOST_DIGEST + 8);
  readonly #digests: Readonly<Record<HashName, Digest>>;

  /** Throws when a symbol or an algorithm is not there. */
  constructor() {
    const library = koffi().load(null);
    const take = (declaration: string) => library.func(declaration) as Call;
    this.#init = take('int EVP_DigestInit_ex(uint64_t context, uint64_t type, uint64_t engine)');
    this.#update = take('int EVP_DigestUpdate(uint64_t context, uint64_t data, uint64_t length)');
    this.#final = take('int EVP_DigestFinal_ex(uint64_t context, uint64_t out, uint64_t length)');
    this.#macInit = take('int EVP_MAC_init(uint64_t context, uint64_t key, uint64_t length, uint64_t parameters)');
    this.#macUpdate = take('int EVP_MAC_update(uint64_t context, uint64_t data, uint64_t length)');
    this.#macFinal = take('int EVP_MAC_final(uint64_t context, uint64_t out, uint64_t length, uint64_t size)');
    this.#context = take('uint64_t EVP_MD_CTX_new()')();
    const fetchMd = take('uint64_t EVP_MD_fetch(uint64_t context, const char *name, uint64_t properties)');
    const hmac = take('uint64_t EVP_MAC_fetch(uint64_t context, const char *name, uint64_t properties)')(0, 'HMAC', 0);
    const newMac = take('uint64_t EVP_MAC_CTX_new(uint64_t mac)');
    const digest = (name: HashName): Digest => {
      const md = fetchMd(0, NAMES[name], 0);
      const mac = newMac(hmac);
      if (md === 0 || hmac === 0 || mac === 0 || this.#macInit(mac, this.#key.address, 1, digestParameter(name)) !== 1)
        throw new Error(`OpenSSL has no HMAC with ${NAMES[name]}`);
      return { md, mac, length: LENGTHS[name] };
    };
    this.#digests = { sha256: digest('sha256'), sha384: digest('sha384') };
  }

  /** Undefined: the input is too long for this. */
  hash(name: HashName, data: Uint8Array, end: number): Uint8Array | undefined {
    if (end > MOST_INPUT) return undefined;
    const { md, length } = this.#digests[name];
    this.#input.bytes.set(end === data.length ? data : data.subarray(0, end));
    const done =
      this.#init(this.#context, md, 0) === 1 &&
      this.#update(this.#context, this.#input.address, end) === 1 &&
      this.#final(this.#context, this.#output.address, 0) === 1;
    if (!done) throw new Error('OpenSSL did not hash');
    return this.#output.bytes.slice(0, length);
  }

  /** Undefined: key or input are too long for this. */
  hmac(name: HashName, key: Uint8Array, data: Uint8Array): Uint8Array | undefined {
    if (key.length > MOST_DIGEST || data.length > MOST_INPUT) return undefined;
    const { mac, length } = this.#digests[name];
    const [kept, input, output] = [this.#key, this.#input, this.#output];
    kept.bytes.set(key);
    input.bytes.set(data);
    const done =
      this.#macInit(mac, kept.address, key.length, 0) === 1 &&
      this.#macUpdate(mac, input.address, data.length) === 1 &&
      this.#macFinal(mac, output.address, output.address + MOST_DIGEST, MOST_DIGEST) === 1;
    clear(kept.words, key.length);
    // Input may be a secret: the shared one of a key agreement, a PSK.
    clear(input.words, data.length);
    if (!done) throw new Error('OpenSSL did not make a MAC');
    const value = output.bytes.slice(0, length);
    clear(output.words, length);
    return value;
  }
}

/** The address of parameters that set the digest of an HMAC. They are read during the call alone. */
function digestParameter(name: HashName): number {
  const text = pinned(32);
  const list = pinned(2 * PARAM_SIZE);
  text.bytes.set(new TextEncoder().encode(`digest\0${NAMES[name]}\0`));
  const view = new DataView(list.bytes.buffer, list.bytes.byteOffset, list.bytes.byteLength);
  view.setBigUint64(0, BigInt(text.address), true);
  view.setUint32(8, UTF8_STRING, true);
  view.setBigUint64(16, BigInt(text.address + 'digest\0'.length), true);
  view.setBigUint64(24, BigInt(NAMES[name].length), true);
  return addressOf(list.bytes);
}
