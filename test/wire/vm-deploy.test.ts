/** A machine that is replaced by a pull of the deployment repository, under QEMU's emulation. */
import { createHash, randomBytes } from 'node:crypto';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { basename, join } from 'node:path';
import t from 'tap';
import { Lab } from './lab.js';
import { BOOT, build, imageFolder, onePage, skip } from './machine.js';
import { MAIN } from './server.js';

t.test('a pull replaces the machine: nobody is refused, what is open goes on', { skip }, async (t) => {
  const began = performance.now();
  const at = (what: string): void => t.comment(`${((performance.now() - began) / 1000).toFixed(0)} s: ${what}`);
  const images = imageFolder(t);
  const oldSite = onePage(t, 'old');
  const large = randomBytes(3_000_000);
  writeFileSync(join(oldSite, 'large.bin'), large);
  const image = build(images, oldSite);
  const newer = build(images, onePage(t, 'new'));
  at('images are built');
  const lab = new Lab(t, '46.43.42.129/25');
  const client = lab.client('46.43.42.140/25');
  // So that a slow client's kernel does not take all of a download.
  await client.run('sysctl', ['-qw', 'net.ipv4.tcp_rmem=4096 65536 131072']);
  const sitekernel = async (...words: string[]) => {
    const done = await lab.host.run(process.execPath, [MAIN, ...words]);
    t.equal(done.status, 0, `${words.slice(0, 2).join(' ')}: ${done.stderr}`);
    return done;
  };
  const repository = join(lab.folder, 'deployment.git');
  const host = join(lab.folder, 'host');
  const options = ['--accel', 'tcg', '--tap', 'tap0', '--bridge', 'br0', '--ipv4', '46.43.42.137/25'];
  await lab.host.run('git', ['init', '--quiet', '--bare', '--initial-branch=main', repository]);
  await sitekernel('deploy', 'commit', image, '--repo', repository);
  await sitekernel('deploy', 'init', host, '--repo', repository, '--', ...options);
  t.teardown(() => lab.host.run(process.execPath, [MAIN, 'deploy', 'stop', '--host', host]));
  await sitekernel('deploy', 'poll', '--host', host);

  at('the old machine serves');
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

  // Those that fail change nothing.
  const damaged = join(lab.folder, 'damaged');
  cpSync(newer, damaged, { recursive: true });
  const bundle = join(damaged, 'site.bundle');
  writeFileSync(bundle, readFileSync(bundle).fill(0, 0, 8));
  const runner = lab.host.start(process.execPath, [join('build', 'test', 'wire', 'vm-runner.js'), host, ...options]);
  const still = `status ${basename(image)}\n`;
  runner.child.stdin!.write(`replace ${newer} 1\n`);
  await runner.says(new RegExp(`not replaced: the machine did not serve in time\n${still}`), BOOT);
  const links = await lab.host.run('ip', ['-o', 'link']);
  t.match(links.stdout, /tap0:/);
  t.notMatch(links.stdout, /tap0n/, 'one that is given up leaves no TAP');
  runner.child.stdin!.write(`replace ${damaged}\n`);
  await runner.says(new RegExp(`not replaced: there is no site: .*\n${still}`), BOOT);
  runner.child.stdin!.end();
  t.equal(await runner.exit, 0, runner.stderr);
  t.same(new Set(answers), new Set(['old']), 'the old one serves all the while');

  at('two were not taken');
  const download = client.start(process.execPath, [
    join('build', 'test', 'wire', 'slow-client.js'),
    'http://46.43.42.137/large.bin',
  ]);
  await download.says(/^begun 200$/m, BOOT);
  await sitekernel('deploy', 'commit', newer, '--repo', repository);
  const pull = await lab.host.run('git', ['-C', join(host, 'repo'), 'pull', '--quiet']);
  t.equal(pull.status, 0, pull.stderr);
  at('pulled');
  const status = await sitekernel('deploy', 'status', '--host', host);
  t.match(status.stdout, basename(newer).slice(0, 12));
  asking = false;
  await asked;
  const counts = `${answers.filter((one) => one === 'old').length} old, ${answers.filter((one) => one === 'new').length} new`;
  t.same(
    answers.filter((answer) => answer !== 'old' && answer !== 'new'),
    [],
    `every request is answered: ${counts}`,
  );
  t.ok(answers.includes('old') && answers.at(-1) === 'new');
  t.equal(answers.lastIndexOf('old') < answers.indexOf('new'), true, 'first the old one, then the new one');

  t.match((await lab.host.run('ip', ['-o', 'link'])).stdout, /tap0:.*tap0n:/s, 'both run while the download goes on');
  at('the last request is answered');
  download.child.stdin!.write('go\n');
  await download.says(/^(?:whole|broken) .*$/m, BOOT);
  t.comment(download.stdout);
  t.match(download.stdout, `whole ${createHash('sha256').update(large).digest('hex')}`, 'the download comes whole');
  at('the download is over');
  const off = await waitFor(async () => !/tap0:/.test((await lab.host.run('ip', ['-o', 'link'])).stdout));
  t.ok(off, 'then the old machine is off, and its TAP gone');
  at('the old machine is off');
  const last = await client.run('curl', ['-sS', '--max-time', '30', 'http://46.43.42.137/']);
  t.match(last.stdout, '<title>new</title>');

  // A machine that took over and is started again, as after a crash, serves by itself.
  const { pid } = JSON.parse(readFileSync(join(host, 'run', 'vm.json'), 'utf8')) as { pid: number };
  await reset(pid);
  const again = ['-sS', '--retry', '100', '--retry-all-errors', '--retry-delay', '1', '--max-time', '2'];
  const after = await client.run('curl', [...again, 'http://46.43.42.137/']);
  t.match(after.stdout, '<title>new</title>', 'a machine that took over serves again after a reset');
  at('started again');
  await sitekernel('deploy', 'stop', '--host', host);
  t.match(readFileSync(join(host, 'run', 'tap0n.log'), 'utf8'), /Power down/, 'the machine powered off by itself');
  t.notMatch((await lab.host.run('ip', ['-o', 'link'])).stdout, /tap0/, 'nothing is left');
  at('stopped');
});

async function waitFor(holds: () => Promise<boolean>): Promise<boolean> {
  for (const until = Date.now() + BOOT * 1000; Date.now() < until; ) {
    if (await holds()) return true;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return false;
}

/** Presses the reset button of the machine that the process `pid` of run-qemu runs (QMP). */
function reset(pid: number): Promise<void> {
  const qemu = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  const path = /unix:([^,]+),server/.exec(readFileSync(`/proc/${qemu}/cmdline`, 'latin1'))![1]!;
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => {
      socket.write('{"execute":"qmp_capabilities"}\n{"execute":"system_reset"}\n');
    });
    let said = '';
    socket.on('data', (piece) => {
      said += piece;
      if (said.split('"return"').length > 2) socket.destroy();
    });
    socket.on('error', reject);
    socket.on('close', () => resolve());
  });
}
