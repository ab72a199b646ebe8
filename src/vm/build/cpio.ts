/**
 * A cpio archive in the "newc" format, as the kernel unpacks it
 * (Documentation/driver-api/early-userspace/buffer-format.rst).
 */

export interface CpioEntry {
  /** Without a slash at its front. */
  readonly path: string;
  /** Undefined: a directory. */
  readonly content?: Uint8Array | undefined;
  readonly executable?: boolean;
}

const DIRECTORY = 0o040755;
const FILE = 0o100644;
const PROGRAM = 0o100755;

/** No times and no owners: the same entries give the same bytes. */
export function cpio(entries: readonly CpioEntry[]): Uint8Array {
  const parts: Uint8Array[] = [];
  [...entries, { path: 'TRAILER!!!', content: new Uint8Array(0) }].forEach(
    ({ path, content, executable }: CpioEntry, i) => {
      const name = Buffer.from(`${path}\0`);
      const mode = content === undefined ? DIRECTORY : executable === true ? PROGRAM : FILE;
      const last = path === 'TRAILER!!!';
      const fields = [last ? 0 : i + 1, last ? 0 : mode, 0, 0, 1, 0, content?.length ?? 0, 0, 0, 0, 0, name.length, 0];
      const head = Buffer.from(`070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`);
      parts.push(head, name, padding(head.length + name.length));
      if (content !== undefined) parts.push(content, padding(content.length));
    },
  );
  return Buffer.concat(parts);
}

function padding(length: number): Uint8Array {
  return new Uint8Array(-length & 3);
}
