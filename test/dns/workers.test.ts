/** `--zone` with `--workers`: several processes on one port 53 are one name server. */
import type { ChildProcess } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { parseArguments } from '../../src/cli/arguments/arguments.js';
import { parseLogOption } from '../../src/cli/arguments/log-options.js';
import { TYPE } from '../../src/dns/wire/constants.js';
import { Log } from '../../src/serve/log.js';
import type { ServeOptions } from '../../src/serve/options/serve.js';
import type { NamesMessage, ToWorker } from '../../src/serve/worker-channel.js';
import { NamesOfWorkers } from '../../src/serve/workers/names.js';
import { Worker } from '../../src/serve/workers/worker-process.js';
import { scrape } from '../cli/scrape.js';
import { query, read } from './message.js';
import { dig, type Serving, SITE, serveNames } from './peers.js';

const skip = process.platform === 'linux' ? false : 'needs Linux';
const PORTS = 24;

function workersOf({ child }: { child: ChildProcess }): number[] {
  const text = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8');
  return text.trim().split(' ').filter(Boolean).map(Number);
}

async function serving(t: Test, ...argv: string[]): Promise<Serving & { zone: string; folder: string }> {
  const key = `hmac-sha256:k:${Buffer.alloc(32, 7).toString('base64')}\n`;
  const folder = t.testdir({ 'site.example.zone': SITE, site: { 'index.html': 'a page' }, keys: key });
  const zone = join(folder, 'site.example.zone');
  const site = join(folder, 'site');
  const given = ['--workers', '2', '--zone', zone, '--state', join(folder, 'state'), ...argv, site];
  return { ...(await serveNames(t, ...given)), zone, folder };
}

/** The answers to one query from so many ports, among which the kernel shares it out; undefined: none came. */
async function fromPorts(port: number, message: Uint8Array, wait: number): Promise<(Buffer | undefined)[]> {
  return Promise.all(
    Array.from({ length: PORTS }, async () => {
      const socket = createSocket('udp4');
      const answer = once(socket, 'message').then(([bytes]) => bytes as Buffer);
      socket.send(message, port, '127.0.0.1');
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<undefined>((resolve) => {
        timer = setTimeout(() => resolve(undefined), wait);
      });
      const first = await Promise.race([answer, late]);
      clearTimeout(timer);
      socket.close();
      return first;
    }),
  );
}

/** Asks until every port of a round has that serial. */
async function untilAllHave(port: number, serial: number): Promise<void> {
  for (;;) {
    const answers = await fromPorts(port, query('site.example', 'SOA'), 5000);
    if (answers.every((one) => one !== undefined && read(one).answer[0]?.split(' ')[5] === String(serial))) return;
  }
}

t.test('both workers answer, over UDP and TCP, with the same bytes and one secret of cookies', { skip }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sk-names-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const admin = join(folder, 'admin.sock');
  const server = await serving(t, '--admin-listen', admin, '--dns-rate', '0');
  const workers = workersOf(server);
  t.equal(workers.length, 2);
  for (const [name, type] of [
    ['www.site.example', 'AAAA'],
    ['b.wild.site.example', 'A'],
    ['nothing.site.example', 'MX'],
  ] as const) {
    const answers = await fromPorts(server.port, query(name, type, { udpSize: 1232 }), 5000);
    t.ok(answers[0]);
    t.equal(new Set(answers.map((one) => one?.toString('hex'))).size, 1, `${name} ${type}`);
  }
  // One worker that is stopped leaves its share without an answer until it goes on.
  process.kill(workers[0]!, 'SIGSTOP');
  const answered = (await fromPorts(server.port, query('site.example', 'A'), 1000)).filter(Boolean).length;
  process.kill(workers[0]!, 'SIGCONT');
  t.ok(answered > 0 && answered < PORTS, `${answered} of ${PORTS} came to the other worker`);
  const cookie = '0102030405060708';
  const [made] = await fromPorts(server.port, query('site.example', 'A', { options: [[10, cookie]] }), 5000);
  const both = read(made!).opt!.options.get(10)!;
  const again = await fromPorts(server.port, query('site.example', 'A', { options: [[10, both]] }), 5000);
  t.ok(
    again.every((one) => read(one!).opt!.options.get(10) === both),
    'a cookie of one is good with both',
  );
  for (let i = 0; i < 8; i++) t.match(await dig(server.port, '+tcp', '+short', 'www.site.example'), /192\.0\.2\.2/);
  for (;;) {
    const text = await scrape(admin);
    const value = (name: string): number =>
      Number(new RegExp(`^sitekernel_dns_total\\{name="${name}"\\} (\\d+)`, 'm').exec(text)?.[1]);
    t.equal(value('zones'), 1);
    if (value('goodCookies') >= PORTS) break;
    await new Promise((done) => setTimeout(done, 50));
  }
  server.child.kill('SIGTERM');
  t.equal((await once(server.child, 'exit'))[0], 0);
});

