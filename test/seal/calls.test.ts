/** What sealed servers call is on their list, with a reason; nothing that they call is refused. */
import t from 'tap';
import { base } from '../../src/seal/lists/base.js';
import * as more from '../../src/seal/lists/more.js';
import { Lab } from '../wire/lab.js';
import { skipWithout } from '../wire/needs.js';
import { traceModes } from './modes.js';
import { sealedCalls } from './strace.js';
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

const rules = [...base(1, []), ...Object.values(more).flat()];
const known = new Set(rules.flatMap(({ calls }) => calls));

for (const [name, ways, programs] of WAYS) {
  t.test(`in ${name}`, { skip: skipWithout('ip', 'strace', 'curl', ...programs) }, async (t) => {
    for (const [way, made] of await traceModes(new Lab(t, '10.79.0.1/24'), ways)) {
      t.ok(made.size > 5, `${way}: ${made.size} calls`);
      t.same(
        [...made].filter(([name, { refused }]) => refused > 0 || !known.has(name)),
        [],
        way,
      );
    }
  });
}
