/** TCP (RFC 9293 and what it gathers) as a transport that a stack hosts. */
export type { CongestionControl, RateSample, SenderView } from './congestion/controller.js';
export { Connection } from './connection/connection.js';
export { TcpLayer, type TcpOptions } from './layer.js';
export { DEFAULT_LIMITS, type TcpLimits } from './limits.js';
