/**
 * Dual-stack networks in virtual time: two links, two routers, hosts that make their own addresses, connections over
 * both families at once, on cables that lose, repeat and reorder; renumbering, a router that dies, and made-up routers
 * in between.
 */
import { Memory } from '../../src/memory/memory.js';
import { type Faults, NO_FAULTS } from '../../src/net/device/wrap/faults.js';
import type { CloseReason, Flow, FlowHandler } from '../../src/net/flow.js';
import { SeededRandom } from '../../src/net/host/seeded-random.js';
import { parseIpv4 } from '../../src/net/wire/address.js';
import { SimHost } from './host.js';
import { concat, view } from './packets.js';
import { frame6, icmp6, ip6, ndOption } from './packets6.js';
import { Router6 } from './router6.js';
import { Switch } from './switch.js';
import { World } from './world.js';

const PATTERN = Uint8Array.from({ length: 200_000 }, (_, i) => (i * 167 + (i >> 8)) & 255);
const memory = new Memory(PATTERN);

/** ms in which a new address is found unique, on cables that lose; what a flood hid is asked for after a second. */
const LOOKED_FOR = 3000;

interface Running {
  readonly what: string;
  readonly wanted: number;
  got: number;
  wrong: boolean;
  over: CloseReason | undefined;
}

class Network {
  readonly world: World;
  readonly random: SeededRandom;
  readonly hosts: SimHost[];
  readonly routers: Router6[];
  readonly near: ReturnType<Router6['attach']>[];
  readonly flows: Running[] = [];
  private renumberedAt = Number.NEGATIVE_INFINITY;
  private readonly stranger: (frame: Uint8Array) => void;

  constructor(seed: number, remember: boolean) {
    this.world = new World(seed, undefined, remember);
    this.random = new SeededRandom(seed, 0x6060);
    const { world, random } = this;
    const faults: Faults = {
      ...NO_FAULTS,
      delay: 1,
      loss: random.pick([0, 0.005, 0.02]),
      duplicate: 0.002,
      reorder: 0.01,
    };
    const links = [new Switch(world, 'near'), new Switch(world, 'far')] as const;
    const farMtu = random.pick([1500, 1400, 1280]);
    this.routers = [1, 2].map((number) => new Router6(world, number));
    this.near = this.routers.map((router) => router.attach(links[0], '2001:db8:1::', 1500, NO_FAULTS));
    for (const router of this.routers) router.attach(links[1], '2001:db8:2::', farMtu, NO_FAULTS);
    this.stranger = links[0].plug('stranger', { take: () => {} }, NO_FAULTS, NO_FAULTS);
    this.hosts = [0, 1, 2, 3].map((i) => {
      const mac = Uint8Array.of(2, 0, 0, 0, 0, 10 + i);
      const offload = random.chance(0.5);
      const host = new SimHost(world, { name: `host${i}`, mac, offload });
      host.connectTo(links[i < 2 ? 0 : 1]!.plug(host.name, host, faults, faults));
      if (i < 2) host.place(`10.0.0.${10 + i}`, 24);
      host.useIpv6();
      void host.listen(80, (flow) => this.serve(flow));
      return host;
    });
  }

  private serve(flow: Flow): void {
    let asked = '';
    flow.handler = {
      data(f, bytes, start, end) {
        asked += Buffer.from(bytes.subarray(start, end)).toString();
        if (!asked.endsWith('\n')) return;
        f.write(memory, 0, Number(asked));
        f.end();
      },
      ...{ ended() {}, drained() {}, closed() {} },
    };
  }

  /** Asks host `to` for some bytes from host `from`, over a family that both have. */
  fetch(from: number, to: number, ipv4: boolean): void {
    const client = this.hosts[from] as SimHost;
    // RFC 6724 rule 3 prefers even a made-up address to a deprecated one, and the new one is looked for for a second.
    if (!ipv4 && this.world.time.now() - this.renumberedAt < LOOKED_FOR) return;
    const server = this.hosts[to] as SimHost;
    // Those of made-up prefixes lead nowhere but on the link.
    const real = server.ipv6().filter((one) => /^2001:db8:[12a]:/.test(one));
    const address = ipv4 ? server.address : this.random.pick(real);
    const { peers } = client.stack;
    const remote = address === undefined ? undefined : ipv4 ? parseIpv4(address) : peers.fromText(address);
    const wanted = 1 + this.random.below(PATTERN.length);
    const running: Running = { what: `${client.name} to ${address}`, wanted, got: 0, wrong: false, over: undefined };
    this.flows.push(running);
    const handler: FlowHandler = {
      data(_flow, bytes, start, end) {
        for (let i = start; i < end; i++) running.wrong ||= bytes[i] !== PATTERN[running.got++];
      },
      ended: (flow) => flow.end(),
      drained() {},
      closed(_flow, why) {
        running.over = why;
      },
    };
    client.dial(remote as number, 80, handler, (flow) => flow.write(Memory.of(`${wanted}\n`), 0, `${wanted}\n`.length));
  }

