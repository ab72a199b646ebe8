/** Ethernet frames on the way in (IEEE 802.3, 802.1Q): which of them are for us, and what each one carries. */
import type { Device } from '../device/device.js';
import { type Drops, dropReason } from '../drops.js';
import {
  ETHERNET,
  ETHERTYPE_ARP,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  ETHERTYPE_QINQ,
  ETHERTYPE_VLAN,
  isNobodysMac,
  sameMac,
  VLAN_TAG,
} from '../wire/ethernet.js';
import { uint16At } from '../wire/tcp.js';

const TRUNCATED = dropReason('ethernet-truncated');
const NOT_FOR_US = dropReason('ethernet-not-for-us');
const SOURCE_INVALID = dropReason('ethernet-source-invalid');
const VLAN = dropReason('ethernet-vlan');
const TYPE_UNKNOWN = dropReason('ethernet-type-unknown');

/** `group`: the frame came to a multicast or broadcast address. */
interface PacketInput {
  input(bytes: Uint8Array, start: number, end: number, marks: number, group: boolean): void;
}

/** What takes the contents of frames. */
interface Receivers {
  readonly device: Device;
  readonly drops: Drops;
  readonly ipv4: PacketInput;
  readonly v6: PacketInput;
  readonly arp: { input(bytes: Uint8Array, ethernet: number, start: number, end: number, now: number): void };
  /** The `now` of the entry that runs. */
  readonly now: number;
}

/** Whether a whole tag with the identifier 0 follows the addresses, and a type after it. */
function isPriorityTag(bytes: Uint8Array, start: number, end: number): boolean {
  return end - start >= ETHERNET + VLAN_TAG && (uint16At(bytes, start + 14) & 0xfff) === 0;
}

/** One frame, from its Ethernet header on. */
export function ethernetInput(to: Receivers, bytes: Uint8Array, first: number, end: number, marks: number): void {
  const { drops } = to;
  let start = first;
  if (end - start < ETHERNET) return drops.count(TRUNCATED, bytes, start, end);
  const group = (bytes[start] & 1) !== 0;
  if (!group && !sameMac(bytes, start, to.device.mac)) return drops.count(NOT_FOR_US, bytes, start, end);
  if (isNobodysMac(bytes, start + 6)) return drops.count(SOURCE_INVALID, bytes, start, end);
  let type = uint16At(bytes, start + 12);
  // IEEE 802.1Q 9.6: identifier 0 is a priority, and the frame belongs to no VLAN. The tag is taken off where it
  // lies.
  while ((type === ETHERTYPE_VLAN || type === ETHERTYPE_QINQ) && isPriorityTag(bytes, start, end)) {
    bytes.copyWithin(start + VLAN_TAG, start, start + 12);
    start += VLAN_TAG;
    type = uint16At(bytes, start + 12);
  }
  if (type === ETHERTYPE_IPV4) to.ipv4.input(bytes, start, end, marks, group);
  else if (type === ETHERTYPE_IPV6) to.v6.input(bytes, start, end, marks, group);
  else if (type === ETHERTYPE_ARP) to.arp.input(bytes, start, start + ETHERNET, end, to.now);
  else drops.count(type === ETHERTYPE_VLAN || type === ETHERTYPE_QINQ ? VLAN : TYPE_UNKNOWN, bytes, start, end);
}
