import fc from 'fast-check';
import t from 'tap';
import { DhcpClient } from '../../../src/net/dhcp/client.js';
import type { Lease } from '../../../src/net/dhcp/lease.js';
import type { DhcpOptions } from '../../../src/net/dhcp/options.js';
import { parseDhcp } from '../../../src/net/wire/dhcp.js';
import { BROADCAST_MAC, ip } from '../../sim/packets.js';
import {
  ACK,
  DECLINE,
  DISCOVER,
  heard,
  int,
  NAK,
  OFFER,
  option,
  RELEASE,
  REQUEST,
  reply,
  type Said,
  SERVER,
  SERVER_MAC,
  terms,
} from './dhcp-server.js';
import { Laboratory, OTHER_MAC, OUR_MAC } from './laboratory.js';

const OFFERED = ip('10.0.0.42');
const EVERYBODY = -1;

class Client extends Laboratory {
  readonly leases: (Lease | undefined)[] = [];
  readonly said: string[] = [];
  readonly dhcp: DhcpClient;

  constructor(options: Partial<DhcpOptions> = {}, seed = 1) {
    super(null, seed);
    this.dhcp = new DhcpClient({
      stack: this.stack,
      hostname: 'site',
      onLease: (lease) => this.leases.push(lease),
      onEvent: (sentence) => this.said.push(sentence),
      ...options,
    });
    this.beside = (now) => this.dhcp.poll(now);
    this.dhcp.start(0);
    this.advance(0);
  }

  one(): Said {
    const all = heard(this);
    if (all.length !== 1)
      throw new Error(`expected one message, got ${all.map((said) => said.type).join(', ') || 'none'}`);
    return all[0] as Said;
  }

  server(packet: Uint8Array, to = OUR_MAC): void {
    this.packet(packet, to, SERVER_MAC);
  }

  /** The whole way to BOUND. */
  bind(seconds = 3600, extra: Uint8Array[] = []): this {
    const discover = this.one();
    this.server(reply(OFFER, discover.xid, OFFERED, terms(seconds)));
    const request = this.one();
    this.server(reply(ACK, request.xid, OFFERED, [...terms(seconds), ...extra]));
    this.advance(200);
    this.take();
    // The server is a neighbour that answers.
    this.arp({ operation: 2, senderMac: SERVER_MAC, sender: SERVER, target: OFFERED }, OUR_MAC, SERVER_MAC);
    this.arp({ senderMac: SERVER_MAC, sender: SERVER, target: OFFERED }, OUR_MAC, SERVER_MAC);
    this.take();
    return this;
  }
}

t.test(
  '[2131 2] [2131 3.5] [2131 4.4.1] DISCOVER is broadcast from 0.0.0.0, with client identifier, name and what is wanted',
  async (t) => {
    const discover = new Client().one();
    t.match(discover, { type: DISCOVER, source: 0, destination: EVERYBODY, clientAddress: 0 });
    t.same(discover.options.get(61), Uint8Array.of(1, ...OUR_MAC));
    t.equal(Buffer.from(discover.options.get(12) ?? []).toString(), 'site');
    for (const code of [1, 3, 6, 15, 26, 28, 42, 51, 58, 59, 121])
      t.ok(discover.options.get(55)?.includes(code), `asks for ${code}`);
    t.ok(discover.options.has(57));
  },
);

t.test('[2131 3.1] the four messages, a probe, and an address', async (t) => {
  const lab = new Client();
  const discover = lab.one();
  lab.server(reply(OFFER, discover.xid, OFFERED, terms(3600)));
  const request = lab.one();
  t.match(request, { type: REQUEST, source: 0, destination: EVERYBODY, clientAddress: 0, xid: discover.xid });
  t.same(request.options.get(50), int(OFFERED));
  t.same(request.options.get(54), int(SERVER));
  lab.server(reply(ACK, request.xid, OFFERED, terms(3600)));
  t.equal(lab.dhcp.state, 'CHECKING');
  lab.advance(300);
  t.equal(lab.dhcp.state, 'BOUND');
  const arps = lab.takeArp();
  t.ok(arps.filter((one) => one.sender === 0 && one.target === OFFERED).length >= 1, 'probed before it is used');
  t.ok(
    arps.some((one) => one.sender === OFFERED && one.target === OFFERED),
    'announced',
  );
  t.match(lab.leases[0], { address: OFFERED, prefix: 24, gateway: ip('10.0.0.1') });
});

