/**
 * What is believed: sequence numbers, ACKs, RST, SYN, timestamps (RFC 9293 3.10.7.4, 5961, 7323, 1337); packet scripts.
 */
import t from 'tap';
import { documented } from '../../../documented.js';
import { Drill } from '../drill.js';

function opened(options = 'mss 1000, sackOK'): Drill {
  const s = new Drill();
  s.handshake(options);
  s.out();
  return s;
}

/** In ESTABLISHED, CLOSE-WAIT, FIN-WAIT-2 and CLOSING: where the next number of each side is then. */
const STATES: readonly [string, (s: Drill) => void, number, number][] = [
  ['ESTABLISHED', () => {}, 1, 1],
  ['CLOSE-WAIT', (s) => s.in('F. 1 ack 1'), 2, 1],
  [
    'FIN-WAIT-2',
    (s) => {
      s.do((flow) => flow.end());
      s.in('. 1 ack 2');
    },
    1,
    2,
  ],
  [
    'CLOSING',
    (s) => {
      s.do((flow) => flow.end());
      s.in('F. 1 ack 1');
    },
    2,
    2,
  ],
];

for (const [state, reach, next, ours] of STATES) {
  t.test(
    `${state}: a segment outside of the window, or an ACK of what was never sent, is answered and changes nothing [9293 MAY-12]`,
    async (t) => {
      const s = opened();
      reach(s);
      s.out();
      t.equal(s.connection.info().state, state);
      const una = state === 'CLOSING' ? 1 : ours;
      const answer = `. ack ${next}`;
      for (const line of [
        `. ${next + 70_000} ack ${una}`,
        `P. ${next + 70_000}:${next + 70_010}(10) ack ${una}`,
        `P. ${next}:${next + 10}(10) ack ${ours + 100}`,
        `. ${next} ack ${ours + 100}`,
        `. ${next} ack ${una - 100_000}`,
      ]) {
        s.in(line);
        t.same(s.out(), [answer], line);
      }
      t.equal(s.connection.info().state, state);
      t.equal(s.received, '');
    },
  );
}

t.test('a segment without ACK is dropped in silence', async (t) => {
  const s = opened();
  s.in('P 1:11(10)');
  s.in('- 1');
  s.in('FPU 1');
  t.same(s.out(), []);
  t.equal(s.received, '');
  t.equal(s.ends, 0);
});

t.test('RST: exact is taken, inside of the window is challenged, outside is dropped (RFC 5961 3.2)', async (t) => {
  const s = opened();
  s.in('R 70000');
  t.same(s.out(), []);
  s.in('R 2');
  t.same(s.out(), ['. ack 1']);
  t.equal(s.closedWith, undefined);
  s.in('R. 1 ack 1');
  t.equal(s.closedWith, 'reset-by-peer');
  t.same(s.out(), [], 'no answer to a reset');
});

t.test('a RST with data is one [9293 SHLD-2]', async (t) => {
  const s = opened();
  s.in('R 1:20(19)');
  t.equal(s.closedWith, 'reset-by-peer');
});

t.test('SYN inside or outside of the window is challenged, and changes nothing (RFC 5961 4.2)', async (t) => {
  const s = opened();
  for (const line of ['S 1', 'S 500', 'S 90000', 'S. 1 ack 1', 'S 0']) {
    s.in(line);
    t.same(s.out(), ['. ack 1'], line);
  }
  t.equal(s.connection.info().state, 'ESTABLISHED');
});

t.test('challenges are throttled (RFC 5961 7), and answers to data are not', async (t) => {
  const s = new Drill({ limits: { challenges: 5 } });
  s.handshake();
  s.wait(1000);
  s.out();
  for (let i = 0; i < 20; i++) s.in('S 1');
  t.equal(s.out().length, 5);
  for (let i = 0; i < 20; i++) s.in('P. 90000:90010(10) ack 1');
  t.equal(s.out().length, 20);
  s.wait(5000);
  s.in('S 1');
  t.equal(s.out().length, 1, 'five seconds later there are new ones');
});

t.test('by default challenges are as many in five seconds as docs/bounds.md says', async (t) => {
  const [most = 0] = documented('docs/bounds.md', 'challenge ACKs (RFC 5961)');
  const s = new Drill();
  s.handshake();
  s.wait(5001 - (s.now % 5000));
  s.out();
  const draw = (times: number): number => {
    for (let i = 0; i < times; i++) s.in('S 1');
    return s.out().length;
  };
  t.equal(draw(3 * most), most);
  s.wait(4500);
  t.equal(draw(1), 0, 'the five seconds are not over');
  s.wait(500);
  t.equal(draw(3 * most), most, 'now they are');
});

