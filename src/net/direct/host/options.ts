/** The options of a network on our own stack. */
import type { Memories } from '../../../memory/memories.js';
import type { OnFault } from '../../containment.js';
import type { PacketOptions } from '../../device/linux/packet-open.js';
import type { TapDeviceOptions } from '../../device/linux/tap.js';
import type { Faults } from '../../device/wrap/faults.js';
import type { DropWatcher } from '../../drops.js';
import type { CongestionName } from '../../tcp/congestion/index.js';
import type { StaticAddress } from '../address/addressing.js';
import type { Ipv6Text } from '../address/ipv6-mode.js';
import type { WorkerOptions } from '../workers/worker.js';

export interface DirectOptions {
  /** What carries the frames: a TAP, or a network card that the kernel leaves to us. */
  readonly device: ({ readonly kind: 'tap' } & TapDeviceOptions) | ({ readonly kind: 'card' } & PacketOptions);
  /** Undefined: DHCP. Text forms, checked before. */
  readonly static?: StaticAddress | undefined;
  /** IPv4 addresses that are served and never announced. */
  readonly anycast?: readonly string[] | undefined;
  /** No IPv4. */
  readonly noIpv4?: boolean | undefined;
  /** IPv6, with addresses given by hand or had from the network; undefined: none. Text forms, checked before. */
  readonly ipv6?: Omit<Ipv6Text, 'secret'> | undefined;
  /** DHCP: the host name to send to the server. */
  readonly hostname?: string | undefined;
  /** The folder where the lease, and the secret of IPv6 addresses, are remembered; undefined: nowhere. */
  readonly state?: string | undefined;
  readonly congestion?: CongestionName | undefined;
  /** Bytes that TCP may keep for all connections; by default a share of what the machine has (`memory-budget.ts`). */
  readonly memory?: number | undefined;
  /** Looks before the loop sleeps; what suits the machine by default. */
  readonly spin?: number | undefined;
  /**
   * `watched`: libuv waits for the device too, for a process that does other things beside. Default `polling`, for one
   * that is a server and little else.
   */
  readonly loop?: 'polling' | 'watched' | undefined;
  /** A capture file. */
  readonly pcap?: string | undefined;
  /** A recording that can be played again, and the bytes that it may take. */
  readonly record?: { readonly file: string; readonly bytes: number; readonly version: string } | undefined;
  /** For development: what the link does to frames. The device is to be opened without offloads then. */
  readonly faults?: Faults | undefined;
  /** Something that the operator should know: one message. */
  readonly onNotice?: ((sentence: string) => void) | undefined;
  /** An event that is in order: an address came, is renewed, goes. */
  readonly onEvent?: ((sentence: string) => void) | undefined;
  /** The network is at its end: the device is gone. One message. */
  readonly onFailure?: ((sentence: string) => void) | undefined;
  readonly onDrop?: DropWatcher | undefined;
  /**
   * Exceptions in the stack, and in handlers and timers of its flows: each ended a frame, a connection or a timer, and
   * the network goes on. Without it they are thrown.
   */
  readonly onFault?: OnFault | undefined;
  /** Takes no frame and sends none before `begin()` or `takeOver()`. */
  readonly held?: boolean | undefined;
  /**
   * Memories that other programs can open: connections whose answers lie in there move to a successor. Undefined: none
   * are taken over.
   */
  readonly memories?: Memories | undefined;
  /** A successor has the traffic for good. */
  readonly onGiven?: (() => void) | undefined;
  /** One of several on the same TAP, of which this one has a queue. */
  readonly worker?: WorkerOptions | undefined;
}