t.test(
  '[2131 4.1] retransmissions wait 4, 8, 16, 32, 64 seconds, each off by up to one, and differ by seed',
  async (t) => {
    const gaps = (seed: number): number[] => {
      const lab = new Client({}, seed);
      lab.take();
      const times: number[] = [];
      let last = 0;
      while (times.length < 7) {
        lab.advance(100);
        if (heard(lab).length > 0) {
          times.push(lab.now - last);
          last = lab.now;
        }
      }
      return times;
    };
    const one = gaps(1);
    [4, 8, 16, 32, 64, 64, 64].forEach((seconds, i) => {
      t.ok(Math.abs((one[i] as number) - seconds * 1000) <= 1100, `${one[i]} is about ${seconds} s`);
    });
    t.notSame(one, gaps(77));
  },
);

t.test(
  '[2131 4.3.2] [2131 4.4.5] T1: the lease is renewed by unicast with its server, at T2 with any, from the address itself',
  async (t) => {
    const lab = new Client().bind(1000);
    lab.advance(499_000);
    t.same(heard(lab), []);
    lab.advance(1500);
    const renew = lab.one();
    t.match(renew, { type: REQUEST, destination: SERVER, source: OFFERED, clientAddress: OFFERED });
    t.notOk(renew.options.has(50), 'no requested address');
    t.notOk(renew.options.has(54), 'no server identifier');
    lab.advance(874_000 - lab.now);
    heard(lab);
    lab.advance(2500);
    t.match(heard(lab).at(-1), { type: REQUEST, destination: EVERYBODY, clientAddress: OFFERED });
    t.equal(lab.dhcp.state, 'REBINDING');
  },
);

t.test('[2131 4.4.5] an ACK extends the lease, and nothing is interrupted', async (t) => {
  const lab = new Client().bind(1000);
  lab.advance(500_500);
  const renew = lab.one();
  lab.server(reply(ACK, renew.xid, OFFERED, terms(1000)));
  t.equal(lab.dhcp.state, 'BOUND');
  t.equal(lab.leases.length, 2);
  lab.advance(499_000);
  t.same(heard(lab), [], 'T1 counts from the renewal');
});

t.test('[2131 4.4.5] T1 and T2 of the server are used when they make sense, else half and seven eighths', async (t) => {
  const sensible = new Client().bind(1000, [option(58, int(100)), option(59, int(200))]);
  sensible.advance(101_000);
  t.match(sensible.one(), { type: REQUEST, destination: SERVER });
  const odd = new Client().bind(1000, [option(58, int(900)), option(59, int(100))]);
  odd.advance(49_000);
  t.same(heard(odd), []);
});

t.test('[2131 4.4.5] when the lease ends all use of the address ends, and the client starts over', async (t) => {
  const lab = new Client().bind(100);
  lab.advance(100_500);
  t.equal(lab.stack.config, undefined);
  t.equal(lab.leases.at(-1), undefined);
  t.equal(heard(lab).at(-1)?.type, DISCOVER);
});

t.test('[2131 3.3] a lease for ever is never renewed', async (t) => {
  const lab = new Client().bind(-1);
  lab.advance(400 * 86_400_000);
  t.same(heard(lab), []);
  t.equal(lab.dhcp.state, 'BOUND');
});

t.test('[2131 4.4.4] NAK: the address is given up at once, and the client starts over', async (t) => {
  for (const when of ['requesting', 'renewing']) {
    const lab = new Client();
    if (when === 'renewing') {
      lab.bind(1000);
      lab.advance(500_500);
    } else lab.server(reply(OFFER, lab.one().xid, OFFERED, terms(1000)));
    const request = lab.one();
    lab.server(reply(NAK, request.xid, 0), BROADCAST_MAC);
    t.equal(lab.stack.config, undefined, when);
    lab.advance(15_000);
    const next = heard(lab)[0];
    t.equal(next?.type, DISCOVER);
    t.not(next?.xid, request.xid);
  }
});

t.test(
  '[2131 4.4.1] an address that somebody has is declined, not used, and ten seconds later another is asked for',
  async (t) => {
    const lab = new Client();
    lab.server(reply(OFFER, lab.one().xid, OFFERED, terms(1000)));
    lab.server(reply(ACK, lab.one().xid, OFFERED, terms(1000)));
    lab.advance(1);
    lab.take();
    lab.arp({ operation: 2, senderMac: OTHER_MAC, sender: OFFERED, target: 0 }, OUR_MAC, OTHER_MAC);
    const decline = lab.one();
    t.match(decline, { type: DECLINE, source: 0, destination: EVERYBODY, clientAddress: 0 });
    t.same(decline.options.get(50), int(OFFERED));
    t.same(decline.options.get(54), int(SERVER));
    t.equal(lab.stack.config, undefined);
    lab.advance(9000);
    t.same(heard(lab), []);
    lab.advance(2500);
    t.equal(heard(lab)[0]?.type, DISCOVER);
  },
);

