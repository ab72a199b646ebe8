/**
 * Programs that take a site's traffic from one another while clients use it, in virtual time: each a whole stack with
 * HTTP on it, on one cable, with a link between them that carries what the real one carries. Any of them may be killed
 * at any moment.
 */
import { HttpServer } from '../../src/http/index.js';
import type { Memories, MemoryName } from '../../src/memory/memories.js';
import type { Memory } from '../../src/memory/memory.js';
import { decodeBatch, decodeRecord, encodeBatch, encodeRecord } from '../../src/net/direct/peer-link/moving-codec.js';
import type { Accept, Adopt, Clock } from '../../src/net/flow.js';
import { Datagram } from '../../src/net/ip/contracts/datagram.js';
import { Adopter } from '../../src/net/tcp/moving/adopter.js';
import {
  adoptTimeWait,
  type FlowName,
  handOver,
  nameOf,
  type TcpState,
  type TimeWaitState,
  takeBack,
  takeOver,
} from '../../src/net/tcp/moving/hand-over.js';
import { Mover } from '../../src/net/tcp/moving/mover.js';
import { MOVE_VERSION, MOVE_WITH_BYTES, type MovingRecord } from '../../src/net/tcp/moving/record.js';
import type { Store } from '../../src/store/store.js';
import { SimHost, type SimHostOptions } from './host.js';
import { ip, readIp, readTcp } from './packets.js';
import type { World } from './world.js';

export const SERVER = '10.0.0.2';
export const CLIENT = '10.0.0.1';
export const CLIENT_MAC = Uint8Array.of(2, 0, 0, 0, 0, 1);
const MAC = Uint8Array.of(2, 0, 0, 0, 0, 2);
const LOOK_AGAIN = 50;

/** A world whose clock began at another time: every process has its own. */
function shifted(world: World, by: number): World {
  const { time } = world;
  const clock: Clock & { at: typeof time.at } = {
    now: () => time.now() + by,
    wallClock: () => time.wallClock(),
    schedule: (delay, callback) => time.schedule(delay, callback),
    // Never early by what a float rounds off.
    at: (when, callback) => time.at(when - by + 1e-6, callback),
  };
  return Object.create(world, { time: { value: clock } }) as World;
}

export interface Site {
  readonly store: Store;
  /** Memories that every program can open, by their ids. */
  readonly named: ReadonlyMap<string, Memory>;
}

interface Said {
  /** The newest version of records that it takes. */
  readonly taken?: number;
  readonly opened?: string;
  readonly settled?: readonly FlowName[];
  readonly open?: MemoryName;
  readonly move?: readonly unknown[];
  readonly batch?: string;
  readonly gone?: FlowName;
  readonly timeWait?: TimeWaitState;
  readonly segment?: { readonly tos: number; readonly base64: string };
}

/** One side of a link between two programs. What was sent arrives, also when the sender is dead by then. */
class LinkEnd {
  other!: LinkEnd;
  onSaid: (said: Said) => void = () => {};
  onClose: () => void = () => {};
  private closed = false;

  constructor(
    private readonly world: World,
    readonly program: Program,
    private readonly delay: () => number,
  ) {}

  say(said: Said): void {
    const text = JSON.stringify(said);
    this.send(() => this.other.onSaid(JSON.parse(text) as Said));
  }

  /** The process is gone: the kernel closes what it had. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.send(() => this.other.onClose());
  }

  private last = 0;
  private send(what: () => void): void {
    const { time } = this.world;
    this.last = Math.max(this.last, time.now() + this.delay());
    time.at(this.last, () => {
      if (!this.other.program.dead) what();
    });
  }
}

/** What a program serves with TLS, on port 443: what is behind it is HTTP. */
export type MakeSecure = (clock: Clock, http: HttpServer) => { readonly accept: Accept; readonly adopt: Adopt };

export class Program {
  readonly host: SimHost;
  readonly http: HttpServer;
  readonly adopter: Adopter;
  dead = false;
  mover: Mover | undefined;
  readonly links: LinkEnd[] = [];
  /** Names of connections that predecessors have. */
  private readonly theirs = new Map<string, LinkEnd>();

  constructor(
    readonly world: World,
    readonly site: Site,
    clock: number,
    options: Pick<SimHostOptions, 'congestion' | 'offload' | 'wraps'>,
    readonly memories: Memories,
    secure?: MakeSecure,
    /** The newest version of records that it knows. */
    readonly version: number = MOVE_WITH_BYTES,
  ) {
    this.host = new SimHost(shifted(world, clock), { name: `program${clock}`, mac: MAC, ...options });
    this.host.place(SERVER, 24);
    this.http = new HttpServer({ store: () => site.store, clock: this.host.clock });
    this.adopter = new Adopter(this.host.tcp, memories);
    void this.host.listen(80, this.http.accept, this.http.adopt);
    const tls = secure?.(this.host.clock, this.http);
    if (tls !== undefined) void this.host.listen(443, tls.accept, tls.adopt);
  }

  get now(): number {
    return this.host.clock.now();
  }

  kill(): void {
    this.dead = true;
    this.host.unplug();
    for (const link of this.links) link.close();
  }