t.test('challenges are counted for each connection: another one’s say nothing of it (CVE-2016-5696)', async (t) => {
  const s = new Drill({ limits: { challenges: 5 } });
  s.handshake();
  const one = s.peer;
  s.peer = 6000;
  s.handshake();
  s.wait(1000);
  s.out();
  for (let i = 0; i < 20; i++) s.in('R 2');
  t.equal(s.out().length, 5);
  s.peer = one;
  for (let i = 0; i < 20; i++) s.in('R 2');
  t.equal(s.out().length, 5, 'who sends to one of them learns nothing from what the other one draws');
});

t.test(
  'ACKs of what was never sent, or long ago, are throttled too: two confused peers do not shout at each other',
  async (t) => {
    const s = new Drill({ limits: { challenges: 5 } });
    s.handshake();
    s.wait(1000);
    s.out();
    for (let i = 0; i < 50; i++) s.in('. 1 ack 5000');
    t.equal(s.out().length, 5);
  },
);

t.test('an old ACK within the window is no ACK, and its data counts', async (t) => {
  const s = opened();
  s.write(1000);
  s.wait(1);
  s.in('. 1 ack 1001');
  s.out();
  s.in('P. 1:11(10) ack 1');
  t.equal(s.received.length, 10);
  t.equal(s.connection.queued, 0);
});

t.test('PAWS: an old time is answered and not delivered (RFC 7323 5.3)', async (t) => {
  const s = opened('mss 1000, TS val 1000 ecr 0');
  s.in('P. 1:11(10) ack 1 <TS val 2000 ecr last>');
  s.out();
  s.in('P. 11:21(10) ack 1 <TS val 1999 ecr last>');
  t.same(s.out({ TS: true }), ['. ack 11 <TS ecr 2000>']);
  t.equal(s.received.length, 10);
  s.in('R 11 <TS val 1 ecr 0>');
  t.equal(s.closedWith, 'reset-by-peer', 'but a RST is not judged by it');
});

t.test('PAWS: after 24 days of silence no time is old (RFC 7323 5.5)', async (t) => {
  const s = opened('mss 1000, TS val 1000 ecr 0');
  s.wait(25 * 86_400_000);
  s.out();
  s.in('P. 1:11(10) ack 1 <TS val -2000000 ecr last>');
  t.equal(s.received.length, 10);
});

t.test(
  'the time to echo: from the segment that is next, not from one out of order, and not from a bad ACK (RFC 7323 4.3)',
  async (t) => {
    const s = opened('mss 1000, TS val 1000 ecr 0');
    s.in('P. 11:21(10) ack 1 <TS val 3000 ecr last>');
    t.match(s.out({ TS: true }), [/TS ecr 1000>/], 'out of order: the time stays');
    s.in('P. 1:11(10) ack 9000 <TS val 4000 ecr last>');
    t.match(s.out({ TS: true }), [/TS ecr 1000>/], 'the ACK is of nothing sent: the time stays');
    s.in('P. 1:11(10) ack 1 <TS val 3500 ecr last>');
    t.match(s.out({ TS: true }), [/ack 21 <TS ecr 3500>/]);
  },
);

t.test('FIN moves the time to echo, too', async (t) => {
  const s = opened('mss 1000, TS val 1000 ecr 0');
  s.in('F. 1 ack 1 <TS val 2500 ecr last>');
  t.match(s.out({ TS: true }), [/ack 2 <TS ecr 2500>/]);
});

t.test('a peer that stops sending timestamps in the middle is borne', async (t) => {
  const s = opened('mss 1000, TS val 1000 ecr 0');
  s.in('P. 1:11(10) ack 1 <TS val 1001 ecr last>');
  s.in('P. 11:21(10) ack 1');
  s.in('P. 21:31(10) ack 1');
  t.equal(s.received.length, 30);
  s.write(100);
  s.wait(1);
  s.in('. 31 ack 101');
  t.equal(s.connection.queued, 0);
});

t.test('a peer that sends timestamps though none were agreed on changes nothing', async (t) => {
  const s = opened('mss 1000');
  s.in('P. 1:11(10) ack 1 <TS val 5 ecr 0>');
  s.in('P. 11:21(10) ack 1 <TS val 3 ecr 0>');
  t.equal(s.received.length, 20);
  t.notMatch(s.out({ TS: true }).join(), 'TS');
});

t.test('SACK blocks though SACK was not agreed on are ignored', async (t) => {
  const s = opened('mss 1000');
  s.write(5000);
  s.wait(1);
  s.out();
  s.in('. 1 ack 1 <sack 1001:5001>');
  t.equal(s.connection.busy.flight.sackedBytes, 0);
});

