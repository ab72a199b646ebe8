import t from 'tap';
import { DEPRECATED, PREFERRED } from '../../../../src/net/ip/v6/addresses.js';
import { StableIds } from '../../../../src/net/ip/v6/stable-id.js';
import { documented } from '../../../documented.js';
import { concat, view } from '../../../sim/packets.js';
import { extension, hex, icmp6, ip6, ipv6, ndOption, summed } from '../../../sim/packets6.js';
import { OTHER_MAC, OUR_MAC, PEER_MAC } from '../laboratory.js';
import {
  ALL_NODES,
  Laboratory6,
  mtuOption,
  NS,
  OURS,
  PEER_LINK,
  prefixOption,
  ROUTER,
  RS,
  SECRET,
  solicitedNode,
} from './laboratory6.js';

const HOUR = 3600;

class Home extends Laboratory6 {
  readonly told: string[] = [];

  constructor() {
    super();
    const { v6 } = this.stack;
    v6.configuration.events = {
      assigned: ({ origin }) => this.told.push(`assigned ${origin}`),
      changed: ({ state }) => this.told.push(state === DEPRECATED ? 'deprecated' : 'preferred'),
      lost: ({ origin }) => this.told.push(`lost ${origin}`),
      duplicate: ({ origin }) => this.told.push(`duplicate ${origin}`),
      unusable: (_prefix, length) => this.told.push(`unusable /${length}`),
    };
    v6.configuration.slaac = true;
    v6.start(SECRET, true);
    v6.routerDiscovery.start();
    this.told.length = 0;
    this.take();
  }

  offer(prefix: string, valid: number, preferred: number, length = 64, flags = 3): this {
    this.router({ options: [prefixOption(prefix, length, flags, valid, preferred)] });
    return this;
  }

  get own() {
    return [...this.stack.v6.addresses].filter((one) => one.origin === 'slaac');
  }

  /** Seconds that the first address is good, and preferred. */
  get left(): [number, number] {
    const [one] = this.own;
    const seconds = (time: number): number => Math.round(Math.max(0, time - this.now) / 1000);
    return [seconds(one!.validUntil), seconds(one!.preferredUntil)];
  }
}

t.test('[4861 6.3.7] [7559 2] routers are asked for until one answers, ever more seldom', async (t) => {
  const home = new Home();
  const at: number[] = [];
  for (let i = 0; i < 4000; i++) {
    home.advance(100);
    for (const one of home.takeIcmp(RS)) {
      at.push(home.now);
      if (at.length > 1) continue;
      t.equal(one.destination, hex(ip6('ff02::2')));
      t.equal(one.hops, 255);
      t.same(one.payload.subarray(8), ndOption(1, OUR_MAC));
    }
  }
  t.ok(at.length >= 6 && at.length <= 8, `${at.length} in 400 s`);
  t.ok((at[0] as number) <= 1100);
  const gaps = at.slice(1).map((one, i) => one - (at[i] as number));
  t.ok(
    gaps.every((gap, i) => Math.abs(gap / (4000 * 2 ** i) - 1) < 0.2),
    gaps.map(Math.round).join(' '),
  );
  home.router();
  home.advance(1_799_000);
  t.equal(home.takeIcmp(RS).length, 0);
  home.advance(3000);
  t.equal(home.takeIcmp(RS).length, 1, 'the last router has gone: it is asked for another');
});

t.test('[4861 6.1.2] advertisements that lie are ignored', async (t) => {
  const home = new Home();
  const option = prefixOption('2001:db8::', 64, 3, HOUR, HOUR);
  home.router({ options: [option], hops: 254 });
  home.router({ options: [option], source: ip6('2001:db8::1') });
  home.router({ options: [option, Uint8Array.of(3, 0, 0, 0, 0, 0, 0, 0)] });
  home.frame(concat());
  home.packet6(
    icmp6({ source: ROUTER, destination: ALL_NODES, hops: 255 }, 134, 1, concat(new Uint8Array(12), option)),
  );
  home.packet6(icmp6({ source: ROUTER, destination: ALL_NODES, hops: 255 }, 134, 0, new Uint8Array(8)));
  home.advance(5000);
  t.same(home.own, []);
  t.equal(home.stack.v6.routers.defaults(home.now).length, 0);
});

