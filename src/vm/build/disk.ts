/**
 * A disk that boots by itself, for clouds and hypervisors that take no kernel of their own: GPT, GRUB (BIOS), and the
 * image's parts as they are, each in a partition without a file system. GRUB reads kernel and initramfs by their
 * places, the guest finds the runtime in the second partition and the site by its first bytes. No loop device and no
 * root is needed to make it.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expectSystemError } from '../../errors/codes.js';
import { ImageError } from '../../image/image-error.js';
import { OutputError, OutputFile } from '../../native/output-file.js';
import type { BootFile } from './boot-file.js';

const SECTOR = 512;
/** Partitions begin at whole MiB. */
const ALIGNMENT = 2048;
const ENTRIES = 128;
const ENTRY = 128;
const GRUB = '/usr/lib/grub/i386-pc';
const BIOS_BOOT = '21686148-6449-6e6f-744e-656564454649';
const LINUX_DATA = '0fc63daf-8483-4772-8e79-3d69d8477de4';

interface Partition {
  readonly name: string;
  readonly type: string;
  readonly first: number;
  readonly sectors: number;
  readonly content: Uint8Array;
}

/** Writes the disk of the image in `folder` to `output`: raw, or qcow2 by qemu-img. Throws an ImageError. */
export async function writeDisk(folder: string, format: 'raw' | 'qcow2', output: string): Promise<void> {
  const boot = JSON.parse(readFileSync(join(folder, 'boot.json'), 'utf8')) as BootFile;
  const read = (name: string): Uint8Array => readFileSync(join(folder, name));
  const contents: [string, Uint8Array][] = [
    ['runtime', read(boot.disks[0]!)],
    ['site', read(boot.disks[1]!)],
    ['kernel', read(boot.kernel)],
    ['initramfs', read(boot.initramfs)],
    ...boot.disks.slice(2).map((name): [string, Uint8Array] => ['zone', read(name)]),
  ];
  // The loader's size hangs on its configuration, which says where the others are: it gets a whole MiB.
  const partitions: Partition[] = [];
  let next = 2 * ALIGNMENT;
  for (const [name, content] of contents) {
    const sectors = Math.ceil(content.length / SECTOR);
    partitions.push({ name, type: LINUX_DATA, first: next, sectors, content });
    next = Math.ceil((next + sectors) / ALIGNMENT) * ALIGNMENT;
  }
  const kernel = partitions[2]!;
  const initramfs = partitions[3]!;
  const core = grubCore(
    `linux (hd0)${kernel.first}+${kernel.sectors} ${boot.commandLine}\ninitrd (hd0)${initramfs.first}+${initramfs.sectors}\nboot\n`,
  );
  if (core.length > ALIGNMENT * SECTOR) throw new ImageError('the boot loader has become too large');
  partitions.unshift({
    name: 'boot loader',
    type: BIOS_BOOT,
    first: ALIGNMENT,
    sectors: ALIGNMENT,
    content: linked(core),
  });
  const raw = join(mkdtempSync(join(tmpdir(), 'sitekernel-disk-')), 'raw');
  let disk: OutputFile | undefined;
  try {
    disk = await OutputFile.open(output);
    writeRaw(partitions, next + ALIGNMENT, format === 'raw' ? disk.part : raw);
    if (format === 'qcow2') convert(raw, disk.part);
    await disk.finish();
  } catch (error) {
    if (error instanceof OutputError) throw new ImageError(error.message);
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') throw new ImageError(`no space is left for ${output}`);
    throw error;
  } finally {
    rmSync(dirname(raw), { recursive: true, force: true });
    await disk?.discard();
  }
}

