/** What ARP, IPv4, ICMP and UDP need of the stack that they work in, and of each other. */
import type { Device } from '../device/device.js';
import type { Drops } from '../drops.js';
import type { Random } from '../random.js';
import type { AddressConfig, FurtherAddress } from './address-config.js';
import type { Datagram, IcmpError, Quoted } from './contracts/datagram.js';
import type { IpOutput, Ipv4, Route } from './contracts/ip-output.js';
import type { Transport } from './contracts/transport.js';
import type { Neighbours } from './neighbours.js';

/** ICMP, as others use it. */
interface IcmpContext {
  input(datagram: Datagram): void;
  /** An error about an IPv4 datagram that came to us alone. `parameter`: the first byte of the second word. */
  sendError(type: number, code: number, about: Quoted, parameter?: number): void;
}

export interface IpContext extends IpOutput {
  readonly device: Device;
  readonly random: Random;
  readonly drops: Drops;
  readonly arp: { readonly neighbours: Neighbours };
  readonly icmp: IcmpContext;
  readonly output: {
    /** Sends a frame that was kept, to `mac`. */
    release(frame: Uint8Array, mac: Uint8Array): void;
  };
  /** The `now` of the entry that runs. */
  readonly now: number;
  /** Undefined while we have no address. */
  readonly config: AddressConfig | undefined;
  readonly broadcast: Ipv4 | undefined;
  /** Our addresses beside that of `config`. */
  readonly further: readonly FurtherAddress[];
  readonly udp: { isBound(port: number): boolean };
  transport(protocol: number): Transport | undefined;
  isOurs(address: Ipv4): boolean;
  /** One of ours beside that of `config`. */
  isFurther(address: Ipv4): boolean;
  /** One of ours that ARP answers for. */
  isAnnounced(address: Ipv4): boolean;
  /** The address of ours that speaks to `destination`; 0: none. */
  ipv4Source(destination: Ipv4): Ipv4;
  /** Reports to the sender of the datagram that nothing listens on its port. */
  portUnreachable(datagram: Datagram): void;
  isBroadcast(address: Ipv4): boolean;
  sourceFor(route: Route): Ipv4;
  /** Ethernet header of what `tx` holds, then out. */
  transmit(mac: Uint8Array, type: number): boolean;
  /** An ICMP error, to the transport that it is about. */
  transportError(error: IcmpError): boolean;
}
