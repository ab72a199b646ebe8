/** What a server sends (RFC 8446 4.1.3, 4.1.4, 4.3, 4.4, 4.6): written by a server, read by a client. */
import { TlsError } from '../common/alert.js';
import { EXTENSION, MESSAGE, RETRY_RANDOM, TLS_1_2, TLS_1_3 } from './numbers.js';
import { Reader } from './reader.js';
import { Writer } from './writer.js';

export interface ServerHello {
  readonly random: Uint8Array;
  /** `legacy_session_id_echo`. */
  readonly sessionId: Uint8Array;
  readonly suite: number;
  /** The chosen group, with the server's share; in a HelloRetryRequest without (undefined: no key_share at all). */
  readonly group: number | undefined;
  readonly share: Uint8Array | undefined;
  /** Index of the chosen identity. */
  readonly psk: number | undefined;
}

export function writeServerHello(hello: ServerHello): Uint8Array {
  const writer = new Writer(128 + (hello.share?.length ?? 0));
  writer.message(MESSAGE.serverHello, (body) =>
    body
      .u16(TLS_1_2)
      .raw(hello.random)
      .vector(1, (one) => one.raw(hello.sessionId))
      .u16(hello.suite)
      .u8(0)
      .vector(2, (list) => {
        list.extension(EXTENSION.supportedVersions, (one) => one.u16(TLS_1_3));
        const { group, share, psk } = hello;
        if (group !== undefined)
          list.extension(EXTENSION.keyShare, (one) => {
            one.u16(group);
            if (share !== undefined) one.vector(2, (key) => key.raw(share));
          });
        if (psk !== undefined) list.extension(EXTENSION.preSharedKey, (one) => one.u16(psk));
      }),
  );
  return writer.bytes;
}

/** HelloRetryRequest (RFC 8446 4.1.4): `group` is the one that the client must send a share of. */
export function writeRetry(sessionId: Uint8Array, suite: number, group: number): Uint8Array {
  return writeServerHello({ random: RETRY_RANDOM, sessionId, suite, group, share: undefined, psk: undefined });
}

export interface ReadServerHello extends ServerHello {
  readonly retry: boolean;
  readonly legacyVersion: number;
  readonly compression: number;
  readonly version: number | undefined;
  readonly cookie: Uint8Array | undefined;
}

/** Reads the body of a ServerHello or a HelloRetryRequest. */
export function readServerHello(bytes: Uint8Array): ReadServerHello {
  const reader = new Reader(bytes);
  const legacyVersion = reader.u16();
  const random = reader.fixed(32);
  const sessionId = reader.opaque8(0, 32);
  const suite = reader.u16();
  const compression = reader.u8();
  let version: number | undefined;
  let group: number | undefined;
  let share: Uint8Array | undefined;
  let psk: number | undefined;
  let cookie: Uint8Array | undefined;
  const retry = RETRY_RANDOM.every((octet, i) => random[i] === octet);
  // A server of an older version may send none.
  const list = reader.left === 0 ? reader : reader.vector16(0, 65535);
  readExtensions(list, (type, content) => {
    if (type === EXTENSION.supportedVersions) version = content.u16();
    else if (type === EXTENSION.keyShare) {
      group = content.u16();
      if (!retry) share = content.opaque16(1, 65535);
    } else if (type === EXTENSION.preSharedKey && !retry) psk = content.u16();
    else if (type === EXTENSION.cookie && retry) cookie = content.opaque16(1, 65535);
    else throw new TlsError('unsupportedExtension', 'ServerHello: an extension that does not belong there');
  });
  reader.done();
  return { legacyVersion, random, sessionId, suite, compression, retry, version, group, share, psk, cookie };
}

/** Calls `each` for every extension; each at most once, and read to its end. */
export function readExtensions(list: Reader, each: (type: number, content: Reader) => void): void {
  const seen = new Set<number>();
  while (list.left > 0) {
    const type = list.u16();
    const content = list.vector16(0, 65535);
    if (seen.has(type)) throw new TlsError('illegalParameter', 'an extension comes twice');
    seen.add(type);
    each(type, content);
    content.done();
  }
}

export interface EncryptedExtensions {
  readonly protocol: string | undefined;
  /** The server took the client's `server_name` (RFC 6066 3). */
  readonly named: boolean;
  /** It takes early data (RFC 8446 4.2.10). */
  readonly early: boolean;
}

export function writeEncryptedExtensions({ protocol, named, early }: EncryptedExtensions): Uint8Array {
  const writer = new Writer(32);
  writer.message(MESSAGE.encryptedExtensions, (body) =>
    body.vector(2, (list) => {
      if (named) list.extension(EXTENSION.serverName, () => undefined);
      if (early) list.extension(EXTENSION.earlyData, () => undefined);
      if (protocol !== undefined)
        list.extension(EXTENSION.alpn, (one) =>
          one.vector(2, (names) => names.vector(1, (name) => name.text(protocol))),
        );
    }),
  );
  return writer.bytes;
}

