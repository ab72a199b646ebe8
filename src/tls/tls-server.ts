/** TLS between a network and what serves over it: takes flows, does their handshakes, hands protected flows on. */
import { Memory } from '../memory/memory.js';
import type { Carrier } from '../memory/pieces.js';
import type { Accept, Adopt, Clock, CloseReason, Flow, FlowHandler } from '../net/flow.js';
import { RefusedMove } from '../net/refused-move.js';
import type { AlertName } from './common/alert.js';
import { Deadlines } from './common/deadlines.js';
import { type Older, type ServerConfiguration, ServerHandshake } from './handshake/server-handshake.js';
import { checkMoved } from './moving/check-moved.js';
import type { Primitives, RandomBytes } from './primitives/primitives.js';
import { Endpoint, type TlsLimits } from './record/endpoint.js';
import { TlsFlow, type TlsOwner } from './tls-flow.js';
import type { ClientHello } from './wire/client-hello.js';
import { CONTENT } from './wire/numbers.js';

/**
 * Takes a connection over whose client has no TLS 1.3: it is given `bytes` first, as they came, and then what comes.
 */
export type OlderEngine = (inner: Flow, hello: ClientHello, bytes: Uint8Array, accept: Accept) => void;

export interface TlsServerOptions extends ServerConfiguration {
  readonly primitives: Primitives;
  readonly random: RandomBytes;
  readonly clock: Clock;
  readonly limits?: Partial<TlsLimits>;
  /** For clients without TLS 1.3; undefined: they get `protocol_version`. */
  readonly older?: OlderEngine | undefined;
  /** `older` serves all clients. */
  readonly olderForAll?: boolean;
  /** Gets every flow whose handshake is over; it sets `flow.handler`. */
  readonly accept: Accept;
  /** Asked for flows that another program had. Undefined: they stay there. */
  readonly adopt?: Adopt;
  /** A flow of another program is not taken, and why: for a log. */
  readonly onRefused?: (flow: Flow, refused: RefusedMove) => void;
  /** A handshake failed, or a peer broke the rules: for a log. No secret is in `reason`. */
  readonly onAlert?: (flow: Flow, alert: AlertName, reason: string) => void;
  /** A mistake of this program, or of a library. */
  readonly onError?: (error: unknown) => void;
}

/** What has happened, for metrics. */
export interface TlsCounters {
  /** Handshakes that ended well. */
  readonly handshakes: number;
  /** Those of them whose early data was taken. */
  readonly early: number;
  /** Connections that the engine for older versions took. */
  readonly older: number;
  /** Connections that ended with an alert of ours. */
  readonly failed: number;
  /** Handshakes that the client ended. */
  readonly refused: number;
  /** Handshakes that took too long, and those that gave way to newer ones. */
  readonly expired: number;
  readonly shed: number;
  /** Connections that spoke plain HTTP. */
  readonly cleartext: number;
}

const HINT = 'This port speaks HTTPS: write https:// before the address.\r\n';
/** What a client of plain HTTP reads. */
const NOT_TLS = Memory.of(
  `HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${HINT.length}\r\n` +
    `Connection: close\r\n\r\n${HINT}`,
);

export class TlsServer implements FlowHandler, TlsOwner {
  readonly #options: TlsServerOptions;
  readonly #endpoint: Endpoint;
  readonly #handshakes: Deadlines<Flow>;
  /** Connections that end with an alert, or a 400, until their peer has read it. */
  readonly #lingering: Deadlines<Flow>;
  readonly #older: Older | undefined;
  /** The connection whose message is being read. */
  #current: TlsFlow | undefined = undefined;
  readonly #counts = { handshakes: 0, early: 0, older: 0, failed: 0, refused: 0, expired: 0, shed: 0, cleartext: 0 };

