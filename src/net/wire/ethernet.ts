/** Ethernet II (RFC 894) and ARP (RFC 826) layouts. */
export const ETHERTYPE_IPV4 = 0x0800;
export const ETHERTYPE_IPV6 = 0x86dd;
export const ETHERTYPE_ARP = 0x0806;
export const ETHERTYPE_VLAN = 0x8100;
export const ETHERTYPE_QINQ = 0x88a8;
export const ETHERNET = 14;
export const VLAN_TAG = 4;
export const ARP_LENGTH = 28;
export const ARP_REQUEST = 1;
export const ARP_REPLY = 2;
export const BROADCAST_MAC = new Uint8Array([255, 255, 255, 255, 255, 255]);

export function sameMac(a: Uint8Array, at: number, b: Uint8Array, bt = 0): boolean {
  return (
    a[at] === b[bt] &&
    a[at + 1] === b[bt + 1] &&
    a[at + 2] === b[bt + 2] &&
    a[at + 3] === b[bt + 3] &&
    a[at + 4] === b[bt + 4] &&
    a[at + 5] === b[bt + 5]
  );
}

export function copyMac(target: Uint8Array, to: number, from: Uint8Array, at = 0): void {
  target[to] = from[at];
  target[to + 1] = from[at + 1];
  target[to + 2] = from[at + 2];
  target[to + 3] = from[at + 3];
  target[to + 4] = from[at + 4];
  target[to + 5] = from[at + 5];
}

/** Zero or a group address: no host has it as its own (RFC 1122 2.3.2.1). */
export function isNobodysMac(bytes: Uint8Array, at: number): boolean {
  if ((bytes[at] & 1) !== 0) return true;
  return (bytes[at] | bytes[at + 1] | bytes[at + 2] | bytes[at + 3] | bytes[at + 4] | bytes[at + 5]) === 0;
}
