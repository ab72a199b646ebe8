/** Who has a lock, and who only asks. */
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { holderOf, Lock } from '../../src/deploy/host/lock.js';
import { tryShared } from '../../src/native/flock.js';

t.test('one that asks whether a lock is held is no holder for others that ask', async (t) => {
  const file = join(t.testdir({ lock: '' }), 'lock');
  const asking = openSync(file, 'r');
  t.teardown(() => closeSync(asking));
  t.ok(tryShared(asking), 'another process asks');
  t.equal(await Lock.isHeld(file), false);
  t.equal(await Lock.take(file), undefined, 'but nobody takes it meanwhile');
});

t.test('a lock is held until it is released, and asking changes nothing in its file', async (t) => {
  const file = join(t.testdir(), 'lock');
  t.equal(await Lock.isHeld(file), false);
  t.notOk(existsSync(file), 'asking makes no file');
  const lock = await Lock.take(file);
  t.equal(await Lock.isHeld(file), true);
  t.equal(readFileSync(file, 'utf8'), `${process.pid}\n`);
  t.equal(await holderOf(file), `process ${process.pid}`);
  await lock?.release();
  t.equal(await Lock.isHeld(file), false);
});
