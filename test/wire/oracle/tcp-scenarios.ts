/** What is asked of both hosts, by TCP: each scenario has a connection (a port) of its own. */
import { ACK, FIN, PSH, RST, SYN, view } from '../../sim/packets.js';
import { ALL_OPTIONS, type Peer, SACK, timestamp } from './peer.js';
import { SHUT } from './subject.js';

const URG = 32;
const ECE = 64;
const CWR = 128;
const ten = new Uint8Array(10);

export const tcpScenarios: Readonly<Record<string, (p: Peer) => Promise<void>>> = {
  // Without a connection

  'SYN with an MSS': async (p) => {
    p.send(SYN, { options: Uint8Array.of(2, 4, 5, 180) });
    await p.look('SYN');
  },
  'SYN without options': async (p) => {
    p.send(SYN);
    await p.look('SYN');
  },
  'SYN with every option': async (p) => {
    p.send(SYN, { options: ALL_OPTIONS });
    await p.look('SYN');
  },
  'SYN with an unknown option': async (p) => {
    p.send(SYN, { options: Uint8Array.of(253, 4, 9, 9, 2, 4, 5, 180) });
    await p.look('SYN');
  },
  'SYN with a malformed option': async (p) => {
    p.send(SYN, { options: Uint8Array.of(2, 4, 5, 180, 8, 200, 0, 0) });
    await p.look('SYN');
  },
  'SYN that asks for ECN': async (p) => {
    p.send(SYN | ECE | CWR, { options: SACK });
    await p.look('SYN');
  },
  'SYN to a closed port': async (p) => {
    p.send(SYN, { to: SHUT });
    await p.look('SYN');
  },
  'SYN to port 0': async (p) => {
    p.send(SYN, { to: 0 });
    await p.look('SYN');
  },
  'SYN with data to a closed port': async (p) => {
    p.send(SYN, { to: SHUT, payload: ten });
    await p.look('SYN');
  },
  'FIN to a closed port': async (p) => {
    p.send(FIN, { to: SHUT });
    await p.look('FIN');
  },
  'ACK to a closed port': async (p) => {
    p.send(ACK, { to: SHUT, ack: 77 });
    await p.look('ACK');
  },
  'RST to a closed port': async (p) => {
    p.send(RST, { to: SHUT });
    await p.look('RST');
  },
  'no flags to a closed port': async (p) => {
    p.send(0, { to: SHUT });
    await p.look('null');
  },
  'ACK to a listener': async (p) => {
    p.send(ACK, { ack: 77 });
    await p.look('ACK');
  },
  'SYN-ACK to a listener': async (p) => {
    p.send(SYN | ACK, { ack: 77 });
    await p.look('SYN-ACK');
  },
  'RST to a listener': async (p) => {
    p.send(RST);
    await p.look('RST');
  },
  'FIN to a listener': async (p) => {
    p.send(FIN);
    await p.look('FIN');
  },
  'no flags to a listener': async (p) => {
    p.send(0);
    await p.look('null');
  },
  'FIN, PSH and URG to a listener': async (p) => {
    p.send(FIN | PSH | URG);
    await p.look('Christmas tree');
  },
  'SYN and FIN to a listener': async (p) => {
    p.send(SYN | FIN);
    await p.look('SYN FIN');
  },
  'SYN and RST to a listener': async (p) => {
    p.send(SYN | RST);
    await p.look('SYN RST');
  },
  'SYN with data to a listener': async (p) => {
    p.send(SYN, { payload: ten });
    await p.look('SYN with 10 bytes');
  },

  // SYN-RECEIVED

  'the same SYN again': async (p) => {
    p.send(SYN);
    await p.look('SYN');
    p.send(SYN);
    await p.look('again');
  },
  'another SYN in SYN-RECEIVED': async (p) => {
    p.send(SYN);
    await p.look('SYN');
    p.send(SYN, { seq: 5000 });
    await p.look('SYN 5000 later');
  },
  'ACK of ISS in SYN-RECEIVED': async (p) => {
    p.send(SYN);
    await p.look('SYN');
    p.send(ACK, { seq: 1, ack: 0 });
    await p.look('ACK of ISS');
  },
  'ACK of ISS + 2 in SYN-RECEIVED': async (p) => {
    p.send(SYN);
    await p.look('SYN');
    p.send(ACK, { seq: 1, ack: 2 });
    await p.look('ACK of ISS + 2');
  },
  'RST in SYN-RECEIVED': async (p) => {
    p.send(SYN);
    await p.look('SYN');
    p.send(RST, { seq: 1 });
    await p.look('RST');
    p.send(ACK, { seq: 1, ack: 1 });
    await p.look('ACK afterwards');
  },
  'RST outside of the window in SYN-RECEIVED': async (p) => {
    p.send(SYN);
    await p.look('SYN');
    p.send(RST, { seq: 100_000 });
    await p.look('RST');
    p.send(ACK | PSH, { seq: 1, ack: 1, payload: ten });
    await p.look('ACK with data afterwards');
  },
  'data outside of the window in SYN-RECEIVED': async (p) => {
    p.send(SYN, { options: SACK });
    await p.look('SYN');
    p.send(ACK | PSH, { seq: 200_000, ack: 1, payload: ten });
    await p.look('10 bytes');
  },
  'SYN-ACK in SYN-RECEIVED': async (p) => {
    p.send(SYN);
    await p.look('SYN');
    p.send(SYN | ACK, { seq: 0, ack: 1 });
    await p.look('SYN-ACK');
  },
  'the ACK of the handshake carries data': async (p) => {
    p.send(SYN);
    await p.look('SYN');
    p.send(ACK | PSH, { seq: 1, ack: 1, payload: ten });
    await p.look('ACK with data');
  },
  'the ACK of the handshake carries FIN': async (p) => {
    p.send(SYN);
    await p.look('SYN');
    p.send(ACK | FIN, { seq: 1, ack: 1 });
    await p.look('ACK with FIN');
  },
  'a SYN-ACK that is lost': async (p) => {
    p.send(SYN);
    await p.look('SYN');
    await p.look('within 1.5 s', 1500);
  },

  // ESTABLISHED

  'data in order': async (p) => {
    await p.open();
    p.send(ACK | PSH, { seq: 1, ack: 1, payload: ten });
    await p.look('10 bytes');
  },
  'data twice': async (p) => {
    await p.open();
    p.send(ACK | PSH, { seq: 1, ack: 1, payload: ten });
    await p.look('10 bytes');
    p.send(ACK | PSH, { seq: 1, ack: 1, payload: ten });
    await p.look('again');
  },
  'data twice, with SACK': async (p) => {
    await p.open(SACK);
    p.send(ACK | PSH, { seq: 1, ack: 1, payload: ten });
    await p.look('10 bytes');
    p.send(ACK | PSH, { seq: 1, ack: 1, payload: ten });
    await p.look('again');
  },
  'data out of order, with SACK': async (p) => {
    await p.open(SACK);
    p.send(ACK | PSH, { seq: 11, ack: 1, payload: ten });
    await p.look('11 to 21');
    p.send(ACK | PSH, { seq: 31, ack: 1, payload: ten });
    await p.look('31 to 41');
    p.send(ACK | PSH, { seq: 1, ack: 1, payload: ten });
    await p.look('the first gap');
  },
  'data out of order twice, with SACK': async (p) => {
    await p.open(SACK);
    p.send(ACK | PSH, { seq: 11, ack: 1, payload: ten });
    await p.look('11 to 21');
    p.send(ACK | PSH, { seq: 31, ack: 1, payload: ten });
    await p.look('31 to 41');
    p.send(ACK | PSH, { seq: 11, ack: 1, payload: ten });
    await p.look('11 to 21 again');
    p.send(ACK | PSH, { seq: 16, ack: 1, payload: new Uint8Array(20) });
    await p.look('16 to 36');
    p.send(ACK | PSH, { seq: 1, ack: 1, payload: new Uint8Array(15) });
    await p.look('1 to 16');
  },
  'data that overlaps what came': async (p) => {
    await p.open();
    p.send(ACK | PSH, { seq: 1, ack: 1, payload: ten });
    await p.look('1 to 11');
    p.send(ACK | PSH, { seq: 6, ack: 1, payload: ten });
    await p.look('6 to 16');
  },
  'data far beyond the window': async (p) => {
    await p.open();
    p.send(ACK | PSH, { seq: 10_000_000, ack: 1, payload: ten });
    await p.look('10 bytes');
  },
  'data before the window': async (p) => {
    await p.open();
    p.send(ACK | PSH, { seq: -50, ack: 1, payload: ten });
    await p.look('10 bytes');
  },
  'ACK of what was not sent': async (p) => {
    await p.open();
    p.send(ACK, { seq: 1, ack: 1000 });
    await p.look('ACK');
  },
  'an old ACK': async (p) => {
    await p.open();
    p.subject.write(p.port, 100);
    await p.look('100 bytes');
    p.send(ACK, { seq: 1, ack: 101 });
    await p.look('ACK of them');
    p.send(ACK, { seq: 1, ack: 51 });
    await p.look('ACK of half of them');
  },
  'a very old ACK': async (p) => {
    await p.open();
    p.send(ACK, { seq: 1, ack: -200_000 });
    await p.look('ACK');
  },
  'data without ACK': async (p) => {
    await p.open();
    p.send(PSH, { seq: 1, payload: ten });
    await p.look('10 bytes');
  },
  'RST that fits': async (p) => {
    await p.open();
    p.send(RST, { seq: 1 });
    await p.look('RST');
    p.send(ACK, { seq: 1, ack: 1 });
    await p.look('ACK afterwards');
  },
  'RST in the window': async (p) => {
    await p.open();
    p.send(RST, { seq: 100 });
    await p.look('RST');
    p.send(ACK | PSH, { seq: 1, ack: 1, payload: ten });
    await p.look('data afterwards');
  },
  'RST outside of the window': async (p) => {
    await p.open();
    p.send(RST, { seq: 10_000_000 });
    await p.look('RST');
  },
  'SYN in the window': async (p) => {
    await p.open();
    p.send(SYN, { seq: 100 });
    await p.look('SYN');
  },
  'SYN outside of the window': async (p) => {
    await p.open();
    p.send(SYN, { seq: 10_000_000 });
    await p.look('SYN');
  },
  'the SYN of the handshake again': async (p) => {
    await p.open();
    p.send(SYN);
    await p.look('SYN');
  },
  'SYN-ACK in the window': async (p) => {
    await p.open();
    p.send(SYN | ACK, { seq: 100, ack: 1 });
    await p.look('SYN-ACK');
  },
  'urgent data': async (p) => {
    await p.open();
    p.send(ACK | URG | PSH, { seq: 1, ack: 1, payload: ten }, (packet) => setUrgent(packet, 5));
    await p.look('10 bytes, 5 of them urgent');
    p.send(ACK | PSH, { seq: 11, ack: 1, payload: ten });
    await p.look('10 bytes more');
  },
  'a keep-alive': async (p) => {
    await p.open();
    p.send(ACK, { seq: 0, ack: 1 });
    await p.look('without data');
    p.send(ACK, { seq: 0, ack: 1, payload: new Uint8Array(1) });
    await p.look('with a byte');
  },
  'a wrong checksum': async (p) => {
    await p.open();
    p.send(ACK | PSH, { seq: 1, ack: 1, payload: ten }, (packet) => {
      packet[packet.length - 1] = 1;
    });
    await p.look('10 bytes');
  },
  'a header that is too long': async (p) => {
    await p.open();
    p.send(ACK, { seq: 1, ack: 1 }, (packet) => {
      packet[32] = 0xf0;
    });
    await p.look('ACK');
  },
  'an unknown option with data': async (p) => {
    await p.open();
    p.send(ACK | PSH, { seq: 1, ack: 1, payload: ten, options: Uint8Array.of(253, 4, 1, 2) });
    await p.look('10 bytes');
  },
  'a timestamp that is old': async (p) => {
    await p.open(ALL_OPTIONS);
    p.send(ACK | PSH, { seq: 1, ack: 1, payload: ten, options: timestamp(900, p.theirTimestamp) });
    await p.look('10 bytes');
    p.send(ACK | PSH, { seq: 1, ack: 1, payload: ten, options: timestamp(1002, p.theirTimestamp) });
    await p.look('with a new one');
  },
  'a RST whose timestamp is old': async (p) => {
    await p.open(ALL_OPTIONS);
    p.send(RST, { seq: 1, options: timestamp(900, 0) });
    await p.look('RST');
    p.send(ACK, { seq: 1, ack: 1, options: timestamp(1002, p.theirTimestamp) });
    await p.look('ACK afterwards');
  },
  'timestamps that stop': async (p) => {
    await p.open(ALL_OPTIONS);
    p.send(ACK | PSH, { seq: 1, ack: 1, payload: ten });
    await p.look('10 bytes without');
  },

  // What it sends

  'three segments of data': async (p) => {
    await p.open();
    p.subject.write(p.port, 4000);
    await p.look('4000 bytes');
    p.send(ACK, { seq: 1, ack: 4001 });
    await p.look('ACK');
  },
  'a window of nothing, then one that opens': async (p) => {
    await p.open(undefined, 0);
    p.subject.write(p.port, 100);
    await p.look('100 bytes');
    p.send(ACK, { seq: 1, ack: 1, window: 1000 });
    await p.look('the window opens');
  },
  'a window smaller than what waits': async (p) => {
    await p.open(undefined, 1000);
    p.subject.write(p.port, 1800);
    await p.look('1800 bytes');
    p.send(ACK, { seq: 1, ack: 1001, window: 1000 });
    await p.look('ACK');
  },
  'a first loss, told by three duplicates': async (p) => {
    await p.open();
    p.subject.write(p.port, 8000);
    await p.look('8000 bytes', 30);
    for (let i = 0; i < 3; i++) p.send(ACK, { seq: 1, ack: 1 });
    await p.look('three duplicate ACKs', 30);
  },
  'a reset by its program': async (p) => {
    await p.open();
    p.subject.reset(p.port);
    await p.look('reset');
    p.send(ACK, { seq: 1, ack: 1 });
    await p.look('ACK afterwards');
  },

  // The end

  'the peer ends first': async (p) => {
    await p.open();
    p.send(ACK | FIN, { seq: 1, ack: 1 });
    await p.look('FIN');
    p.send(ACK | FIN, { seq: 1, ack: 1 });
    await p.look('FIN again');
    p.subject.end(p.port);
    await p.look('it ends too', 30);
    p.send(ACK, { seq: 2, ack: 2 });
    await p.look('ACK');
    p.send(ACK, { seq: 2, ack: 2 });
    await p.look('ACK of a connection that is over');
  },
  'a FIN again that acknowledges ours': async (p) => {
    await p.open();
    p.send(ACK | FIN, { seq: 1, ack: 1 });
    await p.look('FIN');
    p.subject.end(p.port);
    await p.look('it ends too', 30);
    p.send(ACK | FIN, { seq: 1, ack: 2 });
    await p.look('FIN again');
    p.send(ACK | FIN, { seq: 1, ack: 2 });
    await p.look('and again');
  },
  'FIN with data': async (p) => {
    await p.open();
    p.send(ACK | FIN | PSH, { seq: 1, ack: 1, payload: ten });
    await p.look('FIN with 10 bytes');
  },
  'FIN out of order': async (p) => {
    await p.open(SACK);
    p.send(ACK | FIN, { seq: 11, ack: 1 });
    await p.look('FIN');
    p.send(ACK | PSH, { seq: 1, ack: 1, payload: ten });
    await p.look('what was before it');
  },
  'data after FIN': async (p) => {
    await p.open();
    p.send(ACK | FIN, { seq: 1, ack: 1 });
    await p.look('FIN');
    p.send(ACK | PSH, { seq: 2, ack: 1, payload: ten });
    await p.look('10 bytes');
  },
  'it ends first': async (p) => {
    await p.open();
    p.subject.end(p.port);
    await p.look('FIN', 30);
    p.send(ACK, { seq: 1, ack: 2 });
    await p.look('ACK');
    p.send(ACK | PSH, { seq: 1, ack: 2, payload: ten });
    await p.look('data in FIN-WAIT-2');
    p.send(ACK | FIN, { seq: 11, ack: 2 });
    await p.look('FIN');
    p.send(ACK | FIN, { seq: 11, ack: 2 });
    await p.look('FIN in TIME-WAIT');
  },
  'both end at once': async (p) => {
    await p.open();
    p.subject.end(p.port);
    await p.look('FIN', 30);
    p.send(ACK | FIN, { seq: 1, ack: 1 });
    await p.look('our FIN', 30);
    p.send(ACK, { seq: 2, ack: 2 });
    await p.look('our ACK');
  },
  'FIN-ACK in one': async (p) => {
    await p.open();
    p.subject.end(p.port);
    await p.look('FIN', 30);
    p.send(ACK | FIN, { seq: 1, ack: 2 });
    await p.look('FIN and ACK');
  },
  'a RST in TIME-WAIT': async (p) => {
    await closed(p);
    p.send(RST, { seq: 2 });
    await p.look('RST');
    p.send(ACK | FIN, { seq: 1, ack: 2 });
    await p.look('FIN again');
  },
  'a new SYN in TIME-WAIT': async (p) => {
    await closed(p);
    p.iss = 0;
    p.send(SYN, { seq: 500_000 });
    await p.look('SYN, higher');
  },
  'an old SYN in TIME-WAIT': async (p) => {
    await closed(p);
    p.send(SYN, { seq: -500_000 });
    await p.look('SYN, lower');
  },
  'data in TIME-WAIT': async (p) => {
    await closed(p);
    p.send(ACK | PSH, { seq: 2, ack: 2, payload: ten });
    await p.look('10 bytes');
  },
  'FIN without ACK': async (p) => {
    await p.open();
    p.send(FIN, { seq: 1 });
    await p.look('FIN');
  },
  'a FIN that is lost': async (p) => {
    await p.open();
    p.subject.end(p.port);
    await p.look('FIN', 30);
    p.send(ACK, { seq: 1, ack: 1 });
    await p.look('ACK of all before it', 20);
  },
};

/** A connection that is in TIME-WAIT there. */
async function closed(p: Peer): Promise<void> {
  await p.open();
  p.subject.end(p.port);
  await p.look('FIN', 30);
  p.send(ACK | FIN, { seq: 1, ack: 2 });
  await p.look('FIN and ACK', 30);
}

/** Sets the urgent pointer, and the checksum by the difference (RFC 1624). */
function setUrgent(packet: Uint8Array, pointer: number): void {
  const data = view(packet);
  data.setUint16(38, pointer);
  let sum = (~data.getUint16(36) & 0xffff) + pointer;
  sum = (sum & 0xffff) + (sum >>> 16);
  data.setUint16(36, ~sum & 0xffff);
}
