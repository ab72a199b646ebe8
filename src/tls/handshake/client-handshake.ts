/** The handshake of TLS 1.3 from the client's side (RFC 8446 2, 4, A.1). */
import { TlsError } from '../common/alert.js';
import { type CipherSuite, SUITES, VERIFIED_SCHEMES } from '../common/suites.js';
import type { KeyShare, Verify } from '../primitives/primitives.js';
import type { Endpoint } from '../record/endpoint.js';
import { type ClientOffer, writeClientHello, writeNoCertificate } from '../wire/client-flight.js';
import { readProtocols } from '../wire/client-hello.js';
import { DOWNGRADE_TO_1_2, DOWNGRADE_TO_OLDER, EXTENSION, MESSAGE, TLS_1_2, TLS_1_3 } from '../wire/numbers.js';
import { Reader } from '../wire/reader.js';
import {
  type ReadServerHello,
  readCertificate,
  readCertificateVerify,
  readExtensions,
  readServerHello,
  readTicket,
  signedContent,
  writeFinished,
} from '../wire/server-flight.js';
import type { Channel, Handshake } from './channel.js';
import { checkFinished, finishedMac, KeySchedule, type Pair, ticketPsk } from './key-schedule.js';
import { Transcript } from './transcript.js';

/** What a client keeps to resume a session (RFC 8446 4.6.1). */
export interface ClientSession {
  readonly suite: CipherSuite;
  readonly psk: Uint8Array;
  readonly ticket: Uint8Array;
  readonly ageAdd: number;
  /** Milliseconds since 1970 when it came, and after which it is not used. */
  readonly received: number;
  readonly expires: number;
}

export interface ClientConfiguration {
  /** In `server_name`; undefined: none is sent. */
  readonly serverName: string | undefined;
  readonly protocols: readonly string[];
  /** Groups that are offered, the first with a share. At least one. */
  readonly groups: readonly number[];
  readonly suites?: readonly CipherSuite[] | undefined;
  readonly session: ClientSession | undefined;
  /**
   * Verifies the server's chain, in DER, its own certificate first; returns what verifies with its key. Throws a
   * `TlsError`.
   */
  readonly verify: (chain: readonly Uint8Array[]) => Verify;
  readonly onSession: ((session: ClientSession) => void) | undefined;
}

/** Seconds. RFC 8446 4.6.1. */
const MOST_LIFETIME = 604_800;

type State = 'start' | 'serverHello' | 'extensions' | 'certificate' | 'certificateVerify' | 'finished' | 'done';

export class ClientHandshake implements Handshake {
  readonly #endpoint: Endpoint;
  readonly #configuration: ClientConfiguration;
  readonly #channel: Channel;
  readonly #suites: readonly CipherSuite[];
  readonly #transcript: Transcript;
  #state: State = 'start';
  #share: KeyShare | undefined = undefined;
  #group = 0;
  #offer: ClientOffer | undefined = undefined;
  #retried: CipherSuite | undefined = undefined;
  #suite: CipherSuite | undefined = undefined;
  #schedule: KeySchedule | undefined = undefined;
  #handshake: Pair | undefined = undefined;
  #verify: Verify | undefined = undefined;
  #protocol: string | undefined = undefined;
  /** Context of a CertificateRequest, which is answered with no certificate. */
  #asked: Uint8Array | undefined = undefined;
  #resumed = false;
  #resumption: Uint8Array | undefined = undefined;
  skipsEarlyData = false;
  earlyDataLeft = undefined;
  allowsChangeCipherSpec = true;

  constructor(endpoint: Endpoint, configuration: ClientConfiguration, channel: Channel) {
    this.#endpoint = endpoint;
    this.#configuration = configuration;
    this.#channel = channel;
    this.#suites = configuration.suites ?? SUITES;
    this.#transcript = new Transcript(endpoint.primitives);
  }

  /** Whether the server took the session. */
  get resumed(): boolean {
    return this.#resumed;
  }

