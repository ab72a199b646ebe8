/**
 * The groups that this host listens to, and its reports of them to routers and switches: MLDv2 (RFC 3810), MLDv1 where
 * a querier knows no better (RFC 3810 8).
 */
import { MLDV1_DONE, MLDV1_REPORT, MLDV2_REPORT } from '../../wire/icmpv6.js';
import { ALL_NODES, ALL_ROUTERS, type Ipv6Bytes, isMulticast6, isUnspecified, multicastMac } from '../../wire/ipv6.js';
import {
  CHANGE_TO_EXCLUDE,
  CHANGE_TO_INCLUDE,
  MLDV1_LENGTH,
  MLDV2_QUERY_LENGTH,
  MODE_IS_EXCLUDE,
  RECORD,
  REPORT_HEADER,
  responseDelay,
} from '../../wire/mld.js';
import { putUint16, uint16At } from '../../wire/tcp.js';
import type { OwnAddresses } from './addresses.js';
import { GROUP, type Link6 } from './link.js';
import type { OwnPackets } from './own-packets.js';

/** RFC 3810 9.1, 9.11: a change is reported twice, the second time within a second. */
const UNSOLICITED_INTERVAL = 1000;
/** RFC 3810 9.12: how long an MLDv1 querier is remembered: 2 x 125 s and a response of 10 s. */
const OLDER_QUERIER = 260_000;
/** Groups that are left and reported once more: as many as a host has addresses. */
const MOST_LEFT = 32;
/** ff02::16 */
const MLDV2_ROUTERS: Ipv6Bytes = Uint8Array.of(0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x16);

interface Group {
  readonly handle: number;
  /** Addresses of ours that need it. */
  members: number;
  /** When a change is reported again, and when a query is answered; ms. */
  repeatAt: number;
  answerAt: number;
}

/** A group that was left, and when that is reported again, ms. */
interface Left {
  readonly handle: number;
  readonly repeatAt: number;
}

export class Groups {
  /** Another program of this host reports them. */
  silent = false;
  private readonly groups = new Map<number, Group>();
  private left: Left[] = [];
  /** When all groups are reported because of a general query. */
  private answerAllAt = Number.POSITIVE_INFINITY;
  private v1Until = Number.NEGATIVE_INFINITY;
  private readonly routers: number;
  private readonly allRouters: number;
  private readonly nowhere: number;
  private readonly allNodes: number;

  constructor(
    private readonly link: Link6,
    private readonly addresses: OwnAddresses,
    private readonly packets: OwnPackets,
  ) {
    const held = (bytes: Ipv6Bytes): number => {
      const handle = link.peers.intern(bytes);
      link.peers.hold(handle);
      return handle;
    };
    this.routers = held(MLDV2_ROUTERS);
    this.allRouters = held(ALL_ROUTERS);
    this.nowhere = held(new Uint8Array(16));
    this.allNodes = held(ALL_NODES);
  }

  /** Listens to `group`; each `join` has its `leave`. */
  join(bytes: Ipv6Bytes): void {
    const { link } = this;
    const handle = link.peers.intern(bytes);
    const known = this.groups.get(handle);
    if (known !== undefined) {
      known.members++;
      return;
    }
    link.peers.hold(handle);
    link.peers.setMark(handle, GROUP);
    const group = { handle, members: 1, repeatAt: Number.POSITIVE_INFINITY, answerAt: Number.POSITIVE_INFINITY };
    this.groups.set(handle, group);
    const mac = new Uint8Array(6);
    multicastMac(bytes, 0, mac);
    link.device.join?.(mac);
    // RFC 3810 6: the group of all nodes is never reported.
    if (handle === this.allNodes) return;
    const before = this.left.findIndex((one) => one.handle === handle);
    if (before >= 0) this.forget(before);
    this.report([handle], CHANGE_TO_EXCLUDE);
    group.repeatAt = link.now + this.random(UNSOLICITED_INTERVAL);
  }

  leave(bytes: Ipv6Bytes): void {
    const { link } = this;
    const handle = link.peers.find(bytes);
    const group = this.groups.get(handle);
    if (group === undefined || --group.members > 0) return;
    this.groups.delete(handle);
    const mac = new Uint8Array(6);
    multicastMac(bytes, 0, mac);
    link.device.leave?.(mac);
    link.peers.setMark(handle, 0);
    if (handle !== this.allNodes) this.report([handle], CHANGE_TO_INCLUDE);
    if (handle === this.allNodes || this.left.length >= MOST_LEFT) link.peers.drop(handle);
    else this.left.push({ handle, repeatAt: link.now + this.random(UNSOLICITED_INTERVAL) });
  }

