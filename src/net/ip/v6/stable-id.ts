/**
 * Interface identifiers that stay the same in one network and show nothing in another (RFC 7217 5): a keyed hash of the
 * prefix, the interface and how often an address was found to be taken.
 */
import { KeyedHash } from '../../keyed-hash.js';
import type { Ipv6Bytes } from '../../wire/ipv6.js';
import { int32At, putInt32 } from '../../wire/tcp.js';

/** 128 bits, as four words. With these a stranger can compute the addresses of this host in every network. */
export type StableSecret = readonly [number, number, number, number];

export class StableIds {
  private readonly high: KeyedHash;
  private readonly low: KeyedHash;

  /** `mac`: six bytes, which stand for the interface. */
  constructor(
    [a, b, c, d]: StableSecret,
    private readonly mac: Uint8Array,
  ) {
    const keyed = (k0: number, k1: number): KeyedHash => {
      const keys = [k0, k1];
      return new KeyedHash({ random32: () => keys.shift() ?? 0 });
    };
    this.high = keyed(a, b);
    this.low = keyed(c, d);
  }

  /** The address of `prefix`, of which 64 bits count, after `duplicates` others were taken. */
  address(prefix: Ipv6Bytes, duplicates: number): Ipv6Bytes {
    const { mac } = this;
    const address = new Uint8Array(16);
    address.set(prefix.subarray(0, 8));
    const network = [int32At(prefix, 0), int32At(prefix, 4)] as const;
    const host = [int32At(mac, 0) ^ duplicates, (mac[4] << 8) | mac[5]] as const;
    // RFC 5453: the identifiers that are reserved: the hash goes on until it is none of them.
    for (let round = 0; round === 0 || isReserved(address); round++) {
      putInt32(address, 8, this.high.of(network[0], network[1], host[0], host[1] ^ (round << 16)));
      putInt32(address, 12, this.low.of(network[0], network[1], host[0], host[1] ^ (round << 16)));
    }
    return address;
  }
}

/**
 * RFC 5453 3: zero, and the anycast addresses of RFC 2526; RFC 4291: identifiers of IANA's block of Ethernet addresses.
 */
function isReserved(address: Ipv6Bytes): boolean {
  const high = int32At(address, 8) >>> 0;
  const low = int32At(address, 12) >>> 0;
  return (high === 0 && low === 0) || (high === 0xfdff_ffff && low >= 0xffff_ff80) || high === 0x0200_5eff;
}
