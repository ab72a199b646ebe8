/** Frames, ARP, fragments and IP headers at their edges, asked of both hosts. One after the other. */
import { BROADCAST_MAC, checksum, concat, ethernet, ICMP, ip, ipv4, UDP, udp, view } from '../../sim/packets.js';
import { type Datagrams, echo, PEER, PEER_MAC, piece, ping, seal, withOptions } from './peer.js';

const OTHER_MAC = Uint8Array.of(2, 0, 0, 0, 0, 9);
let id = 5000;

/** A frame with tags before its type. */
function tagged(d: Datagrams, packet: Uint8Array, tags: readonly number[], to = d.subject.mac, type = 0x0800): void {
  const inner = concat(Uint8Array.from(tags).subarray(2), Uint8Array.of(type >> 8, type & 255), packet);
  d.subject.send(ethernet(to, PEER_MAC, ((tags[0] as number) << 8) | (tags[1] as number), inner));
}

function request(d: Datagrams): Uint8Array {
  const bytes = new Uint8Array(28);
  bytes.set([0, 1, 8, 0, 6, 4, 0, 1], 0);
  bytes.set(PEER_MAC, 8);
  view(bytes).setInt32(14, PEER);
  view(bytes).setInt32(24, d.subject.address);
  return bytes;
}

function cutUp(d: Datagrams, whole: Uint8Array, ...pieces: readonly (readonly [number, number])[]): void {
  for (const [from, to] of pieces) d.packet(piece(whole, id, from, to));
  id++;
}

