/** The house's own rule about files: one idea each, which is rarely more than 300 lines. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';

/** The longest that any file is. */
const MOST = 400;
/** Files beyond 300 lines that there may be. */
const LONG = 34;

t.test('no file of the source has more than 400 lines, and few have more than 300', async (t) => {
  let files = 0;
  const long: string[] = [];
  for (const name of readdirSync('src', { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.ts')) continue;
    files++;
    const lines = readFileSync(join('src', name), 'utf8').split('\n').length - 1;
    if (lines > MOST) t.fail(`src/${name} has ${lines} lines: it holds a second idea`);
    if (lines > 300) long.push(`${name} ${lines}`);
  }
  t.ok(files > 400, `${files} files were looked at`);
  t.ok(long.length <= LONG, `${long.length} files have more than 300 lines`);
});
