/** The filter allows what its rules say, and nothing else. */
import t from 'tap';
import { ALLOW, filterOf, KILL_PROCESS, REFUSE } from '../../src/seal/bpf.js';
import { type Arch, callsOf } from '../../src/seal/calls.js';
import { codeRanges } from '../../src/seal/code-range.js';
import { base } from '../../src/seal/lists/base.js';
import { CONNECTS, INTERFACES, PROGRAMS, READS, UNIX_SOCKETS, WATCHES, WRITES } from '../../src/seal/lists/more.js';
import { allow, fail, oneOf, without } from '../../src/seal/lists/rules.js';
import { isAlwaysAllowed, runFilter } from './run-filter.js';

const AUDIT: Record<Arch, number> = { x86_64: 0xc000_003e, aarch64: 0xc000_00b7 };
const PID = 4242;
const RANGE = { start: 0x7f12_0000_0000, end: 0x7f13_8000_0000 };
/** Of connections, of a TAP, of the loop and its timers; of memory that comes and goes. */
const HOT = [
  ...['read', 'write', 'readv', 'writev', 'close', 'epoll_wait', 'epoll_pwait', 'epoll_ctl', 'poll', 'ppoll'],
  ...['accept4', 'recvfrom', 'recvmsg', 'recvmmsg', 'sendto', 'sendmsg', 'sendmmsg', 'sendfile', 'shutdown'],
  ...['setsockopt', 'getsockopt', 'getsockname', 'getpeername', 'clock_gettime', 'futex', 'getrandom'],
  ...['munmap', 'madvise'],
];
const ALL = [READS, WRITES, WATCHES, INTERFACES, UNIX_SOCKETS, CONNECTS, PROGRAMS].flat();

for (const arch of ['x86_64', 'aarch64'] as const) {
  const calls = callsOf(arch);
  const run = (filter: Uint8Array, name: string, ...args: (number | bigint)[]): number =>
    runFilter(filter, { number: calls.number(name)!, arch: AUDIT[arch], args });

  t.test(`${arch}: every call without conditions is allowed, every other number is refused`, async (t) => {
    const rules = base(PID, [RANGE]);
    const filter = filterOf(arch, rules, REFUSE);
    const free = new Set(rules.filter(({ when, errno }) => !when && !errno).flatMap((rule) => rule.calls));
    const some = new Set(rules.flatMap((rule) => rule.calls));
    let wrong = 0;
    for (let number = 0; number < 600; number++) {
      const action = runFilter(filter, { number, arch: AUDIT[arch] });
      const name = calls.name(number);
      if (free.has(name) ? action !== ALLOW : !some.has(name) && action !== REFUSE) wrong += 1;
    }
    t.equal(wrong, 0);
    for (const name of [
      'execve',
      'socket',
      'connect',
      'ptrace',
      'openat',
      'init_module',
      'bpf',
      'mount',
      'io_uring_register',
      'setuid',
    ])
      t.equal(run(filter, name), REFUSE, name);
  });

  t.test(
    `${arch}: calls of a request are allowed by their number alone, so that the kernel runs no filter`,
    async (t) => {
      const filter = filterOf(arch, [...base(PID, [RANGE]), ...ALL], REFUSE);
      for (const name of HOT) {
        const number = calls.number(name);
        if (number !== undefined) t.ok(isAlwaysAllowed(filter, { number, arch: AUDIT[arch] }), name);
      }
      t.notOk(isAlwaysAllowed(filter, { number: calls.number('ioctl')!, arch: AUDIT[arch] }), 'ioctl is looked at');
    },
  );

  t.test(`${arch}: conditions look at arguments`, async (t) => {
    const filter = filterOf(arch, [...base(PID, [RANGE]), ...READS], KILL_PROCESS);
    const THREAD = 0x3d0f00;
    t.equal(run(filter, 'clone', THREAD), ALLOW, 'a thread');
    t.equal(run(filter, 'clone', 17), KILL_PROCESS, 'a process');
    t.equal(run(filter, 'clone3', 0), 0x0005_0000 | 38, 'libc is to take the other');
    t.equal(run(filter, 'io_uring_setup', 1), 0x0005_0000 | 38, "libuv's thread is to do without");
    t.equal(run(filter, 'kill', PID, 15), ALLOW);
    t.equal(run(filter, 'kill', PID + 1, 15), KILL_PROCESS);
    t.equal(run(filter, 'openat', -100, 0, 0o2000000), ALLOW, 'reads');
    t.equal(run(filter, 'openat', -100, 0, 0o101), KILL_PROCESS, 'writes');
    t.equal(run(filter, 'prlimit64', 0, 7, 0n), ALLOW, 'asks');
    t.equal(run(filter, 'prlimit64', 0, 7, 0x1000), KILL_PROCESS, 'sets');
    t.equal(run(filter, 'ioctl', 0, 0x5412), KILL_PROCESS, 'TIOCSTI, which types into a terminal');
  });

  t.test(`${arch}: machine code is made in the region of V8 alone, to its borders`, async (t) => {
    const EXEC = 7;
    const inside = filterOf(arch, base(PID, [RANGE]), REFUSE);
    for (const at of [RANGE.start, RANGE.start + 4096, 0x7f12_ffff_f000, 0x7f13_0000_0000, RANGE.end - 4096])
      t.equal(run(inside, 'mprotect', at, 4096, EXEC), ALLOW, at.toString(16));
    for (const at of [
      0,
      RANGE.start - 4096,
      RANGE.end,
      0x7f13_8000_1000,
      0x7f14_0000_0000,
      0x12_0000_0000,
      0xffff_f000,
    ])
      t.equal(run(inside, 'mprotect', at, 4096, EXEC), REFUSE, at.toString(16));
    t.equal(run(inside, 'mmap', 0, 4096, 3), ALLOW, 'data anywhere');
    t.equal(run(filterOf(arch, base(PID, []), REFUSE), 'mprotect', RANGE.start, 4096, EXEC), REFUSE, '--jitless');
    t.equal(run(filterOf(arch, base(PID, undefined), REFUSE), 'mmap', 0, 4096, EXEC), ALLOW, 'other programs');
  });

  t.test(`${arch}: calls of another architecture are refused`, async (t) => {
    const filter = filterOf(arch, [allow('read', 'why')], REFUSE);
    t.equal(run(filter, 'read'), ALLOW);
    t.equal(runFilter(filter, { number: calls.number('read')!, arch: 0x4000_0003 }), REFUSE, 'i386');
    t.equal(runFilter(filter, { number: calls.number('read')! + 0x4000_0000, arch: AUDIT[arch] }), REFUSE, 'x32');
  });

  t.test(`${arch}: the longest filter is one that the kernel takes`, async (t) => {
    t.ok(filterOf(arch, [...base(PID, [RANGE, RANGE]), ...ALL], REFUSE).length / 8 < 4096);
    t.throws(
      () =>
        filterOf(
          arch,
          Array.from({ length: 2000 }, (_, i) => allow('read', 'why', oneOf(0, i)[0]!)),
          REFUSE,
        ),
      RangeError,
    );
  });
}

