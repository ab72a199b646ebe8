/** Closing in every order, and that everything drains (RFC 9293 3.6, 3.10.4); packet scripts. */
import t from 'tap';
import { Drill } from '../drill.js';

function opened(options = 'mss 1000, sackOK', limits = {}): Drill {
  const s = new Drill({ limits });
  s.handshake(options);
  s.out();
  return s;
}

const state = (s: Drill): string => s.connection.info().state;
const nothingLeft = (s: Drill): boolean =>
  s.host.tcp.connections.size + s.host.tcp.waiting.size + s.host.tcp.listening.halfOpen === 0;

t.test('we close first: FIN, FIN-WAIT-2, the peer’s FIN, TIME-WAIT, nothing', async (t) => {
  const s = opened();
  s.do((flow) => flow.end());
  s.wait(1);
  t.same(s.out(), ['F. 1 ack 1']);
  t.equal(state(s), 'FIN-WAIT-1');
  s.in('. 1 ack 2');
  t.equal(state(s), 'FIN-WAIT-2');
  s.in('F. 1 ack 2');
  t.same(s.out(), ['. ack 2']);
  t.equal(s.closedWith, 'finished');
  t.equal(s.host.tcp.waiting.size, 1);
  s.wait(61_000);
  t.ok(nothingLeft(s));
});

t.test('[2018 3] a FIN that came early is told of like data, with what is before it', async (t) => {
  const s = opened();
  s.in('F. 31 ack 1');
  t.same(s.out(), ['. ack 1 <sack 31:32>']);
  s.in('P. 11:21(10) ack 1');
  t.same(s.out(), ['. ack 1 <sack 11:21 31:32>']);
  s.in('P. 21:31(10) ack 1');
  t.same(s.out(), ['. ack 1 <sack 11:32>']);
  s.in('P. 1:11(10) ack 1');
  t.same(s.out(), ['. ack 32']);
  t.equal(state(s), 'CLOSE-WAIT');
});

t.test('the peer closes first: CLOSE-WAIT, our FIN, LAST-ACK, nothing', async (t) => {
  const s = opened();
  s.in('F. 1 ack 1');
  t.same(s.out(), ['. ack 2']);
  t.equal(state(s), 'CLOSE-WAIT');
  s.do((flow) => {
    s.write(500);
    flow.end();
  });
  s.wait(1);
  t.same(s.out(), ['FP. 1:501(500) ack 2']);
  t.equal(state(s), 'LAST-ACK');
  s.in('. 2 ack 502');
  t.equal(s.closedWith, 'finished');
  t.ok(nothingLeft(s));
});

t.test('both at once: CLOSING, then TIME-WAIT; data in CLOSING beyond the window is answered', async (t) => {
  const s = opened();
  s.do((flow) => flow.end());
  s.wait(1);
  s.out();
  s.in('F. 1 ack 1');
  t.match(s.out(), ['. ack 2']);
  t.equal(state(s), 'CLOSING');
  s.in('P. 70000:70010(10) ack 1');
  t.same(s.out(), ['. ack 2']);
  s.in('. 2 ack 2');
  t.equal(s.closedWith, 'finished');
  t.equal(s.host.tcp.waiting.size, 1);
});

t.test(
  'our FIN goes again in FIN-WAIT-1, CLOSING and LAST-ACK, further and further apart, and is given up',
  async (t) => {
    for (const before of ['', 'F. 1 ack 1']) {
      for (const after of before === '' ? ['', 'F. 1 ack 1'] : ['']) {
        const s = opened('mss 1000');
        if (before !== '') s.in(before);
        s.do((flow) => flow.end());
        s.wait(1);
        if (after !== '') s.in(after);
        s.out();
        s.wait(15_000);
        const fins = s.out().filter((line) => line.startsWith('F.'));
        t.ok(fins.length >= 3, `${state(s)}: ${fins.length}`);
        s.wait(400_000);
        t.equal(s.closedWith, 'timed-out');
        t.ok(nothingLeft(s));
      }
    }
  },
);

t.test(
  'a peer that never sends FIN after ours: FIN-WAIT-2 ends after a minute, whatever it sends that is no data',
  async (t) => {
    const s = opened();
    s.do((flow) => flow.end());
    s.wait(1);
    s.in('. 1 ack 2');
    for (let i = 0; i < 70 && s.closedWith === undefined; i++) {
      s.wait(1000);
      s.in('. 1 ack 2');
      s.in('. 0 ack 2');
    }
    t.equal(s.closedWith, 'timed-out');
    t.ok(nothingLeft(s));
    s.out();
    s.in('. 1 ack 2');
    t.same(s.out(), ['R 2'], 'a late ACK is reset');
  },
);

t.test(
  'half-close: after our FIN the peer’s data is still taken and acknowledged, for as long as it comes',
  async (t) => {
    const s = opened();
    s.do((flow) => flow.end());
    s.wait(1);
    s.in('. 1 ack 2');
    for (let i = 0; i < 10; i++) {
      s.wait(30_000);
      s.in(`P. ${1 + i * 10}:${11 + i * 10}(10) ack 2`);
    }
    t.equal(s.received.length, 100);
    t.equal(s.closedWith, undefined);
    s.in('F. 101 ack 2');
    t.equal(s.closedWith, 'finished');
  },
);

