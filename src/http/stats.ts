import type { Flow, FlowInfo } from '../net/flow.js';
import { STATE, type State } from './connection.js';

/** What a server has done and is doing. Counters begin at its start. */
export interface HttpStats {
  /** Answers by status. */
  readonly answers: ReadonlyMap<number, number>;
  /** Bytes of content, without heads. */
  readonly contentBytes: number;
  readonly accepted: number;
  /** Connections that came when a cap was reached. */
  readonly refused: number;
  /** HTTP/2 connections that were ended because they had the server work in vain, by the budget that they exceeded. */
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

/** One that reads without anything begun is idle, or the peer is still taking its last answer. */
export function doing(state: State, heldBytes: number, flow: Flow): ConnectionState {
  if (state === STATE.reading) return heldBytes > 0 ? 'reading' : flow.queued > 0 ? 'sending' : 'idle';
  return state === STATE.body ? 'content' : state === STATE.stalled ? 'stalled' : 'closing';
}
