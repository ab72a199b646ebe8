/**
 * A sealed image with addresses of the network: it serves over IPv6 by itself, and under a supervisor its downloads, of
 * advertised, anycast and link-local addresses, go on in the next program.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { askControl } from '../../src/control/client.js';
import { bed } from './ipv6-bed.js';
import { give } from './ipv6-routers.js';
import { skipWithout } from './needs.js';
import { MAIN } from './server.js';

const BODY = Buffer.alloc(24_000_000, 'sixteen bytes of text ');
const SHA256 = createHash('sha256').update(BODY).digest('hex');

t.test('an image serves over IPv6, alone and under a supervisor', { skip: skipWithout('curl', 'radvd') }, async (t) => {
  const { lab, client } = bed(t);
  const { host } = lab;
  const [site, images, control] = ['site', 'images', 'control.sock'].map((name) => join(lab.folder, name));
  mkdirSync(site!);
  writeFileSync(join(site!, 'index.html'), 'hello');
  writeFileSync(join(site!, 'large.txt'), BODY);
  const build = [MAIN, 'image', 'build', site!, '--target', 'direct', '--compression', 'fast', '-o', images!];
  const image = execFileSync(process.execPath, build, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  await give(lab, 'radvd');
  const device = ['--tap', 'tap0', '--bridge', 'br0', '--state', join(lab.folder, 'state')];
  const options = [...device, '--ipv4', '10.77.0.7/24', '--anycast', '2001:db8:a::53'];
  const node = { SITEKERNEL_NODE: process.execPath };

  const alone = host.start(join(image, 'run'), options, node);
  await alone.says(/^listening on http:\/\/10\.77\.0\.7\/$/m);
  await alone.says(/^listening on http:\/\/\[2001:db8:a::53\]\/$/m);
  const [, own] = await alone.says(/^listening on http:\/\/\[(2001:db8:77:[0-9a-f:]+)\]\/$/m, 40);
  t.equal((await client.run('curl', ['-sg', '-m', '5', `http://[${own}]/`])).stdout, 'hello');
  t.equal(await alone.stop(), 0);

  const argv = ['supervise', '--control', control!, '--image', image, '--', ...options, '--log', 'net'];
  const supervisor = host.start(process.execPath, [MAIN, ...argv]);
  await supervisor.says(new RegExp(`also serving on http://\\[${own}\\]/`), 60);
  const [, link] = await supervisor.says(/(fe80::[0-9a-f:]+)\/64 \(link-local\) is ours/);
  client.ip(`-6 route add 2001:db8:a::53/128 via ${own}`);
  const downloads = [`[${own}]`, '[2001:db8:a::53]', `[${link}%25eth0]`, '10.77.0.7'].map(async (place) => {
    const got = await client.run('curl', ['-sg', '-m', '60', '--limit-rate', '4M', `http://${place}/large.txt`]);
    return createHash('sha256').update(got.stdout).digest('hex');
  });
  // Under way: the kernel of the client has what its rate lets it take by then.
  for (let i = 0; i < 100; i++) {
    const status = await askControl(control!, { do: 'status' });
    if ((status as unknown as { connections: number }).connections === downloads.length) break;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const next = await askControl(control!, { do: 'replace' });
  t.match(next, { ok: true, state: 'serving' });
  t.same(await Promise.all(downloads), Array(downloads.length).fill(SHA256), 'each came whole');
  t.match(await askControl(control!, { do: 'status' }), { moved: downloads.length }, 'all of them moved');
  t.equal(await supervisor.stop(), 0);
});
