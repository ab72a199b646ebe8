/** The disk of a machine's state: when writes are torn, when it is full, and when two machines write. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { keepDurable, writeDurable, writeDurableNow } from '../../src/native/durable.js';
import { MachineState } from '../../src/vm/guest/machine-state.js';
import { BLOCK, type Blocks, looksLikeState, StateDisk, StateDiskError } from '../../src/vm/state/state-disk.js';
import { stateDiskAt } from '../../src/vm/state/state-disk-file.js';
import { filesIn } from '../../src/vm/state/state-files.js';

/** A disk in memory, the power of which can fail in the middle of a write. */
class Memory implements Blocks {
  readonly size: number;
  /** Bytes that are still written before the power fails. */
  left = Number.POSITIVE_INFINITY;
  /** What is in the place of bytes whose writing was under way: noise. */
  tear: (bytes: Uint8Array) => void = () => undefined;

  constructor(readonly bytes: Uint8Array = new Uint8Array(16 * BLOCK)) {
    this.size = bytes.length;
  }

  read(at: number, length: number): Uint8Array {
    return this.bytes.slice(at, at + length);
  }

  write(at: number, bytes: Uint8Array): void {
    const whole = Math.min(bytes.length, this.left);
    this.bytes.set(bytes.subarray(0, whole), at);
    this.left -= whole;
    if (whole === bytes.length) return;
    this.tear(this.bytes.subarray(at + whole, at + bytes.length));
    throw Object.assign(new Error('EIO: i/o error, write'), { code: 'EIO' });
  }
}

function files(...entries: [string, string][]): Map<string, Uint8Array> {
  return new Map(entries.map(([name, text]) => [name, Uint8Array.from(Buffer.from(text))]));
}

