/** Addresses of sockets as the kernel has them, from and to text. */
import { SystemError } from '../libc/errno.js';
import { pinned } from '../libc/slab.js';
import { ADDRESS_SIZE, AF_INET, AF_INET6, type SocketCalls } from './sockets.js';

const TEXT_SIZE = 64;

export interface AddressAndPort {
  readonly address: string;
  readonly port: number;
}

/** A `struct sockaddr_in` or `sockaddr_in6`, with the `socklen_t` that some calls want beside it. */
export class SocketAddress {
  private readonly calls: SocketCalls;
  private readonly memory = pinned(ADDRESS_SIZE + 4 + TEXT_SIZE);
  private readonly view: DataView;
  readonly at: number;
  private readonly lengthAt: number;
  private readonly textAt: number;

  constructor(calls: SocketCalls) {
    this.calls = calls;
    const { bytes, address } = this.memory;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = address;
    this.lengthAt = address + ADDRESS_SIZE;
    this.textAt = this.lengthAt + 4;
  }

  /** Whether `text` is an address, of either family. */
  accepts(text: string): boolean {
    const family = text.includes(':') ? AF_INET6 : AF_INET;
    return this.calls.inet_pton(family, text.split('%')[0], this.at + 8) === 1;
  }

  /**
   * Writes it; `text` is IPv4 or IPv6, with a zone (`fe80::1%eth0`) where it needs one. Returns its length in bytes.
   */
  set(text: string, port: number): number {
    const { calls, view } = this;
    this.memory.bytes.fill(0);
    view.setUint16(2, port);
    if (!text.includes(':')) {
      view.setUint16(0, AF_INET, true);
      this.parse(AF_INET, text, 4);
      return 16;
    }
    const [address, zone] = text.split('%');
    view.setUint16(0, AF_INET6, true);
    this.parse(AF_INET6, address, 8);
    if (zone !== undefined) view.setUint32(24, /^\d+$/.test(zone) ? Number(zone) : calls.if_nametoindex(zone), true);
    return 28;
  }

  private parse(family: number, text: string, offset: number): void {
    if (this.calls.inet_pton(family, text, this.at + offset) !== 1) throw new Error(`${text} is not an address`);
  }

  /** What `call` (`getsockname`, `getpeername`) says of `fd`; an empty address when it fails. */
  ask(call: 'getsockname' | 'getpeername', fd: number): AddressAndPort {
    const { calls, view } = this;
    view.setUint32(ADDRESS_SIZE, ADDRESS_SIZE, true);
    if (calls[call](fd, this.at, this.lengthAt) < 0) return { address: '', port: 0 };
    const family = view.getUint16(0, true);
    const offset = family === AF_INET ? 4 : 8;
    if (calls.inet_ntop(family, this.at + offset, this.textAt, TEXT_SIZE) === 0) {
      throw new SystemError('write an address', calls.errno());
    }
    const { bytes } = this.memory;
    const from = ADDRESS_SIZE + 4;
    const address = new TextDecoder().decode(bytes.subarray(from, bytes.indexOf(0, from)));
    // An IPv4 address that came over a socket for both families is shown as what it is.
    return { address: address.startsWith('::ffff:') ? address.slice(7) : address, port: view.getUint16(2) };
  }
}