t.test(
  '[4862 5.5.3] an address is made of a prefix of 64 bits; of others, of the link and of contradictions not',
  async (t) => {
    const home = new Home();
    home
      .offer('2001:db8:1::', HOUR, HOUR, 63)
      .offer('fe80::', HOUR, HOUR)
      .offer('2001:db8:2::', HOUR, 2 * HOUR);
    home.offer('2001:db8:3::', HOUR, HOUR, 64, 2).offer('2001:db8:4::', 0, 0);
    t.same(home.own, []);
    home.offer('2001:db8:7::', HOUR, HOUR / 2);
    t.equal(home.own.length, 1);
    const own = home.own[0]!.bytes;
    t.equal(hex(own.subarray(0, 8)), hex(ip6('2001:db8:7::').subarray(0, 8)));
    home.advance(10);
    t.equal(
      home.takeIcmp(NS).filter(({ destination }) => destination === hex(solicitedNode(own))).length,
      1,
      'looked for',
    );
    home.advance(1000);
    t.same(home.told, ['unusable /63', 'assigned slaac']);
  },
);

t.test('[4862 5.5.3 e] an advertisement may shorten what is left to two hours, and no further', async (t) => {
  const home = new Home();
  home.offer('2001:db8::', 100 * HOUR, 50 * HOUR);
  home.offer('2001:db8::', 60, 30);
  t.same(home.left, [2 * HOUR, 30]);
  home.advance(1000_000);
  home.offer('2001:db8::', 600, 0);
  t.same(home.left, [2 * HOUR - 1000, 0], 'less than two hours are left: nothing is taken');
  home.offer('2001:db8::', 3 * HOUR, HOUR);
  t.same(home.left, [3 * HOUR, HOUR]);
  home.offer('2001:db8::', 2 * HOUR + 1, 1);
  t.same(home.left, [2 * HOUR + 1, 1]);
});

t.test('[4862 5.5.4] an address is deprecated, serves on, and ends', async (t) => {
  const home = new Home();
  home.offer('2001:db8::', 3 * HOUR, HOUR);
  home.advance(2000);
  const { handle, bytes } = home.own[0]!;
  home.advance(HOUR * 1000);
  t.same(home.told, ['assigned slaac', 'deprecated']);
  home.take();
  home.packet6(icmp6({ source: PEER_LINK, destination: bytes }, 128, 0, new Uint8Array(4)));
  home.advertise(PEER_LINK, 3, PEER_MAC, bytes);
  t.equal(home.takeIcmp(129).length, 1, 'it still answers');
  home.offer('2001:db8::', 3 * HOUR, HOUR);
  t.equal(home.own[0]!.state, PREFERRED);
  home.advance(3 * HOUR * 1000 + 1);
  t.same(home.told.slice(2), ['preferred', 'deprecated', 'lost slaac']);
  t.equal(home.stack.peers.markOf(handle), 0);
});

t.test('[6724 5] the source is of the right scope, and not deprecated while there is another', async (t) => {
  const home = new Home();
  home.offer('2001:db8:1::', 3 * HOUR, HOUR).offer('2001:db8:2::', 3 * HOUR, 2 * HOUR);
  home.advance(2000);
  const [first, second] = home.own;
  const source = (to: string): string | undefined => {
    const found = home.stack.v6.addresses.sourceFor(ip6(to));
    return found && hex(found.bytes);
  };
  t.equal(source('fe80::9'), hex(home.linkLocal), 'rule 2');
  t.equal(source('2001:db8:1::9'), hex(first!.bytes), 'rule 8');
  t.equal(source('2001:db8:2::9'), hex(second!.bytes));
  t.equal(
    source(
      Buffer.from(second!.bytes)
        .toString('hex')
        .replace(/(....)(?=.)/g, '$1:'),
    ),
    hex(second!.bytes),
    'rule 1',
  );
  home.advance(HOUR * 1000);
  t.equal(source('2001:db8:1::9'), hex(second!.bytes), 'rule 3');
});

