import { readFileSync } from 'node:fs';
import t from 'tap';
import { brokenProofs, renderHttpLedger } from './http-ledger.js';

t.test('each line of what HTTP promises has a test that is there', async (t) => {
  t.same(brokenProofs(process.cwd()), []);
});

t.test('docs/generated/http-ledger.md is what the lines say', async (t) => {
  t.equal(readFileSync('docs/generated/http-ledger.md', 'utf8'), renderHttpLedger(), 'npm run ledger writes it');
});
