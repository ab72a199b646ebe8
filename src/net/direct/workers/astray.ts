/**
 * One of several workers on one device: each reads a queue of its own, and the kernel chooses the queue of a frame by
 * its flow. Some frames come to a worker that cannot use them, and go on to the others: frames without a flow of their
 * own (ARP, ICMP errors, DHCP's answers), and frames that the kernel steers elsewhere for once (a fragment, a flow
 * whose queue it has forgotten).
 *
 * A segment or an error of a connection that is not here goes round, from each worker to the next, until one has the
 * connection. When it is back where it began, no worker has the connection, and it is answered there: once, as by a
 * host with a single stack. A SYN begins where it comes.
 */
import { RX_CHECKSUM_OK } from '../../device/device.js';
import { dropReason } from '../../drops.js';
import { Datagram, type IcmpError } from '../../ip/contracts/datagram.js';
import type { Stack } from '../../ip/stack.js';
import type { UdpPort } from '../../ip/udp.js';
import type { TcpLayer } from '../../tcp/layer.js';
import type { Elsewhere } from '../../tcp/moving/hand-over.js';
import { after } from '../../tcp/numbers/sequence.js';
import { quotedFlow } from '../../tcp/receive/icmp.js';
import { NONE } from '../../tcp/tables/time-wait.js';
import { DHCP_CLIENT_PORT } from '../../wire/dhcp.js';
import { DHCPV6_CLIENT_PORT } from '../../wire/dhcpv6.js';
import { ARP_LENGTH, ARP_REPLY, ETHERNET } from '../../wire/ethernet.js';
import { ACK, int32At, PROTOCOL_TCP, putInt32, RST, uint16At } from '../../wire/tcp.js';
import { ARP, DATAGRAM, DATAGRAM6, ERROR, ND, SEGMENT } from '../peer-link/link.js';
import { inputPassedOn } from '../peer-link/passed-on.js';

const UNMATCHED = dropReason('icmp-error-unmatched');

/** To another worker. Frames are as good as on a wire. */
export interface WorkerLink {
  readonly open: boolean;
  /** Sends `prefix` and `bytes[start..end)` before it returns. False: they are lost. */
  send(kind: number, prefix: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean;
}

const NO_COOKIE = 255;

/** The worker that has the address: it asks for it, announces and defends it. */
export const LEAD = 1;

export class Astray implements Elsewhere {
  /** By number, from 1 on. */
  readonly links: (WorkerLink | undefined)[];
  readonly counters = { passedOn: 0, passedOnLost: 0 };
  /** Where what is dealt with came from the device: a worker's number. 0: from ours, just now. */
  private origin = 0;
  /** Seconds since one of those that have seen the segment sent a cookie. */
  private cookieAge = NO_COOKIE;
  private readonly dhcp: UdpPort | undefined;
  private readonly dhcpv6: UdpPort | undefined;

  /** `number`: 1 to `count`, which is 255 at most. `dhcp`: the lead asks for its address. */
  constructor(
    private readonly stack: Stack,
    private readonly tcp: TcpLayer,
    readonly number: number,
    count: number,
    dhcp: boolean,
  ) {
    this.links = new Array<WorkerLink | undefined>(count + 1).fill(undefined);
    tcp.elsewhere = this;
    stack.errorElsewhere = (error) => this.error(error);
    stack.arp.heard = (...values) => this.arp(...values);
    stack.v6.heard = (...values) => this.discovery(...values);
    if (number !== LEAD) {
      this.dhcpv6 = stack.udp.bind(DHCPV6_CLIENT_PORT, ({ bytes, start, end, source, destination }) => {
        const prefix = new Uint8Array(32);
        stack.peers.write(source, prefix, 0);
        stack.peers.write(destination, prefix, 16);
        this.count(this.links[LEAD]?.send(DATAGRAM6, prefix, bytes, start - 8, end));
      });
    }
    if (!dhcp || number === LEAD) return;
    this.dhcp = stack.udp.bind(DHCP_CLIENT_PORT, ({ bytes, start, end, source, destination }) => {
      const prefix = new Uint8Array(8);
      putInt32(prefix, 0, source);
      putInt32(prefix, 4, destination);
      this.count(this.links[LEAD]?.send(DATAGRAM, prefix, bytes, start - 8, end));
    });
  }

  /** What another worker has passed on. An entry of the stack. */
  take(kind: number, content: Uint8Array): void {
    if (kind === DATAGRAM) return this.takeDatagram(content);
    if (kind === DATAGRAM6) return this.takeDatagram6(content);
    this.origin = content[0] as number;
    try {
      if (kind === SEGMENT) this.takeSegment(content);
      else if (kind === ERROR) this.takeError(content);
      else if (kind === ARP) this.takeArp(content);
      else if (kind === ND) this.stack.v6.learn(content, 1);
    } finally {
      this.origin = 0;
    }
  }

  private takeSegment(content: Uint8Array): void {
    const { tcp, stack } = this;
    const [origin, tos, cookieAge] = content as unknown as [number, number, number];
    // It may answer a cookie, which another worker has sent.
    if (origin === this.number && cookieAge !== NO_COOKIE) tcp.listening.cookieWas(stack.now - cookieAge * 1000);
    this.cookieAge = cookieAge;
    inputPassedOn(stack, tcp, content, 3, tos);
    this.cookieAge = NO_COOKIE;
  }

