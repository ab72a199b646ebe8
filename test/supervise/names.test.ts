/** A name server beside a site, under a supervisor: programs and zones change, and every query is answered. */
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import t from 'tap';
import { Lab, type Namespace } from '../wire/lab.js';
import { skipWithout } from '../wire/needs.js';
import { LabSupervised } from './lab-supervised.js';
import { bundleOf, kill } from './supervised.js';

t.setTimeout(300_000);
const skip = skipWithout();
const QUERIES = resolve('build', 'test', 'supervise', 'names-main.js');

interface Asked {
  readonly queries: number;
  readonly problems: readonly string[];
  readonly serials: readonly number[];
}

function zoneText(serial: number): string {
  return `$TTL 60\n@ SOA ns h ${serial} 7200 900 1209600 300\n@ NS ns\nns A @SELF\n@ A @SELF\n@ TXT "${serial}"\n`;
}

async function asking(place: Namespace, host: string): Promise<() => Promise<Asked>> {
  const program = place.start(process.execPath, [QUERIES, host, '53', 'own.example.']);
  await program.says(/ready/);
  return async () => {
    program.child.stdin?.end();
    const [text] = await program.says(/^\{.*\}$/m, 60);
    return JSON.parse(text) as Asked;
  };
}

for (const [mode, args, host] of [
  ['on sockets', ['--host', '127.0.0.1', '--port', '8080'], '127.0.0.1'],
  ['on sockets of Node', ['--host', '127.0.0.1', '--port', '8080', '--sockets', 'node'], '127.0.0.1'],
  [
    'on our own stack',
    ['--net', 'direct', '--tap', 'tap0', '--bridge', 'br0', '--ipv4', '10.77.0.7/24', '--no-ipv6'],
    '10.77.0.7',
  ],
] as const) {
  t.test(`${mode}: programs take the name server over, and no query is lost`, { skip }, async (t) => {
    const lab = new Lab(t, '10.77.0.1/24');
    const client = mode === 'on our own stack' ? lab.client('10.77.0.2/24') : lab.host;
    const zone = join(lab.folder, 'own.example.zone');
    writeFileSync(zone, zoneText(1));
    const site = await bundleOf(t, 'site', { 'index.html': 'first' });
    const more = ['--zone', zone, '--state', join(lab.folder, 'state'), '--log', 'net'];
    const server = new LabSupervised(lab, [...args, ...more, site]);
    await server.start();
    const end = await asking(client, host);
    const pids = new Set<number>();
    for (const serial of [2, 3, 4]) {
      writeFileSync(zone, zoneText(serial));
      const replaced = await server.ask({ do: 'replace' });
      t.match(replaced, { ok: true, state: 'serving' });
      pids.add(replaced.pid);
    }
    // A swap of the zone alone, as of the site.
    writeFileSync(zone, zoneText(5));
    server.supervisor.signal('SIGHUP');
    await server.supervisor.says(/now serving own\.example\. serial 5/, 60);
    const seen = await end();
    t.comment(JSON.stringify(seen));
    t.equal(pids.size, 3);
    t.same(seen.problems, []);
    t.ok(seen.queries > 100, `${seen.queries} queries`);
    t.same(seen.serials.slice(0, 1), [1]);
    t.same([...seen.serials].sort(), seen.serials, 'a serial never goes back');
    if (mode !== 'on sockets') return;
    // One that is killed is started again; what came meanwhile waits in the sockets.
    const after = await asking(client, host);
    const { pid } = await server.ask({ do: 'status' });
    kill(pid);
    await server.supervisor.says(/it is started again[\s\S]*serving on/, 60);
    const { problems } = await after();
    t.same(
      problems.filter((one) => one !== 'closed without an answer over TCP'),
      [],
    );
  });
}

t.test('a zone that comes with a later program has its sockets, beside those of the site', { skip }, async (t) => {
  const lab = new Lab(t);
  const zone = join(lab.folder, 'own.example.zone');
  writeFileSync(zone, zoneText(1));
  const site = await bundleOf(t, 'site', { 'index.html': 'first' });
  const plain = ['--host', '127.0.0.1', '--port', '8080'];
  const named = [...plain, '--zone', zone, '--state', join(lab.folder, 'state')];
  const server = new LabSupervised(lab, [...plain, site]);
  await server.start();
  t.match(await server.ask({ do: 'replace', args: [...named, site] }), { ok: true, state: 'serving' });
  const end = await asking(lab.host, '127.0.0.1');
  t.match(await server.ask({ do: 'replace', args: [...named, site] }), { ok: true, state: 'serving' });
  t.same((await end()).problems, []);
  t.match(await server.ask({ do: 'replace', args: [...plain, site] }), { ok: true, state: 'serving' });
  const gone = await asking(lab.host, '127.0.0.1');
  t.match((await gone()).problems, [/ECONNREFUSED/], 'without a zone nobody has the port');
});
