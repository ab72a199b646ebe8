/** `--workers` over a real TAP: several processes, each with a queue that the kernel gives it, are one host. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { RAW_SOCKET } from '../run/native-tools.js';
import { ACK, ICMP, icmpError, ip, PSH, RST, readTcp, SYN, TCP, tcp } from '../sim/packets.js';
import { Dnsmasq } from './dnsmasq.js';
import { Lab, type Namespace } from './lab.js';
import { skipWithout } from './needs.js';
import { exchangeWith } from './raw-exchange.js';
import { MAIN, type Server, SITE, serve } from './server.js';
import { fetchSite } from './whole-site.js';

const CLIENT = '10.77.0.9';
const SERVER = '10.77.0.2';
const ON_TAP = ['--net', 'direct', '--tap', 'tap0', '--bridge', 'br0', '--workers', '2'];
const STATIC = [...ON_TAP, '--ipv4', `${SERVER}/24`];
/** More than a client's kernel takes before the client reads. */
const LARGE = 9_000_000;
const exchange = exchangeWith(SERVER);
const skip = skipWithout('curl', 'nft', 'ping', RAW_SOCKET);

/** A site with a page and a large file. */
function smallSite(lab: Lab): string {
  const site = join(lab.folder, 'site');
  mkdirSync(site);
  writeFileSync(join(site, 'index.html'), '<!doctype html><title>small</title>');
  writeFileSync(join(site, 'large.bin'), Buffer.alloc(LARGE, 'sitekernel'));
  return site;
}

/** The processes that serve, by their numbers. */
function workersOf({ program: { child } }: Server): number[] {
  const text = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8');
  return text.trim().split(' ').filter(Boolean).map(Number);
}

/** Bytes that a process has written, to its queue above all. */
function written(pid: number): number {
  return Number(/^wchar: (\d+)/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1]);
}

/** New connections, one after the other; all must be answered. */
async function fresh(t: Test, client: Namespace, url: string, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const { status, stdout } = await client.run('curl', ['-sS', '--max-time', '15', url]);
    if (status === 0 && stdout.includes('<title>')) continue;
    t.fail(`curl ${i + 1} of ${count}: status ${status}`);
    return;
  }
  t.pass(`${count} new connections were answered`);
}

/** Downloads of some seconds, and how each ended: curl's status and the bytes that came. */
async function slow(client: Namespace, url: string, count: number): Promise<{ status: number; bytes: number }[]> {
  // What is in the client's buffers already needs no server: a quarter of a megabyte at most.
  await client.run('sh', ['-c', 'echo 4096 131072 262144 > /proc/sys/net/ipv4/tcp_rmem']);
  // A client that only waits hears of the end of its server when it asks.
  const args = [
    '-s',
    '--keepalive-time',
    '1',
    '--limit-rate',
    '2M',
    '-o',
    '/dev/null',
    '-w',
    '%{size_download}',
    `${url}large.bin`,
  ];
  return Promise.all(
    Array.from({ length: count }, async () => {
      const { status, stdout } = await client.run('curl', args);
      return { status, bytes: Number(stdout) };
    }),
  );
}

