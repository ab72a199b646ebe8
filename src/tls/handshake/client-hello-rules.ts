/** What a ClientHello has to have, and what a second one may not change. */
import { TlsError } from '../common/alert.js';
import type { Primitives } from '../primitives/primitives.js';
import type { ClientHello } from '../wire/client-hello.js';
import { EXTENSION, FALLBACK_SCSV, TLS_1_2 } from '../wire/numbers.js';

/** RFC 8446 9.2, 4.2.8, 4.2.9. */
export function checkExtensions({ psks, pskModes, schemes, groups, shares }: ClientHello): void {
  if (psks !== undefined && pskModes === undefined)
    throw new TlsError('missingExtension', 'ClientHello: pre_shared_key without psk_key_exchange_modes');
  if (psks === undefined && schemes === undefined)
    throw new TlsError('missingExtension', 'ClientHello: no signature_algorithms');
  if (groups !== undefined && shares !== undefined) {
    // Both lists may be long: looking through one for each entry of the other would take a whole core.
    const offered = new Set(groups);
    for (const group of shares.keys())
      if (!offered.has(group)) throw new TlsError('illegalParameter', 'ClientHello: a share of a group not offered');
  } else if (groups === shares && psks !== undefined) {
    // A PSK without key agreement: nothing is missing, but nothing is in common.
    throw new TlsError('handshakeFailure', 'ClientHello: a pre-shared key without a key agreement');
  } else throw new TlsError('missingExtension', 'ClientHello: no supported_groups, or no key_share');
}

/** Of a client that does not speak TLS 1.3. */
export function checkOlder({ suites, legacyVersion, versions, extensions }: ClientHello): void {
  // RFC 7507 3: it has tried a newer version, and that failed where it should not have.
  if (suites.includes(FALLBACK_SCSV))
    throw new TlsError('inappropriateFallback', 'ClientHello: a fallback where none was needed');
  if (legacyVersion < TLS_1_2 && versions?.includes(TLS_1_2) !== true)
    throw new TlsError('protocolVersion', 'ClientHello: older than TLS 1.2');
  // RFC 9325 3.5: without it, sessions can be mixed up.
  if (!extensions.has(EXTENSION.extendedMasterSecret))
    throw new TlsError('handshakeFailure', 'ClientHello: TLS 1.2 without extended_master_secret');
}

/**
 * A hash of what a second ClientHello may not change (RFC 8446 4.1.2). The lists themselves, which can be long, are not
 * kept for a client that may never answer.
 */
export function lastingPart(primitives: Primitives, hello: ClientHello): Uint8Array {
  const { random, sessionId, suites, serverName, groups } = hello;
  const text = JSON.stringify([[...random], [...sessionId], suites, serverName, groups]);
  const bytes = new TextEncoder().encode(text);
  return primitives.hash('sha256', bytes, bytes.length);
}
