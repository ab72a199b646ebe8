/** Keys, signatures and hashes by OpenSSL. */
import {
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from 'node:crypto';
import type { AcmeCrypto, PublicJwk, SigningKey } from './crypto.js';

export const nodeCrypto: AcmeCrypto = {
  generateKey: () => keyOf(generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey),
  readKey: (pem) => {
    let key: KeyObject;
    try {
      key = createPrivateKey(pem);
    } catch {
      // OpenSSL cannot read it; the owner of the file says so to people.
      return undefined;
    }
    return key.asymmetricKeyDetails?.namedCurve === 'prime256v1' ? keyOf(key) : undefined;
  },
  sha256: (data) => createHash('sha256').update(data).digest(),
  hmac: (key, data) => createHmac('sha256', key).update(data).digest(),
};

function keyOf(key: KeyObject): SigningKey {
  const { x, y } = createPublicKey(key).export({ format: 'jwk' }) as { x: string; y: string };
  const jwk: PublicJwk = { kty: 'EC', crv: 'P-256', x, y };
  return {
    jwk,
    spki: createPublicKey(key).export({ format: 'der', type: 'spki' }),
    pem: key.export({ format: 'pem', type: 'pkcs8' }) as string,
    signRaw: (data) => sign('sha256', data, { key, dsaEncoding: 'ieee-p1363' }),
    signDer: (data) => sign('sha256', data, key),
  };
}
