/**
 * The work that one packet causes is bounded by a constant, whatever was sent before it: what is looked at is counted,
 * in each table that strangers fill. What TCP does with ACKs, SACKs and crumbs is in `tcp/liars.test.ts`.
 */
import t from 'tap';
import { Drops } from '../../src/net/drops.js';
import { SeededRandom } from '../../src/net/host/seeded-random.js';
import { Datagram } from '../../src/net/ip/contracts/datagram.js';
import { Neighbours } from '../../src/net/ip/neighbours.js';
import { IpReassembly } from '../../src/net/ip/reassembly.js';
import { PeerTable } from '../../src/net/ip/v6/peer-table.js';
import { KeyedHash } from '../../src/net/keyed-hash.js';
import { FlowTable } from '../../src/net/tcp/tables/flow-table.js';
import { NONE, TimeWaitTable } from '../../src/net/tcp/tables/time-wait.js';
import { type Due, TimerHeap } from '../../src/net/tcp/tables/timer-heap.js';
import { parseDhcp } from '../../src/net/wire/dhcp.js';
import { documented } from '../documented.js';
import { ACK, ip, SYN } from '../sim/packets.js';
import { Script } from './tcp/script.js';

/** What a newcomer makes us look at, as the document says. */
const [LOOK = 0, PLACES_A_STEP = 0] = documented('docs/bounds.md', 'SYN, or what opens a connection');
const [DHCP_BYTES = 0] = documented('docs/bounds.md', 'DHCP message');

/** Names that strangers can choose: near each other, alike in all but a few bits, and any. */
const NAMES: readonly [string, (i: number) => [number, number]][] = [
  ['ports upwards', (i) => [ip('10.0.0.1') + (i >> 16), ((i & 0xffff) << 16) | 80]],
  ['addresses upwards', (i) => [ip('10.0.0.0') + i, (5000 << 16) | 80]],
  ['addresses by 2^16', (i) => [Math.imul(i, 0x1_0000) ^ (i >> 16), (5000 << 16) | 80]],
  ['a pattern in both', (i) => [Math.imul(i, 0x9e37_79b1), (Math.imul(i, 0x85eb_ca6b) & 0xffff0000) | 80]],
];

class Name {
  looks: { count: number };
  constructor(
    readonly remoteAddress: number,
    private readonly both: number,
    looks: { count: number },
  ) {
    this.looks = looks;
  }
  readonly localAddress = 1;
  get ports(): number {
    this.looks.count++;
    return this.both;
  }
}

t.test(
  'connections and half-open ones: a name is found within a few places, among 100,000 that a stranger chose',
  async (t) => {
    for (const [what, name] of NAMES) {
      const looks = { count: 0 };
      const table = new FlowTable<Name>(new KeyedHash(new SeededRandom(5)), new PeerTable());
      const all = Array.from({ length: 100_000 }, (_, i) => new Name(...name(i), looks));
      for (const one of all) table.add(one);
      let worst = 0;
      const measure = (find: () => void): void => {
        looks.count = 0;
        find();
        worst = Math.max(worst, looks.count);
      };
      for (let i = 0; i < 100_000; i++) {
        const [remote, ports] = name(i);
        measure(() => table.get(remote, 1, ports));
        measure(() => table.get(remote ^ 0x55aa, 1, ports ^ 0x1234_0000));
      }
      for (let i = 0; i < 100_000; i += 3) measure(() => table.delete(all[i] as Name));
      t.ok(worst <= 128, `${what}: ${worst} places at most`);
    }
  },
);

