/**
 * How long a machine image takes from power-on to its first answer, beside the same kernel with an empty `init` and
 * with Node alone, under QEMU's emulation by turns, by the clock. usage: vm-start.js IMAGEFOLDER [ROUNDS]
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BootFile } from '../src/vm/build/boot-file.js';
import { cpio } from '../src/vm/build/cpio.js';
import { debianKernel } from '../src/vm/build/kernel.js';
import { initProgram } from '../src/vm/guest/init.js';
import { Program } from '../src/vm/machine/machine-code.js';

const [image, rounds = '7'] = process.argv.slice(2);
if (image === undefined) {
  console.error('usage: vm-start.js IMAGEFOLDER [ROUNDS]');
  process.exit(2);
}
const boot = JSON.parse(readFileSync(join(image, 'boot.json'), 'utf8')) as BootFile;
const folder = mkdtempSync(join(tmpdir(), 'sitekernel-vm-start-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

function initramfs(name: string, init: (modules: readonly string[]) => Uint8Array): string {
  const { modules } = debianKernel();
  const files = modules.map((one) => ({ path: `m/${one.name}.ko`, content: one.content }));
  const content = init(modules.map((one) => `/m/${one.name}.ko`));
  const file = join(folder, name);
  const folders = [{ path: 'm' }, { path: 'runtime' }];
  writeFileSync(file, cpio([...folders, ...files, { path: 'init', content, executable: true }]));
  return file;
}

/** Port on this host that leads to port 80 of the guest. */
const PORT = 20_000 + (process.pid % 20_000);

/** Milliseconds from the start of QEMU until the console says `word`, and until `then` is done. */
function start(initrd: string, word: string, then: () => Promise<void> = async () => undefined): Promise<number> {
  const args = ['-nodefaults', '-no-user-config', '-display', 'none', '-M', 'pc,usb=off', '-accel', 'tcg', '-smp', '1'];
  args.push('-m', '128M', '-serial', 'stdio', '-no-reboot', '-kernel', join(image!, boot.kernel), '-initrd', initrd);
  args.push('-append', `${boot.commandLine} ipv4=10.0.2.15/24 ipv4-gateway=10.0.2.2`);
  args.push('-netdev', `user,id=n0,restrict=on,hostfwd=tcp:127.0.0.1:${PORT}-10.0.2.15:80`);
  args.push('-device', 'virtio-net-pci,netdev=n0,romfile=');
  boot.disks.forEach((name, i) => {
    args.push('-drive', `if=none,id=d${i},format=raw,readonly=on,file=${join(image!, name)}`);
    args.push('-device', `virtio-blk-pci,drive=d${i}`);
  });
  return new Promise((resolve, reject) => {
    const began = performance.now();
    const machine = spawn('qemu-system-x86_64', args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    let took: number | undefined;
    machine.stdout.setEncoding('latin1').on('data', (text: string) => {
      const before = said;
      said += text;
      if (!said.includes(word) || before.includes(word)) return;
      then()
        .then(() => {
          took = performance.now() - began;
        }, reject)
        .finally(() => machine.kill('SIGKILL'));
    });
    machine.on('close', () => (took === undefined ? reject(new Error(said)) : resolve(took)));
  });
}

/** One request, answered with 200. */
function answered(): Promise<void> {
  return new Promise((resolve, reject) => {
    get({ port: PORT, host: '127.0.0.1', agent: false }, (response) => {
      response.resume().on('end', () => (response.statusCode === 200 ? resolve() : reject(new Error('no 200'))));
    }).on('error', reject);
  });
}

const UP = 'node is up';
const runtime = ['/dev/vda'];
const kinds: [string, () => Promise<number>][] = [
  [
    'empty init',
    () =>
      start(
        initramfs('empty', () => new Program().say(UP).label('on').jump('on').link()),
        UP,
      ),
  ],
  [
    'Node alone',
    () => {
      const node = ['/node', '--max-semi-space-size=4', '-e', `console.log("${UP}"); setInterval(() => {}, 1e6)`];
      return start(
        initramfs('node', (modules) =>
          initProgram(modules, runtime, node, ['HOME=/tmp', 'PATH=/', 'UV_THREADPOOL_SIZE=2']),
        ),
        UP,
      );
    },
  ],
  ['first answer', () => start(join(image, boot.initramfs), 'listening on', answered)],
];
const results = new Map<string, number[]>();
for (let round = 0; round < Number(rounds); round++) {
  for (const [name, run] of kinds) {
    const took = await run();
    results.set(name, [...(results.get(name) ?? []), took]);
    console.error(`${name}: ${(took / 1000).toFixed(2)} s`);
  }
}
const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;
for (const [name, values] of results) {
  const spread = `${(Math.min(...values) / 1000).toFixed(2)} to ${(Math.max(...values) / 1000).toFixed(2)}`;
  console.log(`${name}: ${(median(values) / 1000).toFixed(2)} s (${spread})`);
}
const ratios = results.get('first answer')!.map((took, i) => took / results.get('Node alone')![i]!);
console.log(`first answer beside Node alone: ${median(ratios).toFixed(2)}`);
