/** Debian's kernel for virtual machines: its package is fetched with apt, unpacked and never installed. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isSystemError } from '../../errors/codes.js';
import { ImageError } from '../../image/image-error.js';
import { cacheFolder } from '../../native/home.js';

const META_PACKAGE = 'linux-image-cloud-amd64';

/** What the guest needs that is no fixed part of the kernel. */
const DRIVERS = ['virtio_pci', 'virtio_blk', 'squashfs', 'virtio_net', 'virtio_console', 'button', 'evdev'];

export interface Kernel {
  /** `6.1.0-56-cloud-amd64`. */
  readonly release: string;
  readonly vmlinuz: string;
  /** The unpacked package. */
  readonly root: string;
  /** Of the package, as apt's signed lists have it: name, version, `sha256`. Empty: it was named by a folder. */
  readonly origin: Readonly<Record<string, string>>;
  /** Drivers and what they depend on, in an order in which they load. */
  readonly modules: readonly { readonly name: string; readonly content: Uint8Array }[];
}

/**
 * `folder`: an unpacked kernel package; undefined: Debian's newest, fetched unless the cache has it. Throws an
 * ImageError.
 */
export function debianKernel(folder?: string): Kernel {
  const { root, origin } = folder === undefined ? fetched() : { root: folder, origin: {} };
  const boot = join(root, 'boot');
  const image = existsSync(boot) ? readdirSync(boot).find((name) => name.startsWith('vmlinuz-')) : undefined;
  if (image === undefined)
    throw new ImageError(`${root} holds no kernel (boot/vmlinuz-*); unpack ${META_PACKAGE}'s package there`);
  const release = image.slice('vmlinuz-'.length);
  return { release, vmlinuz: join(boot, image), root, origin, modules: modulesOf(root, release) };
}

/** The folder of the cache where Debian's newest kernel lies unpacked. */
function fetched(): Pick<Kernel, 'root' | 'origin'> {
  const cache = join(cacheFolder(), 'kernel');
  let depends = '';
  try {
    depends = execFileSync('apt-cache', ['depends', META_PACKAGE], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  } catch (error) {
    // ENOENT: no Debian. A status: apt-cache has no such package.
    if (!isSystemError(error) && typeof (error as { status?: unknown }).status !== 'number') throw error;
  }
  const name = /Depends: (linux-image-\S+)/.exec(depends)?.[1];
  if (name === undefined) {
    throw new ImageError(
      `there is no kernel package: "apt-cache depends ${META_PACKAGE}" knows none; run "apt-get update" on a Debian system for amd64, or name an unpacked kernel package with --kernel`,
    );
  }
  const { version, sha256 } = listed(name);
  const root = join(cache, `${name}_${version}_${sha256.slice(0, 16)}`);
  const found = { root, origin: { package: name, version, sha256 } };
  if (existsSync(root)) return found;
  mkdirSync(cache, { recursive: true });
  const part = mkdtempSync(join(cache, '.part-'));
  try {
    const run = (command: string, args: string[]) =>
      execFileSync(command, args, { cwd: part, stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' });
    run('apt-get', ['download', `${name}=${version}`]);
    const file = readdirSync(part).find((one) => one.endsWith('.deb'))!;
    // apt compares it with its lists, which are signed; what is written into the manifest is compared once more.
    const hash = createHash('sha256')
      .update(readFileSync(join(part, file)))
      .digest('hex');
    if (hash !== sha256) throw new Error(`its hash is ${hash}, and apt lists ${sha256}`);
    run('dpkg-deb', ['--extract', file, 'unpacked']);
    renameSync(join(part, 'unpacked'), root);
    return found;
  } catch (error) {
    const said = String((error as { stderr?: string }).stderr ?? error)
      .trim()
      .split('\n')
      .at(-1);
    throw new ImageError(
      `the kernel package ${name} cannot be fetched (${said}); try again when the mirror can be reached, or name an unpacked kernel package with --kernel`,
    );
  } finally {
    rmSync(part, { recursive: true, force: true });
  }
}

/** The candidate's version and hash, as apt's lists have them. */
function listed(name: string): { readonly version: string; readonly sha256: string } {
  const policy = execFileSync('apt-cache', ['policy', name], { encoding: 'utf8' });
  const version = /Candidate: (\S+)/.exec(policy)?.[1] ?? '';
  const shown = execFileSync('apt-cache', ['show', `${name}=${version}`], { encoding: 'utf8' });
  const sha256 = /^SHA256: ([0-9a-f]{64})$/m.exec(shown)?.[1];
  if (sha256 === undefined)
    throw new ImageError(`apt's lists have no hash of ${name} ${version}; run "apt-get update"`);
  return { version, sha256 };
}

function modulesOf(root: string, release: string): { name: string; content: Uint8Array }[] {
  const folder = join(root, 'lib', 'modules', release, 'kernel');
  const files = new Map<string, string>();
  for (const one of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const match = /([^/]+)\.ko$/.exec(one);
    if (match !== null) files.set(match[1]!.replaceAll('-', '_'), join(folder, one));
  }
  const found: { name: string; content: Uint8Array }[] = [];
  const take = (name: string): void => {
    if (found.some((one) => one.name === name)) return;
    const file = files.get(name);
    // It may be a fixed part of this kernel.
    if (file === undefined) return;
    const content = readFileSync(file);
    for (const needed of dependencies(content)) take(needed);
    found.push({ name, content });
  };
  for (const name of DRIVERS) take(name);
  return found;
}

/** What a module states in its section .modinfo: `depends=virtio_ring,virtio`. */
function dependencies(module: Buffer): string[] {
  const at = module.indexOf('\0depends=');
  if (at < 0) return [];
  const text = module.toString('latin1', at + '\0depends='.length, module.indexOf(0, at + 1));
  return text
    .split(',')
    .filter((name) => name !== '')
    .map((name) => name.replaceAll('-', '_'));
}