t.test('a change reaches every worker, and one that takes the place of another', { skip }, async (t) => {
  const server = await serving(t, '--dnssec', '--dns-rate', '0');
  await untilAllHave(server.port, 2026112301);
  writeFileSync(server.zone, SITE.replace('2026112301', '2026112305').replace('192.0.2.3', '192.0.2.33'));
  server.child.kill('SIGHUP');
  await untilAllHave(server.port, 2026112305);
  const signed = await fromPorts(server.port, query('mail.site.example', 'A', { dnssecOk: true }), 5000);
  t.equal(new Set(signed.map((one) => one?.toString('hex'))).size, 1, 'also the signatures');
  for (const victim of workersOf(server)) {
    process.kill(victim, 'SIGKILL');
    // What waits in its socket is answered by the next one.
    const answers = await fromPorts(server.port, query('mail.site.example', 'A'), 20_000);
    t.ok(answers.every((one) => read(one!).answer[0] === 'mail.site.example. A 3600 192.0.2.33'));
    while (workersOf(server).length < 2 || workersOf(server).includes(victim))
      await new Promise((done) => setTimeout(done, 20));
  }
  await untilAllHave(server.port, 2026112305);
  t.match(server.errors(), /worker \d ended \(SIGKILL\); another takes its place/);
});

t.test('a transfer comes whole from either worker', { skip }, async (t) => {
  const server = await serving(t, '--dns-keys', join(t.testdirName, 'keys'));
  const key = readFileSync(join(server.folder, 'keys'), 'utf8').trim();
  for (let i = 0; i < 8; i++)
    t.match(await dig(server.port, '-y', key, 'site.example', 'AXFR'), /XFR size: 23 records/, `transfer ${i + 1}`);
});

t.test('a port 53 in use, over UDP or TCP, is one sentence, and a broken zone its own', { skip }, async (t) => {
  const folder = t.testdir({ 'site.example.zone': SITE, 'bad.example.zone': '@ A 192.0.2.300\n', site: {} });
  const start = (zone: string, port: number) =>
    serveNames(t, '--workers', '2', '--zone', join(folder, zone), '--dns-port', String(port), join(folder, 'site'));
  const udp = createSocket('udp4');
  udp.bind(0, '127.0.0.1');
  await once(udp, 'listening');
  const sentence = /port \d+ of 127\.0\.0\.1 is in use by another program; stop it, or choose another with --dns-port/;
  await t.rejects(start('site.example.zone', udp.address().port), { message: sentence });
  udp.close();
  const tcp = createServer().listen(0, '127.0.0.1');
  await once(tcp, 'listening');
  await t.rejects(start('site.example.zone', (tcp.address() as { port: number }).port), { message: sentence });
  tcp.close();
  await t.rejects(start('bad.example.zone', 0), { message: /bad\.example\.zone:1:5: "192\.0\.2\.300"/ });
});

t.test('a proof is complete when every worker that answers has it, or has ended', async (t) => {
  const folder = t.testdir({ 'site.example.zone': SITE });
  const file = join(folder, 'site.example.zone');
  mkdirSync(join(folder, 'state'));
  const options = parseArguments(['--zone', file, '--state', join(folder, 'state'), '--workers', '3']) as ServeOptions;
  const names = new NamesOfWorkers(options, new Log(parseLogOption('')), undefined, () => ['192.0.2.80']);
  await names.prepare();
  const heard = new Map<Worker, NamesMessage[]>();
  const workers = [1, 2, 3].map((number) => {
    const worker = new Worker(number, -1, undefined);
    heard.set(worker, []);
    const send = (message: ToWorker): void => void heard.get(worker)!.push(message as NamesMessage);
    worker.child = { connected: true, send } as unknown as ChildProcess;
    return worker;
  });
  const [one, two, three] = workers as [Worker, Worker, Worker];
  for (const worker of [one, two]) await names.asked(worker);
  for (const worker of [one, two]) names.named(worker, heard.get(worker)!.at(-1)!.version);
  let done = false;
  const presenting = names.zones.present('_acme-challenge.site.example.', ['proof']).then((take) => {
    done = true;
    return take;
  });
  const turns = async (): Promise<void> => {
    for (let i = 0; i < 20; i++) await new Promise((next) => setImmediate(next));
  };
  await turns();
  const proof = heard.get(one)!.at(-1)!;
  const texts = [...proof.zones[0]!.nodes.values()].flatMap((node) => [...(node.rrsets.get(TYPE.TXT)?.data ?? [])]);
  t.ok(texts.some((text) => Buffer.from(text.subarray(1)).toString() === 'proof'));
  t.equal(heard.get(three)!.length, 0, 'one that has not asked yet is not told');
  names.named(one, proof.version);
  await turns();
  t.notOk(done, 'the other does not have it yet');
  two.child = undefined;
  names.ended(two);
  await turns();
  t.ok(done, 'who has ended answers nothing');
  await names.asked(three);
  t.equal(heard.get(three)!.at(-1)!.zones[0]!.serial, proof.zones[0]!.serial, 'who comes later gets it with the rest');
  names.ended(three);
  names.ended(one);
  await (await presenting)();
  names.close();
});
