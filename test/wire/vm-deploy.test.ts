/** A machine that is replaced by the runner of deployments, under QEMU's emulation. */
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import t from 'tap';
import { Lab } from './lab.js';
import { BOOT, build, imageFolder, onePage, skip } from './machine.js';

t.test('a newer image takes over while a client keeps asking; one that fails does not', { skip }, async (t) => {
  const images = imageFolder(t);
  const image = build(images, onePage(t, 'old'));
  const lab = new Lab(t, '46.43.42.129/25');
  const client = lab.client('46.43.42.140/25');
  const newer = build(images, onePage(t, 'new'));
  const damaged = join(lab.folder, 'damaged');
  cpSync(newer, damaged, { recursive: true });
  const bundle = join(damaged, 'site.bundle');
  writeFileSync(bundle, readFileSync(bundle).fill(0, 0, 8));
  const script = join('build', 'test', 'wire', 'vm-runner.js');
  const options = ['--accel', 'tcg', '--tap', 'tap0', '--bridge', 'br0', '--ipv4', '46.43.42.137/25'];
  const runner = lab.host.start(process.execPath, [script, lab.folder, image, ...options]);
  await runner.says(/^started/m, BOOT);
  let asking = true;
  t.teardown(() => {
    asking = false;
  });
  const answers: string[] = [];
  const asked = (async () => {
    while (asking) {
      const page = await client.run('curl', ['-sS', '--max-time', '30', 'http://46.43.42.137/']);
      answers.push(page.status === 0 ? (/<title>(.*)<\/title>/.exec(page.stdout)?.[1] ?? page.stdout) : page.stderr);
    }
  })();
  const still = `status ${basename(image)}\n`;
  runner.child.stdin!.write(`replace ${newer} 1\n`);
  await runner.says(new RegExp(`not replaced: the machine did not serve in time\n${still}`), BOOT);
  const links = await lab.host.run('ip', ['-o', 'link']);
  t.match(links.stdout, /tap0:/);
  t.notMatch(links.stdout, /tap0n/, 'one that is given up leaves no TAP');
  runner.child.stdin!.write(`replace ${damaged}\n`);
  await runner.says(new RegExp(`not replaced: there is no site: .*\n${still}`), BOOT);
  t.same(new Set(answers), new Set(['old']), 'the old one serves all the while');
  runner.child.stdin!.write(`replace ${newer}\n`);
  await runner.says(new RegExp(`replaced by ${basename(newer)}\nstatus ${basename(newer)}\n`), BOOT);
  asking = false;
  await asked;
  const wrong = answers.filter((answer) => answer !== 'old' && answer !== 'new');
  t.same(
    wrong.filter((sentence) => /refused|Couldn't connect/.test(sentence)),
    [],
    'no new connection is refused',
  );
  t.ok(wrong.length <= 1, `at most the one under way ended: ${wrong}`);
  t.ok(answers.includes('old') && answers.at(-1) === 'new', `${answers.length} answers`);
  t.equal(answers.lastIndexOf('old') < answers.indexOf('new'), true, 'first the old one, then the new one');
  runner.child.stdin!.write('stop\n');
  await runner.says(/^stopped, status undefined/m, BOOT);
  t.equal(await runner.exit, 0, runner.stderr);
});
