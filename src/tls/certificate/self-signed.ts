/** A self-signed certificate (RFC 5280 4) of an ECDSA key on P-256, to try HTTPS with. */
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import type { RandomBytes } from '../primitives/primitives.js';
import {
  bitString,
  boolean,
  explicit,
  generalizedTime,
  integer,
  octetString,
  oid,
  pem,
  sequence,
  set,
  tagged,
  utf8String,
} from './der.js';

/** Milliseconds. Browsers refuse certificates that last longer than 398 days. */
const VALIDITY = 365 * 86_400_000;
/** Milliseconds before now from which it is valid: clocks differ. */
const BEFORE = 3_600_000;

const OID = {
  commonName: '2.5.4.3',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
} as const;

export interface SelfSignedOptions {
  /** DNS names and IPv4 addresses; at least one. */
  readonly names: readonly string[];
  /** Milliseconds since 1970. */
  readonly from: number;
  readonly random: RandomBytes;
}

/** Both in PEM. */
export function makeSelfSigned({ names, from, random }: SelfSignedOptions): { certificate: string; key: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const spki = publicKey.export({ format: 'der', type: 'spki' });
  const name = sequence(set(sequence(oid(OID.commonName), utf8String(names[0]!))));
  // RFC 5280 4.1.2.2: positive, at most 20 octets.
  const serial = Buffer.from(random(16));
  serial[0] = (serial[0]! & 0x7f) | 0x40;
  const algorithm = sequence(oid(OID.ecdsaWithSha256));
  const tbs = sequence(
    explicit(0, integer(Buffer.of(2))),
    integer(serial),
    algorithm,
    name,
    sequence(generalizedTime(from - BEFORE), generalizedTime(from + VALIDITY)),
    name,
    spki,
    explicit(
      3,
      sequence(
        extension(OID.subjectAltName, false, sequence(...names.map(generalName))),
        extension(OID.basicConstraints, true, sequence()),
        // digitalSignature.
        extension(OID.keyUsage, true, bitString(Buffer.of(0x80), 7)),
        extension(OID.extendedKeyUsage, false, sequence(oid(OID.serverAuth))),
        extension(OID.subjectKeyIdentifier, false, octetString(createHash('sha1').update(spki).digest())),
      ),
    ),
  );
  const signature = sign('sha256', tbs, privateKey);
  return {
    certificate: pem('CERTIFICATE', sequence(tbs, algorithm, bitString(signature))),
    key: privateKey.export({ format: 'pem', type: 'pkcs8' }) as string,
  };
}

function extension(id: string, critical: boolean, value: Uint8Array): Buffer {
  return sequence(oid(id), ...(critical ? [boolean(true)] : []), octetString(value));
}

/** RFC 5280 4.2.1.6: `dNSName` [2], `iPAddress` [7]. */
function generalName(name: string): Buffer {
  const address = /^\d+\.\d+\.\d+\.\d+$/.test(name);
  return address ? tagged(0x87, Buffer.from(name.split('.').map(Number))) : tagged(0x82, Buffer.from(name, 'latin1'));
}
