/**
 * A call on each thread of libuv's pool. Landlock and capabilities are a thread's own, and the pool, on which Node
 * reads files, may have begun before the door is closed. (Threads that begin later inherit from the one that starts
 * them.)
 *
 * All threads of the pool are held first, each by a write to a pipe of its own without a reader. Then each in turn is
 * released: as the only free thread it makes the calls, and is held again.
 */
import { write } from 'node:fs';
import { libc } from '../native/libc/libc.js';
import { pinned } from '../native/libc/slab.js';
import type { Call, Kernel } from './kernel.js';

/** More than a pipe takes, so that a write waits: its size is set to one page, of 64 KiB at most. */
const MORE_THAN_A_PIPE = 2 * 65_536;
const F_SETPIPE_SZ = 1031;
const O_CLOEXEC = 0o2000000;
const POLLIN = 1;
/** Milliseconds that a thread may be busy with something else. */
const PATIENCE = 5000;
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
  const begin = (call: Call, good: (answer: number) => boolean): void => {
    answers.push(new Promise((resolve) => kernel.begin(call, (answer) => resolve(good(answer)))));
  };
  const hold = (): Pipe => {
    const pipe = openPipe(kernel);
    held.push(pipe);
    // By Node itself, which has its calls on the pool at a tenth of what a foreign call costs there.
    answers.push(new Promise((resolve) => write(pipe.write, zeros(), () => resolve(true))));
    return pipe;
  };
  let reached = true;
  try {
    const first = Array.from({ length: size }, hold);
    reached = first.every(isHeld);
    for (let i = 0; reached && i < size; i++) {
      for (const call of calls) begin(call, (answer) => answer === 0);
      const again = hold();
      release(first[i] as Pipe);
      reached = isHeld(again);
    }
  } finally {
    for (const pipe of held) release(pipe);
  }
  const good = (await Promise.all(answers)).every((one) => one);
  for (const { write } of held) libc().close(write);
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
  if (libc().fcntl(pipe.write, F_SETPIPE_SZ, 1) < 0) return { read: -1, write: -1 };
  return pipe;
}

let zeroBytes: Uint8Array | undefined;

function zeros(): Uint8Array {
  zeroBytes ??= new Uint8Array(MORE_THAN_A_PIPE);
  return zeroBytes;
}

/** Whether a thread has begun to write to the pipe. */
function isHeld({ read }: Pipe): boolean {
  if (read < 0) return false;
  const { bytes, address } = pinned(8);
  const view = new DataView(bytes.buffer, bytes.byteOffset, 8);
  view.setInt32(0, read, true);
  view.setInt16(4, POLLIN, true);
  return libc().poll(address, 1, PATIENCE) === 1;
}

const released = new WeakSet<Pipe>();

/** Without a reader the write ends (EPIPE; Node ignores the signal). */
function release(pipe: Pipe): void {
  if (released.has(pipe) || pipe.read < 0) return;
  released.add(pipe);
  libc().close(pipe.read);
}
