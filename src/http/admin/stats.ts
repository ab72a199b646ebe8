import type { Flow, FlowInfo } from '../../net/flow.js';
import { type Connection, STATE, type State } from '../connection/connection.js';

/** What a server has done and is doing. Counters begin at its start. */
export interface HttpStats {
  /** Answers by status. */
  readonly answers: ReadonlyMap<number, number>;
  /** Bytes of content, without heads. */
  readonly contentBytes: number;
  readonly accepted: number;
  /** Connections that came when a cap was reached. */
  readonly refused: number;
  /** Exceptions, each of which ended one flow. */
  readonly faults: number;
  /** HTTP/2 connections that the server ended for useless work that they caused, by the budget that they exceeded. */
  readonly budgets: Readonly<Record<string, number>>;
  /** Connections that are open, by what they are doing. */
  readonly connections: Readonly<Record<ConnectionState, number>>;
}

export type ConnectionState = 'idle' | 'sending' | 'reading' | 'content' | 'stalled' | 'closing';

/** One open connection, for a table. */
export interface ConnectionStats extends FlowInfo {
  readonly address: string;
  readonly port: number;
  /** What HTTP is doing with it; `state` is TCP's. */
  readonly doing: ConnectionState;
  readonly requests: number;
  /** Bytes of answers that the peer has not taken. */
  readonly queued: number;
}

/** `answers`: how many, by status. `waiting`: every open connection. */
export function statsOf(
  answers: ArrayLike<number>,
  contentBytes: number,
  counts: Pick<HttpStats, 'accepted' | 'refused' | 'faults' | 'budgets'>,
  waiting: Iterable<Connection>,
): HttpStats {
  const byStatus = new Map<number, number>();
  for (let status = 0; status < answers.length; status++) {
    if (answers[status]! > 0) byStatus.set(status, answers[status]!);
  }
  const connections = { idle: 0, sending: 0, reading: 0, content: 0, stalled: 0, closing: 0 };
  for (const c of waiting) connections[doing(c.state, c.heldBytes, c.flow)]++;
  return { ...counts, answers: byStatus, contentBytes, connections };
}

/** A row for each of the first `limit` connections. */
export function rowsOf(waiting: Iterable<Connection>, limit: number): ConnectionStats[] {
  const rows: ConnectionStats[] = [];
  for (const { flow, state, heldBytes, requests } of waiting) {
    if (rows.length >= limit) break;
    const { address, port } = flow.remote;
    rows.push({ ...flow.info(), address, port, doing: doing(state, heldBytes, flow), requests, queued: flow.queued });
  }
  return rows;
}

/** The sums of several servers: what they have done and are doing. */
export function sumOfStats(all: readonly HttpStats[]): HttpStats {
  const answers = new Map<number, number>();
  const connections = { idle: 0, sending: 0, reading: 0, content: 0, stalled: 0, closing: 0 };
  const budgets: Record<string, number> = {};
  let [contentBytes, accepted, refused, faults] = [0, 0, 0, 0];
  for (const one of all) {
    for (const [status, count] of one.answers) answers.set(status, (answers.get(status) ?? 0) + count);
    contentBytes += one.contentBytes;
    accepted += one.accepted;
    refused += one.refused;
    faults += one.faults;
    for (const [name, count] of Object.entries(one.budgets)) budgets[name] = (budgets[name] ?? 0) + count;
    for (const state of Object.keys(connections) as ConnectionState[]) connections[state] += one.connections[state];
  }
  return { answers, contentBytes, accepted, refused, faults, budgets, connections };
}

/** A connection that reads and has begun no request is idle, or its peer is still taking the last answer. */
function doing(state: State, heldBytes: number, flow: Flow): ConnectionState {
  if (state === STATE.reading) return heldBytes > 0 ? 'reading' : flow.queued > 0 ? 'sending' : 'idle';
  return state === STATE.body ? 'content' : state === STATE.stalled ? 'stalled' : 'closing';
}
