/**
 * Peers that lie about what they got: what they draw is paid for (bytes sent <= cwnd + acknowledged + SACKed), and an
 * ACK costs a bounded number of steps, whatever was sent before it. Counted on the wire, apart from what the stack
 * thinks of it.
 */
import t from 'tap';
import { SeededRandom } from '../../../src/net/host/seeded-random.js';
import type { CongestionName } from '../../../src/net/tcp/congestion/index.js';
import { MOST_RECORDS } from '../../../src/net/tcp/flight/in-flight.js';
import { documented } from '../../documented.js';
import { Liar, type Lie } from '../../sim/liar.js';
import { ACK, concat, view } from '../../sim/packets.js';
import { STEPS_A_PACKET } from '../../sim/watch.js';
import { type Got, Script } from './script.js';

const MSS = 1460;
const INITIAL_WINDOW = 10 * MSS;
const ECE = 64;

function sackOption(blocks: Lie['sack']): Uint8Array {
  if (blocks.length === 0) return new Uint8Array(0);
  const option = new Uint8Array(4 + blocks.length * 8);
  option.set([1, 1, 5, option.length - 2]);
  blocks.forEach(([left, right], i) => {
    view(option).setInt32(4 + i * 8, left);
    view(option).setInt32(8 + i * 8, right);
  });
  return option;
}

interface Options {
  readonly sack?: boolean;
  readonly congestion?: CongestionName;
  readonly offload?: boolean;
  readonly bytes?: number;
}

/** A client that was answered with its first flight, and what the server sent it, counted. */
class Deceiver {
  readonly s: Script;
  readonly first: number;
  /** Behind the last byte that came; bytes that came, again or not. */
  top: number;
  bytes = 0;
  segments = 0;

  constructor({ sack = false, congestion = 'cubic', offload = false, bytes = 8 << 20 }: Options = {}) {
    this.s = new Script(1, { congestion, offload });
    const option = Uint8Array.of(2, 4, MSS >> 8, MSS & 255, ...(sack ? [4, 2] : [1, 1]), 1, 3, 3, 14, 1, 1, 1);
    this.s.open(option);
    this.first = this.top = this.s.ack;
    this.s.write(bytes);
    this.s.wait(0.1);
    this.look();
  }

  look(): Got[] {
    const got = this.s.since();
    for (const { seq, data } of got) {
      const end = (seq + data.length) | 0;
      if (((end - this.top) | 0) > 0) this.top = end;
      this.bytes += data.length;
      if (data.length > 0) this.segments++;
    }
    return got;
  }

  /** Sends an ACK, and returns the bytes that it draws at once. */
  ack(ack: number, more: Partial<Lie> = {}): number {
    const before = this.bytes;
    const { sack = [], window = 65_535, ece = false, offset = 0, length = 0 } = more;
    const payload = new Uint8Array(length);
    const seq = (this.s.seq + offset) | 0;
    this.s.send(ece ? ACK | ECE : ACK, { seq, ack, window, options: sackOption(sack), payload });
    this.look();
    return this.bytes - before;
  }

  get flight(): number {
    return (this.top - this.first) | 0;
  }

  get steps(): number {
    return this.s.host.tcp.steps.taken;
  }
}

/** What was SACKed, once each. */
class Sacked {
  private blocks: [number, number][] = [];

  constructor(private readonly first: number) {}

  add(sack: Lie['sack'], acked: number, top: number): void {
    for (const [left, right] of sack) {
      const from = Math.max(left - this.first, 0) | 0;
      const to = (right - this.first) | 0;
      if (((left - acked) | 0) >= 0 && ((top - right) | 0) >= 0 && from < to) this.blocks.push([from, to]);
    }
    this.blocks.sort((a, b) => a[0] - b[0]);
    const joined: [number, number][] = [];
    for (const [from, to] of this.blocks) {
      const last = joined.at(-1);
      if (last !== undefined && from <= last[1]) last[1] = Math.max(last[1], to);
      else joined.push([from, to]);
    }
    this.blocks = joined;
  }

