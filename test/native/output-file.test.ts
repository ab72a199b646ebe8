/** What `bundle -o`, `image build` and the like do to what lies at the path that they were given. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openLiveOutput } from '../../src/native/live-output.js';
import { leadsToStandardOutput, OutputError, OutputFile } from '../../src/native/output-file.js';
import { directory } from '../store/tree.js';

/** Content that arrives in more than one piece. */
const CONTENT = Buffer.alloc(3_000_001, 'content ');

async function write(path: string, mode?: number): Promise<void> {
  const output = await OutputFile.open(path, mode);
  writeFileSync(output.part, CONTENT);
  await output.finish();
}

/** Only `names` are in `root`: nothing of a part. */
function left(t: Test, root: string, names: string[]): void {
  t.strictSame(readdirSync(root).sort(), names.sort());
}

t.test('a new file appears whole, with the mode that was asked for', async (t) => {
  const root = directory(t);
  const output = await OutputFile.open(join(root, 'new'), 0o640);
  writeFileSync(output.part, CONTENT);
  t.notOk(existsSync(join(root, 'new')));
  await output.finish();
  t.ok(readFileSync(join(root, 'new')).equals(CONTENT));
  t.equal(statSync(join(root, 'new')).mode & 0o777, 0o640 & ~process.umask());
  left(t, root, ['new']);
});

t.test('a file that is replaced keeps its mode and its owner; who reads the old one goes on', async (t) => {
  const root = directory(t);
  const file = join(root, 'old');
  writeFileSync(file, 'old', { mode: 0o604 });
  chmodSync(file, 0o604);
  const reader = await open(file);
  await write(file);
  t.equal((await reader.readFile()).toString(), 'old');
  await reader.close();
  t.ok(readFileSync(file).equals(CONTENT));
  t.equal(statSync(file).mode & 0o777, 0o604);
  t.equal(statSync(file).uid, process.getuid?.());
});

t.test('links are followed: to a file, to a link, to what is not there yet', async (t) => {
  const root = directory(t);
  mkdirSync(join(root, 'below'));
  writeFileSync(join(root, 'below', 'file'), 'old');
  symlinkSync('below/file', join(root, 'one'));
  symlinkSync('one', join(root, 'two'));
  symlinkSync(join(root, 'below', 'absent'), join(root, 'dangling'));
  await write(join(root, 'two'));
  t.equal(readlinkSync(join(root, 'two')), 'one');
  t.equal(readlinkSync(join(root, 'one')), 'below/file');
  t.ok(readFileSync(join(root, 'below', 'file')).equals(CONTENT));
  await write(join(root, 'dangling'));
  t.ok(lstatSync(join(root, 'dangling')).isSymbolicLink());
  t.ok(readFileSync(join(root, 'below', 'absent')).equals(CONTENT));
  symlinkSync('round', join(root, 'round'));
  await t.rejects(write(join(root, 'round')), { name: 'OutputError', message: /leads to itself/ });
  left(t, root, ['below', 'one', 'two', 'dangling', 'round']);
  left(t, join(root, 'below'), ['file', 'absent']);
});

t.test('a read-only file and a directory are refused, for root as well, and stay', async (t) => {
  const root = directory(t);
  const file = join(root, 'sealed');
  writeFileSync(file, 'old', { mode: 0o444 });
  symlinkSync('sealed', join(root, 'link'));
  for (const path of [file, join(root, 'link')]) {
    await t.rejects(write(path), { name: 'OutputError', message: /is read-only; .*chmod u\+w/ });
    t.throws(() => openLiveOutput(path, 0o600), { name: 'OutputError', message: /is read-only/ });
  }
  t.equal(readFileSync(file, 'utf8'), 'old');
  await t.rejects(write(root), { name: 'OutputError', message: /is a directory; name a file in it/ });
  await t.rejects(write(join(root, 'absent', 'file')), { name: 'OutputError', message: /directory does not exist/ });
  await t.rejects(write(''), OutputError);
  left(t, root, ['sealed', 'link']);
});

t.test('bytes go through a FIFO, which stays one', { skip: process.platform === 'win32' && 'FIFOs' }, async (t) => {
  const root = directory(t);
  const fifo = join(root, 'fifo');
  execFileSync('mkfifo', [fifo]);
  const read = readFile(fifo);
  await write(fifo);
  t.ok((await read).equals(CONTENT));
  t.ok(lstatSync(fifo).isFIFO());
  left(t, root, ['fifo']);
});

