/**
 * DNS over TCP (RFC 7766): messages after their lengths, several at a time. What one client can hold is bounded: a
 * message of 4 KiB, answers
 * up to a high-water mark, a time without a query, and connections, of one address and of all.
 */
import { Memory } from '../../memory/memory.js';
import { type DatagramAddress, datagramAddress } from '../../net/datagrams.js';
import type { Clock, CloseReason, Flow, FlowHandler, Timer } from '../../net/flow.js';
import { parseIp } from '../../net/ip-text.js';
import { HEADER, TCP_MAX } from '../wire/constants.js';
import { u16At } from '../wire/writer.js';
import type { Incoming, Responder } from './respond.js';
import type { DnsStats } from './stats.js';

export interface TcpLimits {
  /** Connections at one time. */
  readonly connections: number;
  /** Of one address. */
  readonly perClient: number;
  /** Milliseconds without a query after which a connection ends. */
  readonly idle: number;
}

export const DEFAULT_TCP_LIMITS: TcpLimits = { connections: 1024, perClient: 64, idle: 10_000 };

/** The longest query that is read. */
const MAX_QUERY = 4096;
/** Bytes of answers that wait before no more queries are read. */
const HIGH_WATER = 128 * 1024;

/** More messages of an answer, made when there is room for them. */
export interface LongAnswer {
  /** The next message with its length; undefined: that was the last. */
  next(): Memory | undefined;
}

/** What answers a query by several messages; undefined: one message is enough. */
export type BeginTransfer = (bytes: Uint8Array, start: number, end: number) => LongAnswer | undefined;

interface Connection {
  readonly flow: Flow;
  readonly client: DatagramAddress;
  readonly address: string;
  /** `held[0..kept)` came and was not answered: part of a message, or what waits until there is room. */
  held: Uint8Array;
  kept: number;
  long: LongAnswer | undefined;
  ended: boolean;
  /** It has had an answer. */
  asked: boolean;
  /** `end` was called for idleness; the next time it is reset. */
  closing: boolean;
  since: number;
}

const NOTHING = new Uint8Array(0);
/** Milliseconds that a connection without a query has at the end. */
const FIRST_QUERY = 1_000;

export class TcpSide implements FlowHandler {
  /** In the order of their last query. */
  private readonly connections = new Set<Connection>();
  private readonly ofClient = new Map<string, number>();
  private readonly buffer = new Uint8Array(2 + TCP_MAX);
  private readonly out = this.buffer.subarray(2);
  /** Used again for each message. */
  private readonly incoming: { -readonly [key in keyof Incoming]: Incoming[key] };
  private timer: Timer | undefined;
  private draining = false;
  private lastCall: Timer | undefined;

  constructor(
    private readonly responder: Responder,
    private readonly clock: Clock,
    private readonly stats: DnsStats,
    private readonly limits: TcpLimits,
    private readonly transfer: BeginTransfer,
  ) {
    this.incoming = { bytes: NOTHING, start: 0, end: 0, source: datagramAddress() };
  }

  get open(): number {
    return this.connections.size;
  }

  readonly accept = (flow: Flow): void => {
    const { address } = flow.remote;
    flow.handler = this;
    const own = this.ofClient.get(address) ?? 0;
    const bytes = parseIp(address.split('%')[0]!);
    if (own >= this.limits.perClient || bytes === undefined) {
      this.stats.tcpShed += 1;
      flow.context = undefined;
      flow.reset();
      return;
    }
    if (this.connections.size >= this.limits.connections) this.shedOldest();
    const client = datagramAddress();
    client.bytes.set(bytes);
    client.length = bytes.length as 4 | 16;
    client.port = flow.remote.port;
    const connection: Connection = {
      ...{ flow, client, address, held: NOTHING, kept: 0, long: undefined },
      ...{ ended: false, asked: false, closing: false, since: this.clock.now() },
    };
    flow.context = connection;
    flow.lowWater = HIGH_WATER / 2;
    this.connections.add(connection);
    this.ofClient.set(address, own + 1);
    this.stats.tcpAccepted += 1;
    this.arm();
  };

  data(flow: Flow, bytes: Uint8Array, start: number, end: number): void {
    const connection = flow.context as Connection | undefined;
    if (connection === undefined) return;
    const { kept } = connection;
    if (kept === 0) return this.take(connection, bytes, start, end);
    // A message that comes byte by byte is not copied for each of them.
    const length = kept + end - start;
    const joined = withRoom(connection.held, kept, length);
    joined.set(bytes.subarray(start, end), kept);
    connection.held = joined;
    connection.kept = 0;
    this.take(connection, joined, 0, length);
  }

  ended(flow: Flow): void {
    const connection = flow.context as Connection | undefined;
    if (connection === undefined) return flow.end();
    connection.ended = true;
    if (connection.long === undefined && !hasMessage(connection)) flow.end();
  }

  drained(flow: Flow): void {
    const connection = flow.context as Connection | undefined;
    if (connection === undefined || connection.closing) return;
    // A peer that takes what it asked for is not idle.
    this.used(connection);
    this.goOn(connection);
  }

  closed(flow: Flow, _reason: CloseReason): void {
    const connection = flow.context as Connection | undefined;
    if (connection === undefined || !this.connections.delete(connection)) return;
    const left = this.ofClient.get(connection.address)! - 1;
    if (left > 0) this.ofClient.set(connection.address, left);
    else this.ofClient.delete(connection.address);
    if (this.connections.size === 0) {
      this.timer?.cancel();
      this.timer = undefined;
      this.lastCall?.cancel();
    }
  }

