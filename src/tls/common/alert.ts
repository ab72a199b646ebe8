/** Alerts (RFC 8446 6): the one way in which a peer learns why a connection ends. */

/** AlertDescription (RFC 8446 6, RFC 7301 3.2, RFC 7507 2). */
export const ALERT = {
  closeNotify: 0,
  unexpectedMessage: 10,
  badRecordMac: 20,
  recordOverflow: 22,
  handshakeFailure: 40,
  badCertificate: 42,
  unsupportedCertificate: 43,
  certificateExpired: 45,
  certificateUnknown: 46,
  illegalParameter: 47,
  unknownCa: 48,
  decodeError: 50,
  decryptError: 51,
  protocolVersion: 70,
  internalError: 80,
  inappropriateFallback: 86,
  userCanceled: 90,
  missingExtension: 109,
  unsupportedExtension: 110,
  unrecognizedName: 112,
  noApplicationProtocol: 120,
} as const;

export type AlertName = keyof typeof ALERT;

export const ALERT_LEVEL = { warning: 1, fatal: 2 } as const;

/**
 * Ends a connection with an alert. Its message names a rule, never a secret; only `TlsFlow` and the handshakes catch
 * it.
 */
export class TlsError extends Error {
  override readonly name = 'TlsError';
  readonly alert: AlertName;

  constructor(alert: AlertName, message: string) {
    super(message);
    this.alert = alert;
  }
}

/** The name of an alert's number; `undefined` for numbers that RFC 8446 does not define. */
export function alertName(number: number): AlertName | undefined {
  for (const [name, value] of Object.entries(ALERT)) if (value === number) return name as AlertName;
  return undefined;
}
