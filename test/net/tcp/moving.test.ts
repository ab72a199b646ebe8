/** Connections that move from one program to the next, in virtual time: each thing that could go wrong on the way. */
import t from 'tap';
import { decodeRecord, encodeRecord } from '../../../src/net/direct/peer-link/moving-codec.js';
import { SeededRandom } from '../../../src/net/host/seeded-random.js';
import type { Connection } from '../../../src/net/tcp/index.js';
import { adopt } from '../../../src/net/tcp/moving/adopt.js';
import { freeze } from '../../../src/net/tcp/moving/freeze.js';
import { FLAGS, type MovingRecord, NUMBERS } from '../../../src/net/tcp/moving/record.js';
import {
  CLOSE_WAIT,
  CLOSED,
  CLOSING,
  ESTABLISHED,
  FIN_WAIT_1,
  LAST_ACK,
  STATE_NAMES,
} from '../../../src/net/tcp/state/states.js';
import { ip, SYN } from '../../sim/packets.js';
import { CLIENT, CLIENT_MAC } from '../../sim/programs.js';
import { runSwap, type SwapPlan } from '../../sim/swap.js';
import { Swap } from './moving-swap.js';

t.setTimeout(180_000);

/** The smallest retransmission time-out, ms. */
const RTO_MIN = 200;

t.test('An idle connection goes on in the new program, and the old one is rid of it', async (t) => {
  const swap = new Swap();
  const asker = swap.ask({ paths: ['/page', '/page', '/page'], think: 400 });
  await swap.run(200);
  t.equal(asker.answers, 1);
  swap.handOver();
  await swap.run(220);
  t.equal(swap.old.host.tcp.connections.size, 0);
  const [moved] = [...swap.young.host.tcp.connections];
  t.equal(moved?.resting, true, 'and has nothing but what an idle one has');
  await swap.run(10_000, () => asker.done);
  t.ok(asker.content, `${asker.problem}`);
  t.match(swap.young.host.tcp.counters, { movedIn: 1, accepted: 0, retransmissions: 0 });
  t.match(swap.young.http.stats(), { accepted: 0 }, 'it was counted where it was accepted');
  t.equal(swap.young.http.stats().answers.get(200), 2);
  t.equal(swap.old.http.stats().answers.get(200), 1);
  t.equal(swap.address.resets, 0);
});

t.test(
  'A download moves in the middle: no byte is sent twice, and no pause is as long as the smallest time-out',
  async (t) => {
    for (const close of [false, true]) {
      const swap = new Swap();
      const asker = swap.ask({ paths: ['/large'], close });
      await swap.run(120);
      swap.handOver();
      await swap.run(140);
      t.equal(swap.old.host.tcp.connections.size, 0);
      const [moved] = [...swap.young.host.tcp.connections];
      t.equal(STATE_NAMES[moved!.state], close ? 'FIN-WAIT-1' : 'ESTABLISHED');
      t.ok(moved!.busy.cc.cwnd > 20_000 && moved!.busy.rtt.srtt > 5, 'what was learnt of the path goes along');
      await swap.run(20_000, () => asker.done);
      t.ok(asker.content, `${asker.problem}`);
      t.ok(asker.longest < RTO_MIN, `${asker.longest} ms`);
      const data = swap.sent.filter(({ length }) => length > 0).map(({ seq }) => seq);
      t.equal(new Set(data).size, data.length);
      t.same(swap.address.problems, []);
      t.equal(swap.address.resets, 0);
    }
  },
);

t.test('Timestamps go on from where they were, so that the peer drops nothing as old [7323 5.3]', async (t) => {
  const swap = new Swap();
  const asker = swap.ask({ paths: ['/large'] });
  await swap.run(120);
  swap.handOver();
  await swap.run(20_000, () => asker.done);
  t.ok(asker.content, `${asker.problem}`);
  t.equal(swap.client.drops.of('tcp-paws'), 0);
  const back = swap.sent.slice(1).filter(({ stamp }, i) => stamp < swap.sent[i]!.stamp);
  t.same(back, []);
  const [first, last] = [swap.sent[0]!, swap.sent.at(-1)!];
  t.ok(Math.abs(last.stamp - first.stamp - (last.at - first.at)) < 100, 'a millisecond is one still');
});