  /**
   * Ends what is open, each after the answers that are on their way. A client that has just come, and whose query is on
   * its way, has its answer first.
   */
  drain(): void {
    this.draining = true;
    for (const connection of [...this.connections]) if (connection.asked) this.finish(connection);
    if (this.connections.size === 0) return;
    this.lastCall = this.clock.schedule(FIRST_QUERY, () => {
      for (const connection of [...this.connections]) this.finish(connection);
    });
  }

  /** Unless a long answer is under way, which ends it. */
  private finish(connection: Connection): void {
    if (connection.long !== undefined || connection.closing) return;
    connection.closing = true;
    connection.flow.end();
    connection.flow.flush();
  }

  /** Answers the whole messages in `bytes[start..end)`, and keeps the rest. */
  private take(connection: Connection, bytes: Uint8Array, start: number, end: number): void {
    const { flow } = connection;
    let at = start;
    while (connection.long === undefined && end - at >= 2 && flow.queued <= HIGH_WATER) {
      const length = u16At(bytes, at);
      if (length > MAX_QUERY) return flow.reset();
      if (length < HEADER) {
        // It has no identifier to answer by. Other servers close, too: nothing sensible follows.
        connection.closing = true;
        return flow.end();
      }
      if (end - at < 2 + length) break;
      this.used(connection);
      this.answer(connection, bytes, at + 2, at + 2 + length);
      at += 2 + length;
    }
    this.keep(connection, bytes, at, end);
    if (connection.long !== undefined || flow.queued > HIGH_WATER) flow.pause();
    else if (this.draining && connection.asked && !hasMessage(connection)) this.finish(connection);
  }

  /** `bytes` may be what is held already. */
  private keep(connection: Connection, bytes: Uint8Array, start: number, end: number): void {
    connection.kept = end - start;
    if (start === end) connection.held = NOTHING;
    else if (bytes !== connection.held) connection.held = bytes.slice(start, end);
    else if (start > 0) bytes.copyWithin(0, start, end);
  }

  private answer(connection: Connection, bytes: Uint8Array, start: number, end: number): void {
    const { flow, client } = connection;
    connection.asked = true;
    connection.long = this.transfer(bytes, start, end);
    if (connection.long !== undefined) return this.more(connection);
    const { incoming } = this;
    incoming.bytes = bytes;
    incoming.start = start;
    incoming.end = end;
    incoming.source = client;
    const length = this.responder.tcp(incoming, this.out, Math.floor(this.limits.idle / 100));
    if (length === 0) return;
    this.buffer[0] = length >>> 8;
    this.buffer[1] = length;
    flow.write(new Memory(this.buffer.slice(0, 2 + length)), 0, 2 + length);
  }

  /** Messages of a long answer, while there is room. */
  private more(connection: Connection): void {
    const { flow } = connection;
    while (connection.long !== undefined && flow.queued <= HIGH_WATER) {
      const memory = connection.long.next();
      if (memory === undefined) connection.long = undefined;
      else {
        this.stats.bytesOut += memory.bytes.length;
        flow.write(memory, 0, memory.bytes.length);
      }
    }
  }

  private goOn(connection: Connection): void {
    const { flow, held, kept } = connection;
    this.more(connection);
    if (connection.long !== undefined) return;
    connection.kept = 0;
    this.take(connection, held, 0, kept);
    if (connection.long !== undefined || flow.queued > HIGH_WATER || connection.closing) return;
    if (connection.ended) flow.end();
    else flow.resume();
  }

  // Time and number

  private used(connection: Connection): void {
    connection.since = this.clock.now();
    this.connections.delete(connection);
    this.connections.add(connection);
  }

  private arm(): void {
    if (this.timer !== undefined) return;
    const [oldest] = this.connections;
    if (oldest === undefined) return;
    const left = Math.max(0, oldest.since + this.limits.idle - this.clock.now());
    this.timer = this.clock.schedule(left, () => {
      this.timer = undefined;
      this.endIdle();
      this.arm();
    });
  }

  private endIdle(): void {
    const before = this.clock.now() - this.limits.idle;
    const idle: Connection[] = [];
    for (const connection of this.connections) {
      if (connection.since > before) break;
      idle.push(connection);
    }
    for (const connection of idle) {
      const { flow, closing } = connection;
      if (closing || flow.queued > 0) {
        flow.reset();
        continue;
      }
      connection.closing = true;
      this.used(connection);
      flow.end();
      flow.flush();
    }
  }

  /** RFC 7766 6.2.3: where there is no room left, the one that has been idle longest goes. */
  private shedOldest(): void {
    const [oldest] = this.connections;
    this.stats.tcpShed += 1;
    oldest?.flow.reset();
  }
}

function hasMessage({ held, kept }: Connection): boolean {
  return kept >= 2 && kept >= 2 + u16At(held, 0);
}

/** `bytes` with room for `length`: itself, or a larger one that has `bytes[0..used)`. */
function withRoom(bytes: Uint8Array, used: number, length: number): Uint8Array {
  if (length <= bytes.length) return bytes;
  const larger = new Uint8Array(Math.max(length, Math.min(2 * bytes.length, 2 + MAX_QUERY)));
  larger.set(bytes.subarray(0, used));
  return larger;
}
