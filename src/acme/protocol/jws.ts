/**
 * Signed requests (RFC 8555 6.2): JWS in its flattened JSON form (RFC 7515 7.2.2), and what is derived from the
 * account's key.
 */
import type { AcmeCrypto, PublicJwk, SigningKey } from '../crypto.js';

/** Who signs: an account by its URL, or a key that the server may not know yet. */
export type Signer = { readonly kid: string } | { readonly jwk: PublicJwk };

/** The body of a request. `payload` undefined: POST-as-GET (RFC 8555 6.3). */
export function signedBody(key: SigningKey, signer: Signer, nonce: string, url: string, payload: unknown): string {
  const head = { alg: 'ES256', nonce, url, ...signer };
  return flattened(head, payload === undefined ? '' : JSON.stringify(payload), (data) => key.signRaw(data));
}

/** A statement inside of a request, which needs no nonce of its own (RFC 8555 7.3.5). */
export function signedStatement(key: SigningKey, head: { jwk: PublicJwk; url: string }, payload: unknown): unknown {
  return JSON.parse(flattened({ alg: 'ES256', ...head }, JSON.stringify(payload), (data) => key.signRaw(data)));
}

/**
 * The external account binding (RFC 8555 7.3.4): the account's key, signed with the key that the CA gave for `keyId`.
 */
export function accountBinding(
  crypto: AcmeCrypto,
  jwk: PublicJwk,
  url: string,
  { keyId, hmacKey }: ExternalAccount,
): unknown {
  const secret = Buffer.from(hmacKey, 'base64url');
  const head = { alg: 'HS256', kid: keyId, url };
  return JSON.parse(flattened(head, JSON.stringify(jwk), (data) => crypto.hmac(secret, data)));
}

export interface ExternalAccount {
  readonly keyId: string;
  /** In base64url. */
  readonly hmacKey: string;
}

/** RFC 7638 3: the members in the order of their names, without white space. */
export function thumbprint(crypto: AcmeCrypto, { crv, kty, x, y }: PublicJwk): string {
  return base64url(crypto.sha256(utf8(JSON.stringify({ crv, kty, x, y }))));
}

function flattened(head: object, payload: string, sign: (data: Uint8Array) => Uint8Array): string {
  const first = base64url(utf8(JSON.stringify(head)));
  const second = base64url(utf8(payload));
  const signature = base64url(sign(utf8(`${first}.${second}`)));
  return JSON.stringify({ protected: first, payload: second, signature });
}

export function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url');
}

export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
