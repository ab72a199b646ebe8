/**
 * A layer gives its traffic to another: each thing that could go wrong between two owners of one address, in virtual
 * time.
 */
import t from 'tap';
import type { Flow } from '../../../src/net/flow.js';
import { Datagram } from '../../../src/net/ip/contracts/datagram.js';
import { congestionByName } from '../../../src/net/tcp/congestion/index.js';
import { type Connection, TcpLayer, type TcpLimits } from '../../../src/net/tcp/index.js';
import {
  adoptTimeWait,
  type FlowName,
  handOver,
  nameOf,
  type TcpState,
  type TimeWaitState,
  takeBack,
  takeOver,
} from '../../../src/net/tcp/moving/hand-over.js';
import { ACK, FIN, icmpError, PSH, RST, readTcp, type Segment, SYN, tcp, timestamps } from '../../sim/packets.js';
import { Laboratory, PEER, US } from '../ip/laboratory.js';

class Side extends Laboratory {
  readonly tcp: TcpLayer;
  readonly flows: Connection[] = [];

  constructor(seed: number, limits: Partial<TcpLimits> = {}) {
    super(undefined, seed);
    let x = seed * 7919;
    const random32 = (): number => (x = (Math.imul(x, 1_664_525) + 1_013_904_223) | 0);
    const { stack, drops } = this;
    this.tcp = new TcpLayer({ ip: stack, random: { random32 }, drops, congestion: congestionByName('cubic'), limits });
    stack.host(this.tcp);
    this.tcp.listen(80, (flow: Flow) => {
      this.flows.push(flow as Connection);
      flow.handler = { data() {}, ended: (one) => one.end(), drained() {}, closed() {} };
    });
    this.introduce();
  }

  /** Sends a segment to port 80; answers the segments that came of it. */
  say(from: number, flags: number, more: Partial<Segment> = {}) {
    this.packet(tcp({ source: PEER, from, destination: US, to: 80, seq: 1000, ack: 0, flags, ...more }));
    return this.segments();
  }

  segments() {
    return this.takeIp().map((one) => {
      const segment = readTcp(one.payload)!;
      return { ...segment, options: one.payload.subarray(20, segment.header) };
    });
  }
}

/** Two programs one after the other, and what the first one tells the second. */
class Pair {
  readonly old: Side;
  readonly young = new Side(2);
  state: TcpState | undefined;
  readonly gone: FlowName[] = [];
  readonly waits: TimeWaitState[] = [];
  /** Datagrams that the second handed to the first. */
  handed = 0;

  constructor(limits: Partial<TcpLimits> = {}) {
    this.old = new Side(1, limits);
    // Its clock began at another time.
    this.young.advance(500_000);
  }

  handOver(): void {
    const { old, young } = this;
    const departed = {
      gone: (name: FlowName) => this.gone.push(name),
      timeWait: (one: TimeWaitState) => this.waits.push(one),
    };
    this.state = JSON.parse(JSON.stringify(handOver(old.tcp, departed, old.now))) as TcpState;
    takeOver(young.tcp, this.state, young.now, 0);
    const theirs = new Set(this.state.connections.map(String));
    const has = (name: FlowName): boolean =>
      theirs.has(String(name)) && !this.gone.some((one) => String(one) === String(name));
    young.tcp.elsewhere = {
      segment: ({ source, destination, tos, bytes, ip, end }, ports) => {
        if (!has([source, destination, ports])) return false;
        this.handed += 1;
        const copy = new Datagram().lies(bytes.slice(ip, end), 0, 20, end - ip, 1);
        old.tcp.input(copy.goes(source, destination, false, tos, old.now));
        old.advance(0);
        return true;
      },
      error: () => false,
    };
  }

  /** Both clocks go on. */
  advance(ms: number): void {
    this.old.advance(ms);
    this.young.advance(ms);
  }
}

t.test(
  'A half-open connection moves: the SYN that comes again gets the same number, and the ACK opens it at the new one',
  async (t) => {
    const pair = new Pair();
    const [first] = pair.old.say(5000, SYN);
    pair.handOver();
    const [again] = pair.young.say(5000, SYN);
    t.equal(again?.seq, first?.seq);
    t.equal(again?.flags, SYN | ACK);
    t.same(pair.young.say(5000, ACK, { seq: 1001, ack: (first!.seq + 1) | 0 }), []);
    t.equal(pair.young.flows.length, 1);
    t.equal(pair.old.flows.length, 0);
  },
);

t.test(
  'The timer of a half-open connection goes along: its SYN-ACK is sent again by the new owner, and by it alone',
  async (t) => {
    const pair = new Pair();
    const [first] = pair.old.say(5000, SYN);
    pair.handOver();
    pair.advance(1100);
    t.same(pair.old.segments(), []);
    t.match(pair.young.segments(), [{ seq: first!.seq, flags: SYN | ACK }]);
  },
);

t.test('A SYN cookie that the old owner sent is good at the new one', async (t) => {
  const pair = new Pair({ synQueue: 0 });
  const [cookie] = pair.old.say(5000, SYN, { options: timestamps(10) });
  t.equal(pair.old.tcp.counters.cookies, 1);
  pair.handOver();
  pair.advance(200);
  pair.young.say(5000, ACK, { seq: 1001, ack: (cookie!.seq + 1) | 0 });
  t.equal(pair.young.flows.length, 1);
});

