/** TCP options, good and bad, asked of both hosts: each scenario has a connection of its own. */
import { ACK, PSH, SYN } from '../../sim/packets.js';
import { ALL_OPTIONS, MSS, type Peer, SACK, timestamp } from './peer.js';

const ten = new Uint8Array(10);

function syn(...options: number[]): (p: Peer) => Promise<void> {
  return async (p) => {
    p.send(SYN, { options: Uint8Array.from(options) });
    await p.look('SYN');
  };
}

/** A connection whose SYN offered these, and what 3000 bytes are cut into. */
function cut(...options: number[]): (p: Peer) => Promise<void> {
  return async (p) => {
    await p.open(Uint8Array.from(options));
    p.subject.write(p.port, 3000);
    await p.look('3000 bytes', 30);
  };
}

export const optionScenarios: Readonly<Record<string, (p: Peer) => Promise<void>>> = {
  'an MSS option of three bytes': syn(2, 3, 5, 4, 2, 1, 1, 1),
  'an MSS of more than the link takes': cut(2, 4, 255, 255),
  'an MSS of 600': cut(2, 4, 2, 88),
  'an MSS of nothing': cut(2, 4, 0, 0),
  'no MSS': cut(1, 1, 1, 1),
  'an MSS twice': cut(2, 4, 5, 180, 2, 4, 2, 88),
  'an option of length 0': syn(253, 0, 2, 4, 5, 180, 0, 0),
  'an option of length 1': syn(253, 1, 2, 4, 5, 180, 0, 0),
  'an option that is cut off by the end of the header': syn(2, 4, 5, 180, 1, 1, 1, 8),
  'options after the end of the list': syn(2, 4, 5, 180, 0, 4, 2, 1),
  'a window scale beyond 14': syn(2, 4, 5, 180, 1, 3, 3, 255),
  'SACK permitted of length 3': syn(2, 4, 5, 180, 4, 3, 0, 0),
  'timestamps of length 9': syn(2, 4, 5, 180, 8, 9, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0),
  'SACK blocks in a SYN': syn(2, 4, 5, 180, 4, 2, 5, 10, 0, 0, 0, 1, 0, 0, 0, 9),
  'a TCP fast open cookie request': syn(2, 4, 5, 180, 34, 2, 0, 0),
  'a multipath TCP option': syn(2, 4, 5, 180, 30, 12, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8),
  'forty bytes of no-operations in a SYN': syn(...new Array<number>(40).fill(1)),
  'a timestamp of zero in a SYN': async (p) => {
    p.send(SYN, { options: Uint8Array.of(2, 4, 5, 180, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1) });
    await p.look('SYN');
  },
  'an echo of the future': async (p) => {
    await p.open(ALL_OPTIONS);
    p.send(ACK | PSH, { seq: 1, ack: 1, payload: ten, options: timestamp(1002, p.theirTimestamp + 1_000_000) });
    await p.look('10 bytes');
    p.subject.write(p.port, 10);
    await p.look('10 bytes of its own', 30);
  },
  'forty bytes of no-operations with data': async (p) => {
    await p.open();
    p.send(ACK | PSH, { seq: 1, ack: 1, payload: ten, options: new Uint8Array(40).fill(1) });
    await p.look('10 bytes');
  },
  'an option of length 0 with data': async (p) => {
    await p.open();
    p.send(ACK | PSH, { seq: 1, ack: 1, payload: ten, options: Uint8Array.of(8, 0, 0, 0) });
    await p.look('10 bytes');
  },
  'timestamps that were not agreed on': async (p) => {
    await p.open();
    p.send(ACK | PSH, { seq: 1, ack: 1, payload: ten, options: timestamp(5, 6) });
    await p.look('10 bytes');
  },
  'the ACK of the handshake without timestamps': async (p) => {
    p.send(SYN, { options: ALL_OPTIONS });
    await p.look('SYN');
    p.send(ACK | PSH, { seq: 1, ack: 1, payload: ten });
    await p.look('ACK with data');
  },
  'a timestamp that is the same': async (p) => {
    await p.open(ALL_OPTIONS);
    p.send(ACK | PSH, { seq: 1, ack: 1, payload: ten, options: timestamp(1001, p.theirTimestamp) });
    await p.look('10 bytes');
  },
  'a timestamp far ahead, and one before it': async (p) => {
    await p.open(ALL_OPTIONS);
    p.send(ACK | PSH, { seq: 1, ack: 1, payload: ten, options: timestamp(1_000_000_000, p.theirTimestamp) });
    await p.look('far ahead');
    p.send(ACK | PSH, { seq: 11, ack: 1, payload: ten, options: timestamp(1002, p.theirTimestamp) });
    await p.look('as before');
  },
  'a timestamp half a circle away': async (p) => {
    await p.open(ALL_OPTIONS);
    p.send(ACK | PSH, { seq: 1, ack: 1, payload: ten, options: timestamp(1001 + 0x80000001, p.theirTimestamp) });
    await p.look('10 bytes');
  },
  'a FIN whose timestamp is old': async (p) => {
    await p.open(ALL_OPTIONS);
    p.send(ACK | 1, { seq: 1, ack: 1, options: timestamp(900, p.theirTimestamp) });
    await p.look('FIN');
  },
  'a SYN whose timestamp is old': async (p) => {
    await p.open(ALL_OPTIONS);
    p.send(SYN, { seq: 5, options: timestamp(900, 0) });
    await p.look('SYN');
  },
  'a bare ACK whose timestamp is old': async (p) => {
    await p.open(ALL_OPTIONS);
    p.send(ACK, { seq: 1, ack: 1, options: timestamp(900, p.theirTimestamp) });
    await p.look('ACK');
  },
  'a keep-alive with timestamps': async (p) => {
    await p.open(ALL_OPTIONS);
    p.send(ACK, { seq: 0, ack: 1, options: timestamp(1002, p.theirTimestamp) });
    await p.look('keep-alive');
  },
  'SACK blocks of what was never sent': async (p) => {
    await p.open(SACK);
    p.subject.write(p.port, 1000);
    await p.look('1000 bytes', 20);
    p.sack(1, 1, [5001, 6001]);
    p.sack(1, 1, [900, 100]);
    p.sack(1, 1, [-5000, -4000]);
    await p.look('three ACKs with lies', 20);
    p.send(ACK, { seq: 1, ack: 1001 });
    await p.look('ACK', 20);
  },
  'a loss that SACK blocks tell': async (p) => {
    await p.open(SACK);
    p.subject.write(p.port, 8760);
    await p.look('8760 bytes', 20);
    p.sack(1, 1, [1461, 2921]);
    p.sack(1, 1, [1461, 4381]);
    p.sack(1, 1, [1461, 5841]);
    await p.look('three SACKs', 20);
    p.send(ACK, { seq: 1, ack: 8761 });
    await p.look('ACK of all', 20);
  },
  'a SACK option of 9 bytes': async (p) => {
    await p.open(SACK);
    p.send(ACK | PSH, {
      ...{ seq: 1, ack: 1, payload: ten },
      options: Uint8Array.of(5, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    });
    await p.look('10 bytes');
  },
  'five SACK blocks of its own': async (p) => {
    await p.open(SACK);
    for (const seq of [11, 31, 51, 71, 91]) {
      p.send(ACK | PSH, { seq, ack: 1, payload: ten });
      await p.look(`${seq} to ${seq + 10}`, 20);
    }
  },
  'SACK without its being agreed on': async (p) => {
    await p.open(MSS);
    p.send(ACK | PSH, { seq: 11, ack: 1, payload: ten });
    await p.look('11 to 21');
  },
};
