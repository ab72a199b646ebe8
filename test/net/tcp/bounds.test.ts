/**
 * Bounds by construction: what a flood costs, who gives way when memory ends, and that honest clients are served
 * meanwhile.
 */
import t from 'tap';
import { Memory } from '../../../src/memory/memory.js';
import type { CloseReason, Flow, FlowHandler } from '../../../src/net/flow.js';
import { BUSY_COST, CONNECTION_COST, HALF_OPEN_COST } from '../../../src/net/tcp/budget.js';
import type { TcpLimits } from '../../../src/net/tcp/index.js';
import { ACK, ethernet, ip, PSH, SYN, TYPE_IPV4, tcp } from '../../sim/packets.js';
import { Drill } from './drill.js';

/** A server whose flows are looked at by their peer's port. */
class Crowd extends Drill {
  readonly flows = new Map<number, Flow>();
  readonly gone = new Map<number, CloseReason>();
  taken = 0;

  constructor(limits: Partial<TcpLimits>) {
    super({ limits });
    const handler: FlowHandler = {
      data: (_flow, _bytes, start, end) => {
        this.taken += end - start;
      },
      ended() {},
      drained() {},
      closed: (flow, reason) => void this.gone.set(flow.remote.port, reason),
    };
    void this.host.listen(81, (flow) => {
      flow.handler = handler;
      this.flows.set(flow.remote.port, flow);
    });
  }

  /** A connection from `port`, idle from then on. */
  join(port: number): void {
    this.send(SYN, { from: port, to: 81, seq: 1000 });
    this.wait(0.1);
    const answer = this.since().at(-1);
    this.send(ACK, { from: port, to: 81, seq: 1001, ack: ((answer?.seq as number) + 1) | 0 });
    this.since();
  }

  write81(port: number, bytes: number): void {
    this.host.enter(() => this.flows.get(port)?.write(new Memory(new Uint8Array(bytes)), 0, bytes));
    this.since();
  }
}

t.test(
  '100,000 SYNs from forged sources: memory is bounded, a client that comes meanwhile is served, and all of it drains',
  async (t) => {
    const s = new Drill();
    s.host.place('10.0.0.1', 24, '10.0.0.2');
    const { tcp: layer } = s.host;
    let most = 0;
    let served = 0;
    for (let i = 0; i < 100_000; i++) {
      const source = 0x0b00_0000 + (Math.imul(i, 0x9e37) & 0xff_ffff);
      const packet = tcp({
        source,
        from: 1024 + (i % 60_000),
        destination: ip('10.0.0.1'),
        to: 80,
        seq: i,
        ack: 0,
        flags: SYN,
      });
      s.host.take(ethernet(s.host.mac, Uint8Array.of(2, 0, 0, 0, 0, 2), TYPE_IPV4, packet));
      if (i % 50 === 49) s.wait(1);
      most = Math.max(most, layer.budget.used);
      if (i % 20_000 === 19_999) {
        s.since();
        s.peer = 5000 + served;
        s.flow = undefined;
        s.received = '';
        s.handshake('mss 1460, sackOK, TS val 1 ecr 0, wscale 7');
        s.in('P. 1:11(10) ack 1 <TS val 2 ecr last>');
        t.equal(s.received.length, 10, `client ${served} is served after ${i + 1} SYNs`);
        served++;
      }
      s.got.length = 0;
    }
    t.equal(served, 5);
    t.ok(layer.listening.halfOpen <= 4096, `${layer.listening.halfOpen} half-open`);
    t.ok(most <= 4096 * HALF_OPEN_COST + 100 * CONNECTION_COST, `${most} bytes`);
    t.ok(layer.counters.cookies > 90_000);
    s.wait(120_000);
    t.equal(layer.listening.halfOpen, 0, 'two minutes later none is left');
  },
);

t.test('forged sources on the link itself: ARP asks for a bounded number, and who is known stays known', async (t) => {
  const s = new Crowd({});
  s.host.enter(() => s.host.stack.configure({ address: ip('10.0.0.1'), prefix: 8 }, s.now));
  s.join(6000);
  t.equal(s.flows.size, 1);
  for (let i = 0; i < 20_000; i++) {
    const source = (0x0a01_0000 + i) | 0;
    const packet = tcp({ source, from: 2000, destination: ip('10.0.0.1'), to: 81, seq: i, ack: 0, flags: SYN });
    s.host.take(ethernet(s.host.mac, Uint8Array.of(2, 0, 0, 0, 0, 2), TYPE_IPV4, packet));
    if (i % 100 === 99) {
      s.wait(1);
      s.got.length = 0;
    }
  }
  t.ok(s.host.drops.of('neighbour-table-full') > 10_000);
  s.join(6001);
  t.equal(s.flows.size, 2, 'a client whose MAC is known gets through');
});

t.test('at the bound of connections the one that was idle longest gives way to who comes', async (t) => {
  const s = new Crowd({ connections: 20 });
  for (let i = 0; i < 20; i++) {
    s.join(6000 + i);
    s.wait(100);
  }
  s.wait(2000);
  const first = s.flows.get(6000) as unknown as { sndNxt: number };
  s.send(ACK | PSH, { from: 6000, to: 81, seq: 1001, ack: first.sndNxt, payload: s.text('x') });
  s.join(7000);
  t.equal(s.flows.size, 21);
  t.same([...s.gone], [[6001, 'shed']], 'not the one that spoke just now');
  t.equal(s.host.tcp.connections.size, 20);
});

