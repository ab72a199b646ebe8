/** Each thread of libuv's pool makes each call once, however many there are, and however busy they are. */
import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import t from 'tap';

const at = (path: string): string => JSON.stringify(pathToFileURL(resolve('build', 'src', path)).href);

/** Two calls that a thread makes for itself, and what the kernel shows of them: its slack of timers, its name. */
const PROGRAM = `
  import { readdirSync, readFileSync, stat } from 'node:fs';
  import { onEveryThread } from ${at('seal/every-thread.js')};
  import { thisKernel } from ${at('seal/kernel.js')};
  import { pinned } from ${at('native/libc/slab.js')};
  const [size, busy] = process.argv.slice(1).map(Number);
  let over = 0;
  for (let i = 0; i < busy; i++) stat('/', () => over++);
  const name = pinned(16);
  name.bytes.set(Buffer.from('reached'));
  const calls = [['prctl', 29, 77_777], ['prctl', 15, name.address]];
  const good = await onEveryThread(thisKernel(), calls, size);
  const threads = readdirSync('/proc/self/task').map((id) => [
    readFileSync('/proc/' + id + '/timerslack_ns', 'latin1').trim() === '77777',
    readFileSync('/proc/' + id + '/comm', 'latin1').trim() === 'reached',
  ]);
  const all = threads.filter(([slack, name]) => slack && name).length;
  const some = threads.filter(([slack, name]) => slack || name).length;
  console.log(JSON.stringify({ good, all, some, over }));
`;

const skip = process.platform === 'linux' ? false : 'needs /proc';

for (const size of [1, 2, 4, 9])
  t.test(`threads of a pool of ${size}`, { skip }, async (t) => {
    for (const busy of [0, 200]) {
      const words = ['--input-type=module', '-e', PROGRAM, '--', String(size), String(busy)];
      const env = { ...process.env, NODE_OPTIONS: '', UV_THREADPOOL_SIZE: String(size) };
      const { stdout } = await promisify(execFile)(process.execPath, words, { env });
      t.same(JSON.parse(stdout), { good: true, all: size, some: size, over: busy });
    }
  });
