/** The disk image that boots by itself, under QEMU's emulation. */
import t from 'tap';
import { Dnsmasq } from './dnsmasq.js';
import { Lab } from './lab.js';
import { boot, build, endsCleanly, imageFolder, onePage, skip, url } from './machine.js';

t.test('from the raw disk, with an address by DHCP', { skip }, async (t) => {
  const image = build(imageFolder(t), onePage(t, 'disk'), '--format', 'raw');
  const lab = new Lab(t, '10.77.0.1/24');
  const dnsmasq = await Dnsmasq.start(lab, {
    from: '10.77.0.50',
    to: '10.77.0.99',
    netmask: '255.255.255.0',
    lease: '2m',
  });
  const machine = boot(lab, image, '--disk', `${image}.raw`);
  const address = new URL(await url(machine)).hostname;
  t.ok(await dnsmasq.lease(address), `${address} is one that dnsmasq leased`);
  const page = await lab.host.run('curl', [
    '-sS',
    '--max-time',
    '60',
    '-o',
    '/dev/null',
    '-w',
    '%{http_code}',
    `http://${address}/`,
  ]);
  t.equal(page.stdout, '200', page.stderr);
  await endsCleanly(t, machine);
});
