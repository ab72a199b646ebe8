/**
 * `npm run ledger`: writes the ledgers in docs/ from the lists and the tests, and says what is open. Run in the
 * project's folder.
 */
import { writeFileSync } from 'node:fs';
import { renderHttpLedger } from './http-ledger.js';
import { readLedger, renderLedger, unknownIds, unproven } from './ledger.js';
import { Scenarios } from './scenarios.js';

const ledger = readLedger(process.cwd());
const scenarios = new Scenarios(process.cwd());
writeFileSync('docs/generated/scenarios.md', scenarios.render());
for (const mistake of scenarios.mistakes()) console.log(mistake);
writeFileSync('docs/generated/conformance.md', renderLedger(ledger));
writeFileSync('docs/generated/http-ledger.md', renderHttpLedger());
for (const level of ['MUST', 'SHOULD', 'MAY'] as const) {
  const open = unproven(ledger, level);
  console.log(`${level}: ${open.length} open${open.length > 0 ? `: ${open.map((one) => one.id).join(', ')}` : ''}`);
}
const unknown = unknownIds(ledger);
if (unknown.length > 0) console.log(`ids that no list knows: ${unknown.join(', ')}`);
