/**
 * Loss and its repair (RFC 5681, 6582, 3042, 6675, 6937, 8985, 6298, 5682, 3522), as packet scripts in virtual time.
 */
import t from 'tap';
import { Drill } from '../drill.js';

/** A server that has sent `segments` of 1,000 bytes, the first ten at once. */
function sending(segments: number, options = 'mss 1000, sackOK', limits = {}): Drill {
  const s = new Drill({ limits });
  s.handshake(options);
  s.out();
  s.write(segments * 1000);
  s.wait(1);
  return s;
}

t.test('the first flight is ten segments (RFC 6928), the last written byte is pushed', async (t) => {
  const s = sending(4);
  t.same(s.out(), [
    '. 1:1001(1000) ack 1',
    '. 1001:2001(1000) ack 1',
    '. 2001:3001(1000) ack 1',
    'P. 3001:4001(1000) ack 1',
  ]);
  t.equal(sending(40).out().length, 10);
});

t.test(
  'without SACK three duplicate ACKs retransmit one segment, a partial ACK the next (RFC 5681, 6582)',
  async (t) => {
    const s = sending(10, 'mss 1000');
    s.out();
    s.in('. 1 ack 1');
    s.in('. 1 ack 1');
    t.same(s.out(), [], 'two are not enough');
    s.in('. 1 ack 1');
    t.same(s.out(), ['. 1:1001(1000) ack 1']);
    s.in('. 1 ack 4001');
    t.same(s.out()[0], '. 4001:5001(1000) ack 1', 'NewReno: the partial ACK tells of the next hole');
  },
);

t.test(
  'limited transmit: the first two duplicate ACKs let a new segment out each (RFC 3042), without SACK',
  async (t) => {
    const s = sending(20, 'mss 1000');
    s.out();
    s.in('. 1 ack 1');
    t.same(s.out(), ['. 10001:11001(1000) ack 1']);
    s.in('. 1 ack 1');
    t.same(s.out(), ['. 11001:12001(1000) ack 1']);
  },
);

t.test('with SACK what was SACKed leaves room for new data (RFC 3042, 6675)', async (t) => {
  const s = sending(20);
  s.out();
  s.in('. 1 ack 1 <sack 1001:2001>');
  t.same(s.out(), ['. 10001:11001(1000) ack 1']);
  s.in('. 1 ack 1 <sack 1001:3001>');
  t.same(s.out(), ['. 11001:12001(1000) ack 1']);
});

t.test('fast retransmit: three SACKed segments above a hole fill it (RFC 8985 6.2), and only it', async (t) => {
  const s = sending(4);
  s.out();
  s.wait(20);
  s.in('. 1 ack 1 <sack 1001:4001>');
  s.wait(1);
  t.same(s.out(), ['. 1:1001(1000) ack 1']);
});

t.test(
  'SACK of the last segment: the hole before it is filled after the reordering window (RACK); of a part of one: nothing arrived',
  async (t) => {
    const s = sending(4);
    s.out();
    s.wait(20);
    s.in('. 1 ack 1 <sack 3001:3002>');
    t.equal(s.connection.busy.flight.sackedBytes, 0, 'what arrives are whole segments');
    s.in('. 1 ack 1 <sack 3001:4001>');
    s.wait(30);
    const sent = s.out();
    t.ok(sent.includes('. 1:1001(1000) ack 1'), `${sent}`);
  },
);

t.test(
  'PRR: ten segments, one lost: the hole goes first, then about one new segment for two delivered (RFC 6937)',
  async (t) => {
    const s = sending(40);
    s.out();
    s.wait(20);
    for (let end = 2; end <= 10; end++) {
      s.in(`. 1 ack 1 <sack 1001:${end}001>`);
      s.wait(1);
    }
    const sent = s.out();
    t.ok(sent.includes('. 1:1001(1000) ack 1'));
    t.ok(sent.length >= 4 && sent.length <= 9, `${sent.length} segments for nine ACKs: ${sent}`);
    t.equal(s.connection.info().ssthresh, 7000, 'CUBIC leaves 0.7 of ten segments');
  },
);

t.test('PRR: of twenty segments the first four are lost: all four go again, each once', async (t) => {
  const s = sending(60);
  s.in('. 1 ack 10001');
  s.out();
  s.wait(20);
  for (let end = 15; end <= 30; end++) {
    s.in(`. 1 ack 10001 <sack 14001:${end}001>`);
    s.wait(1);
  }
  const again = s.out().filter((line) => /^\. 1[0-3]001:/.test(line));
  t.same(again, [
    '. 10001:11001(1000) ack 1',
    '. 11001:12001(1000) ack 1',
    '. 12001:13001(1000) ack 1',
    '. 13001:14001(1000) ack 1',
  ]);
});

