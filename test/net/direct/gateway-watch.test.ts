/** A gateway that does not answer: the operator is told once, and once more when it answers. */
import t from 'tap';
import type { AddressMode } from '../../../src/net/direct/address/address-mode.js';
import type { Addressing } from '../../../src/net/direct/address/addressing.js';
import { buildMode } from '../../../src/net/direct/replay/build-stack.js';
import { ip } from '../../sim/packets.js';
import { ip6 } from '../../sim/packets6.js';
import { ACK, heard, OFFER, reply, SERVER_MAC, terms } from '../ip/dhcp-server.js';
import { GATEWAY, OTHER_MAC, OUR_MAC, US } from '../ip/laboratory.js';
import { Laboratory6, NS, prefixOption, ROUTER, ROUTER_MAC, SECRET } from '../ip/v6/laboratory6.js';

/** ms in which a question is asked three times in vain. */
const VAIN = 4000;
const HOUR = 3_600_000;
const US6 = '2001:db8::80';
const OURS6 = ip6(US6);
const STATIC4 = { address: '10.0.0.2', prefix: 24, gateway: '10.0.0.1' };
const beyond = 'hosts beyond the link get no answer from us';
const SILENT4 = `the gateway 10.0.0.1 does not answer ARP: ${beyond}`;
const SILENT6 = `the gateway fe80::1 does not answer neighbour solicitations: ${beyond}`;

class Link extends Laboratory6 {
  readonly said: string[] = [];
  readonly mode: AddressMode;

  constructor(addressing: Addressing) {
    super();
    this.mode = buildMode(this.stack, addressing, undefined, {
      address() {},
      addresses6() {},
      event() {},
      notice: (sentence) => void this.said.push(sentence),
      failed() {},
      failed6() {},
    });
    this.mode.start(0);
    this.beside = (now) => Math.min(this.mode.poll(now), this.stack.pollNeighbours(now));
  }

  /** What the operator was told since the last look. */
  told(): string[] {
    return this.said.splice(0);
  }

  /** The IPv4 gateway says where it is. */
  gateway(): void {
    this.arp(
      { operation: 2, senderMac: OTHER_MAC, sender: GATEWAY, targetMac: OUR_MAC, target: US },
      OUR_MAC,
      OTHER_MAC,
    );
  }

  /** Asks, and answers for the router while it does. */
  answering(ms: number, source: Uint8Array = ROUTER): void {
    for (let passed = 0; passed < ms; passed += 100) {
      this.advance(100);
      if (this.takeIcmp(NS).some(({ payload }) => Buffer.from(payload.subarray(8, 24)).equals(source)))
        this.advertise(source, 7, ROUTER_MAC, OURS6);
    }
  }
}

const given4: Addressing = { static: STATIC4 };
const given6: Addressing = {
  noIpv4: true,
  ipv6: { addresses: [{ address: US6, prefix: 64 }], anycast: [], gateway: 'fe80::1', secret: SECRET },
};
const advertised6: Addressing = { noIpv4: true, ipv6: { addresses: [], anycast: [], secret: SECRET } };

t.test('a given IPv4 gateway that does not answer is told of once, before anybody comes', async (t) => {
  const link = new Link(given4);
  link.advance(VAIN);
  t.same(link.told(), [`${SILENT4}; check --ipv4-gateway`]);
  link.advance(HOUR);
  t.same(link.told(), [], 'once');
  link.gateway();
  t.same(link.told(), ['the gateway 10.0.0.1 answers']);
  link.gateway();
  link.advance(HOUR);
  t.same(link.told(), [], 'once');
});

t.test('a gateway that answers is not told of', async (t) => {
  const link = new Link(given4);
  link.advance(100);
  link.gateway();
  link.advance(HOUR);
  t.same(link.told(), []);
});

t.test('a gateway that does not answer is asked again, four rounds a minute at most', async (t) => {
  const link = new Link(given4);
  link.advance(VAIN);
  link.take();
  link.advance(60_000);
  const asked = link.takeArp().filter(({ operation, target }) => operation === 1 && target === GATEWAY);
  t.ok(asked.length >= 9 && asked.length <= 12, `${asked.length} requests`);
});

t.test('a gateway that comes and goes is told of once a minute at most', async (t) => {
  const link = new Link(given4);
  const { neighbours } = link.stack.arp;
  for (let second = 0; second < 600; second += 10) {
    link.advance(5000);
    link.gateway();
    neighbours.clear();
    neighbours.use(neighbours.get(GATEWAY), link.now);
    link.advance(5000);
  }
  t.ok(link.said.length >= 10 && link.said.length <= 20, `${link.said.length} messages in ten minutes`);
});

t.test('of a gateway that DHCP names it is told, too', async (t) => {
  const link = new Link({});
  const lease = ip('10.0.0.42');
  for (const type of [OFFER, ACK]) {
    link.advance(3000);
    const asked = heard(link).at(-1);
    link.packet(reply(type, asked?.xid ?? 0, lease, terms(86_400)), OUR_MAC, SERVER_MAC);
  }
  link.advance(20_000);
  t.equal(link.stack.config?.gateway, GATEWAY);
  t.same(link.told(), [SILENT4]);
});

t.test('a given IPv6 gateway that does not answer is told of once, before anybody comes', async (t) => {
  const link = new Link(given6);
  link.advance(10_000);
  t.same(link.told(), [`${SILENT6}; check --ipv6-gateway`]);
  link.advance(HOUR);
  t.same(link.told(), [], 'once');
  link.answering(120_000);
  t.same(link.told(), ['the gateway fe80::1 answers']);
});

t.test('a given IPv6 gateway that answers is not told of', async (t) => {
  const link = new Link(given6);
  link.answering(10_000);
  link.advance(HOUR);
  t.same(link.told(), []);
});

t.test('of a router that advertises and does not answer it is told when something would go there', async (t) => {
  const link = new Link(advertised6);
  link.advance(1000);
  link.router({ options: [prefixOption('2001:db8::', 64, 3, 86_400, 3600)] });
  link.advance(10_000);
  t.same(link.told(), []);
  const { neighbours } = link.stack.v6;
  const router = neighbours.get(link.stack.peers.find(ROUTER));
  neighbours.use(router, link.now);
  link.advance(20_000);
  t.same(link.told(), [SILENT6]);
  link.advance(HOUR / 4);
  t.same(link.told(), [], 'once');
});

t.test('a router that does not answer is not told of where another one does', async (t) => {
  const link = new Link(advertised6);
  const other = ip6('fe80::2');
  link.advance(1000);
  link.router({ options: [prefixOption('2001:db8::', 64, 3, 86_400, 3600)] });
  link.router({ source: other, mac: OTHER_MAC });
  link.advance(5000);
  const { neighbours } = link.stack.v6;
  neighbours.use(neighbours.get(link.stack.peers.find(ROUTER)), link.now);
  link.advance(20_000);
  t.same(link.told(), []);
});

t.test('a program that gave its link away asks for no gateway', async (t) => {
  const link = new Link(given4);
  link.advance(VAIN);
  link.mode.leave(link.now);
  link.take();
  link.advance(HOUR);
  t.same(link.takeArp(), []);
});
