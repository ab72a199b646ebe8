/** The disk image that boots by itself, under QEMU's emulation. */
import t from 'tap';
import { Dnsmasq } from './dnsmasq.js';
import { Lab } from './lab.js';
import { boot, build, endsCleanly, imageFolder, onePage, skip, url } from './machine.js';

t.test('from the raw disk and from a qcow2 one, each with an address by DHCP', { skip }, async (t) => {
  const images = imageFolder(t);
  const site = onePage(t, 'disk');
  const image = build(images, site, '--format', 'raw');
  t.equal(build(images, site, '--format', 'qcow2'), image);
  const lab = new Lab(t, '10.77.0.1/24');
  const dnsmasq = await Dnsmasq.start(lab, {
    from: '10.77.0.50',
    to: '10.77.0.99',
    netmask: '255.255.255.0',
    lease: '2m',
  });
  const machines = ['raw', 'qcow2'].map((format, i) =>
    boot(lab, image, '--tap', `tap${i}`, '--disk', `${image}.${format}`),
  );
  for (const machine of machines) {
    const address = new URL(await url(machine)).hostname;
    t.ok(await dnsmasq.lease(address), `${address} is one that dnsmasq leased`);
    const page = await lab.host.run('curl', ['-sS', '--max-time', '60', `http://${address}/`]);
    t.match(page.stdout, '<title>disk</title>', page.stderr);
  }
  await Promise.all(machines.map((machine) => endsCleanly(t, machine)));
});
