/**
 * Checks whether runs of a section of strings may stand in a head: one pass over the section, then a binary search for
 * each check.
 */
const CR = 0x0d;
const LF = 0x0a;
const TAB = 0x09;

/** Bytes between two looks at the clock. */
const STEP = 2 ** 16;

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
    for (let i = 0, next = 0; i < bytes.length; i++) {
      if (i >= next) {
        yield;
        next = i + STEP;
      }
      const byte = bytes[i]!;
      if ((byte >= 0x20 && byte !== 0x7f) || byte === TAB) continue;
      // After another line end it would end the head.
      if (byte === CR && bytes[i + 1] === LF && i > 0 && bytes[i - 1] !== LF) {
        ends.push(i);
        i++;
      } else controls.push(i);
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
