/** Both families' ways to addresses, as one. Each may be missing. */
import type { LeaseInfo } from '../../flow.js';
import type { AddressMode, AddressState } from './address-mode.js';
import type { GatewayWatch } from './gateway-watch.js';
import type { Ipv6Mode } from './ipv6-mode.js';

export class DualMode implements AddressMode {
  private readonly ipv4: AddressMode | undefined;
  private readonly ipv6: Ipv6Mode | undefined;
  private readonly gateways: GatewayWatch;

  constructor(
    parts: {
      readonly ipv4: AddressMode | undefined;
      readonly ipv6: Ipv6Mode | undefined;
      readonly gateways: GatewayWatch;
    },
    /** Takes the addresses that need no asking. */
    private readonly prepare: (now: number) => void,
  ) {
    this.ipv4 = parts.ipv4;
    this.ipv6 = parts.ipv6;
    this.gateways = parts.gateways;
  }

  start(now: number): void {
    this.prepare(now);
    this.ipv4?.start(now);
    this.ipv6?.start(now);
  }

  poll(now: number): number {
    const next = this.ipv4?.poll(now) ?? Number.POSITIVE_INFINITY;
    return Math.min(next, this.ipv6?.poll(now) ?? Number.POSITIVE_INFINITY, this.gateways.poll(now));
  }

  stop(now: number): void {
    this.gateways.stop();
    this.ipv4?.stop(now);
    this.ipv6?.stop();
  }

  state(now: number): AddressState | undefined {
    return joined(this.ipv4?.state(now), this.ipv6?.state(now));
  }

  leave(now: number): AddressState | undefined {
    this.gateways.stop();
    return joined(this.ipv4?.leave(now), this.ipv6?.leave(now));
  }

  adopt(state: AddressState, now: number, elapsed: number): void {
    this.prepare(now);
    // What a program without this family had nothing of begins anew.
    if (state.address === undefined) this.ipv4?.start(now);
    else this.ipv4?.adopt(state, now, elapsed);
    if (state.ipv6 === undefined) this.ipv6?.start(now);
    else this.ipv6?.adopt(state.ipv6, now, elapsed);
  }

  linkUp(now: number): void {
    this.ipv4?.linkUp?.(now);
    this.ipv6?.linkUp(now);
    this.gateways.changed();
  }

  slept(milliseconds: number, now: number): void {
    this.ipv4?.slept?.(milliseconds, now);
    // Lifetimes of addresses and routers have run on: the network is asked anew.
    this.ipv6?.linkUp(now);
  }

  lease(now: number): LeaseInfo | undefined {
    return this.ipv4?.lease?.(now);
  }
}

function joined(
  ipv4: AddressState | undefined,
  ipv6: NonNullable<AddressState['ipv6']> | undefined,
): AddressState | undefined {
  if (ipv4 === undefined && ipv6 === undefined) return undefined;
  return { ...ipv4, ...(ipv6 !== undefined && { ipv6 }) };
}
