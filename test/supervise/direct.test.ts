/** Programs that replace one another on a TAP: no connection is lost, and none is reset. */
import { createHash } from 'node:crypto';
import t from 'tap';
import { Lab } from '../wire/lab.js';
import { skipWithout } from '../wire/needs.js';
import { LabSupervised } from './lab-supervised.js';
import { bundleOf } from './supervised.js';

t.setTimeout(180_000);

const LARGE = Buffer.alloc(8_000_000, 'a large file ');
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
    const end = await server.clients(client, '10.77.0.7', [4, 4, 3, 2_000_000, SHA256]);
    for (let i = 0; i < 3; i++) {
      t.match(await server.ask({ do: 'replace' }), { ok: true, state: 'serving' });
      const next = await bundleOf(t, `site${i}`, { ...FILES, 'index.html': `number ${i}` });
      t.match(await server.ask({ do: 'swap', bundle: next, id: String(i) }), { ok: true, image: String(i) });
    }
    const seen = await end();
    t.comment(JSON.stringify(seen), server.supervisor.stderr);
    t.same(seen.problems, []);
    t.ok(seen.downloads >= 3 && seen.requests > 50);
    await dump.stop();
    t.equal(dump.stdout.trim(), '', 'no reset came from the server');
    t.equal(await server.supervisor.stop(), 0);
  },
);