  /** Routers that are none advertise prefixes without end, from up to three stations. */
  flood(): void {
    const stations = 1 + this.random.below(3);
    for (let i = 0; i < 200; i++) {
      const source = ip6('fe80::dead:0');
      source.set([i >> 8, i & 255], 14);
      const head = new Uint8Array(12);
      const data = new Uint8Array(30);
      data[0] = 64;
      data[1] = 0xc0;
      view(data).setUint32(2, 30);
      view(data).setUint32(6, 20);
      data.set(ip6(`2001:db8:${(0x100 + i).toString(16)}::`), 14);
      const body = concat(head, ndOption(3, data));
      const packet = icmp6({ source, destination: ip6('ff02::1'), hops: 255 }, 134, 0, body);
      this.stranger(frame6(packet, Uint8Array.of(2, 0xba, 0xd, 0, 0, i % stations)));
    }
  }

  /** The near link has another prefix; the old one serves what is open. */
  renumber(): void {
    this.renumberedAt = this.world.time.now();
    for (const one of this.near) {
      for (const prefix of one.prefixes) prefix.preferred = 0;
      one.prefixes.push({ prefix: ip6('2001:db8:a::'), valid: 7200, preferred: 3600 });
    }
    for (const [i, router] of this.routers.entries()) router.advertise(this.near[i]!);
  }
}

/**
 * One network in virtual time, with all that happens to it; the same for the same seed. `list`: what did not hold.
 * `remember`: the world keeps every frame, for a capture.
 */
export function runDualStack(
  seed: number,
  remember = false,
): {
  readonly list: readonly string[];
  readonly flows: number;
  readonly world: World;
} {
  const network = new Network(seed, remember);
  const { world, random, hosts } = network;
  const { time } = world;
  const list: string[] = [];
  time.schedule(15_000, () => {
    for (const host of hosts) if (host.ipv6().length === 0) list.push(`${host.name} has no address after 15 s`);
  });
  for (let i = 0; i < 12; i++) {
    const at = 16_000 + random.below(60_000);
    const [from, to] = [random.below(4), random.below(4)];
    const ipv4 = from < 2 && to < 2 && random.chance(0.5);
    if (from !== to) time.schedule(at, () => list.length > 0 || network.fetch(from, to, ipv4));
  }
  // Enough for the statistics, whatever was drawn.
  for (const [from, to] of [
    [0, 2],
    [2, 1],
    [3, 0],
    [1, 0],
    [0, 1],
  ] as const) {
    time.schedule(17_000 + random.below(1000), () => list.length > 0 || network.fetch(from, to, false));
  }
  if (random.chance(0.5)) time.schedule(30_000, () => network.renumber());
  // Before it, and after it.
  if (random.chance(0.5)) time.schedule(20_000 + random.below(30_000), () => network.flood());
  if (random.chance(0.5)) {
    time.schedule(25_000 + random.below(20_000), () => {
      network.routers[random.below(2)]!.dead = true;
    });
  }
  time.run(600_000);
  for (const { what, wanted, got, wrong, over } of network.flows) {
    if (wrong) list.push(`${what}: wrong bytes`);
    else if (got !== wanted || over !== 'finished')
      list.push(`${what}: ${got} of ${wanted} bytes, ${over ?? 'not over'}`);
  }
  for (const host of hosts) {
    list.push(...host.leftovers());
    const { v6, peers } = host.stack;
    if ([...v6.addresses].length > 32) list.push(`${host.name}: ${[...v6.addresses].length} addresses`);
    if (peers.held > 400) list.push(`${host.name} holds ${peers.held} peers`);
  }
  return { list, flows: network.flows.length, world };
}