t.test('A time-out that runs goes on: it fires when it would have in the old program', async (t) => {
  const fires = async (moves: boolean): Promise<number[]> => {
    const swap = new Swap();
    const asker = swap.ask({ paths: ['/large'] });
    await swap.run(120);
    swap.deaf = true;
    await swap.run(180);
    const before = swap.sent.length;
    if (moves) swap.handOver();
    await swap.run(1500);
    if (moves) t.equal(swap.young.host.tcp.connections.size, 1);
    const times = swap.sent.slice(before).map(({ at }) => at);
    swap.deaf = false;
    await swap.run(60_000, () => asker.done);
    t.ok(asker.content, `${asker.problem}`);
    return times;
  };
  const [stayed, moved] = [await fires(false), await fires(true)];
  t.ok(stayed.length > 0);
  t.equal(moved.length, stayed.length);
  for (const [i, at] of moved.entries()) t.ok(Math.abs(at - stayed[i]!) < 3, `${at} and ${stayed[i]}`);
});

t.test('The FIN that was lost is sent again by the new owner', async (t) => {
  const swap = new Swap();
  const asker = swap.ask({ paths: ['/page'], close: true });
  await swap.run(100, () => swap.sent.some(({ flags }) => (flags & SYN) !== 0));
  swap.deaf = true;
  await swap.run(60);
  swap.handOver();
  await swap.run(80);
  t.equal(swap.old.host.tcp.connections.size, 0);
  const [moved] = [...swap.young.host.tcp.connections];
  t.match(moved, { finSent: true, closing: true });
  swap.deaf = false;
  await swap.run(60_000, () => asker.done);
  t.ok(asker.content, `${asker.problem}`);
});

t.test('Half a request moves, and the rest of it is read behind it', async (t) => {
  const swap = new Swap();
  const asker = swap.ask({ paths: ['/page'], slices: 2, think: 300 });
  await swap.run(100);
  swap.handOver();
  await swap.run(200);
  t.equal(swap.old.host.tcp.connections.size, 0);
  await swap.run(10_000, () => asker.done);
  t.ok(asker.content, `${asker.problem}`);
  t.equal(swap.young.http.stats().answers.get(200), 1);
});

t.test(
  'A connection in the middle of the content of its request stays, and moves when it has its answer',
  async (t) => {
    const swap = new Swap();
    const asker = swap.ask({ paths: ['/page', '/page'], slices: 3, think: 100, content: 3000 });
    await swap.run(60);
    swap.handOver();
    await swap.run(150);
    t.equal(swap.old.host.tcp.connections.size, 1);
    await swap.run(300, () => asker.answers === 1);
    await swap.run(swap.now + 90);
    t.equal(swap.old.host.tcp.connections.size, 0);
    await swap.run(10_000, () => asker.done);
    t.ok(asker.content, `${asker.problem}`);
  },
);

t.test('What is queued out of memory that cannot be opened stays with its program until it is through', async (t) => {
  const swap = new Swap(true);
  const asker = swap.ask({ paths: ['/large'] });
  await swap.run(60);
  swap.handOver();
  await swap.run(100);
  t.equal(swap.old.host.tcp.connections.size, 1);
  await swap.run(20_000, () => asker.done);
  t.ok(asker.content, `${asker.problem}`);
  t.equal(swap.address.resets, 0);
});

/** A download in the middle, frozen, and the program that could take it. */
async function frozenDownload() {
  const swap = new Swap();
  swap.ask({ paths: ['/large'], close: true });
  await swap.run(120);
  const { old, young } = swap;
  const [c] = [...old.host.tcp.connections] as [Connection];
  let record: MovingRecord | undefined;
  old.host.enter(() => {
    record = freeze(c, (memory) => old.memories.nameOf(memory)?.id)?.record;
  });
  young.host.stack.arp.neighbours.learn(ip(CLIENT), CLIENT_MAC, 0, true, young.now);
  const find = (id: string) => young.site.named.get(id);
  return { young, find, said: JSON.stringify(encodeRecord(record!)) };
}

t.test('A record that does not fit together is refused, whatever is wrong with it, and changes nothing', async (t) => {
  const { young, find, said } = await frozenDownload();
  const { tcp } = young.host;
  const random = new SeededRandom(5);
  const values = [null, -1, 0, 1, 2 ** 31, -(2 ** 31), 1e300, '', 'x', [], {}, true];
  let refused = 0;
  for (let i = 0; i < 3000; i++) {
    const record = JSON.parse(said) as object;
    // One or two values, anywhere in it, are others.
    for (let n = 0; n <= i % 2; n++) {
      let at = record as Record<string, unknown>;
      for (;;) {
        const key = random.pick(Object.keys(at));
        const next = at[key];
        if (typeof next === 'object' && next !== null && Object.keys(next).length > 0 && random.chance(0.9)) {
          at = next as Record<string, unknown>;
          continue;
        }
        at[key] = random.pick(values);
        break;
      }
    }
    const c = adopt(tcp, decodeRecord(record), find);
    if (c === undefined) refused += 1;
    else {
      // What is taken is a connection that can go on.
      const { queue, flight } = c.busy;
      t.ok(flight.head === undefined ? c.sndUna === c.sndNxt : flight.head.seq === c.sndUna, `${i}`);
      t.ok(((queue.end - c.sndNxt) | 0) >= -1, `${i}`);
      c.handler.moved?.(c);
      c.release();
    }
  }
  t.ok(refused > 1000, `${refused} were refused`);
  t.equal(tcp.connections.size, 0);
  t.equal(tcp.pool.used, 0);
  t.equal(young.http.connections, 0);
});

