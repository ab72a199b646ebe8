/** Segments by hand against the stack, in virtual time: what a peer sends, and what must come back. */
import t from 'tap';
import { ACK, concat, FIN, ip, PSH, RST, SYN } from '../../sim/packets.js';
import { type Got, Script } from './script.js';

const URG = 32;

t.test(
  'every segment has a good checksum, and one whose checksum is wrong does nothing [9293 MUST-2] [9293 MUST-3]',
  async (t) => {
    const s = new Script();
    s.open();
    s.write(3000);
    s.wait(1);
    t.ok(s.got.length > 1 && s.got.every((one) => one.good));
    s.send(ACK | PSH, { payload: s.text('spoilt') }, true);
    t.equal(s.received, '');
    t.equal(s.host.drops.of('tcp-checksum'), 1);
  },
);

t.test('the SYN-ACK carries an MSS, other segments none [9293 MUST-14] [9293 MUST-65] [9293 MUST-67]', async (t) => {
  const s = new Script();
  const answer = s.open(Uint8Array.of(2, 4, 5, 0xb4));
  t.same([...answer.options.subarray(0, 4)], [2, 4, 1460 >> 8, 1460 & 255]);
  s.write(100);
  s.wait(1);
  t.ok(s.got.every((one) => !one.options.includes(2) || one.options.length === 0));
});

t.test('a link whose MTU changes: newcomers hear of it, and what is too large leaves again, smaller', async (t) => {
  const s = new Script();
  s.open(Uint8Array.of(2, 4, 5, 0xb4));
  s.since();
  s.write(5000);
  s.wait(1);
  const first = s.since();
  t.equal(Math.max(...first.map((one) => one.data.length)), 1460);
  s.together(() => s.host.stack.resize(1300, s.host.stack.now));
  s.wait(1);
  const again = s.since();
  t.equal(Math.max(...again.map((one) => one.data.length)), 1260);
  t.equal(again[0]?.seq, first[0]?.seq, 'from the first byte on');
  const later = new Script();
  later.host.stack.resize(1300, 0);
  t.same([...later.open().options.subarray(0, 4)], [2, 4, 1260 >> 8, 1260 & 255]);
  const larger = new Script();
  larger.host.stack.resize(9000, 0);
  t.same([...larger.open().options.subarray(0, 4)], [2, 4, 8960 >> 8, 8960 & 255]);
});

t.test('without an MSS option segments carry 536 bytes at most [9293 MUST-15]', async (t) => {
  const s = new Script();
  s.open();
  s.write(3000);
  s.wait(1);
  t.equal(Math.max(...s.got.map((one) => one.data.length)), 536);
});

t.test(
  'however small the peer’s MSS is, no segment is larger, and few are in flight at once [9293 MUST-16]',
  async (t) => {
    for (const mss of [1, 2, 27, 28, 63, 64]) {
      for (const congestion of ['cubic', 'bbr'] as const) {
        const s = new Script(1, { congestion });
        s.open(Uint8Array.of(2, 4, 0, mss));
        s.since();
        s.write(20_000);
        let most = 0;
        for (let round = 0; round < 40; round++) {
          s.wait(20);
          const sent = s.since().filter((one) => one.data.length > 0);
          most = Math.max(most, sent.length);
          for (const one of sent) if (one.data.length > mss) t.fail(`${one.data.length} bytes for an MSS of ${mss}`);
          const last = sent.at(-1);
          if (last !== undefined) s.send(ACK, { ack: last.seq + last.data.length });
        }
        t.ok(most > 0 && (mss >= 28 || most <= 64), `MSS ${mss}: ${most} segments in flight`);
      }
    }
  },
);

t.test('the peer’s MSS and our options bound a segment [9293 MUST-16]', async (t) => {
  const s = new Script();
  s.open(concat(Uint8Array.of(2, 4, 1000 >> 8, 1000 & 255), Uint8Array.of(1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0)));
  s.write(5000);
  s.wait(1);
  t.equal(Math.max(...s.got.map((one) => one.data.length)), 1000 - 12);
});

