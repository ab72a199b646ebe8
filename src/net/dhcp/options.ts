/** What a DHCP client is made with, and the states that it can be in. */
import type { Stack } from '../ip/stack.js';
import type { Lease, LeaseMemory } from './lease.js';

/** RFC 2131 figure 5; CHECKING: whether another host has the address (RFC 5227); STOPPED: by its owner. */
export type DhcpState =
  | 'INIT'
  | 'INIT-REBOOT'
  | 'SELECTING'
  | 'REQUESTING'
  | 'REBOOTING'
  | 'CHECKING'
  | 'BOUND'
  | 'RENEWING'
  | 'REBINDING'
  | 'STOPPED';

export interface DhcpOptions {
  readonly stack: Stack;
  readonly hostname?: string | undefined;
  readonly memory?: LeaseMemory | undefined;
  /** The address was learnt, changed, or lost (undefined). The stack is configured before it is called. */
  readonly onLease?: (lease: Lease | undefined) => void;
  /** What happens, in words for a log. */
  readonly onEvent?: (sentence: string) => void;
  /** What the operator should know of: no server, a refusal, a conflict, an expired lease. Default: `onEvent`. */
  readonly onTrouble?: (sentence: string) => void;
  /** How a new address is probed (RFC 5227): how often, ms apart. */
  readonly probes?: number;
  readonly probeInterval?: number;
}