t.test('PRR: of thirty segments 1 to 4 and 11 to 16 are lost: each goes again, once, and all arrives', async (t) => {
  const s = sending(60);
  s.in('. 1 ack 10001');
  s.in('. 1 ack 20001');
  s.out();
  s.wait(20);
  const lost = new Set([1, 2, 3, 4, 11, 12, 13, 14, 15, 16].map((n) => 20_001 + (n - 1) * 1000));
  for (let n = 5; n <= 30; n++) {
    if (lost.has(20_001 + (n - 1) * 1000)) continue;
    const blocks = n > 16 ? `36001:${20_001 + n * 1000} 24001:30001` : `24001:${20_001 + n * 1000}`;
    s.in(`. 1 ack 20001 <sack ${blocks}>`);
    s.wait(1);
  }
  const again = new Map<number, number>();
  for (const line of s.out()) {
    const seq = Number(/ (\d+):/.exec(line)?.[1]);
    if (lost.has(seq)) again.set(seq, (again.get(seq) ?? 0) + 1);
  }
  t.same([...again.keys()].sort(), [...lost].sort());
  t.ok([...again.values()].every((count) => count === 1));
});

t.test('SACK blocks below the cumulative ACK, and beyond what was sent, do no harm', async (t) => {
  const s = sending(10);
  s.out();
  s.in('. 1 ack 5001 <sack 1001:2001>');
  s.in('. 1 ack 5001 <sack 500001:600001>');
  s.in('. 1 ack 5001 <sack 7001:6001>');
  s.in('. 1 ack 10001');
  s.wait(5000);
  t.same(s.out(), [], 'nothing is sent again');
  t.equal(s.closedWith, undefined);
});

t.test('SACK blocks in any order, growing and moving, mark each segment once', async (t) => {
  const s = sending(10);
  s.out();
  s.wait(20);
  for (const blocks of [
    '2001:3001',
    '6001:7001 2001:3001',
    '8001:9001 6001:7001 2001:3001',
    '3001:4001 2001:4001',
    '2001:4001 6001:7001 8001:10001',
  ]) {
    s.in(`. 1 ack 1 <sack ${blocks}>`);
    s.wait(1);
  }
  s.in('. 1 ack 1 <sack 2001:4001 6001:7001 8001:10001>');
  s.wait(20);
  const first = s.out();
  s.in('. 1 ack 4001 <sack 6001:7001 8001:10001>');
  s.wait(20);
  const sent = [...first, ...s.out()];
  for (const hole of ['. 1:1001(1000) ack 1', '. 1001:2001(1000) ack 1', '. 4001:5001(1000) ack 1']) {
    t.equal(sent.filter((line) => line === hole).length, 1, hole);
  }
  s.in('. 1 ack 10001');
  s.wait(1);
  t.equal(s.connection.queued, 0);
});

t.test('the gaps between retransmissions double (RFC 6298 5.5)', async (t) => {
  const s = sending(1, 'mss 500');
  s.in('. 1 ack 501');
  s.out();
  s.wait(20_000);
  const times = s.timed().map((line) => Number(line.split(':')[0]));
  const gaps = times.slice(1).map((at, i) => at - (times[i] as number));
  t.ok(gaps.length >= 3);
  for (const [i, gap] of gaps.slice(1).entries()) t.ok(Math.abs(gap / (gaps[i] as number) - 2) < 0.05, `${gaps}`);
});

t.test(
  'tail loss probe: the last segment goes again after two round trips, not after the time-out (RFC 8985 7)',
  async (t) => {
    const s = new Drill();
    s.handshake();
    s.out();
    s.write(1000);
    s.wait(1);
    s.wait(20);
    s.in('. 1 ack 1001');
    s.write(3000);
    const began = s.now;
    s.wait(1);
    s.out();
    s.wait(150);
    const [probe] = s.timed(began);
    t.match(probe, /^\d\d: P\. 2461:4001\(1540\)|^\d\d: P\. \d+:4001\(\d+\)/, 'the tail, after less than 100 ms');
  },
);

t.test(
  'a lone segment is probed when its time-out is due, without backing off; the time-out comes as long after (RFC 8985 7.2)',
  async (t) => {
    const s = new Drill();
    s.wait(5);
    s.in('S 0 <mss 1460, sackOK>');
    s.wait(20);
    s.out();
    s.in('. 1 ack 1');
    const began = s.now;
    s.write(1000);
    s.wait(1000);
    const times = s.timed(began).map((line) => Number(line.split(':')[0]));
    t.same(times.slice(0, 3), [0, 220, 440]);
    t.ok((times[3] as number) >= 880, `and now it backs off: ${times}`);
  },
);

