/**
 * What a machine says on its console when it cannot serve: booted for real, each with something missing. One image for
 * all of them; where run-qemu would not start such a machine, QEMU is started with the image's files.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { BootFile } from '../../src/vm/build/boot-file.js';
import { Lab, type Program } from './lab.js';
import { BOOT, build, imageFolder, onePage, skip } from './machine.js';

interface Machine {
  readonly memory?: number;
  /** MAC addresses of its cards. */
  readonly cards?: readonly string[];
  /** Its disks beside that of the runtime. */
  readonly disks?: readonly string[];
  /** What stands on the kernel's command line beside what the image has there. */
  readonly append?: string;
}

const A = '52:54:00:00:00:0a';
const B = '52:54:00:00:00:0b';

function start(lab: Lab, image: string, { memory = 128, cards = [A], disks, append = '' }: Machine): Program {
  const boot = JSON.parse(readFileSync(join(image, 'boot.json'), 'utf8')) as BootFile;
  const args = ['-nodefaults', '-no-user-config', '-display', 'none', '-M', 'pc,usb=off', '-accel', 'tcg', '-smp', '1'];
  args.push('-m', `${memory}M`, '-serial', 'stdio', '-no-reboot');
  args.push('-kernel', join(image, boot.kernel), '-initrd', join(image, boot.initramfs));
  args.push('-append', `${boot.commandLine} ipv4=10.77.0.9/24 ${append}`);
  [join(image, boot.disks[0]!), ...(disks ?? [join(image, boot.disks[1]!)])].forEach((file, i) => {
    args.push('-drive', `if=none,id=d${i},format=raw,readonly=on,file=${file}`);
    args.push('-device', `virtio-blk-pci,drive=d${i}`);
  });
  // In a hub of its own each: nobody is there.
  cards.forEach((mac, i) => {
    args.push('-netdev', `hubport,id=n${i},hubid=${i}`, '-device', `virtio-net-pci,netdev=n${i},mac=${mac},romfile=`);
  });
  return lab.host.start('qemu-system-x86_64', args);
}

const count = (text: string, words: string): number => text.split(words).length - 1;

t.test('what is missing is said on the console, and the machine stays off', { skip }, async (t) => {
  const image = build(imageFolder(t), onePage(t, 'console'));
  const lab = new Lab(t);
  const bundle = readFileSync(join(image, 'site.bundle'));
  const file = (name: string, bytes: Uint8Array): string => {
    const path = join(lab.folder, name);
    writeFileSync(path, bytes);
    return path;
  };
  const noBundle = file('no-bundle', Buffer.from(bundle).fill(0, 0, 8));
  const cut = file('cut', bundle.subarray(0, 512));
  const cases: [string, Machine, RegExp][] = [
    ['no network card', { cards: [] }, /^sitekernel: this machine has no network card .*virtio-net-pci/m],
    [
      'two network cards',
      { cards: [A, B] },
      /^sitekernel: this machine has 2 network cards, eth0 \(52:54:00:00:00:0a\) and eth1 \(52:54:00:00:00:0b\); write interface=52:54:00:00:00:0a /m,
    ],
    [
      'a card that is not there',
      { append: 'interface=52:54:00:00:00:0c' },
      /^sitekernel: "interface=52:54:00:00:00:0c" .*: there is no such network card; there is eth0 \(52:54:00:00:00:0a\)$/m,
    ],
    [
      'no disk with a site',
      { disks: [] },
      /^sitekernel: there is no site: none of the disks vda .*site\.bundle as its second/m,
    ],
    [
      'a disk that is no bundle',
      { disks: [noBundle] },
      /^sitekernel: there is no site: none of the disks vda, vdb .*damaged/m,
    ],
    [
      'a bundle that was cut off',
      { disks: [cut] },
      /^sitekernel: \/dev\/vdb is cut short: it holds less than \d+ bytes/m,
    ],
    [
      'an address that is none',
      { append: 'ipv4=46.43.42.337/25' },
      /^sitekernel: .*"46\.43\.42\.337" is not an IPv4 address/m,
    ],
    [
      "an option that is nobody's",
      { append: 'ip=46.43.42.137::46.43.42.129' },
      /^sitekernel: "ip=46\.43\.42\.137::46\.43\.42\.129" .* is not known; write ipv4=/m,
    ],
    [
      'our own address as the gateway',
      { append: 'ipv4-gateway=10.77.0.9' },
      /^sitekernel: .*ipv4-gateway.10\.77\.0\.9.* is our own address/m,
    ],
    ['too little memory', { memory: 80 }, /^sitekernel: this machine has too little memory; give it 96 MB or more/m],
  ];
  // Two at a time: a machine waits for nothing but its processor.
  const left = [...cases];
  const turn = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) await check(t, lab, image, next);
  };
  await Promise.all([turn(), turn()]);
});

async function check(t: Test, lab: Lab, image: string, [name, machine, sentence]: [string, Machine, RegExp]) {
  const running = start(lab, image, machine);
  const timer = setTimeout(() => running.signal('SIGKILL'), BOOT * 1000);
  t.equal(await running.exit, 0, `${name}: it went off by itself`);
  clearTimeout(timer);
  const said = running.stdout.replaceAll('\r', '');
  t.match(said, sentence, name);
  t.match(said, /reboot: Power down/, name);
  t.equal(count(said, 'sitekernel: '), 2, `${name}: "the kernel is up" and one sentence, ${said}`);
  t.comment(/^sitekernel: (?!the kernel is up).*/m.exec(said)?.[0]);
}

t.test('of two cards the one is served on whose address the command line has', { skip }, async (t) => {
  const image = build(imageFolder(t), onePage(t, 'cards'));
  const lab = new Lab(t);
  const running = start(lab, image, { cards: [A, B], append: 'interface=52:54:00:00:00:0B log=net' });
  await running.says(/listening on http:\/\/10\.77\.0\.9\//, BOOT);
  // The log is written behind.
  await running.says(/eth1 is open, our MAC address is 52:54:00:00:00:0b/);
  running.signal('SIGKILL');
  t.not(await running.exit, 0, 'it served until it was ended');
});