t.test('[2131 4.4.6] at the end the address is given back, by unicast', async (t) => {
  const lab = new Client().bind();
  lab.dhcp.stop(lab.now);
  const release = lab.one();
  t.match(release, { type: RELEASE, destination: SERVER, source: OFFERED, clientAddress: OFFERED });
  t.same(release.options.get(54), int(SERVER));
});

t.test(
  '[2131 3.2] [2131 4.4.2] a remembered address is asked for first, without a server identifier; silence means INIT',
  async (t) => {
    const saved: (number | undefined)[] = [];
    const memory = { load: () => OFFERED, save: (address: number | undefined) => saved.push(address) };
    const lab = new Client({ memory });
    const request = lab.one();
    t.match(request, { type: REQUEST, source: 0, destination: EVERYBODY, clientAddress: 0 });
    t.same(request.options.get(50), int(OFFERED));
    t.notOk(request.options.has(54));
    lab.server(reply(ACK, request.xid, OFFERED, terms(60)));
    lab.advance(300);
    t.equal(lab.dhcp.state, 'BOUND');
    t.same(saved, [OFFERED]);
    const alone = new Client({ memory });
    alone.take();
    alone.advance(30_000);
    t.equal(heard(alone).at(-1)?.type, DISCOVER);
  },
);

t.test('[2131 4.3.1] another address at renewal: the old one is lost, the new one is probed and used', async (t) => {
  const lab = new Client().bind(1000);
  lab.advance(500_500);
  lab.server(reply(ACK, lab.one().xid, ip('10.0.0.43'), terms(1000)));
  lab.advance(300);
  t.equal(lab.stack.config?.address, ip('10.0.0.43'));
  t.same(
    lab.leases.map((lease) => lease?.address),
    [OFFERED, undefined, ip('10.0.0.43')],
  );
});

t.test('[2131 4.4.1] of several offers the first is taken, whichever server acknowledges', async (t) => {
  const lab = new Client();
  const { xid } = lab.one();
  const second = ip('10.0.0.253');
  lab.server(reply(OFFER, xid, OFFERED, terms(1000)));
  lab.server(reply(OFFER, xid, ip('10.0.0.50'), terms(1000), { server: second }));
  t.same(lab.one().options.get(54), int(SERVER));
  lab.server(reply(NAK, xid, 0, [], { server: second }));
  t.equal(lab.dhcp.state, 'REQUESTING', 'a refusal of another server is none of this request');
  lab.server(reply(ACK, xid, OFFERED, terms(1000), { server: second }));
  lab.advance(300);
  t.match(lab.dhcp, { state: 'BOUND', lease: { address: OFFERED, server: second } });
});

t.test('[2131 4.4.1] what is for another client or another transaction is dropped with a reason', async (t) => {
  const lab = new Client();
  const { xid } = lab.one();
  lab.server(reply(OFFER, xid ^ 1, OFFERED, terms(1000)));
  lab.server(reply(OFFER, xid, OFFERED, terms(1000), { mac: OTHER_MAC }));
  lab.server(reply(OFFER, xid, 0, terms(1000)));
  t.same(heard(lab), []);
  t.equal(lab.dropped('dhcp-unexpected'), 2);
  t.equal(lab.dropped('dhcp-not-for-us'), 1);
});

t.test('[3442] classless routes replace the router; the longest prefix wins', async (t) => {
  const routes = Uint8Array.of(24, 192, 0, 2, 10, 0, 0, 5, 0, 10, 0, 0, 9, 32, 198, 51, 100, 1, 0, 0, 0, 0);
  const lab = new Client().bind(3600, [option(121, routes)]);
  const asked = (to: string): number | undefined => {
    lab.stack.udp.bind(9999, () => {}).send(new Uint8Array(1), ip(to), 9);
    lab.stack.udp.bind(9998, () => {}).close();
    return lab.takeArp()[0]?.target;
  };
  t.equal(asked('192.0.2.77'), ip('10.0.0.5'));
  t.equal(lab.leases[0]?.gateway, ip('10.0.0.9'));
});

