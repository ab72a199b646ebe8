/** Sockets that systemd passes (sd_listen_fds(3)): descriptors from 3 on. */
import { UserError } from '../errors/user-error.js';

const FIRST = 3;

/**
 * The listening sockets that were passed to this process, in the order of the socket unit: at most `most`; with HTTPS
 * its socket comes first, that for HTTP second. What says so is taken out of the environment, so that no program
 * started from here takes them for itself.
 */
export function activatedSockets(most: number, env: NodeJS.ProcessEnv = process.env, pid = process.pid): number[] {
  const { LISTEN_PID: whose, LISTEN_FDS: count } = env;
  if (whose === undefined || count === undefined || Number(whose) !== pid) return [];
  for (const name of ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES']) delete env[name];
  const sockets = Number(count);
  if (!(sockets >= 1)) return [];
  if (sockets > most) {
    const served =
      most === 1 ? 'one is served; name one ListenStream=' : `${most} are served; name ${most} ListenStream=`;
    throw new UserError(`systemd passes ${sockets} sockets, and ${served} in the socket unit`);
  }
  return Array.from({ length: sockets }, (_, i) => FIRST + i);
}