  constructor(options: TlsServerOptions) {
    const { primitives, random, clock, limits = {}, older } = options;
    this.#options = options;
    this.#endpoint = new Endpoint(primitives, random, clock, limits, (error) => options.onError?.(error));
    const { handshakeTime, linger } = this.#endpoint.limits;
    this.#handshakes = new Deadlines(clock, handshakeTime, (flow) => {
      this.#counts.expired += 1;
      flow.reset();
    });
    this.#lingering = new Deadlines(clock, linger, (flow) => flow.reset());
    if (older !== undefined) {
      const { olderForAll: all = false } = options;
      this.#older = { all, take: (hello, message) => this.#handOver(older, hello, message) };
    }
  }

  get counters(): TlsCounters {
    return { ...this.#counts };
  }

  /** Handshakes under way. */
  get pending(): number {
    return this.#handshakes.size;
  }

  /** For `Network.listen`. */
  readonly accept: Accept = (inner) => {
    if (this.#handshakes.size >= this.#endpoint.limits.handshakes) {
      this.#counts.shed += 1;
      this.#handshakes.shift()?.reset();
    }
    inner.handler = this;
    inner.context = undefined;
    this.#handshakes.add(inner);
  };

  /**
   * For a shutdown: ends connections that have said nothing yet. Handshakes that have begun go on, to the one answer
   * that they get.
   */
  drain(): void {
    for (const flow of [...this.#handshakes]) {
      if (flow.context !== undefined) continue;
      flow.end();
      flow.flush();
      this.#linger(flow);
    }
  }

  // FlowHandler, for the flows below

  data(inner: Flow, bytes: Uint8Array, start: number, end: number): void {
    const tls = (inner.context as TlsFlow | undefined) ?? this.#begin(inner, bytes[start]!);
    if (tls === undefined) return;
    this.#current = tls;
    const read = tls.arrived(bytes, start, end);
    this.#current = undefined;
    // Another engine has the flow now: what came with the ClientHello is for it.
    if (read < end && inner.handler !== this) inner.handler.data(inner, bytes, read, end);
  }

  /** The first byte of a connection. */
  #begin(inner: Flow, first: number): TlsFlow | undefined {
    if (this.#lingering.has(inner)) return undefined;
    if (first >= 0x41 && first <= 0x5a) {
      // The method of a request: no record begins with a capital letter.
      this.#counts.cleartext += 1;
      inner.write(NOT_TLS, 0, NOT_TLS.bytes.length);
      inner.end();
      this.#linger(inner);
      return undefined;
    }
    const flow = new TlsFlow(inner, this.#endpoint, this);
    inner.context = flow;
    flow.handshake = new ServerHandshake(this.#endpoint, this.#options, flow, this.#older);
    return flow;
  }

  #linger(inner: Flow): void {
    this.#handshakes.delete(inner);
    this.#lingering.add(inner);
  }

  ended(inner: Flow): void {
    const tls = inner.context as TlsFlow | undefined;
    if (tls !== undefined) tls.peerEnds();
    else inner.end();
  }

  drained(inner: Flow): void {
    (inner.context as TlsFlow | undefined)?.drained();
  }

  closed(inner: Flow, reason: CloseReason): void {
    this.#handshakes.delete(inner);
    this.#lingering.delete(inner);
    (inner.context as TlsFlow | undefined)?.closed(reason);
  }

  // To another program, and from one

  /** A connection that another program had; its owner here is asked, too. For `Network.listen`. */
  readonly adopt: Adopt = (inner, state, find = () => undefined) => {
    const flow = new TlsFlow(inner, this.#endpoint, this);
    try {
      const checked = checkMoved(state, find, this.#endpoint.limits);
      const { alpn, owner } = checked.moved;
      if (alpn !== null && !this.#options.protocols.includes(alpn))
        throw new RefusedMove('moved-owner', 'a protocol that is not spoken here');
      flow.restore(checked);
      if (this.#options.adopt?.(flow, owner, find) !== true)
        throw new RefusedMove('moved-owner', 'what is above TLS is not taken');
    } catch (error) {
      if (!(error instanceof RefusedMove)) throw error;
      flow.forget();
      this.#options.onRefused?.(inner, error);
      return false;
    }
    inner.handler = this;
    inner.context = flow;
    return true;
  };

  memories(inner: Flow): Iterable<Memory> {
    return (inner.context as TlsFlow | undefined)?.memories() ?? [];
  }

  /** Handshakes stay until they are over, and so do connections that end with an alert. */
  freeze(inner: Flow, carrier?: Carrier): unknown {
    if (carrier === undefined || this.#lingering.has(inner)) return undefined;
    return (inner.context as TlsFlow | undefined)?.freeze(carrier);
  }

  thaw(inner: Flow): void {
    (inner.context as TlsFlow).thaw();
  }

  moved(inner: Flow): void {
    const flow = inner.context as TlsFlow;
    flow.handler.moved?.(flow);
    flow.forget();
  }

  // TlsOwner

  early(flow: TlsFlow): void {
    this.#counts.early += 1;
    this.#options.accept(flow);
  }

  established(flow: TlsFlow, early: boolean): void {
    this.#counts.handshakes += 1;
    this.#handshakes.delete(flow.inner);
    if (early) return;
    const alpn = flow.security?.alpn;
    if (alpn === undefined || this.#options.protocols.includes(alpn)) this.#options.accept(flow);
    else {
      // The protocol of a challenge: all of it was the handshake (RFC 8737 4).
      flow.end();
      this.#lingering.add(flow.inner);
    }
  }

  alerted({ inner }: TlsFlow): void {
    if (this.#handshakes.has(inner)) this.#counts.refused += 1;
    this.#linger(inner);
  }

  failing(flow: TlsFlow, alert: AlertName, reason: string): void {
    this.#counts.failed += 1;
    this.#linger(flow.inner);
    this.#options.onAlert?.(flow, alert, reason);
  }

  /** Gives the connection at hand to the engine for older versions, with its ClientHello as one record. */
  #handOver(older: OlderEngine, hello: ClientHello, message: Uint8Array): void {
    const tls = this.#current!;
    const { inner } = tls;
    this.#counts.older += 1;
    const record = new Uint8Array(5 + message.length);
    record.set([CONTENT.handshake, 3, 1, message.length >> 8, message.length & 255]);
    record.set(message, 5);
    this.#handshakes.delete(inner);
    tls.abandon();
    older(inner, hello, record, this.#options.accept);
  }
}
