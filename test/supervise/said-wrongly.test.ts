/**
 * Between a supervisor and its programs, and on the control socket: a message that is none, or that fails, is dropped;
 * the processes go on.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { parseArguments } from '../../src/cli/arguments/arguments.js';
import { askControl } from '../../src/control/client.js';
import { hear } from '../../src/control/hear.js';
import { openControl } from '../../src/control/server.js';
import type { ServeOptions } from '../../src/serve/options/serve.js';
import { Supervisor } from '../../src/supervise/supervisor.js';
import { MAIN } from './supervised.js';

function folderOf(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'sk-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

t.test('a listener that throws costs its message; what is no object is left alone', (t) => {
  const from = new EventEmitter();
  const [heard, errors]: [unknown[], unknown[]] = [[], []];
  hear<{ n: number }>(
    from,
    (message) => {
      heard.push(message);
      if (message.n === 1) throw new Error('injected');
    },
    (error) => errors.push(error),
  );
  for (const message of [undefined, null, 7, 'x', { n: 1 }, { n: 2 }]) from.emit('message', message);
  t.same(heard, [{ n: 1 }, { n: 2 }]);
  t.match(errors, [{ message: 'injected' }]);
  t.end();
});

t.test('an answer on a control socket that is none is a sentence for who asked', async (t) => {
  for (const line of ['no JSON', 'null', '7']) {
    const path = join(folderOf(t), 's');
    const server = createServer((socket) => socket.end(`${line}\n`)).listen(path);
    await once(server, 'listening');
    await t.rejects(askControl(path, { do: 'status' }), { name: 'UserError', message: /no server of ours/ }, line);
    server.close();
  }
});

t.test('an answer that cannot be made is an error for who asked, and the next is answered', async (t) => {
  const path = join(folderOf(t), 's');
  let asked = 0;
  const control = await openControl(path, async () => {
    asked++;
    if (asked === 1) throw new TypeError('injected');
    return asked === 2 ? ({ ok: true, since: 1n } as never) : { ok: true };
  });
  t.match(await askControl(path, { do: 'status' }), { ok: false, error: /TypeError: injected\n.*at / });
  t.match(await askControl(path, { do: 'status' }), { ok: false, error: /BigInt/ });
  t.match(await askControl(path, { do: 'status' }), { ok: true });
  control.close();
});

/** Says what no program says, serves all the same, and ends when it is told so. */
const PROGRAM = `
process.on('message', (said) => {
  if (said.do === 'ask') {
    process.send({ say: 'answer', number: 'x' });
    process.send({ say: 'answer', number: said.number, answer: { ok: true, state: 'serving', pid: process.pid } });
  }
  if (said.do !== 'go') return;
  for (const one of [null, 7, 'x', {}, [], { say: 'answer' }, { say: 'failed' }, { say: {} }]) process.send(one);
  process.send({ say: 'serving', url: 'http://example/' });
});
process.send({ say: 'ready', version: 1, bundle: 'b' });
process.on('disconnect', () => process.exit(0));
`;

t.test('a supervisor hears what a program should not say, and a mistake of its own does not end it', async (t) => {
  const folder = folderOf(t);
  const image = join(folder, 'image');
  mkdirSync(image);
  writeFileSync(join(image, 'program.cjs'), PROGRAM);
  writeFileSync(join(image, 'run'), `exec "$SITEKERNEL_NODE" ${join(image, 'program.cjs')}\n`);
  writeFileSync(join(folder, 'index.html'), 'home');
  const options = parseArguments(['--net', 'socket', '--port', '0', folder]) as unknown as ServeOptions;
  const [lines, faults]: [string[], unknown[]] = [[], []];
  let damaged = 0;
  let served: () => void = () => undefined;
  const again = new Promise<void>((resolve) => {
    served = resolve;
  });
  const supervisor = new Supervisor({
    control: join(folder, 'control'),
    folder,
    handoverDrain: 0,
    optionsOf: () => {
      // As an image is whose manifest is being written.
      if (damaged-- > 0) throw new TypeError('injected');
      return options;
    },
    log: (line) => {
      lines.push(line);
      if (lines.filter((one) => one.startsWith('serving on')).length === 2) served();
    },
    write: () => undefined,
    faulted: (error) => faults.push(error),
  });
  const what = { image: 'i', folder: image, args: [], instead: undefined };
  await supervisor.start(what, []);
  const before = (await supervisor.answer({ do: 'status' })) as { pid: number };
  t.ok(before.pid > 0);
  damaged = 2;
  process.kill(before.pid, 'SIGKILL');
  await again;
  const after = (await supervisor.answer({ do: 'status' })) as { pid: number };
  t.ok(after.pid !== before.pid && after.pid > 0, 'it serves again');
  t.ok(
    lines.some((line) => line.includes('injected')),
    'and said why it did not at once',
  );
  t.same(faults, []);
  await supervisor.end(0);
});

/** A program as a supervisor starts it, and this test in the supervisor's place. */
function startSupervised(t: Test, folder: string): ChildProcess {
  const args = [MAIN, '--net', 'socket', '--port', '0', '--supervised', folder];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  t.teardown(() => child.kill('SIGKILL'));
  return child;
}

t.test('a program hears what a supervisor should not say, and goes on', async (t) => {
  const folder = folderOf(t);
  writeFileSync(join(folder, 'index.html'), 'home');
  const child = startSupervised(t, folder);
  const answers: { say?: string; number?: unknown; answer?: unknown }[] = [];
  child.on('message', (message) => answers.push(message as object));
  await once(child, 'message');
  t.match(answers, [{ say: 'ready' }]);
  for (const one of [7, 'x', {}, [], { do: {} }, { do: 'ask' }, { do: 'ask', number: 1, request: 7 }, { do: 'stay' }])
    child.send(one);
  child.send({ do: 'ask', number: 2, request: { do: 'status' } });
  while (!answers.some((one) => one.number === 2)) await once(child, 'message');
  t.match(answers.at(-1), { say: 'answer', answer: { ok: false, error: 'it does not serve yet' } });
  t.equal(child.exitCode, null);
});
