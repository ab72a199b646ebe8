import { Bbr } from './bbr.js';
import type { CongestionControl } from './controller.js';
import { Cubic } from './cubic.js';
import { Reno } from './reno.js';

export type CongestionName = CongestionControl['name'];

/** A factory of one controller a connection, by its name on the command line. */
export function congestionByName(name: CongestionName): () => CongestionControl {
  if (name === 'reno') return () => new Reno();
  if (name === 'bbr') return () => new Bbr();
  return () => new Cubic();
}

export { Bbr, Cubic, Reno };
