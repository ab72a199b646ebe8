/** The PROXY protocol: its header however it is cut, and the flow behind it. */
import t from 'tap';
import { Memory } from '../../../src/memory/memory.js';
import type { CloseReason, Flow, FlowHandler } from '../../../src/net/flow.js';
import { virtualNet } from '../../../src/net/host/virtual-net.js';
import { acceptProxied } from '../../../src/net/proxied/accept.js';
import { readProxyHeader } from '../../../src/net/proxied/header.js';
import { documented } from '../../documented.js';

const SIGNATURE = [13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10];
const line = (text: string): Uint8Array => new TextEncoder().encode(text);
const binary = (command: number, kind: number, rest: readonly number[]): Uint8Array =>
  Uint8Array.from([...SIGNATURE, command, kind, rest.length >> 8, rest.length & 255, ...rest]);

const V4 = [192, 0, 2, 7, 10, 0, 0, 1, 0x12, 0x67, 0, 80];
const V6 = [...line('0123456789abcdef'), ...line('fedcba9876543210'), 1, 2, 0, 80];

const GOOD: readonly (readonly [string, Uint8Array, string | undefined])[] = [
  ['version 1, IPv4', line('PROXY TCP4 192.0.2.7 10.0.0.1 4711 80\r\n'), '192.0.2.7 4711'],
  ['version 1, IPv6', line('PROXY TCP6 2001:db8::7 2001:db8::1 65535 443\r\n'), '2001:db8::7 65535'],
  ['version 1, unknown', line('PROXY UNKNOWN\r\n'), undefined],
  ['version 1, unknown, with what it knows', line('PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n'), undefined],
  ['version 2, IPv4', binary(0x21, 0x11, V4), '192.0.2.7 4711'],
  ['version 2, IPv6', binary(0x21, 0x21, V6), '3031:3233:3435:3637:3839:6162:6364:6566 258'],
  ['version 2, with a TLV behind', binary(0x21, 0x11, [...V4, 4, 0, 1, 0]), '192.0.2.7 4711'],
  ['version 2, of the proxy itself', binary(0x20, 0x00, []), undefined],
  ['version 2, a UNIX socket', binary(0x21, 0x31, new Array<number>(216).fill(47)), undefined],
];

const BAD: readonly (readonly [string, Uint8Array])[] = [
  ['a request', line('GET / HTTP/1.1\r\n\r\n')],
  ['TLS', Uint8Array.of(22, 3, 1, 2, 0, 1)],
  ['another signature', Uint8Array.from([...SIGNATURE.slice(0, 11), 11])],
  ['a line without an end', line(`PROXY TCP4 ${'1'.repeat(200)}`)],
  ['an address of the other family', line('PROXY TCP4 2001:db8::7 2001:db8::1 1 2\r\n')],
  ['no address', line('PROXY TCP4 192.0.2.256 10.0.0.1 1 2\r\n')],
  ['a port that is none', line('PROXY TCP4 192.0.2.7 10.0.0.1 70000 80\r\n')],
  ['more than there may be', line('PROXY TCP4 192.0.2.7 10.0.0.1 1 2 3\r\n')],
  ['a command that is none', binary(0x22, 0x11, V4)],
  ['version 3', binary(0x31, 0x11, V4)],
  ['shorter than its addresses', binary(0x21, 0x11, V4.slice(0, 11))],
  ['longer than is taken', Uint8Array.from([...SIGNATURE, 0x21, 0x11, 0xff, 0xff])],
];

for (const [name, bytes, said] of GOOD) {
  t.test(`${name}: read when it is whole, and not before`, (t) => {
    for (let end = 0; end < bytes.length; end++) {
      if (readProxyHeader(bytes, end) !== 'more') t.fail(`at ${end} of ${bytes.length} bytes`);
    }
    const all = Uint8Array.from([...bytes, 1, 2, 3]);
    const header = readProxyHeader(all, all.length);
    if (header === undefined || header === 'more') throw new Error('not read');
    t.equal(header.length, bytes.length);
    const { source } = header;
    t.equal(source === undefined ? undefined : `${source.address} ${source.port}`, said);
    t.end();
  });
}

