import t from 'tap';
import { Memory } from '../../../../src/memory/memory.js';
import { memoryLink } from '../../../../src/net/device/memory/memory-link.js';
import type { Flow, FlowHandler } from '../../../../src/net/flow.js';
import { Stack } from '../../../../src/net/ip/stack.js';
import { congestionByName } from '../../../../src/net/tcp/congestion/index.js';
import { type Connection, TcpLayer, type TcpLimits } from '../../../../src/net/tcp/index.js';
import { adopt } from '../../../../src/net/tcp/moving/adopt.js';
import { freeze } from '../../../../src/net/tcp/moving/freeze.js';
import { carriedName, flowName, handOver, takeOver } from '../../../../src/net/tcp/moving/hand-over.js';
import { ACK, checksum, concat, FIN, PSH, RST, SYN, view } from '../../../sim/packets.js';
import { hex, icmp6, ip6, pseudo6, type Segment6, tcp6 } from '../../../sim/packets6.js';
import { Laboratory6, OURS, type Packet, PEER6, ROUTER, SECRET } from './laboratory6.js';

const quiet: FlowHandler = { data() {}, ended() {}, drained() {}, closed() {} };

interface Seen {
  readonly seq: number;
  readonly ack: number;
  readonly flags: number;
  readonly data: number;
  readonly options: Uint8Array;
  readonly bytes: Uint8Array;
  readonly flow: number;
}

class Server extends Laboratory6 {
  readonly tcp: TcpLayer;
  flow: Connection | undefined;
  closed = '';

  constructor(limits: Partial<TcpLimits> = {}, seed = 3) {
    super(seed);
    const { stack, drops } = this;
    let x = seed;
    const random32 = (): number => (x = (Math.imul(x, 1_664_525) + 1_013_904_223) | 0);
    this.tcp = new TcpLayer({ ip: stack, random: { random32 }, drops, congestion: congestionByName('cubic'), limits });
    stack.host(this.tcp);
    this.tcp.listen(80, (flow: Flow) => {
      this.flow = flow as Connection;
      flow.handler = { ...quiet, closed: (_flow, why) => this.ended(why) };
    });
    const { v6 } = stack;
    v6.start(SECRET, true);
    v6.configuration.add(OURS, 64, 'static', { known: true });
    v6.routers.setPrefix(ip6('2001:db8::'), 64, Number.POSITIVE_INFINITY);
    this.introduce6();
    this.advance(2000);
    this.take();
  }

  private ended(why: string): void {
    this.closed = why;
  }

  say(flags: number, more: Partial<Segment6> = {}): Seen[] {
    const fields = { source: PEER6, destination: OURS, from: 5000, to: 80, seq: 1000, ack: 0, flags };
    this.packet6(tcp6({ ...fields, ...more }));
    return this.segments();
  }

  segments(): Seen[] {
    return this.take6().flatMap((packet) => segmentOf(packet));
  }

  /** Opens a connection; returns our first sequence number behind the SYN. */
  open(options: Uint8Array = Uint8Array.of(2, 4, 5, 0xa0)): number {
    const [answer] = this.say(SYN, { options });
    const ack = ((answer as Seen).seq + 1) | 0;
    this.say(ACK, { seq: 1001, ack });
    return ack;
  }

  write(bytes: number): Seen[] {
    this.flow?.write(new Memory(new Uint8Array(bytes)), 0, bytes);
    this.advance(0);
    return this.segments();
  }
}

function segmentOf({ next, payload, bytes, source, destination, flow }: Packet): Seen[] {
  if (next !== 6) return [];
  const [from, to] = [Buffer.from(source, 'hex'), Buffer.from(destination, 'hex')];
  if (checksum(pseudo6(from, to, 6, payload.length), payload) !== 0) throw new Error('a wrong checksum');
  const header = ((payload[12] as number) >> 4) * 4;
  const data = view(payload);
  return [
    {
      ...{ seq: data.getInt32(4), ack: data.getInt32(8), flags: payload[13] as number, data: payload.length - header },
      ...{ options: payload.subarray(20, header), bytes, flow: flow & 0xfffff },
    },
  ];
}

