/** What is asked of both hosts without a connection: ARP, IP, ICMP, UDP. One after the other. */
import { BROADCAST_MAC, checksum, ICMP, icmpError, ip, ipv4, udp, view } from '../../sim/packets.js';
import { type Datagrams, echo, PEER, piece, ping, seal, withOptions } from './peer.js';

const BROADCAST = ip('10.0.0.255');

let id = 100;

export const datagramScenarios: Readonly<Record<string, (d: Datagrams) => Promise<void>>> = {
  'an echo request': async (d) => {
    d.packet(ping(d));
    await d.look('20 bytes');
    d.packet(ping(d, echo(0)));
    await d.look('no bytes');
  },
  'an echo request in fragments': async (d) => {
    const whole = ping(d, echo(4000));
    for (const [from, to] of [
      [0, 1480],
      [1480, 2960],
      [2960, 4008],
    ] as const)
      d.packet(piece(whole, id, from, to));
    id++;
    await d.look('4000 bytes in three');
    for (const [from, to] of [
      [2960, 4008],
      [0, 1480],
      [1480, 2960],
    ] as const)
      d.packet(piece(whole, id, from, to));
    id++;
    await d.look('in another order');
  },
  'a fragment that comes twice': async (d) => {
    const whole = ping(d, echo(56));
    for (const [from, to] of [
      [0, 32],
      [0, 32],
      [32, 64],
    ] as const)
      d.packet(piece(whole, id, from, to));
    id++;
    await d.look('echo');
  },
  'fragments that overlap': async (d) => {
    const whole = ping(d, echo(56));
    for (const [from, to] of [
      [0, 32],
      [24, 48],
      [48, 64],
    ] as const)
      d.packet(piece(whole, id, from, to));
    id++;
    await d.look('echo');
  },
  'an echo request with a wrong checksum': async (d) => {
    const bytes = echo(20);
    bytes[2] = (bytes[2] as number) ^ 255;
    d.packet(ping(d, bytes));
    await d.look('ICMP');
    const packet = ping(d);
    packet[10] = (packet[10] as number) ^ 255;
    d.packet(packet);
    await d.look('IP');
  },
  'an echo request to everybody': async (d) => {
    d.packet(ping(d, echo(20), BROADCAST), BROADCAST_MAC);
    await d.look('10.0.0.255');
    d.packet(ping(d, echo(20), -1), BROADCAST_MAC);
    await d.look('255.255.255.255');
  },
  'an echo request in a broadcast frame': async (d) => {
    d.packet(ping(d), BROADCAST_MAC);
    await d.look('echo');
  },
  'a timestamp request': async (d) => {
    const bytes = new Uint8Array(20);
    bytes[0] = 13;
    view(bytes).setUint16(2, checksum(bytes));
    d.packet(ping(d, bytes));
    await d.look('ICMP 13');
  },
  'an address mask request': async (d) => {
    const bytes = new Uint8Array(12);
    bytes[0] = 17;
    view(bytes).setUint16(2, checksum(bytes));
    d.packet(ping(d, bytes));
    await d.look('ICMP 17');
  },
  'an echo reply that nobody asked for': async (d) => {
    d.packet(ping(d, echo(20, 0)));
    await d.look('ICMP 0');
  },
  'an unknown type of ICMP': async (d) => {
    d.packet(ping(d, echo(20, 99)));
    await d.look('ICMP 99');
  },
  'an unknown protocol': async (d) => {
    d.packet(ipv4({ source: PEER, destination: d.subject.address, protocol: 253, payload: new Uint8Array(20) }));
    await d.look('253');
  },
  'UDP to a closed port': async (d) => {
    d.packet(udp(PEER, 5000, d.subject.address, 9, new Uint8Array(10)));
    await d.look('9');
    const without = udp(PEER, 5000, d.subject.address, 9, new Uint8Array(10));
    view(without).setUint16(26, 0);
    d.packet(without);
    await d.look('without a checksum');
  },
  'UDP that is damaged': async (d) => {
    const packet = udp(PEER, 5000, d.subject.address, 9, new Uint8Array(10));
    packet[packet.length - 1] = 1;
    d.packet(packet);
    await d.look('checksum');
    const long = udp(PEER, 5000, d.subject.address, 9, new Uint8Array(10));
    view(long).setUint16(24, 100);
    d.packet(long);
    await d.look('length');
  },
  'UDP to everybody, closed port': async (d) => {
    d.packet(udp(PEER, 5000, BROADCAST, 9, new Uint8Array(10)), BROADCAST_MAC);
    await d.look('9');
  },
  'an ICMP error about nothing of its own': async (d) => {
    d.packet(icmpError(PEER, 3, 3, 0, udp(d.subject.address, 1, PEER, 2, new Uint8Array(10))));
    await d.look('port unreachable');
  },
  'record route': async (d) => {
    d.packet(withOptions(ping(d), [7, 7, 4, 0, 0, 0, 0, 0]));
    await d.look('echo');
  },
  'a source route that ends here': async (d) => {
    d.packet(withOptions(ping(d), [131, 7, 8, 10, 0, 0, 1, 0]));
    await d.look('echo');
  },
  'an option that is too long': async (d) => {
    d.packet(withOptions(ping(d), [7, 40, 4, 0]));
    await d.look('echo');
  },
  'no-operation options': async (d) => {
    d.packet(withOptions(ping(d), [1, 1, 1, 0]));
    await d.look('echo');
  },
  'a time to live of nothing': async (d) => {
    const packet = ping(d);
    packet[8] = 0;
    d.packet(seal(packet));
    await d.look('echo');
  },
  'a source that is nobody': async (d) => {
    for (const source of ['127.0.0.1', '0.0.0.0', '255.255.255.255', '224.0.0.1', '10.0.0.255']) {
      d.packet(ipv4({ source: ip(source), destination: d.subject.address, protocol: ICMP, payload: echo(20) }));
    }
    await d.look('five echo requests');
  },
  'a packet for another host': async (d) => {
    d.packet(ping(d, echo(20), ip('10.0.0.9')));
    await d.look('echo');
  },
  'a length that is not there': async (d) => {
    const packet = ping(d);
    view(packet).setUint16(2, 500);
    d.packet(seal(packet));
    await d.look('too long');
    view(packet).setUint16(2, 19);
    d.packet(seal(packet));
    await d.look('shorter than the header');
  },
  'IP of another version': async (d) => {
    const packet = ping(d);
    packet[0] = 0x65;
    d.packet(seal(packet));
    await d.look('6');
  },
  'who has its address': async (d) => {
    d.arp({}, BROADCAST_MAC);
    await d.look('asked of all');
    d.arp({});
    await d.look('asked of it');
  },
  'a probe for its address': async (d) => {
    d.arp({ sender: 0 }, BROADCAST_MAC);
    await d.look('from 0.0.0.0');
  },
  'who has another address': async (d) => {
    d.arp({ target: ip('10.0.0.9') }, BROADCAST_MAC);
    await d.look('10.0.0.9');
  },
  'ARP that is malformed': async (d) => {
    d.arp({ operation: 9 });
    await d.look('operation 9');
  },
  'somebody else claims its address': async (d) => {
    d.arp({ sender: d.subject.address, target: d.subject.address }, BROADCAST_MAC);
    await d.look('announcement');
  },
};
