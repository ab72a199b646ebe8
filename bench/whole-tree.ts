/**
 * Serves a directory with nothing but its path given, asks for every file of it (or for each Nth, `--every N`), and
 * compares what comes with what is on the disk by hash:
 *
 *   node build/bench/whole-tree.js [--every N] [--port P] DIRECTORY…
 *
 * Exits with 1 at the first tree of which a file is missing or differs. Says the time to the first answer, CPU and
 * memory, too.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { encodePath } from '../src/store/paths/location.js';
import { walk } from '../src/store/site/walk.js';

const MAIN = resolve('dist', 'main.js');
/** Requests at one time. */
const AT_ONCE = 16;
const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });

interface Answer {
  readonly status: number;
  readonly location: string | undefined;
  readonly hash: string;
}

function ask(port: number, path: string): Promise<Answer> {
  return new Promise((done, failed) => {
    const request = get({ host: '127.0.0.1', port, path, agent }, (answer) => {
      const hash = createHash('sha256');
      answer.on('data', (bytes: Buffer) => hash.update(bytes));
      answer.on('error', failed);
      answer.on('end', () =>
        done({ status: answer.statusCode ?? 0, location: answer.headers.location, hash: hash.digest('hex') }),
      );
    });
    request.on('error', failed);
  });
}

const hashOf = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex');

/** User and system time in ms, and resident bytes. */
function usage(pid: number): { cpu: number; resident: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  const resident = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return { cpu: (Number(stat[11]) + Number(stat[12])) * 10, resident: Number(resident) * 1024 };
}

/** The paths that differ from the disk. */
async function check(dir: string, port: number, every: number): Promise<string[]> {
  const files = walk(dir, { onOdd: () => undefined }).filter(
    ({ path }, i) => i % every === 0 && path !== '/_headers' && path !== '/_redirects',
  );
  const began = performance.now();
  const child = spawn(process.execPath, [MAIN, '--net', 'socket', '--port', String(port), dir], { stdio: 'ignore' });
  const ended = new Promise<never>((_done, failed) => child.on('exit', (code) => failed(new Error(`status ${code}`))));
  ended.catch(() => undefined);
  const wrong: string[] = [];
  try {
    const first = encodePath(files[0]!.path);
    for (;;) {
      const answer = await Promise.race([ask(port, first).catch(() => undefined), ended]);
      if (answer !== undefined) break;
    }
    const { cpu, resident } = usage(child.pid!);
    const time = ((performance.now() - began) / 1000).toFixed(2);
    const megabytes = (resident / 1e6).toFixed(0);
    console.log(`${dir}: first answer after ${time} s, ${(cpu / 1000).toFixed(2)} s of CPU, ${megabytes} MB resident`);
    const queue = [...files];
    const one = async (): Promise<void> => {
      for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
        const { path, file } = next;
        const answer = await ask(port, encodePath(path));
        if (answer.status !== 200 || answer.hash !== hashOf(file)) wrong.push(`${path} ${answer.status}`);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, one));
    console.log(`${dir}: ${files.length - wrong.length} of ${files.length} files are served as they are on the disk`);
  } finally {
    child.removeAllListeners('exit');
    child.kill('SIGKILL');
  }
  return wrong;
}

const { values, positionals } = parseArgs({
  options: { every: { type: 'string', default: '1' }, port: { type: 'string', default: '18790' } },
  allowPositionals: true,
});
for (const dir of positionals) {
  const wrong = await check(dir, Number(values.port), Number(values.every));
  for (const path of wrong.slice(0, 20)) console.log(`  ${path}`);
  if (wrong.length > 0) process.exitCode = 1;
}
agent.destroy();
