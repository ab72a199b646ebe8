/** An address by DHCP, remembered between two runs of the program. */
import type { LeaseInfo } from '../flow.js';
import { DhcpClient } from '../stack/dhcp/client.js';
import type { LeaseMemory } from '../stack/dhcp/lease.js';
import type { Stack } from '../stack/stack.js';
import { formatIpv4 } from '../wire/address.js';
import type { AddressEvents, AddressMode } from './address-mode.js';

export class DhcpMode implements AddressMode {
  private readonly client: DhcpClient;

  constructor(stack: Stack, hostname: string | undefined, memory: LeaseMemory | undefined, events: AddressEvents) {
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

  stop(now: number): void {
    this.client.stop(now);
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
