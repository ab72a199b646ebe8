/** Neighbour discovery (RFC 4861 7, 8): solicitations, advertisements and redirects, in and out. */
import { dropReason } from '../../drops.js';
import { copyMac } from '../../wire/ethernet.js';
import { NEIGHBOUR_ADVERTISEMENT, NEIGHBOUR_SOLICITATION, REDIRECT } from '../../wire/icmpv6.js';
import {
  ALL_NODES,
  DESTINATION_AT,
  isLinkLocal,
  isMulticast6,
  isUnspecified,
  SOURCE_AT,
  sameIpv6,
  solicitedNode,
} from '../../wire/ipv6.js';
import {
  findOption,
  NA_OVERRIDE,
  NA_ROUTER,
  NA_SOLICITED,
  NONCE,
  NONCE_BYTES,
  SOURCE_LINK_ADDRESS,
  TARGET_LINK_ADDRESS,
  walkOptions,
} from '../../wire/nd.js';
import { type OwnAddress, type OwnAddresses, TENTATIVE } from './addresses.js';
import type { Duplicates } from './duplicates.js';
import type { Link6 } from './link.js';
import type { Neighbour6 } from './neighbour.js';
import type { Neighbours6 } from './neighbours.js';
import type { Ipv6Output } from './output.js';
import type { OwnPackets } from './own-packets.js';
import type { Routers } from './routers.js';

const MALFORMED = dropReason('nd-malformed');
const SOURCE_INVALID = dropReason('nd-source-invalid');
const NOT_FOR_US = dropReason('nd-not-for-us');

const SOLICITATION_LENGTH = 24;
const REDIRECT_LENGTH = 40;
const LINK_OPTION = 8;

export interface DiscoveryEvents {
  /** Another host says that it has an address of ours that was found unique. */
  conflict(address: OwnAddress, mac: Uint8Array): void;
}

/** The parts that a message may concern. */
export interface DiscoveryParts {
  readonly addresses: OwnAddresses;
  readonly neighbours: Neighbours6;
  readonly routers: Routers;
  readonly duplicates: Duplicates;
  readonly output: Ipv6Output;
  readonly packets: OwnPackets;
}

export class Discovery {
  /** What is dealt with is a copy of what another program of this host answers. */
  copy = false;
  private readonly allNodes: number;

  constructor(
    private readonly link: Link6,
    private readonly parts: DiscoveryParts,
    private readonly events: DiscoveryEvents,
  ) {
    this.allNodes = link.peers.intern(ALL_NODES);
    link.peers.hold(this.allNodes);
  }

  /** A message of these kinds, `bytes[start..end)`, of the packet at `ip` of a frame; hop limit and code are right. */
  input(bytes: Uint8Array, ip: number, start: number, end: number, source: number): void {
    const type = bytes[start];
    const fixed = type === REDIRECT ? REDIRECT_LENGTH : SOLICITATION_LENGTH;
    if (end - start < fixed || !walkOptions(bytes, start + fixed, end, () => undefined)) {
      return this.link.drops.count(MALFORMED, bytes, ip, end);
    }
    if (type === NEIGHBOUR_SOLICITATION) this.solicitation(bytes, ip, start, end, source);
    else if (type === NEIGHBOUR_ADVERTISEMENT) this.advertisement(bytes, ip, start, end);
    else this.redirect(bytes, ip, start, end, source);
  }

  /** RFC 4861 7.1.1, 7.2.3. */
  private solicitation(bytes: Uint8Array, ip: number, start: number, end: number, source: number): void {
    const { link, parts } = this;
    const { drops, peers } = link;
    const target = start + 8;
    const nobody = isUnspecified(bytes, ip + SOURCE_AT);
    const macAt = linkOption(bytes, start + SOLICITATION_LENGTH, end, SOURCE_LINK_ADDRESS);
    if (isMulticast6(bytes, target) || macAt === undefined) return drops.count(MALFORMED, bytes, ip, end);
    if (nobody) {
      const group = solicitedNode(bytes, target);
      if (macAt >= 0 || !sameIpv6(bytes, ip + DESTINATION_AT, group)) return drops.count(MALFORMED, bytes, ip, end);
    }
    const handle = peers.find(bytes, target);
    const own = handle === 0 ? undefined : parts.addresses.get(handle);
    if (own === undefined || own.anycast) return drops.count(NOT_FOR_US, bytes, ip, end);
    const mac = bytes.slice(ip - 8, ip - 2);
    if (own.state === TENTATIVE) {
      drops.count(NOT_FOR_US, bytes, ip, end);
      if (!nobody) return;
      const nonce = findOption(bytes, start + SOLICITATION_LENGTH, end, NONCE);
      const whole = nonce >= 0 && bytes[nonce + 1] * 8 >= 2 + NONCE_BYTES;
      parts.duplicates.solicited(own, bytes, whole ? nonce + 2 : -1, mac);
      return;
    }
    if (nobody) {
      // RFC 4861 7.2.4: it goes to all nodes.
      this.advertise(own, this.allNodes, undefined, NA_OVERRIDE);
      return;
    }
    if (macAt >= 0) parts.neighbours.heard(source, bytes, macAt, link.now);
    this.advertise(own, source, macAt >= 0 ? bytes.slice(macAt, macAt + 6) : mac, NA_SOLICITED | NA_OVERRIDE);
  }

