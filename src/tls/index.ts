/** TLS over a `Flow`: give it certificates, a clock and randomness, and its `accept` to any `Network`; or a flow to a server. */

export { type Certificate, Certificates } from './certificate/certificate.js';
export { CertificateError, loadCertificate, makeCertificate } from './certificate/load.js';
export { Roots } from './certificate/verify.js';
export type { AlertName } from './common/alert.js';
export type { ClientSession } from './handshake/client-handshake.js';
export type { Challenge, ServerConfiguration } from './handshake/server-handshake.js';
export { newTicketSecret, type TicketSecret, Tickets } from './handshake/tickets.js';
export { choosePrimitives } from './primitives/choose.js';
export type { Primitives, RandomBytes } from './primitives/primitives.js';
export { pooledRandom } from './primitives/random.js';
export { DEFAULT_TLS_LIMITS, type TlsLimits } from './record/endpoint.js';
export { type ConnectOptions, TlsClient, type TlsClientOptions } from './tls-client.js';
export { type TlsCounters, TlsServer, type TlsServerOptions } from './tls-server.js';
