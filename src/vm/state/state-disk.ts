/**
 * The disk on which a machine image keeps its state: account, certificates, keys, plans. All of it is some kilobytes,
 * so that each change writes the whole, to the one of two slots that does not hold the newest version:
 *
 *   0            8 bytes    "SKSTATE1", once and for all
 *   4096         slot 0     generation, length, SHA-256 of both and of the files; the files
 *   4096 + slot  slot 1     the same
 *
 * A write that a power cut tears leaves the other slot. What is read is checked; nothing is ever repaired by guessing.
 */
import { createHash } from 'node:crypto';
import { parseJson } from '../../errors/parse-json.js';
import { UserError } from '../../errors/user-error.js';

/** Bytes in which disks are read and written. */
export const BLOCK = 4096;
/** Bytes of a new disk, of which a file has only those that were written. */
export const NEW_DISK = 8 * 1024 * 1024;

const MAGIC = Buffer.from('SKSTATE1', 'latin1');
/** Generation (8 bytes), length (4), SHA-256 (32). */
const HEADER = 44;
const HASH_AT = 12;
/** A path below the state folder: no way out of it, and none of the file system's own names. */
const PATH = /^(?!.*(?:^|\/)\.{1,2}(?:\/|$))[\w@%+*.,:=~-]+(?:\/[\w@%+*.,:=~-]+)*$/;

/** What holds the bytes. Each call throws what the system says. */
export interface Blocks {
  /** In bytes. */
  readonly size: number;
  /** A whole number of blocks from `at`, which is one as well. The bytes are only valid until the next call. */
  read(at: number, length: number): Uint8Array;
  /** Returns when the bytes would outlive a power cut. */
  write(at: number, bytes: Uint8Array): void;
}

/** Files by their path below the state folder. */
export type Files = ReadonlyMap<string, Uint8Array>;

export class StateDiskError extends UserError {
  override readonly name = 'StateDiskError';

  constructor(message: string) {
    super(message, 'state-disk');
  }
}

/** Whether a disk begins as one of these does. */
export function looksLikeState(beginning: Uint8Array): boolean {
  return MAGIC.equals(beginning.subarray(0, MAGIC.length));
}

interface Slot {
  readonly at: number;
  /** Undefined: no version lies in it whole. */
  readonly version: { readonly generation: bigint; readonly files: Files } | undefined;
}

export class StateDisk {
  private readonly slotSize: number;
  private slots: Slot[] = [];
  private retired = false;

  /** Throws a `StateDiskError` when this is no such disk. */
  constructor(private readonly blocks: Blocks) {
    this.slotSize = Math.floor((blocks.size - BLOCK) / 2 / BLOCK) * BLOCK;
    if (this.slotSize < BLOCK) throw new StateDiskError(`a state disk has ${3 * BLOCK} bytes or more`);
    if (!looksLikeState(blocks.read(0, BLOCK))) throw new StateDiskError('it is no state disk');
    this.look();
  }

  /** Makes an empty one. What was on it is lost. */
  static format(blocks: Blocks): StateDisk {
    const first = new Uint8Array(BLOCK);
    const slots = Math.floor((blocks.size - BLOCK) / 2 / BLOCK) * BLOCK;
    // Versions that lie there would be newer than the first.
    for (const at of [BLOCK, BLOCK + slots]) blocks.write(at, first);
    first.set(MAGIC);
    blocks.write(0, first);
    const disk = new StateDisk(blocks);
    disk.write(new Map());
    return disk;
  }

  /**
   * The newest version. It is read from the disk now: another machine may have written it. Throws a `StateDiskError`
   * when neither slot has one.
   */
  read(): Files {
    this.look();
    const version = this.newest?.version;
    if (version !== undefined) return version.files;
    throw new StateDiskError(
      'neither of its two versions is whole; put back a copy of its file, or take another one for an empty state',
    );
  }