  /** Names of connections that would be lost with this program: it is their only owner. */
  owns(serves: boolean): string[] {
    const { connections, listening } = this.host.tcp;
    const own = [...connections, ...listening.queue].map((one) => String(nameOf(one)));
    return serves ? [...own, ...this.promised] : own;
  }

  /** What it said was its own, and had not begun yet. */
  private readonly promised = new Set<string>();

  get undecided(): number {
    return this.mover?.undecided ?? 0;
  }

  /** Nothing is on its way here. */
  get settled(): boolean {
    return this.adopter.undecided === 0;
  }

  names(): FlowName[] {
    return [...this.host.tcp.connections].map(nameOf);
  }

  // The old one

  /** Who has the traffic. */
  private current: LinkEnd | undefined;

  /** Gives the traffic to the program at the other end. */
  give(link: LinkEnd): TcpState {
    let state: TcpState | undefined;
    this.current = link;
    this.host.enter(() => {
      const departed = {
        gone: (name: FlowName) => this.current?.say({ gone: name }),
        timeWait: (timeWait: TimeWaitState) => this.current?.say({ timeWait }),
      };
      state = JSON.parse(JSON.stringify(handOver(this.host.tcp, departed, this.now))) as TcpState;
    });
    return state!;
  }

  obey(link: LinkEnd, begun: () => void): void {
    const { host } = this;
    this.mover = undefined;
    this.current = link;
    link.onSaid = ({ taken, opened, settled, segment }) => {
      if (taken !== undefined) {
        begun();
        this.world.time.schedule(5000, () => this.host.enter(() => this.http.retire()));
        this.startMoving(link, Math.min(taken, this.version));
      }
      if (segment !== undefined) host.enter(() => this.segment(segment.tos, Buffer.from(segment.base64, 'base64')));
      if (this.current !== link) return;
      if (opened !== undefined) {
        this.mover?.opened(opened);
        this.look();
      }
      if (settled !== undefined) {
        host.enter(() => this.mover?.settled(settled));
        this.look();
      }
    };
    link.onClose = () => {
      if (this.current !== link) return;
      const { mover } = this;
      this.mover = undefined;
      if (mover !== undefined) host.enter(() => mover.lost());
    };
  }

  private segment(tos: number, datagram: Uint8Array): void {
    const { source, destination, payload } = readIp(
      Buffer.concat([new Uint8Array(12), Uint8Array.of(8, 0), datagram]),
    )!;
    const { from, to } = readTcp(payload)!;
    if (this.mover?.segment(source, destination, (from << 16) | to, tos, datagram)) return;
    this.input(tos, datagram);
  }

  private input(tos: number, datagram: Uint8Array): void {
    const view = new DataView(datagram.buffer, datagram.byteOffset);
    const { tcp } = this.host;
    const came = new Datagram().lies(datagram, 0, 20, datagram.length, 1);
    tcp.input(came.goes(view.getInt32(12), view.getInt32(16), false, tos, this.now));
  }

  private startMoving(link: LinkEnd, version: number): void {
    const forward = (tos: number, datagram: Uint8Array) =>
      link.say({ segment: { tos, base64: Buffer.from(datagram).toString('base64') } });
    const events = {
      move: (records: readonly MovingRecord[]) => {
        if (version === MOVE_VERSION) link.say({ move: records.map(encodeRecord) });
        else link.say({ batch: Buffer.from(encodeBatch(records)).toString('base64') });
      },
      open: (name: MemoryName) => link.say({ open: name }),
      forward,
      deliver: (tos: number, datagram: Uint8Array) => this.input(tos, datagram),
    };
    this.mover = new Mover(this.host.tcp, this.memories, events, version);
    this.look();
  }

  private look(): void {
    const { mover, host } = this;
    if (mover === undefined || this.dead) return;
    // It looks from time to time for as long as there is anything.
    host.enter(() => undefined);
    host.enter(() => mover.sweep());
    if (host.tcp.connections.size > 0) this.world.time.schedule(LOOK_AGAIN, () => this.mover === mover && this.look());
  }

  // The new one

  take(state: TcpState, elapsed: number): void {
    const { host } = this;
    // Who its peers are goes along in the real hand-over, too.
    host.stack.arp.neighbours.learn(ip(CLIENT), CLIENT_MAC, 0, true, this.now);
    host.enter(() => takeOver(host.tcp, state, this.now, elapsed));
    host.tcp.elsewhere = {
      segment: ({ source, destination, tos, bytes, ip, end }, ports) => {
        const one = this.theirs.get(String([source, destination, ports]));
        one?.say({ segment: { tos, base64: Buffer.from(bytes.slice(ip, end)).toString('base64') } });
        return one !== undefined;
      },
      error: () => false,
    };
  }

