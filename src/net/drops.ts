/**
 * Every drop has a name. A closed union: each early return on the way in or out names one of these, and it is counted.
 * Numbers, not strings, on the path of a segment; `DROP_NAMES[reason]` is what people and metrics see.
 */
export const DROP_NAMES = [
  // Ethernet, ARP
  'ethernet-truncated',
  'ethernet-not-for-us',
  'ethernet-source-invalid',
  'ethernet-vlan',
  'ethernet-type-unknown',
  'arp-truncated',
  'arp-format',
  'arp-not-for-us',
  'arp-source-invalid',
  'neighbour-unresolved',
  'neighbour-queue-full',
  'neighbour-table-full',
  // IPv4
  'ip-truncated',
  'ip-version',
  'ip-header-length',
  'ip-total-length',
  'ip-checksum',
  'ip-source-martian',
  'ip-not-for-us',
  'ip-no-address',
  'ip-options-malformed',
  'ip-source-route',
  'ip-protocol-unknown',
  'ip-no-route',
  'ip-too-big',
  'ip-extension-header',
  'ip-extension-chain',
  'ip-option-unknown',
  'ip-routing-header',
  'ip-no-next-header',
  'ip-peer-table-full',
  'fragment-malformed',
  'fragment-duplicate',
  'fragment-overlap',
  'fragment-too-big',
  'fragment-table-full',
  'fragment-timeout',
  // ICMP
  'icmp-truncated',
  'icmp-checksum',
  'icmp-type-unknown',
  'icmp-broadcast',
  'icmp-rate-limited',
  'icmp-error-malformed',
  'icmp-error-unmatched',
  'icmp-error-out-of-window',
  // Neighbour and multicast listener discovery
  'nd-malformed',
  'nd-hop-limit',
  'nd-source-invalid',
  'nd-not-for-us',
  'nd-table-full',
  // UDP
  'udp-truncated',
  'udp-length',
  'udp-checksum',
  'udp-port-closed',
  // DHCP
  'dhcp-malformed',
  'dhcp-not-for-us',
  'dhcp-unexpected',
  // TCP
  'tcp-truncated',
  'tcp-header-length',
  'tcp-checksum',
  'tcp-broadcast',
  'tcp-handed-over',
  'tcp-port-zero',
  'tcp-flags-invalid',
  'tcp-port-closed',
  'tcp-no-ack',
  'tcp-out-of-window',
  'tcp-paws',
  'tcp-ack-invalid',
  'tcp-rst-invalid',
  'tcp-syn-in-window',
  'tcp-challenge-limited',
  'tcp-stray-limited',
  'tcp-syn-limited',
  'tcp-cookie-invalid',
  'tcp-connection-limit',
  'tcp-receive-buffer-full',
  'tcp-reassembly-full',
  'tcp-duplicate',
  'tcp-after-close',
  'tcp-time-wait',
  'tcp-memory-limit',
  // Device
  'device-transmit-failed',
  // Any
  'fault',
] as const;

export type DropName = (typeof DROP_NAMES)[number];
export type DropReason = number;

/** The number of a name: take it once, at module level (`const TRUNCATED = dropReason('ip-truncated')`). */
export function dropReason(name: DropName): DropReason {
  return DROP_NAMES.indexOf(name);
}

/**
 * Gets each drop with the frame it was about (for `--log net`, pcapng comments). Costs nothing where no watcher is set.
 */
export type DropWatcher = (reason: DropReason, bytes: Uint8Array, start: number, end: number) => void;

const nothing = new Uint8Array(0);

export class Drops {
  readonly counts = new Float64Array(DROP_NAMES.length);
  watcher: DropWatcher | undefined = undefined;

  /** Counts a drop. `bytes[start..end)` is the frame, where there is one. */
  count(reason: DropReason, bytes: Uint8Array = nothing, start = 0, end = 0): void {
    this.counts[reason] += 1;
    if (this.watcher !== undefined) this.watcher(reason, bytes, start, end);
  }

  of(name: DropName): number {
    return this.counts[dropReason(name)];
  }

  /** The reasons that occurred, by name. */
  toJSON(): Record<string, number> {
    const seen: Record<string, number> = {};
    DROP_NAMES.forEach((name, i) => {
      if (this.counts[i] > 0) seen[name] = this.counts[i];
    });
    return seen;
  }
}
