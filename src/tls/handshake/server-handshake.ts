/** The handshake of TLS 1.3 from the server's side (RFC 8446 2, 4, A.2). */

import type { FlowSecurity } from '../../net/flow.js';
import type { Certificates, Chosen } from '../certificate/certificate.js';
import { TlsError } from '../common/alert.js';
import { AES_128, type CipherSuite } from '../common/suites.js';
import type { Endpoint } from '../record/endpoint.js';
import { type ClientHello, readClientHello } from '../wire/client-hello.js';
import { MESSAGE, TLS_1_3 } from '../wire/numbers.js';
import {
  type EncryptedExtensions,
  signedContent,
  writeCertificateVerify,
  writeEncryptedExtensions,
  writeFinished,
  writeRetry,
  writeServerHello,
  writeTicket,
} from '../wire/server-flight.js';
import type { Channel, Handshake } from './channel.js';
import { checkExtensions, checkOlder, lastingPart } from './client-hello-rules.js';
import { type EarlyData, MOST_EARLY_DATA } from './early-data.js';
import { checkFinished, finishedMac, KeySchedule, type Pair, ticketPsk } from './key-schedule.js';
import { mayResume, type Negotiated, negotiate, protocolOf } from './negotiation.js';
import { type Session, TICKET_LIFETIME, type Tickets } from './tickets.js';
import { Transcript } from './transcript.js';

export interface ServerConfiguration {
  readonly certificates: () => Certificates;
  readonly tickets: Tickets;
  /** Protocols for ALPN, the preferred one first. */
  readonly protocols: readonly string[];
  /** Undefined: no early data is taken. */
  readonly earlyData?: EarlyData | undefined;
  /**
   * Another certificate for this handshake, by name and protocols that the client offers: for `acme-tls/1` (RFC 8737).
   * The protocol is the one that the handshake ends with. Such a handshake is ours in TLS 1.3, also where another
   * engine has all clients; with TLS 1.2 alone a client gets no challenge.
   */
  readonly challenge?: (serverName: string, protocols: readonly string[]) => Challenge | undefined;
}

export interface Challenge {
  readonly certificates: Certificates;
  readonly protocol: string;
}

/** Another engine, for clients that have no TLS 1.3. */
export interface Older {
  /** It serves those that have, too. */
  readonly all: boolean;
  /** Takes the connection, with the client's ClientHello and the bytes of that message. */
  take(hello: ClientHello, message: Uint8Array): void;
}

type State = 'start' | 'retried' | 'earlyData' | 'finished' | 'done';

export class ServerHandshake implements Handshake {
  readonly #endpoint: Endpoint;
  readonly #configuration: ServerConfiguration;
  readonly #channel: Channel;
  readonly #older: Older | undefined;
  readonly #transcript: Transcript;
  #state: State = 'start';
  /** What a second ClientHello may not change; undefined: none was asked for. */
  #first: Uint8Array | undefined = undefined;
  #retryGroup = 0;
  #suite: CipherSuite = AES_128;
  #schedule: KeySchedule | undefined = undefined;
  #application: Pair | undefined = undefined;
  #clientSecret: Uint8Array | undefined = undefined;
  /** The client's handshake secret, the channel's as soon as early data has ended. */
  #behindEarly: Uint8Array | undefined = undefined;
  #protocol: string | undefined = undefined;
  #serverName: string | undefined = undefined;
  #mayResume = false;
  #challenge: Challenge | undefined = undefined;
  #resumed = false;
  skipsEarlyData = false;
  earlyDataLeft: number | undefined = undefined;
  allowsChangeCipherSpec = false;

  /** `older`: undefined if TLS 1.3 is the oldest version that may be spoken. */
  constructor(endpoint: Endpoint, configuration: ServerConfiguration, channel: Channel, older: Older | undefined) {
    this.#endpoint = endpoint;
    this.#configuration = configuration;
    this.#channel = channel;
    this.#older = older;
    this.#transcript = new Transcript(endpoint.primitives);
  }

