/** The HTTP server: give it a store and a clock, and its `accept` to any `Network`. */
export type { AccessRecord } from './access.js';
export { type AccessLogFormat, accessLine } from './log.js';
export { DEFAULT_LIMITS, DEFAULT_TIMEOUTS, type HttpLimits, type HttpOptions, type HttpTimeouts } from './options.js';
export { HttpServer } from './server.js';
