import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { buildImage } from '../../src/image/build-image.js';
import { canonicalJson, imageId, type Labels, type Manifest, sameProgram } from '../../src/image/manifest.js';
import { readManifest } from '../../src/image/read-manifest.js';
import { joinedArguments, programArguments, runScript } from '../../src/image/run-script.js';
import { verifyImage } from '../../src/image/verify-image.js';
import { directory, tree } from '../store/tree.js';
import { MAIN } from '../wire/server.js';

const SITE = {
  'index.html': `<!doctype html><title>One</title><p>${'A page that compresses well. '.repeat(40)}</p>`,
  '404.html': '<!doctype html><title>Nothing here</title>',
  'blog/first.html': '<!doctype html><title>First</title>',
  'assets/style.css': 'p { color: black }',
};
const LABELS: Labels = { serial: 0, sources: {}, builder: 'a test' };

function options(site: string, output: string, labels = LABELS) {
  return {
    site,
    target: 'socket' as const,
    network: { port: 0 },
    choices: { compression: 'full' as const, hidden: false, spa: false },
    output,
    labels,
    version: '0.1.0',
  };
}

/** `image build` as a user calls it; answers the folder. */
function build(
  site: string,
  output: string,
  env: NodeJS.ProcessEnv = {},
  words = ['--target', 'socket', '--port', '0'],
) {
  const args = [MAIN, 'image', 'build', site, ...words, '-o', output];
  const out = execFileSync(process.execPath, args, {
    encoding: 'utf8',
    env: { ...process.env, ...env },
    stdio: 'pipe',
  });
  return out.trim();
}

