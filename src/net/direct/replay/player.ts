/**
 * Plays a recording into a stack of its own: no wire, no clock, no dice. It reports what it does not do as recorded.
 */
import type { Device, FrameSink } from '../../device/device.js';
import type { TxFrame } from '../../device/tx-frame.js';
import { Drops, type DropWatcher } from '../../drops.js';
import type { Stack } from '../../ip/stack.js';
import type { CongestionName } from '../../tcp/congestion/index.js';
import type { TcpLayer } from '../../tcp/index.js';
import type { AddressMode } from '../address/address-mode.js';
import { Ipv6Mode, type Ipv6Text } from '../address/ipv6-mode.js';
import { buildMode, buildStack } from './build-stack.js';
import { Digest, digestFrame, digestState } from './digest.js';
import * as E from './events.js';
import { PlayedDevice } from './played-device.js';
import { PlayedOwners } from './played-owners.js';
import { Events } from './reader.js';

const QUIET = { addresses6() {}, event() {}, notice() {}, failed6() {} };

/** The replay does something else than the recording; a message. */
class Divergence extends Error {}

export interface Replayed {
  /** Undefined: it did as recorded. */
  readonly divergence: string | undefined;
  /** What the stack threw, if it did: the recording ends there too. */
  readonly thrown: unknown;
  readonly events: number;
  readonly framesIn: number;
  readonly framesOut: number;
  readonly sent: string;
  /** Marks at which the frames that were sent were the recorded ones. */
  readonly marks: number;
  /** Undefined: the recording did not end in order, and holds no digest of its state. */
  readonly stateAsRecorded: boolean | undefined;
  readonly state: string;
  /** Virtual ms from the first event to the last. */
  readonly duration: number;
}

export interface PlayerOptions {
  /** A report of the stack, at that ms of its clock: one message. */
  readonly onEvent?: (sentence: string, now: number) => void;
  /** Puts a device between (a capture). */
  readonly wrap?: (device: Device) => { device: Device; handing(sink: FrameSink): FrameSink; dropped: DropWatcher };
}

export class Player {
  now = 0;
  readonly stack: Stack;
  readonly tcp: TcpLayer;
  readonly drops = new Drops();
  private readonly events: Events;
  private readonly mode: AddressMode;
  private readonly sink: FrameSink;
  private readonly sent = new Digest();
  private framesIn = 0;
  private framesOut = 0;
  private marks = 0;
  private began = Number.NaN;
  private stateAsRecorded: boolean | undefined = undefined;
  private substitutes = 0;
  private readonly owners: PlayedOwners;
  private readonly ipv6: Ipv6Text | undefined;

  /** `lost`: the beginning is not in `segments`; what cannot be known then is not asked for. */
  constructor(
    config: E.RecordedConfig,
    segments: readonly Uint8Array[],
    private readonly lost: boolean,
    options: PlayerOptions = {},
  ) {
    this.events = new Events(segments);
    this.ipv6 = config.ipv6;
    const device = new PlayedDevice(config, (tx) => this.transmitted(tx));
    const wrapped = options.wrap?.(device);
    this.drops.watcher = wrapped?.dropped;
    const built = buildStack({
      device: wrapped?.device ?? device,
      random: { random32: () => this.drawn() },
      drops: this.drops,
      congestion: config.congestion as CongestionName,
      memory: config.memory,
    });
    this.stack = built.stack;
    this.tcp = built.tcp;
    this.owners = new PlayedOwners(segments, this.events, built.tcp, () => this.until());
    this.tcp.outside = () => this.outside();
    const tell = (sentence: string): void => options.onEvent?.(sentence, this.now);
    this.mode = buildMode(this.stack, config, this.leases(), {
      address: () => {},
      event: tell,
      notice: tell,
      failed: tell,
      addresses6: () => {},
      failed6: tell,
    });
    const input: FrameSink = (bytes, start, end, marks) => this.stack.input(bytes, start, end, marks, this.now);
    this.sink = wrapped?.handing(input) ?? input;
  }

  /** Writes of which only the length is known. */
  get blanks(): number {
    return this.owners.blanks;
  }

  run(): Replayed {
    let divergence: string | undefined;
    let thrown: unknown;
    try {
      while (this.events.next.kind !== 0) this.step();
    } catch (error) {
      if (error instanceof Divergence) divergence = error.message;
      else thrown = error;
    }
    return {
      divergence,
      thrown,
      events: this.events.count,
      framesIn: this.framesIn,
      framesOut: this.framesOut,
      sent: String(this.sent),
      marks: this.marks,
      stateAsRecorded: this.stateAsRecorded,
      state: String(digestState([this.stack, this.mode])),
      duration: Number.isNaN(this.began) ? 0 : this.now - this.began,
    };
  }

  private diverges(what: string): never {
    throw new Divergence(`at event ${this.events.count}, ${this.now.toFixed(3)} ms: ${what}`);
  }