t.test('options that are cut short, of length zero, or unknown: the segment counts', async (t) => {
  const s = opened();
  let seq = 1;
  for (const hex of [
    '05020000',
    '050a0001',
    '0800ffff',
    'fd00aabb',
    '02040000',
    '0303ff01',
    '1e0a00000000000000000101',
    'fe04f989',
  ]) {
    s.in(`P. ${seq}:${seq + 10}(10) ack 1 <raw ${hex}>`);
    seq += 10;
  }
  t.equal(s.received.length, 80);
});

t.test('a corrupt checksum in IP, TCP or ICMP drops the packet and is counted', async (t) => {
  const s = opened();
  s.send(16 | 8, { payload: s.text('x') }, true);
  t.equal(s.host.drops.of('tcp-checksum'), 1);
  t.equal(s.received, '');
});

t.test('TIME-WAIT: RST does not end it (RFC 1337); old duplicates are answered, bare ACKs are not', async (t) => {
  const s = opened();
  s.do((flow) => flow.end());
  s.wait(1);
  s.in('F. 1 ack 2');
  s.wait(1);
  s.out();
  s.in('R 2');
  s.in('R. 2 ack 2');
  t.same(s.out(), []);
  t.equal(s.host.tcp.waiting.size, 1);
  s.in('P. 1:11(10) ack 2');
  t.same(s.out(), ['. ack 2']);
  s.in('. 2 ack 2');
  t.same(s.out(), []);
});

t.test('TIME-WAIT: the RST that answers our answer to a SYN ends it, and no other [5961 3.2]', async (t) => {
  const waiting = (): Drill => {
    const s = opened('mss 1000, sackOK, TS val 100 ecr 0');
    s.do((flow) => flow.end());
    s.wait(1);
    s.in('F. 1 ack 2 <TS val 200 ecr last>');
    s.wait(1);
    s.out();
    return s;
  };
  // Another host behind the same translator, without timestamps, by the same port: its number is below ours.
  const other = waiting();
  other.in('S -500000 <mss 1000>');
  t.match(other.out(), ['. ack 2'], 'we tell what we expect');
  other.in('R 3');
  t.equal(other.host.tcp.waiting.size, 1, 'a number that is not exactly what we expect');
  other.in('R 2');
  t.equal(other.host.tcp.waiting.size, 0);
  other.in('S -500000 <mss 1000>');
  t.match(other.out(), ['S. 0 ack -499999 <mss 1460>'], 'sent again after a second, it connects');
  const hazard = waiting();
  hazard.in('S -500000 <mss 1000>');
  hazard.in('P. 1:11(10) ack 2');
  hazard.out();
  hazard.in('R 2');
  t.equal(hazard.host.tcp.waiting.size, 1, 'RFC 1337 F1: what answers our answer to old data does not end it');
});

t.test(
  'TIME-WAIT: a SYN with a larger number, or a later time, opens anew, above our old numbers [9293 MAY-2] [9293 SHLD-4]',
  async (t) => {
    const ended = (options: string, stamp: string): Drill => {
      const s = opened(options);
      s.do((flow) => flow.end());
      s.wait(1);
      s.in(`F. 1 ack 2${stamp}`);
      s.wait(1);
      s.out();
      return s;
    };
    const plain = ended('mss 1000', '');
    plain.in('S 1 <mss 1000>');
    t.same(plain.out(), ['. ack 2'], 'not a larger number: an old duplicate');
    const old = plain.iss;
    plain.in('S 5000 <mss 1000>');
    t.match(plain.out(), ['S. 0 ack 5001 <mss 1460>']);
    t.ok(((plain.iss - old) | 0) > 2, 'our new numbers lie above the old ones');
    const later = ended('mss 1000, TS val 100 ecr 0', ' <TS val 200 ecr last>');
    later.in('S -500000 <mss 1000, TS val 201 ecr 0>');
    t.match(later.out(), ['S. 0 ack -499999 <mss 1460, TS>'], 'a smaller number, but a later time (RFC 6191)');
    const earlier = ended('mss 1000, TS val 100 ecr 0', ' <TS val 200 ecr last>');
    earlier.in('S 5000 <mss 1000, TS val 199 ecr 0>');
    t.same(earlier.out(), ['. ack 2'], 'an earlier time is old, whatever its number');
  },
);

t.test('a segment to nobody is reset with the right numbers; a RST never (RFC 9293 3.5.2)', async (t) => {
  const s = new Drill();
  const closed = { to: 81, from: 6000 };
  s.send(16, { ...closed, seq: 5, ack: 77 });
  s.send(8, { ...closed, seq: 5, payload: s.text('0123456789') });
  s.send(4, { ...closed, seq: 5 });
  s.send(4 | 16, { ...closed, seq: 5, ack: 1 });
  t.match(s.since(), [
    { flags: 4, seq: 77 },
    { flags: 4 | 16, seq: 0, ack: 15 },
  ]);
});
