import { readFileSync } from 'node:fs';
import t from 'tap';
import { readLedger, renderLedger, unknownIds, unproven } from './ledger.js';

const ledger = readLedger(process.cwd());

t.test('every id in a test name or a refusal is that of a requirement', async (t) => {
  t.same(unknownIds(ledger), []);
});

t.test('no requirement is open: each has a test that proves it or a reason why not', async (t) => {
  for (const level of ['MUST', 'SHOULD', 'MAY'] as const) {
    t.same(
      unproven(ledger, level).map((one) => one.id),
      [],
      level,
    );
  }
});

t.test('no requirement is refused that a test proves', async (t) => {
  t.same(
    Object.keys(ledger.refusals).filter((id) => ledger.proofs.has(id)),
    [],
  );
});

t.test('every requirement has its line in the ledger', async (t) => {
  const text = renderLedger(ledger);
  for (const list of ledger.lists) for (const one of list.requirements) t.match(text, `| ${one.id} |`);
});

t.test('docs/generated/conformance.md is what the tests say: `npm run ledger` writes it', async (t) => {
  t.ok(
    readFileSync('docs/generated/conformance.md', 'utf8') === renderLedger(ledger),
    'run `npm run ledger` and commit what it wrote',
  );
});
