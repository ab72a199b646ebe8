/**
 * Streams of bytes between two machines on one host (ports of virtio-serial, which QEMU connects by a UNIX socket):
 * over them one that serves gives its traffic to its successor. Each is led to a UNIX socket of the guest, where the
 * two sides of a hand-over expect one another.
 */
import { constants, openSync, readdirSync, readFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { expectSystemError } from '../../errors/codes.js';
import { hungUp } from '../../native/poll.js';
import { stream } from '../../native/watch.js';

/** Names of the ports. */
export const SUCCESSOR = 'successor';
export const PREDECESSOR = 'predecessor';

/** How the message begins with which a machine ends whose predecessor would not give it the traffic. */
export const NO_HAND_OVER = 'the machine before this one does not hand over';

/** Milliseconds between two checks whether a port has a client. */
const LOOK = 250;

/** An open descriptor of the port; undefined: this machine has none of that name. */
export function openPort(name: string): number | undefined {
  const folder = '/sys/class/virtio-ports';
  try {
    const device = readdirSync(folder).find((one) => readFileSync(join(folder, one, 'name'), 'utf8').trim() === name);
    if (device === undefined) return undefined;
    return openSync(join('/dev', device), constants.O_RDWR | constants.O_NONBLOCK);
  } catch (error) {
    // No ports at all, or one that another process holds.
    expectSystemError(error);
    return undefined;
  }
}

/** Connects each client of the port to the UNIX socket `path`, one after the other. */
export function leadFrom(port: number, path: string): void {
  let busy = false;
  setInterval(() => {
    if (busy || hungUp(port)) return;
    busy = true;
    joined(stream(port), connect(path), () => {
      busy = false;
    });
  }, LOOK).unref();
}

/** Leads the first that connects to the UNIX socket `path` to the port. Resolves when that can be done. */
export function leadTo(port: number, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer((local) => {
      server.close();
      joined(stream(port), local, () => undefined);
    });
    server.once('error', reject);
    server.listen(path, resolve);
    server.unref();
  });
}

/** What one sends the other gets, until one of them ends. */
function joined(one: Socket, other: Socket, over: () => void): void {
  let open = 2;
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    from.pipe(to);
    from.on('error', () => from.destroy());
    from.on('close', () => {
      to.end();
      if (--open === 0) over();
    });
    from.unref();
  }
}
