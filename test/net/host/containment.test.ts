/**
 * An exception below HTTP ends what it happened to, and nothing else: a frame, a connection, one round of what was due.
 * Faults are injected layer by layer into a host that echoes for many connections; the rest of them go on, and what was
 * in table, timers and accounts is gone when all is over.
 */
import t, { type Test } from 'tap';
import { Memory } from '../../../src/memory/memory.js';
import { Containment, type FaultPlace, GuardedPoll } from '../../../src/net/containment.js';
import type { Flow, FlowHandler } from '../../../src/net/flow.js';
import type { StackHost } from '../../../src/net/host/stack-host.js';
import { virtualNet } from '../../../src/net/host/virtual-net.js';
import type { Connection } from '../../../src/net/tcp/index.js';

const CONNECTIONS = 40;
const BYTES = 60_000;
const content = new Memory(Uint8Array.from({ length: BYTES }, (_, i) => i * 7));

/** What may be spoiled, on whatever object: the function there throws now and then. */
type Spoilt = readonly [object, string];
interface Layer {
  readonly place: FaultPlace;
  readonly spoils: (host: StackHost) => readonly Spoilt[];
  /** Objects of a connection, when it was accepted. */
  readonly ofConnection?: (c: Connection) => readonly Spoilt[];
  /** One call in as many throws. */
  readonly often?: number;
  /** Faults at most. */
  readonly most?: number;
}

const LAYERS: Readonly<Record<string, Layer>> = {
  'Ethernet to IPv4': { place: 'frame', spoils: ({ stack }) => [[stack.ipv4, 'input']], often: 50 },
  'ARP input': { place: 'frame', spoils: ({ stack }) => [[stack.arp, 'input']], often: 1, most: 1 },
  'TCP dispatch': { place: 'connection', spoils: ({ tcp }) => [[tcp, 'dispatch']], often: 300 },
  'TCP output': { place: 'connection', spoils: ({ tcp }) => [[tcp.pool, 'take']], often: 200 },
  'IPv4 output': { place: 'connection', spoils: ({ stack }) => [[stack, 'send']], often: 300 },
  'a SYN': { place: 'connection', spoils: ({ tcp }) => [[tcp.listening, 'syn']], often: 4 },
  'a connection that is made': { place: 'connection', spoils: ({ tcp }) => [[tcp.busyPool, 'take']], often: 10 },
  'congestion control': {
    place: 'connection',
    spoils: () => [],
    ofConnection: (c) => [[c.busy.cc, 'onAck'] as Spoilt],
    often: 200,
  },
  'time-outs': { place: 'connection', spoils: () => [], ofConnection: (c) => [[c.busy.cc, 'onTimeout']], often: 3 },
  'the round-trip estimator': {
    place: 'connection',
    spoils: () => [],
    ofConnection: (c) => [[c.busy.rtt, 'measured']],
    often: 100,
  },
  'the device': { place: 'device', spoils: ({ device }) => [[device, 'transmit']], often: 100 },
  'reading the device': { place: 'device', spoils: ({ device }) => [[device, 'receive']], often: 100 },
  'fragments that are due': { place: 'poll', spoils: ({ stack }) => [[stack.ipv4, 'poll']], often: 20 },
  'neighbours that are due': { place: 'poll', spoils: ({ stack }) => [[stack.arp, 'poll']], often: 20 },
  'IPv6 neighbours that are due': { place: 'poll', spoils: ({ stack }) => [[stack.v6.neighbours, 'poll']], often: 20 },
  'TIME-WAIT that is due': { place: 'poll', spoils: ({ tcp }) => [[tcp.waiting, 'expire']], often: 20 },
  'handshakes that are due': { place: 'poll', spoils: ({ tcp }) => [[tcp.listening, 'poll']], often: 20 },
  'TCP that is due': { place: 'poll', spoils: ({ tcp }) => [[tcp, 'poll']], often: 20 },
};

/** Calls of an owner that may throw. */
const OWNER = ['data', 'ended', 'drained', 'closed', 'accept'] as const;

