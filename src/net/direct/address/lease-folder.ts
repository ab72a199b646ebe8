/** Where leases lie, below the folder of all state: a sealed server writes here, and nowhere else in it. */
import { join } from 'node:path';

export function leaseFolder(state: string): string {
  return join(state, 'leases');
}