t.test('half-close of the peer: after its FIN we still send', async (t) => {
  const s = opened();
  s.in('F. 1 ack 1');
  s.out();
  s.write(3000);
  s.wait(1);
  t.equal(s.out().length, 3);
  s.in('. 2 ack 3001');
  t.equal(s.closedWith, undefined);
});

t.test('close both ways: data that comes afterwards is answered with RST [9293 SHLD-3] [9293 MAY-1]', async (t) => {
  const s = opened();
  s.do((flow) => {
    s.write(100);
    flow.close();
  });
  s.wait(1);
  t.same(s.out(), ['FP. 1:101(100) ack 1']);
  s.in('P. 1:11(10) ack 102');
  t.match(s.out(), ['R. 102 ack 1']);
  t.equal(s.closedWith, 'reset-by-us');
  t.equal(s.received, '');
});

t.test('close both ways, and the peer closes too: in peace', async (t) => {
  const s = opened();
  s.do((flow) => flow.close());
  s.wait(1);
  s.in('. 1 ack 2');
  s.in('F. 1 ack 2');
  t.equal(s.closedWith, 'finished');
});

t.test('close while data waits that its owner has not read: RST at once', async (t) => {
  const s = opened();
  s.do((flow) => flow.pause());
  s.in('P. 1:11(10) ack 1');
  s.out();
  s.do((flow) => flow.close());
  t.match(s.out(), ['R. 1 ack 11']);
  t.ok(nothingLeft(s));
});

t.test('a FIN out of order waits for what is before it', async (t) => {
  const s = opened();
  s.in('F. 11 ack 1');
  t.same(s.out(), ['. ack 1 <sack 11:12>']);
  t.equal(s.ends, 0);
  s.in('P. 1:11(10) ack 1');
  t.same(s.out(), ['. ack 12']);
  t.equal(s.ends, 1);
});

t.test('data and FIN out of order, in FIN-WAIT-2, in any order', async (t) => {
  const parts = ['P. 1:11(10) ack 2', 'P. 11:21(10) ack 2', 'FP. 21:31(10) ack 2'];
  for (const order of [
    [2, 1, 0],
    [2, 0, 1],
    [1, 2, 0],
    [0, 2, 1],
  ]) {
    const s = opened();
    s.do((flow) => flow.end());
    s.wait(1);
    s.in('. 1 ack 2');
    for (const i of order) s.in(parts[i] as string);
    t.equal(s.received.length, 30, `${order}`);
    t.equal(s.closedWith, 'finished');
  }
});

t.test('a FIN that comes again is acknowledged again, in each state', async (t) => {
  const waiting = opened();
  waiting.in('F. 1 ack 1');
  waiting.out();
  waiting.in('F. 1 ack 1');
  t.same(waiting.out(), ['. ack 2'], 'CLOSE-WAIT');
  waiting.do((flow) => flow.end());
  waiting.wait(1);
  waiting.out();
  waiting.in('F. 1 ack 1');
  t.same(waiting.out(), ['. ack 2'], 'LAST-ACK');
});

t.test('data after the peer’s FIN is none', async (t) => {
  const s = opened();
  s.in('F. 1 ack 1');
  s.out();
  s.in('P. 2:12(10) ack 1');
  t.equal(s.received, '');
  t.same(s.out(), [], 'RFC 9293 3.10.7.4, seventh: ignored');
  s.in('F. 1 ack 1');
  t.same(s.out(), ['. ack 2'], 'what comes again is told that it came');
});

t.test('a FIN repeated in TIME-WAIT begins its time anew, and keeps no other waiting', async (t) => {
  const s = opened();
  s.do((flow) => flow.end());
  s.wait(1);
  s.in('F. 1 ack 2');
  s.out();
  s.wait(50_000);
  s.in('F. 1 ack 2');
  t.same(s.out(), ['. ack 2']);
  s.wait(59_000);
  t.equal(s.host.tcp.waiting.size, 1, 'it began anew');
  s.wait(2_000);
  t.ok(nothingLeft(s));
});

t.test('TIME-WAIT is bounded: the oldest gives way', async (t) => {
  const s = new Drill({ limits: { timeWait: 10 } });
  for (let i = 0; i < 30; i++) {
    s.peer = 5000 + i;
    s.handshake();
    s.do((flow) => flow.end());
    s.wait(1);
    s.in('F. 1 ack 2');
    t.ok(s.host.tcp.waiting.size <= 10);
  }
  s.wait(61_000);
  t.ok(nothingLeft(s));
});

t.test('end() right after accept, before anything else: FIN follows the handshake', async (t) => {
  const s = new Drill();
  s.in('S 0 <mss 1000>');
  s.wait(1);
  s.out();
  void s.host.listen(81, (flow) => flow.end());
  s.in('. 1 ack 1');
  s.do((flow) => flow.end());
  t.match(s.out(), ['F. 1 ack 1']);
});

