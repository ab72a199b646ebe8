import t from 'tap';
import { readLedger, renderLedger, unknownIds, unproven } from './ledger.js';

/** Requirements that must not be open any more than this: the number goes down only. */
const OPEN = { MUST: 30, SHOULD: 28, MAY: 11 };

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