/** Certificate with a chain in DER, the server's own first, and no extensions (RFC 8446 4.4.2). */
export function writeCertificate(chain: readonly Uint8Array[]): Uint8Array {
  const writer = new Writer(64 + chain.reduce((sum, one) => sum + one.length + 5, 0));
  writer.message(MESSAGE.certificate, (body) =>
    body.u8(0).vector(3, (list) => {
      for (const one of chain) list.vector(3, (data) => data.raw(one)).u16(0);
    }),
  );
  return writer.bytes;
}

/** Certificates of a chain that a client reads. */
const MOST_CHAIN = 10;

/** Reads the body of a server's Certificate. */
export function readCertificate(bytes: Uint8Array): Uint8Array[] {
  const reader = new Reader(bytes);
  if (reader.opaque8(0, 255).length > 0)
    throw new TlsError('illegalParameter', "Certificate: a server's has no request context");
  const list = reader.vector24(0, 0xffffff);
  const chain: Uint8Array[] = [];
  while (list.left > 0) {
    chain.push(list.opaque24(1, 0xffffff));
    readExtensions(list.vector16(0, 65535), () => {
      throw new TlsError('unsupportedExtension', 'Certificate: an extension that was not asked for');
    });
    if (chain.length > MOST_CHAIN) throw new TlsError('badCertificate', 'Certificate: the chain is too long');
  }
  reader.done();
  // RFC 8446 4.4.2.4.
  if (chain.length === 0) throw new TlsError('decodeError', 'Certificate: empty');
  return chain;
}

export function writeCertificateVerify(scheme: number, signature: Uint8Array): Uint8Array {
  const writer = new Writer(8 + signature.length);
  writer.message(MESSAGE.certificateVerify, (body) => body.u16(scheme).vector(2, (one) => one.raw(signature)));
  return writer.bytes;
}

export function readCertificateVerify(bytes: Uint8Array): { readonly scheme: number; readonly signature: Uint8Array } {
  const reader = new Reader(bytes);
  const scheme = reader.u16();
  const signature = reader.opaque16(0, 65535);
  reader.done();
  return { scheme, signature };
}

const CONTEXT_OF_SERVER = new TextEncoder().encode('TLS 1.3, server CertificateVerify');

/** What a server signs (RFC 8446 4.4.3): 64 spaces, a context string, zero, and the hash of the transcript. */
export function signedContent(transcript: Uint8Array): Uint8Array {
  const content = new Uint8Array(64 + CONTEXT_OF_SERVER.length + 1 + transcript.length).fill(0x20, 0, 64);
  content.set(CONTEXT_OF_SERVER, 64);
  content.set(transcript, content.length - transcript.length);
  return content;
}

export function writeFinished(mac: Uint8Array): Uint8Array {
  return new Writer(4 + mac.length).message(MESSAGE.finished, (body) => body.raw(mac)).bytes;
}

export function writeKeyUpdate(request: boolean): Uint8Array {
  return new Writer(8).message(MESSAGE.keyUpdate, (body) => body.u8(request ? 1 : 0)).bytes;
}

export interface SessionTicket {
  /** Seconds, 0 to 604,800. */
  readonly lifetime: number;
  readonly ageAdd: number;
  readonly nonce: Uint8Array;
  readonly ticket: Uint8Array;
}

/** NewSessionTicket (RFC 8446 4.6.1). `mostEarly`: bytes of early data that a client may send with it; 0: none. */
export function writeTicket({ lifetime, ageAdd, nonce, ticket }: SessionTicket, mostEarly = 0): Uint8Array {
  const writer = new Writer(32 + nonce.length + ticket.length);
  writer.message(MESSAGE.newSessionTicket, (body) =>
    body
      .u32(lifetime)
      .u32(ageAdd)
      .vector(1, (one) => one.raw(nonce))
      .vector(2, (one) => one.raw(ticket))
      .vector(2, (list) => {
        if (mostEarly > 0) list.extension(EXTENSION.earlyData, (one) => one.u32(mostEarly));
      }),
  );
  return writer.bytes;
}

export function readTicket(bytes: Uint8Array): SessionTicket {
  const reader = new Reader(bytes);
  const lifetime = reader.u32();
  const ageAdd = reader.u32();
  const nonce = reader.opaque8(0, 255);
  const ticket = reader.opaque16(1, 65535);
  // `early_data` is not used; extensions that are not known are ignored (RFC 8446 4.6.1).
  const extensions = reader.vector16(0, 65534);
  while (extensions.left > 0) {
    extensions.u16();
    extensions.opaque16(0, 65535);
  }
  reader.done();
  return { lifetime, ageAdd, nonce, ticket };
}
