/** Two machines by hand, without `deploy`: the second takes over from the first, which ends by itself. */
import { join } from 'node:path';
import t from 'tap';
import { Lab } from './lab.js';
import { boot, build, endsCleanly, imageFolder, onePage, skip, url } from './machine.js';

t.test('a machine that gave its traffic away and is done ends with status 0', { skip }, async (t) => {
  const image = build(imageFolder(t), onePage(t, 'given'));
  const lab = new Lab(t, '46.43.42.129/25');
  const link = join(lab.folder, 'link');
  const words = ['--ipv4', '46.43.42.137/25', '--mac', '02:00:00:00:00:07'];
  const first = boot(lab, image, ...words, '--successor', link);
  await url(first);
  for (const flag of ['learning', 'flood', 'bcast_flood', 'mcast_flood'])
    lab.host.ip(`link set dev tap0 type bridge_slave ${flag} off`);
  const second = boot(lab, image, ...words, '--tap', 'tap1', '--predecessor', link);
  await url(second);
  t.equal(await first.exit, 0, first.stderr);
  t.match(first.stderr, /Power down/, 'it powered off by itself');
  const page = await lab.host.run('curl', ['-sS', '--max-time', '30', 'http://46.43.42.137/']);
  t.match(page.stdout, '<title>given</title>', 'the second serves');
  await endsCleanly(t, second);
});