t.test('tail loss probe whose answer SACKs the tail: RACK repairs the rest of the flight at once', async (t) => {
  const s = sending(4);
  s.wait(20);
  s.in('. 1 ack 4001');
  s.out();
  s.write(4000);
  s.wait(1);
  s.out();
  s.wait(100);
  const [probe] = s.out();
  t.match(probe, /P\. 7001:8001/);
  s.wait(20);
  s.in('. 1 ack 4001 <sack 7001:8001>');
  s.wait(30);
  s.in('. 1 ack 5001 <sack 7001:8001>');
  s.wait(1);
  const sent = s.out();
  for (const hole of ['. 4001:5001(1000) ack 1', '. 5001:6001(1000) ack 1', '. 6001:7001(1000) ack 1'])
    t.ok(sent.includes(hole), hole);
});

t.test('a lost retransmission is noticed by RACK, without a time-out (RFC 8985)', async (t) => {
  const s = sending(30);
  s.out();
  s.wait(20);
  s.in('. 1 ack 1 <sack 1001:5001>');
  s.wait(1);
  t.ok(s.out().includes('. 1:1001(1000) ack 1'));
  // What was sent after the retransmission arrives; the retransmission itself does not.
  s.wait(20);
  s.in('. 1 ack 1 <sack 1001:11001>');
  s.wait(40);
  t.ok(s.out().includes('. 1:1001(1000) ack 1'), 'again');
});

t.test('reordering is borne once it was seen: no retransmission within the window (RFC 8985 6.2)', async (t) => {
  const s = sending(10);
  s.out();
  s.wait(20);
  s.in('. 1 ack 1 <sack 1001:2001>');
  s.wait(1);
  s.in('. 1 ack 2001');
  s.wait(1);
  t.notOk(
    s.out().some((line) => line.startsWith('. 1:1001')),
    'a quarter of the round trip was waited for',
  );
});

t.test(
  'F-RTO: a delay of the path is no loss: without timestamps and SACK the second ACK tells (RFC 5682 2.1)',
  async (t) => {
    const s = sending(30, 'mss 1000');
    s.out();
    s.wait(20);
    const before = s.connection.info().cwnd as number;
    s.wait(1500);
    t.same(s.out()[0], '. 1:1001(1000) ack 1', 'the time-out');
    s.in('. 1 ack 2001');
    t.same(s.out(), ['. 10001:11001(1000) ack 1', '. 11001:12001(1000) ack 1'], 'new data, and nothing old');
    s.in('. 1 ack 4001');
    t.ok((s.connection.info().cwnd as number) >= before, 'the window is back');
    const sent = s.out();
    t.notOk(
      sent.some((line) => /^\S+ [2-9]001:/.test(line)),
      `nothing old is sent: ${sent}`,
    );
  },
);

t.test('F-RTO: a duplicate ACK after the new data means that the loss was real (RFC 5682 2.1 step 3a)', async (t) => {
  const s = sending(30, 'mss 1000');
  s.wait(1500);
  s.out();
  s.in('. 1 ack 2001');
  t.same(s.out(), ['. 10001:11001(1000) ack 1', '. 11001:12001(1000) ack 1']);
  s.in('. 1 ack 2001');
  t.ok(s.out().includes('. 2001:3001(1000) ack 1'), 'conventional recovery goes on');
});

t.test('F-RTO with SACK: the SACK of something never sent again undoes the time-out (RFC 5682 3)', async (t) => {
  const s = sending(30);
  s.wait(1050);
  s.out();
  const small = s.connection.info().cwnd as number;
  s.in('. 1 ack 1 <sack 4001:5001>');
  t.ok((s.connection.info().cwnd as number) > small);
});

t.test('Eifel: an ACK that echoes a time before the retransmission undoes the time-out (RFC 3522)', async (t) => {
  const s = new Drill();
  s.handshake('mss 1000, sackOK, TS val 100 ecr 0');
  s.write(10_000);
  s.wait(1);
  s.out();
  const first = s.stamp;
  const before = s.connection.info().cwnd as number;
  s.wait(3000);
  s.out();
  s.in(`. 1 ack 989 <TS val 101 ecr ${first}>`);
  t.ok((s.connection.info().cwnd as number) >= before);
});

