/** Messages as a test writes and reads them, by code of its own. */
import { TYPE } from '../../src/dns/wire/constants.js';
import { nameText, parseName } from '../../src/dns/wire/name.js';

export interface QueryOptions {
  readonly id?: number;
  readonly flags?: number;
  readonly class?: number;
  /** With EDNS: the UDP size that is offered. */
  readonly udpSize?: number;
  readonly dnssecOk?: boolean;
  readonly ednsVersion?: number;
  /** The flags of EDNS beside DO. */
  readonly ednsFlags?: number;
  /** EDNS options: code and hexadecimal data. */
  readonly options?: readonly (readonly [number, string])[];
}

export interface Message {
  readonly id: number;
  readonly flags: number;
  /** With the bits that EDNS adds. */
  readonly rcode: number;
  readonly aa: boolean;
  readonly tc: boolean;
  readonly question: string | undefined;
  /** `owner type ttl data`: names as text, other data as hexadecimal digits. */
  readonly answer: readonly string[];
  readonly authority: readonly string[];
  /** Without OPT and TSIG. */
  readonly additional: readonly string[];
  readonly opt:
    | {
        readonly size: number;
        readonly dnssecOk: boolean;
        /** Without DO. */
        readonly flags: number;
        readonly options: ReadonlyMap<number, string>;
      }
    | undefined;
  readonly length: number;
}

/** A query; `qtype` by name or number. */
export function query(qname: string, qtype: keyof typeof TYPE | number, options: QueryOptions = {}): Uint8Array {
  const type = typeof qtype === 'number' ? qtype : TYPE[qtype];
  const { id = 0x1234, flags = 0, class: qclass = 1 } = options;
  const edns =
    options.udpSize !== undefined ||
    options.options !== undefined ||
    options.dnssecOk ||
    options.ednsVersion !== undefined ||
    options.ednsFlags !== undefined;
  const bytes = [...u16(id), ...u16(flags), 0, 1, 0, 0, 0, 0, 0, edns ? 1 : 0];
  bytes.push(...parseName(qname.endsWith('.') ? qname : `${qname}.`, undefined), ...u16(type), ...u16(qclass));
  if (edns) {
    const data = (options.options ?? []).flatMap(([code, hex]) => [
      ...u16(code),
      ...u16(hex.length / 2),
      ...Buffer.from(hex, 'hex'),
    ]);
    bytes.push(0, ...u16(TYPE.OPT), ...u16(options.udpSize ?? 1232), 0, options.ednsVersion ?? 0);
    bytes.push(...u16((options.dnssecOk ? 0x8000 : 0) | (options.ednsFlags ?? 0)), ...u16(data.length), ...data);
  }
  return Uint8Array.from(bytes);
}

export function u16(value: number): [number, number] {
  return [value >> 8, value & 255];
}

/** Throws when the bytes are no well-formed message. */
export function read(bytes: Uint8Array): Message {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const counts = [4, 6, 8, 10].map((at) => view.getUint16(at));
  let at = 12;
  const name = (): string => {
    const [text, next] = nameAt(bytes, at);
    at = next;
    return text;
  };
  let question: string | undefined;
  if (counts[0]! > 1) throw new Error(`${counts[0]} questions`);
  if (counts[0] === 1) {
    question = name();
    at += 4;
  }
  let opt: Message['opt'];
  let extended = 0;
  const section = (count: number): string[] => {
    const records: string[] = [];
    for (let i = 0; i < count; i++) {
      const owner = name();
      const type = view.getUint16(at);
      const size = view.getUint16(at + 2);
      const ttl = view.getUint32(at + 4);
      const length = view.getUint16(at + 8);
      const data = at + 10;
      at = data + length;
      if (at > bytes.length) throw new Error('a record runs out of the message');
      if (type === TYPE.OPT) {
        if (opt !== undefined) throw new Error('two OPT records');
        extended = bytes[data - 6]!;
        const bits = view.getUint16(data - 4);
        opt = {
          size,
          dnssecOk: (bits & 0x8000) !== 0,
          flags: bits & 0x7fff,
          options: optionsOf(bytes.subarray(data, at)),
        };
      } else if (type !== TYPE.TSIG)
        records.push(`${owner} ${typeName(type)} ${ttl} ${dataText(bytes, type, data, at)}`);
    }
    return records;
  };
  const answer = section(counts[1]!);
  const authority = section(counts[2]!);
  const additional = section(counts[3]!);
  if (at !== bytes.length) throw new Error(`${bytes.length - at} bytes behind the message`);
  const flags = view.getUint16(2);
  return {
    ...{ id: view.getUint16(0), flags, rcode: (extended << 4) | (flags & 15), question, opt, length: bytes.length },
    ...{ aa: (flags & 0x400) !== 0, tc: (flags & 0x200) !== 0, answer, authority, additional },
  };
}

function optionsOf(data: Uint8Array): Map<number, string> {
  const options = new Map<number, string>();
  for (let at = 0; at < data.length; ) {
    const length = (data[at + 2]! << 8) | data[at + 3]!;
    options.set((data[at]! << 8) | data[at + 1]!, Buffer.from(data.subarray(at + 4, at + 4 + length)).toString('hex'));
    at += 4 + length;
  }
  return options;
}

/** Follows pointers, which lead backwards only. */
function nameAt(bytes: Uint8Array, start: number): [string, number] {
  const labels: number[] = [];
  let at = start;
  let next = -1;
  let limit = start;
  for (;;) {
    const length = bytes[at];
    if (length === undefined) throw new Error('a name runs out of the message');
    if (length >= 0xc0) {
      const to = ((length & 63) << 8) | bytes[at + 1]!;
      if (next < 0) next = at + 2;
      if (to >= limit) throw new Error(`a pointer at ${at} does not lead backwards`);
      limit = to;
      at = to;
    } else {
      labels.push(...bytes.subarray(at, at + length + 1));
      at += length + 1;
      if (length === 0) return [nameText(Uint8Array.from(labels)), next < 0 ? at : next];
    }
  }
}

const WITH_NAME: Readonly<Record<number, number>> = {
  [TYPE.NS]: 0,
  [TYPE.CNAME]: 0,
  [TYPE.PTR]: 0,
  [TYPE.MX]: 2,
  [TYPE.SRV]: 6,
};

function dataText(bytes: Uint8Array, type: number, start: number, end: number): string {
  const before = WITH_NAME[type];
  if (before !== undefined) {
    const [text, next] = nameAt(bytes, start + before);
    if (next !== end) throw new Error('a name does not end where its record does');
    return [...(before > 0 ? [hex(bytes, start, start + before)] : []), text].join(' ');
  }
  if (type === TYPE.A) return bytes.subarray(start, end).join('.');
  if (type !== TYPE.SOA) return hex(bytes, start, end);
  const [primary, at] = nameAt(bytes, start);
  const [mailbox, numbers] = nameAt(bytes, at);
  const view = new DataView(bytes.buffer, bytes.byteOffset + numbers, 20);
  return [primary, mailbox, ...[0, 4, 8, 12, 16].map((offset) => view.getUint32(offset))].join(' ');
}

function hex(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.subarray(start, end)).toString('hex');
}

function typeName(type: number): string {
  return Object.entries(TYPE).find(([, value]) => value === type)?.[0] ?? `TYPE${type}`;
}
