/** RST, SYN, FIN and windows in each state, asked of both hosts: each scenario has a connection of its own. */
import { ACK, FIN, PSH, RST, SYN, tcp, view } from '../../sim/packets.js';
import { ALL_OPTIONS, type Peer, SACK, timestamp } from './peer.js';
import { OPEN } from './subject.js';

const URG = 32;
const ECE = 64;
const CWR = 128;
const ten = new Uint8Array(10);

/** Whether it still lives: data is acknowledged. */
async function alive(p: Peer, seq: number, ack = 1): Promise<void> {
  p.send(ACK | PSH, { seq, ack, payload: ten });
  await p.look('data afterwards');
}

/** Their FIN was sent, and acknowledged: FIN-WAIT-2. */
async function finWait2(p: Peer): Promise<void> {
  await p.open();
  p.subject.end(p.port);
  await p.look('FIN', 30);
  p.send(ACK, { seq: 1, ack: 2 });
  await p.look('ACK', 30);
}

/** Ours was sent, and theirs: LAST-ACK. */
async function lastAck(p: Peer): Promise<void> {
  await p.open();
  p.send(ACK | FIN, { seq: 1, ack: 1 });
  await p.look('FIN', 30);
  p.subject.end(p.port);
  await p.look('it ends too', 20);
}

async function timeWait(p: Peer, options?: Uint8Array): Promise<void> {
  await p.open(options);
  p.subject.end(p.port);
  await p.look('FIN', 30);
  const stamped = options === undefined ? {} : { options: timestamp(1002, p.theirTimestamp) };
  p.send(ACK | FIN, { seq: 1, ack: 2, ...stamped });
  await p.look('FIN and ACK', 30);
}

