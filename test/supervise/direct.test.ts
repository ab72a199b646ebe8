/** Programs that replace one another on a TAP: no connection is lost, and none is reset. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import t from 'tap';
import { Dnsmasq } from '../wire/dnsmasq.js';
import { Lab } from '../wire/lab.js';
import { skipWithout } from '../wire/needs.js';
import { LabSupervised } from './lab-supervised.js';
import { bundleOf, childrenOf, kill } from './supervised.js';

// A dozen programs start in here; on a busy machine that takes a while.
t.setTimeout(600_000);

const LARGE = Buffer.alloc(4_000_000, 'a large file ');
const FILES = { 'index.html': 'first', 'large.bin': LARGE };
const SHA256 = createHash('sha256').update(LARGE).digest('hex');

t.test(
  'programs and bundles change under load on a link that loses 1%, and no client notices',
  { skip: skipWithout('tcpdump') },
  async (t) => {
    const lab = new Lab(t, '10.77.0.1/24');
    const client = lab.client('10.77.0.2/24');
    const site = await bundleOf(t, 'site', FILES);
    const argv = [
      '--net',
      'direct',
      '--tap',
      'tap0',
      '--bridge',
      'br0',
      '--ipv4',
      '10.77.0.7/24',
      '--faults',
      'loss=1%',
    ];
    const server = new LabSupervised(lab, [...argv, site]);
    await server.start();
    const dump = client.start('tcpdump', ['-n', '-l', '-i', 'eth0', 'src 10.77.0.7 and tcp[tcpflags] & tcp-rst != 0']);
    await dump.says(/listening on/);
    const end = await server.clients(client, '10.77.0.7', [4, 4, 2, 2_000_000, SHA256]);
    for (let i = 0; i < 2; i++) {
      t.match(await server.ask({ do: 'replace' }), { ok: true, state: 'serving' });
      const next = await bundleOf(t, `site${i}`, { ...FILES, 'index.html': `number ${i}` });
      t.match(await server.ask({ do: 'swap', bundle: next, id: String(i) }), { ok: true, image: String(i) });
    }
    const seen = await end();
    t.comment(JSON.stringify(seen), server.supervisor.stderr);
    t.same(seen.problems, []);
    t.ok(seen.downloads >= 2 && seen.requests > 50);
    await dump.stop();
    t.equal(dump.stdout.trim(), '', 'no reset came from the server');
    t.equal(await server.supervisor.stop(), 0);
  },
);

t.test(
  'with DHCP the lease goes along: one DISCOVER in all, the new program renews, and only the last one gives the address back',
  { skip: skipWithout('dnsmasq') },
  async (t) => {
    const lab = new Lab(t, '10.77.0.1/24');
    const range = { from: '10.77.0.50', to: '10.77.0.50', netmask: '255.255.255.0', lease: '2m' };
    const dnsmasq = await Dnsmasq.start(lab, { ...range, options: ['58,6', '59,60'] });
    const client = lab.client('10.77.0.2/24');
    const site = await bundleOf(t, 'site', FILES);
    const state = join(lab.folder, 'state');
    const server = new LabSupervised(lab, [
      ...['--net', 'direct', '--tap', 'tap0', '--bridge', 'br0', '--state', state],
      site,
    ]);
    await server.start();
    const end = await server.clients(client, '10.77.0.50', [2, 20, 1, 2_000_000, SHA256]);
    t.match(await server.ask({ do: 'replace' }), { ok: true, state: 'serving' });
    t.match(await server.ask({ do: 'replace' }), { ok: true, state: 'serving' });
    const acknowledged = dnsmasq.acknowledged;
    await dnsmasq.program.says(new RegExp(`(DHCPACK\\(br0\\) 10.77.0.50 [^]*){${acknowledged + 1}}`), 30);
    const seen = await end();
    t.same(seen.problems, []);
    t.equal(dnsmasq.program.stderr.split('DHCPDISCOVER(').length - 1, 1);
    t.notMatch(dnsmasq.program.stderr, /DHCPRELEASE/);
    t.equal(await server.supervisor.stop(), 0);
    await dnsmasq.program.says(/DHCPRELEASE\(br0\)/, 5);
  },
);

t.test(
  'SIGKILL at every step of a hand-over: each ends with the site being served',
  { skip: skipWithout('curl') },
  async (t) => {
    const lab = new Lab(t, '10.77.0.1/24');
    const client = lab.client('10.77.0.2/24');
    const site = await bundleOf(t, 'site', FILES);
    const argv = ['--net', 'direct', '--tap', 'tap0', '--bridge', 'br0', '--ipv4', '10.77.0.7/24', site];
    const server = new LabSupervised(lab, argv);
    await server.start();
    const served = async (what: string): Promise<void> => {
      const get = [
        '--silent',
        '--show-error',
        '--max-time',
        '20',
        '--retry',
        '5',
        '--retry-all-errors',
        '--retry-delay',
        '1',
      ];
      t.equal((await client.run('curl', [...get, 'http://10.77.0.7/'])).stdout, 'first', what);
    };
    await served('before');
    // Steps of a replacement, as they are told to the log or can be seen in /proc.
    for (const wait of [5, 100, 200]) {
      const before = (await server.ask({ do: 'status' })).pid;
      const replaced = server.ask({ do: 'replace' });
      await new Promise((done) => setTimeout(done, wait));
      for (const pid of childrenOf(server.pid)) if (pid !== before) kill(pid);
      await replaced;
      await served(`the new program killed after ${wait} ms`);
    }
    for (const wait of [5, 200]) {
      const before = (await server.ask({ do: 'status' })).pid;
      const replaced = server.ask({ do: 'replace' });
      await new Promise((done) => setTimeout(done, wait));
      kill(before);
      await replaced;
      await served(`the old program killed after ${wait} ms`);
    }
    const orphans: number[] = [];
    t.teardown(async () => orphans.forEach(kill));
    for (const wait of [5, 200]) {
      const replaced = server.ask({ do: 'replace' }).catch(() => undefined);
      await new Promise((done) => setTimeout(done, wait));
      orphans.push(...childrenOf(server.pid));
      kill(server.pid);
      await replaced;
      await served(`the supervisor killed after ${wait} ms`);
      await server.start();
      await served('with the next supervisor');
    }
    t.match(await server.ask({ do: 'replace' }), { ok: true, state: 'serving' });
    t.equal(await server.supervisor.stop(), 0);
  },
);

t.test(
  'a TAP that was removed under its program is made anew, and serves',
  { skip: skipWithout('curl') },
  async (t) => {
    const lab = new Lab(t, '10.77.0.1/24');
    const client = lab.client('10.77.0.2/24');
    const site = await bundleOf(t, 'site', { 'index.html': 'first' });
    const net = ['--net', 'direct', '--tap', 'tap0', '--bridge', 'br0', '--ipv4', '10.77.0.7/24'];
    const server = new LabSupervised(lab, [...net, site]);
    await server.start();
    const get = async () => (await client.run('curl', ['--silent', '--max-time', '2', 'http://10.77.0.7/'])).stdout;
    t.equal(await get(), 'first');
    lab.host.ip('link delete tap0');
    let page = '';
    for (let i = 0; page !== 'first' && i < 30; i++) page = await get();
    t.equal(page, 'first', server.supervisor.stderr);
    t.match(server.supervisor.stderr, /tap0 is held anew/);
    t.equal(await server.supervisor.stop(), 0);
  },
);
