/** Opening from our side, and both sides at once (RFC 9293 3.5, 3.10.7.3); segments by hand, in virtual time. */
import t from 'tap';
import { Memory } from '../../../src/memory/memory.js';
import type { CloseReason, FlowHandler } from '../../../src/net/flow.js';
import { congestionByName } from '../../../src/net/tcp/congestion/index.js';
import { type Connection, TcpLayer } from '../../../src/net/tcp/index.js';
import { ACK, FIN, icmpError, ip, PSH, RST, readTcp, type Segment, SYN, tcp } from '../../sim/packets.js';
import { CONFIG, Laboratory, PEER, US } from '../ip/laboratory.js';

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

  introduceTo(address: number): void {
    this.arp({ target: address });
    this.take();
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

/** The timestamp in a SYN's options (RFC 7323 3.2). */
function stampOf({ payload }: { readonly payload: Uint8Array }): number {
  let at = 20;
  while (payload[at] !== 8) at += payload[at] === 1 ? 1 : payload[at + 1]!;
  return new DataView(payload.buffer, payload.byteOffset).getInt32(at + 2);
}

t.test(
  'of SYNs that went more than once only the echo of the newest measures the round trip (RFC 7323 4)',
  async (t) => {
    const timeout = (echoed: number, after = 50): number => {
      const client = new Client();
      client.connect();
      const stamps = client.takeIp().map(stampOf);
      for (const wait of [1000, 2000, 4000]) {
        client.advance(wait);
        stamps.push(...client.takeIp().map(stampOf));
      }
      t.equal(stamps.length, 4);
      client.advance(after);
      const options = new Uint8Array(12);
      options.set([1, 1, 8, 10, 0, 0, 0, 9]);
      new DataView(options.buffer).setInt32(8, stamps[echoed]!);
      const { iss } = client.connection!;
      client.port = client.connection!.ports & 0xffff;
      client.say({ flags: SYN | ACK, ack: iss + 1, options });
      t.ok(client.opened);
      return client.connection!.busy.rtt.rto;
    };
    t.equal(timeout(3), 250, 'the newest: 50 ms, and what a timer may be late');
    t.equal(timeout(0), 3000, 'the first, by a SYN-ACK that was sent again and again: nothing is known (RFC 6298 5.7)');
    t.equal(timeout(3, 900), 2700, 'within a second no answer is sent again');
    t.equal(timeout(3, 6000), 3000, 'the newest, by a SYN-ACK that may have been sent again: nothing is known, either');
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

function icmp(lab: Client, type: number, code: number, seq: number): void {
  const ours = tcp({ source: US, from: lab.port, destination: PEER, to: 80, seq, ack: 0, flags: SYN });
  lab.packet(icmpError(ip('10.0.0.9'), type, code, 0, ours));
  lab.advance(1);
}

t.test(
  'an ICMP error during the handshake: unreachable ends it, if its number is that of our SYN; soft ones do not',
  async (t) => {
    for (const [type, code, reason] of [
      [3, 0, 'unreachable'],
      [3, 1, 'unreachable'],
      [3, 2, 'refused'],
      [3, 3, 'refused'],
      [11, 0, undefined],
      [12, 0, undefined],
    ] as const) {
      const lab = new Client();
      lab.connect();
      const [syn] = lab.heard();
      icmp(lab, type, code, ((syn?.seq as number) + 1) | 0);
      t.equal(lab.reason, undefined, 'a number that we have not sent');
      icmp(lab, type, code, syn?.seq as number);
      t.equal(lab.reason, reason, `type ${type}, code ${code}`);
      t.equal([...lab.tcp.connections].length, reason === undefined ? 1 : 0);
    }
  },
);

t.test('the same errors leave an open connection alone (RFC 5927 5.2)', async (t) => {
  const lab = new Client();
  lab.connect();
  const [syn] = lab.heard();
  lab.say({ flags: SYN | ACK, ack: (syn?.seq ?? 0) + 1 });
  lab.connection?.write(Memory.of('hello'), 0, 5);
  lab.advance(1);
  for (const code of [0, 1, 2, 3]) icmp(lab, 3, code, ((syn?.seq as number) + 1) | 0);
  t.equal(lab.reason, undefined);
});

t.test('RST after SYN against SYN ends the connection', async (t) => {
  const lab = new Client();
  lab.connect();
  const [syn] = lab.heard();
  lab.say({ flags: SYN });
  lab.heard();
  lab.say({ flags: RST, seq: 5007 });
  t.equal(lab.reason, undefined, 'its number is not exact');
  lab.say({ flags: RST | ACK, seq: 5001, ack: (syn?.seq ?? 0) + 1 });
  t.equal(lab.reason, 'refused');
});

t.test('simultaneous open when the other side answers with SYN-ACK', async (t) => {
  const lab = new Client();
  lab.connect();
  const [syn] = lab.heard();
  lab.say({ flags: SYN });
  lab.say({ flags: SYN | ACK, ack: (syn?.seq ?? 0) + 1 });
  lab.say({ flags: ACK, seq: 5001, ack: (syn?.seq ?? 0) + 1 });
  t.ok(lab.opened);
});

t.test(
  'what is written before the handshake leaves after it, with FIN if it was the last; RST throws it away',
  async (t) => {
    const lab = new Client();
    lab.connect();
    lab.connection?.write(Memory.of('hello'), 0, 5);
    lab.connection?.end();
    lab.advance(1);
    const [syn, ...more] = lab.heard();
    t.same(more, []);
    lab.say({ flags: SYN | ACK, ack: (syn?.seq ?? 0) + 1 });
    t.match(lab.heard(), [{ flags: ACK | PSH | FIN, seq: ((syn?.seq as number) + 1) | 0 }], 'FIN and the data in one');
    const refused = new Client();
    refused.connect();
    refused.connection?.write(Memory.of('hello'), 0, 5);
    const [again] = refused.heard();
    refused.say({ flags: RST | ACK, ack: (again?.seq ?? 0) + 1 });
    t.equal(refused.reason, 'refused');
  },
);

t.test('end() in SYN-RECEIVED of a simultaneous open waits for the handshake', async (t) => {
  const lab = new Client();
  lab.connect();
  const [syn] = lab.heard();
  lab.say({ flags: SYN });
  lab.heard();
  lab.connection?.end();
  lab.advance(1);
  t.equal(lab.connection?.info().state, 'SYN-RECEIVED');
  lab.say({ flags: ACK, seq: 5001, ack: (syn?.seq ?? 0) + 1 });
  t.match(lab.heard(), [{ flags: ACK | FIN }]);
});

t.test('reset() in SYN-SENT is silent: there is nobody yet to tell', async (t) => {
  const lab = new Client();
  lab.connect();
  lab.heard();
  lab.connection?.reset();
  lab.advance(10_000);
  t.same(lab.heard(), []);
  t.equal(lab.reason, 'reset-by-us');
});

t.test('ports are chosen by a secret and differ from one connection to the next (RFC 6056)', async (t) => {
  const lab = new Client();
  const ports = new Set<number>();
  for (let i = 0; i < 20; i++) {
    lab.connect();
    lab.heard();
    ports.add(lab.port);
  }
  t.equal(ports.size, 20);
  t.ok([...ports].every((port) => port >= 49_152));
});

t.test('when the address changes, connections on the old one end, listeners and the program go on', async (t) => {
  const lab = new Client();
  let accepted = 0;
  lab.tcp.listen(8080, () => {
    accepted++;
  });
  lab.connect();
  const [syn] = lab.heard();
  lab.say({ flags: SYN | ACK, ack: (syn?.seq ?? 0) + 1 });
  lab.packet(tcp({ source: PEER, from: 999, destination: US, to: 8080, seq: 1, ack: 0, flags: SYN }));
  lab.heard();
  const next = ip('10.0.0.55');
  lab.stack.configure({ ...CONFIG, address: next }, lab.now);
  t.equal(lab.reason, 'address-lost');
  t.equal(lab.tcp.connections.size + lab.tcp.listening.halfOpen, 0);
  lab.introduceTo(next);
  lab.packet(tcp({ source: PEER, from: 999, destination: next, to: 8080, seq: 1, ack: 0, flags: SYN }));
  const answer = lab.heard()[0];
  t.equal(answer?.source, next);
  lab.packet(
    tcp({
      source: PEER,
      from: 999,
      destination: next,
      to: 8080,
      seq: 2,
      ack: ((answer?.seq as number) + 1) | 0,
      flags: ACK,
    }),
  );
  t.equal(accepted, 1);
});
