import t from 'tap';
import { readLedger, renderLedger, unknownIds, unproven } from './ledger.js';

/** What may be open: no MUST at all, and of the others no more than there were. The numbers go down only. */
const OPEN = { MUST: 0, SHOULD: 26, MAY: 10 };

const ledger = readLedger(process.cwd());

t.test('every id in a test name or a refusal is that of a requirement', async (t) => {
  t.same(unknownIds(ledger), []);
});

t.test('no more requirements are open than were before', async (t) => {
  for (const level of ['MUST', 'SHOULD', 'MAY'] as const) {
    const open = unproven(ledger, level).map((one) => one.id);
    t.ok(open.length <= OPEN[level], `${level}: ${open.length} open: ${open.join(', ')}`);
  }
});

t.test('every requirement has its line in the ledger', async (t) => {
  const text = renderLedger(ledger);
  for (const list of ledger.lists) for (const one of list.requirements) t.match(text, `| ${one.id} |`);
});
