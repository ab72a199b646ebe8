/** Key agreement by Node's OpenSSL: X25519 (RFC 7748), NIST curves, and X25519MLKEM768 where OpenSSL has ML-KEM. */
import * as crypto from 'node:crypto';
import { createECDH, createPrivateKey, createPublicKey, diffieHellman, type KeyObject } from 'node:crypto';
import { GROUP } from '../common/suites.js';
import type { KeyShare, RandomBytes } from './primitives.js';

/** A raw X25519 key in PKCS #8 and SubjectPublicKeyInfo (RFC 8410): what comes before its 32 bytes. */
const X25519_PKCS8 = Buffer.from('302e020100300506032b656e04220420', 'hex');
const X25519_SPKI = Buffer.from('302a300506032b656e032100', 'hex');
const X25519_LENGTH = 32;

const CURVES: ReadonlyMap<number, { readonly name: string; readonly length: number }> = new Map([
  [GROUP.secp256r1, { name: 'prime256v1', length: 32 }],
  [GROUP.secp384r1, { name: 'secp384r1', length: 48 }],
]);

/** ML-KEM-768 (FIPS 203): bytes of an encapsulation key, a ciphertext, and SubjectPublicKeyInfo before the former. */
const MLKEM_KEY_LENGTH = 1184;
const MLKEM_CIPHERTEXT_LENGTH = 1088;
const MLKEM_SPKI = Buffer.from('308204b2300b0609608648016503040402038204a100', 'hex');

/** `node:crypto` from version 24 on. */
interface Encapsulation {
  encapsulate?(key: KeyObject): { sharedKey: Uint8Array; ciphertext: Uint8Array };
  decapsulate?(key: KeyObject, ciphertext: Uint8Array): Uint8Array;
}
const kem = crypto as unknown as Encapsulation;

/** Whether this Node has ML-KEM: asked of OpenSSL itself, which may be older than Node's functions for it. */
function hasMlkem(): boolean {
  if (kem.encapsulate === undefined) return false;
  try {
    crypto.generateKeyPairSync('ml-kem-768' as never);
    return true;
  } catch {
    // OpenSSL before 3.5 refuses the key type.
    return false;
  }
}

/** Groups that there are, the preferred one first. */
export function agreementGroups(): number[] {
  const classic: number[] = [GROUP.x25519, GROUP.secp256r1, GROUP.secp384r1];
  return hasMlkem() ? [GROUP.x25519mlkem768, ...classic] : classic;
}

/** X25519 (RFC 7748) of raw keys. */
export interface X25519 {
  keyShare(random: RandomBytes): KeyShare;
  /** A share and the secret for a peer's share; undefined when that is not valid. */
  respond(peer: Uint8Array, random: RandomBytes): Agreed | undefined;
}

export interface Agreed {
  readonly share: Uint8Array;
  readonly secret: Uint8Array;
}

export function keyShare(group: number, random: RandomBytes, x25519: X25519 = nodeX25519): KeyShare {
  if (group === GROUP.x25519) return x25519.keyShare(random);
  if (group === GROUP.x25519mlkem768) return hybrid(random, x25519);
  const curve = CURVES.get(group);
  if (curve === undefined) throw new RangeError(`no group 0x${group.toString(16)}`);
  return ellipticCurve(curve.name, curve.length, random);
}

export function respond(
  group: number,
  client: Uint8Array,
  random: RandomBytes,
  x25519: X25519 = nodeX25519,
): Agreed | undefined {
  if (group === GROUP.x25519) return x25519.respond(client, random);
  if (group === GROUP.x25519mlkem768) return respondHybrid(client, random, x25519);
  return respondWith(keyShare(group, random, x25519), client);
}

function respondWith(own: KeyShare, peer: Uint8Array): Agreed | undefined {
  const secret = own.agree(peer);
  return secret === undefined ? undefined : { share: own.share, secret };
}

export const nodeX25519: X25519 = {
  keyShare: nodeShare,
  respond: (peer, random) => respondWith(nodeShare(random), peer),
};

function nodeShare(random: RandomBytes): KeyShare {
  const seed = random(X25519_LENGTH);
  const der = Buffer.concat([X25519_PKCS8, seed]);
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  der.fill(0);
  seed.fill(0);
  const share = createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(X25519_SPKI.length);
  return {
    share,
    agree: (peer) => {
      if (peer.length !== X25519_LENGTH) return undefined;
      const publicKey = createPublicKey({ key: Buffer.concat([X25519_SPKI, peer]), format: 'der', type: 'spki' });
      try {
        return diffieHellman({ privateKey: key, publicKey });
      } catch {
        // OpenSSL refuses points of small order, whose secret would be all zero (RFC 8446 7.4.2, RFC 7748 6.1).
        return undefined;
      }
    },
  };
}

function ellipticCurve(name: string, length: number, random: RandomBytes): KeyShare {
  const ecdh = createECDH(name);
  for (;;) {
    const scalar = random(length);
    try {
      ecdh.setPrivateKey(scalar);
      break;
    } catch {
      // Zero, or not below the order of the group: one in 2^32 for P-256.
    } finally {
      scalar.fill(0);
    }
  }
  return {
    share: ecdh.getPublicKey(),
    agree: (peer) => {
      // RFC 8446 4.2.8.2: uncompressed points alone.
      if (peer.length !== 2 * length + 1 || peer[0] !== 4) return undefined;
      try {
        return ecdh.computeSecret(peer);
      } catch {
        // The point is not on the curve.
        return undefined;
      }
    },
  };
}

/** draft-ietf-tls-ecdhe-mlkem 4: the ML-KEM parts come first. ML-KEM draws its own randomness. */
function hybrid(random: RandomBytes, x25519: X25519): KeyShare {
  const classic = x25519.keyShare(random);
  const { privateKey, publicKey } = crypto.generateKeyPairSync('ml-kem-768' as never) as unknown as {
    privateKey: KeyObject;
    publicKey: KeyObject;
  };
  const encapsulationKey = publicKey.export({ format: 'der', type: 'spki' }).subarray(MLKEM_SPKI.length);
  return {
    share: Buffer.concat([encapsulationKey, classic.share]),
    agree: (peer) => {
      if (peer.length !== MLKEM_CIPHERTEXT_LENGTH + X25519_LENGTH) return undefined;
      const second = classic.agree(peer.subarray(MLKEM_CIPHERTEXT_LENGTH));
      if (second === undefined) return undefined;
      const first = kem.decapsulate!(privateKey, peer.subarray(0, MLKEM_CIPHERTEXT_LENGTH));
      return Buffer.concat([first, second]);
    },
  };
}

function respondHybrid(client: Uint8Array, random: RandomBytes, x25519: X25519): Agreed | undefined {
  if (client.length !== MLKEM_KEY_LENGTH + X25519_LENGTH) return undefined;
  const classic = x25519.respond(client.subarray(MLKEM_KEY_LENGTH), random);
  if (classic === undefined) return undefined;
  const der = Buffer.concat([MLKEM_SPKI, client.subarray(0, MLKEM_KEY_LENGTH)]);
  try {
    const first = kem.encapsulate!(createPublicKey({ key: der, format: 'der', type: 'spki' }));
    return {
      share: Buffer.concat([first.ciphertext, classic.share]),
      secret: Buffer.concat([first.sharedKey, classic.secret]),
    };
  } catch {
    // The encapsulation key is not reduced (FIPS 203 7.2).
    return undefined;
  }
}