t.test('TIME-WAIT: a row is found within a few places, among 65,536 that a stranger chose', async (t) => {
  for (const [what, name] of NAMES) {
    const table = new TimeWaitTable(new KeyedHash(new SeededRandom(5)), 65_536, new PeerTable());
    const rest = { sndNxt: 1, rcvNxt: 1, timestamps: false, open: false, tsRecent: 0, tsOffset: 0, window: 0 };
    for (let i = 0; i < 65_536; i++) {
      const [remoteAddress, ports] = name(i);
      table.add({ ...rest, remoteAddress, ports, localAddress: 1, expires: i });
    }
    const { slots } = table as unknown as { slots: Int32Array };
    let run = 0;
    let longest = 0;
    for (let i = 0; i < slots.length; i++) {
      run = slots[i] === -1 ? 0 : run + 1;
      longest = Math.max(longest, run);
    }
    t.ok(longest <= 128, `${what}: ${longest} places in a row at most`);
  }
});

t.test('connections: while a table grows, one more looks at a few places, and none is lost on the way', async (t) => {
  for (const [what, name] of NAMES) {
    const looks = { count: 0 };
    const table = new FlowTable<Name>(new KeyedHash(new SeededRandom(5)), new PeerTable());
    const all = Array.from({ length: 20_000 }, (_, i) => new Name(...name(i), looks));
    let worst = 0;
    let lost = 0;
    const find = (one: Name): Name | undefined => table.get(one.remoteAddress, 1, one.ports);
    all.forEach((one, i) => {
      looks.count = 0;
      table.add(one);
      worst = Math.max(worst, looks.count);
      const earlier = all[(Math.imul(i, 0x9e37_79b1) >>> 0) % (i + 1)] as Name;
      if (find(earlier) !== earlier || find(one) !== one) lost++;
    });
    t.ok(worst <= PLACES_A_STEP + 1, `${what}: ${worst} entries are looked at to add one`);
    t.equal(lost, 0);
    const inPlaces = new Set<Name>();
    for (let i = 0; i < table.places; i++) {
      const one = table.at(i);
      if (one !== undefined) inPlaces.add(one);
    }
    t.equal(inPlaces.size, all.length, 'each has one place, in the old table or in the new one');
    t.equal(new Set(table).size, all.length);
    for (const one of all) if (!table.delete(one) || find(one) !== undefined) lost++;
    t.equal(lost, 0);
    t.equal(table.size, 0);
  }
});

t.test('connections and TIME-WAIT: what comes and goes while a table grows is found as in a map', async (t) => {
  const random = new SeededRandom(77);
  const dice = (sides: number): number => (random.random32() >>> 0) % sides;
  const hash = new KeyedHash(random);
  const table = new FlowTable<Name>(hash, new PeerTable());
  const waiting = new TimeWaitTable(hash, 65_536, new PeerTable());
  const rest = { sndNxt: 1, rcvNxt: 1, timestamps: false, open: false, tsRecent: 0, tsOffset: 0, window: 0 };
  const known = new Map<number, Name>();
  let wrong = 0;
  for (let i = 0; i < 30_000; i++) {
    const port = dice(20_000);
    const ports = (port << 16) | 80;
    const there = known.get(port);
    if (table.get(9, 1, ports) !== there) wrong++;
    const row = waiting.find(9, 1, ports);
    if ((row !== NONE) !== (there !== undefined)) wrong++;
    // Mostly more, so that it grows; at times nearly all of them go.
    if (there === undefined) {
      const one = new Name(9, ports, { count: 0 });
      known.set(port, one);
      table.add(one);
      waiting.add({ ...rest, remoteAddress: 9, localAddress: 1, ports, expires: i });
    } else if (dice(3) === 0) {
      known.delete(port);
      if (!table.delete(there)) wrong++;
      waiting.delete(row);
    }
    if (i % 10_000 === 9999) {
      for (const [key, one] of [...known].slice(0, -10)) {
        known.delete(key);
        table.delete(one);
        waiting.delete(waiting.find(9, 1, one.ports));
      }
    }
    if (table.size !== known.size || waiting.size !== known.size) wrong++;
  }
  t.equal(wrong, 0);
});

