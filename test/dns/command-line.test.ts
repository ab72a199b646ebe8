/** What the command line says of zones: options that do not go together, and the three commands. */
import { existsSync, lstatSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import t from 'tap';
import { parseArguments } from '../../src/cli/arguments/arguments.js';
import type { ServeOptions } from '../../src/serve/options/serve.js';
import { run, SITE } from './peers.js';

const MAIN = resolve('build', 'src', 'main.js');
const zoneCommand = (...argv: string[]) => run(process.execPath, MAIN, 'zone', ...argv);

t.test('options of the name server need a zone', async (t) => {
  const { dns } = parseArguments(['--zone', 'a.zone', '--zone', 'b.zone', '--dns-port', '5300']) as ServeOptions;
  t.match(dns, { zones: ['a.zone', 'b.zone'], port: 5300, dnssec: false });
  t.match((parseArguments([]) as ServeOptions).dns, { zones: [], port: 53 });
  const wrong: [string[], RegExp][] = [
    [['--dns-port', '53'], /^--dns-port is for a name server; add --zone FILE/],
    [['--dnssec'], /^--dnssec is for a name server/],
    [['--dns-keys', 'x'], /^--dns-keys is for a name server/],
    [['--zone', 'a', '--zone', 'a'], /a is there already/],
    [['--zone', 'a', '--net', 'direct', '--record', 'x'], /^--zone and --record do not go together/],
    [['--state', 'x'], /^--state is for --net direct/],
    [['--zone', 'a', '--dns-secondary', 'name.example'], /A secondary is an address/],
    [['--zone', 'a', '--dns-rate', 'many'], /--dns-rate is a number of 0/],
    [['--zone', 'a', '--dns-id', ''], /--dns-id is empty/],
  ];
  for (const [argv, message] of wrong)
    t.throws(() => parseArguments(argv), { message, code: 'bad-usage' }, argv.join(' '));
  t.equal((parseArguments(['--zone', 'a', '--state', 'x']) as ServeOptions).state, 'x');
});

t.test('a zone that cannot be served ends the program before it serves anything', async (t) => {
  const folder = t.testdir({ 'bad.example.zone': '$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.300\nx A y\n' });
  const { status, out } = await run(
    process.execPath,
    MAIN,
    '--port',
    '0',
    '--zone',
    join(folder, 'bad.example.zone'),
    '--dns-port',
    '0',
  );
  t.equal(status, 1);
  t.match(out, /bad\.example\.zone:4:6: "192\.0\.2\.300"[^\n]*\n[^\n]*bad\.example\.zone:5:5: "y"/);
  t.notMatch(out, /listening/);
});

t.test('zone check, and zone build with what it refuses', async (t) => {
  const folder = t.testdir({ 'site.example.zone': SITE, 'other.zone': `$ORIGIN site.example.\n${SITE}` });
  const at = (name: string): string => join(folder, name);
  t.match(await zoneCommand('check', at('site.example.zone')), {
    status: 0,
    out: /site\.example\. serial 2026112301, 22 records/,
  });
  t.match(await zoneCommand('check', at('none')), { status: 1, out: /there is no zone file/ });
  t.match(await zoneCommand('build', at('site.example.zone')), { status: 2, out: /--output/ });
  t.match(await zoneCommand('build', at('site.example.zone'), '-o', at('one')), { status: 0 });
  t.match(await zoneCommand('build', at('other.zone'), '-o', at('two')), { status: 0 });
  t.equal(Buffer.compare(readFileSync(at('one')), readFileSync(at('two'))), 0, 'the same records, the same bytes');
  t.match(
    await zoneCommand('check', at('one')),
    { status: 0, out: /serial 2026112301, 22 records/ },
    'what was built is a zone, too',
  );
  t.match(
    await zoneCommand('build', at('one'), '-o', at('two'), '--after', at('one')),
    { status: 0 },
    'nothing has changed',
  );
  const older = await zoneCommand('build', at('one'), '-o', at('two'), '--serial', '7', '--after', at('one'));
  t.match(older, { status: 1, out: /serial 7 is not newer than 2026112301/ });
  t.match(await zoneCommand('build', at('one'), '-o', join(folder, 'no', 'where')), {
    status: 1,
    out: /cannot be written/,
  });
  const bytes = readFileSync(at('one'));
  writeFileSync(at('read-only'), 'precious', { mode: 0o444 });
  symlinkSync('/dev/null', at('device'));
  symlinkSync('one', at('link'));
  t.match(await zoneCommand('build', at('one'), '-o', at('read-only')), { status: 1, out: /is read-only/ });
  t.equal(readFileSync(at('read-only'), 'utf8'), 'precious');
  for (const name of ['device', 'link']) {
    t.match(await zoneCommand('build', at('one'), '-o', at(name)), { status: 0 });
    t.ok(lstatSync(at(name)).isSymbolicLink(), `${name}: written through, and not replaced`);
  }
  t.ok(statSync(at('device')).isCharacterDevice());
  t.ok((await zoneCommand('build', at('one'), '-o', '-')).out.includes('SKZONE'), 'standard output, and no file "-"');
  t.notOk(existsSync('-'));
  for (const place of [9, 50, bytes.length - 1]) {
    const damaged = Buffer.from(bytes);
    damaged[place]! ^= 1;
    writeFileSync(at('damaged'), damaged);
    t.match(
      await zoneCommand('check', at('damaged')),
      { status: 1, out: /is damaged; build it again/ },
      `byte ${place}`,
    );
  }
});
