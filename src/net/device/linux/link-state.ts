/**
 * How an interface stands now, beside its frames: whether it carries any, and whether it is on the bridge that it was
 * put on.
 */

import { addToBridge, interfaceIndex, isRunning, keepControlSocket, mtuOf } from '../../../native/interfaces.js';
import { EACCES, EBUSY, EPERM, SystemError } from '../../../native/libc/errno.js';
import { LinkEvents } from '../../../native/link-events.js';

export interface LinkState {
  /** It is set up and has a carrier. Undefined: there is no such interface any more. */
  running(): boolean | undefined;
  /** Bytes of its largest packet. Undefined: there is no such interface any more. */
  mtu(): number | undefined;
  /** It was set down at some time since the last call; with `carrier`, or had none. */
  wasDown(carrier: boolean): boolean;
  /**
   * Number of the bridge that it shall be on, which is another one when the bridge was made again; 0: there is none
   * now.
   */
  bridge(): number;
  /** Puts it on the bridge. `elsewhere`: it is on one already; `forbidden`: this user may not. */
  join(): 'joined' | 'elsewhere' | 'forbidden' | 'failed';
  close(): void;
}

/** `bridge`: the name of the one that `name` shall be on; undefined: of none. */
export function linkState(name: string, bridge: string | undefined): LinkState {
  const events = new LinkEvents();
  keepControlSocket();
  return {
    wasDown: (carrier) => events.wasDown(interfaceIndex(name), carrier),
    close: () => events.close(),
    running: () => whileThere(() => isRunning(name)),
    mtu: () => whileThere(() => mtuOf(name)),
    bridge: () => (bridge === undefined ? 0 : interfaceIndex(bridge)),
    join: () => {
      try {
        addToBridge(bridge!, name);
        return 'joined';
      } catch (error) {
        if (!(error instanceof SystemError)) throw error;
        if (error.errno === EBUSY) return 'elsewhere';
        return error.errno === EPERM || error.errno === EACCES ? 'forbidden' : 'failed';
      }
    },
  };
}

/** Undefined: there is no such interface any more. */
function whileThere<T>(ask: () => T): T | undefined {
  try {
    return ask();
  } catch (error) {
    if (error instanceof SystemError) return undefined;
    throw error;
  }
}
