/** What a machine image has in it, and what it says of where that comes from. Nothing is booted. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { Manifest } from '../../src/image/manifest.js';
import { build, imageFolder, onePage } from '../wire/machine.js';
import { skipWithout } from '../wire/needs.js';

const skip = skipWithout('mksquashfs', 'unsquashfs');

t.test('its kernel and its Node are named by origin, version and hash; licences go with them', { skip }, async (t) => {
  const image = build(imageFolder(t), onePage(t, 'origins'));
  const manifest = JSON.parse(readFileSync(join(image, 'manifest.json'), 'utf8')) as Manifest;
  const origin = (path: string) => manifest.program.files.find((file) => file.path === path)?.origin ?? {};

  const { package: name, version, sha256 } = origin('vmlinuz');
  const shown = execFileSync('apt-cache', ['show', `${name}=${version}`], { encoding: 'utf8' });
  t.equal(/^SHA256: (\w+)$/m.exec(shown)?.[1], sha256, 'the hash of the package, as the signed lists have it');

  const node = origin('runtime.squashfs');
  t.equal(node['version'], process.versions.node);
  t.equal(node['sha256'], createHash('sha256').update(readFileSync(process.execPath)).digest('hex'));

  const licences = readdirSync(join(image, 'licences'));
  for (const one of ['kernel.txt', 'node.txt', 'libc6.txt', 'libstdc++6.txt']) t.ok(licences.includes(one), one);
  t.match(readFileSync(join(image, 'licences', 'kernel.txt'), 'utf8'), /GPL/);
  t.match(readFileSync(join(image, 'licences.txt'), 'utf8'), /^koffi \d/m);
  const sbom = JSON.parse(readFileSync(join(image, 'sbom.cdx.json'), 'utf8')) as { bomFormat: string };
  t.equal(sbom.bomFormat, 'CycloneDX');

  const listed = execFileSync('unsquashfs', ['-lls', join(image, 'runtime.squashfs')], { encoding: 'utf8' });
  const files = listed.split('\n').filter((line) => / squashfs-root/.test(line));
  t.ok(files.length > 10);
  for (const line of files) {
    t.notMatch(line.slice(0, 10), /[sStT]/, `no setuid, setgid or sticky bit: ${line}`);
    t.notMatch(line.slice(0, 10), /^[^l].{7}w/, `nobody but root may write: ${line}`);
    t.match(line, / root\/root /, line);
  }
});
