/**
 * Servers, routers and hosts of the link that lie: they take no address away that is not theirs to give, and fill no
 * log.
 */
import t from 'tap';
import { Ipv6Mode } from '../../../src/net/direct/address/ipv6-mode.js';
import { StaticMode } from '../../../src/net/direct/address/static-mode.js';
import { concat, view } from '../../sim/packets.js';
import { hex, icmp6, ip6, ndOption, udp6 } from '../../sim/packets6.js';
import { option, words } from '../dhcpv6/options.js';
import { CONFIG, Laboratory, OTHER_MAC, OUR_MAC, US } from '../ip/laboratory.js';
import { Laboratory6, NA, PEER_LINK, prefixOption, SECRET } from '../ip/v6/laboratory6.js';

const SOLICIT = 1;
const RENEW = 5;
const REPLY = 7;

/** A stack that takes addresses from the network, whose router says that there are DHCPv6 servers. */
class Link extends Laboratory6 {
  readonly said: string[] = [];
  readonly mode: Ipv6Mode;

  constructor() {
    super();
    const say = (sentence: string): void => void this.said.push(sentence);
    const events = { addresses6() {}, event: say, notice: say, failed6: say };
    this.mode = new Ipv6Mode(this.stack, { addresses: [], anycast: [], secret: SECRET }, events);
    this.mode.start(0);
    this.beside = (now) => this.mode.poll(now);
    this.advance(5000);
    this.router({ flags: 0x80, options: [prefixOption('2001:db8::', 64, 3, 86_400, 3600)] });
    this.advance(1500);
  }

  get ours(): string[] {
    return [...this.stack.v6.addresses].map(({ bytes }) => hex(bytes));
  }

  /** Answers the last question of `type` with a lease of `address`. */
  lease(type: number, address: Uint8Array, preferred: number, valid: number): void {
    const question = this.take6().findLast(({ next, payload }) => next === 17 && payload[8] === type);
    if (question === undefined) throw new Error(`no question of type ${type}`);
    const asked = question.payload.subarray(8);
    const transaction = view(asked).getUint32(0) & 0xffffff;
    const client = asked.subarray(8, 18);
    const data = concat(
      words(((REPLY << 24) | transaction) >>> 0),
      option(1, client),
      option(2, Uint8Array.of(0, 3, 0, 1, 2, 9, 9, 9, 9, 9)),
      option(14, new Uint8Array(0)),
      option(3, concat(words(view(OUR_MAC).getUint32(2), 0, 0), option(5, concat(address, words(preferred, valid))))),
    );
    const { bytes: destination } = this.stack.v6.addresses.linkLocal!;
    this.packet6(udp6(PEER_LINK, 547, destination, 546, data));
    this.advance(1);
  }
}

t.test('a DHCPv6 server that leases us what we have otherwise cannot end it, nor make it last', async (t) => {
  for (const origin of ['link-local', 'slaac'] as const) {
    const link = new Link();
    const mine = [...link.stack.v6.addresses].find((one) => one.origin === origin)!;
    const until = mine.validUntil;
    link.lease(SOLICIT, mine.bytes, 10, 20);
    t.equal(mine.validUntil, until, `${origin}: its time is as it was`);
    link.advance(6000);
    const renewing = link.take6().some(({ next, payload }) => next === 17 && payload[8] === RENEW);
    // A link-local address is no lease at all.
    t.equal(renewing, origin === 'slaac');
    link.advance(60_000);
    t.ok(link.ours.includes(hex(mine.bytes)), `${origin}: it is still ours`);
  }
});

t.test('a router that advertises a group as a prefix gives no address', async (t) => {
  const link = new Link();
  const before = link.ours;
  for (const prefix of ['ff02::', 'ff0e:1::'])
    link.router({ options: [prefixOption(prefix, 64, 3, 86_400, 3600)], mac: OTHER_MAC, source: ip6('fe80::99') });
  link.advance(3000);
  t.same(link.ours, before);
});

t.test('a host that claims an IPv6 address of ours with each frame is told of once in ten seconds', async (t) => {
  const link = new Link();
  const mine = [...link.stack.v6.addresses].find((one) => one.origin === 'slaac')!;
  link.said.length = 0;
  for (let i = 0; i < 3000; i++) {
    const body = concat(words(0x6000_0000), mine.bytes, ndOption(2, OTHER_MAC));
    link.packet6(icmp6({ source: PEER_LINK, destination: mine.bytes, hops: 255 }, NA, 0, body), OTHER_MAC);
    link.advance(10);
  }
  t.equal(link.said.filter((line) => line.includes('claims our address')).length, 3);
});

t.test('a host that claims an IPv4 address of ours with each frame is told of when it is answered', async (t) => {
  const lab = new Laboratory(null);
  const said: string[] = [];
  const say = (sentence: string): void => void said.push(sentence);
  const mode = new StaticMode(lab.stack, CONFIG, [], { address() {}, event: say, notice: say, failed: say } as never);
  lab.beside = () => mode.poll();
  mode.start(0);
  lab.advance(5000);
  said.length = 0;
  lab.takeArp();
  for (let i = 0; i < 3000; i++) {
    lab.arp({ operation: 2, sender: US, senderMac: OTHER_MAC, target: US }, OUR_MAC, OTHER_MAC);
    lab.advance(10);
  }
  t.ok(said.length >= 3 && said.length <= 4, `${said.length} lines`);
  t.equal(lab.takeArp().length, said.length, 'and each says that it was answered');
});
