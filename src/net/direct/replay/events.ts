/**
 * What goes into a stack, as a list of events: frames, turns, numbers drawn, and what owners asked of connections. In
 * order, they are all that a stack's state depends on; so a stack that is given them again does the same again.
 *
 * An event is its kind (one byte, never 0) and fixed fields, little-endian. Events lie in segments, each of which can
 * be read without the others; a 0 in the place of a kind ends a segment.
 */

import type { StaticAddress } from '../address/addressing.js';
import type { Ipv6Text } from '../address/ipv6-mode.js';
import type { Ipv6State } from '../address/ipv6-state.js';

/** time f64, marks u8, length u32, bytes: a frame came. */
export const FRAME = 1;
/** time f64: the batch was through; everything that was due was done; only the stack did what was due to it. */
export const FLUSH = 2;
export const POLL = 3;
export const POLL_STACK = 4;
/** time f64: an owner asked for something while no turn ran. */
export const OUTSIDE = 5;
/** time f64: the way to an address began; it ended. */
export const START = 6;
export const STOP = 7;
/** value i32: a random number. */
export const RANDOM = 8;
/** The device refused the frame that was just sent. */
export const REFUSED = 9;
/** flow u32, number u32: in that callback, of all that its owner got, it asked for what follows until DONE. */
export const CALLBACK = 10;
export const DONE = 11;
/** A timer's turn: owners asked for what follows until DONE. */
export const ENTRY = 12;
/** port u16: listens there; does not any more. */
export const LISTEN = 13;
export const UNLISTEN = 14;
/**
 * flow u32, memory u32, start u32, end u32, and what is known of the bytes: u8 (0 before, 1 here they are, 2 they are
 * not kept).
 */
export const WRITE = 15;
/** flow u32 */
export const FLUSH_FLOW = 16;
export const END = 17;
export const RESET = 18;
export const PAUSE = 19;
export const RESUME = 20;
/** flow u32, bytes u32 */
export const LOW_WATER = 21;
/** All connections were reset. */
export const ABORT_ALL = 22;
/** frames u32, digest 2 u32: the number of frames that were sent, and the digest of their headers. */
export const MARK = 23;
/** frames u32, digest 2 u32, digest of the state 2 u32, time f64: where the recording ended in order. */
export const FINISH = 24;
/** lease i32, known u8: the address that was remembered. */
export const REMEMBERED = 25;
/** length u32, bytes (JSON of `Beginning`): what a segment that follows another begins with. */
export const STATE = 26;
/** time f64: the link came up. */
export const LINK_UP = 27;
/** time f64, milliseconds f64: the machine slept. */
export const SLEPT = 28;
/** time f64, bytes u32: the link has another MTU. */
export const RESIZED = 29;

/** Bytes of one write that are kept; of longer ones only the length is. */
export const CONTENT_MOST = 64 * 1024;

/** The configuration, which stands before everything else, as JSON. */
export interface RecordedConfig {
  readonly version: string;
  readonly mac: string;
  readonly mtu: number;
  readonly checksum: boolean;
  readonly segmentation: number;
  /** Text forms; undefined: DHCP. */
  readonly static: StaticAddress | undefined;
  readonly anycast?: readonly string[] | undefined;
  /** No IPv4; undefined: a recording of a program that knew nothing else. */
  readonly noIpv4?: boolean | undefined;
  /** Text forms; undefined: no IPv6. */
  readonly ipv6?: Ipv6Text | undefined;
  readonly hostname: string | undefined;
  readonly congestion: string;
  /** Bytes that TCP may keep; undefined in recordings of programs that had one figure for all machines. */
  readonly memory?: number | undefined;
  /** ms since 1970 when the stack's clock showed `clock`. */
  readonly wallClock: number;
  readonly clock: number;
}

/**
 * What a replay has to know that begins in the middle: enough that connections which begin after it do as recorded.
 * Those that were open are not in it.
 */
export interface Beginning {
  readonly now: number;
  readonly address:
    | { readonly address: number; readonly prefix: number; readonly gateway?: number | undefined }
    | undefined;
  /** Address, MAC and the ms when it was last heard of. */
  readonly neighbours: readonly (readonly [number, readonly number[], number])[];
  /** The keys of the keyed hash: initial sequence numbers, timestamps and ports depend on them. */
  readonly keys: readonly [number, number];
  /** What it has of IPv6, and the keys of its flow labels; undefined: nothing, or a recording of a program before. */
  readonly ipv6?: { readonly state: Ipv6State; readonly labels: readonly [number, number] } | undefined;
  readonly listening: readonly number[];
  /** Connections that were accepted before. */
  readonly accepted: number;
}
