/** A machine image with a zone: it boots as a machine that answers for its names, and for its site. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { Lab } from './lab.js';
import { BOOT, boot, build, endsCleanly, imageFolder, onePage, skip, url } from './machine.js';
import { skipWithout } from './needs.js';

t.setTimeout(600_000);
const ZONE = `$TTL 60
@ SOA ns hostmaster 7 7200 900 1209600 300
@ NS ns
ns A @SELF
@ A @SELF
www CNAME @
`;

t.test('an image with a zone boots as a name server', { skip: skip || skipWithout('dig') }, async (t) => {
  const images = imageFolder(t);
  const zone = join(images, 'own.example.zone');
  writeFileSync(zone, ZONE);
  const reverse = join(images, '42.43.46.in-addr.arpa.zone');
  writeFileSync(
    reverse,
    ZONE.replace(/^.*@SELF\n/gm, '')
      .replace('NS ns', 'NS ns.own.example.')
      .replace('www', '137'),
  );
  const image = build(images, onePage(t, 'named'), '--zone', zone, '--zone', reverse);
  const { disks } = JSON.parse(readFileSync(join(image, 'boot.json'), 'utf8')) as { disks: string[] };
  const zones = ['zones/own.example.zone', 'zones/42.43.46.in-addr.arpa.zone'];
  t.same(disks, ['runtime.squashfs', 'site.bundle', ...zones]);
  for (const path of zones) t.equal(readFileSync(join(image, path)).length % 512, 0, 'whole sectors');
  const lab = new Lab(t, '46.43.42.129/25');
  const client = lab.client('46.43.42.140/25');
  const machine = boot(lab, image, '--ipv4', '46.43.42.137/25', '--append', 'dns-id=vm1');
  t.equal(await url(machine), 'http://46.43.42.137/');
  await machine.says(/^answering names at 46\.43\.42\.137/m, BOOT);
  const dig = async (...words: string[]): Promise<string> =>
    (await client.run('dig', ['@46.43.42.137', '+time=10', '+short', ...words])).stdout;
  t.equal(await dig('www.own.example', 'A'), 'own.example.\n46.43.42.137\n');
  t.match(await dig('+tcp', 'own.example', 'SOA'), /^ns\.own\.example\. hostmaster\.own\.example\. 7 /);
  t.equal(await dig('137.42.43.46.in-addr.arpa', 'CNAME'), '42.43.46.in-addr.arpa.\n');
  t.equal(await dig('id.server', 'CH', 'TXT'), '"vm1"\n');
  const page = await client.run('curl', ['-s', '--resolve', 'own.example:80:46.43.42.137', 'http://own.example/']);
  t.match(page.stdout, '<title>named</title>');
  await endsCleanly(t, machine);
});
