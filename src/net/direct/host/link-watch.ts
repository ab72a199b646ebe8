/**
 * Watches what was set up at start and may change under a server: the carrier and the MTU of its link, the bridge that
 * its TAP is on, and the machine's sleep, which the monotonic clock does not count.
 */
import type { LinkState } from '../../device/linux/link-state.js';

/** Milliseconds between two looks. */
export const LOOK_EVERY = 1000;
/** A difference of the two clocks that is a sleep, ms: the one of the machine counts hundredths of a second. */
const SLEEP = 2000;

export interface LinkEvents {
  /** Frames pass again, perhaps on another network. */
  linkUp(): void;
  slept(milliseconds: number): void;
  /** Bytes of the largest packet from now on. */
  mtu(bytes: number): void;
  notice(sentence: string): void;
}

/** What the watch needs to know of the machine. */
export interface LinkClocks {
  /** CLOCK_MONOTONIC, ms. */
  monotonic(): number;
  /** CLOCK_BOOTTIME, ms: goes on while the machine sleeps. */
  boot(): number;
}

export class LinkWatch {
  /**
   * The kernel reports up to a second late that a link that was just set up has a carrier. So a carrier that the first
   * look finds is no news.
   */
  private up = true;
  private first = true;
  private mtu: number | undefined;
  private bridgeIndex: number;
  private asleep: number;

  /** `name`: of the interface; `bridge`: of the one that it was put on. */
  constructor(
    private readonly name: string,
    private readonly bridge: string | undefined,
    private readonly state: LinkState,
    private readonly clocks: LinkClocks,
    private readonly events: LinkEvents,
  ) {
    this.mtu = state.mtu();
    this.bridgeIndex = bridge === undefined ? 0 : state.bridge();
    this.asleep = clocks.boot() - clocks.monotonic();
  }

  look(): void {
    const asleep = this.clocks.boot() - this.clocks.monotonic();
    const slept = asleep - this.asleep;
    this.asleep = asleep;
    this.lookAtMtu();
    const joined = this.bridge !== undefined && this.joinAgain();
    const wasDown = this.state.wasDown(!this.first);
    this.first = false;
    const up = this.state.running();
    if (up === undefined) return;
    const came = up && (wasDown || !this.up);
    this.up = up;
    if (slept >= SLEEP) this.events.slept(slept);
    else if (came || (joined && up)) this.events.linkUp();
  }

  private lookAtMtu(): void {
    const mtu = this.state.mtu();
    if (mtu === undefined || mtu === this.mtu) return;
    this.mtu = mtu;
    this.events.mtu(mtu);
  }

  /** A bridge of the same name with another number was made again, and has none of its ports. */
  private joinAgain(): boolean {
    const { name, bridge, state, events } = this;
    const index = state.bridge();
    if (index === this.bridgeIndex) return false;
    if (index === 0) {
      this.bridgeIndex = 0;
      events.notice(`the bridge ${bridge} is gone; ${name} is put on it when it is made again`);
      return false;
    }
    const result = state.join();
    if (result === 'failed') return false;
    this.bridgeIndex = index;
    if (result === 'joined') events.notice(`the bridge ${bridge} was made again; ${name} is on it`);
    else if (result === 'forbidden') {
      events.notice(
        `the bridge ${bridge} was made again, and this user may not put ${name} on it; run "sudo ip link set ${name} master ${bridge}"`,
      );
    }
    return result === 'joined';
  }
}
