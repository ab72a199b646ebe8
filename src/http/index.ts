/** The HTTP server: give it a store and a clock, and its `accept` to any `Network`. */

export type { Clock, LeaseInfo } from '../net/flow.js';
export { RealClock } from '../net/real-clock.js';
export { type AccessLogFormat, accessLine } from './admin/log.js';
export type { Metric, Numbers, Sample } from './admin/metric.js';
export { counter, gauge, healthPage, type MetricsSource, metricsPage, prometheusText } from './admin/metrics.js';
export { reloadPages } from './admin/reload.js';
export { type ConnectionState, type ConnectionStats, type HttpStats, sumOfStats } from './admin/stats.js';
export { type StatusSource, statusPages } from './admin/status-page.js';
export { isLoopback } from './answer/live-pages.js';
export type { AccessRecord } from './contracts/access-record.js';
export { DEFAULT_LIMITS, DEFAULT_TIMEOUTS, type HttpLimits, type HttpTimeouts } from './contracts/limits.js';
export type { LiveAnswer, LivePage } from './contracts/live-page.js';
export type { HttpOptions } from './contracts/options.js';
export type { Proxies, ProxyFields } from './contracts/proxies.js';
export type { Encodings } from './parse/encodings.js';
export { FIELD, type FieldId, type Fields } from './parse/fields.js';
export { FORM, type Form, METHOD, type Method, type RequestLine } from './parse/request-line.js';
export { ALPN_PROTOCOLS, HttpServer } from './server.js';
