/**
 * Primitives through OpenSSL's EVP functions, called by koffi in the OpenSSL that Node brings: a record costs six calls
 * and no garbage. One cipher context a suite and direction serves all connections; a record sets its key and nonce.
 */
import type { MemoryRange } from '../../memory/pieces.js';
import { koffi } from '../../native/libc/koffi.js';
import { memoryAddress } from '../../native/libc/memory-address.js';
import { addressOf, pinned } from '../../native/libc/slab.js';
import {
  AES_128,
  AES_256,
  CHACHA20,
  type CipherSuite,
  type HashName,
  NONCE_LENGTH,
  TAG_LENGTH,
} from '../common/suites.js';
import { CONTENT, RECORD_HEADER } from '../wire/numbers.js';
import { keyShare, respond, type X25519 } from './agreement.js';
import { EvpHash } from './evp-hash.js';
import { EvpX25519 } from './evp-x25519.js';
import { NodePrimitives, writeHeader } from './node.js';
import type { RandomBytes, RecordKey, Target } from './primitives.js';
import { RawX25519 } from './raw-x25519.js';

/** `EVP_CTRL_AEAD_GET_TAG` and `EVP_CTRL_AEAD_SET_TAG`. */
const GET_TAG = 0x10;
const SET_TAG = 0x11;

/** A slot: a key of up to 32 bytes, then the IV. */
const SLOT = 64;
const IV_AT = 32;
const PAGE_SLOTS = 256;

type Call = (...values: (number | null)[]) => number;

interface Calls {
  readonly newContext: Call;
  readonly encryptInit: Call;
  readonly encryptUpdate: Call;
  readonly encryptFinal: Call;
  readonly decryptInit: Call;
  readonly decryptUpdate: Call;
  readonly decryptFinal: Call;
  readonly control: Call;
  readonly clearErrors: Call;
  readonly ciphers: ReadonlyMap<CipherSuite, number>;
}

/** Throws an error of koffi when a symbol is not there: a Node built against another library. */
function loadCalls(): Calls {
  const library = koffi().load(null);
  const take = (declaration: string) => library.func(declaration) as Call;
  const cipher = (name: string): number => take(`uint64_t ${name}()`)();
  const init = 'uint64_t context, uint64_t cipher, uint64_t engine, uint64_t key, uint64_t iv';
  const update = 'uint64_t context, uint64_t out, uint64_t outLength, uint64_t in, int inLength';
  const final = 'uint64_t context, uint64_t out, uint64_t outLength';
  return {
    newContext: take('uint64_t EVP_CIPHER_CTX_new()'),
    encryptInit: take(`int EVP_EncryptInit_ex(${init})`),
    encryptUpdate: take(`int EVP_EncryptUpdate(${update})`),
    encryptFinal: take(`int EVP_EncryptFinal_ex(${final})`),
    decryptInit: take(`int EVP_DecryptInit_ex(${init})`),
    decryptUpdate: take(`int EVP_DecryptUpdate(${update})`),
    decryptFinal: take(`int EVP_DecryptFinal_ex(${final})`),
    control: take('int EVP_CIPHER_CTX_ctrl(uint64_t context, int type, int argument, uint64_t pointer)'),
    clearErrors: take('void ERR_clear_error()'),
    ciphers: new Map([
      [AES_128, cipher('EVP_aes_128_gcm')],
      [AES_256, cipher('EVP_aes_256_gcm')],
      [CHACHA20, cipher('EVP_chacha20_poly1305')],
    ]),
  };
}

/** One page of key slots. */
interface Page {
  readonly bytes: Uint8Array;
  readonly address: number;
}

/** Contexts, the slab of keys, and places for what calls read and write. */
class Engine {
  readonly calls = loadCalls();
  readonly sealing = new Map<CipherSuite, number>();
  readonly opening = new Map<CipherSuite, number>();
  readonly #small = pinned(64);
  readonly nonce = this.#small.bytes.subarray(0, NONCE_LENGTH);
  readonly nonceAddress = this.#small.address;
  /** Where calls write how many bytes they made. */
  readonly lengthAddress = this.#small.address + 32;
  readonly #pages: Page[] = [];
  readonly #free: number[] = [];

  constructor() {
    for (const [suite, cipher] of this.calls.ciphers) {
      const sealing = this.calls.newContext();
      const opening = this.calls.newContext();
      if (
        this.calls.encryptInit(sealing, cipher, 0, 0, 0) !== 1 ||
        this.calls.decryptInit(opening, cipher, 0, 0, 0) !== 1
      )
        throw new Error(`OpenSSL has no ${suite.cipher}`);
      this.sealing.set(suite, sealing);
      this.opening.set(suite, opening);
    }
  }

  takeSlot(): number {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    const first = this.#pages.length * PAGE_SLOTS;
    this.#pages.push(pinned(PAGE_SLOTS * SLOT));
    for (let slot = first + PAGE_SLOTS - 1; slot > first; slot--) this.#free.push(slot);
    return first;
  }

  giveSlot(slot: number): void {
    this.#free.push(slot);
  }

  bytesOf(slot: number): Uint8Array {
    const at = (slot % PAGE_SLOTS) * SLOT;
    return this.#pages[Math.floor(slot / PAGE_SLOTS)]!.bytes.subarray(at, at + SLOT);
  }

