import t from 'tap';
import { checksum, concat, ethernet, ICMP, ip, ipv4, readIp, UDP, udp, view } from '../../sim/packets.js';
import { Laboratory, OUR_MAC, PEER, PEER_MAC, US } from './laboratory.js';

function echo(length: number, fill = 0x61): Uint8Array {
  const bytes = new Uint8Array(8 + length).fill(fill, 8);
  bytes[0] = 8;
  bytes[5] = 1;
  bytes[7] = 9;
  view(bytes).setUint16(2, checksum(bytes));
  return bytes;
}

/** An IPv4 packet with a change after its checksum, or (`fix`) before it. */
function spoilt(change: (bytes: Uint8Array) => void, fix = true): Uint8Array {
  const bytes = ipv4({ source: PEER, destination: US, protocol: ICMP, payload: echo(8) });
  change(bytes);
  if (fix) {
    view(bytes).setUint16(10, 0);
    view(bytes).setUint16(10, checksum(bytes.subarray(0, 20)));
  }
  return bytes;
}

const fragment = (payload: Uint8Array, id: number, offset: number, more: boolean): Uint8Array => {
  const bytes = ipv4({ source: PEER, destination: US, protocol: ICMP, payload, id });
  view(bytes).setUint16(6, (more ? 0x2000 : 0) | (offset >> 3));
  view(bytes).setUint16(10, 0);
  view(bytes).setUint16(10, checksum(bytes.subarray(0, 20)));
  return bytes;
};

t.test('[792] [1122 2.3.3] an echo is answered with its data, at any size', async (t) => {
  for (const size of [0, 1, 56, 1472]) {
    const lab = new Laboratory().introduce();
    lab.packet(ipv4({ source: PEER, destination: US, protocol: ICMP, payload: echo(size) }));
    const [reply] = lab.takeIp();
    t.equal(reply?.payload[0], 0);
    t.same(reply?.payload.subarray(8), echo(size).subarray(8));
    t.equal(checksum(reply?.payload ?? new Uint8Array(2)), 0);
  }
});

t.test(
  '[1122 3.2.1.4] [1122 3.3.3] [1122 3.3.2] fragments are put together in any order, and large answers are cut',
  async (t) => {
    const whole = echo(4000);
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [1, 2, 0],
    ]) {
      const lab = new Laboratory().introduce();
      for (const i of order) lab.packet(fragment(whole.subarray(i * 1480, (i + 1) * 1480), 7, i * 1480, i < 2));
      const parts = lab.take().flatMap((frame) => readIp(frame) ?? []);
      t.equal(parts.length, 3);
      const got = new Uint8Array(4008);
      for (const part of parts) got.set(part.payload, (view(part.bytes).getUint16(6) & 0x1fff) * 8);
      t.same(got.subarray(8), whole.subarray(8));
      t.equal(new Set(parts.map((part) => part.id)).size, 1, 'one ID for the pieces');
    }
  },
);

t.test(
  '[815] overlapping fragments refuse the datagram; the same fragment twice, or a part of one, does not',
  async (t) => {
    const lab = new Laboratory().introduce();
    const whole = echo(64);
    lab.packet(fragment(whole.subarray(0, 32), 8, 0, true));
    lab.packet(fragment(whole.subarray(24, 56), 8, 24, true));
    lab.packet(fragment(whole.subarray(56), 8, 56, false));
    t.equal(lab.takeIp().length, 0);
    t.ok(lab.dropped('fragment-overlap') >= 1);
    lab.packet(fragment(whole.subarray(0, 32), 9, 0, true));
    lab.packet(fragment(whole.subarray(0, 32), 9, 0, true));
    lab.packet(fragment(whole.subarray(32), 9, 32, false));
    t.equal(lab.takeIp().length, 1);
    lab.packet(fragment(whole.subarray(0, 32), 10, 0, true));
    lab.packet(fragment(new Uint8Array(8), 10, 8, true));
    lab.packet(fragment(whole.subarray(32), 10, 32, false));
    t.same(lab.takeIp()[0]?.payload.subarray(8), whole.subarray(8), 'nor a part of it, and what came first stays');
    lab.packet(fragment(whole.subarray(32), 11, 32, false));
    lab.packet(fragment(whole.subarray(32, 48), 11, 32, false));
    lab.packet(fragment(whole.subarray(0, 32), 11, 0, true));
    t.equal(lab.takeIp().length, 0, 'two ends');
  },
);

