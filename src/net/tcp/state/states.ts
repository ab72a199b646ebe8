/**
 * The states of RFC 9293 3.3.2 that a connection record can be in; LISTEN, SYN queue and TIME-WAIT are records of their
 * own.
 */
export const SYN_SENT = 0;
export const SYN_RECEIVED = 1;
export const ESTABLISHED = 2;
export const FIN_WAIT_1 = 3;
export const FIN_WAIT_2 = 4;
export const CLOSING = 5;
export const CLOSE_WAIT = 6;
export const LAST_ACK = 7;
export const CLOSED = 8;

export const STATE_NAMES = [
  'SYN-SENT',
  'SYN-RECEIVED',
  'ESTABLISHED',
  'FIN-WAIT-1',
  'FIN-WAIT-2',
  'CLOSING',
  'CLOSE-WAIT',
  'LAST-ACK',
  'CLOSED',
] as const;
