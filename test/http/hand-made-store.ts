import { createHash } from 'node:crypto';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { Memory } from '../../src/memory/memory.js';
import type { Coding, Extent, Lookup, Representation, Resource, Store } from '../../src/store/store.js';

export interface HandMadeFile {
  readonly type: string;
  readonly content: string | Uint8Array;
  readonly compress?: boolean;
  readonly lastModified?: number;
  readonly status?: string;
}

function extent(bytes: Uint8Array): Extent {
  return { memory: new Memory(bytes), start: 0, end: bytes.length };
}

function text(value: string): Extent {
  return extent(new TextEncoder().encode(value));
}

function represent(file: HandMadeFile, coding: Coding, bytes: Uint8Array, several: boolean): Representation {
  const etag = `"${createHash('sha256').update(bytes).digest('hex').slice(0, 16)}"`;
  const modified =
    file.lastModified === undefined ? '' : `Last-Modified: ${new Date(file.lastModified * 1000).toUTCString()}\r\n`;
  const vary = several ? 'Vary: Accept-Encoding\r\n' : '';
  const validators = `ETag: ${etag}\r\n${modified}${vary}Cache-Control: no-cache\r\n`;
  const encoded = coding === 'identity' ? '' : `Content-Encoding: ${coding}\r\n`;
  const type = `Content-Type: ${file.type}\r\n`;
  return {
    coding,
    body: extent(bytes),
    etag,
    headOk: text(
      `HTTP/1.1 ${file.status ?? '200 OK'}\r\n${type}Content-Length: ${bytes.length}\r\n${encoded}${validators}Accept-Ranges: bytes\r\n`,
    ),
    headNotModified: text(`HTTP/1.1 304 Not Modified\r\n${validators}`),
    headPartial: text(`HTTP/1.1 206 Partial Content\r\n${encoded}${validators}Accept-Ranges: bytes\r\n`),
    headFailed: text('HTTP/1.1 412 Precondition Failed\r\nContent-Length: 0\r\n'),
  };
}

function resource(path: string, file: HandMadeFile): Resource {
  const identity = typeof file.content === 'string' ? new TextEncoder().encode(file.content) : file.content;
  const several = file.compress === true;
  const representations = [represent(file, 'identity', identity, several)];
  if (several) {
    representations.push(represent(file, 'gzip', gzipSync(identity), true));
    representations.push(represent(file, 'br', brotliCompressSync(identity), true));
  }
  return { path, contentType: file.type, representations, lastModified: file.lastModified };
}

/** A store out of a literal, for tests of HTTP alone. `404.html` at the root is the page for what is missing. */
export class HandMadeStore implements Store {
  readonly id = 'hand-made';
  readonly #answers = new Map<string, Lookup>();
  /** What was looked up, as Latin-1. */
  readonly lookups: string[] = [];

  constructor(files: Readonly<Record<string, HandMadeFile>>, redirects: Readonly<Record<string, string>> = {}) {
    for (const [path, file] of Object.entries(files)) {
      const found: Lookup = { kind: 'resource', resource: resource(path, file) };
      this.#answers.set(path, found);
      if (path.endsWith('/index.html')) this.#answers.set(path.slice(0, -10), found);
    }
    for (const [path, location] of Object.entries(redirects)) {
      this.#answers.set(path, { kind: 'redirect', status: 301, location });
    }
  }

  get size(): number {
    return this.#answers.size;
  }

  lookup(bytes: Uint8Array, start: number, end: number): Lookup {
    const path = Buffer.from(bytes.subarray(start, end)).toString('utf8');
    this.lookups.push(path);
    const page = this.#answers.get('/404.html');
    return this.#answers.get(path) ?? { kind: 'missing', page: page?.kind === 'resource' ? page.resource : undefined };
  }

  *resources(): Iterable<Resource> {
    for (const answer of this.#answers.values()) if (answer.kind === 'resource') yield answer.resource;
  }

  close(): void {}
}

export const PAGE = `<!doctype html><title>Home</title>${'<p>Hello, reader.</p>'.repeat(40)}`;
export const MOVIE = Uint8Array.from({ length: 10000 }, (_, i) => (i * 7) & 0xff);

/** A site with one of everything. */
export function siteStore(): HandMadeStore {
  return new HandMadeStore(
    {
      '/index.html': { type: 'text/html; charset=utf-8', content: PAGE, compress: true },
      '/docs/index.html': { type: 'text/html; charset=utf-8', content: 'docs', lastModified: 784111777 },
      '/movie.mp4': { type: 'video/mp4', content: MOVIE },
      '/empty.css': { type: 'text/css; charset=utf-8', content: '' },
      '/été.txt': { type: 'text/plain; charset=utf-8', content: 'summer' },
      '/.well-known/security.txt': { type: 'text/plain; charset=utf-8', content: 'security' },
      '/404.html': { type: 'text/html; charset=utf-8', content: 'nothing here', status: '404 Not Found' },
    },
    { '/docs': '/docs/' },
  );
}
