/** What changes under a server after its start: the bridge is made again, the TAP comes to another network. */
import t from 'tap';
import { Dnsmasq } from './dnsmasq.js';
import { Lab } from './lab.js';
import { skipWithout } from './needs.js';
import { SITE, serve, TARGETS } from './server.js';

const curl = (url: string): string[] => [
  '--silent',
  '--output',
  '/dev/null',
  '--write-out',
  '%{http_code}',
  '--max-time',
  '2',
  url,
];

t.test('a bridge that is made again has the TAP on it again', { skip: skipWithout('curl') }, async (t) => {
  const lab = new Lab(t, '46.43.42.129/25');
  const server = await serve(lab.host, [...TARGETS.static, SITE]);
  t.equal((await lab.host.run('curl', curl(server.url))).stdout, '200');
  lab.host.ip('link delete br0');
  await server.program.says(/the bridge br0 is gone/, 10);
  lab.host.ip('link add name br0 type bridge');
  lab.host.ip('addr add 46.43.42.129/25 dev br0');
  lab.host.ip('link set br0 up');
  await server.program.says(/br0 was made again; tap0 is on it/, 10);
  let status = '';
  for (let tries = 0; status !== '200' && tries < 10; tries++)
    status = (await lab.host.run('curl', curl(server.url))).stdout;
  t.equal(status, '200');
  t.equal(await server.program.stop(), 0);
});

t.test(
  'a link that comes up on another network has an address of that network [2131 3.7]',
  { skip: skipWithout('curl', 'dnsmasq') },
  async (t) => {
    const lab = new Lab(t, '10.77.0.1/24');
    const range = { netmask: '255.255.255.0', lease: '2m' };
    const first = await Dnsmasq.start(lab, { from: '10.77.0.50', to: '10.77.0.99', ...range });
    const server = await serve(lab.host, [...TARGETS.dhcp, '--log', 'net', SITE]);
    t.match(server.address, /^10\.77\.0\./);
    lab.host.ip('link set tap0 down');
    await first.program.stop();
    lab.host.ip('addr flush dev br0');
    lab.host.ip('addr add 10.78.0.1/24 dev br0');
    const second = await Dnsmasq.start(lab, { from: '10.78.0.50', to: '10.78.0.99', ...range });
    lab.host.ip('link set tap0 up');
    const [, address] = await server.program.says(/our address is (10\.78\.0\.\d+) now/, 30);
    t.equal((await lab.host.run('curl', curl(`http://${address}/`))).stdout, '200');
    t.ok(await second.lease(address as string));
    t.equal(await server.program.stop(), 0);
  },
);
