/**
 * What is remembered of strangers has the size that docs/bounds.md says, read from there: a table of another size fails
 * here.
 */
import t from 'tap';
import { Drops } from '../../src/net/drops.js';
import { SeededRandom } from '../../src/net/host/seeded-random.js';
import { Datagram } from '../../src/net/ip/contracts/datagram.js';
import { PathMtus } from '../../src/net/ip/path-mtu.js';
import { IpReassembly } from '../../src/net/ip/reassembly.js';
import { RecentlySent } from '../../src/net/ip/recently-sent.js';
import { PathMtus6 } from '../../src/net/ip/v6/path-mtu.js';
import { PeerTable } from '../../src/net/ip/v6/peer-table.js';
import { KeyedHash } from '../../src/net/keyed-hash.js';
import { Budget } from '../../src/net/tcp/budget.js';
import type { TcpContext } from '../../src/net/tcp/state/connection.js';
import { DEFAULT_LIMITS } from '../../src/net/tcp/state/limits.js';
import { NONE, TimeWaitTable } from '../../src/net/tcp/tables/time-wait.js';
import { documented } from '../documented.js';
import { ICMP, ip, ipv4, udp } from '../sim/packets.js';
import { Laboratory, PEER, US } from './ip/laboratory.js';

const LINK = 1500;

const BOUNDS = 'docs/bounds.md';
const bound = (row: string, cell = 2): number => documented(BOUNDS, row, cell)[0] as number;

t.test('path MTUs: of those that routers told, the oldest is forgotten at the bound', async (t) => {
  const most = bound('path MTUs, ways');
  const mtus = new PathMtus();
  for (let i = 1; i <= 2 * most; i++) mtus.lower(i, 1400, LINK, LINK, 0);
  let known = 0;
  for (let i = 1; i <= 2 * most; i++) if (mtus.of(i, LINK, 0) < LINK) known++;
  t.equal(known, most);
  t.equal(mtus.of(2 * most, LINK, 0), 1400, 'the newest is known');
  t.equal(mtus.of(1, LINK, 0), LINK, 'the oldest is not');
});

t.test('a path MTU is forgotten after as many minutes as the table says, and not before (RFC 1191 6.3)', async (t) => {
  const time = bound('path MTUs, ways', 4) * 60_000;
  const mtus = new PathMtus();
  mtus.lower(1, 1400, LINK, LINK, 0);
  t.equal(mtus.of(1, LINK, time - 1), 1400);
  t.equal(mtus.of(1, LINK, time), LINK);
});

t.test('over IPv6: path MTUs and peers, as many as docs/ipv6.md says', async (t) => {
  const [most = 0] = documented('docs/ipv6.md', 'ways and path MTUs');
  const [peersMost = 0] = documented('docs/ipv6.md', 'peers');
  const peers = new PeerTable();
  const bytes = new Uint8Array(16);
  const intern = (i: number): number => {
    new DataView(bytes.buffer).setUint32(12, i);
    return peers.intern(bytes);
  };
  const mtus = new PathMtus6(peers);
  for (let i = 1; i <= 2 * most; i++) mtus.lower(intern(i), 1400, LINK, 0);
  let known = 0;
  for (let i = 1; i <= 2 * most; i++) if (mtus.of(intern(i), LINK, 0) < LINK) known++;
  t.equal(known, most);
  let held = most;
  for (let i = 2 * most + 1; i <= peersMost + 3 * most; i++) {
    const handle = intern(i);
    if (handle === 0) break;
    peers.hold(handle);
    held++;
  }
  t.ok(held < peersMost && held > peersMost * 0.99, `${held} are held, then there is no room for another`);
});

t.test('ways: as many destinations are remembered as the table says', async (t) => {
  const most = bound('path MTUs, ways');
  const { stack } = new Laboratory();
  const first = stack.route(ip('192.0.2.1'));
  for (let i = 0; i < most - 1; i++) stack.route(ip('198.18.0.0') + i);
  t.equal(stack.route(ip('192.0.2.1')), first, 'it is there still, and now the one used last');
  for (let i = 0; i < most; i++) stack.route(ip('198.19.0.0') + i);
  t.not(stack.route(ip('192.0.2.1')), first, 'as many others have taken its place');
});

