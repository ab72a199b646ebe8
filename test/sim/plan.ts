/**
 * What happens in one simulated run: drawn from the seed, and made of plain data so that it can be printed, repeated
 * and cut down.
 */
import { type Faults, NO_FAULTS } from '../../src/net/device/wrap/faults.js';
import { SeededRandom } from '../../src/net/host/seeded-random.js';
import type { CongestionName } from '../../src/net/tcp/congestion/index.js';

type Topology = 'one-network' | 'two-networks';

/** What one connection does. Bytes and milliseconds. */
export interface FlowPlan {
  readonly client: number;
  readonly server: number;
  readonly port: number;
  readonly start: number;
  /** Bytes from the client to the server, and back. */
  readonly up: number;
  readonly down: number;
  /** Bytes handed to one `write`. */
  readonly chunk: number;
  /** The client says FIN as soon as it has written everything; else after it has got everything. */
  readonly halfClose: boolean;
  /** The reader stops for `pause` ms after each `burst` bytes; 0: it never does. */
  readonly slowReader: 'none' | 'client' | 'server';
  readonly pause: number;
  readonly burst: number;
  /** The client resets after it got so many bytes; -1: it does not. */
  readonly resetAt: number;
  /** How often it is done again afterwards, from the same port of the client: TIME-WAIT is met. */
  readonly again: number;
}

/** What happens to the network while connections are under way. */
type Incident =
  /** The host's cable is pulled, for good. */
  | { readonly kind: 'vanish'; readonly at: number; readonly host: number }
  /** The host takes another address; its connections are lost. */
  | { readonly kind: 'readdress'; readonly at: number; readonly host: number }
  /** The router forgets everything, and forwards nothing for so many ms. */
  | { readonly kind: 'reboot'; readonly at: number; readonly silence: number }
  /** The far side of the router carries no more than that from now on. */
  | { readonly kind: 'path-mtu'; readonly at: number; readonly mtu: number };

interface HostPlan {
  /** Number of the network it is on. */
  readonly network: number;
  readonly dhcp: boolean;
  readonly offload: boolean;
  readonly congestion: CongestionName;
  /** Bytes of a connection's receive buffer, and half-open connections before cookies answer. */
  readonly receiveBuffer: number;
  readonly synQueue: number;
  /** Sequence numbers and timestamps begin just before they wrap. */
  readonly wraps: boolean;
  /** What happens to frames towards it, and from it. */
  readonly towards: Faults;
  readonly from: Faults;
}

export interface Plan {
  readonly seed: number;
  readonly topology: Topology;
  /** MTU of the second network's side of the router. */
  readonly farMtu: number;
  readonly hosts: readonly HostPlan[];
  readonly flows: readonly FlowPlan[];
  /** Frames that the attacker sends; 0: there is none. */
  readonly attack: number;
  readonly incidents: readonly Incident[];
  /** Segments of a client that lies about what it gets; 0: there is none. */
  readonly adversary: number;
}

/** From a quiet cable to a very bad one. */
function drawFaults(random: SeededRandom): Faults {
  const kind = random.below(10);
  const delay = random.chance(0.5) ? random.between(0.01, 2) : random.between(2, 60);
  const base = { ...NO_FAULTS, delay };
  if (kind < 2) return base;
  if (kind < 4)
    return { ...base, loss: 0.03, duplicate: 0.03, reorder: 0.03, reorderDelay: random.between(0.1, delay + 1) };
  if (kind === 4) return { ...base, loss: random.between(0.001, 0.1) };
  if (kind === 5)
    return { ...base, burst: { enter: 0.01, leave: random.between(0.2, 0.5), loss: random.between(0.5, 0.9) } };
  if (kind === 6)
    return { ...base, jitter: random.between(0, 30), reorder: random.between(0, 0.3), reorderDelay: delay * 2 };
  if (kind === 7) return { ...base, corrupt: random.between(0.001, 0.05), duplicate: random.between(0, 0.2) };
  const rate = random.between(20, 2000);
  return { ...base, rate, queue: 3000 + random.below(60_000), loss: kind === 8 ? 0 : 0.01 };
}