  message(type: number, bytes: Uint8Array): void {
    if ((this.#state === 'start' || this.#state === 'retried') && type === MESSAGE.clientHello) this.#hello(bytes);
    else if (this.#state === 'earlyData' && type === MESSAGE.endOfEarlyData) this.#endOfEarlyData(bytes);
    else if (this.#state === 'finished' && type === MESSAGE.finished) this.#finished(bytes);
    else throw new TlsError('unexpectedMessage', 'a handshake message that is not due');
  }

  destroy(): void {
    this.#schedule?.destroy();
    this.#transcript.release();
    this.#clientSecret?.fill(0);
    this.#behindEarly?.fill(0);
    // Those that were handed on are the channel's.
    this.#application?.client.fill(0);
  }

  #hello(bytes: Uint8Array): void {
    const hello = readClientHello(bytes, 4, bytes.length);
    // RFC 8446 D.5.
    if (hello.legacyVersion <= 0x0300) throw new TlsError('protocolVersion', 'ClientHello: SSL');
    const { challenge } = this.#configuration;
    this.#challenge = hello.serverName === undefined ? undefined : challenge?.(hello.serverName, hello.protocols ?? []);
    const elsewhere = this.#older?.all === true && this.#challenge === undefined;
    if (elsewhere || hello.versions?.includes(TLS_1_3) !== true) {
      this.#olderClient(hello, bytes);
      return;
    }
    this.allowsChangeCipherSpec = true;
    // RFC 8446 4.1.2.
    if (hello.compression.length !== 1 || hello.compression[0] !== 0)
      throw new TlsError('illegalParameter', 'ClientHello: compression');
    const first = this.#first;
    if (first !== undefined) this.#secondHello(first, hello);
    checkExtensions(hello);
    const asked = first === undefined ? undefined : { suite: this.#suite, group: this.#retryGroup };
    const chosen = negotiate(hello, this.#endpoint, this.#configuration.tickets, asked);
    this.#mayResume = mayResume(hello);
    if (chosen.share === undefined) {
      if (first !== undefined) throw new TlsError('illegalParameter', 'ClientHello: no share of the group asked for');
      this.#retry(hello, bytes, chosen);
      return;
    }
    this.#transcript.add(bytes);
    this.#answer(hello, chosen, chosen.share);
  }

  #olderClient(hello: ClientHello, bytes: Uint8Array): void {
    if (this.#older === undefined || this.#state !== 'start')
      throw new TlsError('protocolVersion', 'ClientHello: no version that is spoken here');
    if (hello.versions?.includes(TLS_1_3) !== true) checkOlder(hello);
    this.#state = 'done';
    this.#older.take(hello, bytes);
  }

  #secondHello(lasting: Uint8Array, second: ClientHello): void {
    const { primitives } = this.#endpoint;
    const same = primitives.equal(lasting, lastingPart(primitives, second));
    if (!same || second.earlyData || second.shares?.size !== 1)
      throw new TlsError('illegalParameter', 'ClientHello: the second is not what the first was');
    this.skipsEarlyData = false;
  }

  /** RFC 8446 4.1.4. */
  #retry(hello: ClientHello, bytes: Uint8Array, { suite, group }: Negotiated): void {
    this.#first = lastingPart(this.#endpoint.primitives, hello);
    this.#suite = suite;
    this.#retryGroup = group;
    this.#transcript.add(bytes);
    this.#transcript.retry(suite);
    const retry = writeRetry(hello.sessionId, suite.id, group);
    this.#transcript.add(retry);
    this.#channel.send(retry);
    if (hello.sessionId.length > 0) this.#channel.sendChangeCipherSpec();
    this.skipsEarlyData = hello.earlyData;
    this.#state = 'retried';
  }

  #answer(hello: ClientHello, { suite, session, sessionIndex, group }: Negotiated, share: Uint8Array): void {
    const { primitives, random } = this.#endpoint;
    const transcript = this.#transcript;
    this.#suite = suite;
    const challenge = this.#challenge;
    const certificates = challenge?.certificates ?? this.#configuration.certificates();
    const schedule = new KeySchedule(primitives, suite, challenge === undefined ? session?.psk : undefined);
    this.#schedule = schedule;
    const resumed = session !== undefined && challenge === undefined;
    this.#resumed = resumed;
    if (resumed) {
      const { binders, bindersLength } = hello.psks!;
      const binder = schedule.binder(transcript.hash(suite, bindersLength));
      if (!primitives.equal(binder, binders[sessionIndex]!))
        throw new TlsError('decryptError', 'ClientHello: a binder that does not fit its ticket');
      session.psk.fill(0);
    }
    const chosen = resumed ? undefined : certificates.choose(hello.serverName, hello.schemes ?? []);
    if (!resumed && chosen === undefined)
      throw new TlsError('handshakeFailure', 'ClientHello: no signature scheme that a certificate here has');
    this.#protocol = challenge?.protocol ?? protocolOf(hello.protocols, this.#configuration.protocols);
    this.#serverName = hello.serverName;
    const early = resumed && this.#takesEarlyData(hello, session, sessionIndex);
    const earlySecret = early ? schedule.early(transcript.hash(suite)) : undefined;
    const agreed = primitives.respond(group, share, random);
    if (agreed === undefined) throw new TlsError('illegalParameter', 'ClientHello: a share that is none');
    const serverHello = writeServerHello({
      random: random(32),
      sessionId: hello.sessionId,
      suite: suite.id,
      group,
      share: agreed.share,
      psk: resumed ? sessionIndex : undefined,
    });
    transcript.add(serverHello);
    this.#channel.send(serverHello);
    if (hello.sessionId.length > 0 && this.#state === 'start') this.#channel.sendChangeCipherSpec();
    const secrets = schedule.handshake(agreed.secret, transcript.hash(suite));
    // The channel owns its copy; the one here is for the MACs.
    const serverSecret = new Uint8Array(secrets.server);
    this.#clientSecret = new Uint8Array(secrets.client);
    this.#channel.writeWith(suite, secrets.server);
    this.#channel.readWith(suite, earlySecret ?? secrets.client);
    const named = certificates.named(hello.serverName) !== undefined;
    this.#flight(chosen, { protocol: this.#protocol, named, early }, serverSecret);
    serverSecret.fill(0);
    this.skipsEarlyData = hello.earlyData && this.#state === 'start' && !early;
    this.#state = early ? 'earlyData' : 'finished';
    if (!early) return;
    this.#behindEarly = secrets.client;
    this.earlyDataLeft = MOST_EARLY_DATA;
    this.#channel.takeEarlyData(this.#security);
  }

  /** RFC 8446 4.2.10: with the first ticket alone, and with the suite and protocol that it was issued for. */
  #takesEarlyData(hello: ClientHello, { early, suite, ageAdd }: Session, index: number): boolean {
    const { earlyData } = this.#configuration;
    if (!hello.earlyData || this.#state !== 'start' || index !== 0 || suite !== this.#suite) return false;
    if (earlyData === undefined || early === undefined) return false;
    const { identity, obfuscatedAge } = hello.psks!.identities[0]!;
    return earlyData.take(early, identity, (obfuscatedAge - ageAdd) >>> 0, this.#protocol ?? '');
  }

  #endOfEarlyData(bytes: Uint8Array): void {
    if (bytes.length !== 4) throw new TlsError('decodeError', 'EndOfEarlyData has content');
    this.#transcript.add(bytes);
    this.earlyDataLeft = undefined;
    this.#channel.readWith(this.#suite, this.#behindEarly!);
    this.#behindEarly = undefined;
    this.#state = 'finished';
  }

  get #security(): FlowSecurity {
    const [alpn, serverName, cipher] = [this.#protocol, this.#serverName, this.#suite.name];
    return { protocol: 'TLSv1.3', alpn, serverName, cipher };
  }

  /** EncryptedExtensions to Finished, as one; then the key for application data. */
  #flight(chosen: Chosen | undefined, extensions: EncryptedExtensions, secret: Uint8Array): void {
    const { primitives } = this.#endpoint;
    const transcript = this.#transcript;
    const suite = this.#suite;
    const start = transcript.length;
    transcript.add(writeEncryptedExtensions(extensions));
    if (chosen !== undefined) {
      const { certificate, scheme } = chosen;
      transcript.add(certificate.message);
      const signature = certificate.signer.sign(scheme, signedContent(transcript.hash(suite)));
      transcript.add(writeCertificateVerify(scheme, signature));
    }
    transcript.add(writeFinished(finishedMac(primitives, suite, secret, transcript.hash(suite))));
    this.#channel.send(transcript.from(start));
    this.#application = this.#schedule!.application(transcript.hash(suite));
    this.#channel.writeWith(suite, this.#application.server);
  }

  #finished(bytes: Uint8Array): void {
    const { primitives } = this.#endpoint;
    const transcript = this.#transcript;
    const suite = this.#suite;
    const mac = finishedMac(primitives, suite, this.#clientSecret!, transcript.hash(suite));
    checkFinished(primitives, mac, bytes.subarray(4));
    transcript.add(bytes);
    const resumption = this.#schedule!.resumption(transcript.hash(suite));
    this.#channel.readWith(suite, this.#application!.client);
    this.#application = undefined;
    this.#clientSecret!.fill(0);
    this.#state = 'done';
    if (this.#mayResume) this.#sendTickets(resumption);
    resumption.fill(0);
    this.#channel.established(this.#security);
  }

  /**
   * A ticket is used once (RFC 8446 C.4). HTTP/2 needs one, for its only connection. A client that opens several
   * connections gets two: one of them replaces the ticket that a resumed connection has used.
   */
  #sendTickets(resumption: Uint8Array): void {
    const { primitives, random, clock } = this.#endpoint;
    const suite = this.#suite;
    const { earlyData, tickets } = this.#configuration;
    const mostEarly = earlyData === undefined ? 0 : MOST_EARLY_DATA;
    const now = clock.wallClock();
    for (let i = this.#protocol === 'h2' || this.#resumed ? 1 : 0; i < 2; i++) {
      const nonce = Uint8Array.of(i);
      const [a = 0, b = 0, c = 0, d = 0] = random(4);
      const ageAdd = ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
      const psk = ticketPsk(primitives, suite, resumption, nonce);
      const early = earlyData?.allow(this.#protocol ?? '');
      const session = { suite, psk, serverName: this.#serverName, issued: Math.floor(now), ageAdd, early };
      const ticket = tickets.seal(session, now);
      psk.fill(0);
      this.#channel.send(writeTicket({ lifetime: TICKET_LIFETIME, ageAdd, nonce, ticket }, mostEarly));
    }
  }
}
