/**
 * OpenSSL's own TLS, through `node:tls`: for clients that have no TLS 1.3 (AEAD suites with forward secrecy and
 * extended master secret alone), or for all where that is asked for. A connection of it costs some fifty times the
 * memory of one of ours, and stays in its program.
 */
import { constants } from 'node:crypto';
import { createSecureContext, type SecureContext, TLSSocket } from 'node:tls';
import type { Accept, Clock, CloseReason, Flow, FlowHandler } from '../../net/flow.js';
import type { Certificate, Certificates } from '../certificate/certificate.js';
import { Deadlines } from '../common/deadlines.js';
import type { ClientHello } from '../wire/client-hello.js';
import { FlowDuplex } from './duplex.js';
import { OpensslFlow } from './openssl-flow.js';

/** Suites of TLS 1.2 with an AEAD and a fresh key agreement (RFC 9325 4.2). */
const CIPHERS = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':');
const CIPHERS_OF_1_3 = 'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:';
const SESSION_CONTEXT = 'sitekernel';
/** Seconds. */
const SESSION_TIME = 43_200;

export interface OpensslOptions {
  readonly clock: Clock;
  readonly certificates: () => Certificates;
  readonly protocols: readonly string[];
  /** 48 bytes for tickets, the same for a while: asked for at each connection. */
  readonly ticketKeys: () => Uint8Array;
  /** The oldest version. */
  readonly min: '1.2' | '1.3';
  /** TLS 1.3, too. */
  readonly all: boolean;
  /** Handshakes under way at once; beyond, the one that began first is reset. */
  readonly handshakes: number;
  /** Milliseconds for a handshake, and for a peer to read the last alert. */
  readonly handshakeTime: number;
  readonly linger: number;
  /** A mistake of this program; the connection is reset. Without it the error is thrown. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** What the handler of a flow below knows of it. */
interface Carried {
  readonly duplex: FlowDuplex;
  flow: OpensslFlow | undefined;
}

export class OpensslEngine implements FlowHandler {
  readonly #options: OpensslOptions;
  readonly #handshakes: Deadlines<Flow>;
  readonly #lingering: Deadlines<Flow>;
  /** By the first of the certificates that a context has. */
  readonly #contexts = new Map<Certificate, SecureContext>();
  /** Handshakes that gave way to others. */
  shed = 0;
  #certificates: Certificates | undefined = undefined;
  #ticketKeys: Uint8Array | undefined = undefined;

  constructor(options: OpensslOptions) {
    this.#options = options;
    const { clock, handshakeTime, linger } = options;
    this.#handshakes = new Deadlines(clock, handshakeTime, (flow) => flow.reset());
    this.#lingering = new Deadlines(clock, linger, (flow) => flow.reset());
  }

  /**
   * Takes a connection with its first `bytes`, which hold `hello`; `accept` gets the protected flow when its handshake
   * is over.
   */
  take(inner: Flow, { serverName }: ClientHello, bytes: Uint8Array, accept: Accept): void {
    if (this.#handshakes.size >= this.#options.handshakes) {
      this.shed += 1;
      this.#handshakes.shift()?.reset();
    }
    const unfinished = (): void => {
      if (carried.flow === undefined && this.#handshakes.has(inner)) this.#linger(inner);
    };
    const duplex = new FlowDuplex(inner, unfinished);
    const carried: Carried = { duplex, flow: undefined };
    inner.handler = this;
    inner.context = carried;
    this.#handshakes.add(inner);
    const socket = new TLSSocket(duplex, {
      isServer: true,
      secureContext: this.#context(serverName),
      ALPNProtocols: [...this.#options.protocols],
    });
    socket.on('error', () => undefined);
    // RFC 5246 7.2.2: an alert ends the connection. Node sees to that where the socket is one of its own server alone.
    socket.on('_tlsError', () => {
      if (carried.flow === undefined) return;
      carried.flow.closed('failed');
      // Not `destroy`: the alert may wait behind a write that is under way.
      socket.end();
      this.#lingering.add(inner);
    });
    socket.on('close', unfinished);
    const faulted = (error: unknown): void => this.#faulted(inner, error);
    socket.on('secure', () => {
      this.#handshakes.delete(inner);
      duplex.established();
      const protocol = socket.getProtocol() === 'TLSv1.3' ? 'TLSv1.3' : 'TLSv1.2';
      const { alpnProtocol } = socket;
      const alpn = typeof alpnProtocol === 'string' && alpnProtocol !== '' ? alpnProtocol : undefined;
      const { standardName: cipher } = socket.getCipher();
      const flow = new OpensslFlow(inner, socket, { protocol, alpn, serverName, cipher }, faulted);
      carried.flow = flow;
      try {
        accept(flow);
      } catch (error) {
        faulted(error);
      }
    });
    duplex.arrived(bytes, 0, bytes.length);
  }

  /** No caller is above OpenSSL's stream to catch an exception in its calls: it ends this connection, and no other. */
  #faulted(inner: Flow, error: unknown): void {
    inner.reset();
    const { onError } = this.#options;
    if (onError === undefined) throw error;
    onError(error);
  }

  #linger(inner: Flow): void {
    this.#handshakes.delete(inner);
    inner.end();
    inner.flush();
    this.#lingering.add(inner);
  }

  /** The context for a name, made once for each set of certificates and ticket keys. */
  #context(serverName: string | undefined): SecureContext {
    const certificates = this.#options.certificates();
    const ticketKeys = this.#options.ticketKeys();
    if (this.#certificates !== certificates || this.#ticketKeys !== ticketKeys) {
      this.#certificates = certificates;
      this.#ticketKeys = ticketKeys;
      this.#contexts.clear();
    }
    const named = certificates.named(serverName) ?? certificates.fallback;
    const [first] = named as readonly [Certificate];
    let context = this.#contexts.get(first);
    if (context === undefined) {
      context = this.#makeContext(named, ticketKeys);
      this.#contexts.set(first, context);
    }
    return context;
  }

  #makeContext(certificates: readonly Certificate[], ticketKeys: Uint8Array): SecureContext {
    const { all, min } = this.#options;
    return createSecureContext({
      cert: certificates.map(({ pem }) => pem.chain),
      key: certificates.map(({ pem }) => pem.key),
      minVersion: min === '1.3' ? 'TLSv1.3' : 'TLSv1.2',
      maxVersion: all ? 'TLSv1.3' : 'TLSv1.2',
      ciphers: all ? CIPHERS_OF_1_3 + CIPHERS : CIPHERS,
      honorCipherOrder: true,
      ecdhCurve: 'X25519:P-256:P-384',
      sessionIdContext: SESSION_CONTEXT,
      sessionTimeout: SESSION_TIME,
      ticketKeys: Buffer.from(ticketKeys),
      secureOptions: constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_NO_COMPRESSION,
    });
  }

  // FlowHandler, for the flows below

  data(inner: Flow, bytes: Uint8Array, start: number, end: number): void {
    if (!this.#lingering.has(inner)) (inner.context as Carried).duplex.arrived(bytes, start, end);
  }

  ended(inner: Flow): void {
    (inner.context as Carried).duplex.ended();
  }

  drained(inner: Flow): void {
    const { duplex, flow } = inner.context as Carried;
    duplex.drained();
    flow?.drained();
  }

  closed(inner: Flow, reason: CloseReason): void {
    this.#handshakes.delete(inner);
    this.#lingering.delete(inner);
    const { duplex, flow } = inner.context as Carried;
    flow?.closed(reason);
    duplex.gone();
  }
}