class Spoiler {
  injected = 0;
  on = true;
  #x: number;

  constructor(
    seed: number,
    private readonly often: number,
    private readonly most: number,
  ) {
    this.#x = seed | 1;
  }

  /** Throws now and then. */
  readonly maybe = (): void => {
    this.#x = (Math.imul(this.#x, 1_664_525) + 1_013_904_223) | 0;
    if (!this.on || (this.#x >>> 8) % this.often !== 0 || this.injected >= this.most) return;
    this.injected++;
    throw new Error('injected');
  };

  spoil([object, name]: Spoilt): void {
    const there = object as Record<string, (...all: unknown[]) => unknown>;
    const whole = there[name]!;
    const { maybe } = this;
    there[name] = function (this: unknown, ...all: unknown[]) {
      maybe();
      return whole.apply(this, all);
    };
  }
}

interface Outcome {
  readonly seed: number;
  readonly spoiler: Spoiler;
  readonly server: StackHost;
  readonly reports: readonly FaultPlace[];
  /** Clients that got all of their bytes back; those whose connection was not there any more. */
  readonly whole: number;
  readonly ended: number;
}

async function run(seed: number, layer: Layer | undefined, owner?: (typeof OWNER)[number]): Promise<Outcome> {
  const net = virtualNet(seed);
  net.link({ loss: 0.02, delay: 5 });
  const server = net.host('10.0.0.1');
  const client = net.host('10.0.0.2');
  const reports: FaultPlace[] = [];
  server.faults.onFault = (_error, place) => reports.push(place);
  const spoiler = new Spoiler(seed, layer?.often ?? (owner === 'data' ? 200 : 20), layer?.most ?? Infinity);
  const at = (call: (typeof OWNER)[number]): void => {
    if (call === owner) spoiler.maybe();
  };
  const echo: FlowHandler = {
    data(flow, bytes, start, end) {
      at('data');
      flow.lowWater = 1000;
      flow.write(new Memory(bytes.slice(start, end)), 0, end - start);
    },
    ended(flow) {
      at('ended');
      flow.end();
    },
    drained: () => at('drained'),
    closed: () => at('closed'),
  };
  await server.listen(80, (flow) => {
    flow.handler = echo;
    for (const one of layer?.ofConnection?.(flow as Connection) ?? []) spoiler.spoil(one);
    at('accept');
  });
  for (const one of layer?.spoils(server) ?? []) spoiler.spoil(one);
  let [whole, ended] = [0, 0];
  for (let i = 0; i < CONNECTIONS; i++) {
    let got = 0;
    const handler: FlowHandler = {
      data(_flow, bytes, start, end) {
        for (let k = start; k < end; k++) if (bytes[k] !== content.bytes[got++]) got = Number.NEGATIVE_INFINITY;
      },
      ended() {},
      drained() {},
      closed(_flow: Flow, reason) {
        ended++;
        if (reason === 'finished' && got === BYTES) whole++;
      },
    };
    net.time.schedule(i * 3, () => {
      client.connect('10.0.0.1', 80, handler).then(
        (flow) => {
          flow.write(content, 0, BYTES);
          flow.end();
          flow.flush();
        },
        () => ended++,
      );
    });
  }
  const over = await net.run(() => ended === CONNECTIONS, 3_600_000);
  spoiler.on = false;
  if (!over) throw new Error(`seed ${seed}: ${ended} of ${CONNECTIONS} connections ended`);
  await net.run(() => false, net.time.now() + 600_000);
  return { seed, spoiler, server, reports, whole, ended };
}

function clean(t: Test, { server: { tcp }, seed }: Outcome): void {
  const { connections, busyPool, pool, budget, listening, schedule, waiting } = tcp;
  const left = {
    connections: connections.size,
    lent: busyPool.lent,
    records: pool.used,
    received: budget.received,
    halfOpen: listening.halfOpen,
    waiting: waiting.size,
    due: schedule.next(),
  };
  const none = { connections: 0, lent: 0, records: 0, received: 0, halfOpen: 0, waiting: 0, due: Infinity };
  t.same(left, none, `nothing is left of what failed (seed ${seed})`);
}

for (const [name, layer] of Object.entries(LAYERS)) {
  t.test(`faults in ${name} are contained, counted and reported`, async (t) => {
    const outcome = await run(7, layer);
    const { spoiler, server, reports, whole } = outcome;
    t.ok(spoiler.injected > 0, `${spoiler.injected} faults were injected`);
    t.equal(server.faults.count, spoiler.injected, 'each is counted once');
    t.equal(server.counters()[`fault-${layer.place}`], spoiler.injected, `as one of ${layer.place}`);
    t.ok(reports.length > 0 && reports.every((place) => place === layer.place));
    if (layer.place === 'connection') t.ok(whole >= CONNECTIONS - spoiler.injected, `${whole} got everything`);
    else t.equal(whole, CONNECTIONS, 'no connection ended for it');
    clean(t, outcome);
  });
}

for (const call of OWNER) {
  t.test(`an owner that throws in ${call} loses this flow alone`, async (t) => {
    const outcome = await run(11, undefined, call);
    const { spoiler, server, whole } = outcome;
    t.ok(spoiler.injected > 0, `${spoiler.injected} faults were injected`);
    t.equal(server.faults.count, spoiler.injected);
    t.ok(whole >= CONNECTIONS - spoiler.injected, `${whole} got everything`);
    clean(t, outcome);
  });
}

t.test('a timer that throws ends alone', async (t) => {
  const net = virtualNet(3);
  const host = net.host('10.0.0.1');
  const reports: FaultPlace[] = [];
  host.faults.onFault = (_error, place) => reports.push(place);
  let later = false;
  host.clock.schedule(5, () => {
    throw new Error('injected');
  });
  host.clock.schedule(6, () => {
    later = true;
  });
  t.ok(await net.run(() => later));
  t.same(reports, ['timer']);
});

t.test('what a caller asked for throws to the caller, and the host can be entered again', async (t) => {
  const host = virtualNet(3).host('10.0.0.1');
  t.throws(
    () =>
      host.enter(() => {
        throw new RangeError('the caller');
      }),
    { message: 'the caller' },
  );
  let entered = false;
  host.enter(() => {
    entered = true;
  });
  t.ok(entered);
});

t.test('without a listener a fault is contained all the same, and thrown', async (t) => {
  const net = virtualNet(5);
  const server = net.host('10.0.0.1');
  const client = net.host('10.0.0.2');
  await server.listen(80, () => {
    throw new Error('injected');
  });
  client.connect('10.0.0.1', 80).catch(() => undefined);
  await t.rejects(
    net.run(() => false, 10_000),
    { message: 'injected' },
  );
  t.equal(server.tcp.connections.size, 0);
  t.equal(server.tcp.busyPool.lent, 0);
});

t.test('a fault that stays is tried once a second, and reported less and less often', (t) => {
  let [asked, reported] = [0, 0];
  let missed = 0;
  const faults = new Containment((_error, _place, unreported) => {
    reported++;
    missed += unreported;
  });
  const guarded = new GuardedPoll(faults, {
    poll: () => {
      asked++;
      throw new Error('stays');
    },
  });
  const day = 86_400_000;
  for (let now = 0; now < day; now += 10) {
    const next = guarded.poll(now);
    if (next <= now) t.fail('it asks to be polled at once');
  }
  t.ok(asked <= day / 1000 + 1, `${asked} rounds in a day`);
  t.ok(reported < 60, `${reported} reports in a day`);
  t.ok(faults.count - reported - missed < 3700, 'the reports say how many there were between them');
  t.equal(faults.count, asked);
  t.end();
});

t.test('a report that throws does not spread the fault', (t) => {
  const faults = new Containment(() => {
    throw new Error('the log is full');
  });
  t.doesNotThrow(() => faults.note(new Error('first'), 'frame', 0));
  t.same(faults.counters(), { 'fault-frame': 1 });
  t.end();
});
