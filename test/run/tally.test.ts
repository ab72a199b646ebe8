import { Readable } from 'node:stream';
import t from 'tap';
import { type FileReport, tally } from './tally.js';

const RUN = `TAP version 14
1..3
# Subtest: a.test.js
    # Subtest: outer
        # Subtest: first
            ok 1 - yes
            ok 2 - yes
            1..2
        ok 1 - first # time=1ms
        # Subtest: second
            not ok 1 - no
              ---
              compare: ===
              ...
            1..1
        not ok 2 - second # time=1ms
        1..2
    not ok 1 - outer # time=3ms
    ok 2 - third # SKIP no curl
    1..2
not ok 1 - a.test.js # time=10ms
# Subtest: b.test.js
    1..0 # no tests found
not ok 2 - b.test.js # time=5ms
ok 3 - c.test.js # time=4.5ms {
    ok 1 - whole
    1..1
}
`;

t.test('counts blocks without blocks, skips by their reason, and files that hold nothing as failures', async (t) => {
  const files: FileReport[] = [];
  const sum = await tally(Readable.from([RUN]), (file) => files.push(file));
  t.same(sum, { passed: 2, failed: 2, skipped: 1 });
  t.same(
    files.map((file) => [file.name, file.passed, file.failed, file.skipped]),
    [
      ['a.test.js', 1, 1, 1],
      ['b.test.js', 0, 1, 0],
      ['c.test.js', 1, 0, 0],
    ],
  );
  t.match(files[0]?.failures[0], /outer > second > no/);
  t.same(files[0]?.skips, ['third: no curl']);
});

t.test('an assertion that fails beside blocks is a failure of its own', async (t) => {
  const text = `TAP version 14
# Subtest: a.test.js
    # Subtest: inner
        ok 1 - yes
        1..1
    ok 1 - inner
    not ok 2 - beside
    1..2
not ok 1 - a.test.js
1..1
`;
  t.same(await tally(Readable.from([text]), () => {}), { passed: 1, failed: 1, skipped: 0 });
});