/** Mostly small, sometimes nothing, sometimes large. */
function drawBytes(random: SeededRandom, largest: number): number {
  if (random.chance(0.1)) return 0;
  return Math.floor(2 ** random.between(0, Math.log2(largest)));
}

function drawFlow(random: SeededRandom, hosts: number, number: number): FlowPlan {
  const client = random.below(hosts);
  const server = (client + 1 + random.below(hosts - 1)) % hosts;
  const down = drawBytes(random, random.chance(0.1) ? 2_000_000 : 100_000);
  const burst = 1000 + random.below(100_000);
  return {
    client,
    server,
    port: 1000 + number,
    start: random.chance(0.5) ? random.between(0, 50) : random.between(0, 3000),
    up: drawBytes(random, random.chance(0.1) ? 1_500_000 : 50_000),
    down,
    chunk: random.pick([1, 100, 1460, 5000, 65_536, 1_000_000].filter((size) => size * 20_000 > down)),
    halfClose: random.chance(0.5),
    slowReader: random.pick(['none', 'none', 'none', 'client', 'server']),
    // Half a minute at most for a receive buffer (256 KiB): the peer waits a minute for the FIN that follows.
    pause: random.between(1, Math.min(3000, (30_000 * burst) / 262_144)),
    burst,
    resetAt: random.chance(0.05) ? random.below(down + 1) : -1,
    again: random.chance(0.15) ? 1 + random.below(2) : 0,
  };
}

/** `adversary`: there is one, whatever the seed says. */
export function drawPlan(seed: number, adversary = false): Plan {
  const random = new SeededRandom(seed, 77);
  const topology: Topology = random.chance(0.6) ? 'one-network' : 'two-networks';
  const hosts: HostPlan[] = [];
  for (let count = 2 + random.below(3); hosts.length < count; ) {
    hosts.push({
      network: topology === 'two-networks' ? hosts.length % 2 : 0,
      dhcp: random.chance(0.3),
      offload: random.chance(0.3),
      congestion: random.pick(['cubic', 'reno', 'bbr']),
      receiveBuffer: random.pick([262_144, 262_144, 65_536, 8192, 3000]),
      synQueue: random.pick([4096, 4096, 4, 0]),
      wraps: random.chance(0.2),
      towards: drawFaults(random),
      from: drawFaults(random),
    });
  }
  const flows: FlowPlan[] = [];
  for (let count = 1 + random.below(random.chance(0.1) ? 30 : 5); flows.length < count; ) {
    const flow = drawFlow(random, hosts.length, flows.length);
    // RFC 4987 3.6: where a cookie answers, a client whose ACK was lost and that waits for the server to speak waits
    // for ever.
    const cookies = (hosts[flow.server]?.synQueue ?? 0) < 100;
    flows.push(cookies && flow.up === 0 && !flow.halfClose ? { ...flow, up: 1 } : flow);
  }
  return {
    seed,
    topology,
    farMtu: random.pick([1500, 1500, 1400, 576]),
    hosts,
    flows,
    attack: random.chance(0.3) ? 50 + random.below(500) : 0,
    incidents: drawIncidents(random, topology, hosts),
    adversary: random.chance(0.15) || adversary ? 100 + random.below(2000) : 0,
  };
}

function drawIncidents(random: SeededRandom, topology: Topology, hosts: readonly HostPlan[]): Incident[] {
  const incidents: Incident[] = [];
  const at = (): number => random.between(0, random.chance(0.5) ? 500 : 5000);
  if (topology === 'two-networks' && random.chance(0.3)) {
    incidents.push({ kind: 'reboot', at: at(), silence: random.between(100, 15_000) });
  }
  if (topology === 'two-networks' && random.chance(0.3)) {
    incidents.push({ kind: 'path-mtu', at: at(), mtu: random.pick([1400, 1280, 1006, 576]) });
  }
  if (random.chance(0.12)) incidents.push({ kind: 'vanish', at: at(), host: random.below(hosts.length) });
  const host = random.below(hosts.length);
  if (random.chance(0.12) && hosts[host]?.dhcp === false) incidents.push({ kind: 'readdress', at: at(), host });
  return incidents;
}