  private takeError(content: Uint8Array): void {
    const { stack } = this;
    const [, type, code] = content as unknown as [number, number, number];
    const mtu = uint16At(content, 3);
    const error = {
      protocol: PROTOCOL_TCP,
      type,
      code,
      mtu,
      bytes: content,
      ip: 5,
      end: content.length,
      now: stack.now,
    };
    if (stack.transportError(error)) return;
    stack.drops.count(UNMATCHED, content, 5, content.length);
  }

  private takeDatagram(content: Uint8Array): void {
    const { stack } = this;
    const [source, destination] = [int32At(content, 0), int32At(content, 4)];
    // Taken as a broadcast: whatever becomes of it, no ICMP error is sent.
    const datagram = new Datagram().lies(content, 8, 8, content.length, RX_CHECKSUM_OK);
    stack.udp.input(datagram.goes(source, destination, true, 0, stack.now));
  }

  private takeDatagram6(content: Uint8Array): void {
    const { stack } = this;
    if (content.length < 40) return;
    const [source, destination] = [stack.peers.intern(content, 0), stack.peers.intern(content, 16)];
    const datagram = new Datagram().lies(content, 32, 32, content.length, RX_CHECKSUM_OK);
    stack.udp.input(datagram.goes(source, destination, true, 0, stack.now));
  }

  // Round, from one worker to the next

  segment({ source: remote, destination: local, tos, bytes, ip, end }: Datagram, ports: number): boolean {
    const at = this.stack.transportAt(bytes, ip, end);
    const flags = bytes[at + 13] as number;
    // A SYN begins where it comes; what has neither bit no connection takes.
    if ((flags & (ACK | RST)) === 0) return false;
    const { listening, waiting } = this.tcp;
    const [seq, ack] = [int32At(bytes, at + 4), int32At(bytes, at + 8)];
    if (listening.expects([remote, local, ports], { flags, seq, ack })) return false;
    // What lies beyond its last number is of a later connection of the same name.
    const over = waiting.find(remote, local, ports);
    if (over !== NONE && !after(seq, waiting.at(over).rcvNxt)) return false;
    const age = listening.cookieAge(this.stack.now);
    // Rounded up, so that an age that two workers send back and forth grows.
    const seconds = age < 0 || age > 250_000 ? NO_COOKIE : Math.ceil(age / 1000);
    return this.goOn(SEGMENT, Uint8Array.of(0, tos, Math.min(seconds, this.cookieAge)), bytes, ip, end);
  }

  error(error: IcmpError): boolean {
    const { type, code, mtu, bytes, ip, end } = error;
    const flow = quotedFlow(this.stack, error);
    if (flow === undefined) return false;
    const [remote, local, ports] = flow;
    const { connections, listening } = this.tcp;
    if (connections.get(remote, local, ports) !== undefined || listening.isHalfOpen(remote, local, ports)) return false;
    return this.goOn(ERROR, Uint8Array.of(0, type, code, mtu >> 8, mtu), bytes, ip, end);
  }

  /** False: all have seen it, or there is no other worker; what becomes of it is decided here. */
  private goOn(kind: number, prefix: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
    const { number, links } = this;
    const origin = this.origin === 0 ? number : this.origin;
    if (this.origin === number) return false;
    const count = links.length - 1;
    for (let next = (number % count) + 1; next !== number; next = (next % count) + 1) {
      const link = links[next];
      if (link?.open) {
        prefix[0] = origin;
        this.count(link.send(kind, prefix, bytes, start, end));
        return true;
      }
      if (next === origin) return false;
    }
    return false;
  }

  /** `sent`: undefined where there is no way to that worker. */
  private count(sent: boolean | undefined): void {
    if (sent) this.counters.passedOn++;
    else this.counters.passedOnLost++;
  }

  // ARP: all learn of it. The worker that it came to answers, and the lead alone is concerned with whose the address
  // is.

  /** A valid packet. True: it is not for us to deal with. */
  private arp(bytes: Uint8Array, ethernet: number, end: number): boolean {
    if (this.origin !== 0) return false;
    const { number, links, stack } = this;
    const claims = stack.isAnnounced(int32At(bytes, ethernet + 28));
    const prefix = Uint8Array.of(number);
    for (let other = 1; other < links.length; other++) {
      const link = links[other];
      if (link?.open && (!claims || other === LEAD)) this.count(link.send(ARP, prefix, bytes, ethernet, end));
    }
    return claims && number !== LEAD;
  }

  /** Neighbour and listener discovery: all learn of it; who it came to answers for the host's addresses. */
  private discovery(bytes: Uint8Array, ethernet: number, end: number): void {
    if (this.origin !== 0) return;
    const prefix = Uint8Array.of(this.number);
    for (let other = 1; other < this.links.length; other++) {
      const link = this.links[other];
      if (link?.open) this.count(link.send(ND, prefix, bytes, ethernet, end));
    }
  }

  private takeArp(content: Uint8Array): void {
    const { stack } = this;
    if (content.length < 1 + ETHERNET + ARP_LENGTH) return;
    // A probe names no sender to learn of; it matters where an address is probed for as well, by a host that has none
    // yet.
    if (int32At(content, 29) === 0) {
      if (stack.config !== undefined) return;
    } else content[22] = ARP_REPLY;
    stack.arp.input(content, 1, 1 + ETHERNET, content.length, stack.now);
  }

  close(): void {
    this.dhcp?.close();
    this.dhcpv6?.close();
  }
}
