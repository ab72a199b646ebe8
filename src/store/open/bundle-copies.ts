/**
 * One sealed copy of each bundle for all processes of `--workers`: the first process makes it and passes its descriptor
 * to each worker, which maps it. It is passed again at each reload: a worker that is sealed reaches nothing of the
 * first process by a path.
 */
import { fstatSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { expectSystemError, ifSystemError } from '../../errors/codes.js';
import { libc, setNonBlocking } from '../../native/libc/libc.js';
import { isSealed, mapSealed, sealedCopy } from '../../native/memory/sealed-copy.js';
import { receiveDescriptors, sendDescriptors } from '../../native/sockets/unix.js';
import { SOCK_SEQPACKET, socketPair } from '../../native/watch.js';

/** The variable: a worker's descriptor, from which it receives the copies. */
const COPIES = 'SITEKERNEL_BUNDLES';
/** Bytes; a smaller bundle is read: loading the code that maps files takes as long as reading that many bytes. */
export const MAPPED_BYTES = 2 ** 23;

const F_DUPFD_CLOEXEC = 1030;
/** Bytes of the longest path that is passed on; the bundle of a longer one is opened by each worker. */
const LONGEST_PATH = 3000;

/** The first process's copies. */
export class BundleCopies {
  private readonly paths: readonly string[];
  /** By path. */
  private readonly fds = new Map<string, number>();
  /** This process's ends of the workers' channels. */
  private readonly channels = new Set<number>();

  /** `paths`: sites, of which the bundles that are large enough are copied. */
  constructor(paths: readonly string[]) {
    this.paths = paths.map((path) => resolve(path));
  }

  /**
   * Copies the present bundles of the paths. A bundle that cannot be copied is left out: workers then open the file
   * themselves.
   */
  async renew(): Promise<void> {
    for (const path of this.paths) {
      const copy = await copyOf(path);
      this.forget(path);
      if (copy !== undefined) this.fds.set(path, copy);
      for (const channel of this.channels) pass(channel, path, copy);
    }
  }

  /** For a worker that is about to begin. */
  channel(): Channel {
    const [ours, theirs] = socketPair(SOCK_SEQPACKET);
    setNonBlocking(ours);
    this.channels.add(ours);
    for (const [path, fd] of this.fds) pass(ours, path, fd);
    return {
      fd: theirs,
      variable: (fd) => ({ [COPIES]: String(fd) }),
      begun: () => libc().close(theirs),
      ended: () => {
        if (this.channels.delete(ours)) libc().close(ours);
      },
    };
  }

  close(): void {
    for (const path of [...this.fds.keys()]) this.forget(path);
  }

  private forget(path: string): void {
    const fd = this.fds.get(path);
    if (fd !== undefined) libc().close(fd);
    this.fds.delete(path);
  }
}

/** A worker's way to the copies. */
export interface Channel {
  /** The worker's end, to be inherited. */
  readonly fd: number;
  /** What the worker's environment says when it has that end as `fd`. */
  variable(fd: number): Readonly<Record<string, string>>;
  /** The worker has its end. */
  begun(): void;
  ended(): void;
}

/** `copy` undefined: there is none any more. */
function pass(channel: number, path: string, copy: number | undefined): void {
  if (Buffer.byteLength(path) > LONGEST_PATH) return;
  try {
    sendDescriptors(channel, path, copy === undefined ? [] : [copy]);
  } catch (error) {
    // The worker is ending, or reads nothing.
    expectSystemError(error);
  }
}

async function copyOf(path: string): Promise<number | undefined> {
  const handle = await open(path, 'r').catch(ifSystemError(undefined));
  if (handle === undefined) return undefined;
  try {
    const stats = await handle.stat();
    return stats.isFile() && stats.size >= MAPPED_BYTES ? await sealedCopy(handle.fd, stats.size) : undefined;
  } finally {
    await handle.close();
  }
}

/** A worker's copies, by path. */
const received = new Map<string, number>();

/** The bytes of `path` in a copy that the first process made; undefined: there is none. */
export function sharedCopy(path: string): Uint8Array | undefined {
  const channel = process.env[COPIES];
  if (channel === undefined) return undefined;
  receive(Number(channel));
  const kept = received.get(resolve(path));
  const size = kept !== undefined && isSealed(kept) ? fstatSync(kept).size : 0;
  if (kept === undefined || size === 0) return undefined;
  const fd = libc().fcntl(kept, F_DUPFD_CLOEXEC, 0);
  return fd < 0 ? undefined : mapSealed(fd, size);
}

/** Takes what has come; of a path the last counts. */
function receive(channel: number): void {
  setNonBlocking(channel);
  for (;;) {
    try {
      const { text, passed } = receiveDescriptors(channel);
      // The first process is gone.
      if (text === '') return;
      const before = received.get(text);
      if (before !== undefined) libc().close(before);
      if (passed[0] === undefined) received.delete(text);
      else received.set(text, passed[0]);
    } catch (error) {
      // Nothing more is there.
      expectSystemError(error);
      return;
    }
  }
}
