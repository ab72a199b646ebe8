/** The HTTP server: give it a store and a clock, and its `accept` to any `Network`. */
export type { AccessRecord } from './access.js';
export { isLoopback, type LiveAnswer, type LivePage } from './live-pages.js';
export { type AccessLogFormat, accessLine } from './log.js';
export { healthPage, type MetricsSource, metricsPage, type Numbers, prometheusText } from './metrics.js';
export { DEFAULT_LIMITS, DEFAULT_TIMEOUTS, type HttpLimits, type HttpOptions, type HttpTimeouts } from './options.js';
export { reloadPages } from './reload.js';
export { HttpServer } from './server.js';
export type { ConnectionStats, HttpStats } from './stats.js';
export { type StatusSource, statusPages } from './status-page.js';