t.test('Segments of an open connection are answered by the old owner, once, and never with a reset', async (t) => {
  const pair = new Pair();
  const [first] = pair.old.say(5000, SYN);
  pair.old.say(5000, ACK, { seq: 1001, ack: (first!.seq + 1) | 0 });
  pair.handOver();
  t.same(pair.young.say(5000, ACK | PSH, { seq: 1001, ack: (first!.seq + 1) | 0, payload: new Uint8Array(10) }), []);
  pair.advance(100);
  t.match(pair.old.segments(), [{ ack: 1011, flags: ACK }]);
  t.equal(pair.handed, 1);
  // A SYN of the handshake that the network kept back: RFC 5961 4 wants a challenge, of who has the connection.
  t.same(pair.young.say(5000, SYN), []);
  t.match(pair.old.segments(), [{ ack: 1011, flags: ACK }]);
  t.equal(pair.young.tcp.listening.halfOpen, 0);
});

t.test('What the old owner has no connection for any more it drops: who answers is the new one', async (t) => {
  const pair = new Pair();
  pair.handOver();
  t.same(pair.old.say(6000, ACK, { ack: 77 }), [], 'no reset');
  t.same(pair.old.say(6000, SYN), [], 'no connection');
  t.equal(pair.old.dropped('tcp-handed-over'), 2);
  t.match(pair.young.say(6000, ACK, { ack: 77 }), [{ flags: RST, seq: 77 }]);
});

t.test('TIME-WAIT moves: a FIN that comes again is acknowledged by the new owner', async (t) => {
  const pair = new Pair();
  const [first] = pair.old.say(5000, SYN);
  const ack = (first!.seq + 1) | 0;
  pair.old.say(5000, ACK, { seq: 1001, ack });
  pair.old.flows[0]!.end();
  pair.old.advance(1);
  pair.old.segments();
  pair.old.say(5000, FIN | ACK, { seq: 1001, ack: (ack + 1) | 0 });
  t.equal(pair.old.tcp.waiting.size, 1);
  pair.handOver();
  t.equal(pair.old.tcp.waiting.size, 0);
  t.match(pair.young.say(5000, FIN | ACK, { seq: 1001, ack: (ack + 1) | 0 }), [{ flags: ACK, ack: 1002 }]);
  pair.advance(61_000);
  t.equal(pair.young.tcp.waiting.size, 0, 'and it ends in its time');
});

t.test('A connection that ends at the old owner is told to the new one, which keeps its TIME-WAIT', async (t) => {
  const pair = new Pair();
  const [first] = pair.old.say(5000, SYN);
  const ack = (first!.seq + 1) | 0;
  pair.old.say(5000, ACK, { seq: 1001, ack });
  pair.handOver();
  pair.old.flows[0]!.end();
  pair.old.advance(1);
  pair.young.say(5000, FIN | ACK, { seq: 1001, ack: (ack + 1) | 0 });
  t.equal(pair.waits.length, 1);
  t.same(pair.gone, [nameOf(pair.old.flows[0]!)]);
  adoptTimeWait(pair.young.tcp, pair.waits[0]!, pair.young.now, 0);
  t.match(pair.young.say(5000, FIN | ACK, { seq: 1001, ack: (ack + 1) | 0 }), [{ flags: ACK, ack: 1002 }]);
});

t.test('Numbers and timestamps of one pair of hosts go on growing [6528, 7323 5.4]', async (t) => {
  const pair = new Pair();
  const [before] = pair.old.say(5000, SYN, { options: timestamps(10) });
  pair.old.say(5000, RST, { seq: 1001 });
  pair.advance(1000);
  pair.handOver();
  pair.advance(1000);
  const [after] = pair.young.say(5000, SYN, { options: timestamps(3000) });
  // 4 µs a number: 2 s are 500,000.
  t.equal((after!.seq - before!.seq) | 0, 500_000);
  const stamp = (one: { options: Uint8Array }): number => {
    const at = one.options.indexOf(8);
    return new DataView(one.options.buffer, one.options.byteOffset).getInt32(at + 2);
  };
  t.equal(stamp(after!) - stamp(before!), 2000);
});

t.test('A hand-over that comes to nothing: all is as it was', async (t) => {
  const pair = new Pair();
  const [first] = pair.old.say(5000, SYN);
  pair.handOver();
  pair.old.advance(300);
  takeBack(pair.old.tcp, pair.state!, pair.old.now, 300);
  pair.old.say(5000, ACK, { seq: 1001, ack: (first!.seq + 1) | 0 });
  t.equal(pair.old.flows.length, 1);
  t.match(pair.old.say(5001, SYN), [{ flags: SYN | ACK }]);
  t.match(pair.old.say(6000, ACK, { ack: 77 }), [{ flags: RST }]);
});

t.test('An ICMP error about a connection of the old owner goes to it', async (t) => {
  const pair = new Pair();
  pair.handOver();
  let taken: [number, number] | undefined;
  pair.young.stack.errorElsewhere = ({ type, code }) => {
    taken = [type, code];
    return true;
  };
  const about = tcp({ source: US, from: 80, destination: PEER, to: 5000, seq: 1, ack: 1, flags: ACK });
  pair.young.packet(icmpError(PEER, 3, 1, 0, about));
  t.same(taken, [3, 1]);
});
