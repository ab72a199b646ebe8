/** Opening from our side, and both sides at once (RFC 9293 3.5, 3.10.7.3); segments by hand, in virtual time. */
import t from 'tap';
import type { CloseReason, FlowHandler } from '../../../src/net/flow.js';
import { congestionByName } from '../../../src/net/tcp/congestion/index.js';
import { type Connection, TcpLayer } from '../../../src/net/tcp/index.js';
import { ACK, ip, RST, readTcp, type Segment, SYN, tcp } from '../../sim/packets.js';
import { Laboratory, PEER, US } from '../stack/laboratory.js';

class Client extends Laboratory implements FlowHandler {
  readonly tcp: TcpLayer;
  connection: Connection | undefined;
  opened = false;
  reason: CloseReason | undefined;
  port = 0;

  constructor() {
    super();
    this.introduce();
    let x = 99;
    const random32 = (): number => (x = (Math.imul(x, 1_664_525) + 1_013_904_223) | 0);
    this.tcp = new TcpLayer({
      ip: this.stack,
      random: { random32 },
      drops: this.drops,
      congestion: congestionByName('cubic'),
    });
    this.stack.host(this.tcp);
  }

  connect(remote = PEER): Connection | undefined {
    this.connection = this.tcp.connect(US, remote, 80, this.now, () => {
      this.opened = true;
    });
    if (this.connection !== undefined) this.connection.handler = this;
    this.advance(0);
    return this.connection;
  }

  heard(): (NonNullable<ReturnType<typeof readTcp>> & { source: number })[] {
    return this.takeIp().flatMap((packet) => {
      const segment = readTcp(packet.payload);
      if (segment === undefined) return [];
      this.port = segment.from;
      return { ...segment, source: packet.source };
    });
  }

  say(segment: Partial<Segment> & { flags: number }): void {
    this.packet(tcp({ source: PEER, from: 80, destination: US, to: this.port, seq: 5000, ack: 0, ...segment }));
    this.advance(1);
  }

  data(): void {}
  ended(): void {}
  drained(): void {}
  closed(_flow: unknown, reason: CloseReason): void {
    this.reason = reason;
  }
}

t.test('SYN, SYN-ACK, ACK, all from the one address [9293 MUST-43] [9293 MUST-44] [9293 MUST-45]', async (t) => {
  const lab = new Client();
  lab.connect();
  const [syn] = lab.heard();
  t.match(syn, { flags: SYN, to: 80, source: US });
  lab.say({ flags: SYN | ACK, ack: (syn?.seq ?? 0) + 1 });
  t.ok(lab.opened);
  t.match(lab.heard(), [{ flags: ACK, ack: 5001, source: US }]);
});

t.test('simultaneous open: SYN against SYN, then an ACK each [9293 MUST-10]', async (t) => {
  const lab = new Client();
  lab.connect();
  const [syn] = lab.heard();
  lab.say({ flags: SYN });
  t.match(lab.heard(), [{ flags: SYN | ACK, seq: syn?.seq, ack: 5001 }]);
  lab.say({ flags: ACK, seq: 5001, ack: (syn?.seq ?? 0) + 1 });
  t.ok(lab.opened);
});

t.test('nobody can be connected to who is everybody or nobody [9293 MUST-46]', async (t) => {
  const lab = new Client();
  for (const remote of ['255.255.255.255', '224.0.0.1', '0.0.0.0']) t.equal(lab.connect(ip(remote)), undefined, remote);
  t.equal(lab.take().length, 0);
});

t.test(
  'a SYN is sent again for at least three minutes before it is given up [9293 MUST-22] [9293 MUST-23]',
  async (t) => {
    const lab = new Client();
    lab.connect();
    lab.advance(180_000);
    t.equal(lab.reason, undefined);
    t.ok(lab.heard().length >= 6, 'with growing pauses');
    lab.advance(400_000);
    t.equal(lab.reason, 'unreachable');
  },
);

t.test('RST in SYN-SENT counts only when it acknowledges our SYN; a wrong ACK is answered with RST', async (t) => {
  const lab = new Client();
  lab.connect();
  const [syn] = lab.heard();
  lab.say({ flags: RST });
  t.equal(lab.reason, undefined);
  lab.say({ flags: SYN | ACK, ack: (syn?.seq ?? 0) + 7 });
  t.match(lab.heard(), [{ flags: RST, seq: ((syn?.seq ?? 0) + 7) | 0 }]);
  lab.say({ flags: RST | ACK, ack: (syn?.seq ?? 0) + 1 });
  t.equal(lab.reason, 'refused');
  t.equal([...lab.tcp.connections].length, 0);
});
