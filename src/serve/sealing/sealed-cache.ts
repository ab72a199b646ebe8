/**
 * The cache of compressed files that a sealed server writes. It is apart from the one of programs that read nothing of
 * strangers: what a server that was taken over leaves there must not be believed by the next one, and is checked.
 *
 * A server that becomes another user gets a folder of that user, and reaches it by a descriptor: the folders above are
 * closed to it. Servers that run at the same time take different folders; the next start takes one that is free, and
 * becomes its user.
 */
import { createHash } from 'node:crypto';
import {
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  utimesSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { expectSystemError, hasCode } from '../../errors/codes.js';
import { tryLock } from '../../native/flock.js';
import { makeFolder } from '../../native/make-folder.js';
import { dynamicUser, isDynamic, type User } from '../../seal/credentials.js';
import { defaultCacheDirectory } from '../../store/compress/compression-cache.js';
import { CACHE_BOUNDS, forgetSites } from './former-sites.js';

/** Folders of one site; a server beyond them compresses without a cache. */
const MOST = 64;

/** Where sealed servers of `directories` keep their results, one folder for each user. */
export function sealedCacheOf(directories: readonly string[]): string {
  const site = createHash('sha256').update(directories.join('\0')).digest('hex').slice(0, 16);
  return join(dirname(defaultCacheDirectory()), 'sealed', site);
}

export class SealedCache {
  private fd: number | undefined = undefined;
  private uid: number | undefined = undefined;
  private opened: string | undefined = undefined;
  private made = false;

  constructor(
    private readonly folder: string,
    private readonly bounds = CACHE_BOUNDS,
  ) {}

  /** The path of the folder, from the moment when it is to be used. */
  readonly path = (): string | undefined => this.opened;

  /** Takes a folder, and the number of the user to become with it; undefined: there is none. For root. */
  reserve(): number | undefined {
    try {
      makeFolder(this.folder, 0o700);
      const there = readdirSync(this.folder).filter((name) => /^\d+$/.test(name) && isDynamic(Number(name)));
      for (const name of there) if (this.take(Number(name))) return this.uid;
      if (there.length < MOST && this.make(dynamicUser(process.pid))) return this.uid;
    } catch (error) {
      // A disk that is full, or only for reading: there is no cache.
      expectSystemError(error);
    }
    return undefined;
  }

  /** Opens the folder of the user that the server becomes; undefined: it stays as it is. */
  open(user: User | undefined): void {
    const uid = user?.uid ?? process.geteuid?.() ?? 0;
    if (this.uid !== uid) {
      this.close();
      // A user that runs several servers has one folder for them.
      if (user === undefined || !isDynamic(uid))
        this.ensure({ name: String(uid), gid: process.getegid?.() ?? 0, ...user, uid });
    }
    if (this.fd === undefined) return;
    this.used();
    // The folders above may be closed to who it is by then.
    const held = `/proc/self/fd/${this.fd}`;
    this.opened = existsSync(held) ? held : join(this.folder, String(uid));
  }

  /** Marks the folder of the site as used now; where it, or a user in it, is new, those of sites that are gone go. */
  private used(): void {
    try {
      const now = new Date();
      utimesSync(this.folder, now, now);
      if (this.made) forgetSites(dirname(this.folder), basename(this.folder), this.bounds);
    } catch (error) {
      // The disk is only for reading, or another server does the same at this moment.
      expectSystemError(error);
    }
  }

  private close(): void {
    if (this.fd !== undefined) closeSync(this.fd);
    this.fd = undefined;
    this.uid = undefined;
  }

  private ensure(user: User): void {
    try {
      makeFolder(this.folder, 0o700);
      if (this.make(user)) return;
      const fd = this.folderOf(user.uid);
      if (fd === undefined) return;
      this.fd = fd;
      this.uid = user.uid;
    } catch (error) {
      expectSystemError(error);
    }
  }

  /** Whether the folder of `uid` is free, and now taken. */
  private take(uid: number): boolean {
    const fd = this.folderOf(uid);
    if (fd === undefined) return false;
    if (!tryLock(fd)) {
      closeSync(fd);
      return false;
    }
    this.fd = fd;
    this.uid = uid;
    return true;
  }

  /** False: it is there already, or another server was faster. */
  private make({ uid, gid }: User): boolean {
    const path = join(this.folder, String(uid));
    try {
      mkdirSync(path, { mode: 0o700 });
    } catch (error) {
      if (hasCode(error, 'EEXIST')) return false;
      throw error;
    }
    this.made = true;
    const fd = openFolder(path);
    // The lock comes before the owner: no server takes a folder that is still root's.
    if (!tryLock(fd)) {
      closeSync(fd);
      return false;
    }
    if (process.geteuid?.() === 0) {
      fchmodSync(fd, 0o700);
      fchownSync(fd, uid, gid);
    }
    this.fd = fd;
    this.uid = uid;
    return true;
  }

  /** Its descriptor, if it belongs to `uid`. */
  private folderOf(uid: number): number | undefined {
    try {
      const fd = openFolder(join(this.folder, String(uid)));
      if (fstatSync(fd).uid === uid) return fd;
      closeSync(fd);
    } catch (error) {
      expectSystemError(error);
    }
    return undefined;
  }
}

function openFolder(path: string): number {
  return openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
}
