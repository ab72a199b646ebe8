/**
 * Datagrams that left a moment ago, as an ICMP error quotes them: where to, from which port to which, length and
 * checksum of UDP. An error is believed about one of these only (RFC 8085 5.2, RFC 5927 4). An attacker off the path
 * sees neither the checksum nor, mostly, the port.
 */
import type { Ipv4 } from './contracts/ip-output.js';

/** A power of two. One datagram may take the place of another: then errors about the older one are not believed. */
const PLACES = 256;
/** An error comes within a round trip, ms. */
const LIFETIME = 10_000;

export class RecentlySent {
  private readonly destinations = new Int32Array(PLACES);
  private readonly ports = new Int32Array(PLACES);
  private readonly marks = new Int32Array(PLACES);
  private readonly times = new Float64Array(PLACES).fill(Number.NEGATIVE_INFINITY);

  /** `ports`: ours `<< 16 |` the other. `mark`: the second half of the UDP header, length and checksum. */
  note(destination: Ipv4, ports: number, mark: number, now: number): void {
    const at = this.place(destination, ports, mark);
    this.destinations[at] = destination;
    this.ports[at] = ports;
    this.marks[at] = mark;
    this.times[at] = now;
  }

  has(destination: Ipv4, ports: number, mark: number, now: number): boolean {
    const at = this.place(destination, ports, mark);
    if (now - (this.times[at] as number) > LIFETIME) return false;
    return this.destinations[at] === destination && this.ports[at] === ports && this.marks[at] === mark;
  }

  private place(destination: Ipv4, ports: number, mark: number): number {
    const mixed = Math.imul(destination ^ Math.imul(ports, 0x2c1b_3c6d) ^ mark, 0x297a_2d39);
    return (mixed ^ (mixed >>> 16)) & (PLACES - 1);
  }
}
