/**
 * What a machine knows from one start to the next: bytes of its clock's CMOS memory, which a reset leaves alone.
 * Debian's kernel offers them to no program as a file (it has no `/dev/port`), and JavaScript has no words for I/O
 * ports: so there is a program of a few instructions for each thing to remember. The right to use the clock's ports is
 * inherited from `/init`, which asked for it before the kernel was locked down; without it a program ends by a signal.
 */
import { spawnSync } from 'node:child_process';
import { Program } from '../machine/machine-code.js';
import { CRASHES_AT, GIVEN, NO_CRASHES } from './init.js';

const TAKEN_AT = 0x7d;
const TAKEN = 0xa7;

const exit = 60;

const FOLDER = '/remember';

/** Programs for the runtime, by path. */
export function cmosPrograms(): { path: string; content: Uint8Array }[] {
  const put = (at: number, value: number): Program =>
    new Program().portOut(0x70, at).portOut(0x71, value).call(exit, 0);
  const taken = new Program().portOut(0x70, TAKEN_AT).portIn(0x71).ifByte(TAKEN, 'yes').call(exit, 1);
  const programs: [string, Program][] = [
    ['healthy', put(CRASHES_AT, NO_CRASHES)],
    ['given', put(CRASHES_AT, GIVEN)],
    ['taken', put(TAKEN_AT, TAKEN)],
    ['has-taken', taken.label('yes').call(exit, 0)],
  ];
  return programs.map(([name, program]) => ({ path: `${FOLDER.slice(1)}/${name}`, content: program.link() }));
}

/** This start was none of those that end in a crash: they are counted anew. */
export function forgetCrashes(): void {
  run('healthy');
}

/** Another machine has the traffic: this one must never serve again. */
export function neverAgain(): void {
  run('given');
}

/** This machine has taken the traffic of another: when it is started again, it serves by itself. */
export function rememberTaken(): void {
  run('taken');
}

export function hasTaken(): boolean {
  return run('has-taken');
}

/** A machine without a clock of that kind remembers nothing. */
function run(name: string): boolean {
  return spawnSync(`${FOLDER}/${name}`, { stdio: 'ignore' }).status === 0;
}
