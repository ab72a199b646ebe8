/** An error message that names a command of ours names one that the command line takes. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parseArguments } from '../../src/cli/arguments/arguments.js';

/** A command in quotes inside of a message: `"sudo sitekernel host up --bridge ${bridge}"`. */
const QUOTED = /"(?:sudo )?sitekernel ([^"]+)"/g;

/** What stands for a value: a template's variable, or a word in capitals. */
const VALUES: Readonly<Record<string, string>> = {
  ...{ bridge: 'br0', name: 'tap0', BRIDGE: 'br0', USER: 'root', IMAGE: 'images/0', URL: '/srv/deployment.git' },
};

/** Commands that are named alone, as one names a manual page, and not told to be run as they stand. */
const NAMED = new Set(['deploy init', 'supervise', 'image build --target vm --format raw']);

function valueFor(name: string): string {
  const value = VALUES[name];
  if (value === undefined) throw new Error(`VALUES has nothing for ${name}, which a message names`);
  return value;
}

t.test('each command of ours that a message in src/ quotes is complete', (t) => {
  let count = 0;
  for (const entry of readdirSync('src', { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.ts')) continue;
    const file = join(entry.parentPath ?? entry.path, entry.name);
    for (const [, text] of readFileSync(file, 'utf8').matchAll(QUOTED)) {
      // A command that tells of others is none to check further.
      if (NAMED.has(text!) || /(^|\s)--help\b|^help\b/.test(text!)) continue;
      const command = text!.replace(/\$\{(\w+)\}|\b([A-Z]{3,})\b/g, (_, variable, word) => valueFor(variable ?? word));
      count++;
      t.doesNotThrow(() => t.ok(parseArguments(command.split(' '))), `${file}: ${command}`);
    }
  }
  t.ok(count >= 6, `${count} commands`);
  t.end();
});
