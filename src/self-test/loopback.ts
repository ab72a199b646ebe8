/**
 * A wire of its own for one process: a server on one end, a client on the other, both on the whole stack, in virtual time. Nothing
 * of it touches a device, a clock or a port of this machine.
 */
import { memoryLink } from '../net/device/memory/memory-link.js';
import type { Accept, Clock, Flow, FlowHandler, Timer } from '../net/flow.js';
import { Stack } from '../net/ip/stack.js';
import type { Random } from '../net/ip/transport.js';
import { congestionByName } from '../net/tcp/congestion/index.js';
import { TcpLayer } from '../net/tcp/index.js';
import { parseIpv4 } from '../net/wire/address.js';

/** Of the block for documentation (RFC 5737). */
const SERVER = parseIpv4('192.0.2.1')!;
const CLIENT = parseIpv4('192.0.2.2')!;
const PORT = 80;
/** Frames that an end takes before the other has its turn. */
const BUDGET = 64;

class Host {
  readonly tcp: TcpLayer;
  readonly stack: Stack;

  constructor(
    readonly device: ReturnType<typeof memoryLink>[0],
    address: number,
    random: Random,
  ) {
    this.stack = new Stack({ device, random });
    this.tcp = new TcpLayer({
      ip: this.stack,
      random,
      drops: this.stack.drops,
      congestion: congestionByName('cubic'),
    });
    this.stack.host(this.tcp);
    this.stack.configure({ address, prefix: 24, gateway: undefined }, 0);
  }

  /** Answers how many frames it took. */
  turn(now: number): number {
    const taken = this.device.receive(
      (bytes, start, end, marks) => this.stack.input(bytes, start, end, marks, now),
      BUDGET,
    );
    this.stack.flush(now);
    return taken;
  }
}

interface Alarm {
  readonly at: number;
  readonly callback: () => void;
}

export class Loopback {
  /** The server's. */
  readonly clock: Clock;
  private now = 0;
  private readonly alarms = new Set<Alarm>();
  private readonly server: Host;
  private readonly client: Host;

  /** `wallClock`: milliseconds since 1970 at its start. */
  constructor(random: Random, wallClock: number) {
    const [left, right] = memoryLink({ queue: 4096 });
    this.server = new Host(left, SERVER, random);
    this.client = new Host(right, CLIENT, random);
    this.clock = {
      now: () => this.now,
      wallClock: () => wallClock + this.now,
      schedule: (delay, callback): Timer => {
        const alarm = { at: this.now + delay, callback };
        this.alarms.add(alarm);
        return { cancel: () => void this.alarms.delete(alarm) };
      },
    };
  }

  listen(accept: Accept): void {
    this.server.tcp.listen(PORT, accept);
  }

  /** Opens a connection to the server; `handler` is told of it, `opened` when it stands. */
  connect(handler: FlowHandler, opened: (flow: Flow) => void): void {
    const flow = this.client.tcp.connect(CLIENT, SERVER, PORT, this.now, (c) => opened(c));
    if (flow === undefined) throw new Error('the wire in memory has no route');
    flow.handler = handler;
  }

  /** Lets time pass until `done` or `limit` ms of it are over; answers whether it was `done`. */
  async run(done: () => boolean, limit: number): Promise<boolean> {
    for (let turns = 1; !done(); turns++) {
      // The process may be serving meanwhile.
      if (turns % 64 === 0) await new Promise(setImmediate);
      if (this.turn()) continue;
      const next = this.next();
      if (next > limit) return false;
      this.now = Math.max(this.now, next);
    }
    return true;
  }

  /** Answers whether frames were on the wire. */
  private turn(): boolean {
    const { now } = this;
    for (const alarm of [...this.alarms]) {
      if (alarm.at > now || !this.alarms.delete(alarm)) continue;
      alarm.callback();
    }
    return this.server.turn(now) + this.client.turn(now) > 0;
  }

  /** When the next thing is due, after doing what is due now. */
  private next(): number {
    const { now } = this;
    let next = Math.min(this.server.stack.poll(now), this.client.stack.poll(now));
    for (const { at } of this.alarms) next = Math.min(next, at);
    return next <= now && this.server.device.backlog + this.client.device.backlog === 0 ? now + 0.01 : next;
  }
}
