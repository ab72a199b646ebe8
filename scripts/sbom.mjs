#!/usr/bin/env node
// usage: node scripts/sbom.mjs FILE...
// Writes what the package is made of (CycloneDX, by npm) to each FILE: every package that is shipped, with version, hash and licence.
// The same lockfile gives the same bytes anywhere: without time, without the name of a folder, with a number that hangs on the rest.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';

const words = ['sbom', '--sbom-format', 'cyclonedx', '--package-lock-only'];
const made = JSON.parse(
  execFileSync('npm', words, { encoding: 'utf8', maxBuffer: 2 ** 26, stdio: ['ignore', 'pipe', 'inherit'] }),
);
const { name } = JSON.parse(readFileSync('package.json', 'utf8'));
delete made.serialNumber;
delete made.metadata.timestamp;
delete made.metadata.tools;
made.metadata.component.name = name;
// What is shipped is chosen here: npm's "--omit dev" leaves out what development needs as well (npm 11.19).
const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8'));
const shipped = new Set([made.metadata.component['bom-ref']]);
for (const [path, one] of Object.entries(packages))
  if (path !== '' && !one.dev && !one.devOptional)
    shipped.add(`${path.replace(/^.*node_modules\//, '')}@${one.version}`);
const order = (of) => (a, b) => (of(a) < of(b) ? -1 : 1);
made.components = made.components.filter((one) => shipped.has(one['bom-ref'])).sort(order((one) => one['bom-ref']));
made.dependencies = made.dependencies
  .filter(({ ref }) => shipped.has(ref))
  .map(({ ref, dependsOn = [] }) => ({ ref, dependsOn: dependsOn.filter((one) => shipped.has(one)).sort() }))
  .sort(order(({ ref }) => ref));
const hash = createHash('sha256').update(JSON.stringify(made)).digest('hex');
// A UUID of our own making (RFC 9562 5.8).
const uuid = `${hash.slice(0, 8)}-${hash.slice(8, 12)}-8${hash.slice(13, 16)}-8${hash.slice(17, 20)}-${hash.slice(20, 32)}`;
const text = `${JSON.stringify({ ...made, serialNumber: `urn:uuid:${uuid}` }, null, 1)}\n`;
for (const file of process.argv.slice(2)) writeFileSync(file, text);
