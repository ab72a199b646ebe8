/** Made-up routers against real ones: what a flood of advertisements can hide, and for how long. */
import t from 'tap';
import { FairShare, OPERATOR } from '../../../../src/net/ip/v6/fair-share.js';
import { view } from '../../../sim/packets.js';
import { ip6, ndOption } from '../../../sim/packets6.js';
import { Laboratory6, NA, NS, prefixOption, ROUTER, ROUTER_MAC, RS, SECRET } from './laboratory6.js';

const HOUR = 3600;
const LIAR_MAC = Uint8Array.of(2, 0xba, 0xd, 0, 0, 1);

/** A route information option (RFC 4191 2.3) to a /64. */
function routeOption(prefix: string): Uint8Array {
  const data = new Uint8Array(14);
  data[0] = 64;
  view(data).setUint32(2, HOUR);
  data.set(ip6(prefix).subarray(0, 8), 6);
  return ndOption(24, data);
}

/** An RDNSS option (RFC 8106 5.1). */
function resolverOption(address: string): Uint8Array {
  const data = new Uint8Array(22);
  view(data).setUint32(2, HOUR);
  data.set(ip6(address), 6);
  return ndOption(25, data);
}

class Home extends Laboratory6 {
  private made = 0;

  constructor() {
    super();
    const { v6 } = this.stack;
    v6.configuration.slaac = true;
    v6.start(SECRET, true);
    v6.routerDiscovery.start();
    this.offer('2001:db8:1::');
    this.advance(1500);
    // Packets go through the router, and it answers.
    const known = v6.neighbours.find(this.stack.peers.intern(ROUTER))!;
    v6.neighbours.confirm(known, this.now);
    this.take();
  }

  offer(prefix: string, source: Uint8Array = ROUTER, mac: Uint8Array = ROUTER_MAC): void {
    this.router({ source, mac, options: [prefixOption(prefix, 64, 3, HOUR, HOUR)] });
  }

  /** One advertisement of a router that is none, with ever new prefixes, routes and resolvers. */
  lie(mac: Uint8Array = LIAR_MAC, source?: Uint8Array): void {
    const number = (0x1000 + (this.made++ % 0xe000)).toString(16);
    const name = source ?? ip6(`fe80::bad:${number}`);
    const options = [
      prefixOption(`2001:db8:${number}::`, 64, 3, HOUR * 24, HOUR * 24),
      routeOption(`2001:db8:${number}:1::`),
      resolverOption(`2001:db8:${number}::53`),
    ];
    this.router({ source: name, mac, options });
  }

  /** `count` of them, ten each ms. */
  flood(count: number, mac?: Uint8Array): void {
    for (let i = 0; i < count; i++) {
      this.lie(mac);
      if (i % 10 === 0) this.advance(1);
    }
  }

  /** Whether an address of the network is assigned. */
  serves(prefix: string): boolean {
    const wanted = ip6(prefix).subarray(0, 8);
    return [...this.stack.v6.addresses].some(
      (one) => one.origin === 'slaac' && one.state !== 0 && wanted.every((byte, i) => byte === one.bytes[i]),
    );
  }

  onLink(prefix: string): boolean {
    const address = ip6(prefix);
    address[15] = 1;
    return this.stack.v6.routers.onLink(address);
  }
}

t.test('a flood from one station hides no new prefix of our router, and costs none that is there', async (t) => {
  const home = new Home();
  home.flood(1500);
  t.ok(home.serves('2001:db8:1::'), 'the old address serves');
  home.offer('2001:db8:2::');
  home.flood(2000);
  t.ok(home.now < 10_000, `${home.now} ms: within duplicate detection and its delay`);
  home.advance(1000);
  for (const prefix of ['2001:db8:1::', '2001:db8:2::']) {
    t.ok(home.serves(prefix), prefix);
    t.ok(home.onLink(prefix), prefix);
  }
  home.flood(2000);
  t.ok(home.serves('2001:db8:1::') && home.serves('2001:db8:2::'), 'and both stay');
});

t.test('nor one of a router that was not there before: its first advertisement counts', async (t) => {
  const home = new Home();
  home.flood(1500);
  const other = Uint8Array.of(2, 0, 0, 0, 0, 0x22);
  home.router({
    source: ip6('fe80::22'),
    mac: other,
    options: [
      prefixOption('2001:db8:3::', 64, 3, HOUR, HOUR),
      routeOption('2001:db8:33::'),
      resolverOption('2001:db8:3::53'),
    ],
  });
  home.flood(2000);
  home.advance(1500);
  const { routers, routerDiscovery } = home.stack.v6;
  t.ok(home.serves('2001:db8:3::'));
  t.ok(home.onLink('2001:db8:3::'));
  const hop = routers.nextHop(0, ip6('2001:db8:33::1'));
  t.same(home.stack.peers.bytes(hop), ip6('fe80::22'), 'its route leads to it');
  t.ok(
    routers.defaults(home.now).some((one) => one.handle === hop),
    'it is one of the routers',
  );
  t.ok(
    routerDiscovery.resolvers.some(({ address }) => Buffer.from(address).equals(ip6('2001:db8:3::53'))),
    'its resolver is kept',
  );
});

