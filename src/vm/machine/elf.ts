/** An ELF program without what only a debugger reads: symbols and notes lie behind what is loaded, and are cut off. */

const PT_LOAD = 1;

/** Answers `file` itself where it is none of 64 bits. */
export function withoutSymbols(file: Uint8Array): Uint8Array {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (view.getUint32(0) !== 0x7f454c46 || view.getUint8(4) !== 2) return file;
  const segments = Number(view.getBigUint64(32, true));
  const size = view.getUint16(54, true);
  let end = 0;
  for (let i = 0; i < view.getUint16(56, true); i++) {
    const at = segments + i * size;
    if (view.getUint32(at, true) !== PT_LOAD) continue;
    end = Math.max(end, Number(view.getBigUint64(at + 8, true) + view.getBigUint64(at + 32, true)));
  }
  const cut = file.slice(0, end);
  const head = new DataView(cut.buffer);
  head.setBigUint64(40, 0n, true); // e_shoff
  head.setUint16(60, 0, true); // e_shnum
  head.setUint16(62, 0, true); // e_shstrndx
  return cut;
}
