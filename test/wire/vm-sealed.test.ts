/** A compromised server of a machine image has nothing to take: each attempt meets what docs/security.md says. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import t from 'tap';
import { TABLE } from '../seal/table.js';
import { Lab } from './lab.js';
import { BOOT, boot, build, changeRuntime, endsCleanly, imageFolder, onePage, skip, url } from './machine.js';
import { skipWithout } from './needs.js';

/** Loads the attack before the server. */
function compromise(root: string): void {
  buildSync({
    entryPoints: [join('test', 'seal', 'attack.ts')],
    outfile: join(root, 'program', 'attack.cjs'),
    bundle: true,
    platform: 'node',
    format: 'cjs',
    external: ['/program/koffi.node'],
    alias: { koffi: '/program/koffi.node' },
  });
  const guest = join(root, 'program', 'guest.cjs');
  writeFileSync(guest, `require('/program/attack.cjs');\n${readFileSync(guest, 'utf8')}`);
}

t.test('every attempt is refused', { skip: skip || skipWithout('unsquashfs') }, async (t) => {
  const images = imageFolder(t);
  const image = build(images, onePage(t, 'sealed'));
  changeRuntime(image, join(images, 'work'), compromise);
  const lab = new Lab(t, '10.78.0.1/24');
  const machine = boot(lab, image, '--ipv4', '10.78.0.9/24', '--append', 'log=net');
  await url(machine);
  t.match(machine.stderr, /sealed: [^\n]*user 61184, no capabilities, not dumpable, \d+ system calls \(seccomp\)/);
  await machine.says(/^\{"found":.*\}\s*$/m, BOOT);
  const { found } = JSON.parse(/^\{"found":.*\}/m.exec(machine.stderr)![0]) as { found: Record<string, string> };
  t.same(
    Object.keys(found),
    TABLE.map((one) => one.attempt),
  );
  for (const one of TABLE) t.ok(one.machine.includes(found[one.attempt]!), `${one.attempt}: ${found[one.attempt]}`);
  await endsCleanly(t, machine);
});
