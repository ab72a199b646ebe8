/** Where keys and serials of zones lie, below the folder of all state. */
import { join } from 'node:path';

export function zoneFolder(state: string): string {
  return join(state, 'dns');
}