t.test('errors and echo replies: as many at once and a second as the table says, then silence', async (t) => {
  const [rate = 0, burst = 0] = documented(BOUNDS, 'ICMP errors that we send');
  const echoes = bound('echo replies');
  const request = new Uint8Array(8);
  request.set([8, 0, 0xf7, 0xff]);
  const ask = {
    error: udp(PEER, 1000, US, 9, new Uint8Array(4)),
    echo: ipv4({ source: PEER, destination: US, protocol: ICMP, payload: request }),
  };
  for (const [name, atOnce, aSecond] of [
    ['error', burst, rate],
    ['echo', echoes, echoes],
  ] as const) {
    const lab = new Laboratory().introduce();
    const draw = (times: number): number => {
      for (let i = 0; i < times; i++) lab.packet(ask[name]);
      return lab.takeIp().length;
    };
    t.equal(draw(atOnce + 10), atOnce, `${name}: at once`);
    let sent = 0;
    for (let i = 0; i < 10; i++) {
      lab.now += 100;
      sent += draw(aSecond / 5);
    }
    t.equal(sent, aSecond, `${name}: in a second`);
  }
});

t.test('datagrams of ours: an ICMP error may quote as many as there are places', async (t) => {
  const most = bound('datagrams of ours that an ICMP error may quote');
  const sent = new RecentlySent();
  const all = 20 * most;
  for (let i = 0; i < all; i++) sent.note(i, 53, 7, 0);
  let known = 0;
  for (let i = 0; i < all; i++) if (sent.has(i, 53, 7, 0)) known++;
  t.ok(known <= most, `${known} of ${all}`);
  // With so many more than there are places hardly a place is free.
  t.ok(known > most / 2, `${known} of ${all}`);
});

t.test('connections: at the bound a new one is refused when no other one can go', async (t) => {
  const most = bound('connections');
  const connections = { size: 0, places: 64, at: () => undefined };
  const none = { lent: 0, halfOpen: 0, size: 0, used: 0 };
  const budget = new Budget({
    limits: { ...DEFAULT_LIMITS, memory: Number.POSITIVE_INFINITY },
    connections,
    busyPool: none,
    listening: none,
    waiting: none,
    pool: none,
    steps: { taken: 0 },
    now: 0,
  } as unknown as TcpContext);
  connections.size = most - 1;
  t.ok(budget.admit(), 'there is room for one more');
  connections.size = most;
  t.notOk(budget.admit(), 'and for no other');
});

t.test(
  'fragments: of one datagram as many are kept as the table says, and of all no more than its bytes',
  async (t) => {
    const row = 'datagrams in fragments';
    const [most = 0, parts = 0, memory = 0] = documented(BOUNDS, row);
    t.equal(most, 64);
    const bytes = new Uint8Array(60_000);
    const add = (table: IpReassembly, id: number, offset: number, length: number): void => {
      const fragment = new Datagram().lies(bytes, 0, 20, 20 + length, 1).goes(1, 2, false, 0, 0);
      table.add(fragment, 17, id, offset, true);
    };
    const one = new Drops();
    const crumbs = new IpReassembly(one, () => {});
    for (let i = 0; i < parts; i++) add(crumbs, 1, i * 16, 8);
    t.equal(one.of('fragment-table-full'), 0);
    add(crumbs, 1, parts * 16, 8);
    t.equal(one.of('fragment-table-full'), 1);
    const all = new Drops();
    const large = new IpReassembly(all, () => {});
    const size = 32 * 1024;
    for (let i = 0; i < memory / size - 1; i++) add(large, i, 0, size);
    t.equal(all.of('fragment-table-full'), 0);
    for (let i = 0; i < 2; i++) add(large, 100 + i, 0, size);
    t.ok(all.of('fragment-table-full') > 0, 'the oldest give way');
  },
);

t.test('TIME-WAIT: as many as docs/bounds.md says, and the oldest gives way', async (t) => {
  const most = bound('TIME-WAIT');
  const table = new TimeWaitTable(new KeyedHash(new SeededRandom(5)), DEFAULT_LIMITS.timeWait, new PeerTable());
  const rest = { sndNxt: 1, rcvNxt: 1, timestamps: false, open: false, tsRecent: 0, tsOffset: 0, window: 0 };
  for (let i = 1; i <= most; i++) table.add({ ...rest, remoteAddress: i, ports: 80, localAddress: 1, expires: i });
  t.not(table.find(1, 1, 80), NONE);
  table.add({ ...rest, remoteAddress: most + 1, ports: 80, localAddress: 1, expires: most + 1 });
  t.equal(table.find(1, 1, 80), NONE);
  t.not(table.find(2, 1, 80), NONE);
});