export const stateScenarios: Readonly<Record<string, (p: Peer) => Promise<void>>> = {
  // Without a connection

  'SYN with PSH and URG': async (p) => {
    p.send(SYN | PSH | URG, { urgent: 5 });
    await p.look('SYN');
  },
  'SYN with ECE alone': async (p) => {
    p.send(SYN | ECE, { options: SACK });
    await p.look('SYN');
  },
  'SYN with CWR alone': async (p) => {
    p.send(SYN | CWR, { options: SACK });
    await p.look('SYN');
  },
  'SYN with a window of nothing': async (p) => {
    p.send(SYN, { window: 0 });
    await p.look('SYN');
  },
  'SYN whose number is the last one': async (p) => {
    p.send(SYN, { seq: -1_000_001 });
    await p.look('SYN');
  },
  'SYN with reserved bits': async (p) => {
    p.send(SYN, {}, (packet) => {
      packet[32] = (packet[32] as number) | 14;
      packet[36] = 0;
      packet[37] = 0;
      p.reseal(packet);
    });
    await p.look('SYN');
  },
  'a data offset of four words': async (p) => {
    p.send(SYN, {}, (packet) => {
      packet[32] = 0x40;
      p.reseal(packet);
    });
    await p.look('SYN');
  },
  'SYN from its own address': async (p) => {
    const { address } = p.subject;
    p.frame(tcp({ source: address, from: OPEN, destination: address, to: OPEN, seq: 5, ack: 0, flags: SYN }));
    await p.look('SYN');
  },
  'SYN in a broadcast frame': async (p) => {
    p.frame(p.packet(SYN), Uint8Array.of(255, 255, 255, 255, 255, 255));
    await p.look('SYN');
  },
  'SYN to a broadcast address': async (p) => {
    p.send(SYN, { destination: p.subject.address | 255 });
    await p.look('SYN');
  },
  'a segment of 19 bytes': async (p) => {
    const packet = p.packet(SYN);
    view(packet).setUint16(2, 39);
    p.resealIp(packet);
    p.frame(packet);
    await p.look('SYN');
  },
  'SYN with an IP checksum that is wrong': async (p) => {
    const packet = p.packet(SYN);
    packet[10] = (packet[10] as number) ^ 1;
    p.frame(packet);
    await p.look('SYN');
  },
  'SYN with a checksum of zero': async (p) => {
    p.send(SYN, {}, (packet) => packet.fill(0, 36, 38));
    await p.look('SYN');
  },
  'SYN with a time to live of 1': async (p) => {
    p.send(SYN, {}, (packet) => {
      packet[8] = 1;
      p.resealIp(packet);
    });
    await p.look('SYN');
  },
  'SYN in fragments': async (p) => {
    const packet = p.packet(SYN, { options: ALL_OPTIONS });
    p.fragments(packet, [0, 8, 24, 40]);
    await p.look('SYN');
  },

  // SYN-RECEIVED

  'FIN without ACK in SYN-RECEIVED': async (p) => {
    p.send(SYN);
    await p.look('SYN');
    p.send(FIN, { seq: 1 });
    await p.look('FIN');
  },
  'data without ACK in SYN-RECEIVED': async (p) => {
    p.send(SYN);
    await p.look('SYN');
    p.send(PSH, { seq: 1, payload: ten });
    await p.look('10 bytes');
  },
  'RST in the window in SYN-RECEIVED': async (p) => {
    p.send(SYN);
    await p.look('SYN');
    p.send(RST, { seq: 100 });
    await p.look('RST');
    p.send(ACK | PSH, { seq: 1, ack: 1, payload: ten });
    await p.look('ACK with data afterwards');
  },
  'an old timestamp in SYN-RECEIVED': async (p) => {
    p.send(SYN, { options: ALL_OPTIONS });
    await p.look('SYN');
    p.send(ACK, { seq: 1, ack: 1, options: timestamp(900, p.theirTimestamp) });
    await p.look('ACK');
  },
  'data beyond the first, then the ACK, in SYN-RECEIVED': async (p) => {
    p.send(SYN, { options: SACK });
    await p.look('SYN');
    p.send(ACK | PSH, { seq: 11, ack: 1, payload: ten });
    await p.look('11 to 21');
    p.send(ACK | PSH, { seq: 1, ack: 1, payload: ten });
    await p.look('1 to 11');
  },

  // ESTABLISHED

  'RST at the edge of what was SACKed': async (p) => {
    await p.open(SACK);
    p.send(ACK | PSH, { seq: 11, ack: 1, payload: ten });
    await p.look('11 to 21');
    p.send(RST, { seq: 21 });
    await p.look('RST at 21');
    await alive(p, 1);
  },
  'RST one before': async (p) => {
    await p.open();
    p.send(RST, { seq: 0 });
    await p.look('RST');
    await alive(p, 1);
  },
  'RST one before, after FIN': async (p) => {
    await p.open();
    p.send(ACK | FIN, { seq: 1, ack: 1 });
    await p.look('FIN');
    p.send(RST, { seq: 1 });
    await p.look('RST');
    p.send(ACK, { seq: 2, ack: 1 });
    await p.look('ACK afterwards');
  },
  'RST and ACK that fit': async (p) => {
    await p.open();
    p.send(RST | ACK, { seq: 1, ack: 1 });
    await p.look('RST');
    p.send(ACK, { seq: 1, ack: 1 });
    await p.look('ACK afterwards');
  },
  'RST with an ACK of what was never sent': async (p) => {
    await p.open();
    p.send(RST | ACK, { seq: 1, ack: 70_000 });
    await p.look('RST');
    p.send(ACK, { seq: 1, ack: 1 });
    await p.look('ACK afterwards');
  },
  'RST with data': async (p) => {
    await p.open();
    p.send(RST, { seq: 1, payload: ten });
    await p.look('RST');
    p.send(ACK, { seq: 1, ack: 1 });
    await p.look('ACK afterwards');
  },
  'RST and SYN that fit': async (p) => {
    await p.open();
    p.send(RST | SYN, { seq: 1 });
    await p.look('RST SYN');
    p.send(ACK, { seq: 1, ack: 1 });
    await p.look('ACK afterwards');
  },
  'RST far before the window': async (p) => {
    await p.open();
    p.send(RST, { seq: -100_000 });
    await p.look('RST');
    await alive(p, 1);
  },
  'RST whose checksum is wrong': async (p) => {
    await p.open();
    p.send(RST, { seq: 1 }, (packet) => {
      packet[36] = (packet[36] as number) ^ 85;
    });
    await p.look('RST');
    await alive(p, 1);
  },
  'SYN that is next in order': async (p) => {
    await p.open();
    p.send(SYN, { seq: 1 });
    await p.look('SYN');
    await alive(p, 1);
  },
  'SYN and FIN in the window': async (p) => {
    await p.open();
    p.send(SYN | FIN, { seq: 1 });
    await p.look('SYN FIN');
    await alive(p, 1);
  },
  'SYN and ACK with data that is next in order': async (p) => {
    await p.open();
    p.send(SYN | ACK, { seq: 1, ack: 1, payload: ten });
    await p.look('SYN-ACK with 10 bytes');
    await alive(p, 1);
  },
  'no flags at all': async (p) => {
    await p.open();
    p.send(0, { seq: 1 });
    await p.look('null');
    await alive(p, 1);
  },
  'data with an ACK of what was never sent': async (p) => {
    await p.open();
    p.send(ACK | PSH, { seq: 1, ack: 5000, payload: ten });
    await p.look('10 bytes');
    await alive(p, 1);
  },
  'data with an ACK that is old': async (p) => {
    await p.open();
    p.subject.write(p.port, 100);
    await p.look('100 bytes', 20);
    p.send(ACK, { seq: 1, ack: 101 });
    p.send(ACK | PSH, { seq: 1, ack: 51, payload: ten });
    await p.look('10 bytes');
  },
  'urgent data with a pointer of zero': async (p) => {
    await p.open();
    p.send(ACK | URG | PSH, { seq: 1, ack: 1, payload: ten, urgent: 0 });
    await p.look('10 bytes');
    await alive(p, 11);
  },
  'an urgent pointer beyond the data': async (p) => {
    await p.open();
    p.send(ACK | URG | PSH, { seq: 1, ack: 1, payload: ten, urgent: 60_000 });
    await p.look('10 bytes');
    await alive(p, 11);
  },
  'an urgent pointer without data': async (p) => {
    await p.open();
    p.send(ACK | URG, { seq: 1, ack: 1, urgent: 100 });
    await p.look('ACK');
    await alive(p, 1);
  },
  'FIN and URG in one': async (p) => {
    await p.open();
    p.send(ACK | URG | FIN, { seq: 1, ack: 1, payload: ten, urgent: 10 });
    await p.look('FIN');
  },
  'data in fragments': async (p) => {
    await p.open();
    const packet = p.packet(ACK | PSH, { seq: 1, ack: 1, payload: new Uint8Array(100) });
    p.fragments(packet, [0, 8, 64, 120]);
    await p.look('100 bytes');
  },
  'a keep-alive far before': async (p) => {
    await p.open();
    p.send(ACK, { seq: -10, ack: 1 });
    await p.look('ACK');
  },
  'a congestion mark': async (p) => {
    p.send(SYN | ECE | CWR, { options: SACK });
    await p.look('SYN');
    p.send(ACK, { seq: 1, ack: 1 });
    p.send(ACK | PSH, { seq: 1, ack: 1, payload: ten }, (packet) => {
      packet[1] = 3;
      p.resealIp(packet);
    });
    await p.look('10 bytes that met congestion');
    p.send(ACK | PSH | CWR, { seq: 11, ack: 1, payload: ten });
    await p.look('10 bytes with CWR');
  },

  // Windows

  'a window that closes under way': async (p) => {
    await p.open();
    p.subject.write(p.port, 3000);
    await p.look('3000 bytes', 20);
    p.send(ACK, { seq: 1, ack: 1461, window: 0 });
    await p.look('ACK of one, no window', 20);
    p.send(ACK, { seq: 1, ack: 3001, window: 0 });
    await p.look('ACK of all, no window', 20);
    p.subject.write(p.port, 500);
    await p.look('500 bytes more', 20);
    p.send(ACK, { seq: 1, ack: 3001, window: 65_535 });
    await p.look('a window again', 20);
  },
  'a window of nothing, then a small one': async (p) => {
    await p.open(undefined, 0);
    p.subject.write(p.port, 100);
    await p.look('100 bytes', 20);
    p.send(ACK, { seq: 1, ack: 1, window: 0 });
    p.send(ACK, { seq: 1, ack: 1, window: 50 });
    await p.look('50 bytes of window', 20);
  },
  'a window that shrinks under way': async (p) => {
    await p.open(undefined, 3000);
    p.subject.write(p.port, 6000);
    await p.look('6000 bytes', 20);
    p.send(ACK, { seq: 1, ack: 1461, window: 200 });
    await p.look('ACK of one, 200 bytes of window', 20);
    p.send(ACK, { seq: 1, ack: 2921, window: 10_000 });
    await p.look('ACK of two, a window again', 20);
  },
  'a window of one byte': async (p) => {
    await p.open(undefined, 1);
    p.subject.write(p.port, 10);
    await p.look('10 bytes', 20);
    p.send(ACK, { seq: 1, ack: 2, window: 1 });
    await p.look('ACK of one', 20);
  },
  'a window update with an old ACK': async (p) => {
    await p.open(undefined, 100);
    p.subject.write(p.port, 1000);
    await p.look('1000 bytes', 20);
    p.send(ACK, { seq: 1, ack: 101, window: 0 });
    await p.look('ACK, no window', 20);
    p.send(ACK, { seq: 1, ack: 51, window: 65_535 });
    await p.look('an old ACK with a window', 20);
  },

  // The end

  'RST in CLOSE-WAIT': async (p) => {
    await p.open();
    p.send(ACK | FIN, { seq: 1, ack: 1 });
    await p.look('FIN');
    p.send(RST, { seq: 2 });
    await p.look('RST');
    p.send(ACK, { seq: 2, ack: 1 });
    await p.look('ACK afterwards');
  },
  'data of its own in CLOSE-WAIT': async (p) => {
    await p.open();
    p.send(ACK | FIN, { seq: 1, ack: 1 });
    await p.look('FIN');
    p.subject.write(p.port, 100);
    await p.look('100 bytes', 20);
    p.send(ACK, { seq: 2, ack: 101 });
    p.subject.end(p.port);
    await p.look('it ends', 20);
  },
  'SYN in CLOSE-WAIT': async (p) => {
    await p.open();
    p.send(ACK | FIN, { seq: 1, ack: 1 });
    await p.look('FIN');
    p.send(SYN, { seq: 100 });
    await p.look('SYN');
  },
  'data before FIN that comes again': async (p) => {
    await p.open();
    p.send(ACK | FIN | PSH, { seq: 1, ack: 1, payload: ten });
    await p.look('FIN with 10 bytes');
    p.send(ACK | PSH, { seq: 1, ack: 1, payload: ten });
    await p.look('10 bytes again');
    p.send(ACK | FIN | PSH, { seq: 6, ack: 1, payload: new Uint8Array(5) });
    await p.look('the end of them, and FIN');
  },
  'FIN out of order with data, with SACK': async (p) => {
    await p.open(SACK);
    p.send(ACK | FIN | PSH, { seq: 11, ack: 1, payload: ten });
    await p.look('11 to 21, FIN');
    p.send(ACK | PSH, { seq: 31, ack: 1, payload: ten });
    await p.look('data beyond it');
    p.send(ACK | PSH, { seq: 1, ack: 1, payload: ten });
    await p.look('1 to 11');
  },
  'FIN out of order, then data before it': async (p) => {
    await p.open(SACK);
    p.send(ACK | FIN, { seq: 31, ack: 1 });
    await p.look('FIN at 31');
    p.send(ACK | PSH, { seq: 11, ack: 1, payload: ten });
    await p.look('11 to 21');
    p.send(ACK | PSH, { seq: 21, ack: 1, payload: ten });
    await p.look('21 to 31');
    p.send(ACK | PSH, { seq: 1, ack: 1, payload: ten });
    await p.look('1 to 11');
  },
  'RST in FIN-WAIT-2': async (p) => {
    await finWait2(p);
    p.send(RST, { seq: 1 });
    await p.look('RST');
    p.send(ACK | FIN, { seq: 1, ack: 2 });
    await p.look('FIN afterwards');
  },
  'SYN in FIN-WAIT-2': async (p) => {
    await finWait2(p);
    p.send(SYN, { seq: 100 });
    await p.look('SYN');
  },
  'FIN with data in FIN-WAIT-2': async (p) => {
    await finWait2(p);
    p.send(ACK | FIN | PSH, { seq: 1, ack: 2, payload: ten });
    await p.look('FIN with 10 bytes');
  },
  'ACK of what was never sent in FIN-WAIT-1': async (p) => {
    await p.open();
    p.subject.end(p.port);
    await p.look('FIN', 20);
    p.send(ACK, { seq: 1, ack: 300 });
    await p.look('ACK of 300', 20);
  },
  'data in FIN-WAIT-1': async (p) => {
    await p.open();
    p.subject.end(p.port);
    await p.look('FIN', 20);
    p.send(ACK | PSH, { seq: 1, ack: 1, payload: ten });
    await p.look('10 bytes', 20);
  },
  'RST in LAST-ACK': async (p) => {
    await lastAck(p);
    p.send(RST, { seq: 2 });
    await p.look('RST', 20);
    p.send(ACK, { seq: 2, ack: 2 });
    await p.look('ACK afterwards');
  },
  'data in LAST-ACK': async (p) => {
    await lastAck(p);
    p.send(ACK | PSH, { seq: 2, ack: 1, payload: ten });
    await p.look('10 bytes', 20);
  },
  'a SYN that is the next connection, in LAST-ACK': async (p) => {
    await lastAck(p);
    p.send(SYN, { seq: 100_000 });
    await p.look('SYN', 20);
  },

  // TIME-WAIT

  'a RST that does not fit, in TIME-WAIT': async (p) => {
    await timeWait(p);
    p.send(RST, { seq: 500 });
    await p.look('RST');
    p.send(ACK | FIN, { seq: 1, ack: 2 });
    await p.look('FIN again');
  },
  'a SYN with a newer timestamp, in TIME-WAIT': async (p) => {
    await timeWait(p, ALL_OPTIONS);
    p.iss = 0;
    p.send(SYN, { seq: -500_000, options: Uint8Array.of(2, 4, 5, 180, 8, 10, 0, 0, 9, 0, 0, 0, 0, 0, 1, 1) });
    await p.look('SYN, lower');
  },
  'a SYN with an older timestamp, in TIME-WAIT': async (p) => {
    await timeWait(p, ALL_OPTIONS);
    p.send(SYN, { seq: -500_000, options: timestamp(3, 0) });
    await p.look('SYN, lower');
  },
  'a SYN-ACK in TIME-WAIT': async (p) => {
    await timeWait(p);
    p.send(SYN | ACK, { seq: 500, ack: 2 });
    await p.look('SYN-ACK');
  },
  'an ACK that fits, in TIME-WAIT': async (p) => {
    await timeWait(p);
    p.send(ACK, { seq: 2, ack: 2 });
    await p.look('ACK');
  },
  'an ACK that is old, in TIME-WAIT': async (p) => {
    await timeWait(p);
    p.send(ACK, { seq: 1, ack: 1 });
    await p.look('ACK');
  },
  'an old timestamp in TIME-WAIT': async (p) => {
    await timeWait(p, ALL_OPTIONS);
    p.send(ACK | FIN, { seq: 1, ack: 2, options: timestamp(5, 0) });
    await p.look('FIN');
  },
};
