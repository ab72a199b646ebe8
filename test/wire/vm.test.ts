/** The machine image under QEMU's emulation: one site, one machine, a static address. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { Lab } from './lab.js';
import { BOOT, boot, build, endsCleanly, imageFolder, skip, url } from './machine.js';
import { SITE } from './server.js';
import { fetchSite } from './whole-site.js';

t.test('over a TAP at 46.43.42.137/25 and 2001:db8:77::80, with 128 MB of memory', { skip }, async (t) => {
  const images = imageFolder(t);
  const image = build(images);
  t.equal(build(images), image, 'the same inputs give the same image');
  const parts = ['vmlinuz', 'initramfs', 'runtime.squashfs', 'boot.json', 'manifest.json', 'site.bundle', 'run-qemu'];
  for (const name of parts) t.ok(existsSync(join(image, name)), name);
  const manifest = JSON.parse(readFileSync(join(image, 'manifest.json'), 'utf8')) as {
    program: { files: { size: number }[] };
  };
  const size = manifest.program.files.reduce((sum, file) => sum + file.size, 0);
  t.ok(size < 40e6, `${size} bytes beside the site: under 40 MB`);

  const lab = new Lab(t, '46.43.42.129/25');
  // Behind the gateway, in another network.
  const client = lab.client('46.43.42.140/25');
  const far = lab.namespace('far');
  lab.host.ip(`link add name uplink type veth peer name eth0 netns ${far.name}`);
  lab.host.ip('addr add 192.0.2.1/24 dev uplink');
  lab.host.ip('link set uplink up');
  far.ip('addr add 192.0.2.9/24 dev eth0');
  far.ip('link set eth0 up');
  far.ip('route add default via 192.0.2.1');
  await lab.host.run('sysctl', ['-qw', 'net.ipv4.ip_forward=1']);
  const machine = boot(
    lab,
    image,
    ...['--ipv4', '46.43.42.137', '--ipv4-netmask', '255.255.255.128', '--ipv4-gateway', '46.43.42.129'],
    ...['--ipv6', '2001:db8:77::80/64'],
  );
  // Beside it, since a start takes its time.
  const garbled = boot(lab, image, '--tap', 'tap1', '--append', 'ipv4=46.43.42.337/25');
  t.equal(await url(machine), 'http://46.43.42.137/');
  await machine.says(/^listening on http:\/\/\[2001:db8:77::80\]\/$/m, BOOT);
  const fetched = await fetchSite(far, 'http://46.43.42.137/', SITE, 120);
  t.ok(fetched.urls > 10, `${fetched.urls} URLs through the gateway`);
  t.same(fetched.wrong, []);
  client.ip('-6 addr add 2001:db8:77::9/64 dev eth0 nodad');
  const six = await fetchSite(client, 'http://[2001:db8:77::80]/', SITE, 120);
  t.equal(six.urls, fetched.urls, 'the whole site over IPv6');
  t.same(six.wrong, []);
  const ping = await client.run('ping', ['-c', '2', '-W', '5', '46.43.42.137']);
  t.match(ping.stdout, / 0% packet loss/);
  await endsCleanly(t, machine);

  await garbled.says(/"46\.43\.42\.337" is not an IPv4 address/, BOOT);
  t.equal(await garbled.exit, 1, 'an address that the command line garbles: a sentence, and it stays off');
  t.notMatch(garbled.stderr, /starts again/);
});
