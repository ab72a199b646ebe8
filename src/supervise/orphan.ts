/** Taking over from a program whose supervisor has ended: what it serves on comes over its control socket. */

import { Socket } from 'node:net';
import type { InheritedTap } from '../control/channel.js';
import { askControl, socketAnswers } from '../control/client.js';
import { UserError } from '../errors/user-error.js';
import { libc } from '../native/libc/libc.js';
import { connectUnix, receiveDescriptors, writeText } from '../native/sockets/unix.js';
import type { ServeOptions } from '../serve/options/serve.js';
import { type Held, heldKey } from './held.js';
import type { Foreign } from './supervisor.js';

/** Milliseconds that it may take to answer. */
const PATIENCE = 5000;

/**
 * Undefined: no process listens at `control`. Rejects with a `UserError` when the listener has a supervisor, or serves
 * elsewhere.
 */
export async function takeFromOrphan(
  control: string,
  options: ServeOptions,
): Promise<{ held: Held; foreign: Foreign } | undefined> {
  if (!(await socketAnswers(control))) return undefined;
  const status = await askControl(control, { do: 'status' }, PATIENCE);
  const key = heldKey(options);
  if (!status.ok || status.orphan !== true)
    throw new UserError(
      `another server listens on the control socket ${control}; stop that one, or choose another with --control`,
    );
  if (status.held !== key) {
    throw new UserError(
      `a program without a supervisor serves on ${status.held}, not on ${key}; end it over its control socket ${control}`,
    );
  }
  const fd = connectUnix(control, PATIENCE);
  writeText(fd, '{"do":"surrender"}\n');
  const { text, passed } = receiveDescriptors(fd);
  if (passed.length === 0) {
    libc().close(fd);
    throw new UserError(`the program behind ${control} did not pass on what it serves on`);
  }
  const { link, tap } = JSON.parse(text.split('\n')[0] as string) as { link: string; tap?: InheritedTap };
  const connection = new Socket({ fd, readable: true, writable: true });
  connection.on('error', () => undefined);
  connection.resume();
  const retire = (seconds: number): void => {
    connection.write(`${JSON.stringify({ do: 'retire', seconds })}\n`, () => connection.end());
  };
  return { held: { key, fds: passed, tap }, foreign: { link, retire } };
}
