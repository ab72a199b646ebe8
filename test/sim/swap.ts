/**
 * One run out of a seed: clients of all kinds, a bad cable, and programs that take over from one another, some of them
 * killed.
 */
import type { Memories, MemoryName } from '../../src/memory/memories.js';
import { Memory } from '../../src/memory/memory.js';
import { NO_FAULTS } from '../../src/net/device/wrap/faults.js';
import { SeededRandom } from '../../src/net/host/seeded-random.js';
import type { Store } from '../../src/store/store.js';
import { HandMadeStore } from '../http/hand-made-store.js';
import { Asker, type AskerPlan } from './asker.js';
import { SimHost } from './host.js';
import { ip } from './packets.js';
import { Address, CLIENT, CLIENT_MAC, Program, SERVER, type Site } from './programs.js';
import { World } from './world.js';

const LARGE = 400_000;
const LIMIT = 300_000;

/** Sizes of what is served; large ones have a name that every program knows. */
const SIZES: Readonly<Record<string, number>> = { '/page': 2000, '/middle': 60_000, '/large': LARGE, '/own': 120_000 };

function contentOf(path: string, version: number): Uint8Array {
  const random = new SeededRandom(version, path.length);
  return Uint8Array.from({ length: SIZES[path]! + version }, () => random.random32());
}

/** The same content each time, in memory of its own, as another process has it. */
const made = new Map<number, Readonly<Record<string, Uint8Array>>>();

export function contents(version: number): Readonly<Record<string, Uint8Array>> {
  let one = made.get(version);
  if (one === undefined) {
    one = Object.fromEntries(Object.keys(SIZES).map((path) => [path, contentOf(path, version)]));
    made.set(version, one);
  }
  return one;
}

function bodyOf(store: Store, path: string): Memory {
  const bytes = new TextEncoder().encode(path);
  const found = store.lookup(bytes, 0, bytes.length);
  if (found.kind !== 'resource') throw new Error(`no ${path}`);
  return found.resource.representations[0]!.body.memory;
}

export function siteOf(version: number): Site {
  const files = Object.entries(contents(version)).map(([path, content]) => [path, { type: 'text/plain', content }]);
  const store = new HandMadeStore(Object.fromEntries(files));
  // '/own' is memory that nobody else can open.
  const named = new Map(['/middle', '/large'].map((path) => [`${version}${path}`, bodyOf(store, path)]));
  return { store, named };
}

/** Opens copies: what another process maps is not the same object. */
export function memoriesOf(site: Site, missing: (id: string) => boolean = () => false): Memories {
  const ids = new Map([...site.named].map(([id, memory]) => [memory, id]));
  const nameOf = (memory: Memory): MemoryName | undefined => {
    const id = ids.get(memory);
    return id === undefined ? undefined : { id, path: `/bundles/${id}` };
  };
  return {
    nameOf,
    open: ({ id }) => {
      if (missing(id)) return Promise.resolve(undefined);
      const [version, path] = [Number.parseInt(id, 10), id.replace(/^\d+/, '')];
      const memory = site.named.get(id) ?? new Memory(contents(version)[path]!.slice());
      ids.set(memory, id);
      return Promise.resolve(memory);
    },
  };
}

export interface SwapPlan {
  readonly seed: number;
  readonly loss: number;
  /** When each program takes over, ms. */
  readonly swaps: readonly number[];
  /** Kills a program so many ms after the last swap began: 0 the old one, 1 the young one. */
  readonly kill?: { readonly program: 0 | 1; readonly after: number } | undefined;
  /** Whether the young one has the named memories. */
  readonly missing?: boolean;
}

export interface Swapped {
  readonly problems: string[];
  readonly askers: readonly Asker[];
  readonly programs: readonly Program[];
  readonly moved: number;
  readonly resets: number;
  /** Connections that the first program still had 300 ms after the last swap. */
  readonly left: number;
}

function planFor(random: SeededRandom): AskerPlan {
  const kind = random.below(6);
  const paths = Object.keys(SIZES);
  const some = (count: number): string[] => Array.from({ length: count }, () => random.pick(paths));
  const quiet = { pipelined: false, think: 0, close: false, slices: 1, content: 0, pause: 0 };
  if (kind === 0) return { ...quiet, paths: some(10), think: random.between(1, 300) };
  if (kind === 1) return { ...quiet, paths: ['/large'], close: true, pause: random.between(0, 60) };
  if (kind === 2) return { ...quiet, paths: ['/large', '/page', '/large'], pause: random.between(0, 60) };
  if (kind === 3) return { ...quiet, paths: some(6), pipelined: true, close: random.chance(0.5) };
  if (kind === 4) return { ...quiet, paths: some(4), slices: 3, think: random.between(5, 100), content: 3000 };
  return { ...quiet, paths: some(5), slices: random.pick([1, 4]), think: random.between(0, 200), close: true };
}

