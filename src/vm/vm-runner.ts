/**
 * Runs machine images on this host: a process of `run-qemu` for each machine, which outlives whoever started it.
 *
 * A replacement boots beside the running machine on a TAP of its own that is on no bridge yet, with the same addresses. When it
 * serves, its TAP joins the bridge and the old one's leaves it: no new connection is refused. What is under way on the old
 * machine ends. An address by DHCP cannot be had off the bridge: there the old machine ends first.
 */
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { MakeRunner, Runner, Running, StagedImage } from '../deploy/runner.js';

/** Milliseconds between two looks at a machine, until it must serve (emulated ones are slow), and until one must have ended. */
const LOOK = 100;
const START = 300_000;
const STOP = 120_000;
/** Milliseconds until one that did not come up is gone. */
const GIVE_UP = 10_000;

interface State extends Running {
  /** Of the image. */
  readonly folder: string;
  readonly tap: string;
  /** In clock ticks since boot: a process number that was used again is another's. */
  readonly born: string;
}

export const vmRunner: MakeRunner = (options) => vmRunnerWithin(START, options);

/** `start`: milliseconds until a machine must serve; one that does not is ended. */
export function vmRunnerWithin(start: number, { hostFolder, args, log }: Parameters<MakeRunner>[0]): Runner {
  const folder = join(hostFolder, 'run');
  const file = join(folder, 'vm.json');
  const base = argument(args, '--tap') ?? 'tap0';
  const bridge = argument(args, '--bridge');

  const current = (): State | undefined => {
    try {
      const state = JSON.parse(readFileSync(file, 'utf8')) as State;
      return bornAt(state.pid) === state.born ? state : undefined;
    } catch {
      return undefined;
    }
  };

  /** Boots on `tap`; on the bridge from the start, or not. */
  const boot = async (image: Bootable, tap: string, onBridge: boolean): Promise<State> => {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const output = join(folder, `${tap}.out`);
    const log = join(folder, `${tap}.log`);
    const descriptors = [openSync(output, 'w', 0o600), openSync(log, 'w', 0o600)];
    const more = ['--tap', tap, '--mac', argument(args, '--mac') ?? stableMac(`${hostFolder}\0${base}`)];
    const child = spawn(join(image.folder, 'run'), [...argsWithout(args, onBridge), ...more], {
      cwd: hostFolder,
      detached: true,
      stdio: ['ignore', ...descriptors],
    });
    for (const fd of descriptors) closeSync(fd);
    let over = false;
    for (const event of ['exit', 'error']) child.on(event, () => (over = true));
    child.unref();
    for (const until = Date.now() + start; Date.now() < until && !over; ) {
      const url = /^listening on (\S+)$/m.exec(readFileSync(output, 'utf8'))?.[1];
      if (url !== undefined) {
        const pid = child.pid!;
        const { id, bundle, folder } = image;
        return { image: id, bundle, folder, url, pid, since: Date.now(), tap, born: bornAt(pid)! };
      }
      await pause();
    }
    const said = readFileSync(log, 'utf8')
      .trim()
      .split('\n')
      .filter((line) => line.startsWith('sitekernel: '));
    // Its TAP goes with it: the next one may get the same name. A second signal takes its machine away at once.
    for (let asked = 0; asked < 2 && !over; asked++) {
      child.kill('SIGTERM');
      for (const until = Date.now() + GIVE_UP; Date.now() < until && !over; ) await pause();
    }
    throw new Error(said.at(-1)?.replace('sitekernel: ', '') ?? 'the machine did not serve in time');
  };

  const keep = (state: State): Running => {
    writeFileSync(file, `${JSON.stringify(state)}\n`, { mode: 0o600 });
    return runningOf(state);
  };

  const end = async (state: State): Promise<void> => {
    process.kill(state.pid, 'SIGTERM');
    for (const until = Date.now() + STOP; Date.now() < until; await pause())
      if (bornAt(state.pid) !== state.born) return;
    process.kill(state.pid, 'SIGKILL');
    throw new Error('the machine did not power off in time');
  };

  const oneAfterTheOther = async (old: State, next: Bootable): Promise<Running> => {
    log('the machine ends before the next begins: that is so without --bridge, and with an address by DHCP');
    await end(old);
    try {
      return keep(await boot(next, base, true));
    } catch (error) {
      keep(await boot({ id: old.image, bundle: old.bundle, folder: old.folder }, base, true));
      throw error;
    }
  };

  const replace = async (image: StagedImage): Promise<Running> => {
    const old = current();
    const next = bootable(image);
    if (old === undefined) return keep(await boot(next, base, true));
    const isStatic = argument(args, '--ipv4') !== undefined || image.manifest.network['ipv4'] !== undefined;
    if (!isStatic || bridge === undefined) return oneAfterTheOther(old, next);
    const tap = old.tap === base ? `${base.slice(0, 14)}n` : base;
    const state = await boot(next, tap, false);
    // First both, so that there is always one who answers; the bridge forgets where the old one was when it leaves.
    ip('link', 'set', tap, 'master', bridge);
    ip('link', 'set', old.tap, 'nomaster');
    const running = keep(state);
    log(`the machine on ${tap} took over from that on ${old.tap}`);
    await end(old).catch((error: Error) => log(error.message));
    return running;
  };

  return {
    status: async () => {
      const state = current();
      return state === undefined ? undefined : runningOf(state);
    },
    start: async (image) => keep(await boot(bootable(image), base, true)),
    // The site is a disk of the machine: another one is another machine.
    swap: replace,
    replace,
    stop: async () => {
      const state = current();
      if (state !== undefined) await end(state);
      rmSync(file, { force: true });
    },
  };
}

interface Bootable {
  readonly id: string;
  readonly bundle: string;
  readonly folder: string;
}

function bootable({ id, folder, manifest }: StagedImage): Bootable {
  return { id, folder, bundle: manifest.site.bundle.id };
}

/** Locally administered, the same at every start of this machine: whoever takes over has the old one's. */
function stableMac(what: string): string {
  let machine: string;
  try {
    machine = readFileSync('/etc/machine-id', 'utf8');
  } catch {
    machine = hostname();
  }
  const hash = createHash('sha256').update(`${machine}\0${what}`).digest('hex').slice(0, 10);
  return `02:${hash.match(/../g)!.join(':')}`;
}

function runningOf({ image, bundle, url, pid, since }: State): Running {
  return { image, bundle, url, pid, since };
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, LOOK));
}

function argument(args: readonly string[], name: string): string | undefined {
  const at = args.lastIndexOf(name);
  return at < 0 ? undefined : args[at + 1];
}

/** Without those that the runner decides. */
function argsWithout(args: readonly string[], bridge: boolean): string[] {
  const left: string[] = [];
  for (let i = 0; i < args.length; i++) {
    if (args[i] === '--tap' || args[i] === '--mac' || (args[i] === '--bridge' && !bridge)) i += 1;
    else left.push(args[i]!);
  }
  return left;
}

/** When the process began; undefined: there is none. */
function bornAt(pid: number): string | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

function ip(...words: string[]): void {
  execFileSync('ip', words, { stdio: ['ignore', 'ignore', 'pipe'] });
}