t.test('who was heard of within a second is not shed: who comes is refused instead', async (t) => {
  const s = new Crowd({ connections: 5 });
  for (let i = 0; i < 5; i++) s.join(6000 + i);
  s.join(7000);
  t.equal(s.flows.size, 5);
  t.equal(s.gone.size, 0);
  t.equal(s.host.drops.of('tcp-connection-limit'), 1);
});

t.test('where nobody gave way, no look follows for a quarter of a second, and then one does', async (t) => {
  const s = new Crowd({ connections: 5 });
  for (let i = 0; i < 5; i++) s.join(6000 + i);
  const { steps } = s.host.tcp;
  const looks = (port: number): boolean => {
    const before = steps.taken;
    s.join(port);
    return steps.taken - before >= 5;
  };
  s.wait(700);
  t.ok(looks(7000), 'all of them are looked at, and none was silent for a second');
  t.notOk(looks(7001));
  s.wait(200);
  t.notOk(looks(7002));
  s.wait(300);
  t.ok(looks(7003), 'now they were');
  t.equal(s.host.tcp.counters.shedIdle, 1);
});

t.test('the order of shedding: half-open first, then idle, then slow; who makes progress stays', async (t) => {
  const limits = { memory: 9 * (CONNECTION_COST + BUSY_COST), synQueue: 100 };
  const s = new Crowd(limits);
  // Two that download and are acknowledged, two that take nothing, two idle, and half-open ones for the rest.
  for (let i = 0; i < 6; i++) s.join(6000 + i);
  for (const port of [6000, 6001, 6002, 6003]) s.write81(port, 100);
  for (let i = 0; i < 10; i++) s.send(SYN, { from: 9000 + i, to: 81, seq: 5 });
  const progress = (): void => {
    for (const port of [6000, 6001]) {
      const flow = s.flows.get(port) as unknown as { sndMax: number };
      s.send(ACK, { from: port, to: 81, seq: 1001, ack: flow.sndMax });
      s.write81(port, 100);
    }
  };
  for (let i = 0; i < 6; i++) {
    s.wait(1000);
    progress();
  }
  t.ok(s.host.tcp.listening.halfOpen > 0);
  const { counters } = s.host.tcp;
  let port = 7000;
  const until = (done: () => boolean): void => {
    for (let i = 0; i < 20 && !done(); i++) {
      s.join(port++);
      // New ones are busy: what they were sent they acknowledge.
      progress();
    }
  };
  until(() => counters.shedHalfOpen > 0);
  t.equal(counters.shedIdle + counters.shedSlow, 0, 'half-open first');
  until(() => counters.shedIdle >= 2);
  t.equal(counters.shedSlow, 0, 'then idle');
  t.same([...s.gone.keys()].sort(), [6004, 6005]);
  s.wait(300);
  until(() => counters.shedSlow >= 2);
  t.same([...s.gone.keys()].sort(), [6002, 6003, 6004, 6005], 'then slow');
  t.ok(s.host.tcp.budget.used <= limits.memory);
  t.notOk(s.gone.has(6000) || s.gone.has(6001), 'who makes progress stays');
});

t.test(
  'data that is kept counts: a connection that fills its buffer is cut by its own bound, all together by the stack’s',
  async (t) => {
    const s = new Crowd({ memory: 200_000, receiveBuffer: 50_000 });
    for (let i = 0; i < 10; i++) {
      s.join(6000 + i);
      s.flows.get(6000 + i)?.pause();
    }
    for (let n = 0; n < 60; n++) {
      for (let i = 0; i < 10; i++) {
        const c = s.flows.get(6000 + i) as unknown as { rcvNxt: number; sndNxt: number; state: number };
        if (s.gone.has(6000 + i)) continue;
        s.send(ACK, { from: 6000 + i, to: 81, seq: c.rcvNxt, ack: c.sndNxt, payload: new Uint8Array(1000) });
      }
      t.ok(s.host.tcp.budget.used <= 200_000, `${s.host.tcp.budget.used}`);
      s.since();
    }
    t.ok(s.host.drops.of('tcp-memory-limit') > 0);
    s.host.enter(() => {
      for (const flow of s.flows.values()) flow.reset();
    });
    t.equal(s.host.tcp.budget.received, 0, 'and it is all given back');
  },
);

t.test('bytes that come one by one cost no more than bytes that come together', async (t) => {
  const s = new Crowd({ receiveBuffer: 20_000 });
  s.join(6000);
  const flow = s.flows.get(6000) as Flow & {
    busy: { held?: { chunks: Uint8Array[] } };
    rcvNxt: number;
    sndNxt: number;
  };
  flow.pause();
  for (let i = 0; i < 9000; i++) {
    s.send(ACK, { from: 6000, to: 81, seq: flow.rcvNxt, ack: flow.sndNxt, payload: Uint8Array.of(i & 127) });
    s.got.length = 0;
  }
  t.equal(flow.busy.held?.chunks.length, 3, 'three pieces of 4 KiB');
  s.host.enter(() => flow.resume());
  t.equal(s.taken, 9000);
});