t.test('[8200 8.3] [6691 2] the MSS option says the link without 60 bytes of headers', async (t) => {
  const server = new Server();
  const [answer] = server.say(SYN, { options: Uint8Array.of(2, 4, 5, 0xa0) });
  t.equal(answer?.flags, SYN | ACK);
  t.same(answer?.options.subarray(0, 4), Uint8Array.of(2, 4, 1440 >> 8, 1440 & 255));
});

t.test(
  '[8200 6] [8200 5] segments are of 1440 bytes at most, their flow label is that of the flow alone',
  async (t) => {
    const server = new Server();
    server.open();
    const sent = server.write(10_000);
    t.ok(sent.every(({ data }) => data <= 1440) && sent[0]?.data === 1440);
    t.ok(sent.every(({ bytes }) => bytes.length <= 1500));
    const [label] = sent.map(({ flow }) => flow);
    t.ok(label !== 0 && sent.every(({ flow }) => flow === label), '[6437 3]');
    const [other] = server.say(SYN, { from: 5001 });
    t.not(other?.flow, label);
    const [again] = new Server().say(SYN, { from: 5001 });
    t.equal(again?.flow, other?.flow, 'by the key');
    t.not(new Server({}, 9).say(SYN, { from: 5001 })[0]?.flow, other?.flow);
  },
);

t.test('a SYN to a closed port, or to a group, is refused as over IPv4', async (t) => {
  const server = new Server();
  const [refusal] = server.say(SYN, { to: 81 });
  t.equal(refusal?.flags, RST | ACK);
  t.equal(refusal?.ack, 1001);
  server.packet6(tcp6({ source: PEER6, destination: ip6('ff02::1'), from: 1, to: 80, seq: 1, ack: 0, flags: SYN }));
  t.equal(server.dropped('tcp-broadcast'), 1);
  t.equal(server.take6().length, 0);
});

t.test('initial sequence numbers differ by the whole address', async (t) => {
  const server = new Server();
  const peers = ['2001:db8::1:77', '2001:db8::2:77', '2001:db8:0:0:1::77', '2001:db8::78'];
  const numbers = peers.map((peer) => {
    const source = ip6(peer);
    server.solicit(OURS, source);
    server.take();
    return server.say(SYN, { source })[0]?.seq;
  });
  t.equal(new Set(numbers).size, peers.length);
});

t.test('SYN cookies are of the whole address: another one cannot use it', async (t) => {
  const server = new Server({ synQueue: 0 });
  const [cookie] = server.say(SYN, { options: Uint8Array.of(2, 4, 5, 0xa0) });
  t.equal(server.tcp.counters.cookies, 1);
  const ack = ((cookie as Seen).seq + 1) | 0;
  const thief = ip6('2001:db8:0:1::77');
  server.stack.v6.routers.setPrefix(ip6('2001:db8:0:1::'), 64, Number.POSITIVE_INFINITY);
  server.solicit(OURS, thief);
  server.take();
  t.equal(server.say(ACK, { source: thief, seq: 1001, ack })[0]?.flags, RST);
  t.equal(server.flow, undefined);
  server.say(ACK, { seq: 1001, ack });
  t.equal(server.flow?.remote.address, '2001:db8::77');
  t.equal(server.flow?.peerMss, 1440);
});

t.test('a flood of SYNs from made-up sources holds no address', async (t) => {
  const server = new Server({ synQueue: 4, synAcks: 1_000_000 });
  server.stack.v6.routers.setPrefix(ip6('2001:db8::'), 32, Number.POSITIVE_INFINITY);
  for (let i = 0; i < 20_000; i++) {
    const source = ip6('2001:db8:5::');
    source.set([i >> 8, i & 255], 14);
    server.say(SYN, { source });
  }
  const { peers } = server.stack;
  // Routes, neighbours that are asked for, four half-open connections, and what is ours.
  t.ok(peers.held < 4096 + 256 + 1024 + 50, `${peers.held} held`);
  t.ok(peers.size < 8192, `${peers.size} kept`);
  server.open();
  t.equal(server.flow?.remote.address, '2001:db8::77', 'and another client is served meanwhile');
});

