/** One fuzzed run: a stack of its own, some hundred frames, and what was wrong. */
import { Frames } from './frames.js';
import { PEERS, Problem, Subject } from './subject.js';
import { Tape } from './tape.js';

export interface Episode {
  readonly seed: number;
  readonly frames: number;
  readonly tape: Uint8Array;
  /** Undefined: everything held. */
  readonly problem: string | undefined;
}

/** Frames between two looks at every connection. */
const LOOK = 16;

/** Plays `recorded`, then draws from `seed`, until `frames` frames went in. */
export function runEpisode(
  seed: number,
  frames: number,
  recorded?: Uint8Array,
  watch?: (frame: Uint8Array, now: number) => void,
): Episode {
  const tape = new Tape(seed, recorded);
  let count = 0;
  let problem: string | undefined;
  try {
    const subject = new Subject(tape);
    const source = new Frames(tape, subject);
    while (count < frames) {
      for (const frame of source.next()) {
        count++;
        watch?.(frame, subject.now);
        subject.input(frame);
        if (count % LOOK === 0) subject.check();
      }
      live(subject, tape);
    }
    subject.finish();
  } catch (error) {
    problem = error instanceof Problem ? error.message : `threw: ${error instanceof Error ? error.stack : error}`;
  }
  return { seed, frames: count, tape: tape.recorded(), problem };
}

/** Between frames: owners act, time passes. */
function live(subject: Subject, tape: Tape): void {
  if (tape.chance(12)) {
    const all = [...subject.tcp.connections];
    if (all.length > 0) subject.act(all[tape.below(all.length)]!);
  }
  if (tape.chance(2)) subject.open(tape.pick(PEERS), tape.pick([80, 5000]));
  const kind = tape.byte();
  if (kind < 150) subject.advance(0);
  else if (kind < 220) subject.advance(tape.below(50));
  else if (kind < 252) subject.advance(tape.below(1500));
  else subject.advance(tape.below(90_000));
}
