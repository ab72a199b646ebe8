/** The options of a server, from any source: the command line, an image, a supervisor. */
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
  /** A supervisor started it, holds its sockets or device, and gives the order to serve. */
  readonly supervised: boolean;
  /** Socket mode. */
  readonly host: string;
  /** Further addresses to listen on. */
  readonly furtherHosts: readonly string[];
  /** The implementation of sockets; undefined: the best that is available. */
  readonly sockets: SocketKind | undefined;
  /** Processes that serve, 1 or more. */
  readonly workers: number;
  readonly http: HttpArguments;
  readonly dns: DnsArguments;
  /** Undefined: cleartext. `port` is for HTTP in any case. */
  readonly tls: TlsArguments | undefined;
  /** The rights that the process gives up before it serves. */
  readonly seal: SealArguments;
  /** The folder of state that outlives the process; undefined: the default folder. */
  readonly state: string | undefined;
  /** Undefined: no certificates are ordered. */
  readonly acme: AcmeArguments | undefined;
  /** Direct mode. */
  readonly direct: DirectArguments;
}
