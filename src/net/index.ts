/**
 * `sitekernel/net`: the stack as a library. It reads no clock, draws no random number by itself, needs no native code
 * and runs in a browser. `StackHost` drives a stack on a device and a clock; `virtualNet` makes a network of them in
 * virtual time.
 */
export { Memory } from '../memory/memory.js';
export type { Carrier, FindMemory, MemoryRange, Piece } from '../memory/pieces.js';
export { ConnectError } from './connect-error.js';
export type { FaultPlace, OnFault } from './containment.js';
export type { Device, FrameSink, Offload } from './device/device.js';
export { type MemoryDevice, type MemoryLinkOptions, memoryLink } from './device/memory/memory-link.js';
export { TxFrame } from './device/tx-frame.js';
export type { Faults } from './device/wrap/faults.js';
export { DhcpClient } from './dhcp/client.js';
export type { Lease, LeaseMemory } from './dhcp/lease.js';
export type { DhcpOptions, DhcpState } from './dhcp/options.js';
export { DROP_NAMES, type DropName, type DropReason, Drops, type DropWatcher } from './drops.js';
export type {
  Accept,
  Adopt,
  Clock,
  CloseReason,
  Endpoint,
  Flow,
  FlowHandler,
  FlowInfo,
  FlowSecurity,
  Listener,
  Network,
  Timer,
  Trouble,
} from './flow.js';
export { type Companion, type DriverOptions, type HostClock, StackDriver } from './host/driver.js';
export { SeededRandom } from './host/seeded-random.js';
export { type HostAddress, StackHost, type StackHostOptions } from './host/stack-host.js';
export type { DatagramHandler, UdpSocket } from './host/udp-socket.js';
export { type VirtualHostOptions, VirtualNet, virtualNet } from './host/virtual-net.js';
export { VirtualTime } from './host/virtual-time.js';
export type { AddressConfig, StaticRoute } from './ip/address-config.js';
export type { IpOutput, Ipv4, Route } from './ip/contracts/ip-output.js';
export type { Transport } from './ip/contracts/transport.js';
export { Stack, type StackOptions } from './ip/stack.js';
export type { DatagramOptions, UdpPort } from './ip/udp.js';
export type { Probe, ProbeEvent } from './probe.js';
export type { Random } from './random.js';
export type { CongestionControl, RateSample, SenderView } from './tcp/congestion/controller.js';
export { type CongestionName, congestionByName } from './tcp/congestion/index.js';
export { Connection, TcpLayer, type TcpLimits, type TcpOptions } from './tcp/index.js';
export { formatIpv4, parseIpv4 } from './wire/address.js';
