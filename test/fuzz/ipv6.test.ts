/**
 * IPv6 under fuzz: frames that nearly fit, into a stack with everything on. Nothing throws, hangs or grows. More of
 * them: `SITEKERNEL_FUZZ_FRAMES=1000000 SITEKERNEL_FUZZ_SEED=5000 node build/test/fuzz/ipv6.test.js`.
 */
import t from 'tap';
import { Memory } from '../../src/memory/memory.js';
import { MemoryDevice, NO_OFFLOAD } from '../../src/net/device/memory/memory-link.js';
import { Ipv6Mode } from '../../src/net/direct/address/ipv6-mode.js';
import { Drops } from '../../src/net/drops.js';
import type { Flow } from '../../src/net/flow.js';
import { SeededRandom } from '../../src/net/host/seeded-random.js';
import { Stack } from '../../src/net/ip/stack.js';
import { congestionByName } from '../../src/net/tcp/congestion/index.js';
import { TcpLayer } from '../../src/net/tcp/index.js';
import { concat, ethernet, view } from '../sim/packets.js';
import {
  extension,
  fragment6,
  frame6,
  icmp6,
  ip6,
  ipv6,
  ndOption,
  readIp6,
  summed,
  TYPE_IPV6,
  tcp6,
  udp6,
} from '../sim/packets6.js';

const FRAMES = Number(process.env['SITEKERNEL_FUZZ_FRAMES'] ?? 60_000);
const SEED = Number(process.env['SITEKERNEL_FUZZ_SEED'] ?? 1);
const EPISODE = 600;
const OUR_MAC = Uint8Array.of(2, 0, 0, 0, 0, 1);
const PEER_MAC = Uint8Array.of(2, 0, 0, 0, 0, 0x77);
const GIVEN = ip6('2001:db8::2');
const ROUTERS = [ip6('fe80::1'), ip6('fe80::2')] as const;
const PEERS = [ip6('2001:db8::77'), ip6('2001:db8:9::7'), ip6('fe80::77'), ...ROUTERS] as const;
const LIMITS = { connections: 40, synQueue: 8, timeWait: 16, memory: 4 << 20 };

class Fuzzed {
  now = 1000;
  readonly drops = new Drops();
  readonly device = new MemoryDevice(OUR_MAC, { queue: 10_000, offload: NO_OFFLOAD });
  readonly stack: Stack;
  readonly tcp: TcpLayer;
  readonly mode: Ipv6Mode;
  /** Packets that we sent last, to be quoted. */
  readonly sent: Uint8Array[] = [];
  sentCount = 0;

  constructor(readonly random: SeededRandom) {
    this.stack = new Stack({ device: this.device, random, drops: this.drops });
    this.device.wire = (frame) => {
      const packet = readIp6(frame);
      if (packet === undefined) throw new Error(`a frame that is no IPv6: ${Buffer.from(frame).toString('hex')}`);
      this.sentCount++;
      this.sent.push(packet.bytes.slice());
      if (this.sent.length > 20) this.sent.shift();
      return true;
    };
    this.tcp = new TcpLayer({
      ...{ ip: this.stack, random, drops: this.drops },
      ...{ congestion: congestionByName('cubic'), limits: LIMITS },
    });
    this.stack.host(this.tcp);
    const body = new Memory(new Uint8Array(20_000));
    this.tcp.listen(80, (flow: Flow) => {
      flow.handler = {
        data: (f) => f.write(body, 0, 1 + random.below(20_000)),
        ended: (f) => f.end(),
        drained() {},
        closed() {},
      };
    });
    this.stack.udp.bind(5353, () => {});
    const automatic = random.chance(0.5);
    const addresses = automatic ? [] : [{ address: '2001:db8::2', prefix: 64 }];
    const quiet = { addresses6() {}, event() {}, notice() {}, failed6() {} };
    this.mode = new Ipv6Mode(this.stack, { addresses, anycast: [], secret: [1, 2, 3, 4] }, quiet);
    this.mode.start(this.now);
    this.pass(random.chance(0.7) ? 3000 : 0);
  }