export const linkScenarios: Readonly<Record<string, (d: Datagrams) => Promise<void>>> = {
  // Frames

  'a priority tag': async (d) => {
    tagged(d, ping(d), [0x81, 0, 0xe0, 0]);
    await d.look('echo, priority 7');
    tagged(d, ping(d), [0x81, 0, 0, 0]);
    await d.look('echo, priority 0');
    tagged(d, request(d), [0x81, 0, 0x20, 0], BROADCAST_MAC, 0x0806);
    await d.look('ARP, to everybody');
  },
  'a VLAN': async (d) => {
    tagged(d, ping(d), [0x81, 0, 0, 5]);
    await d.look('identifier 5');
    tagged(d, ping(d), [0x81, 0, 0xff, 0xff]);
    await d.look('identifier 4095');
    tagged(d, request(d), [0x81, 0, 0, 1], BROADCAST_MAC, 0x0806);
    await d.look('ARP, identifier 1');
  },
  'two tags': async (d) => {
    tagged(d, ping(d), [0x81, 0, 0, 0, 0x81, 0, 0, 0]);
    await d.look('priority twice');
    tagged(d, ping(d), [0x88, 0xa8, 0, 0, 0x81, 0, 0, 0]);
    await d.look('802.1ad and a priority');
    tagged(d, ping(d), [0x88, 0xa8, 0, 0]);
    await d.look('802.1ad alone');
    tagged(d, ping(d), [0x88, 0xa8, 0, 7, 0x81, 0, 0, 0]);
    await d.look('802.1ad of a VLAN, and a priority');
    tagged(d, ping(d), [0x81, 0, 0, 0, 0x81, 0, 0, 7]);
    await d.look('a priority, and a VLAN');
  },
  'a tag, and nothing': async (d) => {
    d.subject.send(concat(d.subject.mac, PEER_MAC, Uint8Array.of(0x81, 0, 0, 0)));
    await d.look('four bytes');
  },
  'a frame that is longer than its packet': async (d) => {
    d.subject.send(concat(d.subject.mac, PEER_MAC, Uint8Array.of(8, 0), ping(d), new Uint8Array(300).fill(9)));
    await d.look('echo');
  },
  'a frame with a length instead of a type': async (d) => {
    d.subject.send(ethernet(d.subject.mac, PEER_MAC, 48, ping(d)));
    await d.look('802.3');
  },
  'a frame to another host': async (d) => {
    d.subject.send(ethernet(OTHER_MAC, PEER_MAC, 0x0800, ping(d)));
    await d.look('echo');
  },
  'a packet to one host in a multicast frame': async (d) => {
    d.subject.send(ethernet(Uint8Array.of(1, 0, 0x5e, 0, 0, 1), PEER_MAC, 0x0800, ping(d)));
    await d.look('echo');
  },
  'UDP to one host in a broadcast frame': async (d) => {
    d.packet(udp(PEER, 5000, d.subject.address, 9, new Uint8Array(10)), BROADCAST_MAC);
    await d.look('9');
  },

  // ARP

  'ARP of another hardware type': async (d) => {
    const bytes = request(d);
    bytes[1] = 6;
    d.subject.send(ethernet(d.subject.mac, PEER_MAC, 0x0806, bytes));
    await d.look('IEEE 802');
    bytes[1] = 7;
    d.subject.send(ethernet(d.subject.mac, PEER_MAC, 0x0806, bytes));
    await d.look('ARCNET');
  },
  'ARP with other lengths': async (d) => {
    const bytes = request(d);
    bytes[4] = 5;
    d.subject.send(ethernet(d.subject.mac, PEER_MAC, 0x0806, bytes));
    await d.look('hardware addresses of 5');
    const more = request(d);
    more[5] = 16;
    d.subject.send(ethernet(d.subject.mac, PEER_MAC, 0x0806, more));
    await d.look('protocol addresses of 16');
  },
  'ARP that is cut off': async (d) => {
    d.subject.send(concat(d.subject.mac, PEER_MAC, Uint8Array.of(8, 6), request(d).subarray(0, 27)));
    await d.look('27 bytes');
  },
  'ARP from another sender than the frame': async (d) => {
    const bytes = request(d);
    d.subject.send(ethernet(d.subject.mac, OTHER_MAC, 0x0806, bytes));
    await d.look('request');
  },
  'ARP from a sender that is nobody': async (d) => {
    d.arp({ sender: -1 });
    await d.look('255.255.255.255');
    d.arp({ sender: ip('224.0.0.1') });
    await d.look('224.0.0.1');
    d.arp({ sender: ip('127.0.0.1') });
    await d.look('127.0.0.1');
    d.arp({ sender: d.subject.address | 255 });
    await d.look('10.0.0.255');
  },
  'ARP for what no host has': async (d) => {
    d.arp({ target: ip('127.0.0.1') });
    await d.look('127.0.0.1');
    d.arp({ target: ip('224.0.0.1') });
    await d.look('224.0.0.1');
    d.arp({ target: -1 });
    await d.look('255.255.255.255');
    d.arp({ target: 0 });
    await d.look('0.0.0.0');
    d.arp({ target: d.subject.address | 255 });
    await d.look('10.0.0.255');
  },
  'an ARP reply from 0.0.0.0': async (d) => {
    d.arp({ operation: 2, sender: 0 });
    await d.look('reply');
  },
  'a gratuitous ARP that moves a neighbour': async (d) => {
    d.packet(ping(d));
    await d.look('echo');
    // Linux keeps an address for a second whatever it hears (locktime).
    await d.look('a while', 1100);
    d.arp({ operation: 2, senderMac: OTHER_MAC, targetMac: BROADCAST_MAC, target: PEER }, BROADCAST_MAC);
    await d.look('announcement');
    d.packet(ping(d));
    await d.look('echo, elsewhere');
    d.arp({ operation: 2, senderMac: PEER_MAC }, d.subject.mac);
    await d.look('a while more', 1100);
    d.arp({ operation: 2, senderMac: PEER_MAC }, d.subject.mac);
    await d.look('back again');
    d.packet(ping(d));
    await d.look('echo, here');
  },

  // Fragments

  'the smallest fragments': async (d) => {
    const whole = ping(d, echo(56));
    cutUp(d, whole, ...[0, 8, 16, 24, 32, 40, 48, 56].map((at) => [at, at + 8] as const));
    await d.look('eight bytes each');
  },
  'fragments backwards': async (d) => {
    const whole = ping(d, echo(56));
    cutUp(d, whole, ...[56, 48, 40, 32, 24, 16, 8, 0].map((at) => [at, at + 8] as const));
    await d.look('eight bytes each');
  },
  'a fragment that is not a multiple of eight': async (d) => {
    const whole = ping(d, echo(56));
    cutUp(d, whole, [0, 30], [24, 64]);
    await d.look('30 bytes, more to come');
  },
  'a fragment within another': async (d) => {
    const whole = ping(d, echo(56));
    cutUp(d, whole, [0, 48], [16, 32], [48, 64]);
    await d.look('16 to 32 within 0 to 48');
  },
  'the last fragment twice, with two ends': async (d) => {
    const whole = ping(d, echo(56));
    cutUp(d, whole, [32, 64]);
    id--;
    d.packet(piece(whole.subarray(0, 20 + 48), id, 32, 48));
    cutUp(d, whole, [0, 32]);
    await d.look('the first one');
  },
  'data beyond the last fragment': async (d) => {
    const whole = ping(d, echo(120));
    d.packet(piece(whole.subarray(0, 20 + 64), id, 32, 64));
    d.packet(piece(whole, id, 64, 96));
    cutUp(d, whole, [0, 32]);
    await d.look('0 to 32');
  },
  'fragments that make more than 65,535 bytes': async (d) => {
    const packet = ipv4({
      source: PEER,
      destination: d.subject.address,
      protocol: ICMP,
      payload: new Uint8Array(1000),
    });
    view(packet).setUint16(4, id++);
    view(packet).setUint16(6, 8180);
    d.packet(seal(packet));
    await d.look('the last one');
  },
  'a fragment that says not to fragment': async (d) => {
    const whole = ping(d, echo(56));
    for (const [from, to] of [
      [0, 32],
      [32, 64],
    ] as const) {
      const one = piece(whole, id, from, to);
      one[6] = (one[6] as number) | 0x40;
      d.packet(seal(one));
    }
    id++;
    await d.look('DF in both');
  },
  'fragments of two datagrams in turns': async (d) => {
    const whole = ping(d, echo(56));
    const other = id + 1;
    d.packet(piece(whole, id, 0, 32));
    d.packet(piece(whole, other, 0, 40));
    d.packet(piece(whole, other, 40, 64));
    d.packet(piece(whole, id, 32, 64));
    id += 2;
    await d.look('both');
  },
  'fragments of one number and two protocols': async (d) => {
    const whole = ping(d, echo(56));
    const one = piece(whole, id, 0, 32);
    one[9] = UDP;
    d.packet(seal(one));
    cutUp(d, whole, [32, 64]);
    await d.look('a half of each');
  },
  'a fragment without data': async (d) => {
    const whole = ping(d, echo(56));
    cutUp(d, whole, [0, 0], [0, 32], [32, 64]);
    await d.look('none, then all');
  },
  'UDP in fragments to a closed port': async (d) => {
    const whole = udp(PEER, 5000, d.subject.address, 9, new Uint8Array(100));
    cutUp(d, whole, [0, 64], [64, 108]);
    await d.look('9');
  },
  'an unknown protocol in a later fragment': async (d) => {
    const whole = ipv4({ source: PEER, destination: d.subject.address, protocol: 253, payload: new Uint8Array(64) });
    cutUp(d, whole, [32, 64]);
    await d.look('253, the last fragment only');
  },
  'fragments with options': async (d) => {
    const whole = ping(d, echo(56));
    d.packet(withOptions(piece(whole, id, 0, 32), [1, 1, 1, 0]));
    cutUp(d, whole, [32, 64]);
    await d.look('no-operations in the first');
  },

  // IP headers

  'the reserved flag': async (d) => {
    const packet = ping(d);
    packet[6] = 0x80;
    d.packet(seal(packet));
    await d.look('echo');
  },
  'a time to live of 1': async (d) => {
    const packet = ping(d);
    packet[8] = 1;
    d.packet(seal(packet));
    await d.look('echo');
  },
  'a header that is longer than the packet': async (d) => {
    const packet = ping(d, echo(0));
    packet[0] = 0x4f;
    d.packet(packet);
    await d.look('60 bytes');
  },
  'a header of four words': async (d) => {
    const packet = ping(d);
    packet[0] = 0x44;
    d.packet(seal(packet));
    await d.look('16 bytes');
  },
  'sources of the reserved classes': async (d) => {
    for (const source of ['240.0.0.1', '0.1.2.3', '127.1.2.3', '239.1.2.3']) {
      d.packet(ipv4({ source: ip(source), destination: d.subject.address, protocol: ICMP, payload: echo(20) }));
    }
    await d.look('four echo requests');
  },
  'its own address as a source': async (d) => {
    const { address } = d.subject;
    d.packet(ipv4({ source: address, destination: address, protocol: ICMP, payload: echo(20) }));
    await d.look('echo');
  },
  'its loopback as a destination': async (d) => {
    d.packet(ping(d, echo(20), ip('127.0.0.1')));
    await d.look('echo');
  },
  'a multicast destination': async (d) => {
    d.packet(ping(d, echo(20), ip('224.0.0.1')), Uint8Array.of(1, 0, 0x5e, 0, 0, 1));
    await d.look('all hosts');
    d.packet(ping(d, echo(20), ip('239.9.9.9')), Uint8Array.of(1, 0, 0x5e, 9, 9, 9));
    await d.look('a group of others');
  },
  'a type of service': async (d) => {
    const packet = ping(d);
    packet[1] = 0xb8;
    d.packet(seal(packet));
    await d.look('echo, expedited');
  },
  'a source route that goes on': async (d) => {
    d.packet(withOptions(ping(d), [131, 7, 4, 10, 0, 0, 9, 0]));
    await d.look('loose');
    d.packet(withOptions(ping(d), [137, 7, 4, 10, 0, 0, 9, 0]));
    await d.look('strict');
  },
  'options that are rare': async (d) => {
    d.packet(withOptions(ping(d), [148, 4, 0, 0]));
    await d.look('router alert');
    d.packet(withOptions(ping(d), [136, 4, 0, 1]));
    await d.look('stream identifier');
    d.packet(withOptions(ping(d), [25, 4, 0, 0]));
    await d.look('an unknown one');
    d.packet(withOptions(ping(d), [30, 0, 0, 0]));
    await d.look('an unknown one of length 0');
    d.packet(withOptions(ping(d), [30, 1, 0, 0]));
    await d.look('an unknown one of length 1');
    d.packet(withOptions(ping(d), [0, 7, 40, 4]));
    await d.look('nonsense after the end');
  },
  'an internet timestamp option': async (d) => {
    d.packet(withOptions(ping(d), [68, 8, 5, 0, 0, 0, 0, 0]));
    await d.look('echo');
  },
  'record route without room': async (d) => {
    d.packet(withOptions(ping(d), [7, 7, 8, 10, 0, 0, 9, 0]));
    await d.look('echo');
  },
  'record route with a pointer that is wrong': async (d) => {
    d.packet(withOptions(ping(d), [7, 7, 3, 0, 0, 0, 0, 0]));
    await d.look('echo');
  },

  // ICMP and UDP

  'an echo request with a code': async (d) => {
    const bytes = echo(20);
    bytes[1] = 9;
    bytes.fill(0, 2, 4);
    view(bytes).setUint16(2, checksum(bytes));
    d.packet(ping(d, bytes));
    await d.look('code 9');
  },
  'ICMP that is cut off': async (d) => {
    for (const length of [0, 1, 4, 7]) {
      const bytes = echo(0).subarray(0, length).slice();
      bytes.fill(0, 2, 4);
      if (length >= 4) view(bytes).setUint16(2, checksum(bytes));
      d.packet(ping(d, bytes));
    }
    await d.look('0, 1, 4 and 7 bytes');
  },
  'an echo request of an odd length': async (d) => {
    d.packet(ping(d, echo(21)));
    await d.look('21 bytes');
  },
  'the largest echo request': async (d) => {
    const whole = ping(d, echo(65_507));
    const ends: (readonly [number, number])[] = [];
    for (let at = 0; at < 65_515; at += 1480) ends.push([at, Math.min(at + 1480, 65_515)]);
    d.packet(ping(d));
    await d.look('20 bytes, so that both know where we are');
    cutUp(d, whole, ...ends);
    await d.look('65,507 bytes', 150);
  },
  'types of ICMP that are no more': async (d) => {
    for (const type of [1, 2, 4, 5, 6, 9, 10, 14, 15, 16, 18, 30, 37, 40]) d.packet(ping(d, echo(20, type)));
    await d.look('fourteen of them');
  },
  'an extended echo request': async (d) => {
    d.packet(ping(d, echo(20, 42)));
    await d.look('ICMP 42');
  },
  'an ICMP error that quotes nothing': async (d) => {
    for (const size of [0, 4, 19, 27]) d.packet(ping(d, echo(size, 3)));
    await d.look('four of them');
  },
  'UDP from port 0': async (d) => {
    d.packet(udp(PEER, 0, d.subject.address, 9, new Uint8Array(10)));
    await d.look('9');
  },
  'UDP without data': async (d) => {
    d.packet(udp(PEER, 5000, d.subject.address, 9, new Uint8Array(0)));
    await d.look('9');
  },
  'UDP with a length of 7': async (d) => {
    const packet = udp(PEER, 5000, d.subject.address, 9, new Uint8Array(10));
    view(packet).setUint16(24, 7);
    d.packet(packet);
    await d.look('9');
  },
  'UDP that is cut off': async (d) => {
    d.packet(ipv4({ source: PEER, destination: d.subject.address, protocol: UDP, payload: new Uint8Array(7) }));
    await d.look('7 bytes');
  },
  'UDP whose length is less than the packet': async (d) => {
    const packet = udp(PEER, 5000, d.subject.address, 9, new Uint8Array(10));
    const longer = concat(packet, new Uint8Array(8).fill(3));
    view(longer).setUint16(2, longer.length);
    d.packet(seal(longer));
    await d.look('9, with 8 bytes behind it');
  },
  'UDP from nobody': async (d) => {
    for (const source of ['0.0.0.0', '255.255.255.255', '10.0.0.255', '224.0.0.1']) {
      d.packet(udp(ip(source), 5000, d.subject.address, 9, new Uint8Array(10)));
    }
    await d.look('four datagrams');
  },
  'protocols that hosts have': async (d) => {
    for (const protocol of [0, 2, 255]) {
      d.packet(ipv4({ source: PEER, destination: d.subject.address, protocol, payload: new Uint8Array(8) }));
      await d.look(String(protocol));
    }
  },
};