t.test('[7217 5] an identifier stays the same in a network, and tells nothing in another', async (t) => {
  const ids = new StableIds(SECRET, OUR_MAC);
  const again = new StableIds(SECRET, OUR_MAC);
  const at = (which: StableIds, prefix: string, count = 0): string => hex(which.address(ip6(prefix), count)).slice(16);
  t.equal(at(ids, '2001:db8::'), at(again, '2001:db8::'));
  const all = [
    at(ids, '2001:db8::'),
    at(ids, '2001:db8:1::'),
    at(ids, '2001:db8::', 1),
    at(new StableIds(SECRET, PEER_MAC), '2001:db8::'),
    at(new StableIds([1, 2, 3, 5], OUR_MAC), '2001:db8::'),
  ];
  t.equal(new Set(all).size, all.length);
});

t.test('[7217 6] after a duplicate another identifier is tried, three times', async (t) => {
  const home = new Home();
  home.offer('2001:db8::', HOUR, HOUR);
  const tried = new Set<string>();
  for (let i = 0; i < 6 && home.own.length > 0; i++) {
    const [one] = home.own;
    tried.add(hex(one!.bytes));
    home.advance(5);
    home.advertise(one!.bytes, 1, OTHER_MAC, ALL_NODES);
  }
  t.equal(tried.size, 4);
  home.offer('2001:db8::', HOUR, HOUR);
  t.same(home.own, [], 'then the network is left alone');
});

t.test('[4861 6.3.4] hop limit, MTU, timers and resolvers are taken as routers say', async (t) => {
  const home = new Home();
  const { v6 } = home.stack;
  const resolver = concat(new Uint8Array(6), ip6('2001:db8::53'));
  view(resolver).setUint32(2, 600);
  home.router({ hopLimit: 33, reachable: 10_000, retrans: 2000, options: [mtuOption(1400), ndOption(25, resolver)] });
  t.equal(v6.output.hopLimit, 33);
  t.equal(v6.output.linkMtu, 1400);
  t.equal(v6.neighbours.retransTimer, 2000);
  t.same(
    v6.routerDiscovery.resolvers.map(({ address }) => hex(address)),
    [hex(ip6('2001:db8::53'))],
    '[8106 5.1]',
  );
  home.router({ options: [mtuOption(1279)] });
  t.equal(v6.output.linkMtu, 1400, 'less than the least of IPv6 is none');
  home.router({ options: [mtuOption(9000)] });
  t.equal(v6.output.linkMtu, 1500, 'nor more than the link has');
  home.advance(601_000);
  t.same(v6.routerDiscovery.resolvers, [], 'and it ends');
});

t.test(
  '[4861 6.3.4] a lifetime of 0 ends a router, not the addresses; [4191 3.2] the preferred router is used',
  async (t) => {
    const home = new Home();
    home.offer('2001:db8::', HOUR, HOUR);
    home.advance(2000);
    home.router({ source: ip6('fe80::2'), mac: OTHER_MAC, flags: 0x08 });
    const { peers, v6 } = home.stack;
    const far = ip6('2001:db8:ffff::1');
    const hop = (to = far): string => {
      const handle = v6.routers.nextHop(peers.intern(to), to);
      return handle === 0 ? '' : hex(peers.bytes(handle));
    };
    t.equal(hop(), hex(ip6('fe80::2')), 'high preference');
    home.router({ source: ip6('fe80::2'), mac: OTHER_MAC, lifetime: 0 });
    t.equal(hop(), hex(ROUTER));
    const route = new Uint8Array(14);
    route[0] = 48;
    view(route).setUint32(2, 600);
    route.set(ip6('2001:db8:88::').subarray(0, 8), 6);
    home.router({ source: ip6('fe80::3'), mac: OTHER_MAC, lifetime: 0, options: [ndOption(24, route)] });
    t.equal(hop(ip6('2001:db8:88::1')), hex(ip6('fe80::3')), 'a route that one advertises goes there');
    t.equal(hop(), hex(ROUTER));
    home.router({ lifetime: 0 });
    t.equal(hop(), '');
    t.equal(home.own.length, 1);
    home.advance(1_000_000);
    t.equal(hop(ip6('2001:db8:88::1')), '', 'and the route ends');
  },
);

