/**
 * Peers that lie about what they got, asked of both hosts. How much they draw depends on when a probe of the tail
 * leaves, so the answer is whether it is more than a bound that Linux holds to; ours is lower, and held to in
 * `test/net/tcp/liars.test.ts`.
 */
import { ACK, SYN } from '../../sim/packets.js';
import { MSS, type Peer, SACK } from './peer.js';

const ECE = 0x40;
const CWR = 0x80;

const SEGMENT = 1460;
const FLIGHT = 10 * SEGMENT;

/** A connection with its first flight on the way, and much more to send. */
async function flight(p: Peer, options: Uint8Array): Promise<void> {
  await p.open(options);
  p.subject.write(p.port, 400_000);
  await p.paid('first flight', FLIGHT + 4 * SEGMENT, 10);
}

/** The same, where both speak ECN (RFC 3168 6.1.1). */
async function flightWithEcn(p: Peer): Promise<void> {
  p.send(SYN | ECE | CWR, { options: MSS, window: 65_535 });
  await p.look('SYN-ACK');
  p.send(ACK, { seq: 1, ack: 1, window: 65_535 });
  await p.subject.accepted(p.port);
  p.subject.write(p.port, 400_000);
  await p.paid('first flight', FLIGHT + 4 * SEGMENT, 10);
}

export const attackScenarios: Readonly<Record<string, (p: Peer) => Promise<void>>> = {
  'a thousand duplicate ACKs, without SACK': async (p) => {
    await flight(p, MSS);
    for (let i = 0; i < 1000; i++) p.send(ACK, { seq: 1, ack: 1 });
    await p.paid('drawn', 6 * FLIGHT, 30);
  },
  'an ACK for each byte of a segment, without SACK': async (p) => {
    await flight(p, MSS);
    for (let i = 1; i <= SEGMENT; i++) p.send(ACK, { seq: 1, ack: 1 + i });
    await p.paid('drawn', FLIGHT, 30);
  },
  'an ACK for each byte of a segment, with SACK': async (p) => {
    await flight(p, SACK);
    for (let i = 1; i <= SEGMENT; i++) p.send(ACK, { seq: 1, ack: 1 + i });
    await p.paid('drawn', FLIGHT, 30);
  },
  'SACKs of single bytes': async (p) => {
    await flight(p, SACK);
    for (let at = 2; at < FLIGHT - 20; at += 6) p.sack(1, 1, [at, at + 1], [at + 2, at + 3], [at + 4, at + 5]);
    await p.paid('drawn', FLIGHT, 30);
  },
  'SACKs of every other segment, again and again': async (p) => {
    await flight(p, SACK);
    for (let i = 0; i < 300; i++) {
      const at = 1 + SEGMENT * (1 + 2 * (i % 5));
      p.sack(1, 1, [at, at + SEGMENT]);
    }
    await p.paid('drawn', 2 * FLIGHT, 30);
  },
  'ACKs of what was never sent': async (p) => {
    await flight(p, SACK);
    for (let i = 1; i <= 300; i++) p.send(ACK, { seq: 1, ack: FLIGHT + 100 + i });
    await p.paid('drawn', 2 * FLIGHT, 30);
  },
  'SACKs of what was never sent': async (p) => {
    await flight(p, SACK);
    for (let i = 1; i <= 300; i++) p.sack(1, 1, [FLIGHT + 100 + i, FLIGHT + 90_000]);
    await p.paid('drawn', 2 * FLIGHT, 30);
  },
  'ECE in a thousand duplicate ACKs, where ECN was agreed on': async (p) => {
    await flightWithEcn(p);
    for (let i = 0; i < 1000; i++) p.send(ACK | ECE, { seq: 1, ack: 1 });
    await p.paid('drawn', 6 * FLIGHT, 30);
  },
  'ECE in an ACK of each segment, where ECN was agreed on': async (p) => {
    await flightWithEcn(p);
    for (let i = 1; i <= 10; i++) p.send(ACK | ECE, { seq: 1, ack: 1 + i * SEGMENT });
    await p.paid('drawn', FLIGHT, 30);
  },
  'ECE in an ACK of each segment, where ECN was not agreed on': async (p) => {
    await flight(p, MSS);
    for (let i = 1; i <= 10; i++) p.send(ACK | ECE, { seq: 1, ack: 1 + i * SEGMENT });
    await p.paid('drawn', FLIGHT, 30);
  },
  'ECE in an ACK for each byte of a segment, where ECN was agreed on': async (p) => {
    await flightWithEcn(p);
    for (let i = 1; i <= SEGMENT; i++) p.send(ACK | ECE, { seq: 1, ack: 1 + i });
    await p.paid('drawn', FLIGHT, 30);
  },
  'DSACKs of what was never sent again': async (p) => {
    await flight(p, SACK);
    for (let i = 1; i <= 300; i++) p.sack(1, 1, [-3000 - i, -2000]);
    await p.paid('drawn', 2 * FLIGHT, 30);
  },
};
