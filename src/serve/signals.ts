/** Signals of a server: see `native/process-signals.ts`. */
import { signals } from '../native/process-signals.js';
import type { Log } from './log.js';

/**
 * Resolves at the first signal that drains. A second one ends the process with 128 and the signal's number, as a shell
 * expects.
 */
export function firstSignal(log?: Log): Promise<NodeJS.Signals> {
  return signals.server(log && ((sentence) => log.warn(sentence)));
}

/** Calls `reload` at each SIGHUP, where there is such a signal, until what it returns is called. */
export function onReload(reload: () => void): () => void {
  return signals.onReload(reload);
}
