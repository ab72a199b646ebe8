/** What is said of what is shipped: licences and the list of parts. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';

interface Locked {
  readonly version: string;
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly integrity?: string;
}

const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: Record<string, Locked> };
const shipped = Object.entries(packages).filter(([path, one]) => path !== '' && !one.dev && !one.devOptional);

t.test('LICENCES.txt is what "npm run licences" writes', (t) => {
  const file = join(t.testdir(), 'written');
  execFileSync(process.execPath, [join('scripts', 'licences.mjs'), file]);
  t.equal(readFileSync('LICENCES.txt', 'utf8'), readFileSync(file, 'utf8'), 'run "npm run licences" and commit it');
  const text = readFileSync(file, 'utf8');
  for (const [path, { version }] of shipped)
    t.ok(text.includes(`${path.replace(/^.*node_modules\//, '')} ${version} (`), path);
  t.end();
});

t.test('the list of parts has every package that is shipped with its hash, and nothing of this machine', (t) => {
  const text = readFileSync(join('dist', 'sbom.cdx.json'), 'utf8');
  t.equal(readFileSync(join('dist', 'image-program', 'sbom.cdx.json'), 'utf8'), text);
  const { components, metadata } = JSON.parse(text) as {
    components: { purl: string; version: string; hashes: { alg: string; content: string }[] }[];
    metadata: { timestamp?: string; component: { name: string } };
  };
  t.equal(components.length, shipped.length);
  for (const [path, { version, integrity }] of shipped) {
    const purl = `pkg:npm/${path.replace(/^.*node_modules\//, '').replace('@', '%40')}@${version}`;
    const found = components.find((one) => one.purl === purl);
    t.equal(`sha512-${Buffer.from(found!.hashes[0]!.content, 'hex').toString('base64')}`, integrity, purl);
  }
  t.equal(metadata.timestamp, undefined);
  t.equal(metadata.component.name, 'sitekernel');
  t.notOk(text.includes(process.cwd()));
  t.end();
});

t.test('the package that is packed has both', (t) => {
  const said = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const paths = (JSON.parse(said) as { files: { path: string }[] }[])[0]!.files.map(({ path }) => path);
  for (const one of ['LICENCES.txt', 'LICENSE', 'dist/sbom.cdx.json', 'dist/image-program/licences.txt'])
    t.ok(paths.includes(one), one);
  t.end();
});

t.test('declarations are read by TypeScript before 5.7, whose typed arrays have no kind of buffer', (t) => {
  const names = readdirSync('dist', { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.d.ts'));
  t.ok(names.length > 400, `${names.length} files`);
  const generic = names.filter((name) => /<ArrayBuffer/.test(readFileSync(join('dist', name), 'utf8')));
  t.same(generic, []);
  t.end();
});

t.test('each entry of the package is on the pages that list them, and in the API reference', (t) => {
  const { exports } = JSON.parse(readFileSync('package.json', 'utf8')) as { exports: Record<string, unknown> };
  const { entryPoints } = JSON.parse(readFileSync('tools/api/typedoc.json', 'utf8')) as { entryPoints: string[] };
  const entries = Object.keys(exports).filter((name) => name !== './package.json');
  t.ok(entries.length >= 5);
  for (const entry of entries) {
    const name = `\`sitekernel${entry.slice(1)}\``;
    for (const page of ['README.md', 'site/api.md', 'tools/api/README.md'])
      t.ok(readFileSync(page, 'utf8').includes(name), `${page}: ${name}`);
    t.ok(entryPoints.includes(`../../src${entry.slice(1)}/index.ts`), `typedoc.json: ${entry}`);
  }
  t.end();
});

t.test('every package, in every lockfile, is pinned by its hash', (t) => {
  for (const folder of ['.', 'test/runtimes', 'test/native-tools', 'tools/api', 'tools/mutation']) {
    const file = join(folder, 'package-lock.json');
    t.ok(existsSync(file), file);
    const locked = (JSON.parse(readFileSync(file, 'utf8')) as { packages: Record<string, Locked> }).packages;
    for (const [path, { integrity }] of Object.entries(locked))
      if (path !== '') t.match(integrity, /^sha512-/, `${file}: ${path}`);
  }
  t.end();
});
