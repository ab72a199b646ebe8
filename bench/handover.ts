/**
 * The proof that a deployment disturbs nobody: `wrk` with connections that are kept, a new connection every millisecond
 * and slow downloads of 100 MB, on a link that loses 1% of the frames each way, while bundles and programs are
 * replaced.
 *
 *   npm run soak:handover [-- MODE [SWAPS [MEGABYTES [RATE [IDLE]]]]] MODE: socket, direct, both, or tls, which is
 *   direct mode over TLS with HTTP/1.1, HTTP/2 and 1,000 idle connections; RATE: bytes a second of a download
 *
 * Prints what the clients saw, and on a TAP how many connections moved, and how long the last replaced program lived
 * on; ends with 1 when anything failed, was reset, came damaged or waited for over a second.
 */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundleDirectory } from '../src/store/index.js';
import { LabSupervised } from '../test/supervise/lab-supervised.js';
import { Lab, type Namespace } from '../test/wire/lab.js';

const CONNECTIONS = 8;
const DOWNLOADS = 10;
const STALL = 1000;
/** How long the run without a change lasts, ms. */
const QUIET = 30_000;

const [mode = 'both', swaps = '20', megabytes = '100', rate = '3000000', idle = '1000'] = process.argv.slice(2);

async function bundles(folder: string, large: Buffer): Promise<string[]> {
  const made: string[] = [];
  for (const name of ['one', 'two']) {
    const dir = join(folder, name);
    mkdirSync(dir);
    writeFileSync(
      join(dir, 'index.html'),
      `<!doctype html><title>${name}</title>${'a paragraph of the page '.repeat(40)}`,
    );
    // The same under both: a download begins on either.
    writeFileSync(join(dir, 'large.bin'), large);
    made.push(join(folder, `${name}.bundle`));
    await bundleDirectory(dir, made.at(-1)!, { compression: 'none', cache: false });
  }
  return made;
}

async function lose(space: Namespace, what: string): Promise<void> {
  const rules = `table ip loss {
    chain input {
      type filter hook input priority 0;
      ${what} numgen random mod 100 0 drop
    }
  }`;
  const { status, stderr } = await space.run('nft', ['-f', '-'], rules);
  if (status !== 0) throw new Error(`nft: ${stderr}`);
}

/** ms until that process is over. */
async function untilGone(pid: number): Promise<number> {
  const began = performance.now();
  while (existsSync(`/proc/${pid}`)) await new Promise((done) => setTimeout(done, 10));
  return performance.now() - began;
}

