/** Bundles lie in sealed memory: what happens to their file happens to nobody who serves it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import t, { type Test } from 'tap';
import { expectCode } from '../../src/errors/codes.js';
import { libc } from '../../src/native/libc/libc.js';
import { fileBehind } from '../../src/native/memory/mapped-file.js';
import { isSealed, mapSealed, roomForCopy, sealedCopy } from '../../src/native/memory/sealed-copy.js';
import { bundleDirectory } from '../../src/store/index.js';
import { directory } from '../store/tree.js';

const skip = process.platform !== 'linux' && 'memfd_create';
const MAIN = resolve('build', 'src', 'main.js');
const SIZE = 9_000_001;
const BYTES = Uint8Array.from({ length: SIZE }, (_, i) => (i * 31 + (i >>> 8)) & 0xff);

t.test('a copy has the bytes, and takes no other ones', { skip }, async (t) => {
  const file = join(directory(t), 'file');
  writeFileSync(file, BYTES);
  const fd = openSync(file, 'r');
  const copy = (await sealedCopy(fd, SIZE)) as number;
  truncateSync(file, 0);
  closeSync(fd);
  t.equal(fstatSync(copy).size, SIZE);
  t.ok(isSealed(copy));
  const again = libc().open(`/proc/self/fd/${copy}`, 2, 0);
  t.throws(() => writeFileSync(again, 'x'), { code: 'EPERM' });
  t.throws(() => truncateSync(`/proc/self/fd/${copy}`, 5), { code: 'EPERM' });
  closeSync(again);
  const bytes = mapSealed(copy, SIZE) as Uint8Array;
  t.equal(Buffer.compare(bytes, BYTES), 0);
  t.equal(fileBehind(bytes.buffer)?.fd, copy, 'sendfile has its descriptor');
});

t.test(
  'a file that gets shorter meanwhile, or is larger than the room for it, is not copied; no descriptor is left',
  { skip },
  async (t) => {
    const file = join(directory(t), 'file');
    writeFileSync(file, BYTES);
    const fd = openSync(file, 'r');
    const before = copiesOf(process.pid).length;
    t.equal(await sealedCopy(fd, SIZE + 1), undefined);
    t.equal(await sealedCopy(fd, 2 * roomForCopy() + 1), undefined);
    t.equal(await sealedCopy(fd, 0), undefined);
    // The collector may close those of tests before this one meanwhile.
    t.ok(copiesOf(process.pid).length <= before, 'no copy is left open');
    t.equal(readFileSync(fd).length, SIZE, 'the place in the file is where it was');
    closeSync(fd);
  },
);

/** A bundle of one large file, and a server of it. */
async function serving(t: Test, ...words: string[]): Promise<{ child: ChildProcess; url: string; bundle: string }> {
  const root = directory(t);
  const site = directory(t);
  writeFileSync(join(site, 'large.bin'), BYTES);
  const bundle = join(root, 'site.bundle');
  await bundleDirectory(site, bundle, { compression: 'none' });
  const child = spawn(process.execPath, [MAIN, '--port', '0', ...words, bundle], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  const [line] = (await once(child.stdout!, 'data')) as [Buffer];
  const [, url] = /listening on (\S+)/.exec(line.toString()) as unknown as [string, string];
  return { child, url: `${url}large.bin`, bundle };
}

async function isWhole(url: string): Promise<boolean> {
  return Buffer.compare(Buffer.from(await (await fetch(url)).arrayBuffer()), BYTES) === 0;
}

function copiesOf(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fd`).filter((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`).includes('memfd:sitekernel-bundle');
    } catch (error) {
      // Closed meanwhile: that of `readdir` itself, for one.
      expectCode(error, 'ENOENT');
      return false;
    }
  });
}

t.test('a bundle that is truncated while its server is stopped is served on, whole', { skip }, async (t) => {
  const { child, url, bundle } = await serving(t);
  for (let i = 0; copiesOf(child.pid!).length === 0; i++) {
    if (i === 400) throw new Error('the bundle was never sealed');
    await new Promise((done) => setTimeout(done, 25));
  }
  // The lease is gone as well: nobody waits for a process that is stopped.
  await new Promise((done) => setTimeout(done, 200));
  child.kill('SIGSTOP');
  // A lease would have this wait until the kernel breaks it, and then the map would be shorter than its bytes.
  truncateSync(bundle, 0);
  child.kill('SIGCONT');
  t.ok(await isWhole(url));
  child.kill('SIGTERM');
  t.strictSame(await once(child, 'exit'), [0, null]);
});

t.test('workers share one copy, also after a reload', { skip }, async (t) => {
  const { child, url, bundle } = await serving(t, '--workers', '2');
  const workers = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim().split(' ').map(Number);
  const inodesOf = (pid: number): Set<number> =>
    new Set(
      readdirSync(`/proc/${pid}/fd`)
        .map((fd) => `/proc/${pid}/fd/${fd}`)
        .filter((path) => readlinkSync(path).includes('memfd:sitekernel-bundle'))
        .map((path) => {
          const fd = openSync(path, 'r');
          const { ino } = fstatSync(fd);
          closeSync(fd);
          return ino;
        }),
    );
  const inodes = (): Set<number> => new Set([child.pid!, ...workers].flatMap((pid) => [...inodesOf(pid)]));
  for (const pid of [child.pid!, ...workers]) t.equal(inodesOf(pid).size, 1, 'each process has one');
  const first = inodes();
  t.equal(first.size, 1, 'one copy for all');
  truncateSync(bundle, 0);
  t.ok(await isWhole(url));
  const site = directory(t);
  writeFileSync(join(site, 'large.bin'), BYTES.subarray(1));
  await bundleDirectory(site, bundle, { compression: 'none' });
  child.kill('SIGHUP');
  for (let i = 0; ; i++) {
    const length = (await (await fetch(url)).arrayBuffer()).byteLength;
    if (length === SIZE - 1 && workers.every((pid) => [...inodesOf(pid)].some((ino) => !first.has(ino)))) break;
    if (i === 400) throw new Error('the new bundle was never served');
    await new Promise((done) => setTimeout(done, 25));
  }
  // The garbage collector takes the old one in its time.
  t.equal([...inodes()].filter((ino) => !first.has(ino)).length, 1, 'and one copy of the next');
  child.kill('SIGTERM');
  t.strictSame(await once(child, 'exit'), [0, null]);
});