t.test('what routers fill is bounded as docs/ipv6.md says, whatever is advertised', async (t) => {
  const [, byPrefix] = documented('docs/ipv6.md', 'own addresses; of them by prefix');
  const [routers, onLink, routes, resolvers] = documented(
    'docs/ipv6.md',
    'routers; prefixes on the link; advertised routes; resolvers',
  );
  const home = new Home();
  for (let i = 0; i < 300; i++) {
    const source = ip6('fe80::1:0');
    source.set([i >> 8, i & 255], 14);
    const prefix = `2001:db8:${(i + 1).toString(16)}::`;
    const resolver = concat(new Uint8Array(6), ip6(`2001:db8:${(i + 1).toString(16)}::53`));
    view(resolver).setUint32(2, HOUR);
    home.router({
      source,
      mac: Uint8Array.of(2, 1, 1, 1, i >> 8, i & 255),
      options: [prefixOption(prefix, 64, 3, HOUR, HOUR), ndOption(25, resolver)],
    });
    home.take();
  }
  const { v6 } = home.stack;
  t.equal(home.own.length, byPrefix);
  t.equal(v6.routers.defaults(home.now).length, routers);
  t.equal(v6.routers.onLinkPrefixes(home.now).length, onLink);
  t.equal(v6.routerDiscovery.resolvers.length, resolvers);
  // Routes end with their router, so few routers advertise many.
  const route = (prefix: number): Uint8Array => {
    const data = new Uint8Array(14);
    data[0] = 64;
    view(data).setUint32(2, HOUR);
    data.set(ip6(`2001:db8:${prefix.toString(16)}::`).subarray(0, 8), 6);
    return ndOption(24, data);
  };
  const other = new Home();
  for (let i = 0; i < 8; i++) {
    const options = Array.from({ length: 16 }, (_, k) => route(i * 16 + k + 1));
    other.router({ source: ip6(`fe80::1:${i}`), mac: Uint8Array.of(2, 1, 1, 1, 0, i), options });
  }
  const kept = (other.stack.v6.routers as unknown as { routes: unknown[] }).routes;
  t.equal(kept.length, routes);
});

t.test('own addresses: as many as docs/ipv6.md says, of whatever origin', async (t) => {
  const [most = 0] = documented('docs/ipv6.md', 'own addresses; of them by prefix');
  const home = new Home();
  for (let i = 0; i < 2 * most; i++)
    home.stack.v6.configuration.add(ip6(`2001:db8::1:${i.toString(16)}`), 64, 'static', { known: true });
  t.equal([...home.stack.v6.addresses].length, most);
});

// Listener discovery

interface Record {
  readonly type: number;
  readonly group: string;
}

function reports(lab: Laboratory6): Record[] {
  return lab.take6().flatMap(({ next, payload, hops, destination }) => {
    if (next !== 0 || payload[8] !== 143) return [];
    t.equal(hops, 1);
    t.equal(destination, hex(ip6('ff02::16')));
    t.same(payload.subarray(2, 6), Uint8Array.of(5, 2, 0, 0), 'a router alert');
    const message = payload.subarray(8);
    return Array.from({ length: view(message).getUint16(6) }, (_, i) => {
      const at = 8 + i * 20;
      return { type: message[at] as number, group: hex(message.subarray(at + 4, at + 20)) };
    });
  });
}

function query(
  group: string,
  delay: number,
  v1 = false,
  more: { hops?: number; source?: Uint8Array } = {},
): Uint8Array {
  const body = new Uint8Array(v1 ? 24 : 28);
  body[0] = 130;
  view(body).setUint16(4, delay);
  body.set(ip6(group), 8);
  const { hops = 1, source = ROUTER } = more;
  const alert = extension(58, Uint8Array.of(5, 2, 0, 0, 1, 0));
  return ipv6({
    source,
    destination: ALL_NODES,
    next: 0,
    hops,
    payload: concat(alert, summed(source, ALL_NODES, 58, 2, body)),
  });
}

