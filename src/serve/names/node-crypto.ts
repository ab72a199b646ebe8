/** OpenSSL's cryptography for the name server. */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { DnsCrypto, HashName } from '../../dns/crypto.js';

export class NodeCrypto implements DnsCrypto {
  hmac(hash: HashName, key: Uint8Array, parts: readonly Uint8Array[]): Uint8Array {
    const hmac = createHmac(hash, key);
    for (const part of parts) hmac.update(part);
    return hmac.digest();
  }

  equal(a: Uint8Array, b: Uint8Array): boolean {
    return a.length === b.length && timingSafeEqual(a, b);
  }

  digest(bytes: Uint8Array): Uint8Array {
    return createHash('sha256').update(bytes).digest();
  }
}