t.test('[2132 9.3] options overflow into file and sname; parts of one option are joined (RFC 3396)', async (t) => {
  const message = new Uint8Array(300);
  message.set([2, 1, 6]);
  message.set(OUR_MAC, 28);
  message.set([0x63, 0x82, 0x53, 0x63, 53, 1, OFFER, 52, 1, 3, 3, 2, 10, 0, 3, 2, 0, 1, 255], 236);
  message.set([51, 4, 0, 0, 14, 16, 255], 108);
  message.set([54, 4, 10, 0, 0, 254, 255], 44);
  const read = parseDhcp(message, 0, message.length, OUR_MAC);
  t.match(read, { type: OFFER, lease: 3600, server: SERVER, routers: [ip('10.0.0.1')] });
});

t.test('hostile messages never throw, and what is malformed is refused whole', async () => {
  const good = reply(OFFER, 7, OFFERED, terms(1000)).slice(28);
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 12 }),
      fc.nat(good.length),
      (changes, cut) => {
        const bytes = good.slice(0, good.length - (cut % 60));
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
        const read = parseDhcp(bytes, 0, bytes.length, OUR_MAC);
        return read === undefined || [OFFER, ACK, NAK].includes(read.type);
      },
    ),
    { numRuns: 5000 },
  );
});

t.test('an address that no host can have is not taken, nor a gateway that is none (RFC 1122 3.2.1.3)', async (t) => {
  const lab = new Client();
  const { xid } = lab.one();
  for (const address of ['127.0.0.1', '224.0.0.9', '0.0.0.0', '255.255.255.255']) {
    lab.server(reply(OFFER, xid, ip(address), terms(1000)));
    t.equal(lab.dhcp.state, 'SELECTING', address);
  }
  t.equal(lab.dropped('dhcp-unexpected'), 4);
  lab.server(reply(OFFER, xid, OFFERED, terms(1000)));
  t.equal(lab.one().type, REQUEST);
  lab.server(reply(ACK, xid, ip('127.0.0.1'), terms(1000)));
  t.equal(lab.dhcp.state, 'REQUESTING');
  const own = [option(1, int(ip('255.255.255.0'))), option(3, int(OFFERED)), option(51, int(1000))];
  lab.server(reply(ACK, xid, OFFERED, own));
  lab.advance(1000);
  t.equal(lab.dhcp.state, 'BOUND');
  t.equal(lab.leases[0]?.gateway, undefined, 'nobody is his own gateway');
  const pair = new Client();
  const narrow = [option(1, int(ip('255.255.255.254'))), option(51, int(1000))];
  pair.server(reply(OFFER, pair.one().xid, ip('10.0.0.255'), narrow));
  t.equal(pair.dhcp.state, 'REQUESTING', 'a link of two has neither network nor broadcast address (RFC 3021)');
});

t.test(
  'the lowest and the highest address of a network, and 240.0.0.0/4, are addresses; doubts are told',
  async (t) => {
    const cases = [
      ['10.0.0.0', /is the lowest address of its \/24/],
      ['10.0.0.255', /is the highest address of its \/24/],
      ['240.0.0.7', undefined],
    ] as const;
    for (const [address, doubt] of cases) {
      const trouble: string[] = [];
      const lab = new Client({ onTrouble: (sentence) => trouble.push(sentence) });
      lab.server(reply(OFFER, lab.one().xid, ip(address), terms(1000)));
      lab.server(reply(ACK, lab.one().xid, ip(address), terms(1000)));
      lab.advance(300);
      t.match(lab.dhcp, { state: 'BOUND', lease: { address: ip(address) } }, address);
      if (doubt === undefined) t.same(trouble, []);
      else t.match(trouble, [doubt], `${address}: told once`);
      t.equal(lab.stack.isBroadcast(ip(address)), false, `${address}: what comes to it is for us alone`);
      lab.advance(500_500);
      t.equal(lab.dhcp.state, 'RENEWING');
    }
  },
);

t.test('a lease of 0 s is a short one, and is renewed', async (t) => {
  const lab = new Client().bind(0);
  t.match(lab.leases[0], { address: OFFERED, seconds: 20 });
  lab.advance(10_500);
  t.match(heard(lab).at(-1), { type: REQUEST, clientAddress: OFFERED });
});