t.test('a rule that allows goes before one that fails, and alternatives add up', async (t) => {
  const filter = filterOf(
    'x86_64',
    [fail('ioctl', 25, 'no'), allow('ioctl', 'yes', ...oneOf(1, 5, 6)), allow('ioctl', 'yes', [without(2, 1)])],
    REFUSE,
  );
  const number = callsOf('x86_64').number('ioctl')!;
  const run = (...args: number[]) => runFilter(filter, { number, arch: AUDIT.x86_64, args });
  t.equal(run(0, 5, 1), ALLOW);
  t.equal(run(0, 6, 1), ALLOW);
  t.equal(run(0, 7, 2), ALLOW);
  t.equal(run(0, 7, 1), 0x0005_0000 | 25);
});

t.test('every call of the lists is known on one of the machines, and has a reason', async (t) => {
  for (const { calls, why } of [...base(PID, [RANGE]), ...ALL]) {
    t.match(why, /\S.{8}/);
    for (const name of calls)
      t.ok((callsOf('x86_64').number(name) ?? callsOf('aarch64').number(name)) !== undefined, name);
  }
});

t.test('the region of machine code is what lies together without a file', async (t) => {
  const maps = `00400000-00500000 r-xp 00000000 fe:00 1 /usr/bin/node
7f0000000000-7f0000002000 rw-p 00000000 00:00 0
7f0000002000-7f0000003000 ---p 00000000 00:00 0
7f0000003000-7f0000004000 rwxp 00000000 00:00 0
7f0000004000-7f0008000000 ---p 00000000 00:00 0
7f0008000000-7f0008002000 r-xp 00000000 fe:00 1 /usr/bin/node
7f0008002000-7f0008003000 rwxp 00000000 00:00 0
7f0100000000-7f0100001000 rw-p 00000000 00:00 0 [anon: v8]
7ffe00000000-7ffe00001000 r-xp 00000000 00:00 0 [vdso]
`;
  t.same(codeRanges(maps), [
    { start: 0x7f00_0000_0000, end: 0x7f00_0800_0000 },
    { start: 0x7f00_0800_2000, end: 0x7f00_0800_3000 },
  ]);
  t.same(codeRanges(maps.replaceAll('rwxp', 'rw-p')), [], '--jitless');
});
