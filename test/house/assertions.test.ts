/** The house's own rules about tests: each can fail, and what cannot run is a skip. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';

t.test('no test passes without naming what it saw, and none that cannot run ends with a comment', async (t) => {
  let files = 0;
  for (const name of readdirSync('test', { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.ts') || name.startsWith('house')) continue;
    files++;
    for (const [i, line] of readFileSync(join('test', name), 'utf8').split('\n').entries()) {
      if (/\bt\.pass\(\)/.test(line)) t.fail(`test/${name}:${i + 1} passes whatever it saw: assert the rule`);
      if (/\breturn t\.comment\(/.test(line)) t.fail(`test/${name}:${i + 1} cannot run: t.skip, which is counted`);
    }
  }
  t.ok(files > 300, `${files} files were looked at`);
});