t.test(
  'unknown and malformed options do no harm, wherever they lie [9293 MUST-4] [9293 MUST-5] [9293 MUST-6] [9293 MUST-7] [9293 MUST-64] [9293 MUST-68]',
  async (t) => {
    const s = new Script();
    const odd = Uint8Array.of(1, 253, 5, 9, 9, 9, 2, 4, 2, 0, 0, 0);
    s.open(odd);
    s.write(2000);
    s.wait(1);
    t.equal(Math.max(...s.got.map((one) => one.data.length)), 512, 'the MSS behind the unknown option was read');
    for (const options of [Uint8Array.of(254, 0, 0, 0), Uint8Array.of(254, 1, 0, 0), Uint8Array.of(2, 200, 0, 0)]) {
      s.send(ACK | PSH, { options, payload: s.text('x') });
      s.seq += 1;
    }
    t.equal(s.received, 'xxx');
  },
);

t.test(
  'a closed window is probed, and the connection lives as long as probes are answered [9293 MUST-35] [9293 MUST-36] [9293 MUST-37]',
  async (t) => {
    const s = new Script();
    s.open(new Uint8Array(0), 0);
    s.write(100);
    s.wait(1);
    t.ok(s.since().every((one) => one.data.length === 0));
    let probes = 0;
    for (let minute = 0; minute < 30; minute++) {
      s.wait(60_000);
      const came = s.since();
      probes += came.length;
      if (came.length > 0) s.send(ACK, { window: 0 });
    }
    t.ok(probes >= 20, `${probes} probes`);
    t.equal(s.closedWith, undefined);
    s.send(ACK, { window: 1000 });
    s.wait(1);
    t.equal(
      s.since().reduce((sum, one) => sum + one.data.length, 0),
      100,
    );
  },
);

t.test('a window that shrinks stops the sender and breaks nothing [9293 MUST-34] [9293 MUST-1]', async (t) => {
  const s = new Script();
  s.open(Uint8Array.of(2, 4, 5, 0xb4), 40_000);
  s.write(60_000);
  s.wait(1);
  const sent = s.since().reduce((sum, one) => sum + one.data.length, 0);
  t.ok(sent > 10_000);
  s.send(ACK, { ack: (s.ack + 1460) | 0, window: 100 });
  s.wait(100);
  t.equal(s.closedWith, undefined);
  s.send(ACK, { ack: (s.ack + sent) | 0, window: 65_535 });
  s.wait(100);
  t.ok(s.since().length > 0);
});

t.test('a lone segment is acknowledged in less than half a second [9293 MUST-40]', async (t) => {
  const s = new Script();
  s.open();
  for (let i = 0; i < 30; i++) {
    s.since();
    const at = s.world.time.now();
    s.send(ACK | PSH, { payload: s.text('y') });
    s.seq += 1;
    s.wait(1000);
    const answer = s.since().find((one) => one.ack === s.seq);
    t.ok(answer !== undefined && answer.time - at < 500);
  }
});

t.test('a segment to a closed port is reset, a reset is not [9293 MUST-41]', async (t) => {
  const s = new Script();
  s.open();
  s.since();
  s.send(SYN, { from: 6000, to: 81, seq: 7 });
  s.wait(1);
  t.equal(s.since()[0]?.flags, RST | ACK);
  s.send(RST, { from: 6000, to: 81 });
  s.wait(1);
  t.same(s.since(), []);
  s.send(ACK | PSH, { payload: s.text('still here') });
  t.equal(s.received, 'still here', 'the other connection was not disturbed');
});

t.test('the owner learns whether the end was in peace or by reset [9293 MUST-12]', async (t) => {
  const peace = new Script();
  peace.open();
  peace.send(FIN | ACK);
  peace.seq += 1;
  t.equal(peace.ends, 1);
  peace.host.enter(() => peace.flow?.end());
  peace.wait(1);
  peace.send(ACK, { ack: (peace.ack + 1) | 0 });
  t.equal(peace.closedWith, 'finished');
  const war = new Script();
  war.open();
  war.send(RST);
  t.equal(war.closedWith, 'reset-by-peer');
});

