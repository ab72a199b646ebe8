/** Requests of HTTP/1.1 the way that HTTP/2 says them, so that the same answer can be asked for in both. */
import type { FieldLine } from './hpack.js';

export interface Translated {
  /** As it is in HTTP/1.1. */
  readonly text: string;
  readonly fields: readonly FieldLine[];
  readonly body: Uint8Array | undefined;
}

const HEAD = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([^ \r\n]+) HTTP\/1\.1\r\n/;
const LINE = /([^:\r\n]*):[ \t]*([^\r\n]*?)[ \t]*\r\n/y;
/** What HTTP/2 has no word for, or another one. */
const APART = new Set(['connection', 'transfer-encoding', 'keep-alive', 'upgrade', 'te', 'proxy-connection']);

/** The requests in `text` (Latin-1); undefined: HTTP/2 cannot say one of them, or says another thing with it. */
export function translate(text: string): Translated[] | undefined {
  const requests: Translated[] = [];
  for (let at = 0; at < text.length; ) {
    const start = at;
    const head = HEAD.exec(text.slice(at));
    if (head === null) return undefined;
    const [line, method, target] = head as unknown as [string, string, string];
    at += line.length;
    const fields: FieldLine[] = [];
    while (!text.startsWith('\r\n', at)) {
      LINE.lastIndex = at;
      const field = LINE.exec(text);
      if (field === null) return undefined;
      at = LINE.lastIndex;
      const name = field[1]!.toLowerCase();
      if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name) || APART.has(name)) return undefined;
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
      if (/[\x00-\x08\x0a-\x1f\x7f]/.test(field[2]!)) return undefined;
      fields.push([name, field[2]!]);
    }
    at += 2;
    const hosts = fields.filter(([name]) => name === 'host');
    if (hosts.length !== 1 || method === 'CONNECT') return undefined;
    if (!target.startsWith('/') && !(target === '*' && method === 'OPTIONS')) return undefined;
    const lengths = fields.filter(([name]) => name === 'content-length');
    if (lengths.length > 1 || (lengths.length === 1 && !/^\d{1,7}$/.test(lengths[0]![1]))) return undefined;
    const length = Number(lengths[0]?.[1] ?? 0);
    if (at + length > text.length) return undefined;
    const body = length > 0 ? Uint8Array.from(text.slice(at, at + length), (c) => c.charCodeAt(0)) : undefined;
    at += length;
    const pseudo: FieldLine[] = [
      [':method', method],
      [':scheme', 'http'],
      [':path', target],
      [':authority', hosts[0]![1]],
    ];
    requests.push({
      text: text.slice(start, at),
      fields: [...pseudo, ...fields.filter(([name]) => name !== 'host')],
      body,
    });
  }
  return requests;
}
