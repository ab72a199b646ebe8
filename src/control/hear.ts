/** What comes over Node's channel between two of our own processes. */

interface Speaker {
  on(event: 'message', listener: (message: unknown) => void): unknown;
}

/**
 * Calls `listener` with each message of `from` that is an object; libraries may use the channel, too. `faulted` gets
 * what `listener` throws: the message is dropped, and the next one is heard.
 */
export function hear<M extends object>(
  from: Speaker,
  listener: (message: M) => void,
  faulted: (error: unknown) => void,
): void {
  from.on('message', (message) => {
    if (typeof message !== 'object' || message === null) return;
    try {
      listener(message as M);
    } catch (error) {
      faulted(error);
    }
  });
}
