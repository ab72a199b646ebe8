/**
 * A link emulator: two TAPs, and between them a wire that delays, limits and loses as it is told. Prints `ready` when
 * both are up.
 *
 *   node build/bench/relay.js TAP TAP FAULTS [SEED [paired]]
 *
 * FAULTS as for `--faults`, the same in both directions. `paired`: what is lost depends on the connection and the kind
 * of segment alone.
 */
import { performance } from 'node:perf_hooks';
import { TapDevice } from '../src/net/device/linux/tap.js';
import { HEADROOM } from '../src/net/device/tx-frame.js';
import { corrupted, FATE_CORRUPTED, Impairment } from '../src/net/device/wrap/faults.js';
import { parseFaults } from '../src/net/device/wrap/faults-option.js';
import { SeededRandom } from '../src/net/host/seeded-random.js';
import { PairedLoss } from './paired-loss.js';

interface Held {
  readonly due: number;
  readonly frame: Uint8Array;
}

/** Frames looked at before the other direction has its turn. */
const BATCH = 64;

class Way {
  private readonly held: Held[] = [];
  private readonly impairment: Impairment;

  constructor(
    private readonly from: TapDevice,
    private readonly to: TapDevice,
    faults: string,
    private readonly random: SeededRandom,
    private readonly loses: (frame: Uint8Array) => boolean,
  ) {
    const all = parseFaults(faults);
    this.impairment = new Impairment(paired === undefined ? all : { ...all, loss: 0 });
  }

  /** Takes what waits and delivers what is due; answers whether anything is on the wire. */
  turn(): boolean {
    this.from.receive((bytes, start, end) => this.take(bytes.slice(start, end)), BATCH);
    const { held, to } = this;
    let due = 0;
    for (const now = performance.now(); due < held.length && (held[due] as Held).due <= now; due++) {
      const { frame } = held[due] as Held;
      to.tx.reset();
      to.tx.head.set(frame, HEADROOM);
      to.tx.length = frame.length;
      to.transmit();
    }
    held.splice(0, due);
    return held.length > 0;
  }

  private take(sent: Uint8Array): void {
    if (this.loses(sent)) return;
    const way = this.impairment;
    const now = performance.now();
    way.decide(sent.length, now, this.random);
    const frame = (way.fate & FATE_CORRUPTED) !== 0 ? corrupted(sent, this.random) : sent;
    if (frame === undefined) return;
    for (let i = 0; i < way.copies; i++) {
      const due = now + (way.after[i] as number);
      let at = this.held.length;
      while (at > 0 && (this.held[at - 1] as Held).due > due) at -= 1;
      this.held.splice(at, 0, { due, frame });
    }
  }
}

const [left, right, faults = '', seed = '1', how] = process.argv.slice(2);
if (left === undefined || right === undefined) {
  console.error('usage: relay TAP TAP FAULTS [SEED]');
  process.exit(2);
}
const paired = how === 'paired' ? new PairedLoss(Number(seed), parseFaults(faults).loss) : undefined;
const mac = Uint8Array.of(2, 0, 0, 0, 0, 0xee);
const one = new TapDevice({ name: left, offload: false, mac });
const two = new TapDevice({ name: right, offload: false, mac });
const random = new SeededRandom(Number(seed));
const there = new Way(one, two, faults, random.fork(1), (frame) => paired?.loses(frame, 0) ?? false);
const back = new Way(two, one, faults, random.fork(2), (frame) => paired?.loses(frame, 1) ?? false);

/** Looks again at once while a frame is under way: a timer's millisecond would be a tenth of the delay. */
function turn(): void {
  const busy = there.turn();
  if (back.turn() || busy) setImmediate(turn);
  else setTimeout(turn, 1);
}
console.log('ready');
turn();