  /** Says that `own` is here, to `destination` at `mac`, or to its group. */
  private advertise(own: OwnAddress, destination: number, mac: Uint8Array | undefined, flags: number): void {
    if (this.copy) return;
    const { link, parts } = this;
    const length = SOLICITATION_LENGTH + LINK_OPTION;
    const at = parts.packets.begin(NEIGHBOUR_ADVERTISEMENT, length);
    const { head } = link.tx;
    head[at + 4] = flags;
    head.set(own.bytes, at + 8);
    this.linkOption(at + SOLICITATION_LENGTH, TARGET_LINK_ADDRESS);
    parts.packets.send(own.handle, destination, length, mac);
  }

  private linkOption(at: number, type: number): void {
    const { head } = this.link.tx;
    head[at] = type;
    head[at + 1] = 1;
    copyMac(head, at + 2, this.link.device.mac);
  }

  /** RFC 4861 7.2.6, RFC 9131: the link learns of an address before anything comes for it. */
  announce(own: OwnAddress): void {
    if (!own.anycast) this.advertise(own, this.allNodes, undefined, NA_OVERRIDE);
  }

  /** Asks for a neighbour: at `mac`, or through its group. */
  solicit(one: Neighbour6, mac: Uint8Array | undefined): void {
    const { link, parts } = this;
    const source = parts.addresses.sourceFor(one.address);
    // RFC 4861 7.2.2: without an address nothing can be asked.
    if (source === undefined) return;
    const length = SOLICITATION_LENGTH + LINK_OPTION;
    const at = parts.packets.begin(NEIGHBOUR_SOLICITATION, length);
    link.tx.head.set(one.address, at + 8);
    this.linkOption(at + SOLICITATION_LENGTH, SOURCE_LINK_ADDRESS);
    const destination = mac === undefined ? link.peers.intern(solicitedNode(one.address)) : one.handle;
    parts.packets.send(source.handle, destination, length, mac);
  }

  /** RFC 4861 7.1.2, 7.2.5. */
  private advertisement(bytes: Uint8Array, ip: number, start: number, end: number): void {
    const { link, parts } = this;
    const { drops, peers } = link;
    const flags = bytes[start + 4];
    const target = start + 8;
    const macAt = linkOption(bytes, start + SOLICITATION_LENGTH, end, TARGET_LINK_ADDRESS);
    const solicited = (flags & NA_SOLICITED) !== 0;
    const toGroup = isMulticast6(bytes, ip + DESTINATION_AT);
    if (isMulticast6(bytes, target) || macAt === undefined || (solicited && toGroup)) {
      return drops.count(MALFORMED, bytes, ip, end);
    }
    const handle = peers.find(bytes, target);
    const own = handle === 0 ? undefined : parts.addresses.get(handle);
    if (own !== undefined) {
      const mac = macAt >= 0 ? bytes.slice(macAt, macAt + 6) : bytes.slice(ip - 8, ip - 2);
      if (own.state === TENTATIVE) parts.duplicates.advertised(own, mac);
      else if (!own.anycast) this.events.conflict(own, mac);
      return;
    }
    if (handle === 0) return;
    const said = { router: (flags & NA_ROUTER) !== 0, solicited, override: (flags & NA_OVERRIDE) !== 0 };
    if (parts.neighbours.advertised(handle, bytes, macAt, said, link.now)) parts.routers.noRouter(handle);
  }

  /** RFC 4861 8.1, 8.3. */
  private redirect(bytes: Uint8Array, ip: number, start: number, end: number, source: number): void {
    const { link, parts } = this;
    const { drops, peers } = link;
    const target = start + 8;
    const destination = start + 24;
    const macAt = linkOption(bytes, start + REDIRECT_LENGTH, end, TARGET_LINK_ADDRESS);
    const itself = sameIpv6(bytes, target, bytes, destination);
    if (!isLinkLocal(bytes, ip + SOURCE_AT)) return drops.count(SOURCE_INVALID, bytes, ip, end);
    if (isMulticast6(bytes, destination) || macAt === undefined || (!itself && !isLinkLocal(bytes, target))) {
      return drops.count(MALFORMED, bytes, ip, end);
    }
    // A router's word counts for what goes through that router, and for what is in use alone.
    const to = peers.find(bytes, destination);
    if (to === 0 || !parts.output.leadsThrough(to, source)) return drops.count(SOURCE_INVALID, bytes, ip, end);
    const hop = peers.intern(bytes, target);
    if (hop === 0) return drops.count(SOURCE_INVALID, bytes, ip, end);
    if (macAt >= 0) {
      const neighbour = parts.neighbours.heard(hop, bytes, macAt, link.now);
      if (!itself) neighbour.router = true;
    }
    parts.output.redirect(to, hop);
  }
}

/**
 * Where the link-layer address of the first option of that type lies; -1: there is none; undefined: it is none of
 * Ethernet.
 */
function linkOption(bytes: Uint8Array, start: number, end: number, type: number): number | undefined {
  const at = findOption(bytes, start, end, type);
  if (at < 0) return -1;
  // A group address is the MAC address of no host (RFC 4861 leaves it open; a frame to a group would go to all of its
  // hosts).
  return bytes[at + 1] === 1 && (bytes[at + 2] & 1) === 0 ? at + 2 : undefined;
}
