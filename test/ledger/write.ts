/** `npm run ledger`: writes docs/conformance.md and docs/http-ledger.md, and says what is open. Run in the project's folder. */
import { writeFileSync } from 'node:fs';
import { renderHttpLedger } from './http-ledger.js';
import { readLedger, renderLedger, unknownIds, unproven } from './ledger.js';

const ledger = readLedger(process.cwd());
writeFileSync('docs/conformance.md', renderLedger(ledger));
writeFileSync('docs/http-ledger.md', renderHttpLedger());
for (const level of ['MUST', 'SHOULD', 'MAY'] as const) {
  const open = unproven(ledger, level);
  console.log(`${level}: ${open.length} open${open.length > 0 ? `: ${open.map((one) => one.id).join(', ')}` : ''}`);
}
const unknown = unknownIds(ledger);
if (unknown.length > 0) console.log(`ids that no list knows: ${unknown.join(', ')}`);
