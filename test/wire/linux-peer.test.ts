/** Linux as our peer, both ways: who opens, who sends. A real TAP, the kernel's own sockets at the other end. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import t from 'tap';
import { Lab } from './lab.js';
import { skipWithout } from './needs.js';

const HOST = resolve('build', 'test', 'wire', 'library-host.js');
const BYTES = 8_000_000;

interface Line {
  readonly event: string;
  readonly reason?: string;
  readonly received?: number;
  readonly sha256?: string;
}

const skip = skipWithout('nc');

function bed(t: ConstructorParameters<typeof Lab>[0]) {
  const made = new Lab(t, '46.43.42.129/25');
  return { made, client: made.client('46.43.42.140/25') };
}

/** nc says nothing when it listens. */
async function listening(client: ReturnType<typeof bed>['client']): Promise<void> {
  const look = 'for i in $(seq 100); do ss -ltn | grep -q :7001 && exit 0; sleep 0.05; done; exit 1';
  const { status } = await client.run('sh', ['-c', look]);
  if (status !== 0) throw new Error('nc does not listen');
}

async function line(program: ReturnType<Lab['host']['start']>, event: string): Promise<Line> {
  const match = await program.says(new RegExp(`^(\\{"event":"${event}".*\\})$`, 'm'), 30);
  return JSON.parse(match[1] as string) as Line;
}

t.test('Linux connects, we send 8 MB and end', { skip }, async (t) => {
  const { made, client } = bed(t);
  const host = made.host.start(process.execPath, [HOST, 'serve', '-', '7000', String(BYTES)]);
  const ready = await line(host, 'ready');
  const file = join(made.folder, 'received');
  const { status, stderr } = await client.run('sh', ['-c', `nc -N 46.43.42.137 7000 < /dev/null > ${file}`]);
  t.equal(status, 0, stderr);
  t.equal(createHash('sha256').update(readFileSync(file)).digest('hex'), ready.sha256);
  t.match(await line(host, 'closed'), { reason: 'finished', received: 0 });
});

t.test('Linux connects and sends 8 MB', { skip }, async (t) => {
  const { made, client } = bed(t);
  const host = made.host.start(process.execPath, [HOST, 'receive', '-', '7000', '0']);
  await line(host, 'ready');
  const { status, stderr } = await client.run('sh', [
    '-c',
    `yes sitekernel | head -c ${BYTES} | nc -N 46.43.42.137 7000`,
  ]);
  t.equal(status, 0, stderr);
  const expected = createHash('sha256')
    .update('sitekernel\n'.repeat(BYTES / 11 + 1).slice(0, BYTES))
    .digest('hex');
  t.match(await line(host, 'closed'), { reason: 'finished', received: BYTES, sha256: expected });
});

t.test('we connect to a listener of Linux and send 8 MB', { skip }, async (t) => {
  const { made, client } = bed(t);
  const file = join(made.folder, 'received');
  const listener = client.start('sh', ['-c', `nc -l -N 46.43.42.140 7001 > ${file} < /dev/null`]);
  await listening(client);
  const host = made.host.start(process.execPath, [HOST, 'send', '46.43.42.140', '7001', String(BYTES)]);
  const ready = await line(host, 'ready');
  await line(host, 'open');
  t.match(await line(host, 'closed'), { reason: 'finished' });
  t.equal(await listener.exit, 0);
  t.equal(createHash('sha256').update(readFileSync(file)).digest('hex'), ready.sha256);
});

t.test('we connect to a listener of Linux and get 8 MB', { skip }, async (t) => {
  const { made, client } = bed(t);
  client.start('sh', ['-c', `yes sitekernel | head -c ${BYTES} | nc -l -N 46.43.42.140 7001`]);
  await listening(client);
  const host = made.host.start(process.execPath, [HOST, 'connect', '46.43.42.140', '7001', '0']);
  await line(host, 'open');
  const expected = createHash('sha256')
    .update('sitekernel\n'.repeat(BYTES / 11 + 1).slice(0, BYTES))
    .digest('hex');
  t.match(await line(host, 'closed'), { received: BYTES, sha256: expected, reason: 'finished' });
});

t.test('we connect to a closed port of Linux, and are refused', { skip }, async (t) => {
  const { made } = bed(t);
  const host = made.host.start(process.execPath, [HOST, 'connect', '46.43.42.140', '7002', '0']);
  t.match(await line(host, 'closed'), { reason: 'refused', received: 0 });
});
