/** The stack of a host and its way to an address: made the same way for the wire and for a replay. */
import type { Device } from '../../device/device.js';
import type { LeaseMemory } from '../../dhcp/lease.js';
import type { Drops } from '../../drops.js';
import { Stack } from '../../ip/stack.js';
import type { Random } from '../../ip/transport.js';
import { type CongestionName, congestionByName } from '../../tcp/congestion/index.js';
import { TcpLayer } from '../../tcp/index.js';
import { DEFAULT_LIMITS } from '../../tcp/state/limits.js';
import { parseIpv4 } from '../../wire/address.js';
import type { AddressEvents, AddressMode } from '../address/address-mode.js';
import { DhcpMode } from '../address/dhcp-mode.js';
import { StaticMode } from '../address/static-mode.js';

export interface StaticText {
  readonly address: string;
  readonly prefix: number;
  readonly gateway?: string | undefined;
}

/** `memory`: bytes that TCP may keep. */
export function buildStack(
  device: Device,
  random: Random,
  drops: Drops,
  congestion: CongestionName,
  memory: number = DEFAULT_LIMITS.memory,
): { stack: Stack; tcp: TcpLayer } {
  const stack = new Stack({ device, random, drops });
  const tcp = new TcpLayer({ ip: stack, random, drops, congestion: congestionByName(congestion), limits: { memory } });
  stack.host(tcp);
  return { stack, tcp };
}

/** `given`: text forms, checked before; undefined: DHCP. */
export function buildMode(
  stack: Stack,
  given: StaticText | undefined,
  hostname: string | undefined,
  memory: LeaseMemory | undefined,
  events: AddressEvents,
): AddressMode {
  if (given === undefined) return new DhcpMode(stack, hostname, memory, events);
  const address = parseIpv4(given.address)!;
  const gateway = given.gateway === undefined ? undefined : parseIpv4(given.gateway);
  return new StaticMode(stack, { address, prefix: given.prefix, gateway }, events);
}
