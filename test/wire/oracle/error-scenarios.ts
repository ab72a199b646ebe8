/**
 * ICMP errors about a connection, true and false, asked of both hosts. Each comes from an address of its own: path MTUs
 * stay.
 */
import { ACK, concat, ICMP, icmpError, ip, ipv4, PSH, SYN, view } from '../../sim/packets.js';
import { MSS, PEER, type Peer } from './peer.js';

const ten = new Uint8Array(10);
const UNREACHABLE = 3;
const FRAGMENTATION = 4;
let address = ip('10.0.0.50');

/** A connection with 2000 bytes in flight, from an address that nobody else has. */
async function flight(p: Peer): Promise<void> {
  p.address = address++;
  await p.open(MSS);
  p.subject.write(p.port, 2000);
  await p.look('2000 bytes', 20);
}

/** An error about the segment of theirs at `seq`, by a router. */
function error(p: Peer, type: number, code: number, mtu = 0, seq = 1, spoil?: (quoted: Uint8Array) => void): void {
  const quoted = p.theirs(seq);
  spoil?.(quoted);
  p.frame(icmpError(PEER, type, code, mtu, quoted));
}

async function stays(p: Peer, ack = 1): Promise<void> {
  p.send(ACK | PSH, { seq: 1, ack, payload: ten });
  await p.look('data afterwards', 30);
}

function established(type: number, code: number, spoil?: (quoted: Uint8Array) => void): (p: Peer) => Promise<void> {
  return async (p) => {
    await flight(p);
    error(p, type, code, 0, 1, spoil);
    await p.look('error', 20);
    await stays(p);
  };
}

function tooBig(mtu: number, seq = 1): (p: Peer) => Promise<void> {
  return async (p) => {
    await flight(p);
    error(p, UNREACHABLE, FRAGMENTATION, mtu, seq);
    await p.look(`fragmentation needed, ${mtu}`, 20);
    p.send(ACK, { seq: 1, ack: 2001 });
    p.subject.write(p.port, 1400);
    await p.look('1400 bytes more', 20);
  };
}

export const errorScenarios: Readonly<Record<string, (p: Peer) => Promise<void>>> = {
  'port unreachable about a connection': established(UNREACHABLE, 3),
  'protocol unreachable about a connection': established(UNREACHABLE, 2),
  'host unreachable about a connection': established(UNREACHABLE, 1),
  'administratively prohibited about a connection': established(UNREACHABLE, 13),
  'time exceeded about a connection': established(11, 0),
  'a parameter problem about a connection': established(12, 0),
  'a source quench about a connection': established(4, 0),
  'a redirect about a connection': established(5, 1),
  'an error whose quoted number is wrong': established(UNREACHABLE, 3, (q) => view(q).setInt32(24, 99)),
  'an error whose quoted port is wrong': established(UNREACHABLE, 3, (q) => view(q).setUint16(20, 99)),
  'fragmentation needed, to 1000': tooBig(1000),
  'fragmentation needed, to 576': tooBig(576),
  'fragmentation needed, to more than the link takes': tooBig(9000),
  'fragmentation needed, about what was never sent': tooBig(700, 900_000),
  'an error with half a header quoted': async (p) => {
    await flight(p);
    const payload = concat(Uint8Array.of(UNREACHABLE, 3, 0, 0, 0, 0, 0, 0), p.theirs(1).subarray(0, 12));
    p.icmp(payload);
    await p.look('error', 20);
    await stays(p);
  },
  'an error with a wrong checksum': async (p) => {
    await flight(p);
    const packet = icmpError(PEER, UNREACHABLE, FRAGMENTATION, 600, p.theirs(1));
    packet[22] = (packet[22] as number) ^ 1;
    p.frame(packet);
    await p.look('fragmentation needed', 20);
  },
  'port unreachable in SYN-RECEIVED': async (p) => {
    p.address = address++;
    p.send(SYN, { options: MSS });
    await p.look('SYN', 20);
    error(p, UNREACHABLE, 3, 0, 0);
    await p.look('error', 20);
    p.send(ACK | PSH, { seq: 1, ack: 1, payload: ten });
    await p.look('ACK with data', 20);
  },
  'port unreachable in SYN-RECEIVED, its number wrong': async (p) => {
    p.address = address++;
    p.send(SYN, { options: MSS });
    await p.look('SYN', 20);
    error(p, UNREACHABLE, 3, 0, 5000);
    await p.look('error', 20);
    p.send(ACK | PSH, { seq: 1, ack: 1, payload: ten });
    await p.look('ACK with data', 20);
  },
  'an error about an error': async (p) => {
    const inner = ipv4({
      ...{ source: p.subject.address, destination: PEER, protocol: ICMP },
      payload: Uint8Array.of(UNREACHABLE, 3, 0, 0, 0, 0, 0, 0),
    });
    p.frame(icmpError(PEER, UNREACHABLE, 3, 0, inner));
    await p.look('error', 20);
  },
};
