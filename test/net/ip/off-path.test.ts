/**
 * News by ICMP from who is not on the path: believed only about what we really sent, a moment ago (RFC 5927, RFC 8085
 * 5.2).
 */
import t from 'tap';
import { dropReason } from '../../../src/net/drops.js';
import { icmpError, ip, tcp, UDP, udp, view } from '../../sim/packets.js';
import { GATEWAY, Laboratory, PEER, US } from './laboratory.js';

const TEXT = new Uint8Array(1400).fill(7);

class Sender extends Laboratory {
  readonly told: number[] = [];
  readonly port = this.stack.udp.bind(
    68,
    () => {},
    (type, code) => this.told.push(type * 100 + code),
  );

  /** Sends a datagram, and returns it as it left. */
  datagram(bytes = TEXT): Uint8Array {
    this.port.send(bytes, PEER, 67);
    const [packet] = this.takeIp();
    return (packet as { bytes: Uint8Array }).bytes;
  }

  /** Path MTU to the peer, as what is sent shows it. */
  get mtu(): number {
    const route = this.stack.route(PEER);
    return route === undefined ? 0 : this.stack.pathMtu(route);
  }

  tooBig(about: Uint8Array, mtu = 576): void {
    this.packet(icmpError(GATEWAY, 3, 4, mtu, about));
  }
}

t.test('fragmentation needed about a datagram that we never sent lowers no path MTU', async (t) => {
  const lab = new Sender().introduce() as Sender;
  t.equal(lab.mtu, 1500);
  // The ports can be guessed: a DHCP client has no others.
  lab.tooBig(udp(US, 68, PEER, 67, TEXT));
  lab.tooBig(udp(US, 5000, PEER, 53, TEXT));
  t.equal(lab.mtu, 1500, 'before anything was sent');
  const sent = lab.datagram();
  const lies: [string, (packet: Uint8Array) => void][] = [
    ['another checksum', (b) => view(b).setUint16(26, view(b).getUint16(26) ^ 1)],
    ['another length', (b) => view(b).setUint16(24, 100)],
    ['another port there', (b) => view(b).setUint16(22, 68)],
    ['another port of ours', (b) => view(b).setUint16(20, 69)],
    ['another address', (b) => view(b).setInt32(16, ip('10.0.0.78'))],
  ];
  for (const [name, spoil] of lies) {
    const about = sent.slice();
    spoil(about);
    lab.tooBig(about);
    t.equal(lab.mtu, 1500, name);
  }
  t.same(lab.told, [], 'and nobody is told of anything');
  t.equal(lab.drops.counts[dropReason('icmp-error-unmatched')], 2 + lies.length);
  lab.tooBig(sent, 1500);
  t.equal(lab.mtu, 1500, 'what fits was no reason to send it back');
  lab.tooBig(sent);
  t.equal(lab.mtu, 576, 'the truth is believed');
});

t.test('an error comes within a round trip: about what was sent long ago none is believed', async (t) => {
  const lab = new Sender().introduce() as Sender;
  const sent = lab.datagram();
  lab.advance(11_000);
  lab.packet(icmpError(GATEWAY, 3, 3, 0, sent));
  t.same(lab.told, []);
  const again = lab.datagram();
  lab.packet(icmpError(GATEWAY, 3, 3, 0, again));
  t.same(lab.told, [303]);
});

t.test('however much is sent, what is remembered of it is bounded, and the newest is among it', async (t) => {
  const lab = new Sender().introduce() as Sender;
  for (let i = 0; i < 5000; i++) {
    const sent = lab.datagram(Uint8Array.of(i & 255, i >> 8, 1, 2));
    if (i % 1000 === 999) lab.packet(icmpError(GATEWAY, 3, 1, 0, sent));
  }
  t.equal(lab.told.length, 5);
});

t.test('errors about echo replies, unknown protocols and connections that are not there change nothing', async (t) => {
  const lab = new Sender().introduce() as Sender;
  for (const protocol of [1, 6, UDP, 47, 200]) {
    const about = tcp({ source: US, from: 80, destination: PEER, to: 5000, seq: 1, ack: 1, flags: 16, payload: TEXT });
    about[9] = protocol;
    lab.tooBig(about);
    t.equal(lab.mtu, 1500, `protocol ${protocol}`);
  }
});
