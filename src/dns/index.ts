/**
 * Names as a library: an authoritative server and a stub resolver, over any `Datagrams` and flows, with clock and dice
 * handed in.
 */
export { type AnsweredZone, compileZone } from './answer/compile.js';
export type { DnsCrypto } from './crypto.js';
export type { ZoneSigner } from './dnssec/key.js';
export { signZone } from './dnssec/sign.js';
export type { Connect } from './resolver/exchange.js';
export { type Lookup, LookupError, type LookupFailure, Resolver, type ResolverOptions } from './resolver/resolver.js';
export type { Secondary } from './serve/notify.js';
export { DnsServer, type DnsServerOptions } from './serve/server.js';
export type { TcpLimits } from './serve/tcp.js';
export { TSIG_ALGORITHMS, type TsigKey } from './serve/tsig.js';
export { TYPE, typeName, typeNumber } from './wire/constants.js';
export { type Name, nameText, parseName } from './wire/name.js';
export { hasErrors, type LoadedZone, loadZone, type SelfFacts, selfOf, zoneOf } from './zone/load.js';
export { type Problem, problemText } from './zone/problem.js';
