/**
 * The parameters of SVCB and HTTPS records (RFC 9460 2.1, 2.2, 7): words `key=value`, on the wire in ascending order of
 * their numbers.
 */
import { parseIp } from '../../net/ip-text.js';
import { ByteWriter, u16At } from '../wire/writer.js';
import type { Token } from './entries.js';
import { EntryError } from './problem.js';
import { bytesOfString, type Words } from './words.js';

const KEYS = ['mandatory', 'alpn', 'no-default-alpn', 'port', 'ipv4hint', 'ech', 'ipv6hint', 'dohpath', 'ohttp'];
const MANDATORY = 0;
const ALPN = 1;
const NO_DEFAULT_ALPN = 2;
const PORT = 3;
const IPV4_HINT = 4;
const ECH = 5;
const IPV6_HINT = 6;
const OHTTP = 8;
/** RFC 9460 14.3.1: the last is kept for invalid keys. */
const MAX_KEY = 65_534;

export function parseParameters(words: Words, out: ByteWriter): void {
  const found = new Map<number, Uint8Array>();
  while (words.left > 0) {
    const token = words.take('a parameter');
    const equals = token.text.indexOf('=');
    const name = equals < 0 ? token.text : token.text.slice(0, equals);
    const key = keyNumber(name, token);
    if (found.has(key)) throw new EntryError(`the parameter ${name} is there twice`, token);
    const raw = equals < 0 ? '' : token.text.slice(equals + 1);
    found.set(key, parameterValue(key, /^".*"$/s.test(raw) ? raw.slice(1, -1) : raw, token));
  }
  const keys = [...found.keys()].sort((a, b) => a - b);
  for (const key of keys) {
    const value = found.get(key)!;
    out.u16(key);
    out.u16(value.length);
    out.bytes(value);
  }
}

function keyNumber(name: string, token: Token): number {
  const known = KEYS.indexOf(name);
  if (known >= 0) return known;
  const match = /^key(0|[1-9]\d{0,4})$/.exec(name);
  const key = match === null ? -1 : Number(match[1]);
  if (key >= 0 && key <= MAX_KEY) return key;
  throw new EntryError(`"${name}" is no parameter; there are ${KEYS.join(', ')}, and key0 to key${MAX_KEY}`, token);
}

function parameterValue(key: number, text: string, token: Token): Uint8Array {
  const out = new ByteWriter();
  const fail = (message: string): never => {
    throw new EntryError(message, token);
  };
  switch (key) {
    case MANDATORY:
      for (const one of text
        .split(',')
        .map((name) => keyNumber(name, token))
        .sort((a, b) => a - b))
        out.u16(one);
      return out.done();
    case ALPN:
      for (const id of list(text, token)) {
        if (id.length === 0 || id.length > 255) fail('an ALPN identifier has 1 to 255 bytes, such as alpn=h2');
        out.u8(id.length);
        out.bytes(id);
      }
      return out.done();
    case NO_DEFAULT_ALPN:
    case OHTTP:
      return text === '' ? out.done() : fail(`${KEYS[key]} has no value`);
    case PORT:
      if (!/^\d{1,5}$/.test(text) || Number(text) > 0xffff) fail('port is a number of 0 to 65535');
      out.u16(Number(text));
      return out.done();
    case IPV4_HINT:
    case IPV6_HINT:
      for (const one of text.split(',')) {
        const bytes = parseIp(one);
        if (bytes?.length !== (key === IPV4_HINT ? 4 : 16)) return fail(`"${one}" is no address for ${KEYS[key]}`);
        out.bytes(bytes!);
      }
      return out.done();
    case ECH:
      if (text === '' || text.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) fail('ech is base64');
      return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
    default:
      return bytesOfString({ ...token, text });
  }
}

/** A list with commas (RFC 9460 A.1): the string is unescaped first, and within it a backslash keeps a comma. */
function list(text: string, token: Token): Uint8Array[] {
  const bytes = bytesOfString({ ...token, text });
  const items: number[][] = [[]];
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i] === 0x2c) items.push([]);
    else {
      if (bytes[i] === 0x5c && i + 1 < bytes.length) i += 1;
      items[items.length - 1]!.push(bytes[i]!);
    }
  }
  return items.map((item) => Uint8Array.from(item));
}

/** Whether `data[at..]` is parameters in ascending order. */
export function validParameters(data: Uint8Array, from: number): boolean {
  let last = -1;
  let at = from;
  while (at < data.length) {
    if (at + 4 > data.length || u16At(data, at) <= last) return false;
    last = u16At(data, at);
    at += 4 + u16At(data, at + 2);
  }
  return at === data.length;
}

/** The data of an HTTPS record for the name itself, with the protocols that its server speaks (RFC 9460 7.1, 9). */
export function httpsData(protocols: readonly string[], port: number): Uint8Array {
  const out = new ByteWriter();
  out.u16(1);
  out.u8(0);
  const ids = protocols.map((one) => new TextEncoder().encode(one));
  out.u16(ALPN);
  out.u16(ids.reduce((sum, id) => sum + id.length + 1, 0));
  for (const id of ids) {
    out.u8(id.length);
    out.bytes(id);
  }
  if (port !== 443) {
    out.u16(PORT);
    out.u16(2);
    out.u16(port);
  }
  return out.done();
}
