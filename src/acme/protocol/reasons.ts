/** Why a certificate is revoked: the names of RFC 5280 5.3.1 that its owner can give, with their codes. */
export const REVOCATION_REASONS = {
  unspecified: 0,
  keyCompromise: 1,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
} as const;

export type RevocationReason = keyof typeof REVOCATION_REASONS;

export const REASON_NAMES = Object.keys(REVOCATION_REASONS) as RevocationReason[];
