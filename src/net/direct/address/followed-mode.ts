/**
 * An address that another worker on the same device has: that worker asks, announces and defends, and reports every
 * change.
 */
import type { LeaseInfo } from '../../flow.js';
import type { AddressConfig } from '../../ip/address-config.js';
import type { Stack } from '../../ip/stack.js';
import { formatIpv4 } from '../../wire/address.js';
import type { AddressEvents, AddressMode, AddressState } from './address-mode.js';
import type { Ipv6Mode } from './ipv6-mode.js';

/** What the worker that has the address sends to the others, and to the one that takes its place; JSON. */
export interface SharedAddress {
  /** Undefined: there is none any more. */
  readonly config: AddressConfig | undefined;
  readonly state: AddressState | undefined;
  readonly lease: LeaseInfo | undefined;
  /** Of the link, bytes. */
  readonly mtu: number;
  /** Everything that was given by hand has been looked for on the link. */
  readonly settled: boolean;
  /** CLOCK_MONOTONIC when this held, ms. */
  readonly at: number;
}

export class FollowedMode implements AddressMode {
  private followed: { readonly shared: SharedAddress; readonly since: number } | undefined = undefined;

  /** All that was given by hand has been looked for once. */
  private begun = false;

  /** `further`: takes the IPv4 addresses beside the first one. `ipv6`: its way, which follows, too. */
  constructor(
    private readonly stack: Stack,
    private readonly events: AddressEvents,
    private readonly further: (now: number) => readonly string[],
    private readonly ipv6: Ipv6Mode | undefined,
  ) {}

  /** An entry of the stack. `elapsed`: ms since it held. */
  follow(shared: SharedAddress, now: number, elapsed: number): void {
    const { config } = shared;
    this.followed = { shared, since: now - elapsed };
    // Configured anew, it would forget its routes.
    if (JSON.stringify(config) !== JSON.stringify(this.stack.config)) this.stack.configure(config, now);
    const further = this.further(now);
    const ipv6 = shared.state?.ipv6;
    if (ipv6 !== undefined) this.ipv6?.follow(ipv6, now, elapsed);
    // Until all has been looked for there is nothing to listen on.
    if (!shared.settled && !this.begun) return;
    this.begun = true;
    this.events.address(config === undefined ? undefined : formatIpv4(config.address), further);
    if (ipv6 !== undefined) this.ipv6?.tell();
  }

  start(): void {}

  poll(): number {
    return Number.POSITIVE_INFINITY;
  }

  stop(): void {}

  leave(): AddressState | undefined {
    return undefined;
  }

  state(): AddressState | undefined {
    return undefined;
  }

  adopt(): void {}

  lease(now: number): LeaseInfo | undefined {
    const lease = this.followed?.shared.lease;
    if (lease === undefined) return undefined;
    const seconds = (now - this.followed!.since) / 1000;
    const { renewsIn, expiresIn } = lease;
    return { ...lease, renewsIn: Math.max(0, renewsIn - seconds), expiresIn: Math.max(0, expiresIn - seconds) };
  }
}
