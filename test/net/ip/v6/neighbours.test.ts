import { readFileSync } from 'node:fs';
import t from 'tap';
import { Memory } from '../../../../src/memory/memory.js';
import { concat } from '../../../sim/packets.js';
import { hex, icmp6, ip6, ndOption } from '../../../sim/packets6.js';
import { OTHER_MAC, OUR_MAC, PEER_MAC } from '../laboratory.js';
import {
  ALL_NODES,
  Laboratory6,
  NA,
  NOBODY,
  NS,
  OURS,
  PEER6,
  ROUTER,
  ROUTER_MAC,
  SECRET,
  solicitedNode,
} from './laboratory6.js';

const REDIRECT = 137;
const STRANGER = ip6('2001:db8::55');
const FAR = ip6('2001:db8:ffff::9');

function send(lab: Laboratory6, to: Uint8Array): boolean {
  const handle = lab.stack.peers.intern(to);
  const port = lab.stack.udp.bind(40_000, () => {});
  const sent = port.send(Uint8Array.of(1), handle, 9);
  port.close();
  return sent;
}

const count = (lab: Laboratory6, type: number): number => lab.takeIcmp(type).length;

t.test(
  '[4861 7.2.4] a solicitation is answered to who asked: solicited, override, our address on the link',
  async (t) => {
    const lab = Laboratory6.ready();
    lab.solicit(OURS);
    const [answer] = lab.takeIcmp(NA);
    t.equal(answer?.destination, hex(PEER6));
    t.equal(answer?.source, hex(OURS));
    t.equal(answer?.mac, hex(PEER_MAC));
    t.equal(answer?.hops, 255);
    t.equal(answer?.payload[4], 0x60);
    t.same(answer?.payload.subarray(8), concat(OURS, ndOption(2, OUR_MAC)));
  },
);

t.test('[4861 7.2.4] one from nobody is answered to all nodes', async (t) => {
  const lab = Laboratory6.ready();
  lab.solicit(OURS, NOBODY);
  const [answer] = lab.takeIcmp(NA);
  t.equal(answer?.destination, hex(ALL_NODES));
  t.equal(answer?.payload[4], 0x20);
});

t.test('[4861 7.1.1] solicitations that lie are dropped: hop limit, code, options, targets, groups', async (t) => {
  const lab = Laboratory6.ready();
  const group = solicitedNode(OURS);
  const body = concat(new Uint8Array(4), OURS);
  const ask = (fields: Parameters<typeof icmp6>[0], code: number, more: Uint8Array): void =>
    lab.packet6(icmp6(fields, NS, code, more));
  const whole = concat(body, ndOption(1, PEER_MAC));
  ask({ source: PEER6, destination: group, hops: 254 }, 0, whole);
  t.equal(lab.dropped('nd-hop-limit'), 1);
  ask({ source: PEER6, destination: group, hops: 255 }, 1, whole);
  ask({ source: PEER6, destination: group, hops: 255 }, 0, concat(body, Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0)));
  ask({ source: PEER6, destination: group, hops: 255 }, 0, concat(body, Uint8Array.of(1, 2, 0, 0, 0, 0, 0, 0)));
  ask({ source: PEER6, destination: OURS, hops: 255 }, 0, concat(new Uint8Array(4), ip6('ff02::1')));
  ask({ source: PEER6, destination: OURS, hops: 255 }, 0, body.subarray(0, 12));
  ask({ source: NOBODY, destination: group, hops: 255 }, 0, whole);
  ask({ source: NOBODY, destination: ALL_NODES, hops: 255 }, 0, body);
  t.equal(lab.dropped('nd-malformed'), 7);
  lab.solicit(STRANGER);
  t.equal(lab.take6().length, 0);
});

t.test(
  '[4861 7.2.2] a neighbour that is unknown is asked for three times, a second apart; then its packets are dropped',
  async (t) => {
    const lab = Laboratory6.ready();
    t.equal(send(lab, STRANGER), true);
    for (let i = 0; i < 3; i++) {
      const [ask] = lab.takeIcmp(NS);
      t.equal(ask?.destination, hex(solicitedNode(STRANGER)));
      t.same(ask?.payload.subarray(24), ndOption(1, OUR_MAC));
      lab.advance(999);
      t.equal(count(lab, NS), 0);
      lab.advance(1.1);
    }
    t.equal(lab.dropped('neighbour-unresolved'), 1);
    t.equal(send(lab, STRANGER), false, 'for a while it is not asked for again (RFC 7048)');
    t.equal(count(lab, NS), 0);
    lab.advance(1000);
    send(lab, STRANGER);
    t.equal(count(lab, NS), 1);
  },
);

