/** The ledger in docs/tls.md names files and tests that there are. */
import { existsSync, readFileSync } from 'node:fs';
import t from 'tap';

t.test('every row names a file of src/tls, and a test that there is', (t) => {
  const rows = readFileSync('docs/tls.md', 'utf8')
    .split('## RFC 8446, sentence by sentence')[1]!
    .split('\n## ')[0]!
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| section'));
  t.ok(rows.length > 40);
  for (const row of rows) {
    const [, section = '', , where = '', test = ''] = row.split('|').map((cell) => cell.trim());
    for (const [, file] of where.matchAll(/`([^`]+)`/g)) t.ok(existsSync(`src/tls/${file}.ts`), `${section}: ${file}`);
    const [, file = '', name = ''] = /^`([^`]+)`: (.+)$/.exec(test) ?? [];
    const path = `test/tls/${file}.test.ts`;
    const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
    t.ok(name !== '' && text.includes(name), `${section}: ${test}`);
  }
  t.end();
});
