/** Where V8 has its machine code. */
import { readFileSync } from 'node:fs';
import type { AddressRange } from './lists/rules.js';

/** A line: addresses, rights, offset, device, inode, name. */
const MAPPING = /^([0-9a-f]+)-([0-9a-f]+) (....) \S+ \S+ \d+ *(.*)$/gm;

/**
 * Regions of memory without a file that hold machine code, with what is reserved beside them for more. `maps`: as
 * proc(5) has it. None: V8 makes no machine code (`--jitless`).
 */
export function codeRanges(maps = readFileSync('/proc/self/maps', 'latin1')): AddressRange[] {
  const ranges: AddressRange[] = [];
  let start = 0;
  let end = 0;
  let code = false;
  const close = (): void => {
    if (code) ranges.push({ start, end });
  };
  for (const [, from, to, rights = '', name] of maps.matchAll(MAPPING)) {
    const low = Number.parseInt(from as string, 16);
    const anonymous = name === '' || name?.startsWith('[anon:') === true;
    if (!anonymous || low !== end) {
      close();
      start = low;
      code = false;
    }
    end = Number.parseInt(to as string, 16);
    if (!anonymous) start = end;
    else if (rights.includes('x')) code = true;
  }
  close();
  return ranges;
}
