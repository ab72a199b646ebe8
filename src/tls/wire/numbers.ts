/** Numbers on the wire (RFC 8446 B). */

export const CONTENT = { changeCipherSpec: 20, alert: 21, handshake: 22, applicationData: 23 } as const;

export const MESSAGE = {
  clientHello: 1,
  serverHello: 2,
  newSessionTicket: 4,
  endOfEarlyData: 5,
  encryptedExtensions: 8,
  certificate: 11,
  certificateRequest: 13,
  certificateVerify: 15,
  finished: 20,
  keyUpdate: 24,
} as const;

export const EXTENSION = {
  serverName: 0,
  supportedGroups: 10,
  signatureAlgorithms: 13,
  alpn: 16,
  extendedMasterSecret: 23,
  preSharedKey: 41,
  earlyData: 42,
  supportedVersions: 43,
  cookie: 44,
  pskKeyExchangeModes: 45,
  certificateAuthorities: 47,
  signatureAlgorithmsCert: 50,
  keyShare: 51,
} as const;

export const TLS_1_2 = 0x0303;
export const TLS_1_3 = 0x0304;
/** RFC 7507. */
export const FALLBACK_SCSV = 0x5600;

/**
 * Bytes of a record's header, of its content at most (RFC 8446 5.1), and of a protected record behind its header (5.2).
 */
export const RECORD_HEADER = 5;
export const MOST_CONTENT = 16384;
export const MOST_PROTECTED = MOST_CONTENT + 256;

/** `random` of a ServerHello that is a HelloRetryRequest (RFC 8446 4.1.3): SHA-256 of "HelloRetryRequest". */
export const RETRY_RANDOM = Uint8Array.from([
  0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11,
  0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
]);

/**
 * The end of `random` in a ServerHello of TLS 1.2, or an older version, from a server that has TLS 1.3 (RFC 8446
 * 4.1.3).
 */
export const DOWNGRADE_TO_1_2 = Uint8Array.from([0x44, 0x4f, 0x57, 0x4e, 0x47, 0x52, 0x44, 0x01]);
export const DOWNGRADE_TO_OLDER = Uint8Array.from([0x44, 0x4f, 0x57, 0x4e, 0x47, 0x52, 0x44, 0x00]);
