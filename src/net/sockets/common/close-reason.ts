/** What a socket's error says of the end of its flow. */
import type { CloseReason, FlowHandler } from '../../flow.js';

/** The handler of a flow that has no owner yet. */
export const silent: FlowHandler = { data() {}, ended() {}, drained() {}, closed() {} };

/** Errors of a socket, and what became of its flow. */
const REASONS: Readonly<Record<string, CloseReason>> = {
  ECONNRESET: 'reset-by-peer',
  EPIPE: 'reset-by-peer',
  ECONNABORTED: 'reset-by-peer',
  ETIMEDOUT: 'timed-out',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  EHOSTDOWN: 'unreachable',
  ENETDOWN: 'address-lost',
  ECONNREFUSED: 'refused',
};

/** Why a flow is over whose socket failed with `code`. */
export function reasonOf(code: string | undefined): CloseReason {
  return REASONS[code ?? ''] ?? 'failed';
}