for (const [name, bytes] of BAD) {
  t.test(`${name} is no header`, (t) => {
    t.equal(readProxyHeader(bytes, bytes.length), undefined);
    t.end();
  });
}

interface Seen {
  remote: string;
  text: string;
  closed: CloseReason | undefined;
}

/** A server behind a proxy at 10.0.0.2; what `pieces` are to it, a segment each, from a host at `from`. */
async function served(from: string, pieces: readonly Uint8Array[]): Promise<{ seen: Seen[]; client: CloseReason[] }> {
  const net = virtualNet(1);
  const server = net.host('10.0.0.1');
  const peer = net.host(from);
  const seen: Seen[] = [];
  const owner: FlowHandler = {
    data(flow, bytes, start, end) {
      (flow.context as Seen).text += new TextDecoder().decode(bytes.slice(start, end));
    },
    ended: (flow) => flow.end(),
    drained() {},
    closed(flow, reason) {
      (flow.context as Seen).closed = reason;
    },
  };
  const accept = (flow: Flow): void => {
    flow.handler = owner;
    const one: Seen = { remote: flow.remote.address, text: '', closed: undefined };
    flow.context = one;
    seen.push(one);
  };
  await server.listen(
    80,
    acceptProxied(accept, (address) => address === '10.0.0.2', server.clock),
  );
  const client: CloseReason[] = [];
  const handler: FlowHandler = { data() {}, ended() {}, drained() {}, closed: (_flow, reason) => client.push(reason) };
  const flow = await net.until(peer.connect('10.0.0.1', 80, handler));
  for (const piece of pieces) {
    flow.write(new Memory(piece), 0, piece.length);
    flow.flush();
    await net.run(() => false, net.time.now() + 50);
  }
  if (pieces.length > 1) flow.end();
  await net.run(() => client.length > 0, net.time.now() + 20_000);
  // The server’s end waits for the last ACK.
  await net.run(() => false, net.time.now() + 100);
  return { seen, client };
}

t.test('what a proxy passes on is the client’s, byte by byte or in one piece', async (t) => {
  const header = line('PROXY TCP4 192.0.2.7 10.0.0.1 4711 80\r\n');
  const whole = Uint8Array.from([...header, ...line('hello')]);
  for (const pieces of [[whole, line(' you')], [...whole].map((one) => Uint8Array.of(one))]) {
    const { seen, client } = await served('10.0.0.2', pieces);
    t.equal(seen.length, 1);
    t.equal(seen[0]!.remote, '192.0.2.7');
    t.match(seen[0]!.text, /^hello/);
    t.same([seen[0]!.closed, client[0]], ['finished', 'finished']);
  }
});

t.test('who is no proxy is itself, whatever it says', async (t) => {
  const { seen } = await served('10.0.0.3', [line('PROXY TCP4 192.0.2.7 10.0.0.1 4711 80\r\n'), line('x')]);
  t.equal(seen[0]!.remote, '10.0.0.3');
  t.match(seen[0]!.text, /^PROXY/, 'a line like any other');
});

t.test('a proxy that begins with anything else, or with nothing, is reset and never an owner’s', async (t) => {
  for (const pieces of [[line('GET / HTTP/1.1\r\n')], [line('PROXY TCP4 192.0')]]) {
    const { seen, client } = await served('10.0.0.2', pieces);
    t.same([seen.length, client[0]], [0, 'reset-by-peer']);
  }
});

t.test('a header keeps no more than its bound', (t) => {
  const [, bytes = 0] = documented('docs/bounds.md', 'header of the PROXY protocol');
  const header = (length: number): Uint8Array =>
    binary(0x21, 0x11, [...V4, ...new Array<number>(length - 16 - V4.length).fill(0)]);
  const most = header(bytes);
  t.equal(most.length, bytes);
  t.ok(readProxyHeader(most, most.length), 'this long is taken');
  const more = header(bytes + 1);
  t.equal(readProxyHeader(more, more.length), undefined, 'and no longer one');
  t.end();
});
