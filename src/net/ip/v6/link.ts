/** What the parts of the IPv6 layer have below them: the host that sends frames, and its table of peers. */
import type { Device } from '../../device/device.js';
import type { TxFrame } from '../../device/tx-frame.js';
import type { Drops } from '../../drops.js';
import type { Random } from '../../random.js';
import type { PeerTable } from './peer-table.js';

export interface Link6 {
  readonly device: Device;
  readonly tx: TxFrame;
  readonly drops: Drops;
  readonly random: Random;
  readonly peers: PeerTable;
  /** The `now` of the entry that runs. */
  readonly now: number;
  /** Ethernet header of what `tx` holds, then out. False: the device did not take it. */
  transmit(mac: Uint8Array, type: number): boolean;
}

/** A packet that came, `bytes[ip..end)` from its IPv6 header on. */
export interface Packet6 {
  readonly bytes: Uint8Array;
  readonly ip: number;
  readonly end: number;
  /** Its frame came to a group. */
  readonly group: boolean;
  /** It came in pieces. */
  readonly fragmented: boolean;
}

/** Bits that the peer table keeps with our own addresses and groups. */
export const OURS = 1;
export const GROUP = 2;
