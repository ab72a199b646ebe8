/**
 * `node plain-declarations.mjs FOLDER`: declarations name typed arrays without the kind of their buffer, which
 * TypeScript has since 5.7 alone. A user of an older one has the types, too.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const GENERIC = /\b(\w+Array|DataView|Buffer)<ArrayBuffer(?:Like)?>/g;

const folder = process.argv[2];
for (const name of readdirSync(folder, { recursive: true })) {
  if (!name.endsWith('.d.ts')) continue;
  const file = join(folder, name);
  const text = readFileSync(file, 'utf8');
  const plain = text.replace(GENERIC, '$1');
  if (plain !== text) writeFileSync(file, plain);
}