t.test('a lost ACK: the request goes again, and after four the client starts over', async (t) => {
  const lab = new Client();
  const { xid } = lab.one();
  lab.server(reply(OFFER, xid, OFFERED, terms(1000)));
  t.equal(lab.one().type, REQUEST);
  lab.advance(6000);
  const again = lab.one();
  t.match(again, { type: REQUEST, xid }, 'the same transaction');
  lab.server(reply(ACK, xid, OFFERED, terms(1000)));
  lab.advance(1000);
  t.equal(lab.dhcp.state, 'BOUND');
  const lost = new Client();
  lost.server(reply(OFFER, lost.one().xid, OFFERED, terms(1000)));
  lost.advance(120_000);
  const said = heard(lost).map((one) => one.type);
  t.same(said.slice(0, 5), [REQUEST, REQUEST, REQUEST, REQUEST, DISCOVER]);
});

t.test('NAK while renewing: the address is given up, its connections end, another one is asked for', async (t) => {
  const lab = new Client().bind(1000);
  heard(lab);
  lab.advance(501_000);
  const renewal = heard(lab)[0];
  t.equal(renewal?.type, REQUEST);
  lab.server(reply(NAK, renewal?.xid ?? 0, 0));
  t.equal(lab.stack.config, undefined);
  t.equal(lab.leases.at(-1), undefined);
  lab.advance(2000);
  t.ok(heard(lab).some((one) => one.type === DISCOVER));
});

t.test(
  'options, each by itself: 1 3 6 12 15 26 28 42 51 54 58 59 are used, 82 and unknown ones are not looked at',
  async (t) => {
    const text = (value: string): Uint8Array => new TextEncoder().encode(value);
    const lab = new Client();
    const { xid, options } = lab.one();
    t.same(
      [...(options.get(55) ?? [])].sort((a, b) => a - b),
      [1, 3, 6, 12, 15, 26, 28, 42, 51, 54, 58, 59, 121],
    );
    t.same([...(options.get(61) ?? [])], [1, ...OUR_MAC], 'client identifier');
    t.same([...(options.get(57) ?? [])], [1500 >> 8, 1500 & 255], 'largest message');
    const extra = [
      option(1, int(ip('255.255.254.0'))),
      option(3, int(ip('10.0.0.1'))),
      option(6, Uint8Array.of(10, 0, 0, 53, 10, 0, 0, 54)),
      option(12, text('www')),
      option(15, text('example.org')),
      option(26, Uint8Array.of(1400 >> 8, 1400 & 255)),
      option(28, int(ip('10.0.0.127'))),
      option(42, int(ip('10.0.0.123'))),
      option(51, int(2000)),
      option(58, int(700)),
      option(59, int(1500)),
      option(82, Uint8Array.of(1, 4, 1, 2, 3, 4)),
      option(224, text('something of somebody')),
    ];
    lab.server(reply(OFFER, xid, OFFERED, extra));
    lab.server(reply(ACK, xid, OFFERED, extra));
    lab.advance(1000);
    t.match(lab.leases.at(-1), {
      address: OFFERED,
      prefix: 23,
      gateway: ip('10.0.0.1'),
      dnsServers: [ip('10.0.0.53'), ip('10.0.0.54')],
      hostname: 'www',
      domain: 'example.org',
      mtu: 1400,
      broadcast: ip('10.0.0.127'),
      ntpServers: [ip('10.0.0.123')],
      seconds: 2000,
    });
    const lease = lab.leases.at(-1) as Lease;
    t.ok(Math.abs(lease.rebindAt - lease.renewAt - 800_000) < 1);
    t.equal(lab.stack.broadcast, ip('10.0.0.127'), 'option 28');
    t.equal(lab.stack.output.linkMtu, 1400, 'option 26');
  },
);

t.test('an address that nobody can have is no offer', async (t) => {
  for (const address of ['0.0.0.0', '127.0.0.1', '224.0.0.5', '255.255.255.255']) {
    const lab = new Client();
    lab.server(reply(OFFER, lab.one().xid, ip(address), terms(1000)));
    t.same(heard(lab), [], address);
  }
});

t.test('a broadcast address on another link is a mistake of the server, and not used', async (t) => {
  const lab = new Client().bind(1000, [option(28, int(ip('192.168.7.255')))]);
  t.equal(lab.stack.broadcast, ip('10.0.0.255'));
});

