/** Programs that replace one another under IPv6 connections: none is lost, and none is reset. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import t from 'tap';
import { bed } from '../wire/ipv6-bed.js';
import { give } from '../wire/ipv6-routers.js';
import { Lab } from '../wire/lab.js';
import { skipWithout } from '../wire/needs.js';
import { LabSupervised } from './lab-supervised.js';
import { bundleOf } from './supervised.js';

t.setTimeout(300_000);

const LARGE = Buffer.alloc(4_000_000, 'a large file ');
const FILES = { 'index.html': 'first', 'large.bin': LARGE };
const SHA256 = createHash('sha256').update(LARGE).digest('hex');

t.test('IPv6 connections go on under the next program', { skip: skipWithout('tcpdump') }, async (t) => {
  const lab = new Lab(t, '10.77.0.1/24');
  const client = lab.client('10.77.0.2/24');
  client.ip('addr add 2001:db8:77::3/64 dev eth0 nodad');
  const site = await bundleOf(t, 'site', FILES);
  const state = ['--state', join(lab.folder, 'state')];
  const device = ['--net', 'direct', '--tap', 'tap0', '--bridge', 'br0', '--faults', 'loss=1%'];
  const argv = [...device, '--no-ipv4', '--ipv6', '2001:db8:77::80/64', ...state];
  const server = new LabSupervised(lab, [...argv, site]);
  await server.start();
  t.match(server.supervisor.stderr, /http:\/\/\[2001:db8:77::80\]\//);
  const resets = 'ip6 src 2001:db8:77::80 and ip6[6] == 6 and ip6[53] & 4 != 0';
  const dump = client.start('tcpdump', ['-n', '-l', '-i', 'eth0', resets]);
  await dump.says(/listening on/);
  const end = await server.clients(client, '2001:db8:77::80', [4, 4, 2, 2_000_000, SHA256]);
  for (let i = 0; i < 2; i++) t.match(await server.ask({ do: 'replace' }), { ok: true, state: 'serving' });
  const seen = await end();
  t.comment(JSON.stringify(seen), server.supervisor.stderr);
  t.same(seen.problems, []);
  t.ok(seen.downloads >= 2 && seen.requests > 20);
  await dump.stop();
  t.equal(dump.stdout.trim(), '', 'no reset came from the server');
  t.equal(await server.supervisor.stop(), 0);
});

t.test('the supervisor names every address, also one that comes later', { skip: skipWithout('radvd') }, async (t) => {
  const { lab } = bed(t);
  const site = await bundleOf(t, 'site', { 'index.html': 'first' });
  await give(lab, 'radvd');
  const device = ['--net', 'direct', '--tap', 'tap0', '--bridge', 'br0', '--ipv4', '10.77.0.80/24'];
  const state = ['--state', join(lab.folder, 'state')];
  const server = new LabSupervised(lab, [...device, '--anycast', '192.0.2.80', ...state, site]);
  await server.start();
  const { supervisor } = server;
  t.match(supervisor.stderr, /serving on http:\/\/10\.77\.0\.80\/ http:\/\/192\.0\.2\.80\/ \(program \d+\)$/m);
  const [, later] = await supervisor.says(
    /also serving on http:\/\/\[(2001:db8:77:[0-9a-f:]+)\]\/ \(program \d+\)$/m,
    60,
  );
  const urls = ['http://10.77.0.80/', 'http://192.0.2.80/', `http://[${later}]/`];
  t.match(await server.ask({ do: 'status' }), { url: urls[0], urls }, 'so does the status');
  t.match(await server.ask({ do: 'replace' }), { ok: true, state: 'serving' });
  const [last] = supervisor.stderr.match(/serving on .*/g)!.slice(-1);
  t.match(last, `http://10.77.0.80/ http://192.0.2.80/ http://[${later}]/ (program `, 'the next one has them all');
  t.equal(await supervisor.stop(), 0);
});