// Path MTU

const tooBig = (about: Uint8Array, mtu: number, source = ROUTER): Uint8Array => {
  const body = new Uint8Array(4);
  view(body).setUint32(0, mtu);
  return icmp6({ source, destination: OURS }, 2, 0, concat(body, about.subarray(0, 1232)));
};

t.test(
  '[8201 4] [8201 4 again] a packet that is too big is sent again, smaller; what is quoted has to be in flight',
  async (t) => {
    const server = new Server();
    const first = server.open();
    const [sent] = server.write(5000);
    const { bytes } = sent as Seen;
    const forged = bytes.slice();
    view(forged).setInt32(44, (first - 100_000) | 0);
    server.packet6(tooBig(forged, 1300));
    t.equal(server.dropped('icmp-error-out-of-window'), 1);
    t.equal(server.segments().length, 0);
    const other = bytes.slice();
    view(other).setUint16(42, 6000);
    server.packet6(tooBig(other, 1300));
    t.equal(server.dropped('icmp-error-unmatched'), 2);
    server.packet6(tooBig(bytes, 1279));
    t.equal(server.flow?.mss, 1440, '[8201 4] less than 1280 is not heeded');
    t.equal(server.segments().length, 0);
    server.packet6(tooBig(bytes, 1400));
    t.equal(server.flow?.mss, 1340);
    const again = server.segments();
    t.equal(again[0]?.seq, first);
    t.ok(again.every(({ data }) => data <= 1340));
    t.notOk(
      again.some(({ bytes: packet }) => packet[6] === 44),
      '[8021 3] and no fragment header',
    );
  },
);

t.test('[8201 5.3] what a path takes is forgotten after ten minutes', async (t) => {
  const server = new Server();
  server.open();
  const [sent] = server.write(3000);
  server.packet6(tooBig((sent as Seen).bytes, 1280));
  const { stack } = server;
  const route = stack.route(stack.peers.intern(PEER6))!;
  t.equal(stack.pathMtu(route), 1280);
  server.now += 600_001;
  stack.now = server.now;
  t.equal(stack.pathMtu(route), 1500);
});

t.test('a black hole is suspected as over IPv4, down to the least MTU', async (t) => {
  const server = new Server();
  const { stack } = server;
  const route = stack.route(stack.peers.intern(PEER6))!;
  stack.suspectBlackHole(route);
  t.equal(stack.pathMtu(route), 1280);
  stack.suspectBlackHole(route);
  t.equal(stack.pathMtu(route), 1280);
});

t.test('[4443 2.4 d] errors of ICMPv6 come to the connection that they are about', async (t) => {
  const server = new Server();
  const { stack, tcp } = server;
  const peer = stack.peers.intern(PEER6);
  const troubles: string[] = [];
  const open = (): Connection => {
    const c = tcp.connect(stack.sourceFor(stack.route(peer)!), peer, 81, server.now, () => {})!;
    c.handler = { ...quiet, closed: (_flow, why) => troubles.push(why), trouble: (_flow, what) => troubles.push(what) };
    server.advance(0);
    return c;
  };
  const about = (): Uint8Array => server.take6().filter(({ next }) => next === 6)[0]!.bytes;
  const say = (type: number, code: number): void =>
    server.packet6(icmp6({ source: ROUTER, destination: OURS }, type, code, concat(new Uint8Array(4), about())));
  open();
  say(1, 4);
  open();
  say(1, 0);
  open();
  say(4, 1);
  open();
  say(3, 0);
  open();
  say(1, 1);
  t.same(troubles, ['refused', 'unreachable', 'refused', 'time-exceeded', 'unreachable']);
});