t.test('[2131 4.1] a reply to the client’s port counts, whatever its source: other ports, 0.0.0.0', async (t) => {
  for (const from of [{ port: 67 }, { port: 50_000 }, { port: 68 }, { port: 1067, source: 0 }]) {
    const lab = new Client();
    lab.server(reply(OFFER, lab.one().xid, OFFERED, terms(1000), from), BROADCAST_MAC);
    lab.server(reply(ACK, lab.one().xid, OFFERED, terms(1000), from), BROADCAST_MAC);
    lab.advance(300);
    t.equal(lab.dhcp.state, 'BOUND', JSON.stringify(from));
  }
  const lab = new Laboratory();
  lab.packet(reply(ACK, 1, OFFERED, [], { source: 0 }), BROADCAST_MAC);
  t.equal(lab.dropped('ip-source-martian'), 1, 'without a client 0.0.0.0 is no source');
});

t.test('[3396 7] an option of fixed length that comes twice is read from its first copy', async (t) => {
  const mask = option(1, int(ip('255.255.255.0')));
  const router = option(3, int(ip('10.0.0.1')));
  const time = option(51, int(600));
  const base = [mask, router, time];
  const cases: Record<string, Uint8Array[]> = {
    once: base,
    53: [option(53, Uint8Array.of(OFFER)), ...base],
    54: [option(54, int(SERVER)), ...base],
    51: [...base, time],
    1: [...base, mask],
    3: [...base, router],
    28: [...base, option(28, int(ip('10.0.0.127'))), option(28, int(ip('10.0.0.127')))],
    26: [...base, option(26, Uint8Array.of(5, 0x78)), option(26, Uint8Array.of(5, 0x78))],
    '58 and 59': [...base, ...[58, 58, 59, 59].map((code) => option(code, int(code * 2)))],
  };
  for (const [name, options] of Object.entries(cases)) {
    const lab = new Client();
    lab.server(reply(OFFER, lab.one().xid, OFFERED, options));
    const again = options.map((one) => (one[0] === 53 ? option(53, Uint8Array.of(ACK)) : one));
    lab.server(reply(ACK, lab.one().xid, OFFERED, again));
    lab.advance(300);
    t.match(lab.leases[0], { prefix: 24, gateway: ip('10.0.0.1'), seconds: 600, server: SERVER }, name);
    if (name === '26') t.equal(lab.leases[0]?.mtu, 1400);
    if (name === '28') t.equal(lab.leases[0]?.broadcast, ip('10.0.0.127'));
    if (name.startsWith('58')) t.equal(lab.leases[0]?.renewAt, 116_000);
  }
});

t.test('an ACK or a NAK where an offer was asked for is not used, and that is told once a message', async (t) => {
  for (const [type, word] of [
    [ACK, 'an ACK'],
    [NAK, 'a NAK'],
  ] as const) {
    const trouble: string[] = [];
    const lab = new Client({ onTrouble: (sentence) => trouble.push(sentence) });
    const { xid } = lab.one();
    const told = (): string[] => trouble.filter((sentence) => sentence.includes('is not used'));
    for (let i = 0; i < 3; i++) lab.server(reply(type, xid, OFFERED, terms(1000)));
    t.equal(lab.dhcp.state, 'SELECTING');
    t.same(told(), [`a reply of 10.0.0.254 is not used: it is ${word} where an offer was asked for`]);
    lab.advance(6000);
    lab.server(reply(type, xid, OFFERED, terms(1000)));
    t.equal(told().length, 2, 'anew with each message of ours');
    lab.server(reply(OFFER, xid, OFFERED, terms(1000)));
    t.equal(lab.dhcp.state, 'REQUESTING', 'an offer that comes later is taken');
    lab.server(reply(OFFER, xid, OFFERED, terms(1000)));
    t.equal(told().length, 2, 'a further offer is no news');
  }
});

