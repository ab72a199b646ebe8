/** A request for a certificate (PKCS #10, RFC 2986), as an order is finalized with (RFC 8555 7.4). */
import type { SigningKey } from '../crypto.js';
import { type Identifier, subjectAltName } from './names.js';
import { bitString, context, encode, objectIdentifier, sequence, TAG, unsigned } from './writer.js';

/** RFC 5758 3.2: ecdsa-with-SHA256, without parameters. */
export const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2';
/** RFC 2985 5.4.2. */
const EXTENSION_REQUEST = '1.2.840.113549.1.9.14';

/**
 * The request in DER. Its subject is empty: names stand in `subjectAltName` alone (RFC 9525 2), and a CN would bound
 * them to 64 octets.
 */
export function certificateRequest(key: SigningKey, identifiers: readonly Identifier[]): Uint8Array {
  const extensions = sequence(subjectAltName(identifiers, false));
  const attribute = sequence(objectIdentifier(EXTENSION_REQUEST), encode(TAG.set, extensions));
  const information = sequence(unsigned(Uint8Array.of(0)), sequence(), key.spki, context(0, true, attribute));
  const algorithm = sequence(objectIdentifier(ECDSA_WITH_SHA256));
  return sequence(information, algorithm, bitString(key.signDer(information)));
}
