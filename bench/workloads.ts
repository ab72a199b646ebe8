/** The rows of the table: what is asked for, how, by how many at once, and what we mean to reach. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync, constants as zlib } from 'node:zlib';

/** In units of nginx: at least so many requests a second, at most so much CPU time a request. */
export interface Goal {
  readonly rate?: number;
  readonly cpu?: number;
}

/** How a row over TLS is asked for: each by a client of its own. */
export type Tls =
  /** HTTP/1.1 on connections that stay: wrk. */
  | { readonly kind: 'http/1.1' }
  /** HTTP/2 with so many streams at once on each connection: h2load. */
  | { readonly kind: 'h2'; readonly streams: number }
  /** A new connection for each request: `tls-client.ts`. */
  | { readonly kind: 'full' | 'resumed' };

export interface Workload {
  readonly key: string;
  readonly title: string;
  /** Undefined: the requests of a browser, in turn. */
  readonly path: string | undefined;
  readonly connections: number;
  /** Server and client on the same core. */
  readonly oneCore?: boolean;
  /** A new connection for each request. */
  readonly close?: boolean;
  /** Requests that one connection sends before it reads. */
  readonly pipeline?: number;
  /** Over TLS 1.3. */
  readonly tls?: Tls;
  /** Over IPv6, beside our own servers over IPv4. */
  readonly ipv6?: boolean;
  readonly direct: Goal;
  readonly socket: Goal;
}

const SMALL = '/1k.html';

/** Over IPv4, without TLS. */
const PLAIN: readonly Workload[] = [
  {
    key: '1k-64',
    title: '1 KiB, 64 connections',
    path: SMALL,
    connections: 64,
    direct: { rate: 1.7, cpu: 0.6 },
    socket: { rate: 1, cpu: 1 },
  },
  {
    key: '1k-64-one-core',
    title: '1 KiB, 64 connections, one core',
    path: SMALL,
    connections: 64,
    oneCore: true,
    direct: { rate: 1.5 },
    socket: { rate: 0.95 },
  },
  {
    key: '1k-1',
    title: '1 KiB, 1 connection',
    path: SMALL,
    connections: 1,
    direct: { rate: 3.3 },
    socket: { rate: 1 },
  },
  {
    key: '1k-1024',
    title: '1 KiB, 1,024 connections',
    path: SMALL,
    connections: 1024,
    direct: { rate: 2 },
    socket: { rate: 1 },
  },
  {
    key: '1k-close',
    title: '1 KiB, new connection a request',
    path: SMALL,
    connections: 64,
    close: true,
    direct: { rate: 1.7 },
    socket: { rate: 0.7 },
  },
  {
    key: '1k-pipelined',
    title: '1 KiB, 16 requests pipelined',
    path: SMALL,
    connections: 64,
    pipeline: 16,
    direct: { rate: 2.5 },
    socket: { rate: 1.5 },
  },
  {
    key: '100k-64',
    title: '100 KiB, 64 connections',
    path: '/100k.bin',
    connections: 64,
    direct: { rate: 1.1 },
    socket: { rate: 1 },
  },
  {
    key: '10m-8',
    title: '10 MiB, 8 connections',
    path: '/10m.bin',
    connections: 8,
    direct: { rate: 1.5 },
    socket: { rate: 1.3 },
  },
  {
    key: 'mixed',
    title: 'pages of the site as a browser loads them',
    path: undefined,
    connections: 64,
    direct: { rate: 1.5 },
    socket: { rate: 1 },
  },
];