t.test('an option without a value, or with one that nothing can follow, replaces no other', async (t) => {
  const none = new Uint8Array(0);
  const gateway = (...extra: Uint8Array[]): number | undefined => new Client().bind(1000, extra).leases[0]?.gateway;
  t.equal(gateway(option(121, none)), ip('10.0.0.1'), 'an empty list of routes beside a router');
  t.equal(gateway(option(121, Uint8Array.of(33, 1, 2, 3, 4, 10, 0, 0, 5))), ip('10.0.0.1'), 'a prefix of 33');
  t.equal(gateway(option(3, int(ip('10.0.0.9')))), ip('10.0.0.1'), 'the first router');
  const replies = (options: Uint8Array[]): Lease | undefined => {
    const lab = new Client();
    lab.server(reply(OFFER, lab.one().xid, OFFERED, options));
    lab.server(reply(ACK, lab.one().xid, OFFERED, options));
    lab.advance(300);
    return lab.leases[0];
  };
  const time = option(51, int(600));
  const routers = [ip('0.0.0.0'), ip('224.0.0.1'), OFFERED, ip('10.0.0.5')].map((one) => option(3, int(one)));
  t.equal(
    replies([time, option(1, int(ip('255.255.255.0'))), ...routers])?.gateway,
    ip('10.0.0.5'),
    'the first usable',
  );
  t.equal(replies([time, option(1, int(0))])?.prefix, 8, 'a mask of 0.0.0.0 is none');
  for (const code of [6, 12, 15, 26, 28, 42, 56, 58, 59]) {
    t.match(replies([...terms(600), option(code, none)]), { prefix: 24, gateway: ip('10.0.0.1') }, `${code} is empty`);
  }
});

t.test('[3442] a default route by way of 0.0.0.0 is on the link itself', async (t) => {
  const lab = new Client().bind(3600, [option(121, Uint8Array.of(0, 0, 0, 0, 0))]);
  lab.stack.udp.bind(9999, () => {}).send(new Uint8Array(1), ip('192.0.2.77'), 9);
  t.equal(lab.takeArp()[0]?.target, ip('192.0.2.77'));
});

t.test('[2131 3.1 (3)] [2131 4.4.1] the REQUEST that takes an offer has the `secs` of its DISCOVER', async (t) => {
  const lab = new Client();
  lab.take();
  lab.advance(6000);
  const discover = lab.one();
  t.ok(discover.secs >= 3, `${discover.secs} s after the first`);
  lab.advance(2600);
  lab.server(reply(OFFER, discover.xid, OFFERED, terms(1000)));
  t.equal(lab.one().secs, discover.secs);
  lab.advance(5500);
  t.equal(lab.one().secs, discover.secs, 'sent again too');
});

t.test('[2131 2] `secs` counts from when the client began to acquire or to renew', async (t) => {
  const lab = new Client().bind(1000);
  lab.advance(500_500);
  const renew = lab.one();
  t.equal(renew.secs, 0);
  lab.server(reply(ACK, renew.xid, OFFERED, terms(1000)));
  lab.advance(499_000);
  // The server is a neighbour that answers.
  lab.arp({ operation: 2, sender: SERVER, target: OFFERED }, OUR_MAC, SERVER_MAC);
  lab.advance(1500);
  t.equal(lab.one().secs, 0, 'the next renewal begins anew');
  lab.advance(375_500);
  const rebind = heard(lab).at(-1);
  t.equal(rebind?.destination, EVERYBODY);
  t.ok(Math.abs((rebind?.secs ?? 0) - 375) <= 1, 'a rebinding goes on with it');
  const short = new Client().bind(1000);
  short.advance(50_000);
  short.dhcp.stop(short.now);
  t.match(short.one(), { type: RELEASE, secs: 0 }, 'table 5');
});

t.test('[2131 4.4.5] T1 and T2 of zero are none; renewals cost few writes of what is remembered', async (t) => {
  const saved: number[] = [];
  const memory = { load: () => undefined, save: () => saved.push(1) };
  const lab = new Client({ memory }).bind(1000, [option(58, int(0)), option(59, int(0))]);
  lab.advance(499_000);
  t.same(heard(lab), []);
  lab.advance(1500);
  let { xid } = lab.one();
  const often = [...terms(1000), option(58, int(1)), option(59, int(900))];
  const before = saved.length;
  for (let i = 0; i < 300; i++) {
    lab.server(reply(ACK, xid, OFFERED, often));
    lab.advance(1000);
    xid = heard(lab)[0]?.xid ?? xid;
  }
  t.ok(saved.length - before <= 6, `${saved.length - before} writes in 300 s`);
});

t.test('what an ACK leaves out holds as the lease that it extends, or the offer, said it', async (t) => {
  const time = option(51, int(1000));
  const [mask, router] = terms(1000) as [Uint8Array, Uint8Array];
  const cases = { 'the mask': [router, time], 'the router': [mask, time], both: [time], 'the time': [mask, router] };
  for (const [name, options] of Object.entries(cases)) {
    const lab = new Client().bind(1000);
    lab.advance(500_500);
    lab.server(reply(ACK, lab.one().xid, OFFERED, options));
    t.match(lab.dhcp, { state: 'BOUND', lease: { prefix: 24, gateway: ip('10.0.0.1'), seconds: 1000 } }, name);
    const fresh = new Client();
    fresh.server(reply(OFFER, fresh.one().xid, OFFERED, terms(1000)));
    fresh.server(reply(ACK, fresh.one().xid, OFFERED, options));
    fresh.advance(300);
    t.match(fresh.leases[0], { prefix: 24, gateway: ip('10.0.0.1'), seconds: 1000 }, `${name}, after an offer`);
  }
});

