/**
 * A network in virtual time: hosts with our stack on one Ethernet, cables that lose and delay frames when asked to, and
 * a capture. Everything is drawn from the seed, so a run replays bit for bit. Nothing of it touches a device, a clock
 * or a port of the machine.
 */
import { MemoryDevice, NO_OFFLOAD } from '../device/memory/memory-link.js';
import { corrupted, FATE_CORRUPTED, type Faults, Impairment, NO_FAULTS } from '../device/wrap/faults.js';
import type { CongestionName } from '../tcp/congestion/index.js';
import { checkedAddress, checkedPrefix } from './arguments.js';
import { PcapWriter } from './pcap-writer.js';
import { SeededRandom } from './seeded-random.js';
import { StackHost } from './stack-host.js';
import { VirtualTime } from './virtual-time.js';

/** Frames that wait at a host before further ones are lost. */
const QUEUE = 4096;
const ETHERNET = 14;

export interface VirtualHostOptions {
  /** Size of the network, 0..32; 24 by default. */
  readonly prefix?: number | undefined;
  readonly gateway?: string | undefined;
  /** Default: cubic. */
  readonly congestion?: CongestionName | undefined;
  /** The host's cable, where it differs from `link()`. */
  readonly link?: Partial<Faults> | undefined;
}

/** A host's end of its cable. */
interface Port {
  readonly device: MemoryDevice;
  readonly towards: Impairment;
  readonly from: Impairment;
}

export class VirtualNet {
  readonly time = new VirtualTime();
  readonly #random: SeededRandom;
  readonly #dice: SeededRandom;
  readonly #ports: Port[] = [];
  readonly #hosts = new Map<string, StackHost>();
  #faults: Faults = NO_FAULTS;
  #capture: PcapWriter | undefined;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
    this.#dice = this.#random.fork(0);
  }

  /**
   * Adds a host with a static address. Throws a `TypeError` when `address` is none, a `RangeError` when another host
   * has it, or when the prefix is none.
   */
  host(address: string, options: VirtualHostOptions = {}): StackHost {
    checkedAddress(address);
    const prefix = checkedPrefix(options.prefix ?? 24);
    if (this.#hosts.has(address)) throw new RangeError(`address: ${address} belongs to another host of this network`);
    const number = this.#ports.length + 1;
    const mac = Uint8Array.of(2, 0, 0, 0, number >> 8, number & 255);
    const device = new MemoryDevice(mac, { offload: NO_OFFLOAD, queue: QUEUE });
    const faults = { ...this.#faults, ...options.link };
    const port: Port = { device, towards: new Impairment(faults), from: new Impairment(faults) };
    this.#ports.push(port);
    device.wire = (frame) => {
      this.#sent(port, frame);
      return true;
    };
    const host = new StackHost({
      device,
      clock: this.time,
      random: this.#random.fork(number),
      address: { address, prefix, gateway: options.gateway },
      congestion: options.congestion,
    });
    this.#hosts.set(address, host);
    return host;
  }

  /**
   * What every cable does to frames from now on; hosts that were added with a `link` of their own get this one, too.
   */
  link(faults: Partial<Faults>): void {
    this.#faults = { ...NO_FAULTS, ...faults };
    for (const { towards, from } of this.#ports) towards.faults = from.faults = this.#faults;
  }

  /**
   * Records every frame from now on, as it left its host. Returns the function that gives the capture so far, a pcap
   * file.
   */
  capture(): () => Uint8Array {
    const writer = new PcapWriter();
    this.#capture = writer;
    return () => writer.bytes();
  }

  /**
   * Lets virtual time pass until `done` returns true, nothing is left to happen, or `limit` ms since the beginning are
   * over. Promises that the programs wait for are settled in between. Returns whether it was `done`.
   */
  async run(done: () => boolean, limit = 3_600_000): Promise<boolean> {
    for (;;) {
      // A program that awaits a connection goes on before the next frame moves.
      await Promise.resolve();
      if (done()) return true;
      if (!this.time.step(limit)) return done();
    }
  }

  /** Runs until `promise` is settled, and returns its value. Rejects when time is over before. */
  async until<T>(promise: Promise<T>, limit = 3_600_000): Promise<T> {
    let settled = false;
    const mark = (): void => {
      settled = true;
    };
    promise.then(mark, mark);
    if (!(await this.run(() => settled, limit))) {
      // The last event may have settled it: its callbacks run first.
      await new Promise<void>((resolve) => queueMicrotask(() => queueMicrotask(resolve)));
      if (!settled)
        throw new Error(`nothing happens any more at ${this.time.now()} ms, and the promise is not settled`);
    }
    return promise;
  }

  #sent(from: Port, frame: Uint8Array): void {
    this.#capture?.frame(this.time.wallClock(), frame);
    this.#carry(from.from, frame, (arrived) => this.#forward(from, arrived));
  }

  /** The switch: knows each host's MAC address from the beginning. */
  #forward(from: Port, frame: Uint8Array): void {
    if (frame.length < ETHERNET) return;
    for (const port of this.#ports) {
      if (port === from || !(isGroup(frame) || isFor(frame, port.device.mac))) continue;
      this.#carry(port.towards, frame, (arrived) => void port.device.deliver(arrived));
    }
  }

  #carry(way: Impairment, frame: Uint8Array, arrive: (frame: Uint8Array) => void): void {
    way.decide(frame.length, this.time.now(), this.#dice, false);
    const bytes = (way.fate & FATE_CORRUPTED) !== 0 ? corrupted(frame, this.#dice) : frame;
    if (bytes === undefined) return;
    for (let i = 0; i < way.copies; i++) this.time.schedule(way.after[i] as number, () => arrive(bytes));
  }
}

function isGroup(frame: Uint8Array): boolean {
  return ((frame[0] as number) & 1) === 1;
}

function isFor(frame: Uint8Array, mac: Uint8Array): boolean {
  for (let i = 0; i < 6; i++) if (frame[i] !== mac[i]) return false;
  return true;
}

/** A network in virtual time; `seed` is any number. */
export function virtualNet(seed: number): VirtualNet {
  return new VirtualNet(seed);
}
