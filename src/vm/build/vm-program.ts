/**
 * What a machine image has beside the site: kernel, initramfs, runtime, how to boot them, and what does it with QEMU.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzip } from 'pako';
import type { ProgramOf } from '../../image/build-image.js';
import { ImageError } from '../../image/image-error.js';
import { canonicalJson, sha256Hex } from '../../image/manifest.js';
import { GUEST, LAUNCHER, programFolder, programParts } from '../../image/program.js';
import { cmosPrograms } from '../guest/cmos.js';
import { initProgram, RUNTIME } from '../guest/init.js';
import type { BootFile } from './boot-file.js';
import { type CpioEntry, cpio } from './cpio.js';
import { debianKernel, type Kernel } from './kernel.js';
import { machineLicences } from './licences.js';
import { cachedRuntime, librariesOf } from './runtime.js';

/** Megabytes of memory: enough for the runtime; the site's pages come and go. */
const MEMORY = 128;
/** Where the runtime may lie: the first disk, or the second partition of a disk that has everything. */
const RUNTIME_DISKS = ['/dev/vda', '/dev/vda2', '/dev/vdb'];

/** Documents about the program itself. */
const OF_THE_PROGRAM = new Set(['program/licences.txt', 'program/sbom.cdx.json']);

/** The kernel's own options, each with its reason. It has no network configuration: what is ours is ours. */
const KERNEL_OPTIONS = [
  // The machine talks on its serial port, and the kernel only of what is wrong.
  'console=ttyS0',
  'quiet',
  'loglevel=3',
  // What starts is in the initramfs, not on a disk.
  'rdinit=/init',
  // A kernel that has gone wrong in any way does not go on: the machine starts again after two seconds.
  'panic=2',
  'oops=panic',
  // The card is ours alone.
  'ipv6.disable=1',
  // Keys need entropy at the first second, and a machine without a disk that is written to has no other source.
  'random.trust_cpu=on',
  // There is no mouse: looking for one takes part of a second.
  'i8042.noaux',
  // Under emulation on a busy machine the kernel may find that its timer does not tick, and give up.
  'no_timer_check',
  // No code at a publicly known address; nothing of ours is as old as that.
  'vsyscall=none',
  // What overflows in the kernel does not find what it looks for beside it, nor the stack where it was.
  'slab_nomerge',
  'randomize_kstack_offset=on',
  // Ways into the kernel that nothing here uses.
  'debugfs=off',
  'sysctl.kernel.kexec_load_disabled=1',
  'sysctl.user.max_user_namespaces=0',
];

export interface VmOptions {
  /** An unpacked kernel package; undefined: Debian's newest. */
  readonly kernel?: string | undefined;
}

/** For `buildImage`. */
export function vmProgram(options: VmOptions = {}): ProgramOf {
  return ({ network, versions, zones = [] }) => {
    if (process.platform !== 'linux' || process.arch !== 'x64')
      throw new ImageError(
        `machine images are made on Linux for x86-64, and this is ${process.platform}/${process.arch}`,
      );
    const kernel = debianKernel(options.kernel);
    const boot: BootFile = {
      commandLine: [...KERNEL_OPTIONS, ...Object.entries(network).map(([name, value]) => `${name}=${value}`)].join(' '),
      disks: ['runtime.squashfs', 'site.bundle', ...zones.map(({ path }) => path)],
      initramfs: 'initramfs',
      kernel: 'vmlinuz',
      kernelRelease: kernel.release,
      memory: MEMORY,
    };
    return [
      { path: 'vmlinuz', from: kernel.vmlinuz, executable: false, origin: kernel.origin },
      { path: 'initramfs', from: initramfs(kernel), executable: false },
      { path: 'runtime.squashfs', from: runtime(), executable: false, origin: nodeOrigin() },
      { path: 'boot.json', from: canonicalJson(boot), executable: false },
      { path: LAUNCHER, from: join(programFolder(), LAUNCHER), executable: false },
      { path: 'run-qemu', from: Buffer.from(script(versions.node)), executable: true },
      // The name that it has in images of every target.
      { path: 'run', from: Buffer.from(script(versions.node)), executable: true },
      ...machineLicences(kernel.root, process.execPath, librariesOf(process.execPath)),
      ...programParts()
        .filter(({ path }) => OF_THE_PROGRAM.has(path))
        .map((part) => ({ ...part, path: part.path.replace('program/', '') })),
    ];
  };
}

/** The Node that the image carries: this one. */
function nodeOrigin(): Record<string, string> {
  const { name, lts, sourceUrl } = process.release;
  return {
    name,
    version: process.versions.node,
    ...(lts === undefined ? {} : { lts }),
    ...(sourceUrl === undefined ? {} : { source: sourceUrl }),
    sha256: sha256Hex(readFileSync(process.execPath)),
  };
}

function initramfs(kernel: Kernel): Uint8Array {
  const entries: CpioEntry[] = [{ path: 'm' }, { path: RUNTIME.slice(1) }];
  const paths = kernel.modules.map(({ name, content }) => {
    entries.push({ path: `m/${name}.ko`, content });
    return `/m/${name}.ko`;
  });
  const argv = ['/node', '--max-semi-space-size=4', `/program/${GUEST}`];
  const content = initProgram(paths, RUNTIME_DISKS, argv, [
    'HOME=/tmp',
    'PATH=/',
    'UV_THREADPOOL_SIZE=2',
    'NODE_ENV=production',
  ]);
  entries.push({ path: 'init', content, executable: true });
  const packed = gzip(cpio(entries), { level: 9 });
  // "Unknown" as the system that it was made on (RFC 1952 2.3.1).
  packed[9] = 255;
  return packed;
}

/** The path of the runtime's file in the cache: it takes half a minute to make, and is the same for every site. */
function runtime(): string {
  // Throws where the program was never built for images.
  programParts();
  const files = [GUEST, 'koffi.node', 'package.json'];
  const parts = files.map((name) => ({ path: `program/${name}`, from: join(programFolder(), name) }));
  return cachedRuntime(process.execPath, [...parts, ...cmosPrograms()]);
}

function script(node: string): string {
  return `#!/bin/sh
# Boots this image in QEMU; --help lists what there is. It needs Node ${node} or newer, and qemu-system-x86_64.
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P) || exit 1
node=\${SITEKERNEL_NODE:-node}
if ! command -v "$node" >/dev/null 2>&1; then
  echo "sitekernel: there is no \\"$node\\"; install Node ${node} or newer, or name it in SITEKERNEL_NODE" >&2
  exit 1
fi
exec "$node" "$here/run-qemu.js" "$here" "$@"
`;
}