t.test('TIME-WAIT: while the table grows, one more looks at a few rows', async (t) => {
  const table = new TimeWaitTable(new KeyedHash(new SeededRandom(5)), 65_536, new PeerTable());
  const hash = (table as unknown as { hash: { of(remote: number, ports: number): number } }).hash;
  const { of } = hash;
  let looks = 0;
  hash.of = (remote, ports) => {
    looks++;
    return of.call(hash, remote, ports);
  };
  const rest = { sndNxt: 1, rcvNxt: 1, timestamps: false, open: false, tsRecent: 0, tsOffset: 0, window: 0 };
  let worst = 0;
  for (let i = 0; i < 65_536; i++) {
    looks = 0;
    table.add({ ...rest, remoteAddress: 9, localAddress: 1, ports: (i << 16) | 80, expires: i });
    worst = Math.max(worst, looks);
  }
  t.ok(worst <= PLACES_A_STEP + 1, `${worst} rows at most`);
});

t.test('timers: what is armed, moved or removed looks at two for each doubling of their number', async (t) => {
  let looks = 0;
  class Counted implements Due {
    deadline = 0;
    heapIndex = -1;
    private at = Number.POSITIVE_INFINITY;
    get heapAt(): number {
      looks++;
      return this.at;
    }
    set heapAt(at: number) {
      this.at = at;
    }
  }
  const heap = new TimerHeap<Counted>();
  const random = new SeededRandom(3);
  const all = Array.from({ length: 100_000 }, () => new Counted());
  let worst = 0;
  const measure = (what: () => void): void => {
    looks = 0;
    what();
    worst = Math.max(worst, looks);
  };
  for (let i = 0; i < 100_000; i++) {
    const one = all[i] as Counted;
    // Upwards, downwards, and any.
    one.deadline = i % 3 === 0 ? i : i % 3 === 1 ? 100_000 - i : random.below(100_000);
    measure(() => heap.arm(one));
  }
  for (let i = 0; i < 50_000; i++) measure(() => heap.remove(all[random.below(100_000)] as Counted));
  t.ok(worst <= 4 * 17, `${worst} looks`);
});

t.test('neighbours: a turn looks at those whose request is due, and at no other', async (t) => {
  let looks = 0;
  const neighbours = new Neighbours({ request: () => {}, release: () => {} }, new Drops());
  for (let i = 0; i < 256; i++) {
    const one = neighbours.get(ip('10.0.0.0') + i);
    let asked = Number.NEGATIVE_INFINITY;
    Object.defineProperty(one, 'askedAt', {
      get: () => {
        looks++;
        return asked;
      },
      set: (at: number) => {
        asked = at;
      },
    });
    neighbours.use(one, i);
  }
  looks = 0;
  for (let i = 0; i < 1000; i++) neighbours.poll(500);
  t.equal(looks, 1000, 'one for each turn while none is due');
  looks = 0;
  neighbours.poll(1010);
  t.ok(looks <= 2 * 12, `${looks} where eleven are due`);
  for (let now = 1020; now < 5000; now += 10) neighbours.poll(now);
  t.equal(neighbours.poll(6000), Number.POSITIVE_INFINITY, 'and each is given up in its turn');
});

t.test(
  'neighbours: as many are asked for in a second as docs/bounds.md says, also where each answers at once',
  async (t) => {
    const [most = 0] = documented('docs/bounds.md', 'neighbours that are asked for anew');
    let asked = 0;
    const neighbours = new Neighbours({ request: () => void asked++, release: () => {} }, new Drops());
    const mac = new Uint8Array(6);
    const ask = (first: number, now: number): void => {
      for (let i = 0; i < 2 * most; i++) {
        const one = neighbours.get(ip('10.0.0.0') + first + i);
        if (neighbours.hopeless(one, now)) continue;
        neighbours.use(one, now);
        neighbours.learn(one.address, mac, 0, true, now);
      }
    };
    ask(0, 0);
    t.equal(asked, most);
    ask(2 * most, 500);
    t.equal(asked, 1.5 * most, 'half of it after half a second');
  },
);

