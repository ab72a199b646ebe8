/**
 * A wire of its own for one process: a server on one end, a client on the other, both on the whole stack, in virtual
 * time. Nothing of it touches a device, a clock or a port of this machine.
 */
import { memoryLink } from '../net/device/memory/memory-link.js';
import type { Accept, Clock, Flow, FlowHandler } from '../net/flow.js';
import type { HostClock } from '../net/host/driver.js';
import { StackHost } from '../net/host/stack-host.js';
import { VirtualTime } from '../net/host/virtual-time.js';
import type { Random } from '../net/random.js';
import { parseIpv4 } from '../net/wire/address.js';

/** Of the block for documentation (RFC 5737). */
const SERVER = '192.0.2.1';
const CLIENT = '192.0.2.2';
const PORT = 80;
/** Events between two pauses for the process, which may be serving meanwhile. */
const EVENTS_A_PAUSE = 256;

export class Loopback {
  /** The server's. */
  readonly clock: Clock;
  private readonly time = new VirtualTime();
  private readonly server: StackHost;
  private readonly client: StackHost;

  /** `wallClock`: milliseconds since 1970 at its start. */
  constructor(random: Random, wallClock: number) {
    const [left, right] = memoryLink({ queue: 4096 });
    const { time } = this;
    const clock: HostClock = {
      now: () => time.now(),
      wallClock: () => wallClock + time.now(),
      schedule: (delay, callback) => time.schedule(delay, callback),
      at: (moment, callback) => time.at(moment, callback),
    };
    this.server = new StackHost({ device: left, clock, random, address: { address: SERVER, prefix: 24 } });
    this.client = new StackHost({ device: right, clock, random, address: { address: CLIENT, prefix: 24 } });
    this.clock = this.server.clock;
  }

  listen(accept: Accept): void {
    this.server.tcp.listen(PORT, accept);
  }

  /** Opens a connection to the server; `handler` hears of it, `opened` is called when it stands. */
  connect(handler: FlowHandler, opened: (flow: Flow) => void): void {
    if (!this.client.open(parseIpv4(SERVER)!, PORT, handler, opened))
      throw new Error('the wire in memory has no route');
  }

  /** Lets time pass until `done` or `limit` ms of it are over; returns whether it was `done`. */
  async run(done: () => boolean, limit: number): Promise<boolean> {
    for (let events = 1; !done(); events++) {
      if (events % EVENTS_A_PAUSE === 0) await new Promise(setImmediate);
      if (!this.time.step(limit)) return false;
    }
    return true;
  }
}