t.test('[1122 3.3.2] a datagram that never becomes whole is told of and forgotten', async (t) => {
  const lab = new Laboratory().introduce();
  lab.packet(fragment(echo(64).subarray(0, 32), 10, 0, true));
  lab.advance(29_000);
  t.equal(lab.takeIp().length, 0);
  lab.advance(2000);
  const [error] = lab.takeIp();
  t.same([error?.payload[0], error?.payload[1]], [11, 1], 'time exceeded in reassembly');
  t.equal(lab.dropped('fragment-timeout'), 1);
});

t.test('reassembly is bounded in datagrams and bytes; impossible fragments are refused', async (t) => {
  const lab = new Laboratory().introduce();
  for (let i = 0; i < 2000; i++) lab.packet(fragment(new Uint8Array(1480), i, 0, true));
  t.ok(lab.dropped('fragment-table-full') > 1900);
  lab.packet(fragment(new Uint8Array(7), 3000, 0, true));
  t.equal(lab.dropped('fragment-malformed'), 1);
  lab.packet(fragment(new Uint8Array(16), 3001, 65_520, false));
  t.equal(lab.dropped('fragment-too-big'), 1);
});

t.test('[1122 3.2.1.2] [1122 3.2.1.1] what is no good header is dropped silently, each with its reason', async (t) => {
  const cases: [Parameters<Laboratory['dropped']>[0], Uint8Array][] = [
    ['ip-truncated', new Uint8Array(10)],
    ['ip-version', spoilt((b) => b.fill(0x65, 0, 1))],
    ['ip-header-length', spoilt((b) => b.fill(0x43, 0, 1))],
    ['ip-total-length', spoilt((b) => b.fill(0xff, 2, 3))],
    ['ip-checksum', spoilt((b) => b.fill(1, 10, 11), false)],
    ['ip-not-for-us', spoilt((b) => b.fill(99, 19, 20))],
  ];
  for (const [reason, packet] of cases) {
    const lab = new Laboratory().introduce();
    const frame = concat(OUR_MAC, PEER_MAC, Uint8Array.of(8, 0), packet);
    lab.frame(frame);
    t.equal(lab.dropped(reason), 1, reason);
    t.equal(lab.take().length, 0, `${reason}: no answer`);
  }
});

t.test('[1122 3.3.6] [1122 4.1.3.6] [1122 3.2.1.3] sources that nobody can have are refused', async (t) => {
  for (const source of ['0.0.0.0', '127.0.0.1', '224.0.0.1', '255.255.255.255', '10.0.0.255', '10.0.0.2']) {
    const lab = new Laboratory().introduce();
    lab.packet(ipv4({ source: ip(source), destination: US, protocol: ICMP, payload: echo(8) }));
    t.equal(lab.dropped('ip-source-martian'), 1, source);
    t.equal(lab.take().length, 0);
  }
  const lab = new Laboratory().introduce();
  lab.packet(ipv4({ source: ip('240.0.0.1'), destination: US, protocol: ICMP, payload: echo(8) }));
  t.equal(lab.dropped('ip-source-martian'), 0, '240.0.0.0/4 is not among them: there are networks of it');
});

t.test(
  'Ethernet: frames for others, from nobody, tagged, unknown or short are dropped with a reason; padding is not data',
  async (t) => {
    const good = ipv4({ source: PEER, destination: US, protocol: ICMP, payload: echo(2) });
    const lab = new Laboratory().introduce();
    lab.frame(ethernet(Uint8Array.of(2, 9, 9, 9, 9, 9), PEER_MAC, 0x0800, good));
    lab.frame(ethernet(OUR_MAC, Uint8Array.of(1, 0, 0, 0, 0, 1), 0x0800, good));
    lab.frame(ethernet(OUR_MAC, PEER_MAC, 0x8100, good));
    lab.frame(ethernet(OUR_MAC, PEER_MAC, 0x88b5, good));
    lab.frame(new Uint8Array(13));
    for (const reason of ['not-for-us', 'source-invalid', 'vlan', 'type-unknown', 'truncated'] as const) {
      t.equal(lab.dropped(`ethernet-${reason}`), 1, reason);
    }
    t.equal(lab.take().length, 0);
    lab.frame(ethernet(OUR_MAC, PEER_MAC, 0x0800, good));
    t.equal(lab.takeIp()[0]?.payload.length, 10, 'two bytes of data came padded, and go back as two');
  },
);

