/**
 * Runs a program under a seccomp filter that fails some calls, as a container or an old kernel does:
 * `node build/test/seal/forbidding.js '{"prctl":1}' PROGRAM ARGUMENTS`. Names of calls, and the error number of each.
 */
import koffi from 'koffi';
import { pinned } from '../../src/native/libc/slab.js';
import { ALLOW, filterOf } from '../../src/seal/bpf.js';
import { thisKernel } from '../../src/seal/kernel.js';
import { fail } from '../../src/seal/lists/rules.js';

/** linux/prctl.h, linux/seccomp.h, fcntl.h */
const PR_SET_NO_NEW_PRIVS = 38;
const SET_MODE_FILTER = 1;
const F_SETFD = 2;

const [calls = '{}', program = '', ...args] = process.argv.slice(2);
const kernel = thisKernel();
const rules = Object.entries(JSON.parse(calls) as Record<string, number>).map(([name, errno]) =>
  fail(name, errno, 'a test'),
);
const filter = filterOf(kernel.arch!, rules, ALLOW);
const memory = pinned(filter.length);
memory.bytes.set(filter);
const sock = pinned(16);
const view = new DataView(sock.bytes.buffer, sock.bytes.byteOffset, 16);
view.setUint16(0, filter.length / 8, true);
view.setBigUint64(8, BigInt(memory.address), true);
const execv = koffi.load(null).func('int execv(const char *path, const char **argv)');
// Node has its standard streams closed in programs that it starts, but for those that it hands over.
for (const fd of [0, 1, 2]) kernel.call('fcntl', fd, F_SETFD, 0);
if (process.geteuid?.() !== 0) kernel.call('prctl', PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
const answer = kernel.call('seccomp', SET_MODE_FILTER, 0, sock.address);
if (answer < 0) throw new Error(`the kernel takes no filter (error ${-answer})`);
execv(program, [program, ...args, null]);
throw new Error(`${program} cannot be run`);