t.test(
  '[3810 6.1] a group that is joined is reported, twice; one that is left, too; that of all nodes never',
  async (t) => {
    const lab = new Laboratory6();
    lab.stack.v6.start(SECRET, true);
    lab.take();
    const { configuration } = lab.stack.v6;
    const one = configuration.add(OURS, 64, 'static', { known: true })!;
    const group = hex(solicitedNode(OURS));
    t.same(reports(lab), [{ type: 4, group }]);
    lab.advance(1000);
    t.equal(reports(lab).filter((record) => record.group === group && record.type === 4).length, 1);
    lab.advance(100_000);
    t.same(reports(lab), []);
    configuration.remove(one);
    t.same(reports(lab), [{ type: 3, group }]);
    lab.advance(1000);
    t.same(reports(lab), [{ type: 3, group }]);
    lab.advance(100_000);
    t.same(reports(lab), []);
    configuration.remove(configuration.add(OURS, 64, 'static', { known: true })!);
    configuration.add(OURS, 64, 'static', { known: true });
    lab.take();
    lab.advance(1000);
    t.notOk(
      reports(lab).some(({ type }) => type === 3),
      'one that is joined again meanwhile is left no second time',
    );
    lab.packet6(query('::', 100));
    lab.advance(200);
    t.notOk(reports(lab).some((record) => record.group === hex(ALL_NODES)));
  },
);

t.test(
  '[3810 5.2.13] groups that are left at the end are reported by the link-local address, the last of all',
  async (t) => {
    const lab = Laboratory6.ready();
    lab.advance(3000);
    const own = hex(lab.stack.v6.addresses.linkLocal!.bytes);
    lab.take();
    lab.stack.v6.stop();
    const sources = lab
      .take6()
      .flatMap(({ next, payload, source }) => (next === 0 && payload[8] === 143 ? [source] : []));
    t.same(sources, [own, own]);
  },
);

t.test('groups that are left and whose report is due are as many as the addresses of a host', async (t) => {
  const lab = Laboratory6.ready();
  const { configuration, groups } = lab.stack.v6;
  for (let i = 0; i < 100; i++)
    configuration.remove(configuration.add(ip6(`2001:db8::1:${i.toString(16)}`), 64, 'static', { known: true })!);
  t.equal((groups as unknown as { left: unknown[] }).left.length, 32);
  lab.advance(1000);
  t.equal((groups as unknown as { left: unknown[] }).left.length, 0);
});

t.test('[3810 6.2] queries are answered within the time that they give, and lies are not', async (t) => {
  const lab = Laboratory6.ready();
  lab.advance(3000);
  lab.take();
  const group = hex(solicitedNode(OURS));
  lab.packet6(query('::', 5000));
  lab.advance(5000);
  const all = reports(lab);
  t.same(
    all.map(({ type }) => type),
    [2, 2],
  );
  t.ok(all.some((record) => record.group === group));
  lab.packet6(query('ff02::1:ff00:2', 1000));
  lab.advance(1000);
  t.same(reports(lab), [{ type: 2, group }]);
  lab.packet6(query('::', 10, false, { hops: 2 }));
  lab.packet6(query('::', 10, false, { source: ip6('2001:db8::1') }));
  lab.advance(1000);
  t.same(reports(lab), []);
});

t.test('[3810 8] a querier of version 1 is answered in version 1, for 260 s', async (t) => {
  const lab = Laboratory6.ready();
  lab.advance(3000);
  lab.take();
  lab.packet6(query('::', 1000, true));
  lab.advance(1000);
  const sent = lab.take6();
  t.same(
    sent.map(({ payload }) => payload[8]),
    [131, 131],
  );
  t.ok(sent.every(({ destination, payload }) => destination === hex(payload.subarray(16, 32))));
  lab.advance(261_000);
  lab.packet6(query('::', 1000));
  lab.advance(1000);
  t.equal(reports(lab).length, 2);
});
