/** An address by DHCP, remembered between two runs of the program. */

import { DhcpClient } from '../../dhcp/client.js';
import type { LeaseMemory } from '../../dhcp/lease.js';
import type { LeaseInfo } from '../../flow.js';
import type { Stack } from '../../ip/stack.js';
import { formatIpv4 } from '../../wire/address.js';
import type { AddressEvents, AddressMode, AddressState } from './address-mode.js';

export class DhcpMode implements AddressMode {
  private readonly client: DhcpClient;

  constructor(
    private readonly stack: Stack,
    hostname: string | undefined,
    memory: LeaseMemory | undefined,
    events: AddressEvents,
  ) {
    this.client = new DhcpClient({
      stack,
      hostname,
      memory,
      onLease: (lease) => events.address(lease === undefined ? undefined : formatIpv4(lease.address)),
      onEvent: (sentence) => events.event(`DHCP: ${sentence}`),
      onTrouble: (sentence) => events.notice(`DHCP: ${sentence}`),
    });
    stack.arp.onConflict = (mac, kept) => {
      if (!kept) this.client.addressTaken(mac);
    };
  }

  start(now: number): void {
    this.client.start(now);
  }

  poll(now: number): number {
    return this.client.poll(now);
  }

  linkUp(now: number): void {
    this.stack.output.forget();
    this.client.linkUp(now);
  }

  slept(milliseconds: number, now: number): void {
    this.stack.output.forget();
    this.client.slept(milliseconds, now);
  }

  stop(now: number): void {
    this.client.stop(now);
  }

  leave(now: number): AddressState | undefined {
    const state = this.state(now);
    this.client.leave(now);
    return state;
  }

  state(now: number): AddressState | undefined {
    const { lease } = this.client;
    if (lease === undefined) return undefined;
    const { renewAt, rebindAt, expiresAt, seconds, ...rest } = lease;
    const until = (time: number): number => (time === Number.POSITIVE_INFINITY ? -1 : Math.max(0, time - now));
    const times = { renewIn: until(renewAt), rebindIn: until(rebindAt), expiresIn: until(expiresAt) };
    const whole = { ...rest, ...times, seconds: seconds === Number.POSITIVE_INFINITY ? -1 : seconds };
    return { address: formatIpv4(lease.address), lease: whole };
  }

  adopt(state: AddressState, now: number, elapsed: number): void {
    if (state.lease === undefined) return this.start(now);
    const { renewIn, rebindIn, expiresIn, seconds, ...rest } = state.lease;
    const at = (left: number): number => (left < 0 ? Number.POSITIVE_INFINITY : now + left - elapsed);
    const times = { renewAt: at(renewIn), rebindAt: at(rebindIn), expiresAt: at(expiresIn) };
    this.client.adopt({ ...rest, ...times, seconds: seconds < 0 ? Number.POSITIVE_INFINITY : seconds }, now);
  }

  lease(now: number): LeaseInfo | undefined {
    const { lease, state } = this.client;
    if (lease === undefined) return undefined;
    return {
      address: `${formatIpv4(lease.address)}/${lease.prefix}`,
      gateway: lease.gateway === undefined ? undefined : formatIpv4(lease.gateway),
      server: formatIpv4(lease.server),
      state,
      seconds: lease.seconds,
      renewsIn: Math.max(0, (lease.renewAt - now) / 1000),
      expiresIn: Math.max(0, (lease.expiresAt - now) / 1000),
    };
  }
}
