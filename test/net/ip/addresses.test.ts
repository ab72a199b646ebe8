/** Several IPv4 addresses on one host, and a gateway that is outside of its network. */
import t from 'tap';
import { checksum, ICMP, ip, ipv4, view } from '../../sim/packets.js';
import { Laboratory, PEER, US } from './laboratory.js';

const SECOND = ip('10.0.5.2');
const ANYCAST = ip('192.0.2.80');

function echo(): Uint8Array {
  const bytes = new Uint8Array(12);
  bytes[0] = 8;
  view(bytes).setUint16(2, checksum(bytes));
  return bytes;
}

function several(): Laboratory {
  const lab = new Laboratory().introduce();
  lab.stack.addAddress({ address: SECOND, prefix: 24, anycast: false }, 0);
  lab.stack.addAddress({ address: ANYCAST, prefix: 32, anycast: true }, 0);
  return lab;
}

t.test('each address answers as itself', async (t) => {
  const lab = several();
  for (const address of [US, SECOND, ANYCAST]) {
    lab.packet(ipv4({ source: PEER, destination: address, protocol: ICMP, payload: echo() }));
    t.equal(lab.takeIp()[0]?.source, address);
  }
  lab.packet(ipv4({ source: PEER, destination: ip('10.0.5.3'), protocol: ICMP, payload: echo() }));
  t.equal(lab.dropped('ip-not-for-us'), 1);
  lab.packet(ipv4({ source: SECOND, destination: US, protocol: ICMP, payload: echo() }));
  t.equal(lab.dropped('ip-source-martian'), 1, 'none of ours is a source');
});

t.test('ARP answers for each address but for those that are never announced', async (t) => {
  const lab = several();
  lab.arp({ target: SECOND });
  t.match(lab.takeArp(), [{ operation: 2, sender: SECOND }]);
  lab.arp({ target: ANYCAST });
  t.same(lab.takeArp(), []);
  lab.stack.arp.announce(lab.now, SECOND);
  lab.stack.arp.announce(lab.now, ANYCAST);
  lab.advance(5000);
  t.same(
    lab.takeArp().map(({ sender, target }) => [sender, target]),
    [
      [SECOND, SECOND],
      [SECOND, SECOND],
    ],
  );
});

t.test('a conflict names the address that it is about; an anycast address has none', async (t) => {
  const lab = several();
  const told: number[] = [];
  lab.stack.arp.onConflict = (_mac, _kept, _now, address) => told.push(address);
  lab.arp({ sender: SECOND, target: SECOND });
  lab.arp({ sender: ANYCAST, target: ANYCAST });
  lab.arp({ sender: US, target: US });
  t.same(told, [SECOND, US]);
});

t.test('several addresses are probed for at the same time', async (t) => {
  const lab = new Laboratory(null);
  const done: (readonly [string, boolean])[] = [];
  const ask = (text: string): void =>
    lab.stack.arp.probe(ip(text), 2, 10, 0, (mac) => done.push([text, mac !== undefined]));
  ask('10.0.0.2');
  ask('10.0.5.2');
  lab.advance(1);
  t.equal(lab.takeArp().length, 2);
  lab.arp({ operation: 2, sender: ip('10.0.5.2'), target: 0 });
  lab.advance(100);
  t.same(done, [
    ['10.0.5.2', true],
    ['10.0.0.2', false],
  ]);
});

t.test('what is in the network of any address is on the link, and is talked to from there', async (t) => {
  const lab = several();
  const { stack } = lab;
  lab.arp({ sender: ip('10.0.5.77'), target: SECOND });
  lab.take();
  stack.udp.bind(9, () => {}).send(Uint8Array.of(1), ip('10.0.5.77'), 9);
  t.match(lab.takeIp(), [{ source: SECOND, destination: ip('10.0.5.77') }]);
  t.equal(stack.isBroadcast(ip('10.0.5.255')), true);
});

t.test('a gateway outside of the network is asked for on the link', async (t) => {
  const gateway = ip('172.16.0.1');
  const lab = new Laboratory({ address: ANYCAST, prefix: 32, gateway });
  lab.stack.udp.bind(9, () => {}).send(Uint8Array.of(1), ip('203.0.113.5'), 9);
  t.match(lab.takeArp(), [{ operation: 1, sender: ANYCAST, target: gateway }]);
  lab.arp({ operation: 2, sender: gateway, target: ANYCAST });
  t.match(lab.takeIp(), [{ source: ANYCAST, destination: ip('203.0.113.5') }]);
});

t.test('an address that is given back ends what lives on it, and nothing else', async (t) => {
  const lab = several();
  const lost: number[] = [];
  lab.stack.host({
    ...{
      protocol: 200,
      input() {},
      believes: () => false,
      pathMtuLowered() {},
      linkMtuLowered() {},
      poll: () => Number.POSITIVE_INFINITY,
      flush() {},
    },
    addressLost: (address) => lost.push(address),
  });
  lab.stack.removeAddress(SECOND, lab.now);
  t.same(lost, [SECOND]);
  lab.packet(ipv4({ source: PEER, destination: SECOND, protocol: ICMP, payload: echo() }));
  t.equal(lab.dropped('ip-not-for-us'), 1);
});
