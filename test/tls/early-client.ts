/** A client that sends early data (RFC 8446 2.3) behind a ClientHello with a ticket. Ours has no such thing. */
import type { AlertName } from '../../src/tls/common/alert.js';
import { type CipherSuite, GROUP, suiteById, VERIFIED_SCHEMES } from '../../src/tls/common/suites.js';
import type { Handshake } from '../../src/tls/handshake/channel.js';
import type { ClientSession } from '../../src/tls/handshake/client-handshake.js';
import { finishedMac, KeySchedule, type Pair } from '../../src/tls/handshake/key-schedule.js';
import { Transcript } from '../../src/tls/handshake/transcript.js';
import type { KeyShare } from '../../src/tls/primitives/primitives.js';
import { Endpoint } from '../../src/tls/record/endpoint.js';
import { TlsFlow, type TlsOwner } from '../../src/tls/tls-flow.js';
import { writeClientHello } from '../../src/tls/wire/client-flight.js';
import { EXTENSION, MESSAGE } from '../../src/tls/wire/numbers.js';
import { Reader } from '../../src/tls/wire/reader.js';
import { readExtensions, readServerHello, writeFinished } from '../../src/tls/wire/server-flight.js';
import { type JoinedFlow, joinedFlows, talk } from './joined-flows.js';
import { type Change, message } from './raw-client.js';
import { Heard, type Setup, send } from './setup.js';

export interface EarlyOptions {
  readonly early: readonly string[];
  readonly protocol?: string;
  readonly suites?: readonly CipherSuite[];
  readonly group?: number;
  /** Added to the age of the ticket, in milliseconds. */
  readonly older?: number;
  /** Changes EndOfEarlyData and Finished; undefined: the message is not sent. */
  readonly change?: Change;
}

export class EarlyClient implements TlsOwner, Handshake {
  readonly below: readonly [client: JoinedFlow, server: JoinedFlow];
  readonly flow: TlsFlow;
  readonly heard = new Heard();
  /** What the server said of the early data; undefined: nothing. */
  taken: boolean | undefined = undefined;
  resumed = false;
  alert: AlertName | undefined = undefined;
  skipsEarlyData = false;
  earlyDataLeft = undefined;
  readonly allowsChangeCipherSpec = true;
  /** The first flight, as it was sent. */
  readonly flight: Uint8Array;
  readonly #transcript: Transcript;
  readonly #share: KeyShare;
  #schedule!: KeySchedule;
  #secrets!: Pair;
  #suite: CipherSuite;

