/** Overwrites every array of bytes in `value`, a tree of plain objects and lists. */
export function wipe(value: unknown): void {
  if (value instanceof Uint8Array) value.fill(0);
  else if (typeof value === 'object' && value !== null) for (const one of Object.values(value)) wipe(one);
}