t.test('a DSACK for each retransmission undoes the reduction (RFC 2883, 3708)', async (t) => {
  const s = sending(20);
  s.out();
  s.wait(20);
  const before = s.connection.info().cwnd as number;
  s.in('. 1 ack 1 <sack 1001:5001>');
  s.wait(1);
  t.ok(s.out().includes('. 1:1001(1000) ack 1'));
  t.ok((s.connection.info().ssthresh as number) < before);
  s.in('. 1 ack 5001');
  s.in('. 1 ack 5001 <sack 1:1001>');
  t.ok((s.connection.info().cwnd as number) >= before, `${s.connection.info().cwnd} of ${before}`);
});

t.test(
  'what was SACKed may have been thrown away: after a time-out the head goes again whatever was told (RFC 2018 8)',
  async (t) => {
    const s = sending(3);
    s.out();
    s.in('. 1 ack 1 <sack 1:1001>');
    s.in('. 1 ack 1 <sack 1:3001>');
    s.wait(3000);
    t.ok(s.out().includes('. 1:1001(1000) ack 1'));
  },
);

t.test(
  'after a time-out slow start begins at one segment, and all that was in flight goes again (RFC 5681 3.1)',
  async (t) => {
    const s = sending(5, 'mss 1000');
    s.wait(1100);
    s.out();
    t.equal(s.connection.info().cwnd, 1000);
    s.in('. 1 ack 1001');
    t.same(s.out(), ['. 1001:2001(1000) ack 1', '. 2001:3001(1000) ack 1']);
  },
);

t.test('the SACK of an ACK that was overtaken counts, its timestamp does not (RFC 7323 5.3, RFC 2018 5)', async (t) => {
  const s = sending(10, 'mss 1012, sackOK, TS val 100 ecr 0');
  s.out();
  const sacked = (): number => s.connection.busy.flight.sackedBytes;
  s.in('. 1 ack 1 <TS val 120 ecr last, sack 5001:6001>');
  s.in('. 1 ack 1 <TS val 110 ecr last, sack 3001:4001>');
  t.equal(sacked(), 2000);
  s.in('. 1 ack 1 win 50000 <TS val 111 ecr last, sack 7001:8001>');
  t.equal(sacked(), 2000, 'one that would change the window is refused');
  t.ok(s.out({ TS: true }).every((line) => line.includes('TS ecr 120')));
  s.in('P. 1:11(10) ack 1 <TS val 119 ecr last>');
  t.equal(s.received, '', 'data is refused as ever');
  s.in('. 1 ack 1 <TS val -5000 ecr last, sack 8001:9001>');
  t.equal(sacked(), 2000, 'and what is older than a time-out');
});

t.test(
  'what is acknowledged together with a retransmission measures no round trip: it may have come long before (RFC 6298 3)',
  async (t) => {
    const s = sending(3);
    const before = s.connection.info().srtt as number;
    s.out();
    s.wait(20_000);
    t.ok(
      s.out().some((line) => line.includes('1:1001')),
      'the first was sent again',
    );
    s.in('. 1 ack 3001');
    t.equal(s.connection.info().srtt, before);
  },
);

for (const congestion of ['cubic', 'reno'] as const) {
  t.test(
    `${congestion}: ECE reduces the window once a window, and its ACKs grow nothing (RFC 3168 6.1.2)`,
    async (t) => {
      const s = new Drill({ congestion });
      s.in('SEW 0 win 65535 <mss 1000>');
      s.wait(1);
      s.out();
      s.in('. 1 ack 1');
      s.write(100_000);
      s.wait(1);
      s.out();
      const windows = new Set<number>();
      const sent: string[] = [];
      const acknowledge = (segment: number, ece: boolean): number => {
        s.in(`${ece ? 'E.' : '.'} 1 ack ${1 + segment * 1000} win 65535`);
        s.wait(1);
        sent.push(...s.out());
        return s.connection.info().cwnd as number;
      };
      for (let i = 1; i <= 10; i++) windows.add(acknowledge(i, true));
      const [reduced = 0] = windows;
      t.ok(reduced < 10_000 && reduced >= 5000, `${reduced} bytes of 10,000`);
      t.equal(windows.size, 1, 'up to the ACK of the last byte that left before CWR');
      t.match(sent[0], /^[P]?W\./, 'CWR is on the first segment behind them');
      t.equal(sent.filter((one) => one.includes('W')).length, 1, 'and on no other');
      t.ok(acknowledge(11, true) < reduced, 'who has CWR and says ECE has seen another mark');
      const again = s.connection.info().cwnd as number;
      t.ok(acknowledge(18, false) >= again);
    },
  );
}
