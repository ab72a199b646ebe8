/** A supervisor on the kernel's sockets, as a user runs it, for tests. */

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Test } from 'tap';
import { askControl } from '../../src/control/client.js';
import type { ControlRequest } from '../../src/control/protocol.js';
import { bundleDirectory } from '../../src/store/index.js';
import { Family, kill } from './family.js';

export { kill };

export const MAIN = resolve('build', 'src', 'main.js');

export interface Status {
  readonly ok: boolean;
  readonly pid: number;
  readonly state: string;
  readonly moved: number;
  readonly image: string;
  readonly bundle: string;
  readonly error: string;
}

export class Supervised {
  readonly control: string;
  errors = '';
  readonly pids = new Set<number>();
  readonly family: Family;
  supervisor!: ChildProcess;

  constructor(
    t: Test,
    readonly port: number,
    readonly site: string,
    folder = mkdtempSync(join(tmpdir(), 'sk-')),
  ) {
    t.teardown(() => rmSync(folder, { recursive: true, force: true }));
    this.control = join(folder, 'control.sock');
    this.family = new Family(t);
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/`;
  }

  /** Starts a supervisor with options of its own, and of its programs; resolves when it serves. */
  async start(argv: readonly string[] = [], options: readonly string[] = []): Promise<void> {
    const port = ['--port', String(this.port)];
    const args = ['supervise', '--control', this.control, ...argv, '--', ...port, ...options, this.site];
    const child = spawn(process.execPath, [MAIN, ...args], {
      stdio: ['ignore', 'inherit', 'pipe'],
      env: this.family.env,
    });
    this.supervisor = child;
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.errors += text;
    });
    const ended = new Promise<never>((_resolve, reject) => {
      child.on('exit', () => reject(new Error(`the supervisor ended: ${this.errors}`)));
    });
    ended.catch(() => undefined);
    await Promise.race([this.until((status) => status.state === 'serving'), ended]);
  }

  async ask(request: object): Promise<Status> {
    const status = (await askControl(this.control, request as ControlRequest)) as unknown as Status;
    if (status.pid > 0) this.pids.add(status.pid);
    return status;
  }

  /** Processes that the supervisor has started. */
  children(): number[] {
    if (this.supervisor.exitCode !== null || this.supervisor.signalCode !== null) return [];
    return childrenOf(this.supervisor.pid as number);
  }

  /** Asks for the status until it is so. */
  async until(so: (status: Status) => boolean): Promise<Status> {
    for (let i = 0; ; i++) {
      const status = await this.ask({ do: 'status' }).catch((error: Error) => ({ error: error.message }) as Status);
      if (so(status)) return status;
      if (i === 400) throw new Error(`it never came to that: ${JSON.stringify(status)} ${this.errors}`);
      await new Promise((done) => setTimeout(done, 25));
    }
  }
}

/** Processes that `pid` has started. */
export function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return text === '' ? [] : text.split(' ').map(Number);
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as { port: number };
  await new Promise((done) => server.close(done));
  return port;
}

/** A bundle of these files. */
export async function bundleOf(
  t: Test,
  name: string,
  files: Readonly<Record<string, string | Buffer>>,
): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'sk-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, name));
  for (const [file, content] of Object.entries(files)) writeFileSync(join(folder, name, file), content);
  const output = join(folder, `${name}.bundle`);
  await bundleDirectory(join(folder, name), output, { compression: 'none', cache: false });
  return output;
}

export async function supervised(t: Test, files: Readonly<Record<string, string | Buffer>>): Promise<Supervised> {
  const one = new Supervised(t, await freePort(), await bundleOf(t, 'site', files));
  await one.start();
  return one;
}