t.test('urgent data of any length stays in the stream [9293 MUST-31]', async (t) => {
  const s = new Script();
  s.open();
  for (let i = 0; i < 3; i++) {
    s.send(ACK | URG | PSH, { payload: s.text('urgent') });
    s.seq += 6;
  }
  t.equal(s.received, 'urgenturgenturgent');
});

t.test('a reset is taken while the receive window is zero [9293 MUST-66]', async (t) => {
  const s = new Script();
  s.open();
  s.host.enter(() => s.flow?.pause());
  for (let i = 0; i < 400 && s.got.at(-1)?.window !== 0; i++) {
    s.send(ACK | PSH, { payload: new Uint8Array(1000) });
    s.seq += 1000;
  }
  s.wait(500);
  s.seq = s.got.at(-1)?.ack as number;
  s.send(RST);
  t.equal(s.closedWith, 'reset-by-peer');
});

t.test(
  'a SYN from a broadcast or multicast address is ignored, and one to such an address, too [9293 MUST-57] [9293 MUST-63]',
  async (t) => {
    const s = new Script();
    for (const source of ['224.0.0.1', '255.255.255.255', '10.0.0.255', '127.0.0.1'])
      s.send(SYN, { source: ip(source) });
    for (const destination of ['255.255.255.255', '10.0.0.255', '224.0.0.1'])
      s.send(SYN, { destination: ip(destination) });
    s.wait(10);
    t.same(s.since(), []);
    t.equal(s.host.tcp.listening.halfOpen, 0);
  },
);

t.test(
  'initial sequence numbers move with a clock and differ between connections by a secret [9293 MUST-8] [9293 MUST-9]',
  async (t) => {
    const first = (from: number, seed: number, at: number): number => {
      const s = new Script(seed);
      s.wait(at);
      s.send(SYN, { from });
      s.wait(1);
      return s.since()[0]?.seq as number;
    };
    const later = (first(7000, 1, 1000) - first(7000, 1, 0)) | 0;
    t.ok(Math.abs(later - 250_000) < 1000, `4 µs a step: ${later} in a second`);
    t.not(first(7000, 1, 0), first(7001, 1, 0));
    t.not(first(7000, 1, 0), first(7000, 2, 0), 'another secret');
  },
);

t.test(
  'retransmissions of a SYN-ACK and of data are further and further apart [9293 MUST-19] [9293 MUST-22]',
  async (t) => {
    const s = new Script();
    s.send(SYN);
    s.wait(40_000);
    const answers = s.since().filter((one) => one.flags === (SYN | ACK));
    t.ok(answers.length >= 4, `${answers.length} SYN-ACKs`);
    t.ok(growing(answers), 'SYN-ACKs');
    const d = new Script();
    d.open();
    d.write(10);
    d.wait(40_000);
    const sent = d.since().filter((one) => one.data.length === 10);
    t.ok(sent.length >= 5, `${sent.length} transmissions`);
    t.ok(growing(sent.slice(1)), 'data');
  },
);

function growing(list: readonly Got[]): boolean {
  const gaps = list.slice(1).map((one, i) => one.time - (list[i] as Got).time);
  return gaps.every((gap, i) => i === 0 || gap > (gaps[i - 1] as number) * 1.5);
}

t.test(
  'the side that closed first answers a late FIN for a minute, and a second connection needs no wait [9293 MUST-13] [9293 MUST-42]',
  async (t) => {
    const s = new Script();
    s.open();
    s.host.enter(() => s.flow?.end());
    s.wait(1);
    s.since();
    s.ack = (s.ack + 1) | 0;
    s.send(FIN | ACK);
    s.wait(1);
    t.equal(s.closedWith, 'finished');
    s.since();
    s.wait(50_000);
    s.send(FIN | ACK);
    s.wait(1);
    t.equal(s.since()[0]?.flags, ACK, 'the FIN came again: it is acknowledged');
    s.send(SYN, { from: 5001 });
    s.wait(1);
    t.equal(s.since()[0]?.flags, SYN | ACK, 'the port is still listened on');
  },
);
