/** Who is at the other end of a UNIX socket (unix(7), SO_PEERCRED), which Node has no word for. */
import { type Calls, calls } from '../libc/calls.js';
import { type Pinned, pinned } from '../libc/slab.js';

const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
/** `struct ucred`: the numbers of the process, the user and the group. */
const CREDENTIALS = 12;

let loaded: Calls<'getsockopt'> | undefined;
let memory: Pinned | undefined;

/** The number of the user that connected; undefined: the system does not say. */
export function peerUser(fd: number): number | undefined {
  if (process.platform !== 'linux' || fd < 0) return undefined;
  loaded ??= calls('getsockopt');
  memory ??= pinned(16);
  const { address, bytes } = memory;
  const view = new DataView(bytes.buffer, bytes.byteOffset, 16);
  view.setUint32(CREDENTIALS, CREDENTIALS, true);
  const failed = loaded.getsockopt(fd, SOL_SOCKET, SO_PEERCRED, address, address + CREDENTIALS) < 0;
  return failed ? undefined : view.getUint32(4, true);
}
