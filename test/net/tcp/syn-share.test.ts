/**
 * Floods of SYNs: how many are answered in a second, and that a client whose SYN drew nothing is answered
 * when its TCP sends it again, however many others come.
 */
import t from 'tap';
import { documented } from '../../documented.js';
import { ip, SYN } from '../../sim/packets.js';
import { Drill } from './drill.js';

const ROW = 'SYNs that are answered';
const [RATE = 0, AT_ONCE = 0, AGAIN = 0] = documented('docs/bounds.md', ROW);

class Flooded extends Drill {
  private from = 0;

  constructor(limits = {}) {
    super({ limits: { synQueue: 0, ...limits } });
    this.host.place('10.0.0.1', 24, '10.0.0.2');
    this.handshake('mss 1460');
  }

  /** How many of `count` SYNs are answered, each of a source of its own. */
  flood(count: number, first = this.from + count): number {
    this.from += count;
    this.since();
    for (let i = 0; i < count; i += 1000)
      this.together(() => {
        for (let n = i; n < Math.min(count, i + 1000); n++)
          this.send(SYN, { source: (ip('11.0.0.0') + first - n) | 0, from: 2000, seq: first - n });
      });
    return this.since().length;
  }
}

t.test('as many at once and in a second as docs/bounds.md says, then none', async (t) => {
  const s = new Flooded();
  const drawn = s.flood(3 * AT_ONCE);
  t.ok(drawn >= AT_ONCE && drawn <= AT_ONCE + 10, `${drawn} at once`);
  t.equal(s.host.drops.of('tcp-syn-limited'), 3 * AT_ONCE - drawn);
  let answers = 0;
  for (let i = 0; i < 100; i++) {
    s.wait(10);
    answers += s.flood(RATE / 50);
  }
  t.ok(Math.abs(answers - RATE) < RATE / 50, `${answers} in a second, of twice as many`);
});

t.test('a client whose SYN drew nothing is served a second later, however many come once', async (t) => {
  const s = new Flooded({ synAcks: 1000 });
  let served = 0;
  for (let client = 0; client < 10; client++) {
    s.peer = 5001 + client;
    s.flow = undefined;
    s.flood(400);
    s.in('S 0 <mss 1460>');
    t.same(s.out(), [], 'no answer while the flood is there');
    for (let i = 0; i < 100; i++) {
      s.wait(10);
      s.flood(100);
    }
    s.in('S 0 <mss 1460>');
    if (s.out().length === 0) continue;
    s.in('. 1 ack 1');
    if (s.flow !== undefined) served++;
  }
  t.ok(served >= 9, `${served} of 10`);
});

t.test('SYNs that come again at once, or with another number, have not come before', async (t) => {
  const s = new Flooded({ synAcks: 1000 });
  s.peer = 5001;
  s.flood(400);
  s.in('S 0 <mss 1460>');
  s.wait(1);
  s.flood(10);
  s.in('S 0 <mss 1460>');
  t.same(s.out(), []);
  s.wait(1000);
  s.flood(400);
  s.in('S 5 <mss 1460>');
  t.same(s.out(), []);
  s.in('S 0 <mss 1460>');
  t.equal(s.out().length, 1);
});

t.test('a flood that sends each SYN twice draws a fifth more', async (t) => {
  const rate = RATE / 10;
  const s = new Flooded({ synAcks: rate });
  const part = rate / 100;
  let answers = 0;
  for (let i = 0; i < 250; i++) {
    s.wait(10);
    const now = s.flood(2 * part, 2 * part * (i + 1)) + (i < 100 ? 0 : s.flood(2 * part, 2 * part * (i - 99)));
    if (i >= 150) answers += now;
  }
  t.ok(answers > rate && answers <= (rate + AGAIN / 10) * 1.02, `${answers} in a second`);
});

t.test('the same SYN again draws an answer at once, and then one every half second', async (t) => {
  const s = new Flooded({ synQueue: 100 });
  s.peer = 5001;
  s.together(() => {
    for (let i = 0; i < 1000; i++) s.in('S 0 <mss 1460>');
  });
  t.equal(s.out().length, 2);
  s.wait(499);
  s.in('S 0 <mss 1460>');
  t.same(s.out(), []);
  s.wait(2);
  s.in('S 0 <mss 1460>');
  t.equal(s.out().length, 1);
});

t.test('a SYN with another number in the name of a half-open connection draws from the same rate', async (t) => {
  const s = new Flooded({ synQueue: 100, synAcks: 1000 });
  s.peer = 5001;
  s.in('S 0 <mss 1460>');
  s.out();
  s.together(() => {
    for (let i = 1; i <= 1000; i++) s.in(`S ${i} <mss 1460>`);
  });
  const answers = s.out().length;
  t.ok(answers >= 190 && answers <= 200, `${answers} at once`);
  t.equal(s.host.tcp.listening.halfOpen, 1);
});

t.test('a client that comes again just before it is forgotten has a second to answer, and no more', async (t) => {
  for (const answered of [true, false]) {
    const s = new Drill();
    s.host.place('10.0.0.1', 24, '10.0.0.2');
    s.in('S 0 <mss 1460>');
    // The last wait, after six time-outs.
    for (let i = 0; i < 6295; i++) s.wait(10);
    s.out();
    s.in('S 0 <mss 1460>');
    t.equal(s.out().length, 1, 'the same SYN draws its SYN-ACK');
    s.wait(answered ? 900 : 1100);
    s.out();
    s.in('. 1 ack 1');
    if (answered) t.ok(s.flow, 'its ACK opens the connection');
    else t.match(s.out().join(), /^R/, 'nothing is remembered');
  }
});