  /** Takes the connections of one that has them. */
  learn(names: readonly FlowName[], link: LinkEnd): void {
    const { host } = this;
    for (const name of names) this.theirs.set(String(name), link);
    link.onSaid = ({ open, move, batch, gone, timeWait, segment }) => {
      if (timeWait !== undefined) host.enter(() => adoptTimeWait(host.tcp, timeWait, this.now, 0));
      if (gone !== undefined) this.theirs.delete(String(gone));
      if (open !== undefined) void this.adopter.prepare(open).then((is) => is && link.say({ opened: open.id }));
      if (move !== undefined) host.enter(() => this.move(link, move.map(decodeRecord)));
      if (batch !== undefined) host.enter(() => this.move(link, decodeBatch(Buffer.from(batch, 'base64'))));
      if (segment !== undefined) host.enter(() => this.returned(segment.tos, Buffer.from(segment.base64, 'base64')));
    };
    link.onClose = () => {
      for (const [name, at] of [...this.theirs]) if (at === link) this.theirs.delete(name);
    };
    link.say({ taken: this.version });
  }

  private move(link: LinkEnd, records: readonly MovingRecord[]): void {
    const taken = this.adopter.take(records);
    link.say({ settled: taken.map(nameOf) });
    for (const c of taken) this.promised.add(String(nameOf(c)));
    // As the real one does, when the kernel has it.
    this.world.time.schedule(0, () => {
      if (this.dead) return;
      this.host.enter(() => {
        for (const c of taken) {
          this.theirs.delete(String(nameOf(c)));
          this.promised.delete(String(nameOf(c)));
          this.adopter.begin(c);
        }
      });
    });
  }

  private returned(tos: number, datagram: Uint8Array): void {
    const { source, destination, payload } = readIp(
      Buffer.concat([new Uint8Array(12), Uint8Array.of(8, 0), datagram]),
    )!;
    const { from, to } = readTcp(payload)!;
    if (this.host.tcp.connections.get(source, destination, (from << 16) | to) === undefined) return;
    this.input(tos, datagram);
  }
}

/** The cable of the site's address, and who reads it. */
export class Address {
  private reader: Program | undefined;
  private readonly waiting: Uint8Array[] = [];
  /** Who has sent what is more than a bare answer to nobody, by connection. */
  private readonly senders = new Map<string, Program>();
  readonly problems: string[] = [];
  resets = 0;

  constructor(
    readonly world: World,
    private readonly delay: () => number,
  ) {}

  /** Frames for the address. */
  take(frame: Uint8Array): void {
    if (this.reader === undefined) this.waiting.push(frame);
    else this.reader.host.take(frame);
  }

  plug(program: Program, send: (frame: Uint8Array) => void, order: number): void {
    program.host.connectTo((frame) => {
      this.watch(program, order, frame);
      send(frame);
    });
  }

  /** Of one connection, nobody sends after a later program has. */
  private watch(program: Program, order: number, frame: Uint8Array): void {
    const packet = readIp(frame);
    const segment = packet && readTcp(packet.payload);
    if (packet === undefined || segment === undefined) return;
    if ((segment.flags & 4) !== 0) this.resets += 1;
    if (program.dead) return;
    const name = `${packet.destination}:${segment.to}`;
    const before = this.senders.get(name);
    if (before !== undefined && before !== program && this.order(before) > order)
      this.problems.push(`${name}: two owners at ${this.world.time.now()}`);
    this.senders.set(name, program);
  }

  private readonly orders = new Map<Program, number>();
  private order(program: Program): number {
    return this.orders.get(program) ?? 0;
  }

  serve(program: Program, order: number): void {
    this.orders.set(program, order);
    this.reader = program;
    for (const frame of this.waiting.splice(0)) program.host.take(frame);
  }

  /** The young one takes over from `olds`, of which the first has the traffic; `begun`: it reads the cable. */
  handOver(olds: readonly Program[], young: Program, order: number, begun: () => void = () => {}): void {
    const { time } = this.world;
    const [first] = olds as [Program];
    // Whose the connections are must be certain.
    if (olds.some((one) => !one.dead && (!one.settled || one.undecided > 0))) {
      time.schedule(2, () => this.handOver(olds, young, order, begun));
      return;
    }
    if (first.dead || young.dead) return;
    this.reader = undefined;
    const at = time.now();
    let taken = false;
    const links = olds.filter((one) => !one.dead).map((old) => this.link(old, young));
    const state = first.give(links[0]![0]);
    const names = links.map(([left]) => left.program.names());
    for (const [left] of links) {
      left.program.obey(left, () => {
        taken = true;
      });
    }
    const [left] = links[0]!;
    const { onClose } = left;
    left.onClose = () => {
      if (taken) return onClose();
      // As it was before: the young one had sent nothing.
      first.host.enter(() => takeBack(first.host.tcp, state, first.now, time.now() - at));
      this.serve(first, order - 1);
    };
    time.schedule(this.delay(), () => {
      if (young.dead) return;
      young.take(state, time.now() - at);
      for (const [i, [, mine]] of links.entries()) young.learn(names[i]!, mine);
      this.serve(young, order);
      begun();
    });
  }

  private link(old: Program, young: Program): [LinkEnd, LinkEnd] {
    const [left, right] = [new LinkEnd(this.world, old, this.delay), new LinkEnd(this.world, young, this.delay)];
    left.other = right;
    right.other = left;
    old.links.push(left);
    young.links.push(right);
    return [left, right];
  }
}
