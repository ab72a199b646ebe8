/** What workers compress for one another, on its way through the first process. */
import { LARGEST_GIVEN } from '../../store/compress/shared-work.js';
import type { MadeMessage } from '../worker-channel.js';
import type { Worker } from './worker-process.js';

/** The first process: the result goes to all others. A worker that was taken over sends anything. */
export function passOn({ say, made }: MadeMessage, from: Worker, workers: readonly Worker[]): void {
  if (!(made?.bytes instanceof Uint8Array) || made.bytes.length > LARGEST_GIVEN) return;
  const { content, coding, settings, bytes } = made;
  for (const worker of workers)
    if (worker !== from)
      worker.way.send(made, (sent) => worker.say({ say, made: { content, coding, settings, bytes } }, sent));
}
