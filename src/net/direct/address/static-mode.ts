/** Static addresses: asked for on the link before they are used (RFC 5227 2.1), announced, defended. */

import type { AddressConfig, FurtherAddress } from '../../ip/address-config.js';
import type { Ipv4 } from '../../ip/contracts/ip-output.js';
import type { Stack } from '../../ip/stack.js';
import { formatIpv4, formatMac } from '../../wire/address.js';
import type { AddressEvents, AddressMode, AddressState } from './address-mode.js';

/**
 * RFC 5227 waits up to 7 s, for links of any speed with hosts that have just come up. A server with a configured
 * address asks three times within 9 ms, serves, and goes on listening for conflicts. A host on the same machine answers
 * before our write returns, one on the same Ethernet within a millisecond. The announcements find a host that is later
 * than that.
 */
const PROBES = 3;
const PROBE_INTERVAL = 3;

export class StaticMode implements AddressMode {
  /** Addresses that are asked for and have not been answered for yet. */
  private readonly pending = new Set<Ipv4>();
  private ready = false;

  /** `further`: addresses beside that of `config`. */
  constructor(
    private readonly stack: Stack,
    private readonly config: AddressConfig,
    private readonly further: readonly FurtherAddress[],
    private readonly events: AddressEvents,
  ) {}

  start(now: number): void {
    const { stack, config, further } = this;
    for (const { address } of [config, ...further]) {
      this.pending.add(address);
      stack.arp.probe(address, PROBES, PROBE_INTERVAL, now, (mac) => this.answered(address, mac));
    }
    this.defend();
  }

  /** `mac`: the host that has the address; undefined: it is ours. */
  private answered(address: Ipv4, mac: Uint8Array | undefined): void {
    const { stack, config, further } = this;
    this.pending.delete(address);
    if (mac === undefined) {
      if (address === config.address) {
        stack.configure(config, stack.now);
        this.ready = true;
      } else stack.addAddress(further.find((one) => one.address === address)!, stack.now);
      stack.arp.announce(stack.now, address);
    } else {
      const taken = `the address ${formatIpv4(address)} is in use by another host (${formatMac(mac)}); give this one another with --ipv4`;
      // The gateway is the first one's: without it nothing can be answered.
      if (address === config.address) this.events.failed(taken);
      else this.events.notice(taken);
    }
    if (this.pending.size === 0 && this.ready) this.tell();
  }

  private tell(): void {
    const { stack } = this;
    const all = [this.config, ...stack.further.filter((one) => !one.anycast)];
    this.events.address(
      formatIpv4(this.config.address),
      all.slice(1).map(({ address }) => formatIpv4(address)),
    );
  }

  private defend(): void {
    this.stack.arp.onConflict = (mac, kept, _now, address) => {
      // Told when it is defended: a host that claims it with each frame fills no log.
      if (!kept) return;
      // A server with a configured address does not give it up to a host that claims it (RFC 5227 2.4 (c)).
      this.events.notice(
        `another host (${formatMac(mac)}) claims our address ${formatIpv4(address)}; it was told that it is ours: give one of the two another`,
      );
    };
  }

  linkUp(now: number): void {
    const { stack } = this;
    if (stack.config === undefined) return;
    stack.output.forget();
    stack.arp.announce(now);
  }

  slept(_milliseconds: number, now: number): void {
    this.linkUp(now);
  }

  poll(): number {
    return Number.POSITIVE_INFINITY;
  }

  stop(): void {}

  leave(): AddressState | undefined {
    return this.state();
  }

  state(): AddressState | undefined {
    const { address } = this.config;
    return this.stack.config === undefined ? undefined : { address: formatIpv4(address) };
  }

  adopt(_state: AddressState, now: number): void {
    const { stack, config, further } = this;
    this.defend();
    stack.configure(config, now);
    for (const one of further) stack.addAddress(one, now);
    for (const { address } of [config, ...further]) stack.arp.announce(now, address);
    this.ready = true;
    this.tell();
  }
}
