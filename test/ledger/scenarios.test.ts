import { readFileSync } from 'node:fs';
import t from 'tap';
import { Scenarios } from './scenarios.js';

const scenarios = new Scenarios(process.cwd());

t.test('each row of the scenario list has a test that is there, or a reason', async (t) => {
  t.same(scenarios.mistakes(), []);
});

t.test('docs/generated/scenarios.md is what the list and the tests say: `npm run ledger` writes it', async (t) => {
  t.ok(
    readFileSync('docs/generated/scenarios.md', 'utf8') === scenarios.render(),
    'run `npm run ledger` and commit what it wrote',
  );
});