t.test('one that fails again and again is left alone for as long as docs/ipv6.md says, and no longer', async (t) => {
  const text = readFileSync('docs/ipv6.md', 'utf8').replaceAll('\n', ' ');
  const [, first, second, third, most] = /left alone for (\d+), (\d+), (\d+) … (\d+) s/.exec(text) ?? [];
  const lab = Laboratory6.ready();
  const pauses: number[] = [];
  send(lab, STRANGER);
  for (let failures = 0; failures < 6; failures++) {
    // Three questions, a second apart, and a second for the last answer.
    lab.advance(3000);
    lab.take();
    const from = lab.now;
    do {
      lab.advance(250);
      send(lab, STRANGER);
    } while (count(lab, NS) === 0 && lab.now - from < 1e6);
    pauses.push((lab.now - from) / 1000);
  }
  t.same(pauses.slice(0, 3), [first, second, third].map(Number));
  t.equal(Math.max(...pauses), Number(most));
});

t.test('[4861 7.2.2] what waits for a neighbour leaves when it answers, 16 packets of it, the newest', async (t) => {
  const lab = Laboratory6.ready();
  for (let i = 0; i < 20; i++) send(lab, STRANGER);
  t.equal(lab.dropped('neighbour-queue-full'), 4);
  t.equal(count(lab, NS), 1);
  lab.advertise(STRANGER, 3, OTHER_MAC);
  const sent = lab.take6();
  t.equal(sent.length, 16);
  t.ok(sent.every(({ mac }) => mac === hex(OTHER_MAC)));
});

t.test(
  '[4861 7.3.3] a stale neighbour is used, asked 5 s later, three times at its address, then by its group',
  async (t) => {
    const lab = Laboratory6.ready();
    send(lab, PEER6);
    t.equal(lab.take6().length, 1, 'used at once');
    lab.advance(4999);
    t.equal(count(lab, NS), 0);
    for (let i = 0; i < 3; i++) {
      lab.advance(i === 0 ? 2 : 1000);
      const [ask] = lab.takeIcmp(NS);
      t.equal(ask?.destination, hex(PEER6), `${i}`);
      t.equal(ask?.mac, hex(PEER_MAC));
    }
    lab.advance(1000);
    t.equal(lab.takeIcmp(NS)[0]?.destination, hex(solicitedNode(PEER6)));
    lab.advertise(PEER6, 3, OTHER_MAC);
    send(lab, PEER6);
    t.equal(lab.take6()[0]?.mac, hex(OTHER_MAC), 'at its new place');
  },
);

t.test('[4861 7.2.5] an advertisement without override changes no address, it only takes trust', async (t) => {
  const lab = Laboratory6.ready();
  lab.advertise(PEER6, 2, PEER_MAC);
  const one = lab.stack.v6.neighbours.find(lab.stack.peers.find(PEER6))!;
  t.equal(one.state, 2, 'reachable');
  lab.advertise(PEER6, 0, OTHER_MAC);
  t.equal(one.state, 3, 'stale');
  send(lab, PEER6);
  t.equal(lab.take6()[0]?.mac, hex(PEER_MAC));
  lab.advertise(PEER6, 1, OTHER_MAC);
  send(lab, PEER6);
  t.equal(lab.take6()[0]?.mac, hex(OTHER_MAC), 'with override it does');
});

t.test('[4861 7.2.5] an advertisement about who is unknown makes no entry', async (t) => {
  const lab = Laboratory6.ready();
  lab.advertise(STRANGER, 3, OTHER_MAC);
  t.equal(lab.stack.v6.neighbours.find(lab.stack.peers.find(STRANGER)), undefined);
});

t.test(
  '[4861 7.3.1] progress of TCP is as good as an answer; its silence has the neighbour asked at once',
  async (t) => {
    const lab = Laboratory6.ready();
    const route = lab.stack.route(lab.stack.peers.intern(PEER6))!;
    send(lab, PEER6);
    lab.take();
    lab.stack.confirm(route);
    lab.advance(10_000);
    t.equal(count(lab, NS), 0);
    lab.stack.doubt(route);
    lab.advance(1);
    t.equal(count(lab, NS), 1);
  },
);