  /** Those beyond `acked`, an offset. */
  beyond(acked: number): number {
    return this.blocks.reduce((sum, [from, to]) => sum + Math.max(0, to - Math.max(from, acked)), 0);
  }
}

const SEEDS = Number(process.env['SITEKERNEL_LIARS'] ?? 60);

t.test(`${SEEDS} liars: bytes sent <= cwnd + acknowledged + SACKed, and steps are bounded`, async (t) => {
  const names: CongestionName[] = ['cubic', 'reno', 'bbr'];
  let paid = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    const random = new SeededRandom(seed, 0x11a2);
    const sack = random.chance(0.6);
    const congestion = random.pick(names);
    const d = new Deceiver({ sack, congestion, offload: random.chance(0.5) });
    const liar = new Liar(d.first, sack, MSS, 60_000);
    const sacked = new Sacked(d.first);
    const where = `seed ${seed}, ${congestion}, ${sack ? 'with' : 'without'} SACK`;
    for (let i = 0; i < 800; i++) {
      liar.came(d.top);
      const lie = liar.next((limit) => random.below(limit));
      const { acked, top } = liar;
      if (sack) sacked.add(lie.sack, acked, top);
      d.ack(lie.ack, sack ? lie : { ...lie, sack: [] });
      const acknowledged = (liar.acked - d.first) | 0;
      const delivered = acknowledged + sacked.beyond(acknowledged);
      // A window grows by what is delivered, at most; without SACK, duplicates tell of a window once more. And a few
      // segments of probes.
      const window = INITIAL_WINDOW + delivered;
      const most = delivered + (sack ? window : 2 * window) + 6 * MSS;
      if (d.s.closedWith !== undefined) break;
      d.s.wait(random.chance(0.1) ? random.between(0, 400) : random.between(0, 3));
      d.look();
      const { problem } = d.s.host.watch;
      paid++;
      if (d.flight <= most && problem === undefined) continue;
      t.fail(`${where}: after ${i} lies ${d.flight} bytes were sent, ${most} are paid for; ${problem}`);
      return;
    }
  }
  t.ok(paid > 1000, `${paid} lies were looked at`);
});

t.test(
  'a thousand duplicate ACKs of a client without SACK draw no more than its flight once more (RFC 5681 3.2)',
  async (t) => {
    for (const congestion of ['cubic', 'reno', 'bbr'] as const) {
      const d = new Deceiver({ congestion });
      const flight = d.bytes;
      for (let i = 0; i < 1000; i++) d.ack(d.first);
      t.ok(d.bytes <= 2 * flight, `${congestion}: ${d.bytes - flight} bytes besides ${flight}`);
      // ACKs of a byte between them renew nothing.
      const before = d.bytes;
      for (let k = 1; k <= 20; k++) {
        d.ack(d.first + k);
        for (let i = 0; i < 50; i++) d.ack(d.first + k);
      }
      t.ok(d.bytes - before <= 2 * MSS, `${congestion}: ${d.bytes - before} bytes for 20 bytes`);
    }
  },
);

t.test('ACK division: ACKs of a byte each open the window by bytes, not by ACKs (RFC 3465 2.1)', async (t) => {
  for (const congestion of ['cubic', 'reno', 'bbr'] as const) {
    for (const sack of [false, true]) {
      const d = new Deceiver({ congestion, sack });
      const before = d.bytes;
      for (let i = 1; i <= MSS; i++) d.ack(d.first + i);
      t.ok(d.bytes - before <= 3 * MSS, `${congestion}: ${d.bytes - before} bytes for ${MSS}`);
    }
  }
});

t.test('partial ACKs of a byte each draw the segment at the head once, not each time (RFC 6582 3.2)', async (t) => {
  const d = new Deceiver();
  for (let i = 0; i < 3; i++) d.ack(d.first);
  const before = d.bytes;
  for (let i = 1; i <= 500; i++) d.ack(d.first + i);
  t.ok(d.bytes - before <= 3 * MSS, `${d.bytes - before} bytes`);
});

