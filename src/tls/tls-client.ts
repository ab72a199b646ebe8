/** TLS for a client: does the handshake over a flow, verifies the server, hands the protected flow on. */
import type { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { Clock, CloseReason, Flow, FlowHandler } from '../net/flow.js';
import { type Roots, readChain, verifyChain } from './certificate/verify.js';
import type { AlertName } from './common/alert.js';
import { Deadlines } from './common/deadlines.js';
import { type CipherSuite, GROUP } from './common/suites.js';
import { ClientHandshake, type ClientSession } from './handshake/client-handshake.js';
import type { Primitives, RandomBytes, Verify } from './primitives/primitives.js';
import { verifierOf } from './primitives/signing.js';
import { Endpoint, type TlsLimits } from './record/endpoint.js';
import { TlsFlow, type TlsOwner } from './tls-flow.js';

/** Bytes of a handshake message from a server: chains are long. */
const MOST_MESSAGE = 65_536;
const MOST_HANDSHAKE = 262_144;

export interface TlsClientOptions {
  readonly primitives: Primitives;
  readonly random: RandomBytes;
  readonly clock: Clock;
  /** Whom servers are trusted by. */
  readonly roots: Roots;
  readonly limits?: Partial<TlsLimits>;
  /** A mistake of this program, or of a library. */
  readonly onError?: (error: unknown) => void;
}

export interface ConnectOptions {
  /** A DNS name or an address: the server must have a certificate for it. */
  readonly serverName: string;
  /** For ALPN; none by default. */
  readonly protocols?: readonly string[];
  /** Groups that are offered, the first with a share. */
  readonly groups?: readonly number[];
  readonly suites?: readonly CipherSuite[];
  readonly session?: ClientSession | undefined;
  /** Gets sessions that can be resumed; each is to be used once (RFC 8446 C.4). */
  readonly onSession?: (session: ClientSession) => void;
  /** The handshake is over; sets `flow.handler` before it returns. `resumed`: the session was. */
  readonly established: (flow: Flow, resumed: boolean) => void;
  /** There will be no flow: the alert of ours, or why the connection ended, and a message for people. */
  readonly failed: (why: AlertName | CloseReason, message: string) => void;
}

/** A connection under way. */
interface Attempt {
  readonly flow: TlsFlow;
  readonly options: ConnectOptions;
  readonly handshake: ClientHandshake;
  established: boolean;
  told: boolean;
}

export class TlsClient implements FlowHandler, TlsOwner {
  readonly #options: TlsClientOptions;
  readonly #endpoint: Endpoint;
  readonly #handshakes: Deadlines<Flow>;
  readonly #lingering: Deadlines<Flow>;

  constructor(options: TlsClientOptions) {
    const { primitives, random, clock, onError } = options;
    const limits = { message: MOST_MESSAGE, handshakeBytes: MOST_HANDSHAKE, ...options.limits };
    this.#options = options;
    this.#endpoint = new Endpoint(primitives, random, clock, limits, (error) => onError?.(error));
    this.#handshakes = new Deadlines(clock, this.#endpoint.limits.handshakeTime, (flow) => flow.reset());
    this.#lingering = new Deadlines(clock, this.#endpoint.limits.linger, (flow) => flow.reset());
  }

  /** Begins over `inner`, a flow that is open, and whose handler this becomes. */
  connect(inner: Flow, options: ConnectOptions): void {
    const { serverName } = options;
    const flow = new TlsFlow(inner, this.#endpoint, this);
    const handshake = new ClientHandshake(
      this.#endpoint,
      {
        // RFC 6066 3: no addresses, no dot at the end.
        serverName: isIP(serverName) === 0 ? serverName.replace(/\.$/, '') : undefined,
        protocols: options.protocols ?? [],
        groups: options.groups ?? [GROUP.x25519, GROUP.secp256r1, GROUP.secp384r1],
        suites: options.suites,
        session: options.session,
        verify: (chain) => this.#verify(chain, serverName),
        onSession: options.onSession,
      },
      flow,
    );
    const attempt: Attempt = { flow, options, handshake, established: false, told: false };
    inner.handler = this;
    inner.context = attempt;
    this.#handshakes.add(inner);
    flow.begin(handshake, () => handshake.start());
  }

  #verify(chain: readonly Uint8Array[], serverName: string): Verify {
    const certificates = readChain(chain);
    verifyChain(certificates, serverName, this.#endpoint.clock.wallClock(), this.#options.roots);
    return verifierOf((certificates[0] as X509Certificate).publicKey);
  }

  // FlowHandler, for the flows below

  data(inner: Flow, bytes: Uint8Array, start: number, end: number): void {
    (inner.context as Attempt).flow.arrived(bytes, start, end);
  }

  ended(inner: Flow): void {
    (inner.context as Attempt).flow.peerEnds();
  }

  drained(inner: Flow): void {
    (inner.context as Attempt).flow.drained();
  }

  closed(inner: Flow, reason: CloseReason): void {
    this.#handshakes.delete(inner);
    this.#lingering.delete(inner);
    const attempt = inner.context as Attempt;
    attempt.handshake.forget();
    attempt.flow.closed(reason);
    this.#failed(attempt, reason, 'the connection ended before its handshake did');
  }

  #failed(attempt: Attempt, why: AlertName | CloseReason, message: string): void {
    if (attempt.established || attempt.told) return;
    attempt.told = true;
    attempt.options.failed(why, message);
  }

  // TlsOwner

  established(flow: TlsFlow): void {
    const attempt = flow.inner.context as Attempt;
    const { handshake, options } = attempt;
    this.#handshakes.delete(flow.inner);
    attempt.established = true;
    flow.after = (type, bytes) => handshake.after(type, bytes);
    options.established(flow, handshake.resumed);
  }

  alerted({ inner }: TlsFlow, alert: AlertName | undefined): void {
    this.#handshakes.delete(inner);
    this.#lingering.add(inner);
    this.#failed(inner.context as Attempt, 'reset-by-peer', `the server refuses the handshake: ${alert ?? 'an alert'}`);
  }

  failing(flow: TlsFlow, alert: AlertName, reason: string): void {
    this.#handshakes.delete(flow.inner);
    this.#lingering.add(flow.inner);
    this.#failed(flow.inner.context as Attempt, alert, reason);
  }
}
