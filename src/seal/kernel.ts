/** System calls by name and number, for what neither Node nor the C library has words. */
import { UserError } from '../errors/user-error.js';
import { koffi } from '../native/libc/koffi.js';
import { type Arch, archOf, type Calls, callsOf } from './calls.js';

/** A call, and its arguments: numbers, or addresses of memory that stays. */
export type Call = readonly [name: string, ...args: number[]];

export interface Kernel {
  /** Undefined: this is no Linux, or a machine that is not known. */
  readonly arch: Arch | undefined;
  /** Why there is none; undefined: there is, or this is another system. */
  readonly why?: string | undefined;
  /** What it answers, or the negative error number. */
  call(...call: Call): number;
  /** Begins it on some thread of libuv's pool. */
  begin(call: Call, done: (answer: number) => void): void;
}

const ENOSYS = 38;
const MOST_ARGUMENTS = 6;
/** mman.h, asm-generic/errno: a failing call is reported as one of these. */
const MOST_ERRNO = 4095;

type Func = ((...values: number[]) => number) & { async: (...values: unknown[]) => void };

class LinuxKernel implements Kernel {
  private readonly calls: Calls;
  private readonly raw: Func;
  private readonly errno: () => number;

  constructor(readonly arch: Arch) {
    this.calls = callsOf(arch);
    const ffi = koffi();
    // It is variadic in C; on both machines whole numbers are passed alike.
    const words = Array.from({ length: MOST_ARGUMENTS }, (_, i) => `int64_t a${i}`);
    this.raw = ffi.load(null).func(`int64_t syscall(int64_t number, ${words.join(', ')})`) as unknown as Func;
    this.errno = () => ffi.errno();
  }

  call(...[name, ...args]: Call): number {
    const number = this.calls.number(name);
    if (number === undefined) return -ENOSYS;
    const answer = this.raw(number, ...this.padded(args));
    return answer < 0 && answer >= -MOST_ERRNO ? -this.errno() : answer;
  }

  begin([name, ...args]: Call, done: (answer: number) => void): void {
    const number = this.calls.number(name);
    if (number === undefined) return done(-ENOSYS);
    // `errno` is of the thread that called, and lost.
    this.raw.async(number, ...this.padded(args), (_error: unknown, answer: number) => done(answer));
  }

  private padded(args: readonly number[]): number[] {
    return [...args, ...new Array<number>(MOST_ARGUMENTS - args.length).fill(0)];
  }
}

/** What answers where there is no Linux: nothing can be had. */
function noKernel(why?: string): Kernel {
  return { arch: undefined, why, call: () => -ENOSYS, begin: (_call, done) => done(-1) };
}

export function thisKernel(): Kernel {
  const arch = process.platform === 'linux' ? archOf(process.arch) : undefined;
  if (arch === undefined) return noKernel();
  try {
    return new LinuxKernel(arch);
  } catch (error) {
    // koffi does not load: a server over Node's sockets does without it.
    if (!(error instanceof UserError)) throw error;
    return noKernel(error.message);
  }
}