  constructor(
    readonly setup: Setup,
    readonly session: ClientSession,
    readonly options: EarlyOptions,
  ) {
    const { primitives, random, clock } = setup;
    this.below = joinedFlows();
    const [client, server] = this.below;
    setup.server.accept(server);
    const endpoint = new Endpoint(primitives, random, clock, {}, (error) => {
      throw error;
    });
    const flow = new TlsFlow(client, endpoint, this);
    this.flow = flow;
    client.handler = {
      data: (_flow, bytes, start, end) => flow.arrived(bytes, start, end),
      ended: () => flow.peerEnds(),
      drained: () => flow.drained(),
      closed: (_flow, reason) => flow.closed(reason),
    };
    flow.handler = this.heard;
    this.#transcript = new Transcript(primitives);
    this.#suite = session.suite;
    const group = options.group ?? GROUP.x25519;
    this.#share = primitives.keyShare(group, random);
    flow.begin(this, () => this.#hello(group));
    for (const text of options.early) send(flow, text);
    this.flight = client.out;
  }

  #hello(group: number): void {
    const { primitives, random, clock } = this.setup;
    const { session, options, flow } = this;
    const { suite } = session;
    const age = Math.floor(clock.wallClock() - session.received) + (options.older ?? 0);
    const hello = withEarlyData(
      writeClientHello({
        ...{ random: random(32), sessionId: random(32), serverName: 'example.org', cookie: undefined },
        suites: (options.suites ?? [suite]).map(({ id }) => id),
        groups: [group, GROUP.secp256r1],
        schemes: VERIFIED_SCHEMES,
        shares: [{ group, share: this.#share.share }],
        protocols: [options.protocol ?? 'http/1.1'],
        psk: {
          ticket: session.ticket,
          obfuscatedAge: (((age + session.ageAdd) % 0x100000000) + 0x100000000) % 0x100000000,
          binderLength: suite.hashLength,
        },
      }),
      suite.hashLength + 3 + 2 + 4 + session.ticket.length + 2 + 4,
    );
    this.#transcript.add(hello);
    this.#schedule = new KeySchedule(primitives, suite, session.psk);
    const binder = this.#schedule.binder(this.#transcript.hash(suite, suite.hashLength + 3));
    hello.set(binder, hello.length - suite.hashLength);
    this.#transcript.replaceEnd(binder);
    flow.send(hello);
    flow.sendChangeCipherSpec();
    flow.writeWith(suite, this.#schedule.early(this.#transcript.hash(suite)));
  }

  message(type: number, bytes: Uint8Array): void {
    const { flow } = this;
    if (type === MESSAGE.serverHello) {
      const hello = readServerHello(bytes.subarray(4));
      // Asked for another share: early data is not taken then, and this client is done.
      if (hello.retry) return;
      this.#transcript.add(bytes);
      this.resumed = hello.psk !== undefined;
      this.#suite = suiteById(hello.suite)!;
      if (!this.resumed) this.#schedule = new KeySchedule(this.setup.primitives, this.#suite, undefined);
      const shared = this.#share.agree(hello.share!)!;
      const { client, server } = this.#schedule.handshake(shared, this.#transcript.hash(this.#suite));
      this.#secrets = { client, server: Uint8Array.from(server) };
      flow.readWith(this.#suite, server);
    } else if (type === MESSAGE.finished) this.#finished(bytes);
    else {
      this.#transcript.add(bytes);
      if (type !== MESSAGE.encryptedExtensions) return;
      this.taken = false;
      readExtensions(new Reader(bytes, 4).vector16(0, 65535), (one, content) => {
        if (one === EXTENSION.earlyData) this.taken = true;
        content.fixed(content.left);
      });
    }
  }

  #finished(bytes: Uint8Array): void {
    const { flow } = this;
    const { primitives } = this.setup;
    const suite = this.#suite;
    const { change = (one: Uint8Array) => one } = this.options;
    this.#transcript.add(bytes);
    const application = this.#schedule.application(this.#transcript.hash(suite));
    flow.readWith(suite, application.server);
    if (this.taken === true) {
      const end = change(message(MESSAGE.endOfEarlyData));
      if (end !== undefined) {
        flow.send(end);
        this.#transcript.add(end);
      }
    }
    const { client } = this.#secrets;
    const mac = finishedMac(primitives, suite, client, this.#transcript.hash(suite));
    flow.writeWith(suite, Uint8Array.from(client));
    const finished = change(writeFinished(mac));
    // Nothing more is said then.
    if (finished === undefined) return;
    flow.send(finished);
    flow.writeWith(suite, application.client);
    flow.established({ protocol: 'TLSv1.3', alpn: undefined, serverName: undefined, cipher: suite.name });
    flow.after = () => undefined;
  }

  talk(size?: number): this {
    talk(...this.below, size);
    return this;
  }

  destroy(): void {}

  established(): void {}

  alerted(_flow: TlsFlow, alert: AlertName | undefined): void {
    this.alert = alert;
  }

  failing(_flow: TlsFlow, alert: AlertName, reason: string): void {
    throw new Error(`${alert}: ${reason}`);
  }
}

/** Puts an empty `early_data` into a ClientHello, before its last `behind` bytes. */
export function withEarlyData(hello: Uint8Array, behind: number): Uint8Array {
  const extension = [0, EXTENSION.earlyData, 0, 0];
  const place = hello.length - behind;
  const out = Uint8Array.of(...hello.subarray(0, place), ...extension, ...hello.subarray(place));
  const body = out.length - 4;
  out[2] = body >> 8;
  out[3] = body & 255;
  // The length of the extensions: behind version, random, session id, suites and compression.
  let at = 4 + 2 + 32;
  at += 1 + out[at]!;
  at += 2 + ((out[at]! << 8) | out[at + 1]!);
  at += 1 + out[at]!;
  const length = ((out[at]! << 8) | out[at + 1]!) + extension.length;
  out[at] = length >> 8;
  out[at + 1] = length & 255;
  return out;
}