const SECURE: readonly Workload[] = [
  {
    key: 'tls-1k-64',
    title: 'TLS, 1 KiB, 64 connections, HTTP/1.1',
    path: SMALL,
    connections: 64,
    tls: { kind: 'http/1.1' },
    direct: { cpu: 0.7 },
    socket: { cpu: 0.75 },
  },
  h2('tls-h2-1', 'TLS, 1 KiB, HTTP/2, 64 connections, 1 stream', 1, 0.8),
  h2('tls-h2-10', 'TLS, 1 KiB, HTTP/2, 64 connections, 10 streams', 10, 0.2),
  h2('tls-h2-100', 'TLS, 1 KiB, HTTP/2, 64 connections, 100 streams', 100, 0.1),
  {
    key: 'tls-full',
    title: 'TLS, full handshake and 1 KiB',
    path: SMALL,
    connections: 32,
    tls: { kind: 'full' },
    direct: { cpu: 0.75 },
    socket: { cpu: 0.7 },
  },
  {
    key: 'tls-resumed',
    title: 'TLS, resumed handshake and 1 KiB',
    path: SMALL,
    connections: 32,
    tls: { kind: 'resumed' },
    direct: { cpu: 0.8 },
    socket: { cpu: 0.75 },
  },
  {
    key: 'tls-100k-64',
    title: 'TLS, 100 KiB, 64 connections, HTTP/1.1',
    path: '/100k.bin',
    connections: 64,
    tls: { kind: 'http/1.1' },
    direct: { cpu: 0.7 },
    socket: { cpu: 0.65 },
  },
  {
    key: 'tls-10m-8',
    title: 'TLS, 10 MiB, 8 connections, HTTP/1.1',
    path: '/10m.bin',
    connections: 8,
    tls: { kind: 'http/1.1' },
    direct: { cpu: 0.6 },
    socket: { cpu: 0.45 },
  },
  {
    key: 'tls-mixed',
    title: 'TLS, pages of the site as a browser loads them, HTTP/2',
    path: undefined,
    connections: 64,
    tls: { kind: 'h2', streams: 10 },
    direct: { cpu: 0.5 },
    socket: { cpu: 0.5 },
  },
];

export const WORKLOADS: readonly Workload[] = [...PLAIN, ...PLAIN.map(overIpv6), ...SECURE];

/** The same, with the same goals, over IPv6. */
function overIpv6(one: Workload): Workload {
  return { ...one, key: `v6-${one.key}`, title: `IPv6, ${one.title}`, ipv6: true };
}

function h2(key: string, title: string, streams: number, cpu: number): Workload {
  return { key, title, path: SMALL, connections: 64, tls: { kind: 'h2', streams }, direct: { cpu }, socket: { cpu } };
}

/** The files that the workloads ask for. */
export function writeContent(folder: string, large = false): void {
  mkdirSync(folder, { recursive: true });
  const text = '<!doctype html><title>1 KiB</title><p>';
  writeFileSync(join(folder, '1k.html'), text + 'x'.repeat(1024 - text.length));
  writeFileSync(join(folder, '100k.bin'), randomBytes(100 * 1024));
  writeFileSync(join(folder, '10m.bin'), randomBytes(10 * 1024 * 1024));
  if (large) writeFileSync(join(folder, '50m.bin'), randomBytes(50 * 1024 * 1024));
  writeFileSync(join(folder, 'index.html'), '<!doctype html><title>bench</title>');
}

/** Heads of requests that Chromium made for pages of the site, byte for byte; `HOST` stands for the server's name. */
export function browserRequests(): readonly string[] {
  return JSON.parse(readFileSync(join('bench', 'browser-requests.json'), 'utf8')) as string[];
}

/** Writes br and gzip forms of the texts in `folder` beside them, for servers that want them ready. */
export function writeCompressed(folder: string): void {
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!/\.(html|css|js|svg|xml|txt|json|webmanifest)$/.test(name) || name === '1k.html') continue;
    const file = join(folder, name);
    const bytes = readFileSync(file);
    const br = brotliCompressSync(bytes, { params: { [zlib.BROTLI_PARAM_SIZE_HINT]: bytes.length } });
    if (br.length < bytes.length) writeFileSync(`${file}.br`, br);
    const gzip = gzipSync(bytes, { level: 9 });
    if (gzip.length < bytes.length) writeFileSync(`${file}.gz`, gzip);
  }
}
