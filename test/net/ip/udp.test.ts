/** UDP as a contract: what a port's user can set, and is told (RFC 768, RFC 1122 4.1); frames by hand. */
import t from 'tap';
import { concat, ICMP, icmpError, ip, ipv4, UDP, udp, view } from '../../sim/packets.js';
import { GATEWAY, Laboratory, PEER, US } from './laboratory.js';

t.test(
  'time to live and Differentiated Services field of a datagram can be set; IP options cannot (RFC 7126) [1122 4.1.4] [1122 3.2.1.6]',
  async (t) => {
    const lab = new Laboratory().introduce();
    let seen = -1;
    const port = lab.stack.udp.bind(53, ({ tos }) => {
      seen = tos;
    });
    port.send(Uint8Array.of(1), PEER, 9, { ttl: 3, dscp: 46 });
    port.send(Uint8Array.of(1), PEER, 9);
    const [one, two] = lab.takeIp();
    t.equal(one?.ttl, 3);
    t.equal(one?.bytes[1], 46 << 2);
    t.equal(two?.ttl, 64);
    t.equal(two?.bytes[1], 0);
    const marked = udp(PEER, 9, US, 53, Uint8Array.of(1));
    marked[1] = 0xb9;
    view(marked).setUint16(10, view(marked).getUint16(10) - 0xb9);
    lab.packet(marked);
    t.equal(seen, 0xb9, 'and it is passed up');
  },
);

t.test('fragments of a datagram carry what was set', async (t) => {
  const lab = new Laboratory().introduce();
  lab.stack.udp.bind(53, () => {}).send(new Uint8Array(4000), PEER, 9, { ttl: 9, dscp: 10 });
  const sent = lab.takeIp();
  t.equal(sent.length, 3);
  t.ok(sent.every((one) => one.ttl === 9 && one.bytes[1] === 40));
});

t.test('an ICMP error reaches the port that sent the datagram, and no other [1122 4.1.3.3]', async (t) => {
  const lab = new Laboratory().introduce();
  const told: unknown[] = [];
  const user = (name: string) => (type: number, code: number, destination: number, port: number) =>
    told.push([name, type, code, destination, port]);
  const one = lab.stack.udp.bind(1000, () => {}, user('one'));
  const two = lab.stack.udp.bind(1001, () => {}, user('two'));
  const three = lab.stack.udp.bind(1002, () => {});
  const about = (from: number): Uint8Array => udp(US, from, PEER, 9, new Uint8Array(4));
  for (const port of [one, two, three]) port.send(new Uint8Array(4), PEER, 9);
  lab.packet(icmpError(GATEWAY, 3, 1, 0, about(1001)));
  t.same(told, [['two', 3, 1, PEER, 9]]);
  lab.packet(icmpError(PEER, 3, 3, 0, about(1000)));
  t.same(told.at(-1), ['one', 3, 3, PEER, 9]);
  lab.packet(icmpError(PEER, 3, 3, 0, about(1002)));
  lab.packet(icmpError(PEER, 3, 3, 0, about(1003)));
  t.equal(told.length, 2);
  t.equal(lab.dropped('icmp-error-unmatched'), 1, 'the one about a port that nobody has');
});

t.test('bound ports: unicast and broadcast reach them, a multicast or broadcast source does not', async (t) => {
  const lab = new Laboratory().introduce();
  const heard: number[] = [];
  lab.stack.udp.bind(7, ({ destination }) => heard.push(destination));
  const all = Uint8Array.of(255, 255, 255, 255, 255, 255);
  lab.packet(udp(PEER, 9, US, 7, new Uint8Array(1)));
  lab.packet(udp(PEER, 9, ip('10.0.0.255'), 7, new Uint8Array(1)), all);
  lab.packet(udp(PEER, 9, ip('255.255.255.255'), 7, new Uint8Array(1)), all);
  t.same(heard, [US, ip('10.0.0.255'), ip('255.255.255.255')]);
  for (const source of ['224.0.0.1', '255.255.255.255', '10.0.0.255', '0.0.0.0', '127.0.0.1']) {
    lab.packet(udp(ip(source), 9, US, 7, new Uint8Array(1)));
  }
  t.equal(heard.length, 3);
  t.equal(lab.dropped('ip-source-martian'), 5);
});

t.test('a datagram may be sent to everybody on the link', async (t) => {
  const lab = new Laboratory();
  const port = lab.stack.udp.bind(7, () => {});
  for (const destination of ['255.255.255.255', '10.0.0.255']) {
    t.ok(port.send(Uint8Array.of(1), ip(destination), 9));
    const [frame] = lab.take();
    t.same([...(frame as Uint8Array).subarray(0, 6)], [255, 255, 255, 255, 255, 255]);
  }
});

t.test('a computed checksum of zero goes as all ones (RFC 768)', async (t) => {
  const lab = new Laboratory().introduce();
  const port = lab.stack.udp.bind(7, () => {});
  for (let i = 0; i < 70_000; i += 1) {
    port.send(Uint8Array.of(i >> 8, i & 255), PEER, 9);
    const [sent] = lab.takeIp();
    if (sent === undefined || view(sent.payload).getUint16(6) === 0) t.fail(`${i}`);
  }
});

t.test('echo: at any size, whole or in fragments in any order, the same bytes come back', async (t) => {
  for (const size of [0, 1, 56, 1472, 1473, 4000, 20_000, 65_507]) {
    const lab = new Laboratory().introduce();
    const request = new Uint8Array(8 + size);
    request[0] = 8;
    for (let i = 8; i < request.length; i++) request[i] = (i * 7) & 255;
    let sum = 0;
    for (let i = 0; i < request.length; i += 2) sum += ((request[i] as number) << 8) | (request[i + 1] ?? 0);
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
    view(request).setUint16(2, ~sum & 0xffff);
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < request.length; at += 1480) {
      const end = Math.min(at + 1480, request.length);
      const piece = ipv4({ source: PEER, destination: US, protocol: ICMP, payload: request.subarray(at, end), id: 77 });
      view(piece).setUint16(6, (end < request.length ? 0x2000 : 0) | (at >> 3));
      view(piece).setUint16(10, 0);
      let header = 0;
      for (let i = 0; i < 20; i += 2) header += view(piece).getUint16(i);
      while (header > 0xffff) header = (header & 0xffff) + (header >>> 16);
      view(piece).setUint16(10, ~header & 0xffff);
      pieces.push(piece);
    }
    for (const piece of pieces.reverse()) lab.packet(piece);
    const back = lab
      .takeIp()
      .map((one) => ({ offset: (view(one.bytes).getUint16(6) & 0x1fff) * 8, payload: one.payload }));
    const whole = concat(...back.sort((a, b) => a.offset - b.offset).map((one) => one.payload));
    t.equal(whole.length, request.length, `${size} bytes`);
    t.equal(whole[0], 0, 'a reply');
    t.same(Buffer.compare(whole.subarray(8), request.subarray(8)), 0, 'the same data');
  }
});

t.test('protocols other than TCP, UDP and ICMP are told of, at most so many a second', async (t) => {
  const lab = new Laboratory().introduce();
  for (let i = 0; i < 500; i++) lab.ip({ protocol: 132, payload: new Uint8Array(20) });
  t.equal(lab.takeIp().length, 50, 'a bucket of fifty');
  lab.advance(1000);
  for (let i = 0; i < 500; i++)
    lab.ip({ protocol: UDP, payload: udp(PEER, 9, US, 99, new Uint8Array(4)).subarray(20) });
  t.equal(lab.takeIp().length, 50);
  t.equal(lab.dropped('icmp-rate-limited'), 900);
});