/** Waits until the client has so many connections open; on a machine that is busy some end before others begin. */
async function open(client: Namespace, count: number): Promise<void> {
  for (let looks = 0; looks < 40; looks++) {
    const { stdout } = await client.run('ss', ['-Htn', 'state', 'established', 'dport', '=', ':80']);
    if (stdout.trim().split('\n').length >= count) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

t.test(
  'every URL of the site comes byte for byte, from both workers, and each ping is answered once',
  { skip },
  async (t) => {
    const lab = new Lab(t, '10.77.0.1/24');
    const client = lab.client(`${CLIENT}/24`);
    const server = await serve(lab.host, [...STATIC, SITE]);
    const workers = workersOf(server);
    t.equal(workers.length, 2);
    const before = workers.map(written);
    const fetched = await fetchSite(client, server.url, SITE);
    t.same(fetched.wrong, []);
    const shares = () => workers.map((pid, i) => written(pid) - before[i]!);
    // The kernel picks a queue by a hash of the ports: 12 connections may all fall to one worker, 120 do not.
    for (let turn = 0; turn < 10 && Math.min(...shares()) <= 20_000; turn++) await fresh(t, client, server.url, 12);
    t.ok(Math.min(...shares()) > 20_000, `each has sent its share: ${shares()}`);
    for (let i = 0; i < 3; i++) {
      client.ip('neigh flush dev eth0');
      const { stdout } = await client.run('ping', ['-c', '10', '-i', '0.05', '-s', String(56 + i * 2000), SERVER]);
      t.match(stdout, /10 packets transmitted, 10 received, 0% packet loss/);
      t.notMatch(stdout, /duplicates/);
    }
    t.equal(await server.program.stop(), 0, 'SIGTERM ends it with status 0');
  },
);

t.test(
  'what comes to the wrong worker: one reset for nobody, an ICMP error for its connection',
  { skip },
  async (t) => {
    const lab = new Lab(t, '10.77.0.1/24');
    const client = lab.client(`${CLIENT}/24`);
    const server = await serve(lab.host, [...STATIC, '--no-offload', '--metrics', '--admin', CLIENT, smallSite(lab)]);
    // The kernel knows nothing of these connections and would reset them.
    for (const words of [
      'add table ip raw_test',
      'add chain ip raw_test out { type filter hook output priority 0; }',
      'add rule ip raw_test out tcp flags & rst == rst drop',
    ]) {
      t.equal((await client.run('nft', [words])).status, 0);
    }
    const segment = (from: number, flags: number, more: Partial<Parameters<typeof tcp>[0]> = {}): Uint8Array => {
      const base = { source: ip(CLIENT), from, destination: ip(SERVER), to: 80, seq: 1000, ack: 0, flags };
      return tcp({ ...base, ...more }).subarray(20);
    };

    const ports = Array.from({ length: 12 }, (_, i) => 41_000 + i);
    const strays = ports.map((port) => segment(port, ACK, { ack: port }));
    const resets = (await exchange(client, TCP, strays, 100, 1500)).map((one) => readTcp(one)!);
    t.same(resets.map((one) => [one.to, one.seq, one.flags]).sort(), ports.map((port) => [port, port, RST]).sort());

    // Errors have no ports that the kernel could steer by: all come to one worker, the connections are at both.
    for (let i = 0; i < 4; i++) {
      const from = 42_000 + i;
      const mtu = 1300 - i * 50;
      const options = Uint8Array.of(2, 4, 1460 >> 8, 1460 & 255);
      const [synAck] = (await exchange(client, TCP, [segment(from, SYN, { options })], 1)).map((one) => readTcp(one)!);
      const ack = (synAck!.seq + 1) | 0;
      const payload = new TextEncoder().encode('GET /large.bin HTTP/1.1\r\nHost: x\r\n\r\n');
      const first = await exchange(client, TCP, [segment(from, ACK | PSH, { seq: 1001, ack, payload })], 2, 3000);
      t.ok(Math.max(...first.map((one) => one.length)) > mtu - 20, 'segments that are too large for the path');
      const oldest = first.find((one) => readTcp(one)?.seq === ack)!;
      // Its header and 8 bytes, as routers quote it: it says that it was too large (RFC 1191 4).
      const about = tcp({
        source: ip(SERVER),
        from: 80,
        destination: ip(CLIENT),
        to: from,
        seq: ack,
        ack: 0,
        flags: ACK,
        payload: new Uint8Array(1460),
      }).subarray(0, 28);
      await exchange(client, ICMP, [icmpError(ip(CLIENT), 3, 4, mtu, about).subarray(20)], 1, 100);
      const more = { seq: 1001 + payload.length, ack: ack + oldest.length - 20 };
      const sizes = (await exchange(client, TCP, [segment(from, ACK, more)], 2, 3000)).map((one) => one.length);
      t.equal(Math.max(...sizes), mtu - 20, `as large as ${mtu} bytes allow: ${sizes}`);
      await exchange(client, TCP, [segment(from, RST, { seq: 1001 + payload.length })], 0, 50);
    }
    const { stdout } = await client.run('curl', ['-s', `${server.url}metrics`]);
    t.match(stdout, /passed/i);
    t.equal(await server.program.stop(), 0);
  },
);

t.test(
  'DHCP: a worker that is killed is replaced, with its address; what the other one does goes on',
  { skip },
  async (t) => {
    const lab = new Lab(t, '10.77.0.1/24');
    const range = { from: '10.77.0.50', to: '10.77.0.99', netmask: '255.255.255.0', lease: '2m' };
    const dnsmasq = await Dnsmasq.start(lab, range);
    const client = lab.client(`${CLIENT}/24`);
    const server = await serve(lab.host, [...ON_TAP, smallSite(lab)]);
    for (const number of [1, 0]) {
      const victim = workersOf(server)[number]!;
      const downloads = slow(client, server.url, 12);
      await open(client, 12);
      process.kill(victim, 'SIGKILL');
      await fresh(t, client, server.url, 10);
      const ends = await downloads;
      const whole = ends.filter(({ status, bytes }) => status === 0 && bytes === LARGE).length;
      const reset = ends.filter(({ status }) => status === 56 || status === 18).length;
      t.equal(whole + reset, 12);
      t.ok(whole > 0 && reset > 0, `${whole} came whole, ${reset} were reset`);
      t.equal(workersOf(server).length, 2);
      t.notOk(workersOf(server).includes(victim));
    }
    t.match(server.program.stderr, /worker 2 ended \(SIGKILL\); another takes its place/);
    t.match(server.program.stderr, /worker 1 ended \(SIGKILL\); another takes its place/);
    t.notMatch(server.program.stderr, /our address is/, 'which stayed the same');
    t.equal(dnsmasq.program.stderr.match(/DHCPDISCOVER\(/g)?.length, 1, 'nobody asked for another');

    // SIGTERM: what is open finishes, in both, and only then the address is given back.
    const downloads = slow(client, server.url, 6);
    await open(client, 6);
    t.notMatch(dnsmasq.program.stderr, /DHCPRELEASE/);
    t.equal(await server.program.stop(), 0);
    for (const { status, bytes } of await downloads) t.same({ status, bytes }, { status: 0, bytes: LARGE });
    await dnsmasq.program.says(/DHCPRELEASE/);
  },
);

t.test('a TAP with one queue, one that others have, and one that is removed, are one sentence', { skip }, async (t) => {
  const lab = new Lab(t, '10.77.0.1/24');
  const { host } = lab;
  const site = smallSite(lab);
  const ends = async (args: readonly string[], sentence: RegExp): Promise<void> => {
    const { status, stderr } = await host.run(process.execPath, [MAIN, ...args, site]);
    t.equal(status, 1);
    t.match(stderr, sentence);
    t.equal(stderr.trim().split('\n').length, 1, stderr);
  };
  host.ip('tuntap add dev tap0 mode tap');
  await ends(STATIC, /^sitekernel: TAP tap0 has a single queue, and --workers needs one for each; remove it with/);
  host.ip('tuntap del dev tap0 mode tap');
  const up = ['host', 'up', '--bridge', 'br0', '--tap', 'tap0', '--user', 'root', '--multi-queue'];
  t.equal((await host.run(process.execPath, [MAIN, ...up])).status, 0);
  const server = await serve(host, [...STATIC, site]);
  await ends(STATIC, /TAP tap0 is in use by another process/);
  await ends([...STATIC, '--workers', '1'], /TAP tap0 is in use by another process/);
  await fresh(t, host, server.url, 4);
  t.equal(await server.program.stop(), 0);
  const single = await serve(host, [...STATIC, '--workers', '1', site]);
  await fresh(t, host, single.url, 2);
  t.equal(await single.program.stop(), 0, 'one process may have a TAP of that kind, too');

  const last = await serve(host, [...STATIC, site]);
  host.ip('link del tap0');
  t.equal(await last.program.exit, 1);
  t.match(last.program.stderr, /^sitekernel: the TAP tap0 is gone: it was removed while we served on it$/m);
});
