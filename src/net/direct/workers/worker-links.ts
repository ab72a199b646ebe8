/**
 * The ways between the workers on one device: each listens on a UNIX socket of its own, and sends by a connection to
 * each other's.
 */
import { rmdirSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { expectCode } from '../../../errors/codes.js';
import { removeSocket } from '../../../native/sockets/socket-file.js';
import { socketPath } from '../../../native/sockets/socket-path.js';
import { Link } from '../peer-link/link.js';

export class WorkerLinks {
  /** Others may connect. */
  readonly listening: Promise<void>;
  private readonly server: Server;
  private readonly path: string;

  /**
   * `folder` is for this user alone. `take` gets what the others send, one by one; `faulted` gets what it throws.
   */
  constructor(
    private readonly folder: string,
    number: number,
    take: (kind: number, content: Uint8Array) => void,
    private readonly faulted: (error: unknown) => void,
  ) {
    this.path = join(folder, String(number));
    // Of one before this that was ended.
    removeSocket(this.path);
    this.server = createServer((socket) => {
      new Link(socket, faulted).onMessage = take;
    });
    const place = socketPath(this.path);
    // Another worker may be another user by now: its folder says who connects.
    const mask = process.umask(0o111);
    this.listening = new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(place.path, resolve);
    });
    process.umask(mask);
    this.server.once('close', place.release);
    this.listening.catch(() => undefined);
    this.server.unref();
  }

  /** Undefined: that one is not there any more. */
  to(number: number): Promise<Link | undefined> {
    return Link.connect(join(this.folder, String(number)), this.faulted);
  }

  close(): void {
    this.server.close();
    removeSocket(this.path);
    try {
      rmdirSync(this.folder);
    } catch (error) {
      // Others are in it still, its maker has removed it, or the seal leaves it to its maker (EACCES).
      expectCode(error, 'ENOTEMPTY', 'ENOENT', 'EACCES');
    }
  }
}