  get ours(): Uint8Array {
    const all = [...this.stack.v6.addresses];
    return all.length === 0 ? GIVEN : this.random.pick(all).bytes;
  }

  private settle(): number {
    const { stack, now } = this;
    stack.flush(now);
    return Math.min(stack.poll(now), this.mode.poll(now), stack.pollNeighbours(now));
  }

  pass(ms: number): void {
    const end = this.now + ms;
    for (let steps = 0; ; steps++) {
      const next = this.settle();
      if (Number.isNaN(next)) throw new Error('the next deadline is no number');
      if (next > end) break;
      if (steps > 5000) throw new Error('time stands still');
      this.now = Math.max(this.now, next);
    }
    this.now = end;
  }

  frame(bytes: Uint8Array): void {
    const before = this.sentCount;
    this.stack.input(bytes, 0, bytes.length, 0, this.now);
    this.stack.flush(this.now);
    if (this.sentCount - before > 60) throw new Error(`${this.sentCount - before} packets for one`);
  }

  check(): void {
    const { stack, tcp } = this;
    const { v6, peers } = stack;
    const bounds: [string, number, number][] = [
      ['addresses', [...v6.addresses].length, 32],
      ['routers', v6.routers.defaults(this.now).length, 8],
      ['prefixes', v6.routers.onLinkPrefixes(this.now).length, 32],
      ['resolvers', v6.routerDiscovery.resolvers.length, 8],
      ['held peers', peers.held, 4096 * 2 + 1024 + 256 + 300],
      ['connections', tcp.connections.size, LIMITS.connections],
      ['half-open', tcp.listening.halfOpen, LIMITS.synQueue],
      ['link MTU', v6.output.linkMtu, 1500],
    ];
    for (const [what, value, most] of bounds) if (!(value <= most)) throw new Error(`${what}: ${value}`);
    if (v6.output.linkMtu < 1280) throw new Error(`link MTU: ${v6.output.linkMtu}`);
    for (const c of tcp.connections) if (c.mss < 1 || c.mss > 1440) throw new Error(`MSS ${c.mss}`);
    // What is in a table is held, and what is held has the handle that its address leads to.
    for (const c of tcp.connections) {
      if (peers.find(peers.bytes(c.remoteAddress)) !== c.remoteAddress)
        throw new Error('a handle that leads elsewhere');
    }
  }
}

class Maker {
  constructor(
    private readonly random: SeededRandom,
    private readonly subject: Fuzzed,
  ) {}