t.test('of neighbours that do not answer no more than 256 are remembered, those that failed last', (t) => {
  const neighbours = new Neighbours({ request: () => {}, release: () => {} }, new Drops());
  const all = Array.from({ length: 3 * 256 }, (_, i) => neighbours.get(ip('10.0.0.0') + i));
  let now = 0;
  // As many at a time as may be asked for.
  for (let from = 0; from < all.length; from += 256) {
    for (const one of all.slice(from, from + 256)) neighbours.use(one, now);
    for (const end = now + 5000; now < end; now += 100) neighbours.poll(now);
  }
  const remembered = all.map((one) => neighbours.get(one.address) === one);
  t.equal(remembered.filter((there) => there).length, 256);
  t.ok(remembered.slice(-256).every((there) => there));
  t.end();
});

t.test('fragments: however they are cut, their parts and what they take are bounded', async (t) => {
  const drops = new Drops();
  const table = new IpReassembly(drops, () => {});
  const bytes = new Uint8Array(1500);
  for (let i = 0; i < 20_000; i++) {
    const offset = 8 * (((i * 7919) % 8000) | 0);
    const fragment = new Datagram().lies(bytes, 0, 20, 28, 1).goes(1, 2, false, 0, i / 100);
    table.add(fragment, 17, i % 100, offset, true);
    const { pieces } = table as unknown as { pieces: { table: Map<string, { parts: unknown[] }> } };
    const { table: partials } = pieces;
    const { memory: taken } = table;
    if (i % 500 !== 0) continue;
    t.ok(partials.size <= 64 && taken <= 512 * 1024, `${partials.size} datagrams, ${taken} bytes`);
    t.ok([...partials.values()].every(({ parts }) => parts.length <= 128));
  }
});

t.test(
  "DHCP: a message is not longer than what we offer to take, and an option's value not longer than the message",
  async (t) => {
    const mac = Uint8Array.of(2, 0, 0, 0, 0, 1);
    const message = (length: number): Uint8Array => {
      const bytes = new Uint8Array(length);
      bytes.set([2, 1, 6], 0);
      bytes.set(mac, 28);
      bytes.set([0x63, 0x82, 0x53, 0x63], 236);
      bytes.set([53, 1, 5], 240);
      // RFC 3396: the rest is one option, in pieces.
      for (let at = 243; at + 257 <= length; at += 257) bytes.set([15, 255], at);
      for (let at = 243; at + 257 <= length; at += 257) bytes.fill(97, at + 2, at + 257);
      return bytes;
    };
    t.equal(parseDhcp(message(DHCP_BYTES), 0, DHCP_BYTES, mac)?.domain?.length, 4 * 255);
    t.equal(parseDhcp(message(DHCP_BYTES + 1), 0, DHCP_BYTES + 1, mac), undefined);
    t.equal(parseDhcp(message(65_507), 0, 65_507, mac), undefined);
  },
);

t.test(
  'who gives way: a newcomer makes us look at a bounded number of places, among any number of connections',
  async (t) => {
    const s = new Script(1, { limits: { connections: 3000 } });
    const { tcp } = s.host;
    const join = (port: number): void => {
      s.send(SYN, { from: port, seq: 1000 });
      const answer = s.since().at(-1);
      s.send(ACK, { from: port, seq: 1001, ack: ((answer?.seq as number) + 1) | 0 });
      s.since();
    };
    for (let i = 0; i < 3000; i++) join(10_000 + i);
    t.equal(tcp.connections.size, 3000);
    let worst = 0;
    const crowd = (from: number): void => {
      for (let i = 0; i < 500; i++) {
        const before = tcp.steps.taken;
        join(from + i);
        worst = Math.max(worst, tcp.steps.taken - before);
      }
    };
    crowd(20_000);
    t.equal(tcp.counters.shedIdle, 0, 'all were heard of a moment ago: none gives way');
    s.wait(5000);
    crowd(30_000);
    t.equal(tcp.counters.shedIdle, 500, 'and now one for each');
    t.ok(worst <= LOOK + 64, `${worst} steps at most`);
  },
);