t.test('[4861 6.3.6] a router that does not answer is left for another', async (t) => {
  const lab = Laboratory6.ready();
  const second = ip6('fe80::2');
  lab.router();
  lab.router({ source: second, mac: OTHER_MAC });
  const { peers } = lab.stack;
  const first = lab.stack.v6.routers.nextHop(peers.intern(FAR), FAR);
  const used = first === peers.find(ROUTER) ? ROUTER_MAC : OTHER_MAC;
  send(lab, FAR);
  t.equal(lab.take6().filter(({ next }) => next === 17)[0]?.mac, hex(used));
  lab.advance(9000);
  lab.take();
  send(lab, FAR);
  const other = used === ROUTER_MAC ? OTHER_MAC : ROUTER_MAC;
  t.equal(lab.take6().filter(({ next }) => next === 17)[0]?.mac, hex(other));
});

t.test('[4861 6.3.6] so is one that has never answered, and does not say in advertisements where it is', async (t) => {
  const lab = Laboratory6.ready();
  const second = ip6('fe80::2');
  lab.router({ named: false });
  lab.router({ source: second, mac: OTHER_MAC, named: false });
  for (let round = 0; round < 3; round++) {
    send(lab, FAR);
    lab.advance(5000);
  }
  const asked = new Set(lab.takeIcmp(NS).map(({ payload }) => hex(payload.subarray(8, 24))));
  t.same(asked, new Set([hex(ROUTER), hex(second)]), 'both are asked');
});

t.test('[4861 8.1] a redirect is believed of the router that the packets go through, and of no other', async (t) => {
  const lab = Laboratory6.ready();
  lab.router();
  send(lab, FAR);
  lab.take();
  const better = ip6('fe80::9');
  const say = (source: Uint8Array, hops: number, target: Uint8Array): void => {
    const body = concat(new Uint8Array(4), target, FAR, ndOption(2, OTHER_MAC));
    lab.packet6(icmp6({ source, destination: OURS, hops }, REDIRECT, 0, body), ROUTER_MAC);
  };
  const goesTo = (): string | undefined => {
    send(lab, FAR);
    return lab.take6().filter(({ next }) => next === 17)[0]?.mac;
  };
  say(ip6('fe80::66'), 255, better);
  t.equal(goesTo(), hex(ROUTER_MAC), 'not of a stranger');
  say(ip6('2001:db8::1'), 255, better);
  t.equal(goesTo(), hex(ROUTER_MAC), 'not of an address that is not of the link');
  say(ROUTER, 64, better);
  t.equal(goesTo(), hex(ROUTER_MAC), 'not from afar');
  say(ROUTER, 255, PEER6);
  t.equal(goesTo(), hex(ROUTER_MAC), 'not to a router by a global address');
  say(ROUTER, 255, better);
  t.equal(goesTo(), hex(OTHER_MAC));
});

t.test('a flood of strangers leaves the neighbours that are in use, and takes no memory', async (t) => {
  const lab = Laboratory6.ready();
  lab.advertise(PEER6, 3, PEER_MAC);
  lab.stack.confirm(lab.stack.route(lab.stack.peers.intern(PEER6))!);
  for (let i = 0; i < 10_000; i++) {
    const stranger = ip6('2001:db8::1:0:0');
    stranger.set([i >> 8, i & 255], 14);
    lab.solicit(OURS, stranger);
    if (i % 100 === 0) lab.take();
  }
  lab.take();
  send(lab, PEER6);
  t.equal(lab.take6().filter(({ next }) => next === 17)[0]?.mac, hex(PEER_MAC));
  t.ok(lab.stack.peers.held < 1200, `${lab.stack.peers.held} addresses are held`);
  t.ok(lab.stack.peers.size < 2100, `${lab.stack.peers.size} addresses are kept`);
});

t.test(
  '[4862 5.4] [4862 5.3] [4861 7.2.6] an address is used after a second without objection; until then nothing is answered',
  async (t) => {
    const lab = new Laboratory6();
    const { v6 } = lab.stack;
    const events: string[] = [];
    v6.configuration.events = { ...v6.configuration.events, assigned: ({ bytes }) => events.push(hex(bytes)) };
    v6.start(SECRET, false);
    lab.advance(1000);
    const [ask] = lab.takeIcmp(NS);
    const own = lab.linkLocal;
    t.equal(ask?.source, hex(NOBODY));
    t.equal(ask?.destination, hex(solicitedNode(own)));
    t.same(ask?.payload.subarray(8, 24), own);
    t.same(ask?.payload.subarray(24, 26), Uint8Array.of(14, 1), 'with a nonce');
    lab.solicit(own, PEER6);
    t.equal(count(lab, NA), 0, 'tentative: nothing is answered');
    t.same(events, []);
    lab.advance(1000);
    t.same(events, [hex(own)]);
    const [told] = lab.takeIcmp(NA);
    t.equal(told?.destination, hex(ALL_NODES), '[4861 7.2.6] announced');
    t.equal(told?.payload[4], 0x20);
    lab.solicit(own, PEER6);
    t.equal(count(lab, NA), 1);
  },
);

