/**
 * The guest's root: Node, the libraries that it is linked with, and the program, in one compressed file system that is
 * read in place.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { ImageError } from '../../image/image-error.js';
import { cacheFolder } from '../../native/home.js';
import { withoutSymbols } from '../machine/elf.js';
import { keepEnglishOnly } from './icu.js';

/** A file of the runtime: where it lies there, and here; or a program itself. */
export type RuntimeFile =
  | { readonly path: string; readonly from: string }
  | { readonly path: string; readonly content: Uint8Array };

/** Where process 1 mounts what the kernel offers. */
const MOUNT_POINTS = ['dev', 'proc', 'sys', 'tmp'];

/** Changes when the same inputs give another file. */
const RECIPE = '2';

/** The runtime of these files, made unless the cache has it. Throws an ImageError. */
export function cachedRuntime(node: string, files: readonly RuntimeFile[]): string {
  const hash = createHash('sha256').update(RECIPE);
  for (const file of [node, ...librariesOf(node)]) hash.update(readFileSync(file));
  for (const file of files) hash.update(file.path).update('from' in file ? readFileSync(file.from) : file.content);
  const folder = join(cacheFolder(), 'runtime');
  const cached = join(folder, `${hash.digest('hex')}.squashfs`);
  if (existsSync(cached)) return cached;
  mkdirSync(folder, { recursive: true });
  const work = mkdtempSync(join(folder, '.part-'));
  try {
    writeRuntime(node, files, work, join(work, 'runtime'));
    renameSync(join(work, 'runtime'), cached);
    return cached;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Writes `output`, made in the empty folder `work`. `node`: the program of Node to take. Throws an ImageError. */
function writeRuntime(node: string, files: readonly RuntimeFile[], work: string, output: string): void {
  const root = join(work, 'root');
  for (const name of MOUNT_POINTS) mkdirSync(join(root, name), { recursive: true });
  const binary = withoutSymbols(readFileSync(node));
  keepEnglishOnly(binary);
  writeFileSync(join(root, 'node'), binary, { mode: 0o755 });
  for (const library of librariesOf(node)) {
    const to = join(root, library);
    mkdirSync(dirname(to), { recursive: true });
    writeFileSync(to, withoutSymbols(readFileSync(realpathSync(library))), { mode: 0o755 });
  }
  for (const file of files) {
    const to = join(root, file.path);
    mkdirSync(dirname(to), { recursive: true });
    if ('from' in file) cpSync(file.from, to);
    else writeFileSync(to, file.content);
    chmodSync(to, 'from' in file ? 0o644 : 0o755);
  }
  plainRights(root);
  squash(root, output);
}

/** The umask of whoever builds has no part in it: everybody may read, and what its owner may run everybody may. */
function plainRights(folder: string): void {
  chmodSync(folder, 0o755);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) plainRights(path);
    else chmodSync(path, statSync(path).mode & 0o100 ? 0o755 : 0o644);
  }
}

/** The shared libraries of a program, as its own loader finds them. */
export function librariesOf(program: string): string[] {
  let said: string;
  try {
    said = execFileSync('ldd', [program], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    const { stderr, stdout } = error as { stderr?: string; stdout?: string };
    if (/not a dynamic executable|statically linked/.test(`${stderr}${stdout}`)) return [];
    throw new ImageError(`the libraries of ${program} are not known: ${String(stderr ?? error).trim()}`);
  }
  return [...said.matchAll(/(?:=> )?(\/\S+) \(0x/g)].map((match) => match[1]!);
}

/** No times, no owners but root, names in order: the same tree gives the same bytes. */
function squash(root: string, output: string): void {
  const args = [
    '-comp',
    'zstd',
    '-Xcompression-level',
    '15',
    '-b',
    '128K',
    '-all-root',
    '-no-xattrs',
    '-no-exports',
    '-noappend',
  ];
  try {
    execFileSync('mksquashfs', [root, output, ...args, '-mkfs-time', '0', '-all-time', '0', '-no-progress', '-quiet'], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, SOURCE_DATE_EPOCH: undefined },
    });
  } catch (error) {
    const { code, stderr } = error as NodeJS.ErrnoException & { stderr?: Buffer };
    if (code === 'ENOENT') throw new ImageError('machine images need mksquashfs; install squashfs-tools');
    throw new ImageError(
      `mksquashfs: ${String(stderr ?? error)
        .trim()
        .split('\n')
        .at(-1)}`,
    );
  }
}
