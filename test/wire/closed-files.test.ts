/** In direct mode the server stays root with a bridge, and has no more rights later than the files give to root. */
import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { Lab } from './lab.js';
import { skipWithout } from './needs.js';
import { serve, TARGETS } from './server.js';

const OTHER = 61_234;

t.test(
  'direct mode: a file that cannot be read later is left out from the start, one of root is served and read again',
  { skip: skipWithout('curl') },
  async (t) => {
    const lab = new Lab(t, '46.43.42.129/25');
    const site = join(lab.folder, 'site');
    mkdirSync(site);
    for (const name of ['index.html', 'root.txt', 'other.txt']) writeFileSync(join(site, name), 'first');
    chmodSync(join(site, 'root.txt'), 0o600);
    chmodSync(join(site, 'other.txt'), 0o600);
    chownSync(join(site, 'other.txt'), OTHER, OTHER);
    const { program, url } = await serve(lab.host, [...TARGETS.static, '--log', 'net', site]);
    t.match(program.stderr, /other\.txt cannot be read once the server is sealed; [^\n]*\(left out\)/);
    t.notMatch(program.stderr, /root\.txt/);
    const get = async (name: string): Promise<string> =>
      (await lab.host.run('curl', ['-s', '-m', '10', '-w', ' %{http_code}', `${url}${name}`])).stdout;
    t.equal(await get('root.txt'), 'first 200');
    t.match(await get('other.txt'), / 404$/);
    for (const name of ['root.txt', 'other.txt']) writeFileSync(join(site, name), 'second');
    program.signal('SIGHUP');
    await program.says(/now serving/);
    t.equal(await get('root.txt'), 'second 200');
    t.match(await get('other.txt'), / 404$/);
    t.equal(await program.stop(), 0);
  },
);
