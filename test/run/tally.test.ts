import { Readable } from 'node:stream';
import t from 'tap';
import { type Ending, type FileReport, tally } from './tally.js';

const WELL: Ending = { exitCode: 0, signal: null, milliseconds: 10 };

function told(text: string, ending: Partial<Ending> = {}): Promise<FileReport> {
  const stream = Readable.from(text === '' ? [] : [Buffer.from(text)], { objectMode: false });
  return tally('a.test.js', stream, Promise.resolve({ ...WELL, ...ending }));
}

const counts = ({ passed, failed, skipped }: FileReport): number[] => [passed, failed, skipped];

t.test('counts blocks without blocks, and skips by their reason', async (t) => {
  const file = await told(
    `TAP version 14
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
ok 3 - fourth # time=4.5ms {
    ok 1 - whole
    1..1
}
# Subtest: fifth
    1..0 # not on this machine
ok 4 - fifth # SKIP not on this machine
# Subtest: sixth
    1..0 # no tests found
ok 5 - sixth # SKIP no tests found
1..5
`,
    { exitCode: 1 },
  );
  t.same(counts(file), [3, 1, 2]);
  t.match(file.failures[0], /^outer > second > no/);
  t.same(file.skips, ['fifth: not on this machine', 'third: no curl']);
  t.equal(file.milliseconds, 10);
});

t.test('an assertion that fails beside blocks is a failure of its own', async (t) => {
  const text = `TAP version 14
# Subtest: inner
    ok 1 - yes
    1..1
ok 1 - inner
not ok 2 - beside
1..2
`;
  t.same(counts(await told(text, { exitCode: 1 })), [1, 1, 0]);
});

const FINE = 'TAP version 14\n# Subtest: one\n    ok 1 - yes\n    1..1\nok 1 - one\n1..1\n';

t.test('a file that dies, whatever it said before, has one failure more', async (t) => {
  t.same(counts(await told(FINE)), [1, 0, 0]);
  t.same(counts(await told(FINE, { exitCode: 3 })), [1, 1, 0]);
  t.same(counts(await told(FINE, { exitCode: null, signal: 'SIGKILL' })), [1, 1, 0]);
  t.same(counts(await told('', { exitCode: 1 })), [0, 1, 0]);
  const stopped = await told(FINE, { exitCode: null, signal: 'SIGALRM', stopped: 'timeout!' });
  t.same(counts(stopped), [1, 1, 0]);
  t.match(stopped.failures[0], /timeout!\n.*SIGALRM/s);
});

t.test('a failure that was told of is not counted again for the exit status that it causes', async (t) => {
  t.same(counts(await told('TAP version 14\nnot ok 1 - no\n1..1\n', { exitCode: 1 })), [0, 1, 0]);
});

t.test('a file whose TAP is cut off fails although its process ended well', async (t) => {
  t.same(counts(await told(FINE.replace(/1\.\.1\n$/, ''))), [1, 1, 0]);
  t.same(counts(await told(FINE.replace(/1\.\.1\n$/, '1..2\n'))), [1, 1, 0]);
  t.equal((await told(FINE.slice(0, FINE.indexOf('1..1')))).failed, 1);
  t.same(counts(await told('TAP version 14\nok 1 - yes\n')), [0, 1, 0], 'no plan');
});

t.test('a file that holds no test fails; one that says why it was skipped is skipped', async (t) => {
  for (const text of ['', 'TAP version 14\n1..0\n', 'TAP version 14\n1..0 # no tests found\n'])
    t.same(counts(await told(text)), [0, 1, 0], text);
  const skipped = await told('TAP version 14\n1..0 # no network namespaces\n');
  t.same(counts(skipped), [0, 0, 1]);
  t.same(skipped.skips, ['file: no network namespaces']);
});
