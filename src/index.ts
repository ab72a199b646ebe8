/**
 * `sitekernel`: the server as a library. `serveSite` puts a site, the HTTP server and a network together; the parts
 * have entries of their own: `sitekernel/net` (the stack, without native code), `sitekernel/http`, `sitekernel/store`.
 */
export { HttpServer } from './http/server.js';
export { Memory } from './memory/memory.js';
export type { Carrier, FindMemory, MemoryRange, Piece } from './memory/pieces.js';
export type { FaultPlace, OnFault } from './net/containment.js';
export type { DirectNetwork } from './net/direct/network.js';
export { type DirectNetworkOptions, openDirectNetwork } from './net/direct/open.js';
export type {
  Accept,
  Adopt,
  Clock,
  CloseReason,
  Endpoint,
  Flow,
  FlowHandler,
  FlowInfo,
  FlowSecurity,
  Listener,
  Network,
  Timer,
  Trouble,
} from './net/flow.js';
export { StackHost } from './net/host/stack-host.js';
export { virtualNet } from './net/host/virtual-net.js';
export type { SocketNetworkOptions } from './net/sockets/common/options.js';
export { openSocketNetwork, type SocketKind } from './net/sockets/open.js';
export { type SiteServer, type SiteServerOptions, serveSite } from './serve/site-server.js';
export { openStore } from './store/open/open.js';
export { askStore, type StoreAnswer } from './store/read/ask.js';
export type { Content, ContentReader, ContentSource, Lookup, Representation, Resource, Store } from './store/store.js';
