/**
 * Every cell of the table in docs/signals.md: the signal is sent to that process in that phase, and does what the table
 * says.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import t, { type Test } from 'tap';
import { directory } from '../store/tree.js';
import { Family } from '../supervise/family.js';

const skip = process.platform !== 'linux' && '/proc';
const MAIN = resolve('build', 'src', 'main.js');
const HOLD = pathToFileURL(resolve('test', 'signals', 'hold.mjs')).href;
const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const;
type Signal = (typeof SIGNALS)[number];

interface Row {
  readonly process: string;
  readonly phase: string;
  readonly cells: Readonly<Record<Signal | 'parent', string>>;
}

function rows(): Row[] {
  const lines = readFileSync(resolve('docs', 'signals.md'), 'utf8').split('\n');
  const table = lines.filter((line) => /^\| [a-z]+ \| [a-z]+ \|/.test(line) && !line.startsWith('| process '));
  return table.map((line) => {
    const [process = '', phase = '', ...words] = line
      .split('|')
      .slice(1, -1)
      .map((one) => one.trim());
    const cells = Object.fromEntries([...SIGNALS, 'parent'].map((name, i) => [name, words[i]]));
    return { process, phase, cells: cells as Row['cells'] };
  });
}

async function until(so: () => boolean, what: string): Promise<void> {
  for (let i = 0; !so(); i++) {
    if (i === 4000) throw new Error(`it never came to that: ${what}`);
    await new Promise((done) => setTimeout(done, 5));
  }
}

function isAlive(pid: number): boolean {
  try {
    // A process that has ended and was not waited for is as good as gone.
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

function childOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0] ?? 0);
}

/** A process of the table, in a phase. */
class Subject {
  readonly folder: string;
  readonly hold: string;
  readonly family: Family;
  child!: ChildProcess;
  /** The process that is meant; `parent`: the one that started it. */
  pid = 0;
  parent = 0;
  said = '';
  errors = '';
  private busy: Socket | undefined;

  constructor(
    t: Test,
    private readonly row: Row,
  ) {
    this.folder = directory(t);
    this.hold = join(this.folder, 'hold');
    this.family = new Family(t);
    mkdirSync(join(this.folder, 'site'));
    this.write('first');
    t.teardown(() => this.busy?.destroy());
  }

  write(page: string): void {
    writeFileSync(join(this.folder, 'site', 'index.html'), page);
  }

  get url(): string {
    return /(?:listening|serving) on (http:\S+)/.exec(this.said + this.errors)?.[1] ?? '';
  }

  async start(): Promise<void> {
    const { process: name, phase } = this.row;
    const held = phase === 'starting' || phase === 'working';
    if (held) writeFileSync(this.hold, '');
    const site = join(this.folder, 'site');
    const control = ['--control', join(this.folder, 'control.sock')];
    const words: Readonly<Record<string, string[]>> = {
      server: ['--port', '0', site],
      workers: ['--workers', '2', '--port', '0', site],
      worker: ['--workers', '2', '--port', '0', site],
      supervise: ['supervise', ...control, '--', '--port', '0', site],
      program: ['supervise', ...control, '--', '--port', '0', site],
      bundle: ['bundle', site, '-o', join(this.folder, 'site.bundle')],
    };
    // A shell between us and it, so that its parent can be killed.
    const node = [process.execPath, '--import', HOLD, MAIN, ...words[name]!];
    const env = { ...this.family.env, HOLD: this.hold, NODE_OPTIONS: `--import ${HOLD}` };
    this.child = spawn('/bin/sh', ['-c', '"$@" & echo "pid $!"; wait $!; echo "status $?"', 'sh', ...node], { env });
    this.child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      this.said += text;
    });
    this.child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.errors += text;
    });
    await until(() => /^pid \d+$/m.test(this.said), 'a process');
    const main = Number(/^pid (\d+)$/m.exec(this.said)?.[1]);
    const inner = name === 'worker' || name === 'program';
    if (!held) await until(() => this.url !== '', `serving ${this.errors}`);
    if (inner || name === 'supervise') await until(() => childOf(main) > 0, 'a child');
    this.pid = inner ? childOf(main) : main;
    this.parent = inner ? main : (this.child.pid as number);
    const holder = name === 'supervise' ? childOf(main) : this.pid;
    if (held) await until(() => existsSync(`${this.hold}.${holder}`), `a start ${this.errors}`);
    if (phase === 'draining') await this.drain();
  }

  /** Begins to drain, with a connection that is in the midst of a request. */
  private async drain(): Promise<void> {
    const socket = connect(Number(new URL(this.url).port), '127.0.0.1');
    this.busy = socket;
    socket.on('error', () => undefined);
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await once(socket, 'data');
    socket.write('GET / HTTP/1.1\r\n');
    // A connection whose request has not been read yet is idle, and is closed.
    await until(() => this.hasRead(socket), 'the beginning of a request read');
    process.kill(this.pid, 'SIGTERM');
    await until(() => !this.listens(), 'a closed listener');
  }

  /** Nothing of what `socket` has sent waits in the kernel (proc(5): the second half of the fifth word, in hex). */
  private hasRead(socket: Socket): boolean {
    const [here, there] = [Number(new URL(this.url).port), socket.localPort as number].map((port) =>
      port.toString(16).toUpperCase().padStart(4, '0'),
    );
    const lines = readFileSync('/proc/net/tcp', 'utf8');
    return new RegExp(`0100007F:${here} 0100007F:${there} 01 [0-9A-F]{8}:0{8} `).test(lines);
  }

  private listens(): boolean {
    const port = Number(new URL(this.url).port).toString(16).toUpperCase().padStart(4, '0');
    return new RegExp(`:${port} 00000000:0000 0A`).test(readFileSync('/proc/net/tcp', 'utf8'));
  }

  /** What the busy connection gets for its request. */
  async finishRequest(): Promise<string> {
    const answer = once(this.busy as Socket, 'data');
    this.busy?.write('Host: a\r\n\r\n');
    return String((await answer)[0]);
  }

  get status(): number | undefined {
    const status = /^status (\d+)$/m.exec(this.said)?.[1];
    return status === undefined ? undefined : Number(status);
  }

  /** By a connection of its own: each worker has its turn. */
  private async page(): Promise<string> {
    return (await fetch(this.url, { headers: { connection: 'close' } })).text();
  }

  async serves(page: string): Promise<void> {
    for (let i = 0; (await this.page()) !== page; i++) {
      if (i === 400) throw new Error(`the next version was never served: ${this.errors}`);
      await new Promise((done) => setTimeout(done, 10));
    }
  }

  /** Lines of its log about a signal. */
  lines(signal: string): number {
    return this.errors.split(signal).length - 1;
  }

  send(signal: Signal | 'parent'): void {
    if (signal === 'parent') process.kill(this.parent, 'SIGKILL');
    else process.kill(this.pid, signal);
  }

  release(): void {
    rmSync(this.hold, { force: true });
  }

  /** It goes on as if nothing had been: what was starting serves, what was working finishes. */
  async goesOn(): Promise<void> {
    const held = existsSync(this.hold);
    this.release();
    if (this.row.process === 'bundle') return until(() => existsSync(join(this.folder, 'site.bundle')), 'a bundle');
    if (held) await until(() => this.url !== '', `serving ${this.errors}`);
    if (!isAlive(this.pid)) throw new Error(`it is gone: ${this.errors}`);
    if (this.row.phase !== 'draining') await fetch(this.url);
  }
}

