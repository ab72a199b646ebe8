/** The server as a library: the three walls. What stands behind them has its own entry: `./net`, `./http`, `./store`. */
export type {
  Accept,
  Clock,
  CloseReason,
  Endpoint,
  Flow,
  FlowHandler,
  FlowInfo,
  Listener,
  Network,
} from './net/flow.js';
export type { Lookup, Representation, Resource, Store } from './store/store.js';