function folder(t: Test): string {
  const path = mkdtempSync(join(tmpdir(), 'sitekernel-state-test-'));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** To compare many of them quickly. */
function textOf(all: ReadonlyMap<string, Uint8Array>): string {
  return JSON.stringify([...all].sort().map(([name, bytes]) => [name, Buffer.from(bytes).toString('latin1')]));
}

const OLD = files(['acme/account.key', 'old key'], ['dns/example.org.key', 'zone']);
const NEW = files(['acme/account.key', 'x'.repeat(BLOCK)], ['acme/example.org/certificate.pem', 'chain']);

t.test('what was written last is read, at each of many versions', (t) => {
  const memory = new Memory();
  const disk = StateDisk.format(memory);
  t.equal(disk.read().size, 0);
  for (let i = 0; i < 5; i++) {
    const version = files(['acme/account.key', `key ${i}`]);
    disk.write(version);
    t.same(new StateDisk(memory).read(), version);
  }
  t.end();
});

t.test('a write that a power cut tears at any byte leaves the version before', (t) => {
  const memory = new Memory();
  StateDisk.format(memory).write(OLD);
  const found: Record<string, number> = { old: 0, new: 0, other: 0, lost: 0 };
  for (let cut = 0; cut <= 2 * BLOCK; cut += 32) {
    for (const noise of [0, 0xff]) {
      const torn = new Memory(memory.bytes.slice());
      const disk = new StateDisk(torn);
      torn.left = cut;
      torn.tear = (bytes) => bytes.fill(noise, 0, 512);
      let done = true;
      try {
        disk.write(NEW);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EIO') throw error;
        done = false;
      }
      const text = textOf(new StateDisk(torn).read());
      found[text === textOf(NEW) ? 'new' : text === textOf(OLD) && !done ? 'old' : 'other']!++;
      // The machine starts again, and writes again.
      torn.left = Number.POSITIVE_INFINITY;
      const next = new StateDisk(torn);
      next.write(NEW);
      if (textOf(new StateDisk(torn).read()) !== textOf(NEW)) found['lost']!++;
    }
  }
  t.equal(found['other'], 0);
  t.equal(found['lost'], 0);
  t.ok(found['old']! > 100 && found['new']! > 0, `${found['old']} times the one before, ${found['new']} the new one`);
  t.end();
});

t.test('each damaged byte of the newer version leads to the older one, never to something else', (t) => {
  const memory = new Memory();
  const disk = StateDisk.format(memory);
  disk.write(OLD);
  disk.write(NEW);
  const found: Record<string, number> = { old: 0, new: 0, other: 0 };
  for (let at = BLOCK; at < memory.size; at += 41) {
    const damaged = new Memory(memory.bytes.slice());
    damaged.bytes[at]! ^= 0x10;
    const text = textOf(new StateDisk(damaged).read());
    found[text === textOf(NEW) ? 'new' : text === textOf(OLD) ? 'old' : 'other']!++;
  }
  t.equal(found['other'], 0);
  t.ok(found['old']! > 100 && found['new']! > 100, `${found['old']} times the older one, ${found['new']} the newer`);
  t.end();
});

t.test('a disk without a whole version is refused, and stays as it is', (t) => {
  const memory = new Memory();
  StateDisk.format(memory).write(OLD);
  memory.bytes.fill(7, BLOCK);
  const before = memory.bytes.slice();
  const disk = new StateDisk(memory);
  t.throws(() => disk.read(), { name: 'StateDiskError', message: /put back a copy/ });
  t.same(memory.bytes, before);
  t.throws(() => new StateDisk(new Memory()), { message: 'it is no state disk' });
  t.throws(() => new StateDisk(new Memory(new Uint8Array(BLOCK))), StateDiskError);
  t.notOk(looksLikeState(new Uint8Array(8)));
  t.end();
});

t.test('what does not fit is refused with both sizes, and the version before stays', (t) => {
  const memory = new Memory();
  const disk = StateDisk.format(memory);
  disk.write(OLD);
  const much = files(['acme/account.key', 'x'.repeat(8 * BLOCK)]);
  t.throws(() => disk.write(much), { message: /the state disk is full: \d+ bytes do not fit into \d+/ });
  t.same(new StateDisk(memory).read(), OLD);
  disk.write(NEW);
  t.same(new StateDisk(memory).read(), NEW, 'it goes on with less');
  t.end();
});

t.test('of two machines with one disk the one that did not write last is refused', (t) => {
  const memory = new Memory();
  const one = StateDisk.format(memory);
  const two = new StateDisk(memory);
  two.write(OLD);
  t.throws(() => one.write(NEW), { message: /another machine writes to the same state disk/ });
  t.same(new StateDisk(memory).read(), OLD);
  t.same(one.read(), OLD, 'it may read what the other wrote');
  one.write(NEW);
  t.throws(() => two.write(OLD), StateDiskError);
  one.retire();
  t.throws(() => one.write(OLD), { message: /another machine has the traffic/ });
  t.end();
});

t.test('no path leads out of the state folder', (t) => {
  const memory = new Memory();
  const disk = StateDisk.format(memory);
  for (const name of ['../x', 'a/../x', '/x', '', 'a//b', './a', 'a/..'])
    t.throws(() => disk.write(files([name, 'x'])), /is no name/, name);
  disk.write(files(['acme/_wildcard.example.org/certificate.pem', 'x'], ['dns/a%2fb.key', 'y']));
  t.equal(new StateDisk(memory).read().size, 2);
  t.end();
});

t.test('a file of a machine is on the disk before it appears, and one that cannot be stays as it was', async (t) => {
  const state = folder(t);
  const memory = new Memory();
  StateDisk.format(memory).write(files(['acme/account.key', 'of before']));
  const machine = new MachineState(new StateDisk(memory), state);
  machine.load();
  t.equal(readFileSync(join(state, 'acme', 'account.key'), 'utf8'), 'of before');
  t.equal(statSync(join(state, 'acme', 'account.key')).mode & 0o777, 0o600);
  keepDurable((file, content) => machine.keep(file, content));
  t.teardown(() => keepDurable(undefined));
  await writeDurable(join(state, 'acme', 'account.json'), '{}', 0o600);
  writeDurableNow(join(state, 'ipv6-secret'), 'secret', 0o600);
  await writeDurable(join(folder(t), 'elsewhere'), 'no state');
  const kept = new StateDisk(memory).read();
  t.same([...kept.keys()].sort(), ['acme/account.json', 'acme/account.key', 'ipv6-secret']);
  memory.left = 0;
  await t.rejects(writeDurable(join(state, 'acme', 'account.json'), 'new', 0o600), { code: 'EIO' });
  t.throws(() => writeDurableNow(join(state, 'ipv6-secret'), 'other'), { code: 'EIO' });
  memory.left = Number.POSITIVE_INFINITY;
  writeFileSync(join(state, 'left-over.part'), 'half');
  t.same(Buffer.from(filesIn(state).get('acme/account.json')!).toString(), '{}');
  t.same(new StateDisk(memory).read(), filesIn(state), 'folder and disk say the same');
  new StateDisk(memory).write(files(['acme/account.key', 'of another machine']));
  machine.load();
  t.same(
    [...filesIn(state)].map(([name, text]) => [name, Buffer.from(text).toString()]),
    [['acme/account.key', 'of another machine']],
  );
});

t.test('what the machine before writes in the moment of the take-over is not lost', (t) => {
  const state = folder(t);
  const memory = new Memory();
  const before = StateDisk.format(memory);
  before.write(files(['acme/account.key', 'key']));
  const machine = new MachineState(new StateDisk(memory), state);
  machine.takeOver();
  before.write(files(['acme/account.key', 'key'], ['dns/example.org.serial', '8']));
  before.retire();
  machine.keep(join(state, 'ipv6-secret'), 'secret');
  const all = ['acme/account.key', 'dns/example.org.serial', 'ipv6-secret'];
  t.same([...new StateDisk(memory).read().keys()].sort(), all);
  new StateDisk(memory).write(OLD);
  t.throws(() => machine.keep(join(state, 'ipv6-secret'), 'other'), { code: 'EIO' }, 'but only then');
  t.end();
});

t.test('a file is made where there is none, for its owner alone; something else is left alone', (t) => {
  const path = join(folder(t), 'state.disk');
  t.throws(() => stateDiskAt(path, false), { code: 'state-disk', message: /ENOENT|no such file/i });
  stateDiskAt(path, true).close();
  t.equal(statSync(path).mode & 0o777, 0o600);
  const open = stateDiskAt(path, true);
  open.disk.write(OLD);
  open.close();
  const again = stateDiskAt(path, true);
  t.same(again.disk.read(), OLD, 'it is not made anew');
  again.close();
  const other = `${path}.other`;
  writeFileSync(other, 'a diary'.repeat(BLOCK));
  t.throws(() => stateDiskAt(other, true), { code: 'state-disk', message: /no state disk; name another path/ });
  t.match(readFileSync(other, 'utf8'), /^a diary/);
  t.end();
});