t.test('ACKs and SACKs of what was never sent draw nothing (RFC 5961 5.2)', async (t) => {
  for (const sack of [false, true]) {
    const d = new Deceiver({ sack });
    const before = d.bytes;
    for (let i = 1; i <= 1000; i++) d.ack((d.top + i) | 0);
    if (sack) for (let i = 1; i <= 1000; i++) d.ack(d.first, { sack: [[d.top + i, d.top + 100_000]] });
    t.ok(d.bytes - before <= 2 * MSS, `${d.bytes - before} bytes`);
  }
});

t.test('DSACKs of what was not sent again are not believed: nothing is drawn, and no window comes back', async (t) => {
  const d = new Deceiver({ sack: true });
  const before = d.bytes;
  for (let i = 0; i < 1000; i++) d.ack(d.first, { sack: [[d.first - 1000, d.first - 1]] });
  t.ok(d.bytes - before <= 2 * MSS, `${d.bytes - before} bytes`);
  t.equal((d.s.flow as unknown as { busy: { rack: { reorderingSteps: number } } }).busy.rack.reorderingSteps, 1);
});

t.test('ECE on each of a thousand ACKs, where ECN was not agreed on: nothing more is drawn', async (t) => {
  const d = new Deceiver();
  const before = d.bytes;
  for (let i = 0; i < 1000; i++) d.ack(d.first, { ece: true });
  t.ok(d.bytes - before <= 12 * MSS, `${d.bytes - before} bytes`);
});

t.test('a window that opens by a byte each ACK does not cut what is in flight into bytes', async (t) => {
  const d = new Deceiver({ sack: true });
  d.s.wait(2000);
  d.look();
  const { flight } = (d.s.flow as unknown as { busy: { flight: { records: number } } }).busy;
  const records = flight.records;
  for (let i = 1; i < 200; i++) d.ack(d.first, { window: 0 });
  for (let i = 1; i < 60; i++) {
    d.s.wait(300);
    d.ack(d.first + i, { window: 1 });
  }
  t.ok(flight.records <= records + 4, `${records} records, then ${flight.records}`);
});

/** An honest beginning, until so much is in flight. */
function large(d: Deceiver, bytes: number): number {
  let una = d.first;
  for (let i = 0; i < 400 && ((d.top - una) | 0) < bytes; i++) {
    una = d.top;
    d.s.wait(10);
    d.ack(una);
  }
  return una;
}

t.test(
  'SACKs of single bytes, of every other segment, from below and from above: an ACK takes a bounded number of steps',
  async (t) => {
    for (const offload of [false, true]) {
      const d = new Deceiver({ sack: true, offload, bytes: 40 << 20 });
      const una = large(d, 4 << 20);
      const size = (d.top - una) | 0;
      t.ok(size > 4 << 20, `${size} bytes in flight`);
      const ways: [string, (i: number) => [number, number]][] = [
        ['a byte', (i) => [una + 1 + 2 * i, una + 2 + 2 * i]],
        ['every other segment', (i) => [una + MSS + 2 * MSS * (i % 600), una + 2 * MSS + 2 * MSS * (i % 600)]],
        ['every other, from above', (i) => [d.top - 2 * MSS * (i % 600) - MSS, d.top - 2 * MSS * (i % 600)]],
        ['the same again', () => [una + MSS, una + 2 * MSS]],
        ['all but the first', () => [una + MSS, d.top]],
      ];
      for (const [name, block] of ways) {
        let worst = 0;
        let all = 0;
        const before = d.s.host.tcp.counters.segmentsOut;
        for (let i = 0; i < 1500; i += 3) {
          const steps = d.steps;
          d.ack(una, { sack: [block(i), block(i + 1), block(i + 2)] });
          const taken = d.steps - steps;
          worst = Math.max(worst, taken);
          all += taken;
        }
        const sent = d.s.host.tcp.counters.segmentsOut - before;
        t.ok(worst <= STEPS_A_PACKET + MOST_RECORDS, `${name}: ${worst} steps at most`);
        t.ok(all <= 500 * 160 + 64 * (sent + size / MSS), `${name}: ${all} steps for 500 ACKs`);
      }
      t.equal(d.s.host.watch.problem, undefined);
    }
  },
);

