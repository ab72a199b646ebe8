/** The machine image under QEMU's emulation: one site, one machine, a static address. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import t, { type Test } from 'tap';
import { Dnsmasq } from './dnsmasq.js';
import { Lab, type Program } from './lab.js';
import { skipWithout } from './needs.js';
import { MAIN, SITE } from './server.js';
import { fetchSite } from './whole-site.js';

const images = join(tmpdir(), `sitekernel-vm-test-${process.pid}`);
t.teardown(() => rmSync(images, { recursive: true, force: true }));
/** Emulation on a busy machine takes its time. */
const BOOT = 200;

const skip = skipWithout('qemu-system-x86_64', 'mksquashfs', 'grub-mkimage', 'curl', 'dnsmasq', 'ping');

/** Answers the image's folder. */
function build(site = SITE, ...more: string[]): string {
  const args = [MAIN, 'image', 'build', site, '--target', 'vm', '--compression', 'fast', '-o', images, ...more];
  return execFileSync(process.execPath, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
}

function boot(lab: Lab, image: string, ...more: string[]): Program {
  return lab.host.start(join(image, 'run-qemu'), ['--accel', 'tcg', '--tap', 'tap0', '--bridge', 'br0', ...more]);
}

async function url(program: Program): Promise<string> {
  return (await program.says(/^listening on (\S+)$/m, BOOT))[1]!;
}

async function endsCleanly(t: Test, program: Program): Promise<void> {
  t.equal(await program.stop(60), 0, 'SIGTERM presses the power button: the machine drains and powers off');
  t.match(program.stderr, /Power down/, 'the guest itself did');
}

t.test('one site, one machine, a static address', { skip }, async (t) => {
  const image = build(SITE, '--format', 'raw');
  t.equal(build(), image, 'the same inputs give the same image');
  const parts = ['vmlinuz', 'initramfs', 'runtime.squashfs', 'boot.json', 'manifest.json', 'site.bundle', 'run-qemu'];
  for (const name of parts) t.ok(existsSync(join(image, name)), name);
  const manifest = JSON.parse(readFileSync(join(image, 'manifest.json'), 'utf8')) as {
    program: { files: { size: number }[] };
  };
  const size = manifest.program.files.reduce((sum, file) => sum + file.size, 0);
  t.ok(size < 40e6, `${size} bytes beside the site: under 40 MB`);

  await t.test('over a TAP at 46.43.42.137/25, with 128 MB of memory', async (t) => {
    const lab = new Lab(t, '46.43.42.129/25');
    // Behind the gateway, in another network.
    const client = lab.client('46.43.42.140/25');
    const far = lab.namespace('far');
    lab.host.ip(`link add name uplink type veth peer name eth0 netns ${far.name}`);
    lab.host.ip('addr add 192.0.2.1/24 dev uplink');
    lab.host.ip('link set uplink up');
    far.ip('addr add 192.0.2.9/24 dev eth0');
    far.ip('link set eth0 up');
    far.ip('route add default via 192.0.2.1');
    await lab.host.run('sysctl', ['-qw', 'net.ipv4.ip_forward=1']);
    const machine = boot(
      lab,
      image,
      ...['--ipv4', '46.43.42.137', '--ipv4-netmask', '255.255.255.128', '--ipv4-gateway', '46.43.42.129'],
    );
    t.equal(await url(machine), 'http://46.43.42.137/');
    const fetched = await fetchSite(far, 'http://46.43.42.137/', SITE, 120);
    t.ok(fetched.urls > 10, `${fetched.urls} URLs through the gateway`);
    t.same(fetched.wrong, []);
    const ping = await client.run('ping', ['-c', '2', '-W', '5', '46.43.42.137']);
    t.match(ping.stdout, / 0% packet loss/);
    await endsCleanly(t, machine);
  });

  await t.test('replaced by a newer image while a client keeps asking', async (t) => {
    const lab = new Lab(t, '46.43.42.129/25');
    const client = lab.client('46.43.42.140/25');
    const site = join(lab.folder, 'site');
    mkdirSync(site);
    writeFileSync(join(site, 'index.html'), '<!doctype html><title>new</title>');
    const newer = build(site);
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

  await t.test('from the raw disk, with an address by DHCP', async (t) => {
    const lab = new Lab(t, '10.77.0.1/24');
    const dnsmasq = await Dnsmasq.start(lab, {
      from: '10.77.0.50',
      to: '10.77.0.99',
      netmask: '255.255.255.0',
      lease: '2m',
    });
    const machine = boot(lab, image, '--disk', `${image}.raw`);
    const address = new URL(await url(machine)).hostname;
    t.ok(await dnsmasq.lease(address), `${address} is one that dnsmasq leased`);
    const page = await lab.host.run('curl', [
      '-sS',
      '--max-time',
      '60',
      '-o',
      '/dev/null',
      '-w',
      '%{http_code}',
      `http://${address}/`,
    ]);
    t.equal(page.stdout, '200', page.stderr);
    await endsCleanly(t, machine);
  });

  await t.test('an address that the command line garbles: a sentence, and it stays off', async (t) => {
    const lab = new Lab(t, '46.43.42.129/25');
    const machine = boot(lab, image, '--append', 'ipv4=46.43.42.337/25');
    await machine.says(/"46\.43\.42\.337" is not an IPv4 address/, BOOT);
    t.equal(await machine.exit, 1);
    t.notMatch(machine.stderr, /starts again/);
  });
});
