/**
 * Several workers on one device, and a kernel that steers each frame wrongly on purpose: together they are one host.
 */
import t, { type Test } from 'tap';
import { Memory } from '../../../src/memory/memory.js';
import { NO_FAULTS } from '../../../src/net/device/wrap/faults.js';
import { Astray } from '../../../src/net/direct/workers/astray.js';
import type { TcpLimits } from '../../../src/net/tcp/index.js';
import { DhcpServer } from '../../sim/dhcp-server.js';
import { SimHost } from '../../sim/host.js';
import {
  ACK,
  arp,
  BROADCAST_MAC,
  concat,
  ethernet,
  ICMP,
  icmpError,
  ip,
  ipv4,
  RST,
  readArp,
  readIp,
  readTcp,
  type Segment,
  SYN,
  TYPE_ARP,
  TYPE_IPV4,
  tcp,
} from '../../sim/packets.js';
import { frame6, icmp6, ip6, ndOption } from '../../sim/packets6.js';
import type { FlowPlan } from '../../sim/plan.js';
import { Switch } from '../../sim/switch.js';
import { End } from '../../sim/traffic.js';
import { type Port, World } from '../../sim/world.js';

const MAC = Uint8Array.of(2, 0, 0, 0, 0, 1);
const PEER_MAC = Uint8Array.of(2, 0, 0, 0, 0, 0x77);
const US = ip('10.0.0.2');
const PEER = ip('10.0.0.77');
const NOBODY = new Uint8Array(6);
/** Two segments' worth. */
const PAGE = new Memory(new Uint8Array(2000).fill(65));
/** Milliseconds from one worker to another. */
const PASSING = 0.3;

interface FarmOptions {
  readonly limits?: Partial<TcpLimits>;
  readonly dhcp?: boolean;
}

/** A device with a queue for each worker. */
class Farm implements Port {
  readonly workers: SimHost[];
  readonly astray: Astray[];
  /** To which queue a frame goes, from 0 on. */
  steer: (frame: Uint8Array) => number;

  constructor(
    readonly world: World,
    count: number,
    { limits = {}, dhcp = false }: FarmOptions = {},
  ) {
    this.steer = () => world.random.below(count);
    this.workers = Array.from(
      { length: count },
      (_, i) => new SimHost(world, { name: `worker${i + 1}`, mac: MAC, limits }),
    );
    this.astray = this.workers.map(({ stack, tcp }, i) => {
      tcp.hash.rekey([1234, 5678]);
      // Two SYNs of one client never come to two workers within the same 4 µs, as they may within a millisecond of the
      // simulation.
      tcp.clocks.offset = i / 100;
      return new Astray(stack, tcp, i + 1, count, dhcp);
    });
    for (const [from] of this.workers.entries())
      for (const [to] of this.workers.entries()) if (from !== to) this.link(from, to);
  }

  private link(from: number, to: number): void {
    const [host, astray] = [this.workers[to]!, this.astray[to]!];
    this.astray[from]!.links[to + 1] = {
      open: true,
      send: (kind, prefix, bytes, start, end) => {
        const content = Buffer.concat([prefix, bytes.subarray(start, end)]);
        this.world.time.schedule(PASSING, () => host.enter(() => astray.take(kind, content)));
        return true;
      },
    };
  }

  take(frame: Uint8Array): void {
    this.workers[this.steer(frame)]!.take(frame);
  }

  plug(network: Switch): this {
    const send = network.plug('farm', this, NO_FAULTS, NO_FAULTS);
    for (const one of this.workers) one.connectTo(send);
    return this;
  }

  configure(): this {
    for (const one of this.workers) one.place('10.0.0.2', 24, '10.0.0.1');
    return this;
  }

  sum(counter: 'resetsSent' | 'accepted' | 'cookies'): number {
    return this.workers.reduce((sum, { tcp }) => sum + tcp.counters[counter], 0);
  }
}

function planOf(port: number, up: number, down: number): FlowPlan {
  return {
    ...{ client: 0, server: 0, port, up, down, chunk: 5000, start: 0, again: 0 },
    ...{ slowReader: 'none', burst: 1, pause: 0, halfClose: port % 2 === 0, resetAt: -1 },
  } as FlowPlan;
}

