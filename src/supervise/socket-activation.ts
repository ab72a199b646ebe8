/** Sockets that systemd passes (sd_listen_fds(3)): descriptors from 3 on. */
import { Failure } from '../errors/failure.js';

const FIRST = 3;

/**
 * The listening socket that was passed to this process; undefined: none was. What says so is taken out of the environment, so that no
 * program started from here takes it for itself.
 */
export function activatedSocket(env: NodeJS.ProcessEnv = process.env, pid = process.pid): number | undefined {
  const { LISTEN_PID: whose, LISTEN_FDS: count } = env;
  if (whose === undefined || count === undefined || Number(whose) !== pid) return undefined;
  for (const name of ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES']) delete env[name];
  const sockets = Number(count);
  if (!(sockets >= 1)) return undefined;
  if (sockets > 1) {
    throw new Failure(
      `systemd passes ${sockets} sockets, and one is served; name one ListenStream= in the socket unit`,
    );
  }
  return FIRST;
}