t.test(
  'devices stay devices, and a full one is an error',
  { skip: process.platform !== 'linux' && '/dev/full' },
  async (t) => {
    const root = directory(t);
    await write('/dev/null');
    await t.rejects(write('/dev/full'), {
      name: 'OutputError',
      message: '/dev/full cannot be written: the disk is full',
    });
    for (const device of ['/dev/null', '/dev/full']) t.ok(lstatSync(device).isCharacterDevice(), device);
    symlinkSync('/dev/full', join(root, 'link'));
    await t.rejects(write(join(root, 'link')), OutputError);
    t.ok(lstatSync(join(root, 'link')).isSymbolicLink());
    const fd = openLiveOutput('/dev/null', 0o600);
    t.ok(fd > 0);
    t.throws(() => openLiveOutput('/dev/null', 0o600, true), { message: /no regular file/ });
    t.throws(() => openLiveOutput('-', 0o600), { message: /standard output/ });
  },
);

t.test('a socket is no file to write to, and stays', async (t) => {
  const root = directory(t);
  const path = join(root, 'socket');
  const server = createServer().listen(path);
  await new Promise((done) => server.once('listening', done));
  t.teardown(() => server.close());
  await t.rejects(write(path), OutputError);
  t.ok(lstatSync(path).isSocket());
});

t.test('an end before the end leaves what was there', async (t) => {
  const root = directory(t);
  const file = join(root, 'file');
  writeFileSync(file, 'old');
  const output = await OutputFile.open(file);
  writeFileSync(output.part, 'half');
  await output.discard();
  await output.discard();
  t.equal(readFileSync(file, 'utf8'), 'old');
  left(t, root, ['file']);
});

t.test('what was put there meanwhile is not renamed over', async (t) => {
  const root = directory(t);
  const file = join(root, 'file');
  const output = await OutputFile.open(file);
  mkdirSync(file);
  await t.rejects(output.finish(), { message: /became something else/ });
  left(t, root, ['file']);
});

const MAIN = join(process.cwd(), 'build', 'src', 'main.js');

/** Runs `bundle` in a shell, in a folder with a site. Returns the folder. */
function bundle(
  t: Test,
  words: string,
  before?: (root: string) => void,
): { root: string; run: ReturnType<typeof spawnSync> } {
  const root = directory(t);
  mkdirSync(join(root, 'site'));
  writeFileSync(join(root, 'site', 'index.html'), 'x'.repeat(100_000));
  before?.(root);
  const command = `"$NODE" "$MAIN" bundle --compression none site ${words}`;
  const env = { ...process.env, NODE: process.execPath, MAIN };
  return { root, run: spawnSync('/bin/sh', ['-c', command], { cwd: root, env }) };
}

t.test('"-", /dev/stdout and /dev/fd/1 are standard output, whatever that is', async (t) => {
  const { root, run } = bundle(t, '-o plain.bundle');
  t.equal(run.status, 0, String(run.stderr));
  const wanted = readFileSync(join(root, 'plain.bundle'));
  for (const name of ['-', '/dev/stdout', '/dev/fd/1', '/proc/self/fd/1']) {
    const piped = bundle(t, `-o ${name} | cat`);
    t.ok(wanted.equals(piped.run.stdout as Buffer), `${name} into a pipe`);
    t.match(String(piped.run.stderr), /id [0-9a-f]{64}/);
    left(t, piped.root, ['site']);
    const file = bundle(t, `-o ${name} > out && cat out`);
    t.ok(wanted.equals(file.run.stdout as Buffer), `${name} into a file`);
    const behind = bundle(t, `-o ${name} >> out; tail -c +6 out`, (root) => writeFileSync(join(root, 'out'), '12345'));
    t.ok(wanted.equals(behind.run.stdout as Buffer), `${name} behind what is there`);
  }
  const full = bundle(t, '-o - > /dev/full');
  t.equal(full.run.status, 1);
  t.match(String(full.run.stderr), /^sitekernel: - cannot be written: the disk is full\n$/);
  t.equal(await leadsToStandardOutput('/dev/null'), false);
});

t.test('another name of the same file is another file afterwards: the old content stays under it', async (t) => {
  const root = directory(t);
  writeFileSync(join(root, 'a'), 'old');
  linkSync(join(root, 'a'), join(root, 'b'));
  await write(join(root, 'a'));
  t.equal(readFileSync(join(root, 'b'), 'utf8'), 'old');
});

t.test('a command writes to what its user names as an OutputFile does, and in no other way', async (t) => {
  const folder = join('src', 'cli', 'commands');
  for (const name of readdirSync(folder)) {
    const text = readFileSync(join(folder, name), 'utf8');
    t.notMatch(
      text,
      /\b(writeFile|writeFileSync|writeDurable|writeDurableNow|createWriteStream|rename|renameSync)\b/,
      name,
    );
  }
});
