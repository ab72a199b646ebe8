/** The end of a network: its connections get time to finish. */
import type { Clock } from '../../flow.js';
import type { TcpLayer } from '../../tcp/index.js';
import { ABORT_ALL } from '../replay/events.js';
import type { Recorder } from '../replay/recorder.js';
import type { Turns } from './turns.js';

interface Ending {
  readonly clock: Clock;
  readonly turns: Turns;
  readonly tcp: TcpLayer;
  readonly recorder: Recorder | undefined;
  /** `open`: connections that are ours, or may be again. */
  readonly succession: { readonly open: number };
}

/** Resolves when the last connection is over; resets what is left after `milliseconds`. */
export async function lastConnection(
  { clock, turns, tcp, recorder, succession }: Ending,
  milliseconds: number,
): Promise<void> {
  /** The time to drain is over. */
  let cut = false;
  await new Promise<void>((resolve) => {
    const timer = clock.schedule(milliseconds, () => {
      recorder?.bare(ABORT_ALL);
      cut = true;
      tcp.abortAll('network-closed');
    });
    turns.onTurned = () => {
      // What comes back after the end of its time has none any more.
      if (cut && tcp.connections.size > 0) tcp.abortAll('network-closed');
      if (succession.open > 0) return;
      turns.onTurned = undefined;
      timer.cancel();
      resolve();
    };
    turns.loop.wake();
  });
}
