/**
 * Carries out a plan: builds its network, lets its connections run in virtual time, and says what was not as it must
 * be.
 */
import { NO_FAULTS } from '../../src/net/device/wrap/faults.js';
import { Adversary } from './adversary.js';
import { Attacker } from './attacker.js';
import { DhcpServer } from './dhcp-server.js';
import { SimHost } from './host.js';
import { ip } from './packets.js';
import type { FlowPlan, Plan } from './plan.js';
import { Router } from './router.js';
import { Switch } from './switch.js';
import { End } from './traffic.js';
import { type FaultKey, World } from './world.js';

/** Virtual ms within which DHCP must have an address, however bad the cable. */
const ADDRESS_LIMIT = 600_000;
/** Virtual ms after which nothing may be left of a connection: TIME-WAIT is 2 MSL, at most four minutes. */
const QUIET = 300_000;

export interface Outcome {
  readonly world: World;
  /** What was wrong; empty: nothing. */
  readonly problems: readonly string[];
  readonly hosts: readonly SimHost[];
  readonly bytes: number;
}

interface Running {
  readonly plan: FlowPlan;
  readonly client: End;
  server: End | undefined;
  /** No other round of this flow follows. */
  last: boolean;
}

export interface RunOptions {
  readonly forgiven?: ((key: FaultKey) => boolean) | undefined;
  /** Keep every frame for a capture. */
  readonly remember?: boolean;
}

