/** The data of a record out of its words, by the layout of its type. */
import { parseIp } from '../../net/ip-text.js';
import { TYPE, typeName } from '../wire/constants.js';
import { ByteWriter } from '../wire/writer.js';
import { type Field, layoutOf } from './layout.js';
import { EntryError } from './problem.js';
import { parseParameters, validParameters } from './service-parameters.js';
import { bytesOfString, type Words } from './words.js';

/** RFC 1035 3.2.1: the length has two bytes. */
const MAX_DATA = 65_535;

/** Reads every word that is left. Throws an `EntryError`. */
export function readData(type: number, words: Words): Uint8Array {
  const first = words.peek;
  if (first?.text === '\\#' && !first.quoted) return generic(type, words);
  const layout = layoutOf(type);
  if (layout === undefined) {
    const advice = `write its data as \\# LENGTH HEX (RFC 3597 5)`;
    throw new EntryError(`the data of ${typeName(type)} has no text form here: ${advice}`, words.take('the data'));
  }
  const out = new ByteWriter();
  for (const [i, field] of layout.fields.entries()) readField(field, layout.names[i]!, words, out);
  words.finish();
  const data = out.done();
  if (data.length > MAX_DATA)
    throw new EntryError(`the data has ${data.length} bytes; ${MAX_DATA} are the most`, first!);
  return data;
}

function readField(field: Field, what: string, words: Words, out: ByteWriter): void {
  switch (field) {
    case 'u8':
      return out.u8(words.integer(what, 0xff));
    case 'u16':
      return out.u16(words.integer(what, 0xffff));
    case 'u32':
      return out.u32(words.integer(what, 0xffff_ffff));
    case 'ttl':
      return out.u32(words.seconds(what));
    case 'name':
      return out.bytes(words.name(what));
    case 'ipv4':
    case 'ipv6':
      return out.bytes(address(field, what, words));
    case 'string':
      return string(words.string(what), out);
    case 'strings':
      do string(words.string(what), out);
      while (words.left > 0);
      return;
    case 'hex':
      return out.bytes(words.hex(what));
    case 'base64':
      return out.bytes(words.base64(what));
    case 'tag':
      return tag(what, words, out);
    case 'value':
    case 'target':
      return out.bytes(words.string(what, MAX_DATA));
    case 'params':
      return parseParameters(words, out);
  }
}

function string(bytes: Uint8Array, out: ByteWriter): void {
  out.u8(bytes.length);
  out.bytes(bytes);
}

function address(field: 'ipv4' | 'ipv6', what: string, words: Words): Uint8Array {
  const token = words.take(what);
  const bytes = parseIp(token.text);
  const [length, example, other] = field === 'ipv4' ? [4, '192.0.2.1', 'AAAA'] : [16, '2001:db8::1', 'A'];
  if (bytes?.length === length) return bytes;
  const advice = bytes === undefined ? `write one like ${example}` : `addresses of this family are of type ${other}`;
  throw new EntryError(`"${token.text}" is not an address of this type; ${advice}`, token);
}

/** RFC 8659 4.1: 1 to 15 letters and digits. */
function tag(what: string, words: Words, out: ByteWriter): void {
  const token = words.take(what);
  if (!/^[A-Za-z0-9]{1,15}$/.test(token.text))
    throw new EntryError(
      `${what} is letters and digits, such as issue, issuewild or iodef; not "${token.text}"`,
      token,
    );
  string(bytesOfString(token), out);
}

/** `\# LENGTH HEX` (RFC 3597 5). What is known of the type holds for it, too. */
function generic(type: number, words: Words): Uint8Array {
  const mark = words.take('the data');
  const length = words.integer('the length of the data', MAX_DATA);
  const data = length === 0 ? new Uint8Array(0) : words.hex('the data');
  words.finish();
  if (data.length !== length) throw new EntryError(`the data has ${data.length} bytes, and not ${length}`, mark);
  if (!isValidData(type, data)) throw new EntryError(`these bytes are no data of ${typeName(type)}`, mark);
  return data;
}

/** Whether bytes are data of a type, as far as its layout is known. */
export function isValidData(type: number, data: Uint8Array): boolean {
  const layout = layoutOf(type);
  if (layout === undefined) return true;
  let at = 0;
  for (const field of layout.fields) {
    const end = fieldEnd(field, type, data, at);
    if (end < 0 || end > data.length) return false;
    at = end;
  }
  return at === data.length;
}

/** Where a field ends that begins at `at`; -1: it does not. */
function fieldEnd(field: Field, type: number, data: Uint8Array, at: number): number {
  switch (field) {
    case 'u8':
      return at + 1;
    case 'u16':
      return at + 2;
    case 'u32':
    case 'ttl':
    case 'ipv4':
      return at + 4;
    case 'ipv6':
      return at + 16;
    case 'name': {
      let end = at;
      while (end < data.length && data[end] !== 0 && data[end] < 64) end += data[end] + 1;
      return data[end] === 0 && end - at < 255 ? end + 1 : -1;
    }
    case 'string':
    case 'tag':
      return at < data.length ? at + data[at] + 1 : -1;
    case 'strings': {
      let end = at;
      while (end < data.length) end += data[end] + 1;
      return end > at ? end : -1;
    }
    case 'params':
      return validParameters(data, at) ? data.length : -1;
    default:
      return type === TYPE.CAA || data.length > at ? data.length : -1;
  }
}
