/** The stack of a host and its way to an address: made the same way for the wire and for a replay. */
import { Containment } from '../../containment.js';
import type { Device } from '../../device/device.js';
import type { LeaseMemory } from '../../dhcp/lease.js';
import type { Drops } from '../../drops.js';
import { Stack } from '../../ip/stack.js';
import type { Random } from '../../random.js';
import { type CongestionName, congestionByName } from '../../tcp/congestion/index.js';
import { TcpLayer } from '../../tcp/index.js';
import { DEFAULT_LIMITS } from '../../tcp/state/limits.js';
import { parseIpv4 } from '../../wire/address.js';
import type { AddressEvents, AddressMode } from '../address/address-mode.js';
import type { Addressing } from '../address/addressing.js';
import { DhcpMode } from '../address/dhcp-mode.js';
import { DualMode } from '../address/dual-mode.js';
import { GatewayWatch } from '../address/gateway-watch.js';
import { Ipv6Mode } from '../address/ipv6-mode.js';
import { StaticMode } from '../address/static-mode.js';

export interface StackParts {
  readonly device: Device;
  readonly random: Random;
  readonly drops: Drops;
  readonly congestion: CongestionName;
  /** Bytes that TCP may keep. */
  readonly memory?: number | undefined;
  /** Where exceptions go. */
  readonly faults?: Containment | undefined;
}

export function buildStack(parts: StackParts): { stack: Stack; tcp: TcpLayer } {
  const { device, random, drops, congestion, memory = DEFAULT_LIMITS.memory, faults = new Containment() } = parts;
  const stack = new Stack({ device, random, drops, faults });
  const made = congestionByName(congestion);
  const tcp = new TcpLayer({ ip: stack, random, drops, faults, congestion: made, limits: { memory } });
  stack.host(tcp);
  return { stack, tcp };
}

export function buildMode(
  stack: Stack,
  addressing: Addressing,
  memory: LeaseMemory | undefined,
  events: AddressEvents,
): AddressMode {
  const { ipv6, noIpv4, anycast = [] } = addressing;
  const gateways = new GatewayWatch(stack, addressing, (sentence) => events.notice(sentence));
  const watched: AddressEvents = {
    ...events,
    address: (text, further) => {
      gateways.changed();
      events.address(text, further);
    },
    addresses6: (texts, settled) => {
      gateways.changed();
      events.addresses6(texts, settled);
    },
  };
  const ipv4 = noIpv4 === true ? undefined : ipv4Mode(stack, addressing, memory, watched);
  return new DualMode({ ipv4, ipv6: ipv6 && new Ipv6Mode(stack, ipv6, watched), gateways }, (now) => {
    for (const one of anycast) stack.addAddress({ address: parseIpv4(one)!, prefix: 32, anycast: true }, now);
  });
}

function ipv4Mode(
  stack: Stack,
  { static: given, hostname }: Addressing,
  memory: LeaseMemory | undefined,
  events: AddressEvents,
): AddressMode {
  if (given === undefined) return new DhcpMode(stack, hostname, memory, events);
  const address = parseIpv4(given.address)!;
  const gateway = given.gateway === undefined ? undefined : parseIpv4(given.gateway);
  const further = (given.further ?? []).map((one) => ({
    address: parseIpv4(one.address)!,
    prefix: one.prefix,
    anycast: false,
  }));
  return new StaticMode(stack, { address, prefix: given.prefix, gateway }, further, events);
}
