#!/usr/bin/env node
// usage: node scripts/licences.mjs FILE
// Writes the licences of every package that is shipped, as it states them itself. Packages with one text share it.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8'));
/** koffi's native parts are koffi, one for each platform, and not every one is installed. */
const NATIVE = /^node_modules\/@koromix\/koffi-/;

const byText = new Map();
for (const [folder, { version, license, dev, devOptional }] of Object.entries(packages)) {
  if (folder === '' || dev || devOptional) continue;
  const name = folder.replace(/^.*node_modules\//, '');
  const from = NATIVE.test(folder) ? 'node_modules/koffi' : folder;
  const files = readdirSync(from)
    .filter((one) => /^(licen[cs]e|copying|notice)/i.test(one))
    .sort();
  if (files.length === 0) throw new Error(`${name} states no licence; find its text before it is shipped`);
  const text = files.map((one) => readFileSync(join(from, one), 'utf8').replaceAll('\r\n', '\n').trim()).join('\n\n');
  byText.set(text, [...(byText.get(text) ?? []), `${name} ${version} (${license})`]);
}
const parts = [...byText].map(([text, names]) => `${names.sort().join('\n')}\n\n${text}\n`);
const line = `\n${'-'.repeat(80)}\n\n`;
writeFileSync(
  process.argv[2],
  `Licences of what sitekernel is shipped with. Written by "npm run licences".\n${line}${parts.sort().join(line)}`,
);
