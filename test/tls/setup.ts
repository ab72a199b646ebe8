/** A server and a client of ours in virtual time, with dice of a seed. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Memory } from '../../src/memory/memory.js';
import type { CloseReason, Flow, FlowHandler } from '../../src/net/flow.js';
import { type Certificate, Certificates } from '../../src/tls/certificate/certificate.js';
import { makeCertificate } from '../../src/tls/certificate/load.js';
import { makeSelfSigned } from '../../src/tls/certificate/self-signed.js';
import { Roots } from '../../src/tls/certificate/verify.js';
import type { AlertName } from '../../src/tls/common/alert.js';
import { newTicketSecret, Tickets } from '../../src/tls/handshake/tickets.js';
import { NodePrimitives } from '../../src/tls/primitives/node.js';
import type { Primitives, RandomBytes } from '../../src/tls/primitives/primitives.js';
import { type ConnectOptions, TlsClient } from '../../src/tls/tls-client.js';
import { TlsServer, type TlsServerOptions } from '../../src/tls/tls-server.js';
import { VirtualClock } from '../http/virtual-clock.js';
import { type JoinedFlow, joinedFlows, talk } from './joined-flows.js';

/** A generator of a seed (SplitMix32). */
export function seeded(seed: number): RandomBytes & { readonly next: () => number } {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x9e3779b9) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return (z ^ (z >>> 16)) >>> 0;
  };
  const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, () => next() & 255);
  return Object.assign(bytes, { next });
}

/** What an owner of a flow heard. */
export class Heard implements FlowHandler {
  received = '';
  bytes = 0;
  ends = 0;
  drains = 0;
  reason: CloseReason | undefined = undefined;
  /** Answers each piece of data. */
  answer: ((flow: Flow, text: string) => void) | undefined = undefined;

  data(flow: Flow, bytes: Uint8Array, start: number, end: number): void {
    const text = Buffer.from(bytes.subarray(start, end)).toString('latin1');
    this.bytes += end - start;
    if (this.received.length < 100_000) this.received += text;
    this.answer?.(flow, text);
  }

  ended(): void {
    this.ends++;
  }

  drained(): void {
    this.drains++;
  }

  closed(_flow: Flow, reason: CloseReason): void {
    if (this.reason !== undefined) throw new Error('closed twice');
    this.reason = reason;
  }
}

/** The wall clock of `VirtualClock` begins in 1994. */
const NOW = 784_111_777_000;

let made: { certificate: Certificate; pem: string } | undefined;

/** A certificate for example.org, made once. */
export function ownCertificate(): { certificate: Certificate; pem: string } {
  if (made === undefined) {
    const names = ['example.org', '*.example.net', '192.0.2.1'];
    const { certificate: pem, key } = makeSelfSigned({ names, from: NOW, random: seeded(1) });
    const files = { certificate: 'own.pem', key: 'own.key' };
    made = { certificate: makeCertificate(pem, key, files, NOW).certificate, pem };
  }
  return made;
}

export interface Outcome {
  /** The server's and the client's flow; undefined: no handshake ended well. */
  server: Flow | undefined;
  client: Flow | undefined;
  resumed: boolean;
  /** The alert that ended the handshake, and whose it was. */
  serverAlert: AlertName | undefined;
  clientFailure: string | undefined;
  readonly serverHeard: Heard;
  readonly clientHeard: Heard;
  readonly below: readonly [client: JoinedFlow, server: JoinedFlow];
}

export class Setup {
  readonly clock: VirtualClock;
  readonly random = seeded(7);
  readonly primitives: Primitives;
  readonly tickets: Tickets;
  readonly errors: unknown[] = [];
  readonly server: TlsServer;
  readonly client: TlsClient;
  #current: Outcome | undefined = undefined;
  /** The flow of the server that was established last, and what its owner heard. */
  lastServer: Flow | undefined = undefined;
  lastHeard: Heard | undefined = undefined;

  constructor(options: Partial<TlsServerOptions & { clock: VirtualClock }> = {}) {
    this.clock = options.clock ?? new VirtualClock();
    this.primitives = options.primitives ?? new NodePrimitives();
    const { primitives, random, clock } = this;
    this.tickets = options.tickets ?? new Tickets(primitives, random, newTicketSecret(random, clock.wallClock()));
    const { certificate, pem } = ownCertificate();
    const certificates = new Certificates([certificate]);
    const onError = (error: unknown): void => void this.errors.push(error);
    this.server = new TlsServer({
      ...{ primitives, random, clock, tickets: this.tickets, onError },
      certificates: () => certificates,
      protocols: ['h2', 'http/1.1'],
      accept: (flow) => {
        this.lastHeard = this.#current?.serverHeard ?? new Heard();
        flow.handler = this.lastHeard;
        this.lastServer = flow;
        if (this.#current !== undefined) this.#current.server = flow;
      },
      onAlert: (_flow, alert) => {
        if (this.#current !== undefined) this.#current.serverAlert = alert;
      },
      ...options,
    });
    this.client = new TlsClient({ primitives, random, clock, roots: new Roots([pem]), onError });
  }

  /** A client of ours begins; nothing has been delivered yet. */
  begin(options: Partial<ConnectOptions> = {}): Outcome {
    const below = joinedFlows();
    const outcome: Outcome = {
      ...{ server: undefined, client: undefined, resumed: false, serverAlert: undefined, clientFailure: undefined },
      ...{ serverHeard: new Heard(), clientHeard: new Heard(), below },
    };
    this.#current = outcome;
    this.server.accept(below[1]);
    this.client.connect(below[0], {
      serverName: 'example.org',
      protocols: ['http/1.1'],
      established: (flow, resumed) => {
        flow.handler = outcome.clientHeard;
        outcome.client = flow;
        outcome.resumed = resumed;
      },
      failed: (why) => {
        outcome.clientFailure = why;
      },
      ...options,
    });
    return outcome;
  }

  /** A whole handshake. */
  connect(options: Partial<ConnectOptions> = {}, size?: number): Outcome {
    const outcome = this.begin(options);
    talk(...outcome.below, size);
    return outcome;
  }
}

/** Sends text over a protected flow. */
export function send(flow: Flow, text: string): void {
  const memory = Memory.of(text);
  flow.write(memory, 0, memory.bytes.length);
  flow.flush();
}

/** A certificate that `openssl` makes. */
export function opensslCertificate(keyOptions: readonly string[], subject: string, more: readonly string[] = []) {
  const folder = mkdtempSync(join(tmpdir(), 'tls-test-'));
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  try {
    const options = ['-nodes', '-keyout', key, '-out', certificate, '-subj', `/CN=${subject}`, '-addext'];
    execFileSync('openssl', ['req', '-x509', ...keyOptions, ...options, `subjectAltName=DNS:${subject}`, ...more], {
      stdio: 'pipe',
    });
    return { certificate: readFileSync(certificate, 'latin1'), key: readFileSync(key, 'latin1') };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