t.test('reset() sends RST and forgets everything', async (t) => {
  const s = opened();
  s.write(5000);
  s.wait(1);
  s.out();
  s.do((flow) => flow.reset());
  t.match(s.out(), ['R. 5001 ack 1']);
  t.ok(nothingLeft(s));
  s.in('. 1 ack 1001');
  t.match(s.out(), ['R 1001']);
});

t.test(
  'a listener that is closed: half-open connections are refused when they complete, open ones go on',
  async (t) => {
    const s = new Drill();
    const other = await s.host.listen(82, () => {});
    s.send(2, { from: 7000, to: 82, seq: 1000 });
    s.wait(1);
    const [answer] = s.since();
    other.close();
    s.send(16, { from: 7000, to: 82, seq: 1001, ack: ((answer?.seq as number) + 1) | 0 });
    t.match(s.since(), [{ flags: 4 }]);
    t.ok(nothingLeft(s));
  },
);

t.test(
  'half-open, FIN-WAIT, CLOSING, CLOSE-WAIT and LAST-ACK of a hundred peers that fall silent drain to nothing',
  async (t) => {
    const s = new Drill();
    for (let i = 0; i < 100; i++) {
      s.peer = 5000 + i;
      if (i % 5 === 0) {
        s.in('S 0');
        continue;
      }
      s.handshake();
      s.out();
      if (i % 5 === 1) s.do((flow) => flow.end());
      if (i % 5 === 2) {
        s.do((flow) => flow.end());
        s.wait(1);
        s.in('. 1 ack 2');
      }
      if (i % 5 === 3) {
        s.do((flow) => flow.end());
        s.wait(1);
        s.in('F. 1 ack 1');
      }
      if (i % 5 === 4) {
        s.in('F. 1 ack 1');
        s.do((flow) => flow.end());
      }
    }
    s.wait(600_000);
    t.ok(nothingLeft(s), `${s.host.leftovers()}`);
    t.equal(s.host.tcp.budget.used, 0, 'and no byte is accounted for');
  },
);

t.test('a FIN that comes again brings its ACK of ours: LAST-ACK ends, CLOSING comes to TIME-WAIT', async (t) => {
  const s = opened();
  s.in('F. 1 ack 1');
  s.do((flow) => flow.end());
  s.wait(1);
  s.out();
  s.in('F. 1 ack 2');
  t.equal(s.closedWith, 'finished');
  t.ok(nothingLeft(s));
  const both = opened('mss 1000');
  both.do((flow) => flow.end());
  both.wait(1);
  both.in('F. 1 ack 1');
  both.out();
  both.in('F. 1 ack 2');
  t.equal(both.closedWith, 'finished');
  t.same(both.out(), ['. ack 2'], 'and it is answered');
  t.equal(both.host.tcp.waiting.size, 1);
});

t.test('reset() in FIN-WAIT-2: a peer that has all, and our FIN, may read it in peace', async (t) => {
  const left = (): Drill => {
    const s = opened();
    s.write(1000);
    s.do((flow) => flow.end());
    s.wait(1);
    s.in('. 1 ack 1002');
    s.out();
    s.do((flow) => flow.reset());
    t.equal(s.closedWith, 'reset-by-us');
    t.same(s.out(), [], 'no RST');
    t.equal(s.host.tcp.connections.size, 0, 'and no connection');
    return s;
  };
  const ends = left();
  ends.in('. 1 ack 1002');
  t.same(ends.out(), []);
  ends.in('F. 1 ack 1002');
  t.same(ends.out(), ['. ack 2']);
  ends.in('F. 1 ack 1002');
  t.same(ends.out(), ['. ack 2'], 'in TIME-WAIT');
  ends.wait(61_000);
  t.ok(nothingLeft(ends));
  const talks = left();
  talks.in('P. 1:11(10) ack 1002');
  t.same(talks.out(), ['R 1002'], 'what nobody will read (RFC 9293 SHLD-3)');
  t.ok(nothingLeft(talks));
  const last = left();
  last.in('FP. 1:11(10) ack 1002');
  t.same(last.out(), ['R 1002'], 'with the FIN behind it');
  const silent = left();
  silent.wait(61_000);
  t.ok(nothingLeft(silent));
});

t.test('what the peer has not acknowledged is known, the FIN included', async (t) => {
  const s = opened();
  t.equal(s.connection.unacknowledged, 0);
  s.write(1000);
  s.do((flow) => flow.end());
  s.wait(1);
  t.equal(s.connection.unacknowledged, 1001);
  s.in('. 1 ack 1001');
  t.equal(s.connection.unacknowledged, 1);
  s.in('. 1 ack 1002');
  t.equal(s.connection.unacknowledged, 0);
});

t.test('the ACK on a FIN that comes again lets out what waits', async (t) => {
  const s = new Drill();
  s.handshake('mss 1000', 1000);
  s.in('F. 1 ack 1 win 1000');
  s.write(3000);
  s.wait(1);
  t.same(s.out(), ['. ack 2', '. 1:1001(1000) ack 2']);
  s.in('F. 1 ack 1001 win 1000');
  s.wait(1);
  t.ok(s.out().includes('. 1001:2001(1000) ack 2'));
});
