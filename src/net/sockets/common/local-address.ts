/**
 * Which of our addresses a datagram was sent to, and which an answer leaves from (ip(7) IP_PKTINFO, RFC 3542 6): a
 * socket for all
 * addresses would answer from the one that suits the way, and resolvers drop what comes from another than they asked.
 */
import { AF_INET6 } from '../../../native/sockets/sockets.js';
import type { DatagramAddress } from '../../datagrams.js';

const IPPROTO_IP = 0;
const IP_PKTINFO = 8;
const IPPROTO_IPV6 = 41;
const IPV6_RECVPKTINFO = 49;
const IPV6_PKTINFO = 50;
/** Bytes of a `struct cmsghdr` on 64 bits, of `in_pktinfo` and of `in6_pktinfo`. */
const HEAD = 16;
const INFO = 12;
const INFO6 = 20;
/** Room for what comes: one message of either family. */
const ROOM = 64;

export class LocalAddress {
  /** `wanted`: the socket is for all addresses. */
  constructor(
    private readonly family: number,
    private readonly wanted: boolean,
  ) {}

  /** Options of the socket that are to be 1: their levels and names. */
  get options(): readonly (readonly [number, number])[] {
    if (!this.wanted) return [];
    const four = [IPPROTO_IP, IP_PKTINFO] as const;
    return this.family === AF_INET6 ? [four, [IPPROTO_IPV6, IPV6_RECVPKTINFO]] : [four];
  }

  /** Bytes of control messages to ask for. */
  get received(): number {
    return this.wanted ? ROOM : 0;
  }

  /** Sets the address out of control messages at `at`, `length` bytes of them. */
  read(view: DataView, bytes: Uint8Array, at: number, length: number, into: DatagramAddress): void {
    if (!this.wanted) return;
    into.length = 0;
    for (let message = at; message + HEAD <= at + length; ) {
      const size = view.getUint32(message, true);
      const level = view.getInt32(message + 8, true);
      const type = view.getInt32(message + 12, true);
      if (level === IPPROTO_IP && type === IP_PKTINFO) this.set(into, bytes, message + HEAD + 4, 4);
      else if (level === IPPROTO_IPV6 && type === IPV6_PKTINFO) {
        const data = message + HEAD;
        const mapped = bytes[data + 10] === 0xff && bytes[data + 11] === 0xff && view.getUint32(data) === 0;
        this.set(into, bytes, mapped ? data + 12 : data, mapped ? 4 : 16);
      }
      if (size < HEAD) return;
      message += (size + 7) & ~7;
    }
  }

  private set(into: DatagramAddress, bytes: Uint8Array, at: number, length: 4 | 16): void {
    for (let i = 0; i < length; i++) into.bytes[i] = bytes[at + i];
    into.length = length;
  }

  /** Writes the control message that makes a datagram leave from an address; returns its length, 0: none. */
  write(view: DataView, bytes: Uint8Array, at: number, from: DatagramAddress): number {
    if (!this.wanted || from.length === 0) return 0;
    const six = this.family === AF_INET6;
    const info = six ? INFO6 : INFO;
    bytes.fill(0, at, at + ROOM);
    view.setUint32(at, HEAD + info, true);
    view.setInt32(at + 8, six ? IPPROTO_IPV6 : IPPROTO_IP, true);
    view.setInt32(at + 12, six ? IPV6_PKTINFO : IP_PKTINFO, true);
    const data = at + HEAD;
    if (!six) for (let i = 0; i < 4; i++) bytes[data + 4 + i] = from.bytes[i];
    else if (from.length === 16) for (let i = 0; i < 16; i++) bytes[data + i] = from.bytes[i];
    else {
      bytes[data + 10] = bytes[data + 11] = 0xff;
      for (let i = 0; i < 4; i++) bytes[data + 12 + i] = from.bytes[i];
    }
    return (HEAD + info + 7) & ~7;
  }
}
