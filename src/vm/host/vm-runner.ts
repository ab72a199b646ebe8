/**
 * Runs machine images on this host: a process of `run-qemu` for each machine, which outlives the process that started
 * it.
 *
 * A replacement boots beside the running machine on a TAP of its own on the same bridge, with the same addresses, and
 * sends nothing until it has tested its site. Then it takes the traffic over, through a port between the two machines:
 * the old one finishes what is open, gets the segments of that handed on, and sends by itself; the bridge only must not
 * learn from that. Without a bridge, or with another address, or when the old one does not hand over in a way that the
 * new one knows, the old machine ends first.
 */
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, existsSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Running } from '../../control/protocol.js';
import { expectCode, expectSystemError, hasCode } from '../../errors/codes.js';
import { parseJson } from '../../errors/parse-json.js';
import { errorText } from '../../errors/report.js';
import { UserError } from '../../errors/user-error.js';
import type { MakeRunner, Runner, StagedImage } from '../../image/runner.js';
import { makeFolder } from '../../native/make-folder.js';
import { ENDED, IN_ORDER, IS_UP } from '../guest/init.js';
import { portOf, unlearned } from './bridge-port.js';
import { NO_HAND_OVER } from './ports.js';

/**
 * Milliseconds between two looks at a machine, until it must serve (emulated ones are slow), and until one must have
 * ended.
 */
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
  /** What it serves on: a successor must have the same. */
  readonly address?: string;
  /** The machine before it, which may still finish what was open. */
  readonly former?: Former | undefined;
}

type Former = Pick<State, 'pid' | 'born' | 'tap'>;

export const vmRunner: MakeRunner = (options) => vmRunnerWithin(START, options);

/** `start`: milliseconds until a machine must serve; one that does not is ended. */
export function vmRunnerWithin(start: number, { hostFolder, args, log }: Parameters<MakeRunner>[0]): Runner {
  const folder = join(hostFolder, 'run');
  const file = join(folder, 'vm.json');
  const base = argument(args, '--tap') ?? 'tap0';
  const bridge = argument(args, '--bridge');

  const current = (): State | undefined => {
    if (!existsSync(file)) return undefined;
    const state = Object(parseJson(readFileSync(file, 'utf8'))) as Partial<State>;
    return state.pid !== undefined && bornAt(state.pid) === state.born ? (state as State) : undefined;
  };

  /** Boots on `tap`. `old`: the machine whose traffic it takes over. */
  const boot = async (image: Bootable, tap: string, old?: State): Promise<State> => {
    makeFolder(folder, 0o700);
    const output = join(folder, `${tap}.out`);
    const log = join(folder, `${tap}.log`);
    const descriptors = [openSync(output, 'w', 0o600), openSync(log, 'w', 0o600)];
    const more = ['--tap', tap, '--mac', argument(args, '--mac') ?? stableMac(`${hostFolder}\0${base}`)];
    // Seen from the host's folder: a path to a socket must not be long.
    more.push('--successor', linkOf(tap));
    rmSync(join(hostFolder, linkOf(tap)), { force: true });
    if (old !== undefined) more.push('--predecessor', linkOf(old.tap));
    const child = spawn(join(image.folder, 'run'), [...argsWithout(args), ...more], {
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
        const { id, bundle, folder, address } = image;
        const former = old && { pid: old.pid, born: old.born, tap: old.tap };
        return { image: id, bundle, folder, address, url, pid, since: Date.now(), tap, born: bornAt(pid)!, former };
      }
      await pause();
    }
    const said = readFileSync(log, 'utf8')
      .trim()
      .split('\n')
      .filter((line) => line.startsWith('sitekernel: ') && ![IS_UP, ENDED, IN_ORDER].includes(line));
    // Its TAP goes with it: the next one may get the same name. A second signal takes its machine away at once.
    for (let asked = 0; asked < 2 && !over; asked++) {
      child.kill('SIGTERM');
      for (const until = Date.now() + GIVE_UP; Date.now() < until && !over; ) await pause();
    }
    const why = said.at(-1)?.replace('sitekernel: ', '') ?? 'the machine did not serve in time';
    // A machine has nothing but its console to say it with: here the line becomes a code.
    throw new UserError(why, why.startsWith(NO_HAND_OVER) ? 'no-hand-over' : 'unable');
  };

  const keep = (state: State): Running => {
    writeFileSync(file, `${JSON.stringify(state)}\n`, { mode: 0o600 });
    return runningOf(state);
  };

  const end = async (one: Former): Promise<void> => {
    if (bornAt(one.pid) !== one.born) return;
    process.kill(one.pid, 'SIGTERM');
    for (const until = Date.now() + STOP; Date.now() < until; await pause()) if (bornAt(one.pid) !== one.born) return;
    process.kill(one.pid, 'SIGKILL');
    throw new UserError('the machine did not power off in time');
  };

  const oneAfterTheOther = async (old: State, next: Bootable, why: string): Promise<Running> => {
    log(`the machine ends before the next begins: ${why}`);
    await end(old);
    try {
      return keep(await boot(next, base));
    } catch (error) {
      const { image: id, bundle, folder, address = '' } = old;
      keep(await boot({ id, bundle, folder, address }, base));
      throw error;
    }
  };

  const replace = async (image: StagedImage): Promise<Running> => {
    const old = current();
    const next = bootable(image, args);
    if (old === undefined) return keep(await boot(next, base));
    if (old.former !== undefined && bornAt(old.former.pid) === old.former.born) {
      log(`the machine on ${old.former.tap} still had open connections; it ends now`);
      await end(old.former).catch((error: unknown) => log(errorText(error)));
    }
    if (bridge === undefined) return oneAfterTheOther(old, next, 'that is so without --bridge');
    if (old.address !== next.address) return oneAfterTheOther(old, next, 'its address changes');
    if (!existsSync(join(hostFolder, linkOf(old.tap))))
      return oneAfterTheOther(old, next, 'it has no port to hand over at');
    const tap = old.tap === base ? `${base.slice(0, 14)}n` : base;
    ip(...unlearned(old.tap));
    let state: State;
    try {
      state = await boot(next, tap, old);
    } catch (error) {
      ip(...portOf(old.tap, true));
      const { message } = error as Error;
      // It has tested its site; what is amiss is between the two, as when their programs hand over in different ways.
      if (hasCode(error, 'no-hand-over')) return oneAfterTheOther(old, next, message);
      throw error;
    }
    ip(...portOf(old.tap, false));
    log(`the machine on ${tap} took over from that on ${old.tap}, which ends when its connections have`);
    return keep(state);
  };

  return {
    status: async () => {
      const state = current();
      return state === undefined ? undefined : runningOf(state);
    },
    start: async (image) => keep(await boot(bootable(image, args), base)),
    // The site is a disk of the machine: another one is another machine.
    swap: replace,
    replace,
    stop: async () => {
      const state = current();
      for (const one of [state, state?.former]) if (one !== undefined) await end(one);
      rmSync(file, { force: true });
    },
  };
}