t.test('a prefix that came in the second of a flood is asked for again a second later', async (t) => {
  const home = new Home();
  const stations = [1, 2, 3].map((last) => Uint8Array.of(2, 0xba, 0xd, 0, 1, last));
  for (let i = 0; i < 200; i++) home.lie(stations[i % 3]);
  home.take();
  const other = Uint8Array.of(2, 0, 0, 0, 0, 0x22);
  const offer = (): void => home.offer('2001:db8:3::', ip6('fe80::22'), other);
  offer();
  home.advance(2000);
  t.notOk(home.serves('2001:db8:3::'), 'every place is that of a newcomer');
  home.advance(2000);
  t.equal(home.takeIcmp(RS).length, 1, 'so all routers are asked, four seconds after the last time');
  offer();
  home.advance(1500);
  t.ok(home.serves('2001:db8:3::'));
  for (let second = 0; second < 40; second++) {
    home.flood(100, stations[second % 3]);
    home.advance(1000);
  }
  t.ok(home.takeIcmp(RS).length <= 11, 'a flood that goes on has one question in four seconds');
});

t.test('one station has a share of each table, whatever names it takes', async (t) => {
  const home = new Home();
  home.flood(1500);
  const { addresses, routers, routerDiscovery } = home.stack.v6;
  t.equal([...addresses].filter((one) => one.origin === 'slaac').length, 1 + 8);
  t.equal(routers.defaults(home.now).length, 1 + 2);
  t.equal(routers.onLinkPrefixes(home.now).length, 1 + 16);
  t.equal(routerDiscovery.resolvers.length, 4);
});

t.test('under the name and the MAC of our own router: what is in use stays, and its next word counts', async (t) => {
  const home = new Home();
  const { peers, v6 } = home.stack;
  const used = [...v6.addresses].find((one) => one.origin === 'slaac')!;
  peers.hold(used.handle); // as a connection does
  for (let i = 0; i < 1200; i++) {
    home.lie(ROUTER_MAC, ROUTER);
    if (i % 10 === 0) home.advance(1);
  }
  home.advance(1000);
  t.ok(home.serves('2001:db8:1::'), 'a connection keeps its address');
  home.offer('2001:db8:2::');
  home.advance(1000);
  t.ok(home.serves('2001:db8:2::'), 'a new prefix takes the place of one that nothing uses');
  peers.drop(used.handle);
});

t.test('of many stations: the gateway has its places, and the table its bound', async (t) => {
  const home = new Home();
  for (let i = 0; i < 1200; i++) {
    home.lie(Uint8Array.of(2, 0xba, 0xd, 0, i >> 8, i & 255));
    if (i % 10 === 0) home.advance(1);
  }
  home.offer('2001:db8:2::');
  for (let i = 0; i < 1200; i++) {
    home.lie(Uint8Array.of(2, 0xba, 0xd, 1, i >> 8, i & 255));
    if (i % 10 === 0) home.advance(1);
  }
  home.advance(1000);
  t.ok(home.serves('2001:db8:1::') && home.serves('2001:db8:2::'));
  t.equal([...home.stack.v6.addresses].filter((one) => one.origin === 'slaac').length, 16);
  t.equal(home.stack.v6.routers.defaults(home.now).length, 8);
  t.equal(home.stack.v6.routers.onLinkPrefixes(home.now).length, 32);
});

t.test('what a flood makes us send is bounded by time, not by the flood', async (t) => {
  const home = new Home();
  home.flood(100);
  home.take();
  const began = home.now;
  home.flood(6000);
  const seconds = (home.now - began) / 1000;
  const sent = home.take6();
  const asked = sent.filter(({ next, payload }) => next === 58 && payload[0] === NS).length;
  const announced = sent.filter(({ next, payload }) => next === 58 && payload[0] === NA).length;
  // A share of eight addresses that are at least a second old when they give way; each is looked for once and
  // announced twice, and its group is joined and left, twice reported.
  t.ok(asked <= 8 * (seconds + 1), `${asked} questions in ${seconds} s`);
  t.ok(announced <= 16 * (seconds + 1), `${announced} announcements`);
  t.ok(sent.length <= 80 * (seconds + 1), `${sent.length} packets`);
});

t.test('who gives way: nobody below a share, one of the largest above, never what may not go', async (t) => {
  const shares = new FairShare({ random32: () => 0 }, 4, 2);
  const entry = (by: number, since = 0) => ({ by, since });
  const any = () => true;
  const who = { station: 7, gateway: undefined };
  t.equal(shares.room([entry(7)], who, 5000, any), true);
  const own = [entry(7), entry(7, 4500)];
  t.equal(shares.room(own, who, 5000, any), own[0], 'its own, once it has settled');
  t.equal(shares.room([entry(7, 4500), entry(7, 4500)], who, 5000, any), undefined, 'else nothing is taken');
  const full = [entry(1), entry(2), entry(2), entry(3)];
  t.equal(shares.room(full, who, 5000, any), full[1], 'of the station that has most');
  t.equal(
    shares.room(full, who, 5000, () => false),
    undefined,
  );
  const even = [entry(7), entry(1), entry(2), entry(3)];
  t.equal(shares.room(even, who, 5000, any), undefined, 'who has as many as any other takes nothing from them');
  t.equal(
    shares.room(
      [OPERATOR, OPERATOR, 3, 3].map((by) => entry(by)),
      { station: 7, gateway: 3 },
      5000,
      any,
    ),
    undefined,
    'neither the operator nor the gateway gives way to others',
  );
  t.equal(shares.room(full, { station: 9, gateway: 9 }, 100, any), full[1], 'the gateway need not wait');
});