t.test(
  'a SYN without an answer has its router asked at R1, where there is another one to go to (RFC 9293 3.8.3)',
  async (t) => {
    const asked = (routers: number, remote: Uint8Array): [number, string][] => {
      const server = new Server();
      const { stack, tcp } = server;
      for (let i = 1; i <= routers; i++)
        server.router({ source: ip6(`fe80::${i}`), mac: Uint8Array.of(2, 0, 0, 0, 1, i) });
      const to = stack.peers.intern(remote);
      const route = stack.route(to)!;
      tcp.connect(stack.sourceFor(route), to, 80, server.now, () => {});
      // The next hop was heard of a moment ago, so that nothing asks for it by itself.
      stack.confirm(route);
      const seen: [number, string][] = [];
      for (let second = 1; second <= 8; second++) {
        server.advance(1000);
        for (const { mac } of server.takeIcmp(135)) seen.push([second, mac]);
      }
      return seen;
    };
    const far = ip6('2001:db8:ffff::9');
    const [first] = asked(2, far);
    // SYNs go again after 1, 3 and 7 s.
    t.equal(first?.[0], 7);
    t.match(first?.[1], /^0200000001/, 'the router, and nobody else');
    t.same(asked(1, far), [], 'one router is as good as none');
    t.same(asked(2, PEER6), [], 'a host on the link may be starting');
  },
);

t.test('the same ports over both families are two connections', async (t) => {
  const server = new Server();
  server.open();
  const first = server.flow;
  const other = ip6('2001:db8::1:1');
  server.solicit(OURS, other);
  server.take();
  const [answer] = server.say(SYN, { source: other });
  server.say(ACK, { source: other, seq: 1001, ack: ((answer as Seen).seq + 1) | 0 });
  t.not(server.flow, first);
  t.equal(server.tcp.connections.size, 2);
});

t.test('an address that is lost ends its connections, and lets go of their addresses', async (t) => {
  const server = new Server();
  server.open();
  const { stack } = server;
  const held = stack.peers.held;
  const own = stack.v6.addresses.get(stack.peers.find(OURS))!;
  stack.v6.configuration.events = {
    ...stack.v6.configuration.events,
    lost: (one) => stack.addressLost(one.handle, stack.now),
  };
  stack.v6.configuration.remove(own);
  t.equal(server.closed, 'address-lost');
  t.equal(server.tcp.connections.size, 0);
  t.ok(stack.peers.held < held);
  t.equal(server.say(ACK | PSH, { seq: 1001, ack: 5, payload: new Uint8Array(3) }).length, 0);
});

t.test('a connection lets go of its addresses at its end, TIME-WAIT of its own', async (t) => {
  const server = new Server();
  const base = server.stack.peers.held;
  const ack = server.open();
  server.flow?.end();
  server.advance(0);
  server.take();
  server.say(ACK | FIN, { seq: 1001, ack: (ack + 1) | 0 });
  t.equal(server.tcp.waiting.size, 1);
  server.advance(61_000);
  t.equal(server.tcp.waiting.size, 0);
  // The route stays, and the neighbour.
  t.ok(server.stack.peers.held - base <= 2, `${server.stack.peers.held - base}`);
});