t.test(
  '[802.1Q 9.6] a tag that carries a priority only is taken off, and the answer has none; a VLAN is not ours',
  async (t) => {
    const echoed = ipv4({ source: PEER, destination: US, protocol: ICMP, payload: echo(30) });
    const tagged = (...tag: number[]): Uint8Array => concat(OUR_MAC, PEER_MAC, Uint8Array.from(tag), echoed);
    const lab = new Laboratory().introduce();
    for (const tag of [
      [0x81, 0, 0xe0, 0, 8, 0],
      [0x81, 0, 0, 0, 0x81, 0, 0, 0, 8, 0],
      [0x88, 0xa8, 0, 0, 8, 0],
    ]) {
      lab.frame(tagged(...tag));
      t.equal(lab.takeIp()[0]?.payload.length, 38, `answered without a tag: ${tag}`);
    }
    lab.frame(tagged(0x81, 0, 0, 1, 8, 0));
    lab.frame(tagged(0x81, 0, 0, 0, 0x81, 0, 0x0f, 0xff, 8, 0));
    lab.frame(concat(OUR_MAC, PEER_MAC, Uint8Array.of(0x81, 0, 0, 0)));
    t.equal(lab.dropped('ethernet-vlan'), 3);
    t.equal(lab.take().length, 0);
  },
);

t.test('[792] an echo request whose code is not 0 is answered with that code', async (t) => {
  const lab = new Laboratory().introduce();
  const asked = echo(21);
  asked[1] = 9;
  asked.fill(0, 2, 4);
  view(asked).setUint16(2, checksum(asked));
  lab.packet(ipv4({ source: PEER, destination: US, protocol: ICMP, payload: asked }));
  const answer = lab.takeIp()[0]?.payload as Uint8Array;
  t.same([...answer.subarray(0, 2)], [0, 9]);
  t.equal(checksum(answer), 0);
});

t.test('[1122 3.3.5] [1122 3.2.1.8] options are skipped, malformed ones answered, source routes refused', async (t) => {
  const withOptions = (...options: number[]): Uint8Array => {
    const plain = ipv4({ source: PEER, destination: US, protocol: ICMP, payload: echo(8) });
    const bytes = concat(plain.subarray(0, 20), Uint8Array.from(options), plain.subarray(20));
    bytes[0] = 0x40 | (5 + options.length / 4);
    view(bytes).setUint16(2, bytes.length);
    view(bytes).setUint16(10, 0);
    view(bytes).setUint16(10, checksum(bytes.subarray(0, 20 + options.length)));
    return bytes;
  };
  const lab = new Laboratory().introduce();
  lab.packet(withOptions(1, 1, 1, 1));
  lab.packet(withOptions(0x94, 4, 0, 0));
  t.same(
    lab.takeIp().map((one) => one.payload[0]),
    [0, 0],
  );
  lab.packet(withOptions(7, 1, 4, 0));
  t.equal(lab.dropped('ip-options-malformed'), 1);
  const [problem] = lab.takeIp();
  t.same([problem?.payload[0], problem?.payload[4]], [12, 20], 'parameter problem, with the place');
  lab.packet(withOptions(131, 7, 4, 1, 2, 3, 4, 0));
  t.equal(lab.dropped('ip-source-route'), 1);
});

t.test('[1122 4.1.3.1] [1122 3.2.2.1] closed ports and unknown protocols are told of', async (t) => {
  const lab = new Laboratory().introduce();
  lab.packet(udp(PEER, 1000, US, 9, new Uint8Array(4)));
  lab.ip({ protocol: 99, payload: new Uint8Array(4) });
  t.same(
    lab.takeIp().map((one) => [one.payload[0], one.payload[1]]),
    [
      [3, 3],
      [3, 2],
    ],
  );
  t.equal(lab.dropped('udp-port-closed'), 1);
  t.equal(lab.dropped('ip-protocol-unknown'), 1);
});

t.test(
  '[1122 2.4] [1122 3.2.2] no ICMP error about an error, a broadcast, a later fragment, or to a group',
  async (t) => {
    const lab = new Laboratory().introduce();
    const everybody = Uint8Array.of(255, 255, 255, 255, 255, 255);
    lab.packet(udp(PEER, 1000, ip('10.0.0.255'), 9, new Uint8Array(4)), everybody);
    lab.packet(udp(PEER, 1000, US, 9, new Uint8Array(4)), everybody);
    lab.packet(udp(PEER, 1000, ip('255.255.255.255'), 9, new Uint8Array(4)), everybody);
    lab.ip({ protocol: ICMP, payload: concat(Uint8Array.of(3, 3, 0xfc, 0xfc, 0, 0, 0, 0)) });
    t.equal(lab.take().length, 0);
  },
);

