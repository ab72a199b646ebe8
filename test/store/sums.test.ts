import fc from 'fast-check';
import t from 'tap';
import { RunningSums, rangeSum, sumBytes } from '../../src/store/format/sums.js';

/** RFC 1071 as it is written: words of 16 bits, the last one padded with zero. */
function reference(bytes: Uint8Array, start: number, end: number): number {
  let sum = 0;
  for (let i = start; i < end; i++) sum += bytes[i]! << ((i - start) & 1 ? 0 : 8);
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return sum;
}

/** In one's complement, 0 and 0xffff are the same number. */
const same = (a: number, b: number): boolean => a % 0xffff === b % 0xffff;

t.test('the sum of any range is that of RFC 1071, with running sums and without', async () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 0, maxLength: 3000 }),
      fc.array(fc.nat(), { minLength: 1, maxLength: 9 }),
      fc.nat(40),
      fc.array(fc.tuple(fc.nat(), fc.nat()), { minLength: 1, maxLength: 20 }),
      (content, cuts, before, ranges) => {
        const sums = new RunningSums(content.length);
        const at = [...new Set(cuts.map((c) => c % (content.length + 1)))].sort((a, b) => a - b);
        for (const [i, cut] of [...at, content.length].entries())
          sums.add(content.subarray(i === 0 ? 0 : at[i - 1], cut));
        const whole = new Uint8Array(before + content.length + sums.bytes().length);
        whole.set(content, before);
        whole.set(sums.bytes(), before + content.length);
        const sum = rangeSum(whole, before, before + content.length, before + content.length);
        for (const [a, b] of ranges) {
          const x = before + (a % (content.length + 1));
          const y = before + (b % (content.length + 1));
          const [start, end] = x < y ? [x, y] : [y, x];
          if (!same(sum(start, end), reference(whole, start, end))) return false;
          if (!same(sumBytes(whole, start, end), reference(whole, start, end))) return false;
        }
        return true;
      },
    ),
    { numRuns: 500 },
  );
});

t.test('sums stay in 16 bits for ranges of all ones', async (t) => {
  const content = new Uint8Array(10_000).fill(255);
  const sums = new RunningSums(content.length);
  sums.add(content);
  const whole = new Uint8Array([...content, ...sums.bytes()]);
  const sum = rangeSum(whole, 0, content.length, content.length);
  for (const [start, end] of [
    [0, 10_000],
    [1, 9_999],
    [255, 5_121],
  ] as const)
    t.ok(same(sum(start, end), reference(whole, start, end)));
});
