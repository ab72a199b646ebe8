import { join } from 'node:path';
import t, { type Test } from 'tap';
import { runFile } from './file.js';
import type { FileReport } from './tally.js';

/** What `body` reports as a file of its own; that it hangs is found after `timeout` milliseconds. */
function run(t: Test, body: string, timeout = 60_000): Promise<FileReport> {
  const folder = t.testdir({ 'a.test.mjs': body });
  return runFile(join(folder, 'a.test.mjs'), { timeout, grace: 300 }, 'ignore');
}

const FINE = `import t from 'tap'; t.test('one', async (t) => t.ok(true)); `;

const counts = ({ passed, failed, skipped }: FileReport): number[] => [passed, failed, skipped];

t.jobs = 4;

t.test('a file that passes has its tests counted', async (t) => {
  const file = await run(t, `${FINE} console.log('a word');`);
  t.same(counts(file), [1, 0, 0]);
  t.ok(file.milliseconds > 0);
});

t.test('a file that cannot be read fails, and so does one that throws before its first test', async (t) => {
  const file = await runFile(join(t.testdir({}), 'none.test.mjs'), { timeout: 60_000, grace: 300 }, 'ignore');
  t.same(counts(file), [0, 1, 0]);
  t.same(counts(await run(t, `throw new Error('a fault');`)), [0, 1, 0]);
});

t.test('a file that ends with an exit status, or by a signal, fails in spite of its tests', async (t) => {
  const status = await run(t, `${FINE} process.on('exit', () => process.exit(3));`);
  t.same(counts(status), [1, 1, 0]);
  t.match(status.failures[0], /exitCode: 3/);
  const signal = await run(t, `${FINE} t.test('two', async () => process.kill(process.pid, 'SIGKILL'));`);
  t.same(counts(signal), [1, 1, 0]);
  t.match(signal.failures[0], /SIGKILL/);
});

t.test('a file that ends in the middle of a test fails in spite of a status of success', async (t) => {
  const file = await run(t, `${FINE} t.test('two', async (t) => { t.ok(true); process.exit(0); });`);
  t.same(counts(file), [1, 1, 0]);
});

t.test('a file that waits for ever says what for', async (t) => {
  const file = await run(t, `${FINE} t.test('two', () => new Promise(() => setInterval(() => {}, 1000)));`, 2000);
  t.equal(file.failed > 0, true);
  t.match(file.failures.join('\n'), /timeout!/);
});

/** A file says by this what it may take from now on, as `t.setTimeout` does. */
const limit = (milliseconds: number): string => `process.send({
  setTimeout: ${milliseconds}, key: process.env.TAP_CHILD_KEY, child: process.env.TAP_CHILD_ID,
});`;

t.test('a file that is busy for ever and deaf to signals is killed', async (t) => {
  const file = await run(t, `process.on('SIGALRM', () => {}); ${limit(1)} for (;;);`);
  t.same(counts(file), [0, 1, 0]);
  t.match(file.failures[0], /SIGKILL/);
});

t.test('a file sets its own limit', async (t) => {
  const waits = `t.test('one', () => new Promise(() => setInterval(() => {}, 1000)));`;
  const file = await run(t, `import t from 'tap'; t.setTimeout(500); ${waits}`);
  t.ok(file.failed > 0);
  t.match(file.failures.join('\n'), /timeout!/);
});

t.test('a file fails whose process left another one behind that holds its output', async (t) => {
  const left = `import { spawn } from 'node:child_process';
    spawn('sleep', ['20'], { stdio: ['ignore', 'inherit', 'ignore'], detached: true }).unref();`;
  const file = await run(t, `${left} ${FINE} process.on('exit', () => ${limit(2000).slice(0, -1)});`);
  t.same(counts(file), [1, 1, 0]);
  t.match(file.failures[0], /holds its output/);
});
