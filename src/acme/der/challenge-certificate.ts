/** The self-signed certificate by which tls-alpn-01 is answered (RFC 8737 3). */
import type { SigningKey } from '../crypto.js';
import { type Identifier, subjectAltName } from './names.js';
import { ECDSA_WITH_SHA256 } from './request.js';
import {
  bitString,
  context,
  extension,
  generalizedTime,
  objectIdentifier,
  octetString,
  sequence,
  unsigned,
} from './writer.js';

/** RFC 8737 6.1: id-pe-acmeIdentifier. */
export const ACME_IDENTIFIER = '1.3.6.1.5.5.7.1.31';
const HOUR = 3_600_000;
/** Milliseconds that it is valid, around now: an authority's clock may differ. */
const LIFE = 168 * HOUR;

/**
 * In DER. `digest`: SHA-256 of the key authorization. `serial`: up to 20 octets. `now` in milliseconds since 1970.
 * Exactly one name, in `subjectAltName`; the extension with the digest is critical; there is no CN.
 */
export function challengeCertificate(
  key: SigningKey,
  identifier: Identifier,
  digest: Uint8Array,
  serial: Uint8Array,
  now: number,
): Uint8Array {
  const algorithm = sequence(objectIdentifier(ECDSA_WITH_SHA256));
  // RFC 5280 4.1.2.6: with an empty subject the extension with the name is critical.
  const extensions = sequence(
    subjectAltName([identifier], true),
    extension(ACME_IDENTIFIER, true, octetString(digest)),
  );
  const unsignedPart = sequence(
    context(0, true, unsigned(Uint8Array.of(2))),
    unsigned(serial),
    algorithm,
    sequence(),
    sequence(generalizedTime(now - HOUR), generalizedTime(now + LIFE)),
    sequence(),
    key.spki,
    context(3, true, extensions),
  );
  return sequence(unsignedPart, algorithm, bitString(key.signDer(unsignedPart)));
}
