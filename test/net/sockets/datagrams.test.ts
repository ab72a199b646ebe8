/**
 * Datagrams on the kernel's sockets, by both implementations: views, both families, and answers from the address that
 * was asked.
 */
import { createSocket, type RemoteInfo } from 'node:dgram';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import t, { type Test } from 'tap';
import { type Datagram, type DatagramPort, type Datagrams, datagramAddress } from '../../../src/net/datagrams.js';
import { formatIp, parseIp } from '../../../src/net/ip-text.js';
import { openSocketDatagrams, type SocketKind } from '../../../src/net/sockets/open.js';

const KINDS: readonly SocketKind[] = process.platform === 'linux' ? ['libc', 'node'] : ['node'];

/** A client of the kernel's: what it sends, and what it gets. */
async function client(t: Test, family: 'udp4' | 'udp6' = 'udp4') {
  const socket = createSocket(family);
  socket.bind(0);
  await once(socket, 'listening');
  t.teardown(() => socket.close());
  const got: { text: string; from: RemoteInfo }[] = [];
  socket.on('message', (bytes, from) => got.push({ text: bytes.toString('latin1'), from }));
  return { socket, got, port: socket.address().port };
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 400 && !condition(); i++) await new Promise((done) => setTimeout(done, 5));
}

async function bound(
  t: Test,
  kind: SocketKind,
  host: string,
  onDatagram: (port: DatagramPort, datagram: Datagram) => void,
  port = 0,
) {
  const datagrams: Datagrams = await openSocketDatagrams(host, '--dns-port', kind);
  const opened = await datagrams.bind(port, onDatagram);
  t.teardown(() => opened.close());
  return opened;
}

/** Sends back what came, with its source before it. */
const echo = (port: DatagramPort, { bytes, start, end, source, local }: Datagram): void => {
  const head = Buffer.from(`${formatIp(source.bytes.subarray(0, source.length))}@${source.port}|`);
  const answer = Buffer.concat([Buffer.from('xx'), head, bytes.subarray(start, end), Buffer.from('yy')]);
  port.send(answer, 2, answer.length - 2, source, local);
};

const hasIpv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ family }) => family === 'IPv6'));

