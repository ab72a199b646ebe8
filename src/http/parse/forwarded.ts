/**
 * What a proxy in front reports of a request: the client's address and the scheme, in `X-Forwarded-For` and
 * `X-Forwarded-Proto`, or in `Forwarded` (RFC 7239). Only the part of a field that trusted proxies wrote is used. The
 * field is read from its end, where the nearest proxy writes. The first address that is not a trusted proxy's is the
 * client's; the text before it is the client's own claim.
 */
import { parseIp } from '../../net/ip-text.js';
import type { Proxies } from '../contracts/proxies.js';
import type { Fields } from './fields.js';
import { latin1, name } from './octets.js';

const FOR = name('x-forwarded-for');
const PROTO = name('x-forwarded-proto');
const FORWARDED = name('forwarded');
/** The most proxies in a row that are followed. */
const MOST_HOPS = 16;
/** RFC 7239 4: a pair, and a value that may be quoted. */
const PAIR = /^\s*([!#$%&'*+.^_`|~\w-]+)=(?:"((?:[^"\\]|\\.)*)"|([!#$%&'*+.^_`|~\w-]+))\s*$/;

/** An address that a proxy, or the client, wrote. */
interface Hop {
  readonly by: string | undefined;
  readonly proto: string | undefined;
}

export class Forwarding {
  readonly #proxies: Proxies;

  constructor(proxies: Proxies) {
    this.#proxies = proxies;
  }

  trusts(remote: string): boolean {
    return this.#proxies.trusts(remote);
  }

  /**
   * The client's address; `remote`, the other end of the connection, where that is no trusted proxy or sends no such
   * field.
   */
  client(remote: string, fields: Fields): string {
    const { trusts } = this.#proxies;
    if (!trusts(remote)) return remote;
    let client = remote;
    for (const { by } of this.#hops(fields)) {
      // `unknown`, an obfuscated name (RFC 7239 6.2, 6.3), or an invalid value: the last known address is the proxy's.
      if (by === undefined) break;
      client = by;
      if (!trusts(by)) break;
    }
    return client;
  }

  /**
   * The scheme that the client used, as the outermost proxy reports it; undefined: no trusted proxy, or no such field.
   */
  scheme(remote: string, fields: Fields): 'http' | 'https' | undefined {
    const { trusts } = this.#proxies;
    if (!trusts(remote)) return undefined;
    let scheme: string | undefined;
    if (this.#proxies.fields === 'x-forwarded') {
      // One value for the whole way; of several the nearest proxy wrote the last.
      scheme = last(valuesOf(fields, PROTO));
    } else {
      for (const { by, proto } of this.#hops(fields)) {
        scheme = proto ?? scheme;
        if (by === undefined || !trusts(by)) break;
      }
    }
    const lower = scheme?.toLowerCase();
    return lower === 'http' || lower === 'https' ? lower : undefined;
  }

  /** The nearest first. */
  #hops(fields: Fields): readonly Hop[] {
    if (this.#proxies.fields === 'x-forwarded')
      return nearest(valuesOf(fields, FOR)).map((text) => ({ by: addressOf(text), proto: undefined }));
    return nearest(valuesOf(fields, FORWARDED)).map(hopOf);
  }
}

/** The elements of all lines of the name, in order: a comma within quotes does not end an element. */
function valuesOf(fields: Fields, lower: Uint8Array): string[] {
  const lines: string[] = [];
  fields.lines(lower, (bytes, start, end) => lines.push(latin1(bytes, start, end)));
  return split(lines.join(','), ',');
}

function nearest(values: readonly string[]): string[] {
  return values.slice(-MOST_HOPS).reverse();
}

function last(values: readonly string[]): string | undefined {
  return values.at(-1)?.trim();
}

function hopOf(text: string): Hop {
  let [by, proto]: (string | undefined)[] = [];
  for (const part of split(text, ';')) {
    const [, key, quoted, token] = PAIR.exec(part) ?? [];
    const value = quoted?.replace(/\\(.)/g, '$1') ?? token;
    if (key?.toLowerCase() === 'for') by = addressOf(value ?? '');
    else if (key?.toLowerCase() === 'proto') proto = value;
  }
  return { by, proto };
}

/** Splits at `separator` outside of quotes. */
function split(text: string, separator: string): string[] {
  const parts: string[] = [];
  let [start, quoted] = [0, false];
  for (let at = 0; at < text.length; at++) {
    const c = text[at];
    if (quoted && c === '\\') at++;
    else if (c === '"') quoted = !quoted;
    else if (c === separator && !quoted) {
      parts.push(text.slice(start, at));
      start = at + 1;
    }
  }
  parts.push(text.slice(start));
  return parts;
}

/** The address in `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:4711`. */
function addressOf(text: string): string | undefined {
  const match = /^\s*(?:\[([^\]]*)\](?::\d{1,5})?|(\d+\.\d+\.\d+\.\d+)(?::\d{1,5})?|([0-9a-fA-F:.]+))\s*$/.exec(text);
  const address = (match?.[1] ?? match?.[2] ?? match?.[3])?.toLowerCase();
  if (address === undefined || parseIp(address) === undefined) return undefined;
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}