/** With `swaps` 0: the same for half a minute without a change, to tell what the loss alone does. */
async function soak(net: 'socket' | 'direct' | 'tls', lab: Lab, swaps: number): Promise<boolean> {
  const client = lab.client('10.78.0.2/24');
  // A download is as slow as its reader: what is read late must not lie acknowledged in the client's kernel instead.
  await client.run('sysctl', ['-qw', 'net.ipv4.tcp_rmem=4096 65536 262144']);
  const large = randomBytes(Number(megabytes) * 1_000_000);
  const sha256 = createHash('sha256').update(large).digest('hex');
  const [one, two] = (await bundles(lab.folder, large)) as [string, string];
  const host = net === 'socket' ? '10.78.0.1' : '10.78.0.7';
  const own =
    net === 'socket'
      ? ['--host', host, '--port', '80']
      : ['--net', 'direct', '--tap', 'tap0', '--bridge', 'br0', '--ipv4', `${host}/24`, '--faults', 'loss=1%'];
  // On a busy machine the last handshake may come when the first connection would have been idle for its time.
  const secured = net === 'tls' ? ['--tls', 'self-signed', '--state', join(lab.folder, 'state'), '--idle', '600'] : [];
  if (net === 'socket') {
    // What comes in is lost, on both sides: what is lost going out the sender's kernel would know of. Frames as they
    // are on a wire.
    await lose(lab.host, 'tcp dport 80');
    await lose(client, 'tcp sport 80');
    for (const [space, name] of [
      [lab.host, 'port0'],
      [lab.host, 'br0'],
      [client, 'eth0'],
    ] as const) {
      await space.run('ethtool', ['-K', name, 'tso', 'off', 'gso', 'off', 'gro', 'off']);
    }
  }
  const server = new LabSupervised(lab, [...own, ...secured, one], net === 'tls' ? 443 : 80);
  await server.start();
  const resets = client.start('tcpdump', ['-n', '-l', '-i', 'eth0', `src ${host} and tcp[tcpflags] & tcp-rst != 0`]);
  await resets.says(/listening on/);
  // A handshake costs more than a connection: fewer of them.
  const pace = net === 'tls' ? 20 : 1;
  const end = await server.clients(client, host, [0, pace, DOWNLOADS, rate, sha256, ...(net === 'tls' ? [idle] : [])]);
  const wrk = client.start('wrk', [
    '-t1',
    `-c${CONNECTIONS}`,
    '-d3600s',
    '--timeout',
    '10s',
    '--latency',
    `${net === 'tls' ? 'https' : 'http'}://${host}/`,
  ]);
  const began = performance.now();
  let moved = 0;
  const lives: Promise<number>[] = [];
  for (let i = 0; i < swaps; i++) {
    const bundle = i % 2 === 0 ? two : one;
    const swapped = await server.ask({ do: 'swap', bundle, id: String(i) });
    if (!swapped.ok) throw new Error(`swap ${i}: ${swapped.error}`);
    const { pid } = await server.ask({ do: 'status' });
    const replaced = await server.ask({ do: 'replace' });
    if (!replaced.ok) throw new Error(`replacement ${i}: ${replaced.error}`);
    lives.push(untilGone(pid));
    server.wake();
    await new Promise((done) => setTimeout(done, 500));
    moved += (await server.ask({ do: 'status' })).moved;
  }
  if (swaps === 0) await new Promise((done) => setTimeout(done, QUIET));
  const lived = swaps > 0 && net !== 'socket' ? Math.max(...(await Promise.all(lives))) : 0;
  const seconds = (performance.now() - began) / 1000;
  await resets.stop();
  // wrk says what it saw when it is interrupted.
  wrk.signal('SIGINT');
  await wrk.exit;
  const seen = await end();
  await server.supervisor.stop();
  const errors = /Socket errors: .*/.exec(wrk.stdout)?.[0] ?? 'none';
  const bad = /Non-2xx or 3xx responses: .*/.exec(wrk.stdout)?.[0] ?? 'none';
  const latency = /Latency +(\S+) +(\S+) +(\S+)/.exec(wrk.stdout);
  const most = milliseconds(latency?.[3] ?? '?');
  const reset = resets.stdout
    .trim()
    .split('\n')
    .filter((line) => line !== '').length;
  console.log(`${net}: ${swaps} content swaps and ${swaps} program swaps in ${seconds.toFixed(0)} s`);
  console.log(
    `  wrk: ${/(\d+) requests in/.exec(wrk.stdout)?.[1]} requests, errors ${errors}, ${bad}; longest ${most.toFixed(0)} ms`,
  );
  console.log(
    `  a connection every ${pace} ms: ${seen.connections} connections, ${seen.requests} answers, longest ${seen.longest.toFixed(0)} ms`,
  );
  console.log(
    `  downloads of ${megabytes} MB: ${seen.downloads} whole and exact, longest pause ${seen.longestInDownload.toFixed(0)} ms`,
  );
  if (net === 'tls') console.log(`  ${idle} idle connections of HTTP/2: ${seen.woken} answers`);
  if (lived > 0)
    console.log(`  ${moved} connections moved; a replaced program was gone after ${lived.toFixed(0)} ms at the latest`);
  console.log(`  failed: ${seen.problems.length}${seen.problems.slice(0, 5).map((one) => `\n    ${one}`)}`);
  console.log(`  resets from the server: ${reset}`);
  if (reset > 0) console.log(`    ${resets.stdout.trim().split('\n').slice(0, 5).join('\n    ')}`);
  const fine =
    seen.problems.length === 0 &&
    reset === 0 &&
    errors === 'none' &&
    bad === 'none' &&
    Math.max(seen.longest, seen.longestInDownload) <= STALL;
  if (swaps > 0) console.log(`  ${fine ? 'nobody noticed' : 'SOMEBODY NOTICED'}`);
  return fine;
}

function milliseconds(text: string): number {
  const [, number, unit] = /^([\d.]+)(us|ms|s|m)$/.exec(text) ?? [undefined, 'NaN', 'ms'];
  return Number(number) * { us: 0.001, ms: 1, s: 1000, m: 60_000 }[unit as 'us' | 'ms' | 's' | 'm'];
}

async function main(): Promise<void> {
  let fine = true;
  for (const net of ['socket', 'direct', 'tls'] as const) {
    if (mode !== net && (mode !== 'both' || net === 'tls')) continue;
    for (const count of [0, Number(swaps)]) {
      const ends: (() => Promise<void>)[] = [];
      const lab = new Lab({ teardown: (end) => ends.push(end) }, '10.78.0.1/24');
      try {
        const noticed = !(await soak(net, lab, count));
        if (noticed && count > 0) fine = false;
      } finally {
        for (const end of ends) await end();
      }
    }
  }
  process.exitCode = fine ? 0 : 1;
}

await main();
