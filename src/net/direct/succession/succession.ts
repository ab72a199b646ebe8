/**
 * A network's place among programs with the same address, of which one has the traffic: it takes over from those before
 * it, and gives to the one that comes after.
 */
import type { Memories } from '../../../memory/memories.js';
import type { Stack } from '../../ip/stack.js';
import type { Loop } from '../../loop/loop.js';
import { TimedLoop } from '../../loop/timed-loop.js';
import type { TcpLayer } from '../../tcp/index.js';
import {
  adoptTimeWait,
  type Departed,
  handOver,
  type TimeWaitState,
  takeBack,
  takeOver,
} from '../../tcp/moving/hand-over.js';
import { parseIpv4 } from '../../wire/address.js';
import { type AddressMode, type AddressState, agedAddress } from '../address/address-mode.js';
import { monotonic } from '../host/monotonic.js';
import type { Turns } from '../turns/turns.js';
import { HANDOVER_VERSION, type HandedOver, Predecessors } from './predecessors.js';
import { type Owner, Successor } from './successor.js';

export interface SuccessionEvents {
  readonly onNotice?: ((sentence: string) => void) | undefined;
  readonly onEvent?: ((sentence: string) => void) | undefined;
  /** A successor has the traffic for good. */
  readonly onGiven?: (() => void) | undefined;
}

export interface SuccessionParts {
  readonly stack: Stack;
  readonly tcp: TcpLayer;
  /** Undefined: no connections move. */
  readonly memories?: Memories | undefined;
  readonly mode: AddressMode;
  readonly turns: Turns;
}

export class Succession implements Owner {
  /** A program with the same address that comes after this one may ask for the traffic here. */
  private successor: Successor | undefined = undefined;
  /** Those before this one that still have connections. */
  private predecessors: Predecessors | undefined = undefined;
  /** The traffic is the successor's: the device is not read any more. */
  private gave: { readonly address: AddressState | undefined; readonly at: number } | undefined = undefined;

  readonly stack: Stack;
  readonly tcp: TcpLayer;
  readonly memories: Memories | undefined;
  private readonly mode: AddressMode;
  private readonly turns: Turns;

  /** `makeLoop`: of a network that reads the device. */
  constructor(
    { stack, tcp, memories, mode, turns }: SuccessionParts,
    private readonly makeLoop: () => Loop,
    private readonly events: SuccessionEvents,
  ) {
    this.stack = stack;
    this.tcp = tcp;
    this.memories = memories;
    this.mode = mode;
    this.turns = turns;
  }

  readonly enter = (callback: () => void): void => this.turns.enter(callback);

  /** Gives its traffic to a program that asks for it at the UNIX socket `path`, and finishes what is open. */
  offer(path: string): void {
    this.successor = new Successor(path, this);
  }

  /**
   * Takes the traffic of the programs that listen at `paths`, the one that has it first. False: none is there any more.
   * Rejects with a `UserError` when it cannot be had; it stays where it is then.
   */
  async takeOver(paths: readonly string[]): Promise<boolean> {
    const { turns } = this;
    const found = await Predecessors.ask(paths, this.stack, this.tcp, turns.enter, this.memories);
    if (found === undefined) return false;
    const { state, predecessors } = found;
    this.predecessors = predecessors;
    turns.neighbourReply = (bytes, start, end, arp) => {
      if (arp) predecessors.arpReply(bytes, start, end);
      else predecessors.advertisement(bytes, start, end);
    };
    turns.enter(() => this.adopt(state, false, []));
    predecessors.taken();
    turns.loop.start();
    // A time by another machine's clock shows no gap.
    const gap = monotonic() - state.at;
    this.events.onEvent?.(
      `took over${gap < 0 ? '' : ` in ${gap.toFixed(1)} ms`}; ${predecessors.count} before us have ${predecessors.connections} connections`,
    );
    return true;
  }

  /** What another program handed over, or what we had handed over and `back` is ours again. */
  private adopt(state: HandedOver, back: boolean, waiting: readonly TimeWaitState[]): void {
    const { tcp } = this;
    const { now } = this.turns;
    const elapsed = Math.max(0, monotonic() - state.at);
    if (state.address === undefined) this.mode.start(now);
    else this.mode.adopt(state.address, now, elapsed);
    const { neighbours } = this.stack.arp;
    for (const [address, mac, age] of state.neighbours) {
      neighbours.learn(address, Uint8Array.from(mac), 0, true, now - elapsed - age);
    }
    if (back) takeBack(tcp, state.tcp, now, elapsed);
    else takeOver(tcp, state.tcp, now, elapsed);
    for (const one of waiting) adoptTimeWait(tcp, one, now, elapsed);
  }

  // As a predecessor (Owner)

  give(departed: Departed): HandedOver {
    const { tcp, stack, turns } = this;
    let state: HandedOver | undefined;
    const first = this.gave === undefined;
    const make = (): void => {
      const { now } = turns;
      if (this.gave === undefined) {
        this.gave = { address: this.mode.leave(now), at: now };
        turns.reading = false;
        turns.changeLoop(new TimedLoop(turns));
      }
      const address = this.gave.address && agedAddress(this.gave.address, now - this.gave.at);
      const neighbours = stack.arp.neighbours
        .known()
        .map(([one, mac, at]): [number, number[], number] => [one, mac, now - at]);
      state = { version: HANDOVER_VERSION, at: monotonic(), tcp: handOver(tcp, departed, now), address, neighbours };
    };
    try {
      turns.enter(make);
    } catch (error) {
      if (first) this.keep();
      throw error;
    }
    return state!;
  }

  /** The traffic was not given after all: a mistake came between. What had been taken out of TCP is lost. */
  private keep(): void {
    const { gave, turns, tcp, mode } = this;
    if (gave === undefined) return;
    tcp.departed = undefined;
    this.readAgain(() => {
      if (gave.address === undefined) mode.start(turns.now);
      else mode.adopt(gave.address, turns.now, turns.now - gave.at);
    });
  }

  /** The device is ours again, whatever becomes of `entry`. */
  private readAgain(entry: () => void): void {
    const { turns } = this;
    this.gave = undefined;
    turns.reading = true;
    try {
      turns.enter(entry);
    } finally {
      turns.changeLoop(this.makeLoop());
    }
  }

  takeBack(state: HandedOver, waiting: readonly TimeWaitState[]): void {
    this.readAgain(() => this.adopt(state, true, waiting));
    this.events.onNotice?.('the program that took over is gone before it had; serving on');
  }

  given(): void {
    this.events.onGiven?.();
  }

  get settled(): boolean {
    return (this.predecessors?.undecided ?? 0) === 0;
  }

  /** Whether connections go to the program that has the traffic, as they can. */
  get moving(): boolean {
    return this.successor?.moving ?? false;
  }

  /** Connections that are ours, or may be again. */
  get open(): number {
    return this.tcp.connections.size + (this.successor?.undecided ?? 0);
  }

  /** Connections that those before us have. */
  get connectionsOfPredecessors(): number {
    return this.predecessors?.connections ?? 0;
  }

  addressLost(address: string): void {
    this.predecessors?.addressLost(address.includes(':') ? address : parseIpv4(address)!);
  }

  /** No program can ask any more. */
  close(): void {
    this.successor?.close();
  }
}
