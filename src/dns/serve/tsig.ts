/** Signatures of messages by shared keys (RFC 8945). */
import type { DnsCrypto, HashName } from '../crypto.js';
import { MAX_LABELS, MAX_NAME, TYPE } from '../wire/constants.js';
import { type Name, parseName, readName, sameBytes } from '../wire/name.js';
import type { Query } from '../wire/query.js';
import { ByteWriter, concat, putU16, u16At, u32At } from '../wire/writer.js';

export interface TsigKey {
  /** In small letters. */
  readonly name: Name;
  readonly algorithm: TsigAlgorithm;
  readonly secret: Uint8Array;
}

export interface TsigAlgorithm {
  readonly name: Name;
  readonly hash: HashName;
  /** Bytes of a MAC. */
  readonly size: number;
}

/** RFC 8945 6; those with MD5 and SHA-1 are left out. */
export const TSIG_ALGORITHMS: ReadonlyMap<string, TsigAlgorithm> = new Map(
  (
    [
      ['sha256', 32],
      ['sha384', 48],
      ['sha512', 64],
    ] as const
  ).map(([hash, size]) => [`hmac-${hash}`, { name: parseName(`hmac-${hash}.`, undefined), hash, size }]),
);

/** RFC 8945 3; 0: the signature is good. */
const TSIG_ERROR = { none: 0, badSig: 16, badKey: 17, badTime: 18, badTrunc: 22 } as const;

/** Seconds by which clocks may differ (RFC 8945 10). */
const FUDGE = 300;
const CLASS_ANY = 255;
/** RFC 8945 5.2.2.1: a MAC may be cut to half of it, and to ten bytes. */
const LEAST_MAC = 10;
const NO_BYTES = new Uint8Array(0);

/** What the signature of a request says. */
interface TsigRequest {
  /** The answer tells it. */
  readonly error: number;
  /** Undefined: it is not known. */
  readonly key: TsigKey | undefined;
  /** As the request has them. */
  readonly name: Name;
  readonly algorithm: Name;
  readonly mac: Uint8Array;
  /** Seconds since 1970. */
  readonly time: number;
}

/** The signatures of one exchange: of the request, and of the messages that answer it. */
export class TsigSession {
  /** The MAC before the next message: that of the request, or of the message before. */
  private prior: Uint8Array;
  private count = 0;
  readonly error: number;
  readonly key: TsigKey | undefined;
  private readonly name: Name;
  private readonly algorithm: Name;

  constructor(
    private readonly crypto: DnsCrypto,
    private readonly seconds: () => number,
    private readonly request: TsigRequest,
  ) {
    this.prior = request.mac;
    this.error = request.error;
    this.key = request.key;
    this.name = request.name;
    this.algorithm = request.algorithm;
  }

  get good(): boolean {
    return this.error === TSIG_ERROR.none;
  }

  /** Bytes that a signature adds. */
  get size(): number {
    return this.name.length + 10 + this.algorithm.length + 16 + (this.key?.algorithm.size ?? 0) + 6;
  }

  /** Signs `message[0..length)` in its place, which has room behind; returns the new length. */
  sign(message: Uint8Array, length: number): number {
    // RFC 8945 5.3.2: without a key that both have there is no MAC; of a wrong time the answer has one.
    const signing = this.key !== undefined && (this.good || this.error === TSIG_ERROR.badTime);
    const time = this.error === TSIG_ERROR.none ? this.seconds() : this.request.time;
    const other = this.error === TSIG_ERROR.badTime ? time48(this.seconds()) : NO_BYTES;
    const first = this.count === 0;
    this.count += 1;
    let mac: Uint8Array = NO_BYTES;
    if (signing) {
      const variables = first ? this.variables(time, this.error, other) : concat([time48(time), u16(FUDGE)]);
      // RFC 8945 5.3: before the message lies the MAC of the one that it answers or follows.
      const before = this.prior.length > 0 ? [u16(this.prior.length), this.prior] : [];
      mac = this.crypto.hmac(this.key!.algorithm.hash, this.key!.secret, [
        ...before,
        message.subarray(0, length),
        variables,
      ]);
      this.prior = mac;
    }
    const record = this.record(time, mac, u16At(message, 0), other);
    message.set(record, length);
    putU16(message, 10, u16At(message, 10) + 1);
    return length + record.length;
  }

  /** RFC 8945 4.3.3: what is signed of the record itself. */
  private variables(time: number, error: number, other: Uint8Array): Uint8Array {
    const parts = [this.name, u16(CLASS_ANY), u16(0), u16(0), this.algorithm];
    return concat([...parts, time48(time), u16(FUDGE), u16(error), u16(other.length), other]);
  }

