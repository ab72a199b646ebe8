/**
 * A simulated network's frame: virtual time, the seed that everything is drawn from, the cables, and the record of what
 * happened on them.
 *
 * What becomes of the n-th frame on a cable is drawn from the seed, the cable and n alone. So a fault can be taken out
 * of a run (`forgiven`) and the others stay as they are: that is how a failing run is made smaller.
 */
import {
  corrupted,
  FATE_CLEAN,
  FATE_CORRUPTED,
  FATE_DUPLICATED,
  FATE_LOST,
  FATE_QUEUE_FULL,
  FATE_REORDERED,
  type Faults,
  Impairment,
  NO_FAULTS,
} from '../../src/net/device/wrap/faults.js';
import { SeededRandom } from '../../src/net/host/seeded-random.js';
import { VirtualTime } from '../../src/net/host/virtual-time.js';

/** What a cable is plugged into. Frames are shared, and never changed by whoever gets one. */
export interface Port {
  /** A frame arrives. */
  take(frame: Uint8Array): void;
}

/** A frame on a cable, as the record keeps it. */
export interface Sighting {
  readonly time: number;
  /** The wire: one direction of one cable. */
  readonly wire: number;
  readonly number: number;
  readonly fate: number;
  readonly frame: Uint8Array;
}

export function fateText(fate: number): string {
  const names: [number, string][] = [
    [FATE_LOST, 'lost'],
    [FATE_QUEUE_FULL, 'lost: queue full'],
    [FATE_DUPLICATED, 'duplicated'],
    [FATE_CORRUPTED, 'corrupted'],
    [FATE_REORDERED, 'held back'],
  ];
  return names
    .filter(([bit]) => (fate & bit) !== 0)
    .map(([, name]) => name)
    .join(', ');
}

/** A fault that was carried out: `wire * 2 ** 32 + number of the frame`. */
export type FaultKey = number;

const RANDOM_FATES = FATE_LOST | FATE_DUPLICATED | FATE_CORRUPTED | FATE_REORDERED;

export class World {
  readonly time = new VirtualTime();
  readonly random: SeededRandom;
  /** Names of the wires, by their numbers. */
  readonly wires: string[] = [];
  /** Random faults that were carried out, in order. */
  readonly faults: FaultKey[] = [];
  /** Every frame, when the world is told to remember them. */
  readonly sightings: Sighting[] = [];
  /** Frames that were sent on all cables; bytes in them. */
  frames = 0;
  bytes = 0;
  /** Frames that arrive are counted by what became of them. */
  lost = 0;
  delivered = 0;
  /** Of every frame's time, wire and first octets: two runs that differ anywhere differ here. */
  trace = 0x811c9dc5 | 0;
  private readonly dice: SeededRandom;

  constructor(
    readonly seed: number,
    /** Which faults are not carried out; undefined: all are. */
    private readonly forgiven: ((key: FaultKey) => boolean) | undefined = undefined,
    private readonly remember = false,
  ) {
    this.random = new SeededRandom(seed);
    this.dice = new SeededRandom(seed);
  }

  /** A wire's end: what is put in comes out at `to`, or not. */
  wire(name: string, to: Port, faults: Faults = NO_FAULTS): (frame: Uint8Array) => void {
    const wire = this.wires.length;
    this.wires.push(name);
    const way = new Impairment(faults);
    let number = 0;
    return (frame) => {
      const n = number++;
      const key = wire * 0x1_0000_0000 + n;
      this.frames += 1;
      this.bytes += frame.length;
      this.note(wire, frame);
      this.dice.reset(this.seed, wire + 1, n + 1);
      way.decide(frame.length, this.time.now(), this.dice, this.forgiven?.(key) ?? false);
      const { fate, copies } = way;
      if ((fate & RANDOM_FATES) !== FATE_CLEAN) this.faults.push(key);
      const arrives = (fate & FATE_CORRUPTED) !== 0 ? corrupted(frame, this.dice) : frame;
      if (this.remember) this.sightings.push({ time: this.time.now(), wire, number: n, fate, frame });
      if (copies === 0 || arrives === undefined) {
        this.lost += 1;
        return;
      }
      for (let i = 0; i < copies; i++) {
        this.time.schedule(way.after[i] as number, () => {
          this.delivered += 1;
          to.take(arrives);
        });
      }
    };
  }

  private note(wire: number, frame: Uint8Array): void {
    let hash = this.trace ^ wire ^ Math.imul(frame.length, 0x9e3779b1) ^ Math.trunc(this.time.now() * 1000);
    for (let i = 14; i < frame.length && i < 66; i++) hash = Math.imul(hash ^ (frame[i] as number), 0x01000193);
    this.trace = hash;
  }
}