/** Sends it, and throws unless what follows is what the cell says. */
async function check(t: Test, subject: Subject, row: Row, signal: Signal | 'parent'): Promise<void> {
  const cell = row.cells[signal];
  const inner = row.process === 'worker' || row.process === 'program';
  const [what, status] = cell === 'drains' ? ['ends', '0'] : cell.split(' ');
  const before = subject.lines(signal);
  subject.send(signal);
  switch (what) {
    case 'ends':
      await until(() => !isAlive(subject.pid), `an end ${subject.errors}`);
      if (inner || signal === 'parent') {
        t.pass(cell);
        return;
      }
      await until(() => subject.status !== undefined, 'a status');
      t.equal(subject.status, Number(status), `${signal}: ${cell}`);
      if (row.process === 'bundle') t.notOk(existsSync(join(subject.folder, 'site.bundle')));
      return;
    case 'ignored':
      await until(() => subject.lines(signal) > before, `a line about ${signal}`);
      t.ok(isAlive(subject.pid), `${signal}: ${cell}`);
      return;
    case 'reads':
      if (row.phase === 'starting') break;
      subject.write('second');
      // One that came before the page was written is not the one that is tested.
      subject.send(signal);
      if (row.phase === 'draining') {
        t.match(await subject.finishRequest(), /^HTTP\/1.1 200/, `${signal}: ${cell}`);
        return;
      }
      await subject.serves('second');
      t.pass(`${signal}: ${cell}`);
      return;
    case 'left':
    case 'stays':
      break;
    default:
      throw new Error(`the table says "${cell}"`);
  }
  if (signal === 'parent' && inner) {
    // Its standard error went to its parent. That it reads again comes behind a signal for its parent's end.
    subject.write('second');
    subject.send('SIGHUP');
    await subject.serves('second');
    t.pass(`${signal}: ${cell}`);
    return;
  }
  // Signals are taken in their order, so this line comes when the one before was looked at.
  const earlier = subject.lines('SIGUSR2');
  subject.send('SIGUSR2');
  await until(() => subject.lines('SIGUSR2') > earlier, 'a line about SIGUSR2');
  t.ok(isAlive(subject.pid), `${signal}: ${cell}`);
}

const ENDS = /^(ends|drains)/;
const LATE = ['SIGUSR1', 'SIGTERM', 'SIGINT', 'SIGUSR2', 'SIGHUP'];

// Its listeners are for all of those below.
new Family(t);

for (const row of rows()) {
  t.test(`${row.process}, ${row.phase}`, { skip }, async (t) => {
    const all: (Signal | 'parent')[] = [...SIGNALS, 'parent'];
    // Those after which it goes on are sent to one process, one after the other.
    const mild = all.filter((signal) => !ENDS.test(row.cells[signal]) && signal !== 'parent');
    const subject = new Subject(t, row);
    await subject.start();
    // SIGUSR1 first, and last what lets a drain come to its end.
    for (const signal of mild.sort((a, b) => LATE.indexOf(a) - LATE.indexOf(b))) await check(t, subject, row, signal);
    if (!(row.phase === 'draining')) await subject.goesOn();
    await subject.family.end();
    for (const signal of all.filter((one) => !mild.includes(one))) {
      const another = new Subject(t, row);
      await another.start();
      await check(t, another, row, signal);
      if (!ENDS.test(row.cells[signal]) && row.phase !== 'draining') await another.goesOn();
      await another.family.end();
    }
  });
}

t.test('the table has every process and every signal', async (t) => {
  t.equal(rows().length, 11);
  for (const { process: name, phase, cells } of rows())
    for (const [signal, cell] of Object.entries(cells)) t.ok(cell, `${name}, ${phase}, ${signal}`);
});
