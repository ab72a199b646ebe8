/**
 * What segments without a connection draw: a bounded number of answers, which say nothing of the connections of others.
 */
import t from 'tap';
import { documented } from '../../documented.js';
import { Drill } from './drill.js';

const [MOST = 0] = documented('docs/bounds.md', 'answers to segments without a connection');

/** How many RSTs, or ACKs, `times` segments draw. */
function draw(s: Drill, times: number, line: string): number {
  s.out();
  for (let i = 0; i < times; i++) s.in(line);
  return s.out().length;
}

/** A stack whose first entry is behind us. */
function fresh(limits = {}): Drill {
  const s = new Drill({ limits });
  s.handshake();
  s.peer = 6000;
  return s;
}

t.test('RSTs: as many at once and a second as docs/bounds.md says, then silence', async (t) => {
  const s = fresh();
  const drawn = draw(s, 3 * MOST, '. 5 ack 7');
  // Each segment of the script takes a microsecond.
  t.ok(drawn >= MOST && drawn <= MOST + 10, `${drawn} RSTs`);
  t.equal(s.host.drops.of('tcp-stray-limited'), 3 * MOST - drawn);
  s.wait(500);
  const later = draw(s, 3 * MOST, '. 5 ack 7');
  t.ok(later >= MOST / 2 && later <= MOST / 2 + 10, `${later} after half a second`);
});

t.test('a SYN to a port without a listener draws from the same ones', async (t) => {
  const s = fresh({ strays: 5 });
  s.host.tcp.listen(0, () => undefined);
  t.equal(draw(s, 5, '. 5 ack 7'), 5);
  s.send(2, { from: 6001, to: 99 });
  t.same(s.out(), []);
  s.wait(1000);
  s.send(2, { from: 6001, to: 99 });
  t.equal(s.out().length, 1);
});

t.test('who has a connection is served while strays draw nothing', async (t) => {
  const s = fresh({ strays: 5 });
  draw(s, 50, '. 5 ack 7');
  s.peer = 5000;
  s.in('P. 1:11(10) ack 1');
  t.equal(s.received.length, 10);
  s.wait(50);
  t.same(s.out(), ['. ack 11']);
});

t.test(
  'how many RSTs are left says nothing of the connections of others, whatever was forged in their name (CVE-2016-5696)',
  async (t) => {
    for (const line of [
      '. 70000 ack 500',
      '. 2 ack 90000',
      'P. 90000:90010(10) ack 1',
      'P. -900:-890(10) ack 1',
      'S. 1 ack 1',
      'F. 1 ack 90000',
      'R. 5 ack 1',
      'R 5',
    ]) {
      const left = [true, false].map((known) => {
        const s = fresh({ strays: 20 });
        s.peer = known ? 5000 : 5001;
        draw(s, 9, line);
        s.peer = 6000;
        return draw(s, 40, '. 5 ack 7');
      });
      t.equal(left[0], left[1], `${line}: ${left.join(' and ')}`);
    }
  },
);

t.test('out of TIME-WAIT: as many answers, apart from those', async (t) => {
  const s = new Drill({ limits: { strays: 5 } });
  s.handshake();
  s.do((flow) => flow.end());
  s.in('F. 1 ack 2');
  t.equal(s.closedWith, 'finished');
  t.equal(draw(s, 20, 'P. 2:12(10) ack 2'), 5);
  s.peer = 6000;
  t.equal(draw(s, 20, '. 5 ack 7'), 5);
  s.wait(1000);
  s.peer = 5000;
  t.equal(draw(s, 20, 'F. 1 ack 2'), 5, 'a second later there are new ones');
});
