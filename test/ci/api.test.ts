/** The API reference (`npm run api`) covers what the package exports. */
import { readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import t from 'tap';

interface Entry {
  readonly types: string;
}

t.test('the API reference has every entry of the package, and no other', (t) => {
  const { exports } = JSON.parse(readFileSync('package.json', 'utf8')) as { exports: Record<string, Entry | string> };
  const entries = Object.values(exports).flatMap((entry) => (typeof entry === 'string' ? [] : entry.types));
  const folder = join('tools', 'api');
  const { entryPoints } = JSON.parse(readFileSync(join(folder, 'typedoc.json'), 'utf8')) as { entryPoints: string[] };
  const sources = entryPoints.map((path) => relative('.', resolve(folder, path)));
  t.same(
    sources.map((path) => path.replace(/^src\//, './dist/').replace(/\.ts$/, '.d.ts')).sort(),
    entries.sort(),
    'tools/api/typedoc.json',
  );
  t.end();
});

t.test("TypeDoc's TypeScript is pinned by a lockfile, apart from the one that builds the program", (t) => {
  const { packages } = JSON.parse(readFileSync(join('tools', 'api', 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { version: string; integrity?: string }>;
  };
  t.match(
    packages['node_modules/typescript']!.version,
    /^[56]\./,
    'TypeDoc needs the JavaScript API of TypeScript 5 or 6',
  );
  for (const [name, { integrity }] of Object.entries(packages)) if (name !== '') t.ok(integrity, name);
  t.end();
});
