/** When and what we acknowledge (RFC 9293 3.8.6.3, RFC 5681 4.2, RFC 2018, RFC 2883); packet scripts. */
import t from 'tap';
import { documented } from '../../../documented.js';
import { Drill } from '../drill.js';

function opened(options = 'mss 1000, sackOK', wait = 0): Drill {
  const s = new Drill();
  s.handshake(options);
  // The first segments of a connection are acknowledged at once: past them.
  for (let i = 0; i < wait; i++) s.in(`P. ${1 + i * 10}:${11 + i * 10}(10) ack 1`);
  s.wait(100);
  s.out();
  return s;
}

t.test('the first segments of a connection are acknowledged at once: the peer’s slow start needs it', async (t) => {
  const s = opened();
  for (let i = 0; i < 8; i++) {
    s.in(`P. ${1 + i * 1000}:${1001 + i * 1000}(1000) ack 1`);
    t.equal(s.out().length, 1, `segment ${i + 1}`);
  }
});

t.test(
  'later a lone segment is acknowledged within the delay, every second full one at once [9293 SHLD-18] [9293 SHLD-19]',
  async (t) => {
    const s = opened('mss 1000', 8);
    const began = s.now;
    s.in('P. 81:1081(1000) ack 1');
    t.same(s.out(), []);
    s.wait(100);
    t.match(s.timed(began), [/^40: \. ack 1081/]);
    s.in('P. 1081:2081(1000) ack 1');
    t.same(s.out(), []);
    s.in('P. 2081:3081(1000) ack 1');
    t.same(s.out(), ['. ack 3081']);
  },
);

t.test('what counts as full is what the peer sends, not what we could', async (t) => {
  const s = opened('mss 1460', 8);
  for (let i = 0; i < 6; i++) s.in(`P. ${81 + i * 600}:${681 + i * 600}(600) ack 1`);
  t.equal(s.out().length, 3);
});

t.test('an ACK rides on an answer', async (t) => {
  const s = opened('mss 1000', 8);
  s.in('P. 81:91(10) ack 1');
  s.write(100);
  s.wait(100);
  t.same(s.out(), ['P. 1:101(100) ack 91']);
});

t.test('data that is sent acknowledges, too: it uses up one of the ACKs that are due at once at first', async (t) => {
  const s = opened('mss 1000');
  for (let i = 0; i < 8; i++) {
    s.write(10);
    t.same(s.out(), [`P. ${1 + i * 10}:${11 + i * 10}(10) ack 1`]);
    s.in(`. 1:1(0) ack ${11 + i * 10}`);
  }
  s.in('P. 1:11(10) ack 81');
  t.same(s.out(), [], 'within the delay');
  s.wait(100);
  t.same(s.out(), ['. ack 11']);
});

t.test('out of order is acknowledged at once, and kept [9293 SHLD-31] [9293 MAY-13]', async (t) => {
  const s = opened('mss 1000', 8);
  s.in('P. 91:101(10) ack 1');
  t.same(s.out(), ['. ack 81']);
  s.in('P. 101:111(10) ack 1');
  t.same(s.out(), ['. ack 81']);
  s.in('P. 81:91(10) ack 1');
  t.same(s.out(), ['. ack 111'], 'and what fills a gap, too');
  t.equal(s.received.length, 110);
});

t.test('SACK: the newest block first, then those before it, three with timestamps (RFC 2018 4)', async (t) => {
  const s = opened();
  s.in('P. 11:21(10) ack 1');
  t.same(s.out(), ['. ack 1 <sack 11:21>']);
  s.in('P. 31:41(10) ack 1');
  t.same(s.out(), ['. ack 1 <sack 31:41 11:21>']);
  s.in('P. 51:61(10) ack 1');
  t.same(s.out(), ['. ack 1 <sack 51:61 31:41 11:21>']);
  s.in('P. 71:81(10) ack 1');
  s.in('P. 91:101(10) ack 1');
  t.same(s.out().at(-1), '. ack 1 <sack 91:101 71:81 51:61 31:41>', 'four at most');
  s.in('P. 21:31(10) ack 1');
  t.same(s.out(), ['. ack 1 <sack 11:41 91:101 71:81 51:61>'], 'blocks grow together');
  s.in('P. 1:11(10) ack 1');
  t.same(s.out(), ['. ack 41 <sack 91:101 71:81 51:61>']);
  const stamped = opened('mss 1000, sackOK, TS val 1 ecr 0');
  for (const at of [11, 31, 51, 71]) stamped.in(`P. ${at}:${at + 10}(10) ack 1 <TS val 2 ecr last>`);
  t.same(stamped.out().at(-1), '. ack 1 <sack 71:81 51:61 31:41>');
});

