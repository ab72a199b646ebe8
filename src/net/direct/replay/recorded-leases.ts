/** The memory of leases, listened to: what was remembered is part of what a stack did. */
import type { LeaseMemory } from '../../dhcp/lease.js';
import type { Recorder } from './recorder.js';

export function rememberingLeases(recorder: Recorder, inner: LeaseMemory | undefined): LeaseMemory {
  return {
    load() {
      const address = inner?.load();
      recorder.remembered(address);
      return address;
    },
    save: (address, seconds) => inner?.save(address, seconds),
  };
}
