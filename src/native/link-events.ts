/**
 * What the kernel reports of its network interfaces (rtnetlink(7)), read now and then. It shows a link that was down
 * for a moment between two looks at its flags.
 */
import { EAGAIN, EINTR } from './libc/errno.js';
import { libc } from './libc/libc.js';
import { type Pinned, pinned } from './libc/slab.js';

const AF_NETLINK = 16;
const SOCK_RAW_NONBLOCK_CLOEXEC = 3 | 0o4000 | 0o2000000;
const NETLINK_ROUTE = 0;
const RTMGRP_LINK = 1;
const RTM_NEWLINK = 16;
/** `struct nlmsghdr`, and `struct ifinfomsg` behind it: family, type, index, flags. */
const HEADER = 16;
const INDEX_AT = HEADER + 4;
const FLAGS_AT = HEADER + 8;
const SMALLEST = HEADER + 16;
const IFF_UP = 1;
const IFF_RUNNING = 0x40;
/** Bytes of a read: the kernel's own are of 8 or 16 KiB. */
const READ = 32_768;
/** Reads of one look. What is left is found by the next. */
const READS = 64;

export class LinkEvents {
  /** -1: the kernel reports nothing here. */
  private fd: number;
  private readonly buffer: Pinned;

  constructor() {
    const c = libc();
    this.buffer = pinned(READ);
    this.fd = c.socket(AF_NETLINK, SOCK_RAW_NONBLOCK_CLOEXEC, NETLINK_ROUTE);
    if (this.fd < 0) return;
    const address = pinned(12);
    const view = new DataView(address.bytes.buffer, address.bytes.byteOffset, 12);
    view.setUint16(0, AF_NETLINK, true);
    view.setUint32(8, RTMGRP_LINK, true);
    if (c.bind(this.fd, address.address, 12) < 0) this.close();
  }

  /** Whether interface number `index` was set down, or with `carrier` without one, at some time since the last call. */
  wasDown(index: number, carrier: boolean): boolean {
    if (this.fd < 0) return false;
    const c = libc();
    let down = false;
    for (let reads = 0; reads < READS; reads++) {
      const length = c.read(this.fd, this.buffer.address, READ);
      if (length > 0) {
        down = this.tellsDown(length, index, carrier ? IFF_UP | IFF_RUNNING : IFF_UP) || down;
        continue;
      }
      const errno = length < 0 ? c.errno() : EAGAIN;
      // ENOBUFS: more came than there was room for. What is lost may have been about this one, and an address is worth
      // a question.
      if (errno === EAGAIN) break;
      if (errno !== EINTR) down = true;
    }
    return down;
  }

  private tellsDown(length: number, index: number, wanted: number): boolean {
    const { bytes } = this.buffer;
    const view = new DataView(bytes.buffer, bytes.byteOffset, length);
    let down = false;
    for (let at = 0; at + SMALLEST <= length; ) {
      const size = view.getUint32(at, true);
      if (size < HEADER || at + size > length) break;
      if (view.getUint16(at + 4, true) === RTM_NEWLINK && view.getInt32(at + INDEX_AT, true) === index) {
        const flags = view.getUint32(at + FLAGS_AT, true);
        if ((flags & wanted) !== wanted) down = true;
      }
      at += (size + 3) & ~3;
    }
    return down;
  }

  close(): void {
    if (this.fd >= 0) libc().close(this.fd);
    this.fd = -1;
  }
}
