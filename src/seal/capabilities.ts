/** The capabilities of this thread, and the calls that give them up. */
import { pinned } from '../native/libc/slab.js';
import type { Call, Kernel } from './kernel.js';

/** linux/capability.h, version 3. */
const CAPABILITY_VERSION = 0x2008_0522;
const MOST_CAPABILITIES = 64;
/** linux/prctl.h */
const PR_CAPBSET_READ = 23;
const PR_CAPBSET_DROP = 24;
const PR_CAP_AMBIENT = 47;
const PR_CAP_AMBIENT_CLEAR_ALL = 4;

/** Bits of capabilities that this thread may use. */
export function capabilities(kernel: Kernel): bigint {
  const { header, sets, view } = memory();
  if (kernel.call('capget', header, sets) < 0) return 0n;
  // `struct __user_cap_data_struct[2]`: effective, permitted, inheritable; the low halves, then the high ones.
  return BigInt(view.getUint32(4, true)) | (BigInt(view.getUint32(16, true)) << 32n);
}

/** What capget and capset are told: the version, and that it is about this thread; and two halves of three sets. */
function memory(): { readonly header: number; readonly sets: number; readonly view: DataView } {
  const header = pinned(8);
  new DataView(header.bytes.buffer, header.bytes.byteOffset, 8).setUint32(0, CAPABILITY_VERSION, true);
  const { bytes, address } = pinned(24);
  return { header: header.address, sets: address, view: new DataView(bytes.buffer, bytes.byteOffset, 24) };
}

/** Takes from this thread, and from programs that it starts, what is not among `kept`. */
export function dropBounds(kernel: Kernel, kept: bigint): void {
  for (let one = 0; one < MOST_CAPABILITIES; one++) {
    if (kernel.call('prctl', PR_CAPBSET_READ, one) < 0) return;
    if ((kept & (1n << BigInt(one))) === 0n) kernel.call('prctl', PR_CAPBSET_DROP, one);
  }
}

/** The calls that leave a thread no capability but `kept`. */
export function capabilityCalls(kept: bigint): Call[] {
  const { header, sets, view } = memory();
  for (const half of [0, 1]) {
    const bits = Number((kept >> BigInt(32 * half)) & 0xffff_ffffn);
    view.setUint32(12 * half, bits, true);
    view.setUint32(12 * half + 4, bits, true);
  }
  return [
    ['prctl', PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL],
    ['capset', header, sets],
  ];
}
