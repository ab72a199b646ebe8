/** A machine image, built as a user builds it, and booted under QEMU's emulation in a lab. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import type { Lab, Program } from './lab.js';
import { skipWithout } from './needs.js';
import { MAIN, SITE } from './server.js';

/** Seconds until it serves: emulation on a busy machine takes its time. */
export const BOOT = 200;

export const skip = skipWithout(
  ...['qemu-system-x86_64', 'qemu-img', 'mksquashfs', 'grub-mkimage', 'curl', 'dnsmasq', 'ping', 'git'],
);

/** A folder for images that goes with the test. */
export function imageFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'sitekernel-vm-test-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The folder of a site that is one page with this title: quickly built, where the site is not what is tested. */
export function onePage(t: Test, title: string): string {
  const site = join(imageFolder(t), 'site');
  mkdirSync(site);
  writeFileSync(join(site, 'index.html'), `<!doctype html><title>${title}</title>`);
  return site;
}

/** Answers the image's folder. */
export function build(images: string, site = SITE, ...more: string[]): string {
  const args = [MAIN, 'image', 'build', site, '--target', 'vm', '--compression', 'fast', '-o', images, ...more];
  return execFileSync(process.execPath, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
}

/** Unpacks the image's runtime in the new folder `work`, has `change` change it, and packs it again. */
export function changeRuntime(image: string, work: string, change: (root: string) => void): void {
  mkdirSync(work);
  const root = join(work, 'root');
  const runtime = join(image, 'runtime.squashfs');
  execFileSync('unsquashfs', ['-quiet', '-no-progress', '-dest', root, runtime], { stdio: 'ignore' });
  change(root);
  rmSync(runtime);
  execFileSync('mksquashfs', [root, runtime, '-quiet', '-no-progress', '-all-root'], { stdio: 'ignore' });
}

export function boot(lab: Lab, image: string, ...more: string[]): Program {
  return lab.host.start(join(image, 'run-qemu'), ['--accel', 'tcg', '--tap', 'tap0', '--bridge', 'br0', ...more]);
}

/** Where it serves, when it does. */
export async function url(program: Program): Promise<string> {
  return (await program.says(/^listening on (\S+)$/m, BOOT))[1]!;
}

export async function endsCleanly(t: Test, program: Program): Promise<void> {
  t.equal(await program.stop(60), 0, 'SIGTERM presses the power button: the machine drains and powers off');
  t.match(program.stderr, /Power down/, 'the guest itself did');
}
