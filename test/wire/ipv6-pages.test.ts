/** What a server says of IPv6 clients, and whom of them it lets in: pages about it, the log, bounds for a client. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { bed, IPV6_LINE } from './ipv6-bed.js';
import type { Namespace } from './lab.js';
import { skipWithout } from './needs.js';
import { MAIN } from './server.js';

const US = '2001:db8:77::80';
const STATUS = ['-o', '/dev/null', '-w', '%{http_code}'];

async function curl(client: Namespace, url: string, ...more: string[]): Promise<string> {
  return (await client.run('curl', ['-sg', '-m', '5', ...more, url])).stdout;
}

function onePage(folder: string): string {
  const site = join(folder, 'site');
  mkdirSync(site);
  writeFileSync(join(site, 'index.html'), 'hello');
  return site;
}

t.test('pages about the server, and the log, name IPv6 clients', { skip: skipWithout('curl') }, async (t) => {
  const { lab, client, start } = bed(t);
  const pages = ['--status', '--metrics', '--health', '--admin', '2001:db8:77::/64,fe80::/10', '--log', 'access,net'];
  const addresses = ['--ipv4', '10.77.0.7/24', '--ipv6', `${US}/64`, '--ipv6-gateway', 'fe80::1'];
  const program = start([...addresses, ...pages, onePage(lab.folder)]);
  await program.says(IPV6_LINE);
  client.ip('addr add 2001:db8:78::3/64 dev eth0 nodad');
  lab.host.ip('addr add 2001:db8:78::1/64 dev br0 nodad');
  await lab.host.run('sysctl', ['-qw', 'net.ipv6.conf.all.forwarding=1']);
  client.ip(`-6 route add ${US}/128 dev eth0`);
  const base = `http://[${US}]`;
  const report = JSON.parse(await curl(client, `${base}/status.json`)) as {
    facts: Record<string, string>;
    connections: { address: string; port: number }[];
  };
  t.equal(report.facts['address'], `10.77.0.7 ${US}`);
  t.match(report.connections, [{ address: '2001:db8:77::3', state: 'ESTABLISHED' }]);
  t.match(await curl(client, `${base}/metrics`), /^sitekernel_network_connections_accepted_total [12]$/m);
  t.equal(await curl(client, `${base}/health`), 'ok\n');
  t.match(await curl(client, `${base}/status`), /includes\(':'\) \? '\['/, 'a port stands behind brackets');
  // Those whom no prefix names get the site alone.
  for (const page of ['status', 'metrics', 'health'])
    t.equal(await curl(client, `${base}/${page}`, '--interface', '2001:db8:78::3', ...STATUS), '404', page);
  t.equal(await curl(client, 'http://10.77.0.7/status', ...STATUS), '404', 'and over IPv4');
  await curl(client, `${base}/`);
  await program.says(/^2001:db8:77::3 - - \[.*\] "GET \/ HTTP\/1\.1" 200 5 /m);
  await program.says(/^2001:db8:78::3 - - \[.*\] "GET \/health HTTP\/1\.1" 404 /m);
  // A link-local client needs a zone, and we have one link: its address is logged without.
  const [, own] = await program.says(/(fe80::[0-9a-f:]+)\/64 \(link-local\) is ours/);
  t.equal(await curl(client, `http://[${own}%25eth0]/health`), 'ok\n', 'a prefix may be that of the link');
  t.equal(await curl(client, `http://[${own}%25eth0]/`), 'hello');
  await program.says(/^fe80::3 - - \[.*\] "GET \/ HTTP\/1\.1" 200 /m);
  t.equal(await program.stop(), 0);
});

/** Opens connections from `source`, `count` of them at once, and says how each was answered. */
const CONNECTIONS = `
  const { connect } = require('node:net');
  const [host, source, count] = process.argv.slice(1);
  const answered = Array.from({ length: Number(count) }, () => new Promise((resolve) => {
    const socket = connect({ host, port: 80, localAddress: source });
    socket.on('connect', () => socket.write('GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n'));
    socket.on('data', (bytes) => resolve(bytes.toString('latin1').slice(9, 12)));
    socket.on('error', (error) => resolve(error.code));
  }));
  Promise.all(answered).then((all) => { console.log(all.sort().join(' ')); setInterval(() => {}, 1000); });
`;

t.test('--max-per-client counts IPv6 clients by their /64', { skip: skipWithout('curl') }, async (t) => {
  const { lab, client, start } = bed(t);
  const addresses = ['--ipv4', '10.77.0.7/24', '--ipv6', `${US}/64`, '--ipv6-gateway', 'fe80::1'];
  const program = start([...addresses, '--max-per-client', '3', onePage(lab.folder)]);
  await program.says(IPV6_LINE);
  for (const one of ['2001:db8:77::4/64', '2001:db8:78::4/64']) client.ip(`addr add ${one} dev eth0 nodad`);
  client.ip('addr add 10.77.0.4/24 dev eth0');
  lab.host.ip('addr add 2001:db8:78::1/64 dev br0 nodad');
  await lab.host.run('sysctl', ['-qw', 'net.ipv6.conf.all.forwarding=1']);
  const from = async (source: string): Promise<string | undefined> => {
    const host = source.includes(':') ? US : '10.77.0.7';
    const open = client.start(process.execPath, ['-e', CONNECTIONS, host, source, '4']);
    return (await open.says(/^.+$/m))[0];
  };
  t.equal(await from('2001:db8:77::3'), '200 200 200 503');
  t.equal(await from('2001:db8:77::4'), '503 503 503 503', 'another address of that /64');
  t.equal(await from('2001:db8:78::4'), '200 200 200 503', 'one of another');
  t.equal(await from('10.77.0.3'), '200 200 200 503');
  t.equal(await from('10.77.0.4'), '200 200 200 503', 'of IPv4 each address counts');
  await program.stop();
});

for (const sockets of ['libc', 'node'] as const) {
  t.test(
    `link-local clients of a sealed server on the kernel's sockets are logged (${sockets})`,
    { skip: skipWithout('curl') },
    async (t) => {
      const { lab, client } = bed(t);
      const where = ['--net', 'socket', '--sockets', sockets, '--host', 'fe80::1%br0', '--host', '::1'];
      const site = onePage(lab.folder);
      const program = lab.host.start(process.execPath, [MAIN, ...where, '--log', 'access', site]);
      await program.says(/^listening on http:\/\/\[fe80::1%br0\]:8080\/$/m);
      t.match(program.stdout, /^listening on http:\/\/\[::1\]:8080\/$/m);
      t.equal(await curl(client, 'http://[fe80::1%25eth0]:8080/'), 'hello');
      await program.says(/^fe80::3 - - .* "GET \/ HTTP\/1\.1" 200 5 /m);
      t.equal(await program.stop(), 0);
      const nameless = await lab.host.run(process.execPath, [MAIN, '--host', 'fe80::1', '--sockets', sockets, site]);
      t.equal(nameless.status, 1);
      t.match(nameless.stderr, /fe80::1 is an address on a link .* the interface stands behind it: fe80::1%eth0\n/);
    },
  );
}
