/**
 * `npm run bench:memory -- [COUNT …]`: what idle keep-alive connections cost a running server in direct mode: resident
 * memory and CPU time while it holds 10,000 and 100,000 of them, each after one request, and whether a newcomer is
 * served meanwhile. Needs root.
 */
import { join } from 'node:path';
import { Lab } from '../test/wire/lab.js';
import { skipWithout } from '../test/wire/needs.js';
import { ours } from './contender.js';
import { cpuTime, residentBytes } from './processes.js';
import { writeContent } from './workloads.js';

const SERVER = '10.78.0.2';
/** Seconds that idle CPU is measured for. */
const IDLE_SECONDS = 5;

const why = skipWithout('curl');
if (why !== false) {
  console.error(`bench: ${why}`);
  process.exit(1);
}
const counts = process.argv.slice(2).map(Number);
const wait = (seconds: number) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

for (const count of counts.length > 0 ? counts : [10_000, 100_000]) {
  const endings: (() => Promise<void>)[] = [];
  const lab = new Lab({ teardown: (callback) => endings.push(callback) }, '10.78.0.1/16');
  try {
    const content = join(lab.folder, 'content');
    writeContent(content);
    const direct = ['--net', 'direct', '--tap', 'tap0', '--bridge', 'br0', '--ipv4', `${SERVER}/16`];
    const program = await ours(lab.host, [...direct, '--idle', '600', content]);
    const pid = program.child.pid as number;
    const fetch = async () => {
      const url = `http://${SERVER}/1k.html`;
      const { stdout } = await lab.host.run('curl', ['-s', '-o', '/dev/null', '-w', '%{http_code} %{time_total}', url]);
      return stdout;
    };
    const idle = async () => {
      const before = cpuTime(pid);
      await wait(IDLE_SECONDS);
      return ((cpuTime(pid) - before) / (IDLE_SECONDS * 1e9)) * 100;
    };
    await fetch();
    await wait(1);
    const [memory, load] = [residentBytes(pid), await idle()];
    lab.host.ip('tuntap add dev tap1 mode tap');
    lab.host.ip('link set tap1 master br0 up');
    const script = join(import.meta.dirname ?? 'build/bench', 'holder.js');
    const holder = lab.host.start(process.execPath, [script, 'tap1', SERVER, String(count)]);
    const began = Date.now();
    await holder.says(/ held/, 120);
    const took = (Date.now() - began) / 1000;
    await wait(2);
    const [loaded, busy] = [residentBytes(pid), await idle()];
    const each = (loaded - memory) / count;
    console.log(
      `${count} idle connections, opened in ${took.toFixed(1)} s: ${each.toFixed(0)} bytes resident each (${(memory / 2 ** 20).toFixed(0)} -> ${(loaded / 2 ** 20).toFixed(0)} MiB); idle CPU ${load.toFixed(3)} % without, ${busy.toFixed(3)} % with them; a newcomer: ${await fetch()} s`,
    );
  } finally {
    for (const end of endings) await end();
  }
}
