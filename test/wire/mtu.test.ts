/** The MTU of the TAP changes while it serves: no segment is larger than the link takes, on connections old and new. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { Lab, type Namespace, type Program } from './lab.js';
import { skipWithout } from './needs.js';
import { serve, TARGETS } from './server.js';

const ADDRESS = '46.43.42.137';
/** Bytes of the headers of IPv4 and TCP without options. */
const HEADERS = 40;
const SIZE = 2 ** 23;
/** Bytes that a client reads before it stops for the change; the rest does not fit into the buffers on the way. */
const FIRST = 2 ** 18;

/** Reads FIRST bytes, waits for a line of input, reads the rest, and prints the hash of it all. */
const CLIENT = `
const socket = require('node:net').connect({ host: '${ADDRESS}', port: 80 });
const hash = require('node:crypto').createHash('sha256');
let head = '', body = 0;
const take = (bytes) => { hash.update(bytes); body += bytes.length; };
socket.write('GET /big.bin HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n');
socket.on('data', (bytes) => {
  if (head !== undefined) {
    head += bytes.toString('latin1');
    const end = head.indexOf('\\r\\n\\r\\n');
    if (end < 0) return;
    take(Buffer.from(head.slice(end + 4), 'latin1'));
    head = undefined;
  } else take(bytes);
  if (body >= ${FIRST} && !socket.stopped) {
    socket.stopped = true;
    socket.pause();
    console.log('stopped');
    process.stdin.once('data', () => { socket.resume(); process.stdin.pause(); });
  }
});
socket.on('end', () => { console.log('all', body, hash.digest('hex')); });
`;

/** What of the server's segments tcpdump prints at the client from now on. */
async function capture(client: Namespace): Promise<Program> {
  const filter = `tcp and src host ${ADDRESS}`;
  const program = client.start('tcpdump', ['-lnn', '-i', 'eth0', '-B', '65536', filter]);
  await program.says(/listening on eth0/);
  return program;
}

/** Bytes of payload of the largest segment, and the MSS that SYN-ACKs announce. */
async function segments(program: Program): Promise<{ largest: number; announced: number[] }> {
  await program.stop();
  const lines = program.stdout.split('\n');
  const lengths = lines.map((line) => Number(/length (\d+)/.exec(line)?.[1] ?? 0));
  const announced = lines.flatMap((line) => /Flags \[S\.\].*mss (\d+)/.exec(line)?.[1] ?? []).map(Number);
  return { largest: Math.max(...lengths), announced: [...new Set(announced)] };
}

function siteOf(lab: Lab): { site: string; hash: string } {
  const site = join(lab.folder, 'site');
  mkdirSync(site);
  const big = randomBytes(SIZE);
  writeFileSync(join(site, 'big.bin'), big);
  writeFileSync(join(site, 'index.html'), '<title>page</title>');
  return { site, hash: createHash('sha256').update(big).digest('hex') };
}

for (const workers of [1, 2]) {
  const skip = skipWithout('tcpdump');
  t.test(`segments fit the MTU that the TAP has, from 1280 to 9000, ${workers} at work`, { skip }, async (t: Test) => {
    const lab = new Lab(t, '46.43.42.129/25');
    const client = lab.client('46.43.42.130/25');
    // Segments are cut before they go to the client: what is captured there is what a cable would carry.
    lab.host.ip('link set port0 mtu 9000');
    await lab.host.run('ethtool', ['-K', 'port0', 'tso', 'off', 'gso', 'off']);
    await client.run('ethtool', ['-K', 'eth0', 'gro', 'off']);
    client.ip('link set eth0 mtu 9000');
    const { site, hash } = siteOf(lab);
    const more = workers === 1 ? [] : ['--workers', String(workers)];
    const { program } = await serve(lab.host, [...TARGETS.static, ...more, '--log', 'net', site]);
    const resize = async (mtu: number): Promise<void> => {
      lab.host.ip(`link set tap0 mtu ${mtu}`);
      await program.says(new RegExp(`(?:has ${mtu} bytes now[\\s\\S]*){${workers}}`), 10);
    };
    const readers = Array.from({ length: workers * 3 }, () => CLIENT);
    const download = async (change: () => Promise<void>): Promise<Program> => {
      const running = readers.map((text) => client.start(process.execPath, ['-e', text]));
      for (const one of running) await one.says(/stopped/);
      await change();
      const after = await capture(client);
      for (const one of running) one.child.stdin?.write('on\n');
      for (const one of running) t.equal((await one.says(/all \d+ (\w+)/, 60))[1], hash);
      return after;
    };
    const before = await capture(client);
    const during = await download(() => resize(9000));
    t.same(
      await segments(during),
      { largest: 1500 - HEADERS - 12, announced: [] },
      'a peer that knows 1460 gets no more',
    );
    t.same((await segments(before)).announced, [1500 - HEADERS]);
    const large = await capture(client);
    const after = await download(() => resize(1280));
    t.same(await segments(large), { largest: 9000 - HEADERS - 12, announced: [9000 - HEADERS] });
    t.same(await segments(after), { largest: 1280 - HEADERS - 12, announced: [] }, 'an established connection');
    const small = await capture(client);
    await download(async () => undefined);
    t.same((await segments(small)).announced, [1280 - HEADERS], 'a new connection');
    t.equal(await program.stop(), 0);
  });
}