/**
 * States with data under way, and what each says: whether our owner has ended, whether the peer's FIN came. All that is
 * under way is data, so that none of them is FIN-WAIT-2.
 */
const STATES = new Map([
  [ESTABLISHED, [0, 0]],
  [CLOSE_WAIT, [0, 1]],
  [FIN_WAIT_1, [1, 0]],
  [CLOSING, [1, 1]],
  [LAST_ACK, [1, 1]],
]);

t.test('A state moves with the flags that belong to it alone (RFC 9293 3.3.2)', async (t) => {
  const { young, find, said } = await frozenDownload();
  const { tcp } = young.host;
  const [closing, finReceived, finSent] = (['closing', 'finReceived', 'finSent'] as const).map((name) =>
    FLAGS.indexOf(name),
  ) as [number, number, number];
  for (let state = -1; state <= CLOSED + 1; state++) {
    for (const [ends, came] of [
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
    ] as const) {
      const record = decodeRecord(JSON.parse(said)) as { numbers: number[]; flags: number[] } & MovingRecord;
      record.numbers[NUMBERS.indexOf('state')] = state;
      record.flags[closing] = ends;
      record.flags[finReceived] = came;
      record.flags[finSent] = 0;
      const c = adopt(tcp, record, find);
      const flags = STATES.get(state);
      const belongs = flags !== undefined && flags[0] === ends && flags[1] === came;
      t.equal(c !== undefined, belongs, `${STATE_NAMES[state] ?? state}, ended ${ends}, FIN came ${came}`);
      if (c !== undefined) {
        c.handler.moved?.(c);
        c.release();
      }
      if (ends === 1) continue;
      record.flags[finSent] = 1;
      t.equal(adopt(tcp, record, find), undefined, `${STATE_NAMES[state] ?? state}: a FIN of nobody was sent`);
    }
  }
  t.equal(tcp.pool.used, 0);
});

t.test('A connection is refused where one of its name is, and where nobody takes it', async (t) => {
  const { young, find, said } = await frozenDownload();
  const { tcp } = young.host;
  const record = (): MovingRecord => decodeRecord(JSON.parse(said));
  t.equal(adopt(tcp, { ...record(), version: 0 }, find), undefined);
  const [remote, local, ports] = record().name;
  t.equal(adopt(tcp, { ...record(), name: [remote, local, (ports & ~0xffff) | 81] }, find), undefined);
  const c = adopt(tcp, record(), find)!;
  young.host.enter(() => tcp.attach(c));
  t.equal(adopt(tcp, record(), find), undefined);
  t.equal(young.http.connections, 1);
});

interface Checks {
  same(got: unknown, wanted: unknown, name: string): boolean;
  ok(value: boolean, name: string): boolean;
}

async function seeds(t: Checks, count: number, plan: (seed: number) => SwapPlan): Promise<void> {
  let moved = 0;
  for (let seed = 1; seed <= count; seed++) {
    const one = await runSwap(plan(seed));
    t.same(one.problems, [], `seed ${seed}`);
    moved += one.moved;
  }
  t.ok(moved > count, `${moved} connections moved`);
}

const loss = (seed: number): number => (seed % 3 === 0 ? 0 : 0.01);
const moment = (seed: number): number => 300 + ((seed * 37) % 1500);

t.test(
  'At random moments, with losses: every byte is right, and nobody sends for a connection after its next owner',
  (t) => seeds(t, 10, (seed) => ({ seed, loss: loss(seed), swaps: [moment(seed)] })),
);

t.test('The next swap begins while connections of the last one are on their way', (t) =>
  seeds(t, 7, (seed) => ({ seed, loss: loss(seed), swaps: [moment(seed), moment(seed) + 1 + seed * 5] })),
);

t.test('The old program is killed at any step: who has moved, or is on the way, goes on in the new one', (t) =>
  seeds(t, 9, (seed) => ({ seed, loss: loss(seed), swaps: [moment(seed)], kill: { program: 0, after: seed } })),
);

t.test('The new program is killed at any step: who has not moved goes on in the old one', (t) =>
  seeds(t, 9, (seed) => ({ seed, loss: loss(seed), swaps: [moment(seed)], kill: { program: 1, after: seed } })),
);