/** GRUB with the modules that it needs and `config` in it. */
function grubCore(config: string): Uint8Array {
  const work = mkdtempSync(join(tmpdir(), 'sitekernel-grub-'));
  try {
    const file = join(work, 'grub.cfg');
    const output = join(work, 'core.img');
    writeFileSync(file, config);
    execFileSync('grub-mkimage', ['-O', 'i386-pc', '-p', '/', '-c', file, '-o', output, 'biosdisk', 'linux'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    return readFileSync(output);
  } catch (error) {
    const { code, stderr } = error as NodeJS.ErrnoException & { stderr?: Buffer };
    if (code === 'ENOENT') throw new ImageError('disk images need GRUB; install grub-common and grub-pc-bin');
    throw new ImageError(`grub-mkimage: ${String(stderr ?? error).trim()}; are grub-common and grub-pc-bin installed?`);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Its first sector loads the others: tells it where they are (struct grub_pc_bios_boot_blocklist, at its end). */
function linked(core: Uint8Array): Uint8Array {
  const view = new DataView(core.buffer, core.byteOffset, core.byteLength);
  view.setBigUint64(SECTOR - 12, BigInt(ALIGNMENT + 1), true);
  view.setUint16(SECTOR - 4, Math.ceil(core.length / SECTOR) - 1, true);
  return core;
}

function writeRaw(partitions: readonly Partition[], sectors: number, file: string): void {
  const last = sectors - 1;
  const table = entries(partitions);
  const fd = openSync(file, 'w');
  try {
    ftruncateSync(fd, sectors * SECTOR);
    const put = (bytes: Uint8Array, sector: number): void => {
      let at = 0;
      while (at < bytes.length) at += writeSync(fd, bytes, at, bytes.length - at, sector * SECTOR + at);
    };
    put(masterBootRecord(sectors), 0);
    put(header(table, 1, last, 2), 1);
    put(table, 2);
    for (const { content, first } of partitions) put(content, first);
    put(table, last - (ENTRIES * ENTRY) / SECTOR);
    put(header(table, last, 1, last - (ENTRIES * ENTRY) / SECTOR), last);
  } finally {
    closeSync(fd);
  }
}

/**
 * GRUB's first 440 bytes, with the place of the rest filled in, and one entry that says: this disk is GPT (UEFI 5.2.3).
 */
function masterBootRecord(sectors: number): Uint8Array {
  let code: Buffer;
  try {
    code = readFileSync(join(GRUB, 'boot.img'));
  } catch (error) {
    expectSystemError(error);
    throw new ImageError(`disk images need GRUB (${GRUB}/boot.img); install grub-pc-bin`);
  }
  const record = new Uint8Array(SECTOR);
  record.set(code.subarray(0, 440));
  const view = new DataView(record.buffer);
  view.setBigUint64(0x5c, BigInt(ALIGNMENT), true);
  record.set([0, 0, 2, 0, 0xee, 0xff, 0xff, 0xff], 446);
  view.setUint32(454, 1, true);
  view.setUint32(458, sectors - 1, true);
  view.setUint16(510, 0xaa55, true);
  return record;
}

/** UEFI 5.3.2. */
function header(table: Uint8Array, own: number, other: number, tableAt: number): Uint8Array {
  const sector = new Uint8Array(SECTOR);
  const view = new DataView(sector.buffer);
  sector.set(new TextEncoder().encode('EFI PART'));
  view.setUint32(8, 0x10000, true);
  view.setUint32(12, 92, true);
  view.setBigUint64(24, BigInt(own), true);
  view.setBigUint64(32, BigInt(other), true);
  view.setBigUint64(40, BigInt(ALIGNMENT), true);
  view.setBigUint64(48, BigInt(Math.max(own, other) - 1 - (ENTRIES * ENTRY) / SECTOR), true);
  sector.set(identifier(table), 56);
  view.setBigUint64(72, BigInt(tableAt), true);
  view.setUint32(80, ENTRIES, true);
  view.setUint32(84, ENTRY, true);
  view.setUint32(88, crc32(table), true);
  view.setUint32(16, crc32(sector.subarray(0, 92)), true);
  return sector;
}

/** UEFI 5.3.3. */
function entries(partitions: readonly Partition[]): Uint8Array {
  const table = new Uint8Array(ENTRIES * ENTRY);
  const view = new DataView(table.buffer);
  partitions.forEach(({ name, type, first, sectors, content }, i) => {
    const at = i * ENTRY;
    table.set(guid(type), at);
    table.set(identifier(content), at + 16);
    view.setBigUint64(at + 32, BigInt(first), true);
    view.setBigUint64(at + 40, BigInt(first + sectors - 1), true);
    table.set(Buffer.from(name, 'utf16le'), at + 56);
  });
  return table;
}

/** The first three groups of a GUID are little-endian. */
function guid(text: string): Uint8Array {
  const bytes = Buffer.from(text.replaceAll('-', ''), 'hex');
  return Uint8Array.from([3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15], (i) => bytes[i]!);
}

/** A GUID that hangs on nothing but `content`, in the form of a random one (RFC 9562 5.4). */
function identifier(content: Uint8Array): Uint8Array {
  const bytes = createHash('sha256').update(content).digest().subarray(0, 16);
  bytes[7] = (bytes[7]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return bytes;
}

function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (0xedb88320 & -(crc & 1));
  }
  return ~crc >>> 0;
}

function convert(raw: string, output: string): void {
  try {
    execFileSync('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', '-c', raw, output], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
  } catch (error) {
    const { code, stderr } = error as NodeJS.ErrnoException & { stderr?: Buffer };
    if (code === 'ENOENT') throw new ImageError('qcow2 needs qemu-img; install qemu-utils, or take --format raw');
    throw new ImageError(`qemu-img: ${String(stderr ?? error).trim()}`);
  }
}