  private bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.random.below(256));
  }

  private get source(): Uint8Array {
    const { random } = this;
    if (random.chance(0.9)) return random.pick(PEERS);
    return random.pick([ip6('::'), ip6('ff02::1'), ip6('::1'), this.subject.ours, this.bytes(16)]);
  }

  private get destination(): Uint8Array {
    const { random } = this;
    if (random.chance(0.8)) return this.subject.ours;
    const group = ip6('ff02::1:ff00:0');
    group.set(this.subject.ours.subarray(13), 13);
    return random.pick([group, ip6('ff02::1'), ip6('ff02::2'), this.bytes(16)]);
  }

  next(): Uint8Array {
    const { random } = this;
    const kind = random.below(100);
    const ends = { source: this.source, destination: this.destination };
    let packet: Uint8Array;
    if (kind < 30) packet = this.segment(ends);
    else if (kind < 38)
      packet = udp6(
        ends.source,
        1 + random.below(3),
        ends.destination,
        random.pick([5353, 9, 546]),
        this.bytes(random.below(60)),
      );
    else if (kind < 75) packet = this.icmp(ends);
    else if (kind < 85) packet = ipv6({ ...ends, next: random.below(256), payload: this.bytes(random.below(100)) });
    else packet = ipv6({ ...ends, next: 44, payload: this.fragment(ends) });
    if (random.chance(0.2)) packet = this.wrapped(packet);
    if (random.chance(0.1))
      for (let n = 1 + random.below(4); n > 0; n--) packet[random.below(packet.length)] = random.below(256);
    if (random.chance(0.03)) packet = packet.slice(0, random.below(packet.length));
    const mac = random.chance(0.9) ? PEER_MAC : this.bytes(6);
    if (packet.length >= 40 && packet[24] === 0xff) return frame6(packet, mac);
    return ethernet(OUR_MAC, mac, TYPE_IPV6, packet);
  }

  private segment(ends: { source: Uint8Array; destination: Uint8Array }): Uint8Array {
    const { random, subject } = this;
    const last = subject.sent.filter((one) => one[6] === 6 && one.length >= 60).at(-1);
    const from = random.chance(0.8) ? 5000 + random.below(4) : random.below(65_536);
    let [seq, ack] = [random.below(1000), random.below(1000)];
    if (last !== undefined && random.chance(0.8)) {
      seq = view(last).getInt32(48);
      ack = (view(last).getInt32(44) + random.below(3000)) | 0;
    }
    const flags = random.pick([2, 2, 16, 16, 24, 24, 17, 4, 20, random.below(256)]);
    const payload = this.bytes(random.chance(0.5) ? 0 : random.below(80));
    const options = flags === 2 && random.chance(0.7) ? Uint8Array.of(2, 4, 5, 0xa0) : new Uint8Array(0);
    return tcp6({ ...ends, from, to: random.chance(0.9) ? 80 : 81, seq, ack, flags, options, payload });
  }

  private icmp(ends: { source: Uint8Array; destination: Uint8Array }): Uint8Array {
    const { random, subject } = this;
    const types = [1, 2, 3, 4, 128, 129, 130, 131, 133, 134, 134, 134, 135, 135, 136, 136, 137, 143, random.below(256)];
    const type = random.pick(types);
    const hops = random.chance(0.9)
      ? type >= 133 && type <= 137
        ? 255
        : type === 130 || type === 131
          ? 1
          : 64
      : random.below(256);
    const code = random.chance(0.8) ? 0 : random.below(8);
    let body: Uint8Array;
    if (type < 5) {
      const about =
        random.chance(0.8) && subject.sent.length > 0 ? random.pick(subject.sent) : this.bytes(random.below(100));
      const field = new Uint8Array(4);
      view(field).setUint32(0, random.pick([0, 68, 1279, 1280, 1300, 1400, 9000, 0xffffffff]));
      body = concat(field, about.subarray(0, 1200));
    } else if (type === 134) body = this.advertisement();
    else if (type >= 135 && type <= 137) {
      const target = random.chance(0.6) ? subject.ours : random.pick([...PEERS, this.bytes(16)]);
      const second = type === 137 ? random.pick([...PEERS, target]) : new Uint8Array(0);
      body = concat(Uint8Array.of(random.below(8) << 5, 0, 0, 0), target, second, this.options());
    } else if (type === 130 || type === 131) {
      const group = random.pick([ip6('::'), ip6('ff02::1'), ends.destination]);
      const delay = random.pick([0, 10, 1000, 0xffff]);
      body = concat(Uint8Array.of(delay >> 8, delay & 255, 0, 0), group, this.bytes(random.pick([0, 4, 8])));
    } else body = this.bytes(random.below(60));
    const source = type === 134 && random.chance(0.9) ? random.pick(ROUTERS) : ends.source;
    if ((type === 130 || type === 131) && random.chance(0.8)) {
      const message = summed(source, ends.destination, 58, 2, concat(Uint8Array.of(type, 0, 0, 0), body));
      const alert = extension(58, Uint8Array.of(5, 2, 0, 0, 1, 0));
      return ipv6({ source, destination: ends.destination, next: 0, hops: 1, payload: concat(alert, message) });
    }
    return icmp6({ source, destination: ends.destination, hops }, type, code, body);
  }

  private advertisement(): Uint8Array {
    const { random } = this;
    const head = new Uint8Array(12);
    head[0] = random.pick([0, 64, 255]);
    head[1] = random.below(256);
    view(head).setUint16(2, random.pick([0, 1, 1800, 65_535]));
    view(head).setUint32(4, random.pick([0, 1, 30_000, 0xffffffff]));
    view(head).setUint32(8, random.pick([0, 1, 1000, 0xffffffff]));
    const options = Array.from({ length: random.below(4) }, () => {
      const kind = random.below(4);
      const data = new Uint8Array(kind === 0 ? 30 : kind === 1 ? 6 : kind === 2 ? 22 : random.pick([6, 14, 22]));
      const lifetime = (): number => random.pick([0, 1, 7200, 86_400, 0xffffffff]);
      if (kind === 0) {
        data[0] = random.pick([64, 64, 64, 0, 63, 128, 200]);
        data[1] = random.below(4) << 6;
        view(data).setUint32(2, lifetime());
        view(data).setUint32(6, lifetime());
        data.set(random.pick([ip6('2001:db8::'), ip6('2001:db8:5::'), ip6('fe80::'), this.bytes(16)]), 14);
        return ndOption(3, data);
      }
      if (kind === 1) {
        view(data).setUint32(2, random.pick([0, 1279, 1280, 1400, 1500, 9000, 0xffffffff]));
        return ndOption(5, data);
      }
      if (kind === 2) {
        view(data).setUint32(2, lifetime());
        data.set(this.bytes(16), 6);
        return ndOption(25, data);
      }
      data[0] = random.below(130);
      data[1] = random.below(4) << 3;
      view(data).setUint32(2, lifetime());
      return ndOption(24, data);
    });
    return concat(head, ndOption(1, PEER_MAC), ...options, this.options());
  }

  private options(): Uint8Array {
    const { random } = this;
    const one = (): Uint8Array =>
      random.chance(0.8)
        ? ndOption(random.pick([1, 2, 14, random.below(40)]), this.bytes(6))
        : this.bytes(random.below(20));
    return concat(...Array.from({ length: random.below(3) }, one));
  }

  private fragment(ends: { source: Uint8Array; destination: Uint8Array }): Uint8Array {
    const { random } = this;
    const inner = this.segment(ends).subarray(40);
    const offset = random.pick([0, 0, 8, 16, 1024, 65_528]);
    const length = random.chance(0.8) ? Math.max(8, inner.length & ~7) : random.below(inner.length + 1);
    return fragment6(
      random.pick([6, 17, 58, 60, 44]),
      offset,
      random.chance(0.5),
      random.below(4),
      inner.subarray(0, length),
    );
  }

  /** Extension headers between the header and what follows it. */
  private wrapped(packet: Uint8Array): Uint8Array {
    const { random } = this;
    let next = packet[6] as number;
    let payload: Uint8Array = packet.slice(40);
    for (let n = random.below(4); n >= 0; n--) {
      const data = random.chance(0.6) ? Uint8Array.of(1, 4, 0, 0, 0, 0) : this.bytes(random.pick([6, 14, 22]));
      payload = concat(extension(next, data), payload);
      next = random.pick([0, 60, 60, 43]);
    }
    return ipv6({
      source: packet.slice(8, 24),
      destination: packet.slice(24, 40),
      next,
      payload,
      hops: packet[7] as number,
    });
  }
}

t.setTimeout(3_600_000);

t.test(`${FRAMES} frames of IPv6: nothing throws, hangs or grows`, async (t) => {
  let frames = 0;
  for (let seed = SEED; frames < FRAMES; seed++) {
    const random = new SeededRandom(seed, 0x6666);
    let count = 0;
    try {
      const subject = new Fuzzed(random);
      const maker = new Maker(random, subject);
      for (; count < EPISODE; count++) {
        subject.frame(maker.next());
        if (random.chance(0.2)) subject.pass(random.pick([0, 1, 50, 1000, 10_000]));
        if (random.chance(0.002)) subject.pass(3_600_000);
        if (count % 50 === 0) subject.check();
      }
      subject.check();
      // At the end everything lets go of what it held.
      subject.tcp.abortAll('network-closed');
      subject.mode.stop();
      subject.pass(120_000);
      if (subject.tcp.connections.size + subject.tcp.waiting.size > 0) throw new Error('connections are left');
    } catch (error) {
      t.fail(`seed ${seed}, frame ${count}: ${(error as Error).stack}`);
      return;
    }
    frames += count;
  }
  t.ok(frames >= FRAMES, `${frames} frames`);
});
