/** Duplicate address detection (RFC 4862 5.4) with the nonce of RFC 7527. */
import { NEIGHBOUR_SOLICITATION } from '../../wire/icmpv6.js';
import { solicitedNode } from '../../wire/ipv6.js';
import { NONCE, NONCE_BYTES } from '../../wire/nd.js';
import { putInt32, putUint16 } from '../../wire/tcp.js';
import { type OwnAddress, TENTATIVE } from './addresses.js';
import type { Link6 } from './link.js';
import type { OwnPackets } from './own-packets.js';

/** RFC 4862 5.1, 5.4.2. */
const TRANSMITS = 1;
const MAX_DELAY = 1000;
/** Probes that may come back to us (RFC 7527 4.1) before we go on without an answer. */
const MOST_LOOPED = 3;
const NEIGHBOUR_SOLICITATION_LENGTH = 24;

interface Detection {
  readonly address: OwnAddress;
  readonly nonces: Uint8Array[];
  left: number;
  looped: number;
  due: number;
}

export interface DuplicateEvents {
  /** It is ours alone. */
  unique(address: OwnAddress): void;
  /** Another host has it, or wants it. `mac`: six bytes. */
  duplicate(address: OwnAddress, mac: Uint8Array): void;
}

export class Duplicates {
  private readonly running = new Map<number, Detection>();

  constructor(
    private readonly link: Link6,
    private readonly packets: OwnPackets,
    private readonly nowhere: number,
    private readonly events: DuplicateEvents,
    /** RFC 4861 10: ms between solicitations; a router may say another. */
    private readonly retransTimer: () => number,
  ) {}

  /** Asks for it. `delayed`: after up to a second, as the first message of an interface is to be (RFC 4862 5.4.2). */
  start(address: OwnAddress, delayed: boolean): void {
    const { link } = this;
    const wait = delayed ? ((link.random.random32() >>> 0) / 2 ** 32) * MAX_DELAY : 0;
    this.running.set(address.handle, { address, nonces: [], left: TRANSMITS, looped: 0, due: link.now + wait });
  }

  stop(address: OwnAddress): void {
    this.running.delete(address.handle);
  }

  /**
   * A solicitation of a host without an address for the tentative `address` (RFC 4862 5.4.3). `nonceAt`: -1: it has
   * none.
   */
  solicited(address: OwnAddress, bytes: Uint8Array, nonceAt: number, mac: Uint8Array): void {
    const one = this.running.get(address.handle);
    if (one === undefined) return;
    if (nonceAt >= 0 && one.nonces.some((nonce) => nonce.every((byte, i) => byte === bytes[nonceAt + i]))) {
      // RFC 7527 4.2: our own, looped back. It proves nothing, so the question is put again.
      if (one.looped < MOST_LOOPED) {
        one.looped++;
        one.left = Math.max(one.left, 1);
      }
      return;
    }
    this.found(one, mac);
  }

  /** RFC 4862 5.4.4: an advertisement for the tentative address. */
  advertised(address: OwnAddress, mac: Uint8Array): void {
    const one = this.running.get(address.handle);
    if (one !== undefined) this.found(one, mac);
  }

  private found(one: Detection, mac: Uint8Array): void {
    this.running.delete(one.address.handle);
    this.events.duplicate(one.address, mac);
  }

  poll(now: number): number {
    let next = Number.POSITIVE_INFINITY;
    for (const one of [...this.running.values()]) {
      if (one.due <= now) {
        if (one.left === 0) {
          this.running.delete(one.address.handle);
          if (one.address.state === TENTATIVE) this.events.unique(one.address);
          continue;
        }
        one.left--;
        one.due = now + this.retransTimer();
        this.ask(one);
      }
      next = Math.min(next, one.due);
    }
    return next;
  }

  private ask(one: Detection): void {
    const { link, packets } = this;
    const nonce = new Uint8Array(NONCE_BYTES);
    putInt32(nonce, 0, link.random.random32());
    putUint16(nonce, 4, link.random.random32() & 0xffff);
    one.nonces.push(nonce);
    const length = NEIGHBOUR_SOLICITATION_LENGTH + 8;
    const at = packets.begin(NEIGHBOUR_SOLICITATION, length);
    const { head } = link.tx;
    head.set(one.address.bytes, at + 8);
    head[at + 24] = NONCE;
    head[at + 25] = 1;
    head.set(nonce, at + 26);
    packets.send(this.nowhere, link.peers.intern(solicitedNode(one.address.bytes)), length);
  }
}