t.test('segments out of order are acknowledged each for itself, also those of one turn (RFC 5681 4.2)', async (t) => {
  const s = opened();
  s.together(() => {
    for (const at of [11, 31, 51, 71, 91, 111]) s.in(`P. ${at}:${at + 10}(10) ack 1`);
  });
  const sent = s.out();
  t.equal(sent.length, 4, 'after three ACKs the sender knows of the loss, and one may tell of three holes');
  for (const at of [11, 31, 51, 71, 91, 111]) {
    t.ok(
      sent.some((line) => line.includes(`${at}:${at + 10}`)),
      `each hole is told of: ${sent}`,
    );
  }
  const plain = opened('mss 1000');
  plain.together(() => {
    for (const at of [11, 21, 31]) plain.in(`P. ${at}:${at + 10}(10) ack 1`);
  });
  t.same(plain.out(), ['. ack 1', '. ack 1', '. ack 1'], 'without SACK the third duplicate starts recovery');
});

t.test('each duplicate of one turn is told of (RFC 2883 4)', async (t) => {
  const s = opened();
  s.in('P. 1:31(30) ack 1');
  s.out();
  s.together(() => {
    s.in('P. 1:11(10) ack 1');
    s.in('P. 21:31(10) ack 1');
  });
  t.same(s.out(), ['. ack 31 <sack 1:11>', '. ack 31 <sack 21:31>']);
});

t.test('who sends out of order without end draws few ACKs a turn, once the loss is known', async (t) => {
  const turn = (s: Drill, segments: readonly number[]): string[] => {
    s.together(() => {
      for (const at of segments) s.in(`P. ${at}:${at + 10}(10) ack 1`);
    });
    return s.out();
  };
  const row = (from: number, step: number, length: number): number[] =>
    Array.from({ length }, (_, i) => from + i * step);
  const s = opened();
  t.equal(turn(s, row(11, 10, 4)).length, 4, 'at first each draws its own');
  t.same(turn(s, row(51, 10, 60)), ['. ack 1 <sack 11:651>'], 'then the segments of a turn share one');
  const holes = turn(s, row(2011, 20, 60));
  t.equal(holes.length, 20, 'an ACK tells of three holes');
  for (const at of row(2011, 20, 60)) {
    t.ok(
      holes.some((line) => line.includes(`${at}:${at + 10}`)),
      `the one before ${at} is told of`,
    );
  }
  t.equal(turn(s, row(2011, 0, 60)).length, 1, 'what is there already');
  t.equal(turn(s, [1, ...row(3991, 20, 4)]).length, 4, 'data in order lets it begin anew');
  const plain = opened('mss 1000');
  t.equal(turn(plain, row(11, 10, 30)).length, 30, 'a sender without SACK counts them (RFC 5681 3.2)');
  const [, most = 0] = documented('docs/bounds.md', 'ACKs of what brings nothing forward');
  t.equal(turn(plain, row(311, 10, 60)).length, most - 30 + 1, 'up to a bound');
});

t.test('segments that came before share an ACK in a turn, once some were told of', async (t) => {
  const s = opened();
  s.in('P. 1:31(30) ack 1');
  s.out();
  const again = (): number => {
    s.together(() => {
      for (let i = 0; i < 60; i++) s.in(`P. ${1 + (i % 20)}:${11 + (i % 20)}(10) ack 1`);
    });
    return s.out().length;
  };
  const [most = 0] = documented('docs/bounds.md', 'ACKs of what brings nothing forward');
  t.equal(again(), most);
  t.equal(again(), 1);
});

t.test('data outside of the window is answered at once, and without end once a turn', async (t) => {
  const s = opened();
  const [, most = 0] = documented('docs/bounds.md', 'ACKs of what brings nothing forward');
  const turn = (): number => {
    s.together(() => {
      for (let i = 0; i < 60; i++) s.in('P. 90000:90010(10) ack 1');
    });
    return s.out().length;
  };
  t.equal(turn(), most);
  t.equal(turn(), 1);
  for (let i = 0; i < 20; i++) s.in('P. 90000:90010(10) ack 1');
  t.equal(s.out().length, 20, 'each of its own turn');
  s.in('P. 1:11(10) ack 1');
  s.out();
  t.equal(turn(), most, 'data in order lets it begin anew');
});