/** Serves a flow on each of the ports, over a switch with cables of that loss; all must come through. */
function carry(t: Test, seed: number, count: number, limits: Partial<TcpLimits>, loss: number): void {
  const world = new World(seed);
  const network = new Switch(world, 'switch');
  const farm = new Farm(world, count, { limits }).plug(network).configure();
  const cookies = limits.synQueue === 0;
  // What a cookie answers opens the connection at the worker where it came, once it has been round. So two segments of
  // a client that nobody knows yet must not come to two workers within that time, as they do not where the kernel
  // steers by flow.
  if (cookies) {
    const slots = new Map<number, number>();
    farm.steer = (frame) => {
      const slot = (readTcp(readIp(frame)?.payload ?? frame)?.from ?? 0) * 100_000 + Math.floor(world.time.now() / 20);
      if (!slots.has(slot)) slots.set(slot, world.random.below(count));
      return slots.get(slot)!;
    };
  }
  const client = new SimHost(world, { name: 'client', mac: PEER_MAC });
  const cable = { ...NO_FAULTS, loss, delay: 1 };
  client.connectTo(network.plug('client', client, cable, cable));
  client.place('10.0.0.77', 24);
  // An ACK that comes late, because it went round, may find its connection over: a client in TIME-WAIT is told so, in
  // vain.
  let resets = 0;
  client.tcp.probe = (event) => {
    const { direction, flags, stateBefore } = event;
    if (direction === 'in' && (flags & RST) !== 0 && stateBefore !== 'TIME-WAIT') resets++;
  };
  const ends: End[] = [];
  const problems: string[] = [];
  for (let port = 1; port <= 12; port++) {
    const plan = planOf(port, world.random.below(3000), world.random.below(200_000));
    const near = new End(plan, 'client', client.clock);
    ends.push(near);
    for (const worker of farm.workers) {
      void worker.listen(port, (flow) => {
        const far = new End(plan, 'server', worker.clock);
        ends.push(far);
        far.begin(flow);
      });
    }
    world.time.schedule(port, () => client.dial(US, port, near, (flow) => near.begin(flow)));
  }
  world.time.run(600_000, () => ends.length === 24 && ends.every((one) => one.reason !== undefined));
  for (const one of ends) {
    if (one.fault !== undefined) problems.push(one.fault);
    if (!one.complete) problems.push(`${one.side}: ${one.reason}, ${one.received} of ${one.toGet}`);
  }
  world.time.run(world.time.now() + 300_000);
  for (const one of farm.workers) problems.push(...one.leftovers());
  const name = `seed ${seed}, ${count} workers${cookies ? ', cookies' : ''}${loss > 0 ? ', loss' : ''}`;
  t.same(problems, [], name);
  t.equal(ends.length, 24, `${name}: each accepted once`);
  t.equal(resets, 0, `${name}: no living connection is reset`);
  if (cookies) t.ok(farm.sum('cookies') >= 12);
}

t.test(
  'each frame to a worker at random: all bytes come, each connection is accepted once, none is reset',
  async (t) => {
    for (let seed = 1; seed <= 12; seed++) {
      carry(t, seed, 2, {}, 0);
      carry(t, seed, 2, {}, 0.02);
      carry(t, seed, 3, {}, 0.02);
      carry(t, seed, 2, { synQueue: 0 }, 0.02);
      carry(t, seed, 3, { synQueue: 0 }, 0);
    }
  },
);

/** A farm whose cable ends in the test. */
class Bench {
  readonly world = new World(1);
  readonly farm: Farm;
  sent: Uint8Array[] = [];

  constructor(count: number, options: FarmOptions = {}) {
    this.farm = new Farm(this.world, count, options).configure();
    for (const one of this.farm.workers) {
      one.connectTo((frame) => void this.sent.push(frame));
      void one.listen(80, (flow) => {
        flow.handler = {
          data: (each) => each.write(PAGE, 0, PAGE.bytes.length),
          ended: (each) => each.end(),
          drained() {},
          closed() {},
        };
      });
    }
    this.arp(0, {});
    this.sent = [];
  }

  /** To the queue of that worker (from 0 on); then all of it comes to rest. */
  frame(worker: number, frame: Uint8Array): Uint8Array[] {
    this.farm.workers[worker]!.take(frame);
    this.world.time.run(this.world.time.now() + 20);
    const { sent } = this;
    this.sent = [];
    return sent;
  }

  arp(worker: number, fields: Partial<Parameters<typeof arp>[0]>): Uint8Array[] {
    const all = { operation: 1, senderMac: PEER_MAC, sender: PEER, targetMac: NOBODY, target: US, ...fields };
    return this.frame(worker, ethernet(BROADCAST_MAC, all.senderMac, TYPE_ARP, arp(all)));
  }

