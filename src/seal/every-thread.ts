/**
 * A call on each thread of libuv's pool. Landlock and capabilities are a thread's own, and the pool, on which Node
 * reads files, may have begun before the door is closed. (Threads that begin later inherit from the one that starts
 * them.)
 *
 * All threads of the pool but one are held first, each by a write to a pipe of its own without a reader. The free one
 * makes the calls, and is held; then the next one is released and does the same, until all are held again.
 */
import { write } from 'node:fs';
import { pinned } from '../native/libc/slab.js';
import type { Call, Kernel } from './kernel.js';

/** More than a pipe takes, so that a write waits: its size is set to one page, of 64 KiB at most. */
const MORE_THAN_A_PIPE = 2 * 65_536;
const F_SETPIPE_SZ = 1031;
const O_CLOEXEC = 0o2000000;
const POLLIN = 1;
/** Seconds that a thread may be busy with something else. */
const PATIENCE = 5n;
/** Libuv's own bounds (docs, threadpool). */
const DEFAULT_SIZE = 4;
const LARGEST_SIZE = 1024;

interface Pipe {
  readonly read: number;
  readonly write: number;
}

/**
 * Resolves with whether each call succeeded on each thread; false, too, when they could not be reached in time. `size`:
 * threads of the pool.
 */
export async function onEveryThread(kernel: Kernel, calls: readonly Call[], size = poolSize()): Promise<boolean> {
  const held: Pipe[] = [];
  const answers: Promise<boolean>[] = [];
  const begin = (call: Call): void => {
    answers.push(new Promise((resolve) => kernel.begin(call, (answer) => resolve(answer === 0))));
  };
  const hold = (): Pipe => {
    const pipe = openPipe(kernel);
    if (pipe.write < 0) return pipe;
    held.push(pipe);
    // By Node itself, which has its calls on the pool at a tenth of what a foreign call costs there.
    answers.push(new Promise((resolve) => write(pipe.write, zeros(), () => resolve(true))));
    return pipe;
  };
  let reached = true;
  try {
    const first = Array.from({ length: size - 1 }, hold);
    reached = first.every((one) => isHeld(kernel, one));
    for (let i = 0; reached && i < size; i++) {
      calls.forEach(begin);
      reached = isHeld(kernel, hold());
      release(kernel, first[i]);
    }
  } finally {
    for (const pipe of held) release(kernel, pipe);
  }
  const good = (await Promise.all(answers)).every((one) => one);
  for (const { write } of held) kernel.call('close', write);
  return reached && good;
}

function poolSize(env: NodeJS.ProcessEnv = process.env): number {
  const given = env['UV_THREADPOOL_SIZE'];
  if (given === undefined) return DEFAULT_SIZE;
  return Math.min(Math.max(Number.parseInt(given, 10) || 1, 1), LARGEST_SIZE);
}

function openPipe(kernel: Kernel): Pipe {
  const { bytes, address } = pinned(8);
  const answer = kernel.call('pipe2', address, O_CLOEXEC);
  if (answer < 0) return { read: -1, write: -1 };
  const view = new DataView(bytes.buffer, bytes.byteOffset, 8);
  const pipe = { read: view.getInt32(0, true), write: view.getInt32(4, true) };
  if (kernel.call('fcntl', pipe.write, F_SETPIPE_SZ, 1) < 0) return { read: -1, write: -1 };
  return pipe;
}

let zeroBytes: Uint8Array | undefined;

function zeros(): Uint8Array {
  zeroBytes ??= new Uint8Array(MORE_THAN_A_PIPE);
  return zeroBytes;
}

/** Whether a thread has begun to write to the pipe. */
function isHeld(kernel: Kernel, { read }: Pipe): boolean {
  if (read < 0) return false;
  // `struct pollfd`, and behind it `struct timespec`. The kernel writes to the second as well.
  const { bytes, address } = pinned(24);
  const view = new DataView(bytes.buffer, bytes.byteOffset, 24);
  view.setInt32(0, read, true);
  view.setInt16(4, POLLIN, true);
  view.setBigInt64(8, PATIENCE, true);
  return kernel.call('ppoll', address, 1, address + 8, 0) === 1;
}

const released = new WeakSet<Pipe>();

/** Without a reader the write ends (EPIPE; Node ignores the signal). */
function release(kernel: Kernel, pipe: Pipe | undefined): void {
  if (pipe === undefined || released.has(pipe) || pipe.read < 0) return;
  released.add(pipe);
  kernel.call('close', pipe.read);
}
