/** The names below which the kinds of challenges in the DNS are proven. */
import { DNS_01_LABEL } from '../../acme/authority/dns-01.js';
import { PERSIST_LABEL } from '../../acme/authority/dns-persist-01.js';
import { identifierOf } from '../../acme/der/names.js';
import type { AcmeArguments } from '../options/acme.js';

/** Characters of a name of 255 bytes (RFC 1035 3.1), where each of them is a byte. */
const MAX_TEXT = 254;

const LABELS = { 'dns-01': DNS_01_LABEL, 'dns-persist-01': PERSIST_LABEL };

/** In text with a dot at the end; none where another host orders, or another kind is the only one. */
export function proofNames({
  certificates,
  orders,
  challenge,
}: Pick<AcmeArguments, 'certificates' | 'orders' | 'challenge'>): readonly string[] {
  if (!orders) return [];
  const labels = Object.entries(LABELS).filter(([kind]) => challenge === undefined || challenge === kind);
  const names = new Set<string>();
  for (const name of certificates.flat()) {
    const identifier = identifierOf(name);
    // Addresses cannot be proven in the DNS (RFC 8738 7).
    if (identifier?.type !== 'dns') continue;
    const bare = identifier.value.replace(/^\*\./, '');
    for (const [, label] of labels) names.add(`${label}.${bare}.`);
  }
  return [...names].filter((name) => name.length <= MAX_TEXT);
}
