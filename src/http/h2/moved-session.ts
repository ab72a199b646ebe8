/**
 * HTTP/2 connections that go to another program, or come from one. A quiet connection is plain JSON; another one also
 * has its streams under way (`moved-streams.ts`).
 */

import type { Carrier, FindMemory } from '../../memory/pieces.js';
import type { Connection, Unfinished } from '../connection/connection.js';
import type { HpackDecoder } from '../hpack/decoder.js';
import { type DynamicTable, TABLE_SIZE } from '../hpack/dynamic-table.js';
import { latin1 } from '../parse/octets.js';
import { MAX_WINDOW, PREFACE } from './frames.js';
import { type MovedStreams, movedStreams, restoreStreams } from './moved-streams.js';
import type { RequestHead } from './request-head.js';
import { LEAVING, Session } from './session.js';

/** The state of a session. Octets and numbers of streams are whole numbers. */
export interface MovedSession {
  readonly lastStream: number;
  readonly unreturned: number;
  readonly window: number;
  readonly firstWindow: number;
  readonly saysTableSize: boolean;
  readonly tableSaid: boolean;
  /** The size limit of the table, and its fields, the oldest first: names and values in turn, Latin-1. */
  readonly tableLimit: number;
  readonly table: readonly string[];
  /** Streams that were reset, by us and by the peer; gaps in the numbers; priorities of streams to come. */
  readonly resetByUs: readonly number[];
  readonly resetByPeer: readonly number[];
  readonly gaps: readonly number[];
  readonly priorities?: readonly number[];
  /** Undefined: nothing is under way. */
  readonly underWay?: MovedStreams | undefined;
}

/** Undefined: the session stays for now. Without a `carrier` a session with streams under way stays. */
export function movedSession(session: Session, carrier: Carrier | undefined): MovedSession | undefined {
  // A session that ends soon ends in this program.
  if (session.over || session.leaving !== LEAVING.no) return undefined;
  if (!session.quiet && carrier === undefined) return undefined;
  const underWay = session.quiet ? undefined : movedStreams(session, carrier!);
  if (!session.quiet && underWay === undefined) return undefined;
  const { lastStream, unreturned, window, firstWindow, saysTableSize, tableSaid, table } = session;
  return {
    ...{ lastStream, unreturned, window, firstWindow, saysTableSize, tableSaid },
    ...{ tableLimit: table.limit, table: fieldsOf(table), ...session.memories, underWay },
  };
}

function fieldsOf(table: DynamicTable): string[] {
  const fields: string[] = [];
  for (let i = table.count - 1; i >= 0; i--) {
    const start = table.start(i);
    const valueStart = start + table.nameLength(i);
    fields.push(latin1(table.bytes, start, valueStart));
    fields.push(latin1(table.bytes, valueStart, valueStart + table.valueLength(i)));
  }
  return fields;
}

/** The reader of fields: the record of another program is no more trusted than a peer. */
export interface FieldReader {
  readonly head: RequestHead;
  readonly hpack: HpackDecoder;
}

/** The session that another program described. Undefined: the description is not valid. */
export function sessionFrom(
  c: Connection,
  unfinished: Unfinished,
  said: unknown,
  { head, hpack }: FieldReader,
  find: FindMemory,
): Session | undefined {
  if (typeof said !== 'object' || said === null) return undefined;
  const one = said as MovedSession;
  const counts = [one.lastStream, one.unreturned, one.firstWindow, one.tableLimit];
  if (!counts.every((count) => Number.isInteger(count) && count >= 0 && count <= MAX_WINDOW)) return undefined;
  // The window of the connection is never below zero: only a change of SETTINGS shrinks windows, and it applies to
  // streams.
  if (!Number.isInteger(one.window) || one.window < 0 || one.window > MAX_WINDOW || one.tableLimit > TABLE_SIZE)
    return undefined;
  const lists = [one.resetByUs, one.resetByPeer, one.gaps, one.priorities ?? []];
  if (!lists.every((list) => Array.isArray(list) && list.length <= 256 && list.every(Number.isInteger)))
    return undefined;
  const { table } = one;
  if (!Array.isArray(table) || table.length % 2 !== 0 || table.length > 2 * (TABLE_SIZE / 32)) return undefined;
  if (!table.every((text) => typeof text === 'string' && text.length <= TABLE_SIZE)) return undefined;
  const session = new Session(c, unfinished);
  session.preface = PREFACE.length;
  session.greeted = session.welcomed = true;
  session.lastStream = one.lastStream;
  session.unreturned = one.unreturned;
  session.window = one.window;
  session.firstWindow = one.firstWindow;
  session.saysTableSize = one.saysTableSize === true;
  session.tableSaid = one.tableSaid === true;
  session.table.resize(one.tableLimit);
  session.remember(one);
  for (let i = 0; i < table.length; i += 2) {
    const block = literal(table[i], table[i + 1]);
    head.begin();
    if (!hpack.decode(session.table, block, 0, block.length, head)) return undefined;
  }
  if (one.underWay !== undefined && !restoreStreams(session, one.underWay, find)) return undefined;
  return session;
}

/**
 * A literal that is put into the table (RFC 7541 6.2.1). The lengths have fourteen bits here, more than a table holds.
 */
function literal(name: string, value: string): Uint8Array {
  const out = [0x40];
  for (const text of [name, value]) {
    if (text.length < 127) out.push(text.length);
    else {
      const rest = text.length - 127;
      out.push(127, (rest & 127) | 128, rest >> 7);
    }
    for (let i = 0; i < text.length; i++) out.push(text.charCodeAt(i));
  }
  return Uint8Array.from(out);
}
