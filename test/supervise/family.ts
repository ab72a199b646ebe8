/**
 * Every process that a test started, and those that these started, also when whoever started one is gone: they are
 * known by a word in their environment that nobody else has. They end with the test, also when it fails or is told to
 * end.
 */
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import type { Test } from 'tap';

const NAME = 'SITEKERNEL_TEST';
/** Looks until all are gone, 5 ms apart. */
const LOOKS = 1000;

const alive = new Set<Family>();

function endAll(): void {
  for (const family of alive) family.endNow();
}

export class Family {
  private readonly id = randomUUID();

  constructor(t: Test) {
    if (alive.size === 0) {
      process.once('exit', endAll);
      for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));
    }
    alive.add(this);
    t.teardown(() => this.end());
  }

  /** The environment of whatever is started. */
  get env(): NodeJS.ProcessEnv {
    return { ...process.env, [NAME]: this.id };
  }

  /** Those that run. */
  pids(): number[] {
    const word = `${NAME}=${this.id}`;
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name) && environmentOf(name).includes(word))
      .map(Number);
  }

  /** Ends all of them. Resolves when none is left. */
  async end(): Promise<void> {
    for (let look = 0; this.endNow() > 0; look++) {
      if (look === LOOKS) throw new Error(`processes that do not end: ${this.pids().join(' ')}`);
      await new Promise((done) => setTimeout(done, 5));
    }
    alive.delete(this);
  }

  /** Answers how many there were. */
  endNow(): number {
    const pids = this.pids();
    pids.forEach(kill);
    return pids.length;
  }
}

function environmentOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0');
  } catch {
    // It ended just now, or is another user's.
    return [];
  }
}

export function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It is gone.
  }
}
