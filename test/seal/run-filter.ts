/** Runs a seccomp filter as the kernel does (Documentation/networking/filter.rst), for tests. */
import { ALLOW } from '../../src/seal/bpf.js';

export interface SystemCall {
  readonly number: number;
  readonly arch: number;
  readonly args?: readonly (number | bigint)[];
}

/** Offsets in `struct seccomp_data` of the number and the architecture. */
const OF_THE_NUMBER = new Set([0, 4]);

/**
 * Whether the kernel sees at once that a call is always allowed, and never runs the filter for it: no argument is
 * looked at on the way (Linux 5.11, seccomp's bitmap of constant actions).
 */
export function isAlwaysAllowed(code: Uint8Array, call: SystemCall): boolean {
  const loads: number[] = [];
  const action = runFilter(code, call, (offset) => loads.push(offset));
  return action === ALLOW && loads.every((offset) => OF_THE_NUMBER.has(offset));
}

/** Answers the action. Throws for what the kernel would refuse: an unknown instruction, a jump out of the program. */
export function runFilter(
  code: Uint8Array,
  { number, arch, args = [] }: SystemCall,
  loaded: (offset: number) => void = () => undefined,
): number {
  const data = new DataView(new ArrayBuffer(64));
  data.setUint32(0, number, true);
  data.setUint32(4, arch, true);
  for (const [i, value] of args.entries()) data.setBigUint64(16 + 8 * i, BigInt.asUintN(64, BigInt(value)), true);
  const view = new DataView(code.buffer, code.byteOffset, code.length);
  let a = 0;
  for (let pc = 0; ; pc++) {
    if (8 * pc >= code.length) throw new RangeError(`the program has no instruction ${pc}`);
    const op = view.getUint16(8 * pc, true);
    const yes = view.getUint8(8 * pc + 2);
    const no = view.getUint8(8 * pc + 3);
    const k = view.getUint32(8 * pc + 4, true);
    if (op === 0x06) return k;
    if (op === 0x20) {
      loaded(k);
      a = data.getUint32(k, true);
    } else if (op === 0x54) a = (a & k) >>> 0;
    else if (op === 0x05) pc += k;
    else if (op === 0x15) pc += a === k ? yes : no;
    else if (op === 0x25) pc += a > k ? yes : no;
    else if (op === 0x35) pc += a >= k ? yes : no;
    else throw new RangeError(`the kernel knows no instruction ${op}`);
  }
}
