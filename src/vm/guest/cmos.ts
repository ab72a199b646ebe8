/**
 * What a machine knows from one start to the next: bytes of its clock's CMOS memory, which a reset leaves alone.
 * Debian's kernel offers them to no program as a file (it has no `/dev/port`), and JavaScript has no words for I/O
 * ports: so there are programs of a few instructions. The right to use the clock's ports is inherited from `/init`,
 * which asked for it before the kernel was locked down; without it a program ends by a signal.
 *
 * A sealed server starts no program: the keeper is started before, takes orders of one byte, and answers each with a
 * byte once it is done.
 */
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, readSync, writeSync } from 'node:fs';
import { expectSystemError } from '../../errors/codes.js';
import { socketPair } from '../../native/watch.js';
import { Program } from '../machine/machine-code.js';
import { CRASHES_AT, GIVEN, NO_CRASHES } from './init.js';

const TAKEN_AT = 0x7d;
const TAKEN = 0xa7;

const read = 0;
const write = 1;
const pause = 34;
const exit = 60;

const FOLDER = '/remember';

/** Orders, and the byte of the clock that each sets. */
const ORDERS = {
  healthy: { order: 'h', at: CRASHES_AT, value: NO_CRASHES },
  given: { order: 'g', at: CRASHES_AT, value: GIVEN },
  taken: { order: 't', at: TAKEN_AT, value: TAKEN },
} as const;

/** Programs for the runtime, by path. */
export function cmosPrograms(): { path: string; content: Uint8Array }[] {
  const taken = new Program().portOut(0x70, TAKEN_AT).portIn(0x71).ifByte(TAKEN, 'yes').call(exit, 1);
  const programs: [string, Program][] = [
    ['keeper', keeper()],
    ['has-taken', taken.label('yes').call(exit, 0)],
  ];
  return programs.map(([name, program]) => ({ path: `${FOLDER.slice(1)}/${name}`, content: program.link() }));
}

/**
 * It never ends by itself: process 1 takes the first end that it hears of for the server's, and what the server leaves
 * behind is its own.
 */
function keeper(): Program {
  const byte = { place: 'order' };
  const p = new Program().label('next').call(read, 0, byte, 1).ifFailed('over').ifZero('over').loadByte('order', 0);
  for (const { order } of Object.values(ORDERS)) p.ifByte(order.charCodeAt(0), order);
  p.jump('next');
  for (const { order, at, value } of Object.values(ORDERS))
    p.label(order).portOut(0x70, at).portOut(0x71, value).jump('done');
  p.label('done').call(write, 1, byte, 1).jump('next');
  return p.label('over').call(pause).jump('over');
}

export class Clock {
  /** Started before the server is sealed. A machine without a clock of that kind remembers nothing. */
  static start(): Clock {
    const [ours, theirs] = socketPair();
    const child = spawn(`${FOLDER}/keeper`, { stdio: [theirs, theirs, 'ignore'], cwd: '/' });
    child.on('error', () => undefined);
    child.unref();
    closeSync(theirs);
    return new Clock(ours);
  }

  private constructor(private readonly fd: number) {}

  /** This start was none of those that end in a crash: they are counted anew. */
  forgetCrashes(): void {
    this.order('healthy');
  }

  /** Another machine has the traffic: this one must never serve again. */
  neverAgain(): void {
    this.order('given');
  }

  /** This machine has taken the traffic of another: when it is started again, it serves by itself. */
  rememberTaken(): void {
    this.order('taken');
  }

  private order(what: keyof typeof ORDERS): void {
    try {
      writeSync(this.fd, ORDERS[what].order);
      readSync(this.fd, new Uint8Array(1));
    } catch (error) {
      // The keeper has ended: there is no such clock.
      expectSystemError(error);
    }
  }
}

/** Before the server is sealed. */
export function hasTaken(): boolean {
  return spawnSync(`${FOLDER}/has-taken`, { stdio: 'ignore' }).status === 0;
}
