/** Zones in images: built with a serial, checked to grow, swapped like the site, and refused when they are older. */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { serialOfRecords, writeBuilt } from '../../src/dns/zone/built.js';
import { loadZone } from '../../src/dns/zone/load.js';
import type { Manifest } from '../../src/image/manifest.js';
import { sameProgram } from '../../src/image/manifest.js';
import { type BuiltImageZone, withZonesOf, zonePath, zonesFault } from '../../src/image/zones.js';
import { query, read } from '../dns/message.js';
import { directory, tree } from '../store/tree.js';
import { MAIN } from '../wire/server.js';
import { RealHost } from './real-host.js';
import { git, SITE, Stage } from './setup.js';

t.setTimeout(300_000);

const text = (serial: number, address = '192.0.2.1'): string =>
  `$TTL 60\n@ SOA ns h ${serial} 7200 900 1209600 300\n@ NS ns\nns A ${address}\n`;

function zone(serial: number, address?: string): BuiltImageZone {
  const { apex, records } = loadZone(Buffer.from(text(serial, address)), 'own.example.zone');
  const digest = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest();
  return {
    name: 'own.example.',
    serial: serialOfRecords(records)!,
    bytes: writeBuilt(apex!, records, digest, undefined),
  };
}

async function deploy(stage: Stage, zones: readonly BuiltImageZone[], page = 'a page') {
  const { folder, manifest } = await stage.build({ ...SITE, 'index.html': page }, { zones });
  return { ...(await stage.commit(folder)), folder, manifest };
}

t.test('zones lie beside the program in the repository; their change alone is a swap', async (t) => {
  const stage = Stage.empty(t);
  const first = await deploy(stage, [zone(5)]);
  await stage.initHost();
  t.equal(await stage.poll(), 'good');
  t.match(git(stage.repository, 'ls-tree', '-r', '--name-only', 'main'), /^image\/zones\/own\.example\.zone$/m);
  const host = join(stage.host.images, first.id, 'zones', 'own.example.zone');
  t.equal(Buffer.compare(readFileSync(host), zone(5).bytes), 0);
  const second = await deploy(stage, [zone(6, '192.0.2.2')]);
  t.not(second.id, first.id);
  t.equal(await stage.poll(), 'good');
  t.equal(stage.runner.asked.at(-1), `swap ${second.id.slice(0, 8)}`);
  await deploy(stage, []);
  t.equal(await stage.poll(), 'good');
  t.match(stage.runner.asked.at(-1), /^replace/, 'another set of zones is another program');
  // `deploy commit` knows the image before; the host knows what it has taken.
  await deploy(stage, [zone(5)]);
  t.equal(await stage.poll(), 'refused');
  t.match(await stage.reason('refused'), /its zone own\.example\. has changed and has serial 5, before 6; raise the/);
  await deploy(stage, [zone(7)]);
  t.equal(await stage.poll(), 'good');
});

t.test(
  'deploy commit refuses a zone that has changed and does not grow, and takes one that is as it was',
  async (t) => {
    const stage = Stage.empty(t);
    await deploy(stage, [zone(5)]);
    await t.rejects(deploy(stage, [zone(4, '192.0.2.2')]), {
      message: /own\.example\. has changed and has serial 4, before 5/,
    });
    await t.rejects(deploy(stage, [zone(5, '192.0.2.2')]), {
      message: /has the serial 5 of the one before; raise the serial/,
    });
    t.match(await deploy(stage, [zone(5)], 'another page'), { changed: true, serial: 2 });
    t.match(await deploy(stage, [zone(6, '192.0.2.2')]), { changed: true, serial: 3 });
  },
);

t.test('what of two images is one program; where the zone of a name lies', (t) => {
  const of = (...zones: object[]) => ({ zones, program: {}, network: {}, versions: {} }) as unknown as Manifest;
  const one = { path: 'zones/a.zone', name: 'a.', serial: 1, sha256: 'x' };
  t.ok(sameProgram(of(one), of({ ...one, serial: 2, sha256: 'y' })));
  t.notOk(sameProgram(of(one), of()));
  t.equal(
    zonesFault(of({ ...one, serial: 0, sha256: 'y' }), withZonesOf(of({ ...one, serial: 0xffff_ffff }))),
    undefined,
  );
  t.equal(zonePath('example.org.'), 'zones/example.org.zone');
  t.equal(zonePath('0/25.2.0.192.in-addr.arpa.'), 'zones/0_2f25.2.0.192.in-addr.arpa.zone');
  t.end();
});

