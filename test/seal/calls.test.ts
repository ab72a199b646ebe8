/** What sealed servers call is on their list, with a reason; nothing that they call is refused. */
import { existsSync } from 'node:fs';
import t, { type Test } from 'tap';
import { base } from '../../src/seal/lists/base.js';
import * as more from '../../src/seal/lists/more.js';
import { RUNTIMES } from '../run/runtimes.js';
import { Lab } from '../wire/lab.js';
import { skipWithout } from '../wire/needs.js';
import { traceModes } from './modes.js';
import { type Made, sealedCalls } from './strace.js';
import { WAYS } from './ways.js';

t.test('a trace is read: threads and programs of a sealed process are sealed, from its filter on', async (t) => {
  const made = sealedCalls(`10 openat(AT_FDCWD, ""..., O_RDONLY) = 3
10 clone(child_stack=0x7f, flags=CLONE_VM|CLONE_THREAD <unfinished ...>
11 read(3, ""..., 1) = 1
10 <... clone resumed>) = 11
10 seccomp(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, {len=4, filter=0x7f}) = 0
11 write(1, ""..., 1 <unfinished ...>
12 socket(AF_INET, SOCK_STREAM, 0) = 3
11 <... write resumed>) = 1
10 ptrace(PTRACE_ATTACH, 1) = -1 EPERM (Operation not permitted)
10 exit_group(0) = ?
`);
  t.same(
    [...made].map(([name, { times, refused }]) => [name, times, refused]),
    [
      ['write', 1, 0],
      ['ptrace', 1, 1],
      ['exit_group', 1, 0],
    ],
  );
});

// One of Node 22 and later has rings of libuv.
const rules = [...base(1, [], [3]), ...Object.values(more).flat()];
const known = new Set(rules.flatMap(({ calls }) => calls));

function sameAsListed(t: Test, traced: ReadonlyMap<string, Made>): void {
  for (const [way, made] of traced) {
    t.ok(made.size > 5, `${way}: ${made.size} calls`);
    t.same(
      [...made].filter(([name, { refused }]) => refused > 0 || !known.has(name)),
      [],
      way,
    );
  }
}

for (const [name, ways, programs] of WAYS) {
  t.test(`in ${name}`, { skip: skipWithout('ip', 'strace', 'curl', ...programs) }, async (t) => {
    sameAsListed(t, await traceModes(new Lab(t, '10.79.0.1/24'), ways));
  });
}

for (const [line, node] of Object.entries(RUNTIMES)) {
  if (node === process.execPath) continue;
  const skip = skipWithout('ip', 'strace', 'curl') || (existsSync(node) ? false : `Node ${line} is not installed`);
  t.test(`in ${WAYS[0][0]}, on Node ${line}`, { skip }, async (t) => {
    sameAsListed(t, await traceModes(new Lab(t, '10.79.0.1/24'), WAYS[0][1], node));
  });
}
