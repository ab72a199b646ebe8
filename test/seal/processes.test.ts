/** What the kernel says of every process of a server that root started, and of each of its threads. */
import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { thisKernel } from '../../src/seal/kernel.js';
import { landlockVersion } from '../../src/seal/landlock.js';
import { bundleDirectory } from '../../src/store/index.js';
import { MAIN, site, start } from './running.js';

const needs = landlockVersion(thisKernel()) > 0 ? false : 'needs a kernel with Landlock';
const skip = needs || (process.getuid?.() === 0 ? false : 'needs root');
/** Threads of JavaScript, and those of libuv's pool. */
const OURS = 1 + 4;
/** What src/seal/parent.ts keeps. */
const OF_PARENTS = 0x20_0000_35efn;
const OF_THE_WATCHER = 0x1cfn;

interface Thread {
  readonly uid: number;
  readonly capabilities: bigint;
  readonly noNewPrivileges: boolean;
  readonly filtered: boolean;
}

function threadsOf(pid: number): Thread[] {
  return readdirSync(`/proc/${pid}/task`).map((id) => {
    const text = readFileSync(`/proc/${pid}/task/${id}/status`, 'latin1');
    const field = (name: string): string => new RegExp(`^${name}:\t(\\w+)`, 'm').exec(text)?.[1] ?? '';
    const [uid, effective, noNew, mode] = ['Uid', 'CapEff', 'NoNewPrivs', 'Seccomp'].map(field);
    return {
      uid: Number(uid),
      capabilities: BigInt(`0x${effective}`),
      noNewPrivileges: noNew === '1',
      filtered: mode === '2',
    };
  });
}

function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim();
  return text === '' ? [] : text.split(' ').map(Number);
}

/** A user of its own, no capability, no call beyond the list, in all threads; nobody looks into it. */
function isSealed(t: Test, pid: number, what: string): void {
  const threads = threadsOf(pid);
  t.ok(
    threads.every((one) => one.uid !== 0 && one.capabilities === 0n && one.noNewPrivileges && one.filtered),
    what,
  );
  t.equal(statSync(`/proc/${pid}/mem`).uid, 0, 'not dumpable: its files in /proc are not its own');
}

/** It has left what it needs to start programs; V8's own threads keep what they had. */
function isParent(t: Test, pid: number, kept: bigint, what: string): void {
  const threads = threadsOf(pid).filter((one) => (one.capabilities & ~kept) === 0n && one.noNewPrivileges);
  t.ok(threads.length >= OURS, `${what}: ${threads.length} threads`);
}

async function bundle(t: Test): Promise<string> {
  const folder = site(t, 0, 0o755);
  const path = join(folder, '..', 'site.bundle');
  await bundleDirectory(folder, path);
  return path;
}

t.test('over sockets: the server is sealed, and is one process', { skip }, async (t) => {
  const { child, says } = start(t, [process.execPath, MAIN, '--port', '0', '--log', 'net', await bundle(t)]);
  await says(/sealed: ([^\n]*)/);
  isSealed(t, child.pid!, 'the server');
  t.same(childrenOf(child.pid!), []);
});

t.test('--workers: each worker, and the first process', { skip }, async (t) => {
  const words = ['--port', '0', '--workers', '2', '--log', 'net', await bundle(t)];
  const { child, says } = start(t, [process.execPath, MAIN, ...words]);
  await says(/listening on (\S+)/);
  isParent(t, child.pid!, OF_PARENTS, 'the first process');
  const workers = childrenOf(child.pid!);
  t.equal(workers.length, 2);
  for (const pid of workers) isSealed(t, pid, 'a worker');
});

t.test('--acme: the server, what orders, and what starts that again', { skip }, async (t) => {
  const path = await bundle(t);
  const words = [
    ...['--http-port', '0', '--https-port', '0', '--acme', 'a@example.org', '--agree-tos', '--log', 'net'],
    ...['--domain', 'www.example.org', '--acme-directory', 'https://127.0.0.1:9/directory'],
    ...['--state', join(path, '..', 'state'), path],
  ];
  const { child, says } = start(t, [process.execPath, MAIN, ...words]);
  await says(/no new certificate for (\S+)/);
  isSealed(t, child.pid!, 'the server');
  const [watcher] = childrenOf(child.pid!);
  isParent(t, watcher!, OF_THE_WATCHER, 'what starts it');
  const [orderer] = childrenOf(watcher!);
  // It stays root, as the folder of certificates does.
  isParent(t, orderer!, 0n, 'what orders');
  t.ok(
    threadsOf(orderer!).every(({ filtered, noNewPrivileges }) => filtered && noNewPrivileges),
    'every thread is under the filter',
  );
});

t.test('supervised: the program, and the supervisor', { skip }, async (t) => {
  const path = await bundle(t);
  mkdirSync(join(path, '..', 'run'), { mode: 0o700 });
  const control = join(path, '..', 'run', 'control.sock');
  const words = ['supervise', '--control', control, '--', '--port', '0', path];
  const { child, says } = start(t, [process.execPath, MAIN, ...words]);
  await says(/serving on (\S+)/);
  isParent(t, child.pid!, OF_PARENTS, 'the supervisor');
  const [program] = childrenOf(child.pid!);
  isParent(t, program!, 0n, 'the program');
  t.ok(
    threadsOf(program!).every(({ filtered, noNewPrivileges }) => filtered && noNewPrivileges),
    'every thread is under the filter',
  );
});