  private step(): void {
    const { events, stack } = this;
    const { next } = events;
    const { kind } = next;
    switch (kind) {
      case E.FRAME: {
        this.time(next.now);
        const { bytes, marks } = next;
        events.advance();
        this.framesIn += 1;
        this.sink(bytes, 0, bytes.length, marks);
        return;
      }
      case E.FLUSH:
      case E.POLL:
      case E.POLL_STACK:
      case E.START:
      case E.STOP:
      case E.LINK_UP:
        this.time(next.now);
        events.advance();
        if (kind === E.FLUSH) stack.flush(this.now);
        else if (kind === E.START) this.mode.start(this.now);
        else if (kind === E.STOP) this.mode.stop(this.now);
        else if (kind === E.LINK_UP) this.mode.linkUp?.(this.now);
        else stack.poll(this.now);
        if (kind !== E.POLL) return;
        this.mode.poll(this.now);
        stack.pollNeighbours(this.now);
        return;
      case E.SLEPT: {
        this.time(next.now);
        const { value } = next;
        events.advance();
        return this.mode.slept?.(value, this.now);
      }
      case E.RESIZED: {
        this.time(next.now);
        const { value } = next;
        events.advance();
        return stack.resize(value, this.now);
      }
      case E.ENTRY:
        events.advance();
        return this.until();
      case E.MARK:
      case E.FINISH:
        return this.mark(kind);
      case E.STATE: {
        const { bytes } = next;
        events.advance();
        if (this.lost && Number.isNaN(this.began))
          this.begin(JSON.parse(new TextDecoder().decode(bytes)) as E.Beginning);
        return;
      }
      default:
        if (this.owners.ask()) return;
        if (!this.lost) this.diverges('something was recorded that did not happen now');
        this.skip();
    }
  }

  private time(now: number): void {
    this.now = now;
    if (Number.isNaN(this.began)) this.began = now;
  }

  /** Everything up to DONE. */
  private until(): void {
    while (this.events.next.kind !== E.DONE) {
      if (this.events.next.kind === 0) return;
      this.step();
    }
    this.events.advance();
  }

  /** A recording whose beginning is lost: so that connections that begin from here on do as recorded. */
  private begin({ now, address, neighbours, keys, ipv6, listening, accepted }: E.Beginning): void {
    this.time(now);
    const { hash } = this.tcp as unknown as { hash: { k0: number; k1: number } };
    [hash.k0, hash.k1] = keys;
    if (address !== undefined) this.stack.configure(address, now);
    for (const [one, mac, heard] of neighbours) {
      this.stack.arp.neighbours.learn(one, Uint8Array.from(mac), 0, true, heard);
    }
    if (ipv6 !== undefined && this.ipv6 !== undefined) {
      new Ipv6Mode(this.stack, this.ipv6, QUIET).follow(ipv6.state, now, 0);
      this.stack.v6.output.labelKeys = ipv6.labels;
    }
    for (const port of listening) this.owners.listen(port);
    this.owners.accepted = accepted;
  }

  /** What owners of connections asked for that are not known here, and numbers that were drawn for them. */
  private skip(): void {
    const { events } = this;
    let depth = 0;
    do {
      const { kind } = events.next;
      if (kind === 0) return;
      // Later writes of the same bytes refer to these.
      if (kind === E.WRITE) this.owners.learnBytes();
      if (kind === E.CALLBACK || kind === E.ENTRY) depth += 1;
      else if (kind === E.DONE) depth -= 1;
      events.advance();
    } while (depth > 0);
  }

  private mark(kind: number): void {
    const { next } = this.events;
    const { frames, high, low, stateHigh, stateLow, now } = next;
    this.events.advance();
    if (this.lost) return;
    if (frames !== this.framesOut) this.diverges(`${this.framesOut} frames were sent, ${frames} are recorded`);
    if (high !== this.sent.high || low !== this.sent.low) this.diverges('a frame that was sent is not as recorded');
    this.marks += 1;
    if (kind === E.MARK) return;
    this.time(now);
    const state = digestState([this.stack, this.mode]);
    this.stateAsRecorded = state.high === stateHigh && state.low === stateLow;
  }

  // What the stack asks of the outside

  private drawn(): number {
    const { next } = this.events;
    if (next.kind !== E.RANDOM && !this.lost) this.diverges('a random number is drawn that was not recorded');
    if (next.kind !== E.RANDOM) return Math.imul(++this.substitutes, 0x9e3779b1);
    const { value } = next;
    this.events.advance();
    return value;
  }

  private outside(): void {
    const { next } = this.events;
    if (next.kind !== E.OUTSIDE) return;
    this.time(next.now);
    this.events.advance();
    this.stack.now = this.now;
    this.tcp.now = this.now;
  }

  private transmitted(tx: TxFrame): boolean {
    this.framesOut += 1;
    digestFrame(this.sent, tx);
    if (this.events.next.kind !== E.REFUSED) return true;
    this.events.advance();
    return false;
  }

  private leases() {
    return {
      load: (): number | undefined => {
        const { next } = this.events;
        if (next.kind !== E.REMEMBERED) return undefined;
        const address = next.content === 0 ? undefined : next.value;
        this.events.advance();
        return address;
      },
      save: (): void => {},
    };
  }
}