t.test(
  '[4862 5.4.3] [4862 5.4.5] an objection, or another who asks, ends it; [7527 4.2] our own question does not',
  async (t) => {
    const begun = (): [Laboratory6, string[], Uint8Array] => {
      const lab = new Laboratory6();
      const { v6 } = lab.stack;
      const events: string[] = [];
      v6.configuration.events = {
        assigned: ({ origin }) => events.push(`assigned ${origin}`),
        changed: () => {},
        lost: () => {},
        duplicate: ({ origin }, mac) => events.push(`duplicate ${origin} ${hex(mac)}`),
        unusable: () => {},
      };
      v6.start(SECRET, true);
      v6.configuration.add(OURS, 64, 'static', {});
      lab.advance(1);
      const [ask] = lab.takeIcmp(NS);
      events.length = 0;
      return [lab, events, ask?.payload.slice(24) as Uint8Array];
    };
    const [first, one] = begun();
    first.advertise(OURS, 1, OTHER_MAC, ALL_NODES);
    t.same(one, [`duplicate static ${hex(OTHER_MAC)}`]);
    first.advance(5000);
    first.take();
    first.solicit(OURS);
    t.equal(count(first, NA), 0, 'it is not used');
    const [second, two] = begun();
    second.solicit(OURS, NOBODY, ndOption(14, new Uint8Array(6)));
    t.same(two, [`duplicate static ${hex(PEER_MAC)}`], 'another nonce');
    const [third, three, nonce] = begun();
    third.solicit(OURS, NOBODY, nonce);
    third.advance(1000);
    t.same(three, [], 'our own came back: asked again');
    t.equal(count(third, NS), 1);
    third.advance(1001);
    t.same(three, ['assigned static']);
  },
);

t.test('an anycast address is served, never asked for and never announced', async (t) => {
  const lab = Laboratory6.ready();
  const anycast = ip6('2001:db8::a');
  lab.stack.v6.configuration.add(anycast, 128, 'static', { anycast: true });
  lab.advance(3000);
  t.equal(lab.take6().filter(({ bytes }) => hex(bytes).includes(hex(anycast))).length, 0);
  lab.solicit(anycast);
  t.equal(count(lab, NA), 0);
  lab.packet6(icmp6({ source: PEER6, destination: anycast }, 128, 0, new Uint8Array(4)));
  t.equal(lab.takeIcmp(129)[0]?.source, hex(anycast));
});

t.test('[4861 7.1.2] advertisements that lie are dropped: hop limit, code, options, targets, groups', async (t) => {
  const lab = Laboratory6.ready();
  send(lab, STRANGER);
  lab.take();
  const say = (
    hops: number,
    code: number,
    flags: number,
    target: Uint8Array,
    destination: Uint8Array,
    more: Uint8Array,
  ): void => {
    const body = concat(Uint8Array.of(flags << 5, 0, 0, 0), target, more);
    lab.packet6(icmp6({ source: STRANGER, destination, hops }, NA, code, body));
  };
  const option = ndOption(2, OTHER_MAC);
  say(64, 0, 3, STRANGER, OURS, option);
  say(255, 1, 3, STRANGER, OURS, option);
  say(255, 0, 3, STRANGER, OURS, Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0));
  say(255, 0, 3, ip6('ff02::1'), OURS, option);
  say(255, 0, 3, STRANGER, ALL_NODES, option);
  say(255, 0, 3, STRANGER, OURS, ndOption(2, Uint8Array.of(3, 0, 0, 0, 0, 1)));
  t.equal(lab.take6().length, 0, 'what waits goes on waiting');
  t.equal(lab.dropped('nd-malformed'), 5);
  t.equal(lab.dropped('nd-hop-limit'), 1);
  say(255, 0, 3, STRANGER, OURS, option);
  t.equal(lab.take6().length, 1);
});

t.test('a frame to a neighbour that is known is not copied, however long ago it was heard of', async (t) => {
  const lab = Laboratory6.ready();
  const { stack } = lab;
  const memory = new Memory(new Uint8Array(100));
  const leavesInPlace = (): boolean => {
    stack.tx.reset();
    stack.tx.length = 8;
    stack.tx.push(memory, 0, 100);
    const sent = stack.send(stack.route(stack.peers.intern(PEER6))!, stack.peers.intern(OURS), 17);
    return sent && stack.tx.pieces === 1;
  };
  for (const wait of [0, 1, 4000, 2000, 2000]) {
    lab.advance(wait);
    t.ok(leavesInPlace(), `after ${wait} ms more`);
  }
});
