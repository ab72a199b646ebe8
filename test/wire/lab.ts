/**
 * A laboratory of real network namespaces: `host`, with a bridge where the server's TAP goes, and as many clients as a
 * test wants, each on a veth of its own. Nothing of it touches the machine's own network. Whatever it made it removes,
 * also when a test fails or is told to end: processes by their own handles, namespaces by their names, which carry this
 * process's id.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Who the lab belongs to: a tap test, or a bench that calls what it was given when it ends. */
export interface Owner {
  teardown(callback: () => Promise<void>): void;
}

export interface Output {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program that runs in a namespace, with what it has said so far. */
export class Program {
  stdout = '';
  stderr = '';
  readonly exit: Promise<number>;
  private readonly waiters: (() => void)[] = [];
  private over = false;

  constructor(
    readonly child: ChildProcess,
    readonly command: string,
  ) {
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
      this.tell();
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
      this.tell();
    });
    this.exit = new Promise((resolve) => {
      child.on('error', (error) => {
        this.stderr += `${error.message}\n`;
        resolve(127);
      });
      child.on('close', (code, signal) => {
        this.over = true;
        resolve(code ?? (signal === null ? 1 : 128));
        this.tell();
      });
    });
  }

  get running(): boolean {
    return !this.over;
  }

  private tell(): void {
    for (const waiter of this.waiters.splice(0)) waiter();
  }

  /** Waits until `pattern` is in stdout or stderr; rejects when the program ends first or `seconds` pass. */
  async says(pattern: RegExp, seconds = 20): Promise<RegExpExecArray> {
    const until = Date.now() + seconds * 1000;
    for (;;) {
      const match = pattern.exec(this.stdout) ?? pattern.exec(this.stderr);
      if (match !== null) return match;
      if (this.over || Date.now() >= until) {
        throw new Error(
          `${this.command} ${this.over ? 'ended' : `did not within ${seconds} s`} without saying ${pattern}\nstdout: ${this.stdout}\nstderr: ${this.stderr}`,
        );
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(500, until - Date.now()));
        this.waiters.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  /** Asks it to end, and insists after `seconds`. */
  async stop(seconds = 15): Promise<number> {
    if (this.over) return this.exit;
    this.signal('SIGTERM');
    const timer = setTimeout(() => this.signal('SIGKILL'), seconds * 1000);
    const status = await this.exit;
    clearTimeout(timer);
    return status;
  }
}

/** One network namespace. */
export class Namespace {
  constructor(
    readonly lab: Lab,
    readonly name: string,
  ) {}

  /** Runs a program to its end. Never throws for its status. */
  async run(command: string, args: readonly string[], input = ''): Promise<Output> {
    const program = this.start(command, args);
    program.child.stdin?.on('error', () => {});
    program.child.stdin?.end(input);
    const status = await program.exit;
    return { status, stdout: program.stdout, stderr: program.stderr };
  }

  start(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Program {
    const child = spawn('ip', ['netns', 'exec', this.name, command, ...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    const program = new Program(child, command);
    this.lab.programs.add(program);
    return program;
  }

  /** `ip` with these words; throws when it fails. */
  ip(words: string): void {
    execFileSync('ip', ['-n', this.name, ...words.split(' ')], { stdio: ['ignore', 'ignore', 'pipe'] });
  }
}

let labs = 0;

export class Lab {
  readonly programs = new Set<Program>();
  /** A folder that goes with the lab. */
  readonly folder = mkdtempSync(join(tmpdir(), 'sitekernel-lab-'));
  readonly host: Namespace;
  private readonly namespaces: Namespace[] = [];
  private readonly prefix = `sk-${process.pid}-${labs++}`;
  private clients = 0;
  private readonly atExit = (): void => this.remove();

  /** `gateway`: the bridge's address with its prefix, `10.77.0.1/24`; without it there is no bridge. */
  constructor(owner: Owner, gateway?: string) {
    removeLeftovers();
    process.once('exit', this.atExit);
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));
    owner.teardown(() => this.close());
    this.host = this.namespace('host');
    if (gateway === undefined) return;
    this.host.ip('link add name br0 type bridge');
    this.host.ip(`addr add ${gateway} dev br0`);
    this.host.ip('link set br0 up');
  }

  namespace(name: string): Namespace {
    const made = new Namespace(this, `${this.prefix}-${name}`);
    execFileSync('ip', ['netns', 'add', made.name]);
    this.namespaces.push(made);
    made.ip('link set lo up');
    return made;
  }

  /** A namespace whose `eth0` has `address` (with its prefix) and is a port of the host's bridge. */
  client(address: string): Namespace {
    const number = this.clients++;
    const made = this.namespace(`client${number}`);
    this.host.ip(`link add name port${number} type veth peer name eth0 netns ${made.name}`);
    this.host.ip(`link set port${number} master br0 up`);
    // No IPv6: an address that appears a second later is a change of the network, and browsers abort for that.
    made.ip('link set eth0 addrgenmode none');
    made.ip(`addr add ${address} dev eth0`);
    made.ip('link set eth0 up');
    return made;
  }

  /** Ends what runs and removes what was made. */
  async close(): Promise<void> {
    await Promise.all([...this.programs].map((program) => program.stop(3)));
    this.remove();
    process.removeListener('exit', this.atExit);
  }

  private remove(): void {
    for (const program of this.programs) if (program.running) program.signal('SIGKILL');
    this.programs.clear();
    for (const { name } of this.namespaces.splice(0)) removeNamespace(name);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function removeNamespace(name: string): void {
  endThoseIn(name);
  try {
    execFileSync('ip', ['netns', 'del', name], { stdio: 'ignore' });
  } catch {
    // It is gone already.
  }
}

/**
 * What programs of the lab left running in the namespace: a daemon, cron's last job. Everything in it was started by
 * the lab.
 */
function endThoseIn(name: string): void {
  let pids: string;
  try {
    pids = execFileSync('ip', ['netns', 'pids', name], { stdio: ['ignore', 'pipe', 'ignore'] }).toString();
  } catch {
    return;
  }
  for (const pid of pids.split('\n').filter((line) => line !== '')) {
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It ended by itself.
    }
  }
}

/** Namespaces of labs whose process was killed before it could clean up. */
function removeLeftovers(): void {
  if (!existsSync('/run/netns')) return;
  for (const name of readdirSync('/run/netns')) {
    const match = /^sk-(\d+)-/.exec(name);
    if (match !== null && !existsSync(`/proc/${match[1]}`)) removeNamespace(name);
  }
}