t.test('why an offer or an ACK is not used is told, once for each message of ours', async (t) => {
  const trouble: string[] = [];
  const lab = new Client({ onTrouble: (sentence) => trouble.push(sentence) });
  const { xid } = lab.one();
  for (let i = 0; i < 100; i++) lab.server(reply(OFFER, xid, ip('127.0.0.9'), terms(1000)));
  t.equal(trouble.length, 1);
  t.match(trouble[0], /10\.0\.0\.254 .*127\.0\.0\.9 is no host's address/);
  lab.server(reply(OFFER, xid, OFFERED, []));
  lab.server(reply(ACK, lab.one().xid, OFFERED, []));
  t.match(trouble.at(-1), /lease time \(option 51\)/);
  lab.advance(6000);
  lab.server(reply(OFFER, lab.one().xid, OFFERED, [option(51, int(60)).subarray(0, 3)]));
  t.match(trouble.at(-1), /malformed/);
});

t.test(
  '[2131 3.7] a link that was down and is up: the address is asked for again, from 0.0.0.0, and holds meanwhile',
  async (t) => {
    const lab = new Client().bind(1000);
    lab.advance(60_000);
    lab.dhcp.linkUp(lab.now);
    lab.advance(0);
    const request = lab.one();
    t.match(request, { type: REQUEST, source: 0, destination: EVERYBODY, clientAddress: 0, secs: 0 });
    t.same(request.options.get(50), int(OFFERED));
    t.notOk(request.options.has(54));
    t.equal(lab.stack.config?.address, OFFERED);
    lab.server(reply(ACK, request.xid, OFFERED, terms(1000)));
    t.equal(lab.dhcp.state, 'BOUND');
    t.notOk(lab.leases.includes(undefined), 'no connection ended');
    t.ok((lab.dhcp.lease?.expiresAt ?? 0) >= 1_060_000);
  },
);

t.test('[2131 3.7] on another network: NAK, or silence and another server’s offer, and the new address', async (t) => {
  const other = ip('10.8.0.50');
  for (const answer of ['NAK', 'silence']) {
    const lab = new Client().bind(1000);
    lab.advance(60_000);
    lab.dhcp.linkUp(lab.now);
    lab.advance(0);
    const request = lab.one();
    if (answer === 'NAK') lab.server(reply(NAK, request.xid, 0), BROADCAST_MAC);
    lab.advance(20_000);
    const discover = heard(lab).find((said) => said.type === DISCOVER);
    t.match(discover, { source: 0, clientAddress: 0 }, answer);
    if (answer === 'silence') t.equal(lab.stack.config?.address, OFFERED, 'the lease holds until there is another');
    lab.server(reply(OFFER, lab.dhcp['messages'].xid, other, terms(1000)));
    lab.server(reply(ACK, lab.one().xid, other, terms(1000)));
    lab.advance(300);
    t.equal(lab.stack.config?.address, other, answer);
    t.same(
      lab.leases.map((lease) => lease?.address),
      [OFFERED, undefined, other],
    );
  }
});

t.test('a link that comes up while no server has answered is asked on at once', async (t) => {
  const lab = new Client();
  lab.advance(100_000);
  lab.take();
  lab.dhcp.linkUp(lab.now);
  lab.advance(0);
  t.equal(lab.one().type, DISCOVER);
});

t.test(
  'a machine that slept counts its lease: what is left is asked for again, what is over is given up',
  async (t) => {
    const short = new Client().bind(1000);
    short.dhcp.slept(400_000, short.now);
    short.advance(0);
    t.equal(short.one().type, REQUEST);
    t.ok(Math.abs((short.dhcp.lease?.expiresAt ?? 0) - 600_000) < 1000);
    const long = new Client().bind(1000);
    long.dhcp.slept(1_200_000, long.now);
    long.advance(0);
    t.equal(long.stack.config, undefined, 'another host may have it');
    t.equal(heard(long).at(-1)?.type, DISCOVER);
  },
);