t.test('image build: a serial of 0 is that of the last commit; run answers for the zone', async (t) => {
  const root = tree(t, { 'site/index.html': 'a page', 'own.example.zone': text(0), 'bad.example.zone': '@ A x\n' });
  git(root, 'init', '--quiet');
  git(root, 'add', '.');
  const when = { GIT_AUTHOR_DATE: '1700000000 +0000', GIT_COMMITTER_DATE: '1700000000 +0000' };
  const who = ['-c', 'user.name=a', '-c', 'user.email=a@b.example'];
  execFileSync('git', ['-C', root, ...who, 'commit', '--quiet', '-m', 'zone'], { env: { ...process.env, ...when } });
  const output = directory(t);
  const build = (...words: string[]) =>
    spawnSync(process.execPath, [MAIN, 'image', 'build', join(root, 'site'), ...words, '-o', output], {
      encoding: 'utf8',
    });
  const socket = ['--target', 'socket', '--compression', 'none'];
  const { stdout, status, stderr } = build(...socket, '--zone', join(root, 'own.example.zone'));
  t.equal(status, 0, stderr);
  const folder = stdout.trim();
  const manifest = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as Manifest;
  t.match(manifest.zones, [{ name: 'own.example.', path: 'zones/own.example.zone', serial: 1_700_000_000 }]);
  const verify = () => spawnSync(process.execPath, [MAIN, 'image', 'verify', folder], { encoding: 'utf8' });
  t.equal(verify().status, 0);
  writeFileSync(join(folder, 'zones', 'own.example.zone'), 'x');
  t.match(verify().stderr, /zones\/own\.example\.zone is damaged/);
  t.match(build(...socket, '--zone', join(root, 'bad.example.zone')).stderr, /bad\.example\.zone:1:5: "x"/);
  const twice = ['--zone', join(root, 'own.example.zone'), '--zone', join(root, 'own.example.zone')];
  t.match(build(...socket, ...twice).stderr, /two of the files are about own\.example\./);
});

t.test(
  'a host answers out of the zone of its image, takes the next one without a restart, and goes back',
  async (t) => {
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    const { port } = socket.address();
    socket.close();
    const ask = async (type: 'SOA' | 'A', name: string): Promise<string> => {
      const client = createSocket('udp4');
      client.send(query(name, type), port, '127.0.0.1');
      const [answer] = (await once(client, 'message')) as [Buffer];
      client.close();
      return read(answer).answer.join();
    };
    const stage = Stage.empty(t);
    const first = await deploy(stage, [zone(5)]);
    await stage.initHost({ gate: 20, args: ['--dns-port', String(port), '--state', join(directory(t), 'state')] });
    const host = new RealHost(stage);
    t.teardown(async () => {
      await host.deploy('stop').ended;
    });
    t.match(await host.deploy('poll').ended, { status: 0 });
    t.match(await ask('A', 'ns.own.example'), / 192\.0\.2\.1$/);
    const { running } = await host.status();
    await deploy(stage, [zone(6, '192.0.2.2')], 'next');
    t.match(await host.deploy('poll').ended, { status: 0 });
    t.match(await ask('A', 'ns.own.example'), / 192\.0\.2\.2$/);
    t.match(await ask('SOA', 'own.example'), / 6 7200 /);
    t.equal(await host.page(), 'next');
    t.equal((await host.status()).running!.pid, running!.pid, 'the same process');
    t.match(await host.deploy('rollback', first.id.slice(0, 12)).ended, { status: 0 });
    t.match(await ask('A', 'ns.own.example'), / 192\.0\.2\.1$/);
    t.match(await ask('SOA', 'own.example'), / 7 7200 /, 'what it says goes back, the serial does not');
  },
);
