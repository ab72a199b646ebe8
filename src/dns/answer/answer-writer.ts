/**
 * What follows the question in an answer, written once: records with compressed names (RFC 1035 4.1.4). Offsets are
 * those of a message
 * whose question has the name that the answer was made for. Where the answer is for names of other lengths, too
 * (wildcards, names that
 * do not exist), the places of the pointers are kept, to be moved.
 */
import { HEADER } from '../wire/constants.js';
import { isWildcard, type Name, nameKey, parentOf } from '../wire/name.js';
import { ByteWriter } from '../wire/writer.js';
import { eachName, layoutOf } from '../zone/layout.js';

/** Pointers reach 16,383; a question may be 255 bytes longer than that of the name that the answer was made for. */
const MAX_POINTER = 0x3fff - 256;

/** The sections of an answer, ready to be copied. */
export interface Answer {
  readonly rcode: number;
  /** Authoritative. */
  readonly authoritative: boolean;
  /** Everything behind the question. */
  readonly tail: Uint8Array;
  /** Places of pointers in `tail` that move with the length of the question's name. */
  readonly pointers: Uint16Array;
  /** Bytes of the name that it was made for. */
  readonly madeFor: number;
  readonly answers: number;
  readonly authorities: number;
  readonly additional: number;
  /**
   * Bytes of `tail` and pointers in them without the records that an answer may do without: all of the additional ones.
   */
  readonly needed: number;
  readonly neededPointers: number;
  readonly neededAdditional: number;
  /** Numbers of the NSEC records in it, so that none is added twice. */
  readonly denials: readonly number[];
}

export class AnswerWriter {
  private readonly out = new ByteWriter(128);
  private readonly pointers: number[] = [];
  private readonly offsets = new Map<string, number>();
  private readonly base: number;
  private readonly question: Name;
  private counts: [number, number, number] = [0, 0, 0];
  private section = 0;
  private needed: { length: number; pointers: number; additional: number } | undefined;

  /** `question`: in small letters. A wildcard stands for any name below its parent. */
  constructor(question: Name) {
    this.question = question;
    this.base = HEADER + question.length + 4;
    // The whole name of a wildcard's question is another each time; only its owner names point to it.
    for (let at = isWildcard(question) ? 2 : 0; question[at] !== 0; at += question[at] + 1)
      this.offsets.set(nameKey(question.subarray(at)), HEADER + at);
  }

  authority(): void {
    this.section = 1;
  }

  additional(): void {
    this.section = 2;
  }

  /** What is written from here on, the answer may do without. */
  optional(): void {
    this.needed = { length: this.out.length, pointers: this.pointers.length, additional: this.counts[2] };
  }

  get answers(): number {
    return this.counts[0];
  }

  /** `owner` undefined: the question's name. */
  record(owner: Name | undefined, type: number, ttl: number, data: Uint8Array): void {
    const { out } = this;
    if (owner === undefined) out.u16(0xc000 | HEADER);
    else this.name(owner, true);
    out.u16(type);
    out.u16(1);
    out.u32(ttl);
    const lengthAt = out.length;
    out.u16(0);
    let copied = 0;
    const compress = layoutOf(type)?.compress === true;
    eachName(type, data, (start, end) => {
      out.bytes(data.subarray(copied, start));
      this.name(data.subarray(start, end), compress);
      copied = end;
    });
    out.bytes(data.subarray(copied));
    out.putU16(lengthAt, out.length - lengthAt - 2);
    this.counts[this.section] += 1;
  }

  private name(name: Name, compress: boolean): void {
    const { out } = this;
    let at = name;
    while (compress && at[0] !== 0) {
      const key = nameKey(at);
      const known = this.offsets.get(key);
      if (known !== undefined) {
        // The question's own name does not move.
        if (known !== HEADER) this.pointers.push(out.length);
        out.u16(0xc000 | known);
        return;
      }
      const offset = this.base + out.length;
      if (offset <= MAX_POINTER) this.offsets.set(key, offset);
      out.bytes(at.subarray(0, at[0] + 1));
      at = parentOf(at);
    }
    out.bytes(at);
  }

  done(rcode: number, authoritative: boolean, denials: readonly number[] = []): Answer {
    const { out, pointers, question, needed } = this;
    const [answers, authorities, additional] = this.counts;
    return {
      rcode,
      authoritative,
      tail: out.done(),
      pointers: Uint16Array.from(pointers),
      madeFor: question.length,
      answers,
      authorities,
      additional,
      needed: needed?.length ?? out.length,
      neededPointers: needed?.pointers ?? pointers.length,
      neededAdditional: needed?.additional ?? additional,
      denials,
    };
  }
}
