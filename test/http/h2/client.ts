/**
 * The client's end of HTTP/2 on a connection in memory: sends frames of any kind, and reads what comes as a strict peer
 * does.
 */
import { FRAME } from '../../../src/http/h2/frames.js';
import type { MemoryFlow } from '../memory-flow.js';
import type { Response } from '../responses.js';
import { BlockReader, type FieldLine, literals } from './hpack.js';

export interface ReadFrame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Uint8Array;
}

export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

/** One frame. */
export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Uint8Array | readonly number[] = [],
): Buffer {
  const header = Buffer.alloc(9);
  header.writeUIntBE(payload.length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(stream >>> 0, 5);
  return Buffer.concat([header, Uint8Array.from(payload)]);
}

export function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

/** SETTINGS with values by number. */
export function settings(values: readonly (readonly [id: number, value: number])[] = []): Buffer {
  const payload = Buffer.alloc(values.length * 6);
  values.forEach(([id, value], i) => {
    payload.writeUInt16BE(id, i * 6);
    payload.writeUInt32BE(value, i * 6 + 2);
  });
  return frame(FRAME.settings, 0, 0, payload);
}

export const GET_ROOT: readonly FieldLine[] = [
  [':method', 'GET'],
  [':scheme', 'http'],
  [':path', '/'],
  [':authority', 'example.org'],
];

/** The fields of a GET for a path, with others behind. */
export function get(path: string, ...more: readonly FieldLine[]): FieldLine[] {
  return [[':method', 'GET'], [':scheme', 'http'], [':path', path], [':authority', 'example.org'], ...more];
}

/** HEADERS of a request, and CONTINUATION where one frame does not do; `ends`: without content. */
export function headers(stream: number, fields: readonly FieldLine[], ends = true): Buffer {
  return block(stream, literals(fields), ends);
}

/** The frames of a field block. */
export function block(stream: number, octets: Uint8Array, ends = true, most = 16384): Buffer {
  const frames: Buffer[] = [];
  for (let at = 0; at < octets.length || at === 0; at += most) {
    const flags = (ends && at === 0 ? 0x1 : 0) | (at + most >= octets.length ? 0x4 : 0);
    frames.push(frame(at === 0 ? FRAME.headers : FRAME.continuation, flags, stream, octets.subarray(at, at + most)));
  }
  return Buffer.concat(frames);
}

/** An answer under way. */
interface Coming {
  readonly interim: (readonly FieldLine[])[];
  fields: readonly FieldLine[] | undefined;
  readonly body: Uint8Array[];
  ended: boolean;
  reset: number | undefined;
}

export class Http2Client {
  flow: MemoryFlow;
  readonly #blocks = new BlockReader();
  #read = 0;
  #block: { readonly stream: number; readonly flags: number; readonly parts: Uint8Array[] } | undefined;
  readonly frames: ReadFrame[] = [];
  readonly streams = new Map<number, Coming>();
  /** Whether windows are opened again for what came. */
  opens = true;
  /** How many octets of content the server may send, and did. */
  window = 65535;
  #next = 1;

  /** `first`: values of the client's SETTINGS. `speaks`: it says its preface, and opens windows, by itself. */
  constructor(flow: MemoryFlow, first: readonly (readonly [number, number])[] = [], speaks = true) {
    this.flow = flow;
    this.opens = speaks;
    if (speaks) this.send(PREFACE, settings(first));
  }

  /** Goes on over another flow, whose other end is another program. */
  at(flow: MemoryFlow): this {
    this.flow = flow;
    this.#read = 0;
    return this;
  }

  /** Sends bytes, and reads what came back. */
  send(...pieces: readonly Uint8Array[]): this {
    this.flow.send(Buffer.concat(pieces));
    this.read();
    return this;
  }

  /** A request on a new stream; its number. */
  request(fields: readonly FieldLine[], body?: Uint8Array): number {
    const stream = this.#next;
    this.#next += 2;
    const data: Buffer[] = [];
    for (let at = 0; body !== undefined && (at < body.length || at === 0); at += 16384) {
      const part = body.subarray(at, at + 16384);
      data.push(frame(FRAME.data, at + part.length === body.length ? 1 : 0, stream, part));
    }
    this.send(headers(stream, fields, body === undefined), ...data);
    return stream;
  }

  /** What GOAWAY said last: code, and the last stream; undefined: there was none. */
  get goAway(): { readonly code: number; readonly last: number } | undefined {
    const found = this.frames.filter((one) => one.type === FRAME.goAway).at(-1);
    if (found === undefined) return undefined;
    const payload = Buffer.from(found.payload);
    return { last: payload.readUInt32BE(0), code: payload.readUInt32BE(4) };
  }

  /** Frames of a type, in the order in which they came. */
  of(type: number): ReadFrame[] {
    return this.frames.filter((one) => one.type === type);
  }

  /** The finished answer of a stream. */
  response(stream: number): Response {
    const coming = this.streams.get(stream);
    if (coming?.fields === undefined || !coming.ended)
      throw new Error(
        `no answer on stream ${stream}: ${JSON.stringify(coming)}, GOAWAY ${JSON.stringify(this.goAway)}`,
      );
    return responseOf(coming.fields, Buffer.concat(coming.body));
  }

  read(): void {
    const bytes = this.flow.received;
    let opened = 0;
    const updates: Buffer[] = [];
    while (bytes.length - this.#read >= 9) {
      const header = Buffer.from(bytes.subarray(this.#read, this.#read + 9));
      const length = header.readUIntBE(0, 3);
      if (length > 16384) throw new Error(`a frame of ${length} octets`);
      if (bytes.length - this.#read < 9 + length) break;
      const payload = bytes.slice(this.#read + 9, this.#read + 9 + length);
      this.#read += 9 + length;
      const one: ReadFrame = { type: header[3]!, flags: header[4]!, stream: header.readUInt32BE(5), payload };
      if (this.frames.length === 0 && one.type !== FRAME.settings) throw new Error('the first frame is not SETTINGS');
      this.frames.push(one);
      this.#take(one);
      if (one.type !== FRAME.data || length === 0) continue;
      this.window -= length;
      if (this.window < 0) throw new Error('more than the window lets through');
      opened += length;
      if (!this.streams.get(one.stream)!.ended) updates.push(frame(FRAME.windowUpdate, 0, one.stream, word(length)));
    }
    if (!this.opens || opened === 0 || this.flow.closed !== undefined) return;
    this.window += opened;
    this.send(frame(FRAME.windowUpdate, 0, 0, word(opened)), ...updates);
  }

  #take(one: ReadFrame): void {
    const { type, flags, stream, payload } = one;
    if ((this.#block !== undefined) !== (type === FRAME.continuation))
      throw new Error('a frame inside of a field block');
    if (type === FRAME.headers) this.#block = { stream, flags, parts: [payload] };
    else if (type === FRAME.continuation) this.#block!.parts.push(payload);
    if ((type === FRAME.headers || type === FRAME.continuation) && (flags & 0x4) !== 0) {
      const { parts, flags: first } = this.#block!;
      this.#block = undefined;
      this.#takeFields(stream, this.#blocks.read(Buffer.concat(parts)), (first & 1) !== 0);
    } else if (type === FRAME.data) {
      const coming = this.streams.get(stream);
      if (coming?.fields === undefined || coming.ended) throw new Error(`DATA on stream ${stream}`);
      coming.body.push(payload);
      coming.ended = (flags & 1) !== 0;
    } else if (type === FRAME.rstStream) {
      const coming = this.streams.get(stream) ?? fresh();
      coming.reset = Buffer.from(payload).readUInt32BE(0);
      this.streams.set(stream, coming);
    } else if (type === FRAME.pushPromise) throw new Error('a push');
  }

  #takeFields(stream: number, fields: readonly FieldLine[], ends: boolean): void {
    const coming = this.streams.get(stream) ?? fresh();
    this.streams.set(stream, coming);
    if (coming.ended || coming.fields !== undefined) throw new Error(`HEADERS on stream ${stream}`);
    const status = fields[0];
    if (status?.[0] !== ':status' || fields.some(([name], i) => i > 0 && name.startsWith(':')))
      throw new Error(':status');
    for (const [name] of fields) {
      if (name !== name.toLowerCase() || /^(connection|keep-alive|transfer-encoding|upgrade)$/.test(name))
        throw new Error(`the field ${name}`);
    }
    if (status[1].startsWith('1')) {
      if (ends) throw new Error('1xx ends a stream');
      coming.interim.push(fields);
      return;
    }
    coming.fields = fields;
    coming.ended = ends;
  }
}

function fresh(): Coming {
  return { interim: [], fields: undefined, body: [], ended: false, reset: undefined };
}

function responseOf(lines: readonly FieldLine[], body: Uint8Array): Response {
  const fields = new Map<string, string>();
  for (const [name, value] of lines.slice(1)) {
    if (fields.has(name)) throw new Error(`${name} twice`);
    fields.set(name, value);
  }
  return { status: Number(lines[0]![1]), reason: '', fields, body, text: Buffer.from(body).toString('latin1') };
}