  private record(time: number, mac: Uint8Array, id: number, other: Uint8Array): Uint8Array {
    const out = new ByteWriter();
    out.bytes(this.name);
    out.u16(TYPE.TSIG);
    out.u16(CLASS_ANY);
    out.u32(0);
    out.u16(this.algorithm.length + 16 + mac.length + other.length);
    out.bytes(this.algorithm);
    out.bytes(time48(time));
    out.u16(FUDGE);
    out.u16(mac.length);
    out.bytes(mac);
    out.u16(id);
    out.u16(this.error);
    out.u16(other.length);
    out.bytes(other);
    return out.done();
  }
}

export class Tsig {
  private readonly name = new Uint8Array(MAX_NAME);
  private readonly starts = new Uint8Array(MAX_LABELS + 1);

  /** `seconds`: since 1970. */
  constructor(
    private readonly crypto: DnsCrypto,
    readonly keys: readonly TsigKey[],
    private readonly seconds: () => number,
  ) {}

  /** A session for a message of our own that is signed with a key: a NOTIFY. */
  begin(key: TsigKey): TsigSession {
    const { name, algorithm } = key;
    const request = { error: TSIG_ERROR.none, key, name, algorithm: algorithm.name, mac: NO_BYTES, time: 0 };
    return new TsigSession(this.crypto, this.seconds, request);
  }

  /** Looks at the signature of a query that has one; undefined: the record is malformed. */
  verify(query: Query): TsigSession | undefined {
    const { bytes, tsigAt, tsigData, tsigEnd } = query;
    const nameLength = readName(bytes, tsigAt, tsigEnd, this.name, this.starts);
    if (nameLength < 0 || tsigAt + nameLength + 10 !== tsigData) return undefined;
    const name = this.name.slice(0, nameLength);
    const algorithmLength = readName(bytes, tsigData, tsigEnd, this.name, this.starts);
    const fixed = tsigData + algorithmLength;
    if (algorithmLength < 0 || fixed + 10 > tsigEnd || u16At(bytes, tsigData - 8) !== CLASS_ANY) return undefined;
    const algorithm = this.name.slice(0, algorithmLength);
    const time = u16At(bytes, fixed) * 2 ** 32 + u32At(bytes, fixed + 2);
    const fudge = u16At(bytes, fixed + 6);
    const macLength = u16At(bytes, fixed + 8);
    const rest = fixed + 10 + macLength;
    if (rest + 6 > tsigEnd || rest + 6 + u16At(bytes, rest + 4) !== tsigEnd) return undefined;
    const mac = bytes.slice(fixed + 10, rest);
    const key = this.keys.find((one) => sameBytes(one.name, name) && sameBytes(one.algorithm.name, algorithm));
    const session = (error: number): TsigSession => {
      const known = error === TSIG_ERROR.badKey ? undefined : key;
      return new TsigSession(this.crypto, this.seconds, { error, key: known, name, algorithm, mac, time });
    };
    if (key === undefined) return session(TSIG_ERROR.badKey);
    if (macLength > key.algorithm.size || macLength < Math.max(LEAST_MAC, key.algorithm.size / 2)) return undefined;
    // RFC 8945 5.2.2.1: shorter MACs are a matter of local policy.
    if (macLength < key.algorithm.size) return session(TSIG_ERROR.badTrunc);
    const variables = concat([
      ...[name, u16(CLASS_ANY), u16(0), u16(0), algorithm],
      ...[bytes.subarray(fixed, fixed + 8), bytes.subarray(rest + 2, tsigEnd)],
    ]);
    // RFC 8945 5.2: as it was before the record was added, and with the identifier that it had then.
    const message = bytes.slice(query.start, tsigAt);
    putU16(message, 0, u16At(bytes, rest));
    putU16(message, 10, u16At(message, 10) - 1);
    const expected = this.crypto.hmac(key.algorithm.hash, key.secret, [message, variables]);
    if (!this.crypto.equal(expected, mac)) return session(TSIG_ERROR.badSig);
    return session(Math.abs(this.seconds() - time) > fudge ? TSIG_ERROR.badTime : TSIG_ERROR.none);
  }
}

function u16(value: number): Uint8Array {
  return Uint8Array.of(value >>> 8, value);
}

function time48(seconds: number): Uint8Array {
  const out = new ByteWriter(6);
  out.u16(Math.floor(seconds / 2 ** 32));
  out.u32(seconds % 2 ** 32);
  return out.done();
}
