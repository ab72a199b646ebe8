/**
 * Zone transfers to secondaries that have a key (RFC 5936, RFC 1995): messages that are made when there is room for
 * them.
 */
import { Memory } from '../../memory/memory.js';
import { FLAG, HEADER } from '../wire/constants.js';
import type { Query } from '../wire/query.js';
import { putU16 } from '../wire/writer.js';
import type { Zone } from '../zone/zone.js';
import { isNewer } from '../zone/zone.js';
import type { LongAnswer } from './tcp.js';
import type { TsigSession } from './tsig.js';
import { type History, recordsOf, soaRecord, type WireRecord } from './versions.js';

/** Bytes of records in one message; a longer record has one of its own. */
const FULL = 16 * 1024;

export class Transfer implements LongAnswer {
  private readonly records: Iterator<WireRecord>;
  private waiting: WireRecord | undefined;
  private first = true;
  private readonly question: Uint8Array;
  private readonly id: number;
  private readonly flags: number;

  /** `incremental`: by the changes since `query.ixfrSerial`, where they are known. */
  constructor(
    query: Query,
    zone: Zone,
    history: History | undefined,
    incremental: boolean,
    private readonly session: TsigSession,
  ) {
    this.id = query.id;
    this.flags = FLAG.qr | FLAG.aa | (query.flags & FLAG.rd);
    this.question = query.bytes.slice(query.start + HEADER, query.questionEnd);
    this.records = incremental ? changes(zone, history, query.ixfrSerial) : whole(zone);
    this.waiting = this.take();
  }

  private take(): WireRecord | undefined {
    const { value, done } = this.records.next();
    return done === true ? undefined : value;
  }

  next(): Memory | undefined {
    if (this.waiting === undefined) return undefined;
    const batch: WireRecord[] = [];
    let size = 0;
    while (this.waiting !== undefined && (batch.length === 0 || size + this.waiting.length <= FULL)) {
      batch.push(this.waiting);
      size += this.waiting.length;
      this.waiting = this.take();
    }
    const question = this.first ? this.question : new Uint8Array(0);
    const bytes = new Uint8Array(2 + HEADER + question.length + size + this.session.size);
    const message = bytes.subarray(2);
    putU16(message, 0, this.id);
    putU16(message, 2, this.flags);
    // RFC 5936 2.2: the question may be left out after the first message.
    putU16(message, 4, this.first ? 1 : 0);
    putU16(message, 6, batch.length);
    message.set(question, HEADER);
    let at = HEADER + question.length;
    for (const record of batch) {
      message.set(record, at);
      at += record.length;
    }
    this.first = false;
    const length = this.session.sign(message, at);
    putU16(bytes, 0, length);
    return new Memory(bytes.subarray(0, 2 + length));
  }
}

/** RFC 5936 2.2: the SOA record first and last. */
function* whole(zone: Zone): Generator<WireRecord> {
  const soa = soaRecord(zone);
  yield soa;
  yield* recordsOf(zone);
  yield soa;
}

function* changes(zone: Zone, history: History | undefined, serial: number): Generator<WireRecord> {
  const soa = soaRecord(zone);
  // RFC 1995 2: a secondary with this version, or a newer one, gets the SOA record alone.
  if (!isNewer(zone.serial, serial)) return yield soa;
  const known = history?.since(serial);
  if (known === undefined) return yield* whole(zone);
  yield soa;
  yield* known;
  yield soa;
}
