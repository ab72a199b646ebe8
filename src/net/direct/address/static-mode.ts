/** A static address: asked for on the link before it is used (RFC 5227 2.1), announced, defended. */
import type { AddressConfig } from '../../ip/address-config.js';
import type { Stack } from '../../ip/stack.js';
import { formatIpv4, formatMac } from '../../wire/address.js';
import type { AddressEvents, AddressMode, AddressState } from './address-mode.js';

/**
 * RFC 5227 waits up to 7 s, for links of any speed with hosts that have just come up. A server that was told its address
 * asks three times within 9 ms, serves, and goes on listening for conflicts. A host on the same machine answers before our write
 * returns, one on the same Ethernet within a millisecond; one that is later than that is found by the announcements.
 */
const PROBES = 3;
const PROBE_INTERVAL = 3;

export class StaticMode implements AddressMode {
  constructor(
    private readonly stack: Stack,
    private readonly config: AddressConfig,
    private readonly events: AddressEvents,
  ) {}

  start(now: number): void {
    const { stack, config } = this;
    const text = formatIpv4(config.address);
    stack.arp.probe(config.address, PROBES, PROBE_INTERVAL, 0, now, (mac) => {
      if (mac !== undefined) {
        this.events.failed(
          `the address ${text} is in use by another host (${formatMac(mac)}); give this one another with --ipv4`,
        );
        return;
      }
      stack.configure(config, stack.now);
      stack.arp.announce(stack.now);
      this.events.address(text);
    });
    this.defend();
  }

  private defend(): void {
    const text = formatIpv4(this.config.address);
    this.stack.arp.onConflict = (mac) => {
      // A server that was given its address does not give it up to whoever claims it (RFC 5227 2.4 (c)).
      this.events.notice(
        `another host (${formatMac(mac)}) claims our address ${text}; it was told that it is ours: give one of the two another`,
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
    const { stack, config } = this;
    this.defend();
    stack.configure(config, now);
    stack.arp.announce(now);
    this.events.address(formatIpv4(config.address));
  }
}
