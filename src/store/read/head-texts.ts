/**
 * Checks whether runs of a section of strings may stand in a head: one pass over the section, then a binary search for
 * each check.
 */
const CR = 0x0d;
const LF = 0x0a;
const TAB = 0x09;

/** Bytes between two looks at the clock; they are looked at one by one if a control character is among them. */
const STEP = 2 ** 12;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it is about.
const CONTROL = /[\0-\x08\n-\x1f\x7f]/;

export class HeadTexts {
  /** The places of control characters, except for the CRLF at the end of a line that is not empty. */
  private readonly controls: readonly number[];
  /** The places of the CR in these line ends. */
  private readonly ends: readonly number[];

  private constructor(
    private readonly bytes: Uint8Array,
    controls: readonly number[],
    ends: readonly number[],
  ) {
    this.controls = controls;
    this.ends = ends;
  }

  /** Yields now and then. */
  static *of(bytes: Uint8Array): Generator<void, HeadTexts> {
    const controls: number[] = [];
    const ends: number[] = [];
    const seen = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let at = 0; at < bytes.length; at += STEP) {
      yield;
      const end = Math.min(at + STEP, bytes.length);
      // V8's own search: most texts have none.
      if (!CONTROL.test(seen.toString('latin1', at, end))) continue;
      for (let i = at; i < end; i++) {
        const byte = bytes[i]!;
        if ((byte >= 0x20 && byte !== 0x7f) || byte === TAB) continue;
        // After another line end it would end the head.
        if (byte === CR && bytes[i + 1] === LF && i > 0 && bytes[i - 1] !== LF) ends.push(i);
        else if (byte !== LF || ends.at(-1) !== i - 1) controls.push(i);
      }
    }
    return new HeadTexts(bytes, controls, ends);
  }

  /** Whether the text is free of control characters. */
  isPartOfLine(start: number, length: number): boolean {
    return length === 0 || !(within(this.controls, start, start + length) || this.touchesEnd(start, start + length));
  }

  /** Whether the text is empty, or lines that each end in CRLF. */
  isLines(start: number, length: number): boolean {
    if (length === 0) return true;
    const { bytes } = this;
    const end = start + length;
    return (
      bytes[start] !== LF &&
      bytes[start] !== CR &&
      bytes[end - 2] === CR &&
      bytes[end - 1] === LF &&
      !within(this.controls, start, end)
    );
  }

  private touchesEnd(start: number, end: number): boolean {
    return within(this.ends, start, end) || this.bytes[start] === LF;
  }
}

/** Whether one of the numbers, in rising order, lies in [start, end). */
function within(numbers: readonly number[], start: number, end: number): boolean {
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (numbers[middle]! < start) low = middle + 1;
    else high = middle;
  }
  return low < numbers.length && numbers[low]! < end;
}
