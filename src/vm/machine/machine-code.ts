/**
 * A program for Linux on x86-64 that is little more than a list of system calls, as an ELF file: no compiler is needed
 * where images are made, and the same list gives the same bytes everywhere.
 *
 * What a system call takes is known when the program is made: numbers, texts, or what the call before answered.
 */

/**
 * An argument: a number, a text (as its address, with a zero at the end), a place of eight bytes or of `size`, a
 * multiple of eight, a `struct timespec`, or the answer of the last call.
 */
export type Operand =
  | number
  | bigint
  | string
  | { readonly place: string; readonly size?: number }
  | { readonly seconds: number }
  | { readonly texts: readonly string[] }
  | typeof LAST;

/** What the last system call answered. */
export const LAST = Symbol('last');

const BASE = 0x400000;
const HEADERS = 64 + 56;
/** Argument registers of a system call, in order: rdi, rsi, rdx, r10, r8, r9. */
const REGISTERS = [7, 6, 2, 10, 8, 9];

interface Fixup {
  readonly at: number;
  /** 8: an absolute address; 4: relative to what follows. */
  readonly size: 8 | 4;
  readonly target: string;
}

export class Program {
  private readonly code: number[] = [];
  private readonly fixups: Fixup[] = [];
  private readonly labels = new Map<string, number>();
  /** What lies behind the code: bytes, or addresses of other data. */
  private readonly data = new Map<string, readonly (Uint8Array | string)[]>();
  private made = 0;

  /** `number`: of the system call. Its answer is what `LAST` and the jumps see. */
  call(number: number, ...operands: readonly Operand[]): this {
    // The answer of the last call is in rax, which is set last.
    operands.forEach((operand, i) => {
      const register = REGISTERS[i]!;
      if (operand === LAST) this.code.push(register < 8 ? 0x48 : 0x49, 0x89, 0xc0 | (register & 7));
      else this.load(register, operand);
    });
    this.load(0, number);
    this.code.push(0x0f, 0x05);
    return this;
  }

  private load(register: number, operand: Exclude<Operand, typeof LAST>): void {
    this.code.push(register < 8 ? 0x48 : 0x49, 0xb8 | (register & 7));
    if (typeof operand === 'number' || typeof operand === 'bigint') {
      const bytes = new DataView(new ArrayBuffer(8));
      bytes.setBigInt64(0, BigInt(operand), true);
      this.code.push(...new Uint8Array(bytes.buffer));
      return;
    }
    this.fixups.push({ at: this.code.length, size: 8, target: this.datum(operand) });
    this.code.push(0, 0, 0, 0, 0, 0, 0, 0);
  }

  private datum(operand: Exclude<Operand, number | bigint | typeof LAST>): string {
    if (typeof operand === 'string') return this.text(operand);
    if ('place' in operand) {
      if (!this.data.has(operand.place)) this.data.set(operand.place, [new Uint8Array(operand.size ?? 8)]);
      return operand.place;
    }
    if ('seconds' in operand) {
      const time = new Uint8Array(16);
      time[0] = operand.seconds;
      this.data.set(`seconds ${operand.seconds}`, [time]);
      return `seconds ${operand.seconds}`;
    }
    const name = `list ${this.made++}`;
    this.data.set(name, [...operand.texts.map((one) => this.text(one)), new Uint8Array(8)]);
    return name;
  }

  private text(text: string): string {
    const name = `text ${text}`;
    this.data.set(name, [new TextEncoder().encode(`${text}\0`)]);
    return name;
  }

  /** Writes `sentence` to standard error. */
  say(sentence: string): this {
    const line = `${sentence}\n`;
    return this.call(1, 2, line, new TextEncoder().encode(line).length);
  }

  label(name: string): this {
    this.labels.set(name, this.code.length);
    return this;
  }

  jump(to: string): this {
    this.code.push(0xe9);
    return this.relative(to);
  }

