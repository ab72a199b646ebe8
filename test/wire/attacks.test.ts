/**
 * Many connections of one client that want to hold the server: others are served meanwhile, and memory stays bounded.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { Namespace } from './lab.js';
import { skipWithout } from './needs.js';
import type { Target } from './server.js';
import { targetBed } from './targets.js';

const BIG = Buffer.from(Uint8Array.from({ length: 8 * 1024 * 1024 }, (_, i) => (i * 31) >> 3));
const HASH = createHash('sha256').update(BIG).digest('hex');

/** kind, connections, and how much more memory the server may take for them, MiB. */
const ATTACKS: readonly (readonly [kind: string, connections: number, memory: number])[] = [
  ['slowloris', 500, 100],
  ['slowpost', 500, 100],
  ['slowread', 300, 200],
  ['flood', 50, 200],
  ['ranges', 100, 100],
  ['idle', 10_000, 400],
];

function residentMiB(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}

/** The process that `ip netns exec` became. */
async function curl(client: Namespace, url: string, ...args: string[]): Promise<string> {
  const { stdout } = await client.run('curl', ['-s', '--max-time', '30', ...args, url]);
  return stdout;
}

async function open(client: Namespace, url: string): Promise<number> {
  const text = await curl(client, `${url}metrics`);
  let sum = 0;
  for (const match of text.matchAll(/^sitekernel_http_connections\{state="\w+"\} (\d+)$/gm)) sum += Number(match[1]);
  return sum;
}

for (const target of ['socket', 'static'] as Target[]) {
  t.test(
    `Slowloris, slow readers, floods, ranges and 10,000 idle connections leave others served (${target})`,
    { skip: skipWithout('curl') },
    async (t) => {
      const site = join(t.testdir({}), 'site');
      mkdirSync(site);
      writeFileSync(join(site, 'index.html'), `<!doctype html><title>Home</title>${'<p>Hello.</p>'.repeat(50)}`);
      writeFileSync(join(site, 'big.bin'), BIG);
      const options = ['--metrics', '--admin', '127.0.0.0/8,46.43.42.128/25', site];
      const { server, client } = await targetBed(t, target, options);
      const pid = server.program.child.pid as number;
      const { hostname, port } = new URL(server.url);
      for (const [kind, connections, memory] of ATTACKS) {
        const before = residentMiB(pid);
        const script = join(import.meta.dirname, 'attack-client.js');
        const attack = client.start(process.execPath, [script, kind, hostname, port || '80', String(connections)]);
        await attack.says(/^ready/m, 120);
        const codes: string[] = [];
        for (let i = 0; i < 10; i++)
          codes.push(await curl(client, server.url, '-o', '/dev/null', '-w', '%{http_code}'));
        t.same(codes, Array(10).fill('200'), `${kind}: pages`);
        const file = join(site, '..', 'got');
        await curl(client, `${server.url}big.bin`, '-o', file);
        t.equal(createHash('sha256').update(readFileSync(file)).digest('hex'), HASH, `${kind}: a file of 8 MiB`);
        const grown = residentMiB(pid) - before;
        t.ok(grown < memory, `${kind}: ${grown.toFixed(0)} MiB more for ${connections} connections`);
        attack.child.stdin?.end();
        await attack.exit;
        // The connections end with their client; the one that asks is left.
        let left = Number.POSITIVE_INFINITY;
        for (let i = 0; i < 200 && left > 1; i++) left = await open(client, server.url);
        t.equal(left, 1, `${kind}: nothing is left`);
      }
      t.ok(server.program.running);
    },
  );
}
