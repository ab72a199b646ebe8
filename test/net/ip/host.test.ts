import t from 'tap';
import { MemoryDevice } from '../../../src/net/device/memory/memory-link.js';
import { Drops } from '../../../src/net/drops.js';
import type { Transport } from '../../../src/net/ip/contracts/transport.js';
import { Stack } from '../../../src/net/ip/stack.js';
import { checksum, concat, ethernet, ICMP, ip, ipv4, readIp, TYPE_IPV4, UDP, udp, view } from '../../sim/packets.js';
import { CONFIG, Laboratory, OUR_MAC, PEER, PEER_MAC, US } from './laboratory.js';

function icmp(type: number, code: number, rest: Uint8Array): Uint8Array {
  const bytes = concat(Uint8Array.of(type, code, 0, 0), rest);
  view(bytes).setUint16(2, checksum(bytes));
  return bytes;
}

const echo = icmp(8, 0, Uint8Array.of(0, 1, 0, 1));

t.test('[9293 MUST-49] [1122 3.2.1.7] any TTL is enough, zero too; ours is 64 unless told otherwise', async (t) => {
  const lab = new Laboratory().introduce();
  for (const ttl of [1, 0]) {
    lab.ip({ protocol: ICMP, payload: echo, ttl });
    t.equal(lab.takeIp()[0]?.ttl, 64);
  }
  const device = new MemoryDevice(OUR_MAC);
  const sent: Uint8Array[] = [];
  device.wire = (frame) => sent.push(frame) > 0;
  const stack = new Stack({ device, random: { random32: () => 7 }, drops: new Drops(), ttl: 3 });
  stack.configure(CONFIG, 0);
  const frame = ethernet(
    OUR_MAC,
    PEER_MAC,
    TYPE_IPV4,
    ipv4({ source: PEER, destination: US, protocol: ICMP, payload: echo }),
  );
  stack.arp.neighbours.learn(PEER, PEER_MAC, 0, true, 0);
  stack.input(frame, 0, frame.length, 0, 0);
  t.equal(readIp(sent[0] ?? new Uint8Array(0))?.ttl, 3);
});

t.test(
  '[1122 3.2.2.2] [1122 3.2.2.7] [1122 3.2.2.9] redirects, information and mask requests change and draw nothing',
  async (t) => {
    const lab = new Laboratory().introduce();
    const about = ipv4({ source: US, destination: ip('192.0.2.1'), protocol: UDP, payload: new Uint8Array(8) });
    lab.ip({ protocol: ICMP, payload: icmp(5, 1, concat(Uint8Array.of(10, 0, 0, 66), about)), source: ip('10.0.0.1') });
    for (const type of [13, 15, 17, 18]) lab.ip({ protocol: ICMP, payload: icmp(type, 0, new Uint8Array(16)) });
    t.equal(lab.take().length, 0);
    t.equal(lab.dropped('icmp-type-unknown'), 5);
    lab.stack.udp.bind(7000, () => {}).send(new Uint8Array(1), ip('192.0.2.1'), 9);
    t.equal(lab.takeArp()[0]?.target, ip('10.0.0.1'), 'still by the gateway');
  },
);

t.test('[1122 3.2.2.4] [1122 3.2.2.5] errors about our datagrams reach the transport that sent them', async (t) => {
  const lab = new Laboratory().introduce();
  const seen: number[][] = [];
  const transport: Transport = {
    protocol: 200,
    input() {},
    believes({ type, code, mtu }) {
      seen.push([type, code, mtu]);
      return true;
    },
    pathMtuLowered() {},
    linkMtuLowered() {},
    poll: () => Number.POSITIVE_INFINITY,
    flush() {},
    addressLost() {},
  };
  lab.stack.host(transport);
  const ours = ipv4({ source: US, destination: PEER, protocol: 200, payload: new Uint8Array(8) });
  for (const [type, code] of [
    [11, 0],
    [12, 0],
    [3, 1],
  ] as const) {
    lab.ip({ protocol: ICMP, payload: icmp(type, code, concat(new Uint8Array(4), ours)) });
  }
  t.same(seen, [
    [11, 0, 0],
    [12, 0, 0],
    [3, 1, 0],
  ]);
  const theirs = ipv4({ source: ip('10.0.0.9'), destination: PEER, protocol: 200, payload: new Uint8Array(8) });
  lab.ip({ protocol: ICMP, payload: icmp(3, 1, concat(new Uint8Array(4), theirs)) });
  t.equal(seen.length, 3, "what we did not send is nobody's");
  t.equal(lab.dropped('icmp-error-unmatched'), 1);
});

t.test(
  '[1122 3.3.1.2] [1122 3.3.1.6] ways are configured: a host route wins over the link, the link over the gateway',
  async (t) => {
    const lab = new Laboratory(null);
    lab.stack.configure(
      {
        ...CONFIG,
        routes: [
          { network: ip('10.0.0.9'), prefix: 32, gateway: ip('10.0.0.5') },
          { network: ip('192.0.2.0'), prefix: 24, gateway: ip('10.0.0.6') },
        ],
      },
      0,
    );
    const port = lab.stack.udp.bind(7000, () => {});
    for (const [to, hop] of [
      ['10.0.0.9', '10.0.0.5'],
      ['10.0.0.10', '10.0.0.10'],
      ['192.0.2.9', '10.0.0.6'],
      ['198.51.100.1', '10.0.0.1'],
    ] as const) {
      port.send(new Uint8Array(1), ip(to), 9);
      t.equal(lab.takeArp()[0]?.target, ip(hop), to);
    }
  },
);

t.test("[1122 3.3.4.2] what is addressed to somebody else is not taken, whoever's frame it came in", async (t) => {
  const lab = new Laboratory().introduce();
  lab.ip({ protocol: ICMP, payload: echo, destination: ip('10.0.1.2') });
  lab.ip({ protocol: ICMP, payload: echo, destination: ip('127.0.0.1') });
  t.equal(lab.take().length, 0);
  t.equal(lab.dropped('ip-not-for-us'), 2);
});

t.test('[1122 4.1.3.5] a datagram comes with the address that it was sent to', async (t) => {
  const lab = new Laboratory().introduce();
  const seen: number[] = [];
  lab.stack.udp.bind(53, ({ destination }) => seen.push(destination));
  lab.packet(udp(PEER, 9, US, 53, new Uint8Array(1)));
  lab.packet(udp(PEER, 9, ip('255.255.255.255'), 53, new Uint8Array(1)), Uint8Array.of(255, 255, 255, 255, 255, 255));
  t.same(seen, [US, -1]);
});

t.test('when the address goes, transports are told, and nothing is answered for it any more', async (t) => {
  const lab = new Laboratory().introduce();
  lab.stack.configure(undefined, lab.now);
  lab.ip({ protocol: ICMP, payload: echo });
  lab.arp({});
  t.equal(lab.take().length, 0);
});

t.test(
  '[1122 3.2.2.6] an echo is answered in the class of service that it came in, and is never ECN-capable',
  async (t) => {
    const lab = new Laboratory().introduce();
    const packet = ipv4({ source: PEER, destination: US, protocol: ICMP, payload: echo });
    packet[1] = 0xbb;
    view(packet).setUint16(10, 0);
    view(packet).setUint16(10, checksum(packet.subarray(0, 20)));
    lab.packet(packet);
    t.equal(lab.takeIp()[0]?.bytes[1], 0xb8);
  },
);