t.test('[1122 3.2.2.6] an echo to a broadcast address is not answered', async (t) => {
  const lab = new Laboratory().introduce();
  lab.ip(
    { protocol: ICMP, payload: echo(8), destination: ip('10.0.0.255') },
    Uint8Array.of(255, 255, 255, 255, 255, 255),
  );
  t.equal(lab.take().length, 0);
  t.equal(lab.dropped('icmp-broadcast'), 1);
});

t.test('[1812 4.3.2.8] errors are limited, and the limit recovers', async (t) => {
  const lab = new Laboratory().introduce();
  for (let i = 0; i < 500; i++) lab.packet(udp(PEER, 1000, US, 9, new Uint8Array(4)));
  const first = lab.takeIp().length;
  t.ok(first >= 10 && first < 200, `${first} errors for 500 datagrams`);
  t.ok(lab.dropped('icmp-rate-limited') > 0);
  lab.now += 1000;
  lab.packet(udp(PEER, 1000, US, 9, new Uint8Array(4)));
  t.equal(lab.takeIp().length, 1);
});

t.test('[1122 4.1.3.4] UDP: a wrong checksum is dropped, none at all is taken, lengths are checked', async (t) => {
  const lab = new Laboratory().introduce();
  const got: number[] = [];
  lab.stack.udp.bind(53, ({ start, end }) => got.push(end - start));
  const datagram = (change: (udp: DataView) => void): Uint8Array => {
    const payload = readIp(
      concat(new Uint8Array(12), Uint8Array.of(8, 0), udp(PEER, 9, US, 53, new Uint8Array(5))),
    )?.payload.slice();
    if (payload === undefined) throw new Error('no payload');
    change(view(payload));
    return ipv4({ source: PEER, destination: US, protocol: UDP, payload });
  };
  lab.packet(datagram(() => {}));
  lab.packet(datagram((d) => d.setUint16(6, 0)));
  t.same(got, [5, 5]);
  lab.packet(datagram((d) => d.setUint16(6, d.getUint16(6) ^ 1)));
  t.equal(lab.dropped('udp-checksum'), 1);
  lab.packet(datagram((d) => d.setUint16(4, 99)));
  t.equal(lab.dropped('udp-length'), 1);
  lab.ip({ protocol: UDP, payload: new Uint8Array(4) });
  t.equal(lab.dropped('udp-truncated'), 1);
  t.equal(lab.take().length, 0);
});

t.test('[768] a datagram leaves with its checksum, and a large one in pieces', async (t) => {
  const lab = new Laboratory().introduce();
  const port = lab.stack.udp.bind(5000, () => {});
  t.ok(port.send(new Uint8Array(3000).fill(7), PEER, 6000));
  t.equal(lab.takeIp().length, 3);
  t.throws(() => lab.stack.udp.bind(5000, () => {}), /5000/);
  port.close();
});

t.test('ICMP that is short, damaged or unknown is dropped with its reason', async (t) => {
  const lab = new Laboratory().introduce();
  lab.ip({ protocol: ICMP, payload: new Uint8Array(4) });
  lab.ip({ protocol: ICMP, payload: Uint8Array.of(8, 0, 1, 1, 0, 0, 0, 0) });
  const unknown = Uint8Array.of(42, 0, 0xd5, 0xff, 0, 0, 0, 0);
  lab.ip({ protocol: ICMP, payload: unknown });
  const bare = Uint8Array.of(3, 3, 0xfc, 0xfc, 0, 0, 0, 0);
  lab.ip({ protocol: ICMP, payload: bare });
  for (const reason of ['icmp-truncated', 'icmp-checksum', 'icmp-type-unknown', 'icmp-error-malformed'] as const) {
    t.equal(lab.dropped(reason), 1, reason);
  }
});

t.test('without an address nothing is answered', async (t) => {
  const lab = new Laboratory(null);
  lab.ip({ protocol: ICMP, payload: echo(8) });
  t.equal(lab.dropped('ip-no-address'), 1);
  t.equal(lab.take().length, 0);
});