  /** Writes the nonce of a record (RFC 8446 5.3); returns the address of the key. */
  prepare(slot: number, number: number): number {
    const page = this.#pages[Math.floor(slot / PAGE_SLOTS)]!;
    const at = (slot % PAGE_SLOTS) * SLOT;
    const { nonce } = this;
    const { bytes } = page;
    const iv = at + IV_AT;
    for (let i = 0; i < NONCE_LENGTH; i++) nonce[i] = bytes[iv + i]!;
    for (let i = NONCE_LENGTH - 1, left = number; left > 0; i--) {
      nonce[i]! ^= left & 255;
      left = left < 0x80000000 ? left >>> 8 : Math.floor(left / 256);
    }
    return page.address + at;
  }
}

export class EvpPrimitives extends NodePrimitives {
  override readonly name: string = 'EVP';
  readonly #engine: Engine;
  readonly #hash: EvpHash;
  readonly #x25519: X25519;

  /** Throws where OpenSSL's functions cannot be called: `NodePrimitives` serves there. */
  constructor(x25519 = fastestX25519()) {
    super();
    this.#engine = new Engine();
    this.#hash = new EvpHash();
    this.#x25519 = x25519;
  }

  override hash(name: HashName, data: Uint8Array, end: number): Uint8Array {
    return this.#hash.hash(name, data, end) ?? super.hash(name, data, end);
  }

  override hmac(name: HashName, key: Uint8Array, data: Uint8Array): Uint8Array {
    return this.#hash.hmac(name, key, data) ?? super.hmac(name, key, data);
  }

  override keyShare(group: number, random: RandomBytes) {
    return keyShare(group, random, this.#x25519);
  }

  override respond(group: number, client: Uint8Array, random: RandomBytes) {
    return respond(group, client, random, this.#x25519);
  }

  override recordKey(suite: CipherSuite, key: Uint8Array, iv: Uint8Array): RecordKey {
    return new EvpRecordKey(this.#engine, suite, key, iv);
  }

  override target(size: number): Target {
    const bytes = new Uint8Array(size);
    return { bytes, address: addressOf(bytes) };
  }
}

function fastestX25519(): X25519 {
  try {
    return new RawX25519();
  } catch {
    // An OpenSSL that keeps these symbols to itself, as a shared library does.
    return new EvpX25519();
  }
}

class EvpRecordKey implements RecordKey {
  readonly #engine: Engine;
  readonly #suite: CipherSuite;
  #slot: number;

  constructor(engine: Engine, suite: CipherSuite, key: Uint8Array, iv: Uint8Array) {
    this.#engine = engine;
    this.#suite = suite;
    this.#slot = engine.takeSlot();
    const bytes = engine.bytesOf(this.#slot);
    bytes.set(key);
    bytes.set(iv, IV_AT);
  }

  seal(target: Target, at: number, length: number, type: number, number: number): number {
    target.bytes[at + RECORD_HEADER + length] = type;
    return this.#seal(target, at, length, number, target.address + at + RECORD_HEADER);
  }

  sealFrom({ memory, start, end }: MemoryRange, target: Target, at: number, number: number): number {
    const length = end - start;
    target.bytes[at + RECORD_HEADER + length] = CONTENT.applicationData;
    const address = memoryAddress(memory);
    if (address !== 0) return this.#seal(target, at, length, number, address + start);
    target.bytes.set(memory.bytes.subarray(start, end), at + RECORD_HEADER);
    return this.#seal(target, at, length, number, target.address + at + RECORD_HEADER);
  }

  /** `content`: the address of `length` bytes, in place or elsewhere; the type is behind their place in the record. */
  #seal({ bytes, address }: Target, at: number, length: number, number: number, content: number): number {
    const { calls, sealing, lengthAddress, nonceAddress } = this.#engine;
    const start = address + at + RECORD_HEADER;
    const type = start + length;
    writeHeader(bytes, at, length + 1 + TAG_LENGTH);
    const context = sealing.get(this.#suite)!;
    const keyAddress = this.#engine.prepare(this.#slot, number);
    const update = calls.encryptUpdate;
    const done =
      calls.encryptInit(context, 0, 0, keyAddress, nonceAddress) === 1 &&
      update(context, 0, lengthAddress, address + at, RECORD_HEADER) === 1 &&
      (content === start
        ? update(context, start, lengthAddress, start, length + 1) === 1
        : update(context, start, lengthAddress, content, length) === 1 &&
          update(context, type, lengthAddress, type, 1) === 1) &&
      calls.encryptFinal(context, type + 1, lengthAddress) === 1 &&
      calls.control(context, GET_TAG, TAG_LENGTH, type + 1) === 1;
    // Nothing that was not encrypted may leave.
    if (!done) throw new Error('OpenSSL did not encrypt a record');
    return at + RECORD_HEADER + length + 1 + TAG_LENGTH;
  }

  open(target: Target, at: number, end: number, number: number): boolean {
    const { address } = target;
    const { calls, opening, lengthAddress, nonceAddress } = this.#engine;
    const start = at + RECORD_HEADER;
    const tag = end - TAG_LENGTH;
    const context = opening.get(this.#suite)!;
    const keyAddress = this.#engine.prepare(this.#slot, number);
    const right =
      calls.decryptInit(context, 0, 0, keyAddress, nonceAddress) === 1 &&
      calls.decryptUpdate(context, 0, lengthAddress, address + at, RECORD_HEADER) === 1 &&
      calls.decryptUpdate(context, address + start, lengthAddress, address + start, tag - start) === 1 &&
      calls.control(context, SET_TAG, TAG_LENGTH, address + tag) === 1 &&
      calls.decryptFinal(context, address + tag, lengthAddress) === 1;
    // Node's own calls must not find an error that is not theirs.
    if (!right) calls.clearErrors();
    return right;
  }

  destroy(): void {
    if (this.#slot < 0) return;
    this.#engine.bytesOf(this.#slot).fill(0);
    this.#engine.giveSlot(this.#slot);
    this.#slot = -1;
  }
}
