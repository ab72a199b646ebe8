/** SIGTERM and SIGINT: the first drains, the second ends at once. SIGHUP: read the sites again. */
import { constants } from 'node:os';

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/** Resolves at the first signal. A second one ends the process with 128 and the signal's number, as a shell expects. */
export function firstSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let asked = false;
    for (const signal of SIGNALS) {
      process.on(signal, () => {
        if (asked) process.exit(128 + constants.signals[signal]);
        asked = true;
        resolve(signal);
      });
    }
  });
}

/** Calls `reload` at each SIGHUP, where there is such a signal, until what it returns is called. */
export function onReload(reload: () => void): () => void {
  if (process.platform !== 'win32') process.on('SIGHUP', reload);
  return () => void process.off('SIGHUP', reload);
}
