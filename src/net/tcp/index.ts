/** TCP (RFC 9293 and what it gathers) as a transport that a stack hosts. */

export { TcpLayer, type TcpOptions } from './layer.js';
export { Connection } from './state/connection.js';
export type { TcpLimits } from './state/limits.js';
