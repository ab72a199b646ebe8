/** The rows of the table: what is asked for, how, and by how many at once. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Workload {
  readonly key: string;
  readonly title: string;
  readonly path: string;
  readonly connections: number;
  /** Server and client on the same core. */
  readonly oneCore?: boolean;
  /** A new connection for each request. */
  readonly close?: boolean;
  /** Requests that one connection sends before it reads. */
  readonly pipeline?: number;
}

export const WORKLOADS: readonly Workload[] = [
  { key: '1k-64', title: '1 KiB, 64 connections', path: '/1k.html', connections: 64 },
  { key: '1k-64-one-core', title: '1 KiB, 64 connections, one core', path: '/1k.html', connections: 64, oneCore: true },
  { key: '1k-1', title: '1 KiB, 1 connection', path: '/1k.html', connections: 1 },
  { key: '1k-1024', title: '1 KiB, 1,024 connections', path: '/1k.html', connections: 1024 },
  { key: '1k-close', title: '1 KiB, new connection a request', path: '/1k.html', connections: 64, close: true },
  { key: '1k-pipelined', title: '1 KiB, 16 requests pipelined', path: '/1k.html', connections: 64, pipeline: 16 },
  { key: '100k-64', title: '100 KiB, 64 connections', path: '/100k.bin', connections: 64 },
  { key: '10m-8', title: '10 MiB, 8 connections', path: '/10m.bin', connections: 8 },
];

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