export async function runSwap(plan: SwapPlan): Promise<Swapped> {
  const world = new World(plan.seed);
  const { time } = world;
  const random = new SeededRandom(plan.seed, 77);
  const faults = {
    ...NO_FAULTS,
    loss: plan.loss,
    duplicate: plan.loss / 2,
    reorder: plan.loss,
    delay: random.between(0.2, 30),
    rate: random.pick([0, 1250, 12_500]),
    queue: 200_000,
  };
  const delay = (): number => random.between(0.05, 2);
  const address = new Address(world, delay);
  const client = new SimHost(world, { name: 'client', mac: CLIENT_MAC });
  client.connectTo(world.wire('to the site', address, faults));
  client.place(CLIENT, 24);
  const back = world.wire('from the site', client, faults);
  const programs: Program[] = [];
  const options = { congestion: random.pick(['cubic', 'reno', 'bbr'] as const), offload: random.chance(0.5) };
  const wraps = random.chance(0.3);
  const start = (): Program => {
    const site = siteOf(programs.length);
    const first = programs.length === 0;
    // The first one's clock is that of the simulation; where numbers wrap, all of them count from it.
    const clock = first ? 0 : random.between(-50_000, 50_000_000);
    const program = new Program(
      world,
      site,
      clock,
      { ...options, wraps },
      memoriesOf(site, () => plan.missing === true),
    );
    programs.push(program);
    address.plug(program, back, programs.length);
    return program;
  };
  address.serve(start(), 1);
  const bodies = (path: string): Uint8Array[] => programs.map((_, version) => contents(version)[path]!);
  const askers: Asker[] = [];
  const names = new Map<string, Asker>();
  const doomed = new Set<Asker>();
  for (let i = 0; i < 14; i++) {
    time.schedule(random.between(0, (plan.swaps.at(-1) ?? 0) + 500), () => {
      const asker = new Asker(client, planFor(random), bodies);
      askers.push(asker);
      client.dial(ip(SERVER), 80, asker, (flow) => asker.begin(flow));
      for (const one of client.tcp.connections) if (one.handler === asker) names.set(String(one.localPort), asker);
    });
  }
  const problems: string[] = [];
  let left = 0;
  plan.swaps.forEach((at, i) => {
    time.schedule(at, () => {
      const old = programs.at(-1)!;
      const young = start();
      const last = i === plan.swaps.length - 1;
      let begun = false;
      const olds = programs.slice(0, -1).reverse();
      address.handOver(olds, young, programs.length, () => {
        begun = true;
      });
      if (last && plan.kill === undefined) time.schedule(300, () => (left = old.host.tcp.connections.size));
      if (!last || plan.kill === undefined) return;
      time.schedule(plan.kill.after, () => {
        const [dead, other] = plan.kill!.program === 0 ? [old, young] : [young, old];
        for (const name of dead.owns(begun || dead === old)) {
          const asker = names.get(String((Number(name.split(',')[2]) >>> 16) & 0xffff));
          if (asker !== undefined) doomed.add(asker);
        }
        dead.kill();
        // Somebody starts a program in the place of the one that has the traffic: it takes over from who is left.
        if (dead === young || !begun) time.schedule(50, () => restart(other));
      });
    });
  });
  const restart = (old: Program): void => {
    const third = start();
    if (old.dead) address.serve(third, programs.length);
    else
      address.handOver(
        programs
          .slice(0, -1)
          .reverse()
          .filter((one) => !one.dead),
        third,
        programs.length,
      );
  };
  // Opening a memory takes a promise, which virtual time does not wait for.
  for (let at = 0; at < LIMIT && !(askers.length === 14 && askers.every((one) => one.done)); at += 5) {
    time.run(at);
    await Promise.resolve();
    await Promise.resolve();
    await Promise.resolve();
  }
  problems.push(...address.problems);
  for (const one of askers) {
    // What stays is asked to come anew in the end, with requests on their way or not.
    if (plan.missing && /wants the connection/.test(one.problem ?? '')) continue;
    if (one.content || (doomed.has(one) && !/bytes|more came/.test(one.problem ?? ''))) continue;
    problems.push(one.problem ?? `not done: ${one.answers} answers, ${one.reason}`);
  }
  const moved = programs.reduce((sum, { host }) => sum + host.tcp.counters.movedIn, 0);
  return { problems, askers, programs, moved, resets: address.resets, left };
}
