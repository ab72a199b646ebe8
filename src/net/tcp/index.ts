/** TCP (RFC 9293 and what it gathers) as a transport that a stack hosts. */
export type { CongestionControl, RateSample, SenderView } from './congestion/controller.js';
export { TcpLayer, type TcpOptions } from './layer.js';
export { Connection } from './state/connection.js';
export { DEFAULT_LIMITS, type TcpLimits } from './state/limits.js';