  /** Jumps where the last call failed. */
  ifFailed(to: string): this {
    // test rax, rax; js
    this.code.push(0x48, 0x85, 0xc0, 0x0f, 0x88);
    return this.relative(to);
  }

  /** Jumps where the last call answered 0. */
  ifZero(to: string): this {
    this.code.push(0x48, 0x85, 0xc0, 0x0f, 0x84);
    return this.relative(to);
  }

  /** Jumps where `al` is `value`; after `call`, `portIn` or `loadByte`. */
  ifByte(value: number, to: string): this {
    this.code.push(0x3c, value, 0x0f, 0x84);
    return this.relative(to);
  }

  /** Jumps where the eight bytes at `offset` (under 128) of a place are a number below `value` (under 2 GiB). */
  ifBelow(place: string, offset: number, value: number, to: string): this {
    this.load(7, { place });
    // cmp qword [rdi + offset], value; jb
    this.code.push(0x48, 0x81, 0x7f, offset, ...new Uint8Array(new Int32Array([value]).buffer), 0x0f, 0x82);
    return this.relative(to);
  }

  /** Loads byte `offset` of a place to `al`. */
  loadByte(place: string, offset: number): this {
    this.load(7, { place });
    this.code.push(0x8a, 0x47, offset);
    return this;
  }

  /** Writes `value` to an I/O port. */
  portOut(port: number, value: number): this {
    this.code.push(0xb0, value, 0xe6, port);
    return this;
  }

  /** Reads an I/O port to `al`. */
  portIn(port: number): this {
    this.code.push(0xe4, port);
    return this;
  }

  /** Bytes of instructions, as they are. */
  bytes(...code: readonly number[]): this {
    this.code.push(...code);
    return this;
  }

  private relative(to: string): this {
    this.fixups.push({ at: this.code.length, size: 4, target: to });
    this.code.push(0, 0, 0, 0);
    return this;
  }

  /** The ELF file, one segment that is all of it. */
  link(): Uint8Array {
    const places = new Map<string, number>();
    let end = HEADERS + this.code.length;
    for (const [name, parts] of this.data) {
      end = (end + 7) & -8;
      places.set(name, end);
      for (const part of parts) end += typeof part === 'string' ? 8 : part.length;
    }
    const file = new Uint8Array(end);
    const view = new DataView(file.buffer);
    writeHeaders(view, end);
    file.set(this.code, HEADERS);
    for (const { at, size, target } of this.fixups) {
      const place = places.get(target);
      if (size === 8) view.setBigUint64(HEADERS + at, BigInt(BASE + place!), true);
      else view.setInt32(HEADERS + at, this.labels.get(target)! - (at + 4), true);
    }
    for (const [name, parts] of this.data) {
      let at = places.get(name)!;
      for (const part of parts) {
        if (typeof part === 'string') {
          view.setBigUint64(at, BigInt(BASE + places.get(part)!), true);
          at += 8;
        } else {
          file.set(part, at);
          at += part.length;
        }
      }
    }
    return file;
  }
}

/** Elf64_Ehdr and one Elf64_Phdr. */
function writeHeaders(view: DataView, size: number): void {
  [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1].forEach((byte, i) => {
    view.setUint8(i, byte);
  });
  view.setUint16(16, 2, true); // ET_EXEC
  view.setUint16(18, 62, true); // EM_X86_64
  view.setUint32(20, 1, true);
  view.setBigUint64(24, BigInt(BASE + HEADERS), true);
  view.setBigUint64(32, 64n, true);
  view.setUint16(52, 64, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, 1, true);
  view.setUint32(64, 1, true); // PT_LOAD
  view.setUint32(68, 7, true);
  view.setBigUint64(80, BigInt(BASE), true);
  view.setBigUint64(88, BigInt(BASE), true);
  view.setBigUint64(96, BigInt(size), true);
  view.setBigUint64(104, BigInt(size), true);
  view.setBigUint64(112, 4096n, true);
}
