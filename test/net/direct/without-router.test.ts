/**
 * A network without an IPv6 router: the operator is told once what there is, and it is asked on. The log of the network
 * says which router there is.
 */
import t from 'tap';
import { Ipv6Mode, type Ipv6Text } from '../../../src/net/direct/address/ipv6-mode.js';
import { ip6 } from '../../sim/packets6.js';
import { CONFIG } from '../ip/laboratory.js';
import { Laboratory6, prefixOption, ROUTER_MAC, SECRET } from '../ip/v6/laboratory6.js';

/** ms in which a router is waited for, and more. */
const LONG = 13_000;
const US = '2001:db8::80';
const STATIC = [{ address: US, prefix: 64 }];

class Link extends Laboratory6 {
  readonly notices: string[] = [];
  readonly events: string[] = [];

  constructor(addresses: Ipv6Text['addresses'], gateway?: string) {
    super();
    const mode = new Ipv6Mode(
      this.stack,
      { addresses, anycast: [], gateway, secret: SECRET },
      {
        addresses6() {},
        event: (sentence) => void this.events.push(sentence),
        notice: (sentence) => void this.notices.push(sentence),
        failed6: (sentence) => void this.notices.push(sentence),
      },
    );
    mode.start(0);
    this.beside = (now) => mode.poll(now);
  }
}

t.test('without a router, and without an IPv4 address, the operator is told what there is', async (t) => {
  const link = new Link([]);
  link.advance(LONG);
  t.match(link.notices, [/^IPv6: no router has offered an address; we have fe80::[0-9a-f:]+ on the link alone/]);
  link.advance(600_000);
  t.equal(link.notices.length, 1, 'once');
});

t.test('without a router, and with an IPv4 address, it is in the log of the network alone', async (t) => {
  const link = new Link([]);
  link.stack.configure(CONFIG, 0);
  link.advance(LONG);
  t.same(link.notices, []);
  t.match(link.events.at(-1), /^IPv6: no router has offered an address/);
});

t.test('with a given address and without a router the operator is told that the link alone reaches it', async (t) => {
  const link = new Link(STATIC);
  link.advance(LONG);
  t.same(link.notices, [
    `IPv6: no router has been heard of; hosts of the link alone reach ${US}; --ipv6-gateway names one`,
  ]);
  link.advance(600_000);
  t.equal(link.notices.length, 1, 'once');
});

t.test('with a given address nothing is told where a router is given, or heard of', async (t) => {
  const given = new Link(STATIC, 'fe80::1');
  given.advance(LONG);
  t.same(given.notices, []);
  const heard = new Link(STATIC);
  heard.advance(5000);
  heard.router({ options: [prefixOption('2001:db8::', 64, 3, 86_400, 3600)] });
  heard.advance(LONG);
  t.same(heard.notices, []);
});

t.test('the log of the network says which router is used, once a second at most', async (t) => {
  const link = new Link([]);
  const said = (): string[] => link.events.splice(0).filter((one) => one.includes('router'));
  link.advance(3000);
  link.router();
  link.advance(10);
  t.same(said(), ['IPv6: the router is fe80::1']);
  link.router();
  link.advance(2000);
  t.same(said(), [], 'not again');
  const other = { source: ip6('fe80::2'), mac: Uint8Array.of(...ROUTER_MAC.subarray(0, 5), 0x22), flags: 0x08 };
  for (let i = 0; i < 100; i++) {
    link.router({ ...other, lifetime: (i % 2) * 1800 });
    link.advance(1);
  }
  link.advance(2000);
  t.same(said(), ['IPv6: the router is fe80::2'], 'whatever comes');
  for (const lost of [other, {}]) link.router({ ...lost, lifetime: 0 });
  link.advance(2000);
  t.same(said(), ['IPv6: the router is fe80::1', 'IPv6: there is no router any more']);
});