export function runPlan(plan: Plan, { forgiven, remember = false }: RunOptions = {}): Outcome {
  const world = new World(plan.seed, forgiven, remember);
  const problems: string[] = [];
  const network = buildNetwork(world, plan);
  const { hosts } = network;
  try {
    drive(world, plan, network, problems);
  } catch (error) {
    problems.push(`threw: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  }
  const bytes = plan.flows.reduce((sum, flow) => sum + (flow.up + flow.down) * (1 + flow.again), 0);
  return { world, problems, hosts, bytes };
}

interface Network {
  readonly hosts: readonly SimHost[];
  readonly router: Router;
  readonly adversary: Adversary | undefined;
}

function buildNetwork(world: World, plan: Plan): Network {
  const count = plan.topology === 'two-networks' ? 2 : 1;
  const networks = Array.from({ length: count }, (_, i) => new Switch(world, `switch${i}`));
  const router = new Router(() => world.time.now());
  networks.forEach((network, i) => {
    const mtu = i === 0 ? 1500 : plan.farMtu;
    router.attach(network, `router${i}`, ip(`10.${i}.0.1`), 24, mtu, NO_FAULTS, NO_FAULTS);
    if (plan.hosts.some((host) => host.dhcp && host.network === i)) {
      const settings = {
        address: ip(`10.${i}.0.2`),
        mask: ip('255.255.255.0'),
        gateway: ip(`10.${i}.0.1`),
        first: ip(`10.${i}.0.100`),
        count: 50,
        lease: 600,
      };
      new DhcpServer(network, settings, NO_FAULTS, NO_FAULTS);
    }
  });
  const hosts = plan.hosts.map((host, i) => {
    const mac = Uint8Array.of(2, 0, 0, 0, 0, 10 + i);
    const { offload, congestion, receiveBuffer, synQueue, wraps } = host;
    const limits = { receiveBuffer, synQueue };
    const made = new SimHost(world, { name: `host${i}`, mac, offload, congestion, wraps, limits });
    const network = networks[host.network] as Switch;
    made.connectTo(network.plug(made.name, made, host.towards, host.from));
    if (host.dhcp) made.useDhcp();
    else made.place(`10.${host.network}.0.${10 + i}`, 24, `10.${host.network}.0.1`);
    return made;
  });
  if (plan.attack > 0) {
    const victims = hosts.filter((_, i) => plan.hosts[i]?.network === 0);
    new Attacker(world, networks[0] as Switch, victims, {
      start: 0,
      interval: 5,
      count: plan.attack,
      ports: plan.flows.map((flow) => flow.port),
    });
  }
  const near = hosts.filter((_, i) => plan.hosts[i]?.network === 0);
  const adversary =
    plan.adversary === 0 ? undefined : new Adversary(world, networks[0] as Switch, near, plan.adversary, 2);
  return { hosts, router, adversary };
}

/** Carries out what befalls the network, counted from now. */
function befall(world: World, plan: Plan, hosts: readonly SimHost[], router: Router): void {
  for (const one of plan.incidents) {
    world.time.schedule(one.at, () => {
      if (one.kind === 'vanish') hosts[one.host]?.unplug();
      else if (one.kind === 'path-mtu') router.setMtu(1, one.mtu);
      else if (one.kind === 'readdress') {
        const { network } = plan.hosts[one.host]!;
        hosts[one.host]?.place(`10.${network}.0.${60 + one.host}`, 24, `10.${network}.0.1`);
      } else {
        router.dead = true;
        router.forget();
        world.time.schedule(one.silence, () => {
          router.dead = false;
        });
      }
    });
  }
}

/** May a connection of that flow be lost, by what befell its hosts? */
function mayBeLost(plan: Plan, flow: FlowPlan): boolean {
  return plan.incidents.some(
    (one) =>
      (one.kind === 'vanish' || one.kind === 'readdress') && (one.host === flow.client || one.host === flow.server),
  );
}

/**
 * A client that was answered by a cookie, and whose first segment came through when that had expired (a minute or two).
 */
function cookieExpired(plan: Plan, { plan: flow, client, server }: Running): boolean {
  const cookies = (plan.hosts[flow.server]?.synQueue ?? 0) < 100;
  return (
    cookies && server === undefined && client.reason === 'reset-by-peer' && client.closedAt - client.beganAt > 60_000
  );
}

function drive(world: World, plan: Plan, { hosts, router, adversary }: Network, problems: string[]): void {
  world.time.run(ADDRESS_LIMIT, () => hosts.every((host) => host.ipv4() !== undefined));
  for (const host of hosts) if (host.ipv4() === undefined) problems.push(`${host.name} got no address by DHCP`);
  if (problems.length > 0) return;

  const running: Running[] = [];
  for (const flow of plan.flows) startFlow(world, flow, hosts, running);
  befall(world, plan, hosts, router);
  const limit = world.time.now() + timeLimit(plan);
  const over = ({ plan: flow, client, server, last }: Running): boolean =>
    last &&
    client.reason !== undefined &&
    (server?.reason !== undefined || client.reason === 'reset-by-us' || mayBeLost(plan, flow));
  const done = (): boolean => {
    const lasts = running.filter((one) => one.last);
    return lasts.length === plan.flows.length && lasts.every(over);
  };
  world.time.run(limit, done);

  for (const each of running) {
    const lost = mayBeLost(plan, each.plan) || cookieExpired(plan, each);
    judge(each, problems, world.time.now() >= limit, lost);
  }
  // A reset that was lost leaves the other side waiting for ever, as TCP is made: it is ended here.
  for (const { plan: flow, client, server } of running) {
    if (flow.resetAt < 0 && !mayBeLost(plan, flow)) continue;
    if (server?.reason === undefined) hosts[flow.server]?.enter(() => server?.flow?.reset());
    if (client.reason === undefined) hosts[flow.client]?.enter(() => client.flow?.reset());
  }
  adversary?.end();
  world.time.run(world.time.now() + QUIET);
  for (const host of hosts) host.stop();
  for (const host of hosts) problems.push(...host.leftovers());
}

function startFlow(world: World, plan: FlowPlan, hosts: readonly SimHost[], running: Running[]): void {
  const from = hosts[plan.client] as SimHost;
  const to = hosts[plan.server] as SimHost;
  let current: Running | undefined;
  const begin = (round: number, port: number | undefined): void => {
    const client = new End(plan, 'client', from.clock);
    const one: Running = { plan, client, server: undefined, last: round === plan.again };
    current = one;
    running.push(one);
    let remote: number;
    try {
      remote = to.ipv4() as number;
      from.dial(remote, plan.port, client, (flow) => client.begin(flow), port);
    } catch {
      // It has no address any more.
      client.reason = 'unreachable';
    }
    client.over = () => {
      if (one.last) return;
      if (client.reason !== 'finished') {
        one.last = true;
        return;
      }
      const used = client.flow?.local.port;
      // When both have done with it; where the server is the one in TIME-WAIT, the same port may come again.
      const next = (): void => {
        if (one.server?.reason === undefined && patience-- > 0) world.time.schedule(50, next);
        else if (one.server?.reason === undefined) one.last = true;
        else begin(round + 1, used);
      };
      let patience = 5000;
      world.time.schedule(1, next);
    };
  };
  void to.listen(plan.port, (flow) => {
    // What the attacker opens is nobody's: a blind attacker cannot finish a handshake, so there is no such flow.
    const one = current as Running;
    one.server ??= new End(plan, 'server', to.clock);
    one.server.begin(flow);
  });
  world.time.schedule(plan.start, () => begin(0, undefined));
}

function judge({ plan, client, server }: Running, problems: string[], late: boolean, mayBeLost: boolean): void {
  const name = `port ${plan.port}`;
  if (client.fault !== undefined) problems.push(client.fault);
  if (server?.fault !== undefined) problems.push(server.fault);
  if (mayBeLost || (plan.resetAt >= 0 && client.reason === 'reset-by-us')) return;
  for (const [side, end] of [
    ['client', client],
    ['server', server],
  ] as const) {
    if (end === undefined) problems.push(`${name}: the server never accepted; client: ${client.reason ?? 'waits'}`);
    else if (end.reason === undefined) {
      const state = end.flow?.info().state;
      problems.push(
        `${name}: the ${side} is ${late ? 'late' : 'stuck'} in ${state}: got ${end.received} of ${end.toGet}, wrote ${end.written} of ${end.toSend}, ${end.flow?.queued} queued`,
      );
    } else if (!end.complete) {
      problems.push(
        `${name}: the ${side} ended with ${end.reason}: got ${end.received} of ${end.toGet}, wrote ${end.written} of ${end.toSend}`,
      );
    }
  }
}

/** A generous bound on virtual ms: what the slowest cable, its losses and the slow readers may cost, and more. */
function timeLimit(plan: Plan): number {
  // What the adversary draws shares the slowest cable.
  let limit = 120_000 + plan.adversary * 100;
  const rates = plan.hosts.flatMap((host) => [host.towards.rate, host.from.rate]).filter((rate) => rate > 0);
  const rate = Math.min(...rates, 1000);
  const delay = Math.max(...plan.hosts.map((host) => host.towards.delay + host.from.delay + host.towards.jitter));
  for (const one of plan.incidents) limit += one.at + (one.kind === 'reboot' ? one.silence * 4 : 0);
  for (const flow of plan.flows) {
    const bytes = (flow.up + flow.down) * (1 + flow.again);
    limit += flow.start + (bytes / rate) * 4 + flow.again * 60_000;
    // A lossy path moves at least a segment in a few round trips and, with back-off, some timeouts.
    limit += (bytes / 536) * (delay * 4 + 300);
    if (flow.slowReader !== 'none') limit += (bytes / flow.burst + 1) * (flow.pause + 1000) * 3;
  }
  return limit;
}
