/** Long work that yields: a program that serves meanwhile gets its turns. */

/** Milliseconds of work between two pauses. */
const SLICE = 4;

/** When the last slice of any long work began; performance.now(). */
let began = performance.now();
/** Those that rest, first come first served. */
const resting: (() => void)[] = [];

/** One of those that rest goes on in each turn of the loop: however much work there is, a turn has one slice of it. */
function goOn(): void {
  const next = resting.shift();
  if (resting.length > 0) setImmediate(goOn);
  began = performance.now();
  next?.();
}

export class Slices {
  private pause: Promise<void> | undefined = undefined;

  /** Whether it is time for a pause. */
  get due(): boolean {
    return performance.now() - began > SLICE;
  }

  /** Yields to all other waiting work. Several that share this rest together, and have one slice after it. */
  rest(): Promise<void> {
    this.pause ??= new Promise((resolve) => {
      resting.push(() => {
        this.pause = undefined;
        resolve();
      });
      if (resting.length === 1) setImmediate(goOn);
    });
    return this.pause;
  }

  /** Does all of `steps`, which yields between two of them, with pauses. */
  async through<T>(steps: Generator<void, T>): Promise<T> {
    for (;;) {
      const { done, value } = steps.next();
      if (done) return value;
      if (this.due) await this.rest();
    }
  }
}

/** Items between two looks at the clock. */
const STEP = 256;

/** `items.map(change)`, which yields now and then. */
export function* mapped<T, R>(items: Iterable<T>, change: (item: T) => R): Generator<void, R[]> {
  const results: R[] = [];
  for (const item of items) {
    if (results.length % STEP === 0) yield;
    results.push(change(item));
  }
  return results;
}

/** `items.filter(wanted)`, which yields now and then. */
export function* filtered<T>(items: Iterable<T>, wanted: (item: T) => boolean): Generator<void, T[]> {
  const results: T[] = [];
  let n = 0;
  for (const item of items) {
    if (n++ % STEP === 0) yield;
    if (wanted(item)) results.push(item);
  }
  return results;
}

/**
 * A sorted copy of `items`, equal ones in the order in which they came, which yields now and then: short runs are
 * sorted, then merged two by two.
 */
export function* sorted<T>(items: readonly T[], compare: (a: T, b: T) => number): Generator<void, T[]> {
  let from: T[] = [];
  for (let at = 0; at < items.length; at += STEP) {
    yield;
    for (const item of items.slice(at, at + STEP).sort(compare)) from.push(item);
  }
  for (let run = STEP; run < from.length; run *= 2) {
    const to: T[] = [];
    for (let at = 0; at < from.length; at += run * 2) {
      const middle = Math.min(at + run, from.length);
      const end = Math.min(at + run * 2, from.length);
      for (let a = at, b = middle; a < middle || b < end; ) {
        if (to.length % STEP === 0) yield;
        to.push(b >= end || (a < middle && compare(from[a]!, from[b]!) <= 0) ? from[a++]! : from[b++]!);
      }
    }
    from = to;
  }
  return from;
}

/** The results of `change` for `items`, one after the other, with pauses. */
export async function mappedSlowly<T, R>(
  items: Iterable<T>,
  change: (item: T) => R | Promise<R>,
  slices: Slices,
): Promise<R[]> {
  const results: R[] = [];
  for (const item of items) {
    if (slices.due) await slices.rest();
    const result = change(item);
    results.push(result instanceof Promise ? await result : result);
  }
  return results;
}

/** Does all of `steps` without a pause. */
export function atOnce<T>(steps: Generator<void, T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}
