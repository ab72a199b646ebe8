/** What a server is asked to do, whatever asks: the command line, an image, a supervisor. */
import type { SocketKind } from '../../net/sockets/open.js';
import type { SealArguments } from '../../seal/seal.js';
import type { AcmeArguments } from './acme.js';
import type { DirectArguments } from './direct.js';
import type { DnsArguments } from './dns.js';
import type { HttpArguments } from './http.js';
import type { LogOptions } from './log.js';
import type { TlsArguments } from './tls.js';

export interface ServeOptions {
  readonly kind: 'serve';
  /** A directory or a bundle file; undefined: the embedded site. */
  readonly site: string | undefined;
  readonly net: 'socket' | 'direct';
  readonly port: number;
  readonly log: LogOptions;
  /** Milliseconds that open connections get to finish. */
  readonly drain: number;
  /** Path of the control socket; undefined: none. */
  readonly control: string | undefined;
  /** Fetch pages from itself over a wire in memory, say whether they are right, and end. */
  readonly selfTest: boolean;
  /** A supervisor started it, holds what it serves on, and says when. */
  readonly supervised: boolean;
  /** Socket mode. */
  readonly host: string;
  /** Further addresses to listen on. */
  readonly furtherHosts: readonly string[];
  /** Whose sockets; undefined: the best that can be had. */
  readonly sockets: SocketKind | undefined;
  /** Processes that serve, 1 or more. */
  readonly workers: number;
  readonly http: HttpArguments;
  readonly dns: DnsArguments;
  /** Undefined: cleartext. `port` is for HTTP in any case. */
  readonly tls: TlsArguments | undefined;
  /** What the process gives up before it serves. */
  readonly seal: SealArguments;
  /** Where state that outlives the process lies; undefined: the usual folder. */
  readonly state: string | undefined;
  /** Undefined: no certificates are ordered. */
  readonly acme: AcmeArguments | undefined;
  /** Direct mode. */
  readonly direct: DirectArguments;
}