  packet(worker: number, packet: Uint8Array) {
    return this.frame(worker, ethernet(MAC, PEER_MAC, TYPE_IPV4, packet)).flatMap((each) => readIp(each) ?? []);
  }

  say(worker: number, from: number, flags: number, more: Partial<Segment> = {}) {
    const fields = { source: PEER, from, destination: US, to: 80, seq: 1000, ack: 0, flags, ...more };
    return this.packet(worker, tcp(fields)).map((one) => readTcp(one.payload)!);
  }

  open(worker: number, from: number): number {
    const [synAck] = this.say(worker, from, SYN, { options: Uint8Array.of(2, 4, 1460 >> 8, 1460 & 255) });
    this.say(worker, from, ACK, { seq: 1001, ack: synAck!.seq + 1 });
    return synAck!.seq + 1;
  }
}

for (const count of [2, 4]) {
  t.test(`${count} workers: a segment of nobody draws one reset, wherever it comes`, async (t) => {
    const bench = new Bench(count);
    for (let worker = 0; worker < count; worker++) {
      const answers = bench.say(worker, 5000, ACK, { seq: 7, ack: 99 });
      t.match(answers, [{ flags: RST, seq: 99 }]);
      t.equal(answers.length, 1);
      t.same(bench.say(worker, 5000, RST, { seq: 7 }), [], 'a reset draws nothing');
    }
    // One is gone: the others go on to answer.
    for (const { links } of bench.farm.astray) links[2] = undefined;
    t.equal(bench.say(0, 5001, ACK, { seq: 7, ack: 99 }).length, 1);
  });

  t.test(
    `${count} workers: a segment, a reset and an ICMP error reach the connection wherever they come`,
    async (t) => {
      for (let worker = 1; worker < count; worker++) {
        const bench = new Bench(count);
        const owner = bench.farm.workers[0]!;
        const from = 6000 + worker;
        const next = bench.open(0, from);
        const [c] = [...owner.tcp.connections];
        t.equal(owner.tcp.connections.size, 1);
        const answers = bench.say(worker, from, ACK, { seq: 1001, ack: next, payload: Uint8Array.of(1) });
        t.same(
          answers.map((one) => [one.seq, one.ack]),
          [
            [next | 0, 1002],
            [(next + 1460) | 0, 1002],
          ],
        );
        // RFC 1191: believed, since what it is about is in flight.
        const quoted = { source: US, from: 80, destination: PEER, to: from, seq: next, ack: 1002, flags: ACK };
        const about = tcp({ ...quoted, payload: new Uint8Array(1460) });
        const error = icmpError(ip('10.0.0.1'), 3, 4, 1000, about);
        const again = bench.frame(worker, ethernet(MAC, PEER_MAC, TYPE_IPV4, error));
        t.equal(c!.mss, 960);
        t.equal(readTcp(readIp(again[0]!)!.payload)?.seq, next | 0, 'and it is sent again, smaller');
        t.same(bench.say(worker, from, RST, { seq: 1002 }), []);
        t.equal(owner.tcp.connections.size, 0);
        t.equal(bench.farm.sum('resetsSent'), 0);
      }
    },
  );

  t.test(`${count} workers: one answers to ARP and to echo, and all know the neighbour`, async (t) => {
    const bench = new Bench(count);
    for (let worker = 0; worker < count; worker++) {
      const mac = Uint8Array.of(2, 0, 0, 0, 1, worker);
      const sender = ip(`10.0.0.${100 + worker}`);
      const replies = bench.arp(worker, { senderMac: mac, sender }).flatMap((one) => readArp(one) ?? []);
      t.match(replies, [{ operation: 2, sender: US, target: sender }]);
      t.equal(replies.length, 1);
      for (const one of bench.farm.workers) t.same(one.stack.arp.neighbours.get(sender).mac, mac);
      const echo = Uint8Array.of(8, 0, 0xf7, 0xfd, 0, 1, 0, 1);
      t.equal(bench.packet(worker, ipv4({ source: PEER, destination: US, protocol: ICMP, payload: echo })).length, 1);
    }
  });

  t.test(`${count} workers: who claims the address is told once, by the lead, wherever it was heard`, async (t) => {
    for (let worker = 0; worker < count; worker++) {
      const bench = new Bench(count);
      let conflicts = 0;
      bench.farm.workers[0]!.stack.arp.onConflict = () => conflicts++;
      const said = bench.arp(worker, { sender: US, target: US }).flatMap((one) => readArp(one) ?? []);
      t.match(said, [{ operation: 1, sender: US, target: US }]);
      t.equal(said.length, 1);
      t.equal(conflicts, 1);
    }
  });
}