  private forget(index: number): void {
    this.link.peers.drop(this.left[index]!.handle);
    this.left.splice(index, 1);
  }

  private random(most: number): number {
    return ((this.link.random.random32() >>> 0) / 2 ** 32) * most;
  }

  /** A query, `bytes[start..end)`; its hop limit and router alert are right (RFC 3810 6.2). */
  query(bytes: Uint8Array, start: number, end: number, now: number): void {
    const length = end - start;
    const v1 = length === MLDV1_LENGTH;
    if (!v1 && length < MLDV2_QUERY_LENGTH) return;
    if (v1) this.v1Until = now + OLDER_QUERIER;
    const due = now + this.random(responseDelay(uint16At(bytes, start + 4), v1));
    const asked = start + 8;
    if (isUnspecified(bytes, asked)) {
      this.answerAllAt = Math.min(this.answerAllAt, due);
      return;
    }
    const group = isMulticast6(bytes, asked) ? this.groups.get(this.link.peers.find(bytes, asked)) : undefined;
    if (group !== undefined && group.handle !== this.allNodes) group.answerAt = Math.min(group.answerAt, due);
  }

  /** RFC 2710 4: another listener's MLDv1 report is as good as ours. */
  reported(bytes: Uint8Array, start: number, end: number): void {
    if (end - start < MLDV1_LENGTH || this.link.now >= this.v1Until) return;
    const group = this.groups.get(this.link.peers.find(bytes, start + 8));
    if (group !== undefined) group.answerAt = Number.POSITIVE_INFINITY;
  }

  poll(now: number): number {
    let next = Number.POSITIVE_INFINITY;
    if (this.answerAllAt <= now) {
      this.answerAllAt = Number.POSITIVE_INFINITY;
      this.report(
        [...this.groups.keys()].filter((one) => one !== this.allNodes),
        MODE_IS_EXCLUDE,
      );
    }
    for (const group of this.groups.values()) {
      if (group.repeatAt <= now) {
        group.repeatAt = Number.POSITIVE_INFINITY;
        this.report([group.handle], CHANGE_TO_EXCLUDE);
      }
      if (group.answerAt <= now) {
        group.answerAt = Number.POSITIVE_INFINITY;
        this.report([group.handle], MODE_IS_EXCLUDE);
      }
      next = Math.min(next, group.repeatAt, group.answerAt);
    }
    for (let i = this.left.length - 1; i >= 0; i--) {
      const { handle, repeatAt } = this.left[i]!;
      if (repeatAt <= now) {
        // An MLDv1 querier is told once (RFC 2710 4).
        if (now >= this.v1Until) this.report([handle], CHANGE_TO_INCLUDE);
        this.forget(i);
      } else next = Math.min(next, repeatAt);
    }
    return Math.min(next, this.answerAllAt);
  }

  /**
   * Everything is said anew: what a switch learnt from reports without an address it may have forgotten (RFC 3590 4).
   */
  again(): void {
    this.report(
      [...this.groups.keys()].filter((one) => one !== this.allNodes),
      CHANGE_TO_EXCLUDE,
    );
  }

  private report(groups: readonly number[], kind: number): void {
    if (groups.length === 0 || this.silent) return;
    // RFC 3590 4: before there is a link-local address, the unspecified one.
    const source = this.addresses.linkLocal?.handle ?? this.nowhere;
    if (this.link.now < this.v1Until) {
      for (const one of groups) this.reportV1(one, kind === CHANGE_TO_INCLUDE ? MLDV1_DONE : MLDV1_REPORT, source);
      return;
    }
    const { packets, link } = this;
    const length = REPORT_HEADER + groups.length * RECORD;
    const at = packets.begin(MLDV2_REPORT, length);
    const { head } = link.tx;
    putUint16(head, at + 6, groups.length);
    groups.forEach((one, i) => {
      const record = at + REPORT_HEADER + i * RECORD;
      head[record] = kind;
      link.peers.write(one, head, record + 4);
    });
    packets.sendWithAlert(source, this.routers, length);
  }

  private reportV1(group: number, type: number, source: number): void {
    const { packets, link } = this;
    const at = packets.begin(type, MLDV1_LENGTH);
    link.peers.write(group, link.tx.head, at + 8);
    packets.sendWithAlert(source, type === MLDV1_DONE ? this.allRouters : group, MLDV1_LENGTH);
  }
}
