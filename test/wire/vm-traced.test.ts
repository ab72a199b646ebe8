/**
 * What the server of a machine image calls once it is sealed is on its list: in the machine strace(1) runs in Node's
 * place, and what it saw is said on the console at the end.
 */
import { copyFileSync, mkdirSync, readFileSync, realpathSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { buildSync } from 'esbuild';
import t from 'tap';
import { base } from '../../src/seal/lists/base.js';
import * as more from '../../src/seal/lists/more.js';
import { librariesOf } from '../../src/vm/build/runtime.js';
import { Lab } from './lab.js';
import { boot, build, changeRuntime, endsCleanly, imageFolder, onePage, skip, url } from './machine.js';
import { skipWithout } from './needs.js';

const STRACE = '/usr/bin/strace';

/** Puts strace, and a program that starts it, in the place of Node. */
function traced(root: string): void {
  for (const library of [...librariesOf(STRACE), STRACE]) {
    const to = join(root, library === STRACE ? 'strace' : library);
    mkdirSync(dirname(to), { recursive: true });
    copyFileSync(realpathSync(library), to);
  }
  renameSync(join(root, 'node'), join(root, 'traced-node'));
  buildSync({
    entryPoints: [join('test', 'seal', 'trace-guest.ts')],
    outfile: join(root, 'program', 'trace.cjs'),
    bundle: true,
    platform: 'node',
    format: 'cjs',
  });
  writeFileSync(join(root, 'node'), '#!/traced-node /program/trace.cjs\n', { mode: 0o755 });
}

t.test(
  'each call is on the list, and none is refused',
  { skip: skip || skipWithout('unsquashfs', 'strace') },
  async (t) => {
    const images = imageFolder(t);
    const image = build(images, onePage(t, 'traced'));
    changeRuntime(image, join(images, 'work'), traced);
    const file = join(image, 'boot.json');
    // Two more programs run in it.
    writeFileSync(file, JSON.stringify({ ...(JSON.parse(readFileSync(file, 'utf8')) as object), memory: 512 }));
    const lab = new Lab(t, '10.78.0.1/24');
    const machine = boot(lab, image, '--ipv4', '10.78.0.9/24', '--append', 'log=net');
    const where = await url(machine);
    for (const words of [[], ['-I'], ['--http2-prior-knowledge'], ['-r', '0-3'], ['-H', 'Accept-Encoding: br']])
      t.equal((await lab.host.run('curl', ['-s', '-m', '60', '-o', '/dev/null', ...words, where])).status, 0);
    await endsCleanly(t, machine);
    const { made } = JSON.parse(/^\{"made":.*\}/m.exec(machine.stderr)![0]) as {
      made: [name: string, { times: number; refused: number }][];
    };
    t.ok(made.length > 10, made.map(([name]) => name).join(' '));
    const known = new Set(
      [...base(1, []), ...more.READS, ...more.WRITES, ...more.UNIX_SOCKETS, ...more.INTERFACES, ...more.KEEPER].flatMap(
        ({ calls }) => calls,
      ),
    );
    t.same(
      made.filter(([name, { refused }]) => refused > 0 || !known.has(name)),
      [],
    );
  },
);