t.test('SACK is told though an answer leaves at the same time', async (t) => {
  const s = opened();
  s.host.enter(() => {
    s.in('P. 11:21(10) ack 1');
    s.write(100);
  });
  s.wait(1);
  const sent = s.out();
  t.ok(sent.includes('. ack 1 <sack 11:21>'), `${sent}`);
  t.ok(sent.includes('P. 1:101(100) ack 1'), `${sent}`);
});

t.test('DSACK: a duplicate is told of, below the ACK and inside of a block (RFC 2883 4)', async (t) => {
  const s = opened();
  s.in('P. 1:11(10) ack 1');
  s.out();
  s.in('P. 1:11(10) ack 1');
  t.same(s.out(), ['. ack 11 <sack 1:11>']);
  s.in('P. 6:16(10) ack 1');
  t.same(s.out(), ['. ack 16 <sack 6:11>'], 'the part that is old');
  s.in('P. 31:41(10) ack 1');
  s.out();
  s.in('P. 11:16(5) ack 1');
  t.same(s.out(), ['. ack 16 <sack 11:16 31:41>'], 'first the duplicate, then what is kept');
  s.in('P. 31:41(10) ack 1');
  t.match(s.out(), [/^\. ack 16 <sack 31:41/], 'a duplicate of what is kept out of order');
});

t.test('bytes are exact whatever overlaps', async (t) => {
  const s = opened();
  for (const [from, to] of [
    [21, 41],
    [11, 31],
    [1, 6],
    [4, 12],
    [35, 60],
    [31, 61],
  ] as const) {
    s.in(`P. ${from}:${to}(${to - from}) ack 1`);
  }
  const expected = String.fromCharCode(...Array.from({ length: 60 }, (_, i) => (i + 1) & 127));
  t.equal(s.received, expected);
});

t.test(
  'a CE mark is echoed until CWR comes (RFC 3168 6.1.3), and no retransmission is ECN-capable (6.1.5)',
  async (t) => {
    const s = new Drill();
    s.in('SEW 0 <mss 1000>');
    s.wait(1);
    s.out();
    s.in('. 1 ack 1');
    s.mark = 3;
    s.in('P. 1:11(10) ack 1');
    s.mark = 0;
    t.same(s.out(), ['E. ack 11']);
    s.in('P. 11:21(10) ack 1');
    t.match(s.out(), [/^E\. ack 21/]);
    s.in('PW. 21:31(10) ack 1');
    t.match(s.out(), [/^\. ack 31/]);
    s.write(1000);
    s.wait(1);
    const [fresh] = s.since();
    s.wait(1500);
    const [again] = s.since();
    t.equal(fresh?.tos, 2, 'ECT(0)');
    t.equal(again?.seq, fresh?.seq);
    t.equal(again?.tos, 0, 'not ECN-capable');
  },
);

t.test(
  'DSACK: what is kept out of order and comes again is told of, and then the block around it (RFC 2883 4.1)',
  async (t) => {
    const s = opened();
    for (const at of [31, 51, 71]) s.in(`P. ${at}:${at + 10}(10) ack 1`);
    s.out();
    s.in('P. 51:61(10) ack 1');
    t.same(s.out(), ['. ack 1 <sack 51:61 51:61 71:81 31:41>']);
    s.in('P. 36:56(20) ack 1');
    t.same(s.out(), ['. ack 1 <sack 36:41 31:61 71:81>'], 'the first stretch of those that came twice');
    s.in('P. 1:36(35) ack 1');
    t.same(s.out(), ['. ack 61 <sack 31:36 71:81>'], 'also when it fills the gap before');
    s.in('P. 61:71(10) ack 1');
    t.same(s.out(), ['. ack 81'], 'and nothing is told that came once');
    const plain = opened('mss 1000');
    plain.in('P. 31:41(10) ack 1');
    plain.in('P. 31:41(10) ack 1');
    t.same(plain.out(), ['. ack 1', '. ack 1'], 'not without SACK');
  },
);
