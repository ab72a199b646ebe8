/** Cipher suites, groups and signature schemes of TLS 1.3 (RFC 8446 B.4, B.3.1.4, B.3.1.3). */

export type HashName = 'sha256' | 'sha384';

export interface CipherSuite {
  readonly id: number;
  readonly name: string;
  readonly hash: HashName;
  /** Bytes of a digest. */
  readonly hashLength: number;
  /** As OpenSSL names the AEAD. */
  readonly cipher: 'aes-128-gcm' | 'aes-256-gcm' | 'chacha20-poly1305';
  readonly keyLength: number;
  /**
   * Records under one key, after which a KeyUpdate is due (RFC 8446 5.5): 2^24.5 full records is the bound of AES-GCM.
   * ChaCha20-Poly1305 has none that a connection reaches.
   */
  readonly records: number;
}

const AES_RECORDS = 2 ** 23;

export const AES_128: CipherSuite = {
  id: 0x1301,
  name: 'TLS_AES_128_GCM_SHA256',
  hash: 'sha256',
  hashLength: 32,
  cipher: 'aes-128-gcm',
  keyLength: 16,
  records: AES_RECORDS,
};
export const AES_256: CipherSuite = {
  id: 0x1302,
  name: 'TLS_AES_256_GCM_SHA384',
  hash: 'sha384',
  hashLength: 48,
  cipher: 'aes-256-gcm',
  keyLength: 32,
  records: AES_RECORDS,
};
export const CHACHA20: CipherSuite = {
  id: 0x1303,
  name: 'TLS_CHACHA20_POLY1305_SHA256',
  hash: 'sha256',
  hashLength: 32,
  cipher: 'chacha20-poly1305',
  keyLength: 32,
  records: Number.MAX_SAFE_INTEGER,
};

/** All that there are, the preferred one first. */
export const SUITES: readonly CipherSuite[] = [AES_128, AES_256, CHACHA20];

export function suiteById(id: number): CipherSuite | undefined {
  return SUITES.find((suite) => suite.id === id);
}

/** NamedGroup. */
export const GROUP = { secp256r1: 0x0017, secp384r1: 0x0018, x25519: 0x001d, x25519mlkem768: 0x11ec } as const;

/** SignatureScheme. */
export const SCHEME = {
  ecdsaSecp256r1Sha256: 0x0403,
  ecdsaSecp384r1Sha384: 0x0503,
  ecdsaSecp521r1Sha512: 0x0603,
  rsaPssRsaeSha256: 0x0804,
  rsaPssRsaeSha384: 0x0805,
  rsaPssRsaeSha512: 0x0806,
  ed25519: 0x0807,
} as const;

/** What a client of ours offers and accepts in CertificateVerify. */
export const VERIFIED_SCHEMES: readonly number[] = [
  SCHEME.ecdsaSecp256r1Sha256,
  SCHEME.ed25519,
  SCHEME.rsaPssRsaeSha256,
  SCHEME.ecdsaSecp384r1Sha384,
  SCHEME.rsaPssRsaeSha384,
  SCHEME.ecdsaSecp521r1Sha512,
  SCHEME.rsaPssRsaeSha512,
];

/** Nonce and tag of every AEAD here, in bytes (RFC 8446 5.3; RFC 5116 5.1, 5.2; RFC 8439 2.8). */
export const NONCE_LENGTH = 12;
export const TAG_LENGTH = 16;