t.test('names of flows go to another program as text, and mean the same there', async (t) => {
  const [old, young] = [new Server(), new Server({}, 99)];
  young.stack.peers.hold(young.stack.peers.intern(ip6('2001:db8::aaaa')));
  old.open();
  const c = old.flow as Connection;
  const carried = carriedName(old.stack.peers, c);
  t.same(carried, ['2001:db8::77', '2001:db8::2', (5000 << 16) | 80]);
  const name = flowName(young.stack.peers, carried);
  t.equal(young.stack.peers.text(name![0]), '2001:db8::77');
  for (const wrong of [
    [5, 6, 7],
    ['x', '2001:db8::2', 7],
    ['2001:db8::77', 0x0a000001, 7],
    ['10.0.0.1', '10.0.0.2', 7],
    [],
  ]) {
    t.equal(flowName(young.stack.peers, wrong as never), undefined, JSON.stringify(wrong));
  }
  // Frozen here, adopted there: it goes on.
  young.tcp.listening.listen(90, () => {});
  old.write(100);
  old.say(ACK, { seq: 1001, ack: c.sndNxt | 0 });
  c.handler = { ...quiet, freeze: () => ({}) };
  const state = handOver(old.tcp, { timeWait() {}, gone() {} }, old.now);
  t.same(state.connections, [carried]);
  const { record } = freeze(c, () => undefined)!;
  young.now = old.now;
  young.advance(0);
  takeOver(young.tcp, JSON.parse(JSON.stringify(state)), young.now, 0);
  (young.tcp.listening as unknown as { adopting: Map<number, unknown> }).adopting.set(80, (flow: Flow) => {
    flow.handler = quiet;
    return true;
  });
  const moved = adopt(young.tcp, JSON.parse(JSON.stringify(record)), () => undefined)!;
  t.ok(moved, 'adopted');
  young.tcp.attach(moved);
  const [answer] = young.say(ACK | PSH, { seq: 1001, ack: c.sndNxt, payload: new Uint8Array(10) });
  young.advance(100);
  const answers = answer === undefined ? young.segments() : [answer];
  t.equal(answers[0]?.ack, 1011);
  t.equal(answers[0]?.flags, ACK);
});

for (const offload of [false, true]) {
  t.test(`two hosts exchange 300 kB over IPv6, segments cut by ${offload ? 'the device' : 'TCP'}`, async (t) => {
    let x = 77;
    const random = { random32: (): number => (x = (Math.imul(x, 1_664_525) + 1_013_904_223) | 0) };
    const links = memoryLink({ queue: 10_000, offload: { checksum: offload, segmentation: offload ? 65_535 : 0 } });
    const addresses = [ip6('2001:db8::1'), ip6('2001:db8::2')] as const;
    const hosts = links.map((device, i) => {
      const stack = new Stack({ device, random });
      const tcp = new TcpLayer({ ip: stack, random, drops: stack.drops, congestion: congestionByName('cubic') });
      stack.host(tcp);
      stack.v6.start([i, 2, 3, 4], true);
      stack.v6.configuration.add(addresses[i]!, 64, 'static', { known: true });
      stack.v6.routers.setPrefix(ip6('2001:db8::'), 64, Number.POSITIVE_INFINITY);
      return { stack, tcp, device };
    });
    const body = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 31) & 255);
    hosts[0]!.tcp.listen(80, (flow) => {
      flow.handler = {
        ...quiet,
        data: (f) => {
          f.write(new Memory(body), 0, body.length);
          f.end();
        },
      };
    });
    const parts: Buffer[] = [];
    let over = '';
    const { stack, tcp } = hosts[1]!;
    const c = tcp.connect(stack.peers.intern(addresses[1]), stack.peers.intern(addresses[0]), 80, 0, (flow) => {
      flow.write(Memory.of('go'), 0, 2);
    })!;
    c.handler = {
      ...quiet,
      data: (_flow, bytes, start, end) => void parts.push(Buffer.from(bytes.subarray(start, end))),
      ended: (flow) => flow.end(),
      closed: (_flow, why) => {
        over = why;
      },
    };
    for (let now = 0; now < 3000 && over === ''; now++) {
      for (const host of hosts) {
        host.device.receive((bytes, start, end, marks) => host.stack.input(bytes, start, end, marks, now), 1000);
        host.stack.flush(now);
        host.stack.poll(now);
      }
    }
    t.equal(over, 'finished');
    t.equal(hex(Buffer.concat(parts).subarray(0, 64)), hex(body.subarray(0, 64)));
    t.ok(Buffer.concat(parts).equals(body));
    t.equal(hosts[0]!.stack.drops.of('tcp-checksum') + hosts[1]!.stack.drops.of('tcp-checksum'), 0);
  });
}