  /**
   * Throws a `StateDiskError` when the files do not fit, or when another machine writes to this disk, and what `Blocks`
   * throws.
   */
  write(files: Files): void {
    if (this.retired) throw new StateDiskError('another machine has the traffic, and writes the state disk');
    const before = this.newest;
    const generation = (before?.version?.generation ?? 0n) + 1n;
    const body = encode(files);
    if (HEADER + body.length > this.slotSize)
      throw new StateDiskError(
        `the state disk is full: ${body.length} bytes do not fit into ${this.slotSize - HEADER}; make a larger one`,
      );
    // Two machines with one disk would undo each other's work.
    if (this.isBehind())
      throw new StateDiskError('another machine writes to the same state disk; give each machine its own');
    const bytes = new Uint8Array(Math.ceil((HEADER + body.length) / BLOCK) * BLOCK);
    const header = Buffer.from(bytes.buffer, 0, HEADER);
    header.writeBigUInt64BE(generation);
    header.writeUInt32BE(body.length, 8);
    header.set(hashOf(header.subarray(0, HASH_AT), body), HASH_AT);
    bytes.set(body, HEADER);
    const [first, second] = this.slots as [Slot, Slot];
    const target = before?.at === first.at ? second : first;
    this.blocks.write(target.at, bytes);
    const written = { at: target.at, version: { generation, files } };
    this.slots = this.slots.map((one) => (one.at === target.at ? written : one));
  }

  /** Whether another machine has written since this one read or wrote. */
  isBehind(): boolean {
    const known = this.newest?.version?.generation ?? 0n;
    return this.places.some((at) => (this.versionAt(at)?.generation ?? 0n) > known);
  }

  /** Another machine writes from now on. */
  retire(): void {
    this.retired = true;
  }

  private get newest(): Slot | undefined {
    const whole = this.slots.filter((one) => one.version !== undefined);
    return whole.sort((a, b) => (a.version!.generation > b.version!.generation ? -1 : 1))[0];
  }

  private look(): void {
    this.slots = this.places.map((at) => ({ at, version: this.versionAt(at) }));
  }

  private get places(): number[] {
    return [BLOCK, BLOCK + this.slotSize];
  }

  private versionAt(at: number): Slot['version'] {
    const first = Buffer.from(this.blocks.read(at, BLOCK));
    const generation = first.readBigUInt64BE();
    const length = first.readUInt32BE(8);
    if (generation === 0n || HEADER + length > this.slotSize) return undefined;
    const whole = this.blocks.read(at, Math.ceil((HEADER + length) / BLOCK) * BLOCK);
    const body = whole.slice(HEADER, HEADER + length);
    if (!hashOf(first.subarray(0, HASH_AT), body).equals(first.subarray(HASH_AT, HEADER))) return undefined;
    const files = decode(body);
    return files === undefined ? undefined : { generation, files };
  }
}

function hashOf(header: Uint8Array, body: Uint8Array): Buffer {
  return createHash('sha256').update(header).update(body).digest();
}

function encode(files: Files): Uint8Array {
  const names = [...files.keys()].sort();
  const wrong = names.find((name) => !PATH.test(name));
  if (wrong !== undefined) throw new StateDiskError(`"${wrong}" is no name for a file of the state`);
  return Buffer.from(JSON.stringify(names.map((name) => [name, Buffer.from(files.get(name)!).toString('base64')])));
}

/** Undefined: written by a program that does it otherwise. */
function decode(body: Uint8Array): Files | undefined {
  const entries = parseJson(Buffer.from(body).toString('utf8'));
  if (!Array.isArray(entries)) return undefined;
  const files = new Map<string, Uint8Array>();
  for (const entry of entries as unknown[]) {
    const [name, content] = Array.isArray(entry) ? (entry as unknown[]) : [];
    if (typeof name !== 'string' || typeof content !== 'string' || !PATH.test(name)) return undefined;
    files.set(name, Uint8Array.from(Buffer.from(content, 'base64')));
  }
  return files;
}
