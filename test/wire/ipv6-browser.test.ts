/** Chromium over IPv6: the home page, and a page of pictures, from an address that radvd, dnsmasq or Kea gave. */
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { homePage } from './chromium-page.js';
import { bed, IPV6_LINE } from './ipv6-bed.js';
import { type Giver, give } from './ipv6-routers.js';
import { skipWithout } from './needs.js';
import { SITE } from './server.js';

/** Widths of pictures, of 40 KB and more. */
const PICTURES = Array.from({ length: 12 }, (_, i) => 100 + i);
const HEIGHT = 128;

/** A picture in the format of Windows, 24 bits a pixel, all of one colour. */
function picture(width: number): Buffer {
  const row = (width * 3 + 3) & ~3;
  const bytes = Buffer.alloc(54 + row * HEIGHT, width);
  bytes.fill(0, 0, 54);
  bytes.write('BM');
  bytes.writeUInt32LE(bytes.length, 2);
  bytes.writeUInt32LE(54, 10);
  bytes.writeUInt32LE(40, 14);
  bytes.writeInt32LE(width, 18);
  bytes.writeInt32LE(HEIGHT, 22);
  bytes.writeUInt16LE(1, 26);
  bytes.writeUInt16LE(24, 28);
  return bytes;
}

/** The site, and a folder with a page of pictures. */
function siteIn(folder: string): string {
  const site = join(folder, 'site');
  cpSync(SITE, site, { recursive: true });
  mkdirSync(join(site, 'pictures'));
  for (const width of PICTURES) writeFileSync(join(site, 'pictures', `${width}.bmp`), picture(width));
  const images = PICTURES.map((width) => `<img src="${width}.bmp" alt="">`);
  writeFileSync(join(site, 'pictures', 'index.html'), `<!doctype html><title>pictures</title>${images.join('')}`);
  return site;
}

for (const giver of ['radvd', 'dnsmasq', 'kea-dhcp6'] as const satisfies readonly Giver[]) {
  t.test(
    `Chromium renders the site over IPv6 (${giver})`,
    { skip: skipWithout('chromium', giver, 'radvd') },
    async (t) => {
      const { lab, client, start } = bed(t);
      // Its own addresses are given: one that comes while it loads is a change of the network, and it aborts for that.
      await client.run('sysctl', ['-qw', 'net.ipv6.conf.eth0.accept_ra=0']);
      await give(lab, giver);
      const program = start(['--no-ipv4', '--log', 'access', siteIn(lab.folder)]);
      const [, address] = await program.says(IPV6_LINE, 60);
      const { page, failed } = await homePage(t, client, `http://[${address}]/`);
      await page.goto(`http://[${address}]/pictures/`, { waitUntil: 'networkidle', timeout: 60_000 });
      const widths = await page.evaluate<number[]>('[...document.images].map((image) => image.naturalWidth)');
      t.same(widths, PICTURES, 'every picture has its pixels');
      t.same(failed, []);
      t.match(program.stderr, /^2001:db8:77::3 - - .* "GET \/ HTTP\/1\.1" 200 /m, 'over IPv6');
      t.equal(await program.stop(), 0);
    },
  );
}