t.test('an old segment of a connection in TIME-WAIT stays there; one of a later connection finds that', async (t) => {
  const bench = new Bench(2);
  const next = bench.open(0, 7000);
  // It ends first at the server's side when the client sends FIN: passive close leaves no TIME-WAIT, so the server
  // begins.
  const [one, two] = bench.farm.workers;
  one!.enter(() => [...one!.tcp.connections][0]!.end());
  bench.world.time.run(bench.world.time.now() + 1);
  bench.say(0, 7000, ACK, { seq: 1001, ack: next + 1 });
  bench.say(0, 7000, ACK | 1, { seq: 1001, ack: next + 1 });
  t.equal(one!.tcp.waiting.size, 1);
  // The kernel has forgotten the flow: its name comes again elsewhere.
  const [synAck] = bench.say(1, 7000, SYN, { seq: 50_000 });
  bench.say(0, 7000, ACK, { seq: 50_001, ack: synAck!.seq + 1 });
  t.equal(two!.tcp.connections.size, 1, 'although its ACK came to the one with the TIME-WAIT');
  t.same(bench.say(0, 7000, ACK, { seq: 1002, ack: next + 1 }), [], 'a bare ACK of the old one asks for nothing');
  t.equal(bench.say(0, 7000, ACK | 1, { seq: 1001, ack: next + 1 })[0]?.flags, ACK, 'its FIN is acknowledged again');
  t.equal(two!.tcp.connections.size, 1);
});

t.test('DHCP: the lead has its address although another worker gets all that the server says', async (t) => {
  const world = new World(3);
  const network = new Switch(world, 'switch');
  new DhcpServer(
    network,
    ...([
      {
        ...{ address: ip('10.0.0.3'), mask: ip('255.255.255.0'), gateway: ip('10.0.0.1') },
        ...{ first: ip('10.0.0.100'), count: 50, lease: 600 },
      },
      NO_FAULTS,
      NO_FAULTS,
    ] as const),
  );
  const farm = new Farm(world, 2, { dhcp: true }).plug(network);
  farm.steer = () => 1;
  farm.workers[0]!.useDhcp();
  world.time.run(30_000, () => farm.workers[0]!.address !== undefined);
  t.equal(farm.workers[0]!.address, '10.0.0.100');
  // It is configured as the lead tells it; what the server says later still is not its own affair.
  farm.workers[1]!.place('10.0.0.100', 24, '10.0.0.1');
  world.time.run(world.time.now() + 400_000);
  t.equal(farm.workers[0]!.address, '10.0.0.100', 'it was renewed');
  t.equal(farm.workers[1]!.drops.of('udp-port-closed'), 0);
});

for (const how of ['says that it has it', 'looks for it, too'] as const) {
  t.test(
    `IPv6: the lead hears of another host that ${how}, although a worker without addresses gets the frame`,
    async (t) => {
      const world = new World(4);
      const farm = new Farm(world, 2).plug(new Switch(world, 'switch'));
      farm.steer = () => 1;
      const [lead, other] = farm.workers as [SimHost, SimHost];
      const heard: string[] = [];
      const { v6 } = lead.stack;
      const address = ip6('2001:db8::80');
      const group = ip6('ff02::1:ff00:80');
      lead.enter(() => {
        v6.start([1, 2, 3, 4], true);
        v6.configuration.events.duplicate = (one, mac) => heard.push(`${lead.stack.peers.text(one.handle)} ${mac[5]}`);
        v6.configuration.add(address, 64, 'static', {});
      });
      const body = concat(new Uint8Array(4), address);
      const packet =
        how === 'looks for it, too'
          ? icmp6({ source: ip6('::'), destination: group, hops: 255 }, 135, 0, body)
          : icmp6(
              { source: address, destination: ip6('ff02::1'), hops: 255 },
              136,
              0,
              concat(body, ndOption(2, PEER_MAC)),
            );
      farm.take(frame6(packet, PEER_MAC));
      world.time.run(world.time.now() + 3000);
      t.same(heard, ['2001:db8::80 119']);
      t.equal(other.drops.of('ip-not-for-us'), 1);
    },
  );
}
