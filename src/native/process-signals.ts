/**
 * What each signal does to this process, from its first line on (docs/signals.md). A process is of one of three kinds,
 * and until it is known which, signals wait:
 *
 *   command   does one thing: SIGTERM, SIGINT and SIGHUP end it, with 128 and the signal's number
 *   server SIGTERM and SIGINT: the first drains, the second ends at once. SIGHUP reads the sites again, or drains when
 *   the terminal is gone
 *   worker    its parent drains it; signals for the whole group are left to that, until the parent is gone
 */
import { fstatSync } from 'node:fs';
import { constants } from 'node:os';
import { expectSystemError } from '../errors/codes.js';
import { writeError } from '../errors/standard-error.js';
import { libc } from './libc/libc.js';

type Ending = 'SIGTERM' | 'SIGINT' | 'SIGHUP';
const ENDING = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
/** By default the first opens a debugger, and the second ends the process. */
const IDLE = ['SIGUSR1', 'SIGUSR2'] as const;

/** Device number of /dev/null and its like (Linux, admin-guide/devices.txt). */
const MEMORY_DEVICES = 1;

class ProcessSignals {
  private installed = false;
  private readonly early: Ending[] = [];
  private take: ((signal: Ending) => void) | undefined = undefined;
  private readonly reloads: (() => void)[] = [];
  /** A SIGHUP came before there was something to read again. */
  private reloadLater = false;
  /** Standard descriptors that were a terminal at the start. */
  private terminals: number[] = [];
  private tell: (sentence: string) => void = (sentence) => writeError(`sitekernel: ${sentence}\n`);

  /** Standard error was a terminal at the start. */
  get atTerminal(): boolean {
    return this.terminals.includes(2);
  }

  /** Call before anything else. */
  install(): void {
    if (this.installed || process.platform === 'win32') return;
    this.installed = true;
    this.terminals = [0, 1, 2].filter(mayBeTerminal);
    for (const signal of ENDING) {
      process.on(signal, () => {
        if (this.take === undefined) this.early.push(signal);
        else this.take(signal);
      });
    }
    for (const signal of IDLE) process.on(signal, () => this.tell(`${signal} means nothing here, and is ignored`));
  }

  /** This process is a command. */
  command(): void {
    this.decide((signal) => endBy(signal));
  }

  /** This process is a server. Resolves at the first signal that drains. `tell` takes messages for the log. */
  server(tell?: (sentence: string) => void): Promise<NodeJS.Signals> {
    if (tell !== undefined) this.tell = tell;
    return new Promise((resolve) => {
      let draining = false;
      this.decide((signal) => {
        const drain = (): void => {
          draining = true;
          resolve(signal);
        };
        // A terminal that closes says so several times: by the kernel, by the shell, by npm. None of them is the second
        // of its kind.
        if (signal === 'SIGHUP') return this.hangUp(drain);
        if (draining) endBy(signal);
        drain();
      });
    });
  }

  /** This process is a worker. `orphaned` is called when a signal comes and its parent is gone. */
  worker(hasParent: () => boolean, orphaned: () => void): void {
    this.decide((signal) => {
      if (!hasParent()) orphaned();
      else if (signal === 'SIGHUP') this.hangUp(() => undefined);
    });
  }

  /**
   * Runs `call`, which may wait in the kernel without a limit. Listeners cannot run meanwhile, so that a signal ends
   * the process, as it does by default.
   */
  whileWaiting<T>(call: () => T): T {
    const before = ENDING.map((signal) => [signal, process.listeners(signal)] as const);
    for (const signal of ENDING) process.removeAllListeners(signal);
    try {
      return call();
    } finally {
      for (const [signal, listeners] of before) for (const one of listeners) process.on(signal, one);
    }
  }

  /** Calls `reload` at each SIGHUP, and for one that came too early, until the function that it returns is called. */
  onReload(reload: () => void): () => void {
    this.reloads.push(reload);
    if (this.reloadLater) {
      this.reloadLater = false;
      reload();
    }
    return () => {
      const at = this.reloads.indexOf(reload);
      if (at >= 0) this.reloads.splice(at, 1);
    };
  }

  private hangUp(gone: () => void): void {
    if (this.terminals.length === 0) return this.reload();
    // Loaded when it is needed: with it comes what serves Node's own sockets.
    void import('node:tty').then(({ isatty }) => {
      if (this.terminals.some((fd) => isatty(fd))) return this.reload();
      // Node gives each terminal its settings back at the end, and crashes on one that is gone.
      process.on('exit', leave);
      gone();
    });
  }

  private reload(): void {
    if (this.reloads.length === 0) this.reloadLater = true;
    for (const one of this.reloads) one();
  }

  private decide(take: (signal: Ending) => void): void {
    this.install();
    this.take = take;
    for (const signal of this.early.splice(0)) take(signal);
  }
}

function leave(status: number): void {
  if (process.platform === 'linux') libc()._exit(status);
  process.kill(process.pid, 'SIGKILL');
}

/**
 * Listeners of `exit` tidy up. Then Node would wait for its threads, and one may be in the kernel for as long as a FIFO
 * has no reader.
 */
function endBy(signal: Ending): never {
  if (process.platform === 'linux') process.on('exit', leave);
  process.exit(128 + constants.signals[signal]);
}

function mayBeTerminal(fd: number): boolean {
  try {
    const stats = fstatSync(fd);
    return stats.isCharacterDevice() && stats.rdev >> 8 !== MEMORY_DEVICES;
  } catch (error) {
    // It is closed.
    expectSystemError(error);
    return false;
  }
}

/** Signals are of the whole process, and so is this. */
export const signals = new ProcessSignals();