interface Bootable {
  readonly id: string;
  readonly bundle: string;
  readonly folder: string;
  readonly address: string;
}

function bootable({ id, folder, manifest }: StagedImage, args: readonly string[]): Bootable {
  const addresses = (['ipv4', 'ipv6'] as const).map(
    (name) => argument(args, `--${name}`) ?? manifest.network[name] ?? '',
  );
  const own = [...addresses, argument(args, '--port') ?? ''];
  return { id, folder, bundle: manifest.site.bundle.id, address: own.join(' ') };
}

/** Where the machine on `tap` waits for its successor, seen from the host's folder. */
function linkOf(tap: string): string {
  return join('run', `${tap}.link`);
}

/** Locally administered, the same at every start of this machine: a replacement has the address of the old machine. */
function stableMac(what: string): string {
  let machine: string;
  try {
    machine = readFileSync('/etc/machine-id', 'utf8');
  } catch (error) {
    expectSystemError(error);
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
function argsWithout(args: readonly string[]): string[] {
  const left: string[] = [];
  for (let i = 0; i < args.length; i++) {
    if (args[i] === '--tap' || args[i] === '--mac') i += 1;
    else left.push(args[i]!);
  }
  return left;
}

/** When the process began; undefined: there is none. */
function bornAt(pid: number): string | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch (error) {
    expectCode(error, 'ENOENT', 'ESRCH');
    return undefined;
  }
}

/** Throws a UserError. */
function ip(...words: string[]): void {
  try {
    execFileSync('ip', words, { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' });
  } catch (error) {
    const { status, stderr } = error as { status?: unknown; stderr?: unknown };
    if (typeof status !== 'number') throw error;
    throw new UserError(`ip ${words.join(' ')}: ${String(stderr).trim()}`, 'unable');
  }
}
