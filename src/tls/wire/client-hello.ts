/** ClientHello (RFC 8446 4.1.2): read by a server. */
import { TlsError } from '../common/alert.js';
import { EXTENSION } from './numbers.js';
import { Reader } from './reader.js';

interface PskIdentity {
  readonly identity: Uint8Array;
  readonly obfuscatedAge: number;
}

interface OfferedPsks {
  readonly identities: readonly PskIdentity[];
  readonly binders: readonly Uint8Array[];
  /**
   * Bytes of `binders` with their length, at the end of the message: the transcript of a binder lacks them (RFC 8446
   * 4.2.11.2).
   */
  readonly bindersLength: number;
}

export interface ClientHello {
  readonly legacyVersion: number;
  readonly random: Uint8Array;
  readonly sessionId: Uint8Array;
  readonly suites: readonly number[];
  readonly compression: Uint8Array;
  /** Undefined: the extension is not there. */
  readonly versions: readonly number[] | undefined;
  /** In small letters; undefined: none, or none that is a DNS name (RFC 6066 3). */
  readonly serverName: string | undefined;
  readonly groups: readonly number[] | undefined;
  readonly schemes: readonly number[] | undefined;
  readonly shares: ReadonlyMap<number, Uint8Array> | undefined;
  readonly protocols: readonly string[] | undefined;
  readonly pskModes: Uint8Array | undefined;
  readonly psks: OfferedPsks | undefined;
  readonly earlyData: boolean;
  readonly cookie: boolean;
  /** Types of all extensions. */
  readonly extensions: ReadonlySet<number>;
}

/**
 * Reads the body of a ClientHello, `bytes[start..end)`. Throws a `TlsError` with the alert that RFC 8446 asks for.
 * Lists may be as long as they fit: the work grows with the bytes alone, and what is not known is ignored (4.1.2, 4.2).
 */
export function readClientHello(bytes: Uint8Array, start: number, end: number): ClientHello {
  const reader = new Reader(bytes, start, end);
  const hello: { -readonly [K in keyof ClientHello]: ClientHello[K] } = {
    legacyVersion: reader.u16(),
    random: reader.fixed(32),
    sessionId: reader.opaque8(0, 32),
    suites: reader.list16(),
    compression: reader.opaque8(1, 255),
    versions: undefined,
    serverName: undefined,
    groups: undefined,
    schemes: undefined,
    shares: undefined,
    protocols: undefined,
    pskModes: undefined,
    psks: undefined,
    earlyData: false,
    cookie: false,
    extensions: new Set(),
  };
  // TLS 1.2 and older: extensions may be missing altogether.
  if (reader.left === 0) return hello;
  const all = reader.vector16(0, 65535);
  reader.done();
  const seen = new Set<number>();
  while (all.left > 0) {
    const type = all.u16();
    const content = all.vector16(0, 65535);
    if (seen.has(type)) throw new TlsError('illegalParameter', 'ClientHello: an extension comes twice');
    if (hello.psks !== undefined)
      throw new TlsError('illegalParameter', 'ClientHello: pre_shared_key is not the last extension');
    seen.add(type);
    if (readExtension(hello, type, content)) content.done();
  }
  hello.extensions = seen;
  return hello;
}

/** Returns whether the extension is known: then all of it was read. */
function readExtension(
  hello: { -readonly [K in keyof ClientHello]: ClientHello[K] },
  type: number,
  content: Reader,
): boolean {
  switch (type) {
    case EXTENSION.serverName:
      hello.serverName = readServerName(content);
      return true;
    case EXTENSION.supportedVersions: {
      const list = new Reader(content.opaque8(2, 254));
      if (list.left % 2 !== 0) throw new TlsError('decodeError', 'supported_versions has an odd length');
      const versions: number[] = [];
      while (list.left > 0) versions.push(list.u16());
      hello.versions = versions;
      return true;
    }
    case EXTENSION.supportedGroups:
      hello.groups = content.list16();
      return true;
    case EXTENSION.signatureAlgorithms:
      hello.schemes = content.list16();
      return true;
    case EXTENSION.keyShare:
      hello.shares = readShares(content);
      return true;
    case EXTENSION.alpn:
      hello.protocols = readProtocols(content);
      return true;
    case EXTENSION.pskKeyExchangeModes:
      hello.pskModes = content.opaque8(1, 255);
      return true;
    case EXTENSION.earlyData:
      hello.earlyData = true;
      return true;
    case EXTENSION.cookie:
      content.opaque16(1, 65535);
      hello.cookie = true;
      return true;
    case EXTENSION.preSharedKey:
      hello.psks = readPsks(content);
      return true;
    default:
      return false;
  }
}

const HOST_NAME = 0;

/** RFC 6066 3: at most one name of a type. */
function readServerName(content: Reader): string | undefined {
  const list = content.vector16(1, 65535);
  let name: string | undefined;
  while (list.left > 0) {
    const type = list.u8();
    const bytes = list.opaque16(1, 65535);
    if (type !== HOST_NAME) continue;
    if (name !== undefined) throw new TlsError('illegalParameter', 'server_name: two host names');
    let text = '';
    // Longer, or with other octets: no name of the DNS.
    if (bytes.length > 255) throw new TlsError('illegalParameter', 'server_name: longer than a DNS name');
    for (const octet of bytes) {
      if (octet < 0x21 || octet > 0x7e) throw new TlsError('illegalParameter', 'server_name: not ASCII');
      text += String.fromCharCode(octet);
    }
    name = text.toLowerCase();
  }
  return name;
}

function readShares(content: Reader): ReadonlyMap<number, Uint8Array> {
  const list = content.vector16(0, 65535);
  const shares = new Map<number, Uint8Array>();
  while (list.left > 0) {
    const group = list.u16();
    const share = list.opaque16(1, 65535);
    // RFC 8446 4.2.8.
    if (shares.has(group)) throw new TlsError('illegalParameter', 'key_share: two shares of a group');
    shares.set(group, share);
  }
  return shares;
}

/** RFC 7301 3.1. */
export function readProtocols(content: Reader): string[] {
  const list = content.vector16(2, 65535);
  const protocols: string[] = [];
  while (list.left > 0) {
    protocols.push(String.fromCharCode(...list.opaque8(1, 255)));
  }
  return protocols;
}

/** RFC 8446 4.2.11. */
function readPsks(content: Reader): OfferedPsks {
  const list = content.vector16(7, 65535);
  const identities: PskIdentity[] = [];
  while (list.left > 0) {
    const identity = list.opaque16(1, 65535);
    identities.push({ identity, obfuscatedAge: list.u32() });
  }
  const bindersLength = content.left;
  const second = content.vector16(33, 65535);
  const binders: Uint8Array[] = [];
  while (second.left > 0) {
    binders.push(second.opaque8(32, 255));
  }
  if (binders.length !== identities.length)
    throw new TlsError('illegalParameter', 'pre_shared_key: as many binders as identities are due');
  return { identities, binders, bindersLength };
}