/** What a server that is started from `folder` answers at `/`. */
async function served(folder: string, env: NodeJS.ProcessEnv): Promise<string> {
  const child = spawn(join(folder, 'run'), [], { env, cwd: '/', stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  try {
    const url = await new Promise<string>((resolve, reject) => {
      child.stdout.on('data', (piece: Buffer) => {
        said += piece.toString();
        const match = /^listening on (\S+)$/m.exec(said);
        if (match !== null) resolve(match[1]!);
      });
      child.stderr.on('data', (piece: Buffer) => {
        said += piece.toString();
      });
      child.on('close', () => reject(new Error(`it ended: ${said}`)));
    });
    return await (await fetch(url)).text();
  } finally {
    child.removeAllListeners('close');
    child.kill('SIGTERM');
    await new Promise((resolve) => child.once('exit', resolve));
  }
}

t.test('the same site gives the same id, whatever folder, order, times, umask, locale and cache', async (t) => {
  const one = tree(t, SITE);
  const two = tree(t, Object.fromEntries(Object.entries(SITE).reverse()));
  utimesSync(join(two, 'index.html'), 1, 1);
  chmodSync(join(two, 'assets/style.css'), 0o400);
  const first = build(one, join(directory(t), 'images'), { XDG_CACHE_HOME: directory(t) });
  const output = join(directory(t), 'elsewhere');
  const before = process.umask(0o077);
  t.teardown(() => process.umask(before));
  const second = build(two, output, { LC_ALL: 'tr_TR.UTF-8', TZ: 'Asia/Kathmandu', XDG_CACHE_HOME: directory(t) });
  process.umask(before);
  t.equal(second.split('/').pop(), first.split('/').pop());
  for (const file of ['manifest.json', 'site.bundle', 'run', 'program/main.js', 'program/koffi.node'])
    t.ok(readFileSync(join(first, file)).equals(readFileSync(join(second, file))), file);
  const mode = execFileSync('stat', ['-c', '%a', second, join(second, 'program'), join(second, 'run')]).toString();
  t.equal(mode, '755\n755\n755\n', 'whoever runs it may read it, although the umask of who built it was 077');
  t.equal(build(one, join(first, '..')), first, 'built once more it is left as it is');
  await verifyImage(first);
});

t.test('image build takes the options of a site as bundle does, and makes the same bytes', async (t) => {
  const site = tree(t, {
    ...SITE,
    '.hidden': 'h',
    'a.foo': 'foo',
    'moved.html': '<!doctype html><meta http-equiv="refresh" content="0; url=/blog/first"><title>Moved</title>',
    'team.en.html': '<!doctype html><link rel="stylesheet" href="/assets/style.css"><title>Team</title>',
    'team.de.html': '<!doctype html><title>Mannschaft</title>',
  });
  const words = ['--spa', '--hidden', '--mime', 'foo=text/x-foo', '--listing', '--meta-refresh', '--languages'];
  words.push('en,de', '--preload', 'link', '--no-security-fields');
  const output = join(directory(t), 'images');
  const plain = build(site, output);
  const bundle = join(directory(t), 'site.bundle');
  const made = new Map<string, string>();
  const each = [[], ['--spa'], ['--hidden'], ['--mime', 'foo=text/x-foo'], ['--listing'], ['--meta-refresh']];
  for (const some of [...each, ['--languages', 'en,de'], ['--preload', 'link'], ['--no-security-fields'], words]) {
    const folder = build(site, output, {}, ['--target', 'socket', '--port', '0', ...some]);
    execFileSync(process.execPath, [MAIN, 'bundle', site, '-o', bundle, ...some], { stdio: 'pipe' });
    t.ok(readFileSync(join(folder, 'site.bundle')).equals(readFileSync(bundle)), `${some.join(' ')}: the same bundle`);
    made.set(folder, some.join(' '));
    await verifyImage(folder);
  }
  t.equal(made.size, 10, 'each option makes another image');
  t.equal(made.get(plain), '', 'without any it is the same image');
  const manifest = readManifest(readFileSync(join(plain, 'manifest.json')), 'manifest.json');
  t.same(
    manifest.site.options,
    { compression: 'full', hidden: false, spa: false },
    'the id hangs on what was asked for',
  );
});

t.test('a manifest with an option of its site that is none is refused, with its name', (t) => {
  const site = tree(t, SITE);
  const folder = build(site, join(directory(t), 'images'));
  const manifest = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as Manifest;
  const wrong = {
    mime: ['x'],
    listing: false,
    metaRefresh: 1,
    languages: 'en',
    preload: 'all',
    security: true,
    immutable: [1],
  };
  for (const [name, value] of Object.entries(wrong)) {
    const options = { ...manifest.site.options, [name]: value };
    const bytes = canonicalJson({ ...manifest, site: { ...manifest.site, options } });
    t.throws(() => readManifest(bytes, 'manifest.json'), {
      message: `manifest.json is not the manifest of an image: the option ${name} of its site is none`,
    });
  }
  t.end();
});

t.test('labels are outside of the id', async (t) => {
  const site = tree(t, SITE);
  const one = await buildImage(options(site, directory(t)));
  const other = await buildImage(options(site, directory(t), { serial: 7, sources: { site: 'abc' }, builder: 'ci' }));
  t.equal(one.id, other.id);
  t.equal(imageId(readFileSync(join(one.folder, 'manifest.json'))), one.id);
});

t.test('a change of content keeps the program; another address is another program', async (t) => {
  const output = directory(t);
  const old = await buildImage(options(tree(t, SITE), output));
  const changed = await buildImage(options(tree(t, { ...SITE, 'index.html': 'changed' }), output));
  t.not(changed.id, old.id);
  t.equal(changed.manifest.program.sha256, old.manifest.program.sha256);
  t.ok(sameProgram(old.manifest, changed.manifest));
  const moved = await buildImage({ ...options(tree(t, SITE), output), network: { port: 8080 } });
  t.notOk(sameProgram(old.manifest, moved.manifest));
});

t.test('an image runs from a read-only folder, without node_modules, with nothing but Node', async (t) => {
  const folder = build(tree(t, SITE), join(directory(t), 'images'));
  const elsewhere = join(directory(t), 'copy of it');
  cpSync(folder, elsewhere, { recursive: true });
  execFileSync('chmod', ['-R', 'a-w', elsewhere]);
  t.teardown(() => execFileSync('chmod', ['-R', 'u+w', elsewhere]));
  const bin = directory(t);
  execFileSync('ln', ['-s', process.execPath, join(bin, 'node')]);
  t.equal(await served(elsewhere, { PATH: `${bin}:/usr/bin:/bin` }), SITE['index.html']);
  t.equal(await served(elsewhere, { PATH: '/usr/bin:/bin', SITEKERNEL_NODE: process.execPath }), SITE['index.html']);
});

t.test(
  'an image runs from a mount that is read-only',
  { skip: process.getuid?.() !== 0 && 'needs root' },
  async (t) => {
    const folder = build(tree(t, SITE), join(directory(t), 'images'));
    const mount = directory(t);
    execFileSync('mount', ['--bind', folder, mount]);
    t.teardown(() => execFileSync('umount', [mount]));
    execFileSync('mount', ['-o', 'remount,bind,ro', mount]);
    t.throws(() => writeFileSync(join(mount, 'x'), ''), { code: 'EROFS' });
    t.equal(await served(mount, { PATH: process.env['PATH'] }), SITE['index.html']);
  },
);

t.test('without Node, run says what to install', (t) => {
  const folder = build(tree(t, SITE), join(directory(t), 'images'));
  const empty = directory(t);
  mkdirSync(join(empty, 'bin'));
  for (const name of ['dirname', 'sh']) execFileSync('ln', ['-s', `/usr/bin/${name}`, join(empty, 'bin', name)]);
  const { status, stderr } = spawnSync(join(folder, 'run'), { env: { PATH: join(empty, 'bin') }, encoding: 'utf8' });
  t.equal(status, 1);
  t.match(stderr, /install Node 20\.11\.0 or newer/);
  t.end();
});

t.test('a file that is damaged, missing or too much is named', async (t) => {
  const { folder } = await buildImage(options(tree(t, SITE), directory(t)));
  const main = join(folder, 'program/main.js');
  const good = readFileSync(main);
  writeFileSync(main, Buffer.concat([good.subarray(0, -1), Buffer.from(' ')]));
  await t.rejects(verifyImage(folder), { message: /program\/main\.js is damaged/ });
  rmSync(main);
  await t.rejects(verifyImage(folder), { message: /program\/main\.js is missing/ });
  writeFileSync(main, good);
  writeFileSync(join(folder, 'program/more.js'), '');
  await t.rejects(verifyImage(folder), { message: /program\/more\.js is not in the manifest/ });
  rmSync(join(folder, 'program/more.js'));
  const manifest = readFileSync(join(folder, 'manifest.json'), 'utf8');
  writeFileSync(join(folder, 'manifest.json'), manifest.replace('"files":4', '"files":5'));
  await t.rejects(verifyImage(folder), { message: /is damaged: its manifest has the hash/ });
});

t.test('a manifest that lies is refused with what is wrong', async (t) => {
  const { manifest } = await buildImage(options(tree(t, SITE), directory(t)));
  const read = (change: (m: Record<string, never>) => void) => () => {
    const copy = structuredClone(manifest) as unknown as Record<string, never>;
    change(copy);
    return readManifest(canonicalJson(copy), 'manifest.json');
  };
  // biome-ignore lint/suspicious/noExplicitAny: it is damaged on purpose
  const at = (f: (m: any) => void) => read(f as never);
  t.same(read(() => undefined)(), manifest);
  t.throws(
    at((m) => (m.format = 2)),
    { message: /format 2/ },
  );
  t.throws(
    at((m) => (m.target = 'xen')),
    { message: /target "xen"/ },
  );
  for (const path of ['../run', '/run', 'a//b', 'site/x', 'site.bundle', 'labels.json', '.git/config', 'a/../b'])
    t.throws(
      at((m) => (m.program.files[0].path = path)),
      { message: /not a path that a program may have/ },
      path,
    );
  t.throws(
    at((m) => (m.program.files[0].size = -1)),
    { message: /not described/ },
  );
  t.throws(
    at((m) => m.program.files.reverse()),
    { message: /not in order/ },
  );
  t.throws(
    at((m) => (m.program.sha256 = '0'.repeat(64))),
    { message: /hash is not that of its files/ },
  );
  t.throws(
    at((m) => (m.site.bundle.sha256 = 'x')),
    { message: /hash of its site/ },
  );
  t.throws(
    at((m) => (m.versions.node = '20')),
    { message: /version of Node/ },
  );
  t.throws(() => readManifest(Buffer.from(`${JSON.stringify(manifest, null, 1)}\n`), 'm'), { message: /canonical/ });
  t.throws(() => readManifest(Buffer.from('[]'), 'm'), { message: /not JSON/ });
});

t.test('run quotes what a shell would take apart', (t) => {
  const start = {
    target: 'direct',
    network: { hostname: "it's; rm -rf /", port: 80 },
    versions: { sitekernel: '1', node: '20.11.0', compressors: {} },
  } as const;
  t.same(programArguments(start as unknown as Manifest), [
    '--net',
    'direct',
    '--hostname',
    "it's; rm -rf /",
    '--port',
    '80',
  ]);
  const script = runScript(start as unknown as Manifest).replace(/^exec .*main\.js"/m, 'printf "%s|"');
  t.equal(
    execFileSync('sh', ['-c', script, '/usr/run', '--tap', 'tap 0'], {
      env: { PATH: process.env['PATH'], SITEKERNEL_NODE: 'sh' },
      encoding: 'utf8',
    }).replace(/\|[^|]*site\.bundle\|$/, ''),
    "--net|direct|--hostname|it's; rm -rf /|--port|80|--tap|tap 0",
  );
  t.end();
});

t.test("addresses of the host are instead of the image's, everything else beside it", (t) => {
  const start = {
    target: 'static',
    network: { ipv4: '192.0.2.7/24,192.0.2.8/24', 'ipv4-gateway': '192.0.2.1', ipv6: '2001:db8::7/64' },
    versions: { sitekernel: '1', node: '20.11.0', compressors: {} },
  } as unknown as Manifest;
  const run = (...host: string[]): string => {
    const script = runScript(start).replace(/^exec .*main\.js"/m, 'printf "%s|"');
    const env = { PATH: process.env['PATH'], SITEKERNEL_NODE: 'sh' };
    const said = execFileSync('sh', ['-c', script, '/usr/run', ...host], { env, encoding: 'utf8' });
    return said
      .replace(/\|[^|]*site\.bundle\|$/, '')
      .split('|')
      .sort()
      .join(' ');
  };
  for (const host of [[], ['--ipv4', '10.0.0.7/24'], ['--ipv6=2001:db8::9/64', '--tap', 'tap3'], ['--host', '::']]) {
    t.equal(run(...host), [...joinedArguments(start, host)].sort().join(' '), host.join(' '));
  }
  t.same(joinedArguments(start, ['--ipv4', '10.0.0.7/24']), [
    ...['--net', 'direct', '--ipv4-gateway', '192.0.2.1', '--ipv6', '2001:db8::7/64', '--ipv4', '10.0.0.7/24'],
  ]);
  t.same(
    joinedArguments(start, []).filter((one) => one.startsWith('192.0.2.') && one.endsWith('/24')),
    ['192.0.2.7/24', '192.0.2.8/24'],
  );
  t.end();
});

t.test('a host gives a family that the image leaves out, or leaves out one of which the image has addresses', (t) => {
  const image = (network: Record<string, unknown>): Manifest =>
    ({
      ...{ target: 'static', network },
      versions: { sitekernel: '1', node: '20.11.0', compressors: {} },
    }) as unknown as Manifest;
  const both = { ipv4: '192.0.2.7/24', 'ipv4-gateway': '192.0.2.1', ipv6: '2001:db8::7/64', 'ipv6-gateway': 'fe80::1' };
  const [four, six] = [
    ['--ipv4', '192.0.2.7/24', '--ipv4-gateway', '192.0.2.1'],
    ['--ipv6', '2001:db8::7/64', '--ipv6-gateway', 'fe80::1'],
  ] as const;
  const cases = [
    [both, [], [...four, ...six]],
    [both, ['--no-ipv6'], [...four, '--no-ipv6']],
    [both, ['--no-ipv4'], [...six, '--no-ipv4']],
    [{ ipv6: '2001:db8::7/64', 'no-ipv4': true }, [], ['--ipv6', '2001:db8::7/64', '--no-ipv4']],
    [{ ipv6: '2001:db8::7/64', 'no-ipv4': true }, four, ['--ipv6', '2001:db8::7/64', ...four]],
    [{ ipv4: '192.0.2.7/24', 'no-ipv6': true }, six, ['--ipv4', '192.0.2.7/24', ...six]],
  ] as const;
  for (const [network, host, expected] of cases) {
    const script = runScript(image(network)).replace(/^exec .*main\.js"/m, 'printf "%s|"');
    const env = { PATH: process.env['PATH'], SITEKERNEL_NODE: 'sh' };
    const said = execFileSync('sh', ['-c', script, '/usr/run', ...host], { env, encoding: 'utf8' });
    t.same(said.replace(/\|[^|]*site\.bundle\|$/, '').split('|'), ['--net', 'direct', ...expected]);
    t.same(joinedArguments(image(network), host), ['--net', 'direct', ...expected], host.join(' '));
  }
  t.end();
});

t.test('bad usage says what to do', (t) => {
  const fails = (words: string[], code: number, message: RegExp) => {
    const args = [MAIN, 'image', 'build', ...(words.includes('-o') ? [] : ['-o', directory(t)]), ...words];
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    t.equal(status, code);
    t.match(stderr, message);
  };
  const site = tree(t, SITE);
  fails([site, '--target', 'static'], 2, /needs its address: --ipv4/);
  fails([site, '--target', 'socket', '--ipv4', '192.0.2.7/24'], 2, /--ipv4 is for --target static/);
  fails([site, '--target', 'xen'], 2, /Allowed choices are socket, direct, static, vm/);
  fails([site], 2, /--target/);
  fails(['/nowhere', '--target', 'socket'], 1, /\/nowhere/);
  const empty = directory(t);
  fails([empty, '--target', 'socket'], 1, new RegExp(`^sitekernel: ${empty} has no files; build the site first`));
  const file = join(site, Object.keys(SITE)[0]!);
  fails([site, '--target', 'socket', '-o', file], 1, /the image cannot be written to .* leads through a file/);
  t.end();
});
