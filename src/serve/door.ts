/** The servers on a network: HTTP, or HTTPS with a redirect or the site on the HTTP port. */

import type { PassedSecret } from '../control/channel.js';
import type { HttpStats } from '../http/index.js';
import type { Accept, Adopt } from '../net/flow.js';
import type { ServerContext } from './http-server.js';
import type { Watched } from './live-pages.js';

/** A port, and the server for its connections. */
export interface Door {
  readonly port: number;
  readonly accept: Accept;
  /** Undefined: connections of this port stay in the program that accepted them. */
  readonly adopt?: Adopt | undefined;
}

export interface Front {
  readonly main: Door;
  /** The others; `port` is the one that the main door has. */
  beside(port: number): readonly Door[];
  readonly scheme: 'http' | 'https';
  /** The contents of pages about the server. */
  readonly watched: Watched;
  /** Connections that are open now, handshakes left out. */
  readonly connections: number;
  stats(): HttpStats;
  /** Every connection ends with its next answer, or when it has been idle for its time. */
  retire(): void;
  /** Ends idle connections, and every other one with its next answer. */
  drain(): void;
  /**
   * Reads certificates again. If it rejects, with a message for people, the earlier ones stay in use. Undefined: there
   * are none.
   */
  readonly reload?: (() => Promise<void>) | undefined;
  close(): void;
}

export interface FrontContext extends ServerContext {
  /** The secret of session tickets, which other processes share. */
  readonly tickets?: PassedSecret | undefined;
  /** The counters of the name server; undefined: there is none, or none yet. */
  readonly dns?: (() => Readonly<Record<string, number>> | undefined) | undefined;
  /** Another process has already reported on the certificates. */
  readonly quiet?: boolean | undefined;
}