  /** Sends the ClientHello. */
  start(): void {
    const { random, primitives, clock } = this.#endpoint;
    const { groups, serverName, protocols, session } = this.#configuration;
    this.#group = groups[0]!;
    this.#share = primitives.keyShare(this.#group, random);
    const now = clock.wallClock();
    const usable = session !== undefined && now < session.expires && this.#suites.includes(session.suite);
    this.#offer = {
      random: random(32),
      sessionId: random(32),
      suites: this.#suites.map(({ id }) => id),
      serverName,
      groups,
      schemes: VERIFIED_SCHEMES,
      shares: [{ group: this.#group, share: this.#share.share }],
      protocols,
      cookie: undefined,
      psk: usable
        ? {
            ticket: session.ticket,
            obfuscatedAge: (Math.floor(now - session.received) + session.ageAdd) % 0x100000000,
            binderLength: session.suite.hashLength,
          }
        : undefined,
    };
    this.#sendHello(this.#offer);
    this.#state = 'serverHello';
  }

  #sendHello(offer: ClientOffer): void {
    const hello = writeClientHello(offer);
    this.#transcript.add(hello);
    if (offer.psk !== undefined) {
      const { suite, psk } = this.#configuration.session!;
      const { binderLength } = offer.psk;
      const schedule = new KeySchedule(this.#endpoint.primitives, suite, psk);
      // Two lengths come before the binder: of the list, and of the binder (RFC 8446 4.2.11.2).
      const binder = schedule.binder(this.#transcript.hash(suite, binderLength + 3));
      schedule.destroy();
      hello.set(binder, hello.length - binderLength);
      this.#transcript.replaceEnd(binder);
    }
    this.#channel.send(hello);
  }

  message(type: number, bytes: Uint8Array): void {
    const body = bytes.subarray(4);
    switch (this.#state) {
      case 'serverHello':
        if (type === MESSAGE.serverHello) return this.#hello(bytes, readServerHello(body));
        break;
      case 'extensions':
        if (type === MESSAGE.encryptedExtensions) return this.#extensions(bytes, body);
        break;
      case 'certificate':
        if (type === MESSAGE.certificateRequest && this.#asked === undefined) return this.#request(bytes, body);
        if (type === MESSAGE.certificate) return this.#certificate(bytes, body);
        break;
      case 'certificateVerify':
        if (type === MESSAGE.certificateVerify) return this.#certificateVerify(bytes, body);
        break;
      case 'finished':
        if (type === MESSAGE.finished) return this.#finished(bytes, body);
        break;
      default:
    }
    throw new TlsError('unexpectedMessage', 'a handshake message that is not due');
  }

  /** RFC 8446 4.1.3, 4.1.4. */
  #hello(bytes: Uint8Array, hello: ReadServerHello): void {
    const offer = this.#offer!;
    if (hello.version !== TLS_1_3) {
      const end = hello.random.subarray(24);
      const downgraded = [DOWNGRADE_TO_1_2, DOWNGRADE_TO_OLDER].some((one) =>
        one.every((octet, i) => octet === end[i]),
      );
      if (downgraded) throw new TlsError('illegalParameter', 'ServerHello: a downgrade of the version');
      throw new TlsError(
        hello.version === undefined ? 'protocolVersion' : 'illegalParameter',
        'ServerHello: not TLS 1.3',
      );
    }
    const suite = this.#suites.find(({ id }) => id === hello.suite);
    const echoed = this.#endpoint.primitives.equal(hello.sessionId, offer.sessionId);
    if (hello.legacyVersion !== TLS_1_2 || hello.compression !== 0 || !echoed || suite === undefined)
      throw new TlsError('illegalParameter', 'ServerHello: something that was not offered');
    if (hello.retry) this.#retry(bytes, hello, suite);
    else this.#accepted(bytes, hello, suite);
  }

  #retry(bytes: Uint8Array, { group, cookie }: ReadServerHello, suite: CipherSuite): void {
    if (this.#retried !== undefined) throw new TlsError('unexpectedMessage', 'a second HelloRetryRequest');
    const { groups, session } = this.#configuration;
    const other = group !== undefined && groups.includes(group) && group !== this.#group;
    if ((group !== undefined && !other) || (group === undefined && cookie === undefined))
      throw new TlsError('illegalParameter', 'HelloRetryRequest: it changes nothing, or asks for what was not offered');
    const { primitives, random } = this.#endpoint;
    this.#retried = suite;
    this.#transcript.retry(suite);
    this.#transcript.add(bytes);
    if (group !== undefined) {
      this.#group = group;
      this.#share = primitives.keyShare(group, random);
    }
    const offer = this.#offer!;
    this.#offer = {
      ...offer,
      shares: [{ group: this.#group, share: this.#share!.share }],
      cookie: cookie === undefined ? undefined : Uint8Array.from(cookie),
      // RFC 8446 4.1.4: a PSK of another hash is not offered again.
      psk: session?.suite.hash === suite.hash ? offer.psk : undefined,
    };
    // RFC 8446 D.4.
    this.#channel.sendChangeCipherSpec();
    this.#sendHello(this.#offer);
  }

  #accepted(bytes: Uint8Array, { group, share, psk }: ReadServerHello, suite: CipherSuite): void {
    const { primitives } = this.#endpoint;
    const { session } = this.#configuration;
    if (this.#retried !== undefined && this.#retried !== suite)
      throw new TlsError('illegalParameter', 'ServerHello: another suite than before');
    if (group !== this.#group || share === undefined)
      throw new TlsError('illegalParameter', 'ServerHello: no share of the group');
    if (psk !== undefined && (psk !== 0 || this.#offer!.psk === undefined || session!.suite.hash !== suite.hash))
      throw new TlsError('illegalParameter', 'ServerHello: a PSK that was not offered');
    const shared = this.#share!.agree(share);
    if (shared === undefined) throw new TlsError('illegalParameter', 'ServerHello: a share that is none');
    this.#resumed = psk !== undefined;
    this.#suite = suite;
    this.#transcript.add(bytes);
    this.#schedule = new KeySchedule(primitives, suite, this.#resumed ? session!.psk : undefined);
    const secrets = this.#schedule.handshake(shared, this.#transcript.hash(suite));
    this.#handshake = { client: Uint8Array.from(secrets.client), server: Uint8Array.from(secrets.server) };
    this.#channel.readWith(suite, secrets.server);
    // Sent before the first protected record (RFC 8446 D.4), unless it was before.
    if (this.#retried === undefined) this.#channel.sendChangeCipherSpec();
    this.#channel.writeWith(suite, secrets.client);
    this.#state = 'extensions';
  }

  #extensions(bytes: Uint8Array, body: Uint8Array): void {
    const reader = new Reader(body);
    readExtensions(reader.vector16(0, 65535), (type, content) => {
      if (type === EXTENSION.alpn) this.#chosen(content);
      else if (type === EXTENSION.supportedGroups) content.list16();
      else if (type !== EXTENSION.serverName || this.#configuration.serverName === undefined)
        throw new TlsError('unsupportedExtension', 'EncryptedExtensions: an extension that was not asked for');
    });
    reader.done();
    this.#transcript.add(bytes);
    this.#state = this.#resumed ? 'finished' : 'certificate';
  }

  /** RFC 7301 3.1. */
  #chosen(content: Reader): void {
    const { protocols } = this.#configuration;
    if (protocols.length === 0) throw new TlsError('unsupportedExtension', 'ALPN that was not asked for');
    const [protocol, ...more] = readProtocols(content);
    if (protocol === undefined || more.length > 0 || !protocols.includes(protocol))
      throw new TlsError('illegalParameter', 'ALPN: not one of the protocols that were offered');
    this.#protocol = protocol;
  }

  #request(bytes: Uint8Array, body: Uint8Array): void {
    const reader = new Reader(body);
    this.#asked = Uint8Array.from(reader.opaque8(0, 255));
    reader.vector16(2, 65535);
    reader.done();
    this.#transcript.add(bytes);
  }

  #certificate(bytes: Uint8Array, body: Uint8Array): void {
    this.#verify = this.#configuration.verify(readCertificate(body));
    this.#transcript.add(bytes);
    this.#state = 'certificateVerify';
  }

  /** RFC 8446 4.4.3. */
  #certificateVerify(bytes: Uint8Array, body: Uint8Array): void {
    const { scheme, signature } = readCertificateVerify(body);
    if (!VERIFIED_SCHEMES.includes(scheme))
      throw new TlsError('illegalParameter', 'CertificateVerify: a scheme that was not offered');
    if (!this.#verify!(scheme, signedContent(this.#transcript.hash(this.#suite!)), signature))
      throw new TlsError('decryptError', 'CertificateVerify: a signature that is wrong');
    this.#transcript.add(bytes);
    this.#state = 'finished';
  }

  #finished(bytes: Uint8Array, body: Uint8Array): void {
    const { primitives } = this.#endpoint;
    const transcript = this.#transcript;
    const suite = this.#suite!;
    const { client, server } = this.#handshake!;
    checkFinished(primitives, finishedMac(primitives, suite, server, transcript.hash(suite)), body);
    transcript.add(bytes);
    const schedule = this.#schedule!;
    const application = schedule.application(transcript.hash(suite));
    if (this.#asked !== undefined) {
      const none = writeNoCertificate(this.#asked);
      transcript.add(none);
      this.#channel.send(none);
    }
    const finished = writeFinished(finishedMac(primitives, suite, client, transcript.hash(suite)));
    transcript.add(finished);
    this.#channel.send(finished);
    this.#resumption = schedule.resumption(transcript.hash(suite));
    this.#channel.readWith(suite, application.server);
    this.#channel.writeWith(suite, application.client);
    this.#state = 'done';
    this.#channel.established({
      protocol: 'TLSv1.3',
      alpn: this.#protocol,
      serverName: this.#configuration.serverName,
      cipher: suite.name,
    });
  }

  /** NewSessionTicket, when the handshake is over (RFC 8446 4.6.1). */
  after(type: number, bytes: Uint8Array): void {
    if (type !== MESSAGE.newSessionTicket)
      throw new TlsError('unexpectedMessage', 'a handshake message when the handshake is over');
    const { lifetime, ageAdd, nonce, ticket } = readTicket(bytes.subarray(4));
    const { onSession } = this.#configuration;
    if (onSession === undefined || lifetime === 0 || this.#resumption === undefined) return;
    const suite = this.#suite!;
    const received = this.#endpoint.clock.wallClock();
    onSession({
      suite,
      psk: Uint8Array.from(ticketPsk(this.#endpoint.primitives, suite, this.#resumption, nonce)),
      ticket: Uint8Array.from(ticket),
      ageAdd,
      received,
      expires: received + Math.min(lifetime, MOST_LIFETIME) * 1000,
    });
  }

  /** Overwrites what is left, but for what tickets need; `forget` overwrites that, too. */
  destroy(): void {
    if (this.#state !== 'done') this.forget();
    this.#schedule?.destroy();
    this.#handshake?.client.fill(0);
    this.#handshake?.server.fill(0);
    this.#handshake = undefined;
    this.#share = undefined;
    this.#transcript.release();
  }

  forget(): void {
    this.#resumption?.fill(0);
    this.#resumption = undefined;
  }
}
