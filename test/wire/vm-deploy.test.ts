/** A machine that is replaced by the runner of deployments, under QEMU's emulation. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import t from 'tap';
import { Lab } from './lab.js';
import { BOOT, build, imageFolder, skip } from './machine.js';

t.test('replaced by a newer image while a client keeps asking', { skip }, async (t) => {
  const images = imageFolder(t);
  const image = build(images);
  const lab = new Lab(t, '46.43.42.129/25');
  const client = lab.client('46.43.42.140/25');
  const site = join(lab.folder, 'site');
  mkdirSync(site);
  writeFileSync(join(site, 'index.html'), '<!doctype html><title>new</title>');
  const newer = build(images, site);
  const script = join('build', 'test', 'wire', 'vm-runner.js');
  const options = ['--accel', 'tcg', '--tap', 'tap0', '--bridge', 'br0', '--ipv4', '46.43.42.137/25'];
  const runner = lab.host.start(process.execPath, [script, lab.folder, image, newer, ...options]);
  await runner.says(/^started/m, BOOT);
  let asking = true;
  const answers: string[] = [];
  const asked = (async () => {
    while (asking) {
      const page = await client.run('curl', ['-sS', '--max-time', '30', 'http://46.43.42.137/']);
      answers.push(page.status === 0 ? (page.stdout.includes('<title>new<') ? 'new' : 'old') : page.stderr);
    }
  })();
  runner.child.stdin!.write('\n');
  await runner.says(/^status/m, BOOT);
  asking = false;
  await asked;
  t.match(runner.stdout, new RegExp(`replaced by ${basename(newer)}\nstatus ${basename(newer)}`));
  const wrong = answers.filter((answer) => answer !== 'old' && answer !== 'new');
  t.same(
    wrong.filter((sentence) => /refused|Couldn't connect/.test(sentence)),
    [],
    'no new connection is refused',
  );
  t.ok(wrong.length <= 1, `at most the one under way ended: ${wrong}`);
  t.ok(answers.includes('old') && answers.at(-1) === 'new', `${answers.length} answers`);
  t.equal(answers.lastIndexOf('old') < answers.indexOf('new'), true, 'first the old one, then the new one');
  runner.child.stdin!.write('\n');
  await runner.says(/^stopped, status undefined/m, BOOT);
  t.equal(await runner.exit, 0, runner.stderr);
});