for (const kind of KINDS) {
  t.test(`${kind}: slices go, views come, with their sources`, async (t) => {
    const port = await bound(t, kind, '127.0.0.1', echo);
    t.equal(port.endpoint.address, '127.0.0.1');
    const { socket, got, port: own } = await client(t);
    for (const text of ['one', '', 'x'.repeat(1400)]) socket.send(text, port.endpoint.port, '127.0.0.1');
    await until(() => got.length === 3);
    t.same(
      got.map(({ text }) => text).sort(),
      [`127.0.0.1@${own}|`, `127.0.0.1@${own}|one`, `127.0.0.1@${own}|${'x'.repeat(1400)}`].sort(),
    );
    t.equal(got[0]!.from.port, port.endpoint.port);
  });

  t.test(`${kind}: more at one time than one call takes`, async (t) => {
    const port = await bound(t, kind, '127.0.0.1', echo);
    const { socket, got } = await client(t);
    for (let i = 0; i < 100; i++) socket.send(`n${i}`, port.endpoint.port, '127.0.0.1');
    await until(() => got.length === 100);
    t.equal(new Set(got.map(({ text }) => text)).size, 100);
  });

  t.test(`${kind}: ports that follow each other take what is longer than what went before`, async (t) => {
    const datagrams = await openSocketDatagrams('127.0.0.1', '--dns-port', kind);
    for (let i = 1; i <= 12; i++) {
      const port = await datagrams.bind(0, echo);
      const { socket, got } = await client(t);
      socket.send('x'.repeat(i * 100), port.endpoint.port, '127.0.0.1');
      await until(() => got.length === 1);
      t.equal(got[0]?.text.replace(/.*\|/, '').length, i * 100, `port ${i}`);
      port.close();
      await new Promise((done) => setImmediate(done));
    }
  });

  t.test(`${kind}: IPv6`, { skip: hasIpv6 ? false : 'the machine has no IPv6' }, async (t) => {
    const port = await bound(t, kind, '::1', echo);
    const { socket, got, port: own } = await client(t, 'udp6');
    socket.send('six', port.endpoint.port, '::1');
    await until(() => got.length === 1);
    t.equal(got[0]!.text, `::1@${own}|six`);
  });

  t.test(`${kind}: a port in use is told with the option that chooses another`, async (t) => {
    const port = await bound(t, kind, '127.0.0.1', echo);
    await t.rejects(bound(t, kind, '127.0.0.1', echo, port.endpoint.port), {
      message: /port \d+ of 127\.0\.0\.1 is in use by another program; stop it, or choose another with --dns-port/,
    });
    await t.rejects(bound(t, kind, '192.0.2.77', echo), { message: /192\.0\.2\.77 is not an address of this machine/ });
  });

  t.test(`${kind}: from outside of a call it goes at once; after the end nothing goes or comes`, async (t) => {
    const seen: string[] = [];
    const port = await bound(
      t,
      kind,
      '127.0.0.1',
      (_port, { bytes, start, end }) => void seen.push(Buffer.from(bytes.slice(start, end)).toString()),
    );
    const { socket, got, port: own } = await client(t);
    const to = datagramAddress();
    to.bytes.set(parseIp('127.0.0.1')!);
    to.length = 4;
    to.port = own;
    t.equal(port.send(Buffer.from('hello'), 0, 5, to), true);
    await until(() => got.length === 1);
    t.equal(got[0]!.text, 'hello');
    port.close();
    port.close();
    t.equal(port.send(Buffer.from('hello'), 0, 5, to), false);
    socket.send('late', port.endpoint.port, '127.0.0.1');
    await new Promise((done) => setTimeout(done, 30));
    t.same(seen, []);
  });

  t.test(`${kind}: an ICMP error about what was sent does not end the port`, async (t) => {
    const port = await bound(t, kind, '127.0.0.1', echo);
    const { socket, got } = await client(t);
    const closed = createSocket('udp4');
    closed.bind(0, '127.0.0.1');
    await once(closed, 'listening');
    const to = datagramAddress();
    to.bytes.set(parseIp('127.0.0.1')!);
    to.length = 4;
    to.port = closed.address().port;
    closed.close();
    for (let i = 0; i < 3; i++) port.send(Buffer.from('x'), 0, 1, to);
    socket.send('after', port.endpoint.port, '127.0.0.1');
    await until(() => got.length === 1);
    t.match(got[0]?.text, /after/);
  });
}

t.test(
  'libc: a datagram that is too long is dropped, and a port that is none harms nobody',
  { skip: process.platform === 'linux' ? false : 'Linux' },
  async (t) => {
    const port = await bound(t, 'libc', '127.0.0.1', (own, datagram) => {
      const nowhere = { ...datagram.source, port: 0 };
      own.send(datagram.bytes, datagram.start, datagram.end, nowhere);
      echo(own, datagram);
    });
    const { socket, got } = await client(t);
    for (const text of ['x'.repeat(5000), 'y'.repeat(4000), 'z']) socket.send(text, port.endpoint.port, '127.0.0.1');
    await until(() => got.length === 2);
    t.same(got.map(({ text }) => text.replace(/.*\|/, '').length).sort(), [1, 4000]);
  },
);

t.test(
  'libc: a port for all addresses answers from the one that was asked',
  { skip: process.platform === 'linux' ? false : 'Linux' },
  async (t) => {
    for (const host of ['0.0.0.0', ...(hasIpv6 ? ['::'] : [])]) {
      const port = await bound(t, 'libc', host, echo);
      const { socket, got, port: own } = await client(t);
      for (const asked of ['127.0.0.1', '127.0.0.2', '127.3.4.5']) {
        got.length = 0;
        socket.send('who', port.endpoint.port, asked);
        await until(() => got.length === 1);
        t.equal(got[0]?.from.address, asked, `${host}: ${asked}`);
        t.equal(got[0]?.text, `127.0.0.1@${own}|who`);
      }
      if (host !== '::') continue;
      const six = await client(t, 'udp6');
      six.socket.send('who', port.endpoint.port, '::1');
      await until(() => six.got.length === 1);
      t.equal(six.got[0]?.from.address, '::1');
    }
  },
);