t.test('in flight are as many segments as docs/bounds.md says, however much the peer takes', async (t) => {
  const [most = 0] = documented('docs/bounds.md', 'in flight');
  const d = new Deceiver({ sack: true, bytes: 80 << 20 });
  const una = large(d, most * MSS);
  const { records } = (d.s.flow as unknown as { busy: { flight: { records: number } } }).busy.flight;
  t.equal((d.top - una) | 0, most * MSS);
  t.equal(records, most);
});

t.test('crumbs out of order, forwards, backwards and again: a segment takes a bounded number of steps', async (t) => {
  const d = new Deceiver({ sack: true });
  const ways: [string, (i: number) => number][] = [
    ['forwards', (i) => 1 + 2 * (i % 30_000)],
    ['backwards', (i) => 60_001 - 2 * (i % 30_000)],
    ['the last again', () => 601],
    ['side by side', (i) => 1 + (i % 3000)],
  ];
  for (const [name, offset] of ways) {
    let worst = 0;
    for (let i = 0; i < 3000; i++) {
      const steps = d.steps;
      d.ack(d.first, { offset: offset(i), length: 1 });
      worst = Math.max(worst, d.steps - steps);
    }
    t.ok(worst <= STEPS_A_PACKET, `${name}: ${worst} steps at most`);
  }
  const { reassembly } = (d.s.flow as unknown as { busy: { reassembly: { cost: number } } }).busy;
  t.ok(reassembly.cost < 100_000, `${reassembly.cost} bytes are kept for it`);
});

t.test('an answer in ten thousand pieces, lost here and there: what goes again is found in a few steps', async (t) => {
  const d = new Deceiver({ sack: true, bytes: 1 });
  const { s } = d;
  for (let i = 0; i < 10_000; i++) s.write(200);
  s.wait(1);
  d.look();
  const una = large(d, 300_000);
  let worst = 0;
  for (let i = 0; i < 300; i++) {
    const steps = d.steps;
    const left = una + MSS * (1 + ((i * 37) % 200));
    d.ack(una, { sack: [[left, left + MSS]] });
    s.wait(1);
    d.look();
    worst = Math.max(worst, d.steps - steps);
  }
  t.ok(worst <= STEPS_A_PACKET, `${worst} steps at most`);
  t.equal(s.host.watch.problem, undefined);
});

t.test('bytes that come back are the bytes that were sent, whatever was SACKed between', async (t) => {
  const random = new SeededRandom(7);
  const content = Uint8Array.from({ length: 300_000 }, () => random.random32());
  const d = new Deceiver({ sack: true, bytes: 1 });
  const got = new Map<number, number>();
  const note = (all: readonly Got[]): void => {
    for (const { seq, data } of all)
      for (let i = 0; i < data.length; i++) got.set((seq + i - d.first - 1) | 0, data[i] as number);
  };
  const { Memory } = await import('../../../src/memory/memory.js');
  const memory = new Memory(concat(content));
  d.s.host.enter(() => d.s.flow?.write(memory, 0, content.length));
  d.s.wait(1);
  note(d.look());
  const liar = new Liar(d.first, true, MSS, 60_000);
  for (let i = 0; i < 3000 && got.size < content.length; i++) {
    liar.came(d.top);
    const lie = liar.next((limit) => random.below(limit));
    d.s.send(ACK, { ack: lie.ack, window: 65_535, options: sackOption(lie.sack) });
    d.s.wait(random.chance(0.05) ? 300 : 1);
    note(d.look());
  }
  t.ok(got.size > 100_000, `${got.size} bytes`);
  const wrong = [...got].find(([at, byte]) => at >= 0 && content[at] !== byte);
  t.equal(wrong, undefined);
});
