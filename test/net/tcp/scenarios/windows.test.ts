/** Windows: the peer's and ours (RFC 9293 3.8.6, RFC 7323); packet scripts. */
import t from 'tap';
import { Drill } from '../drill.js';

const data = (lines: readonly string[]): string[] => lines.filter((line) => /\(\d+\)/.test(line));

t.test('a window just below, at and above the queued segment', async (t) => {
  for (const [window, sent] of [
    [999, []],
    [1000, ['P. 1:1001(1000) ack 1']],
    [1001, ['P. 1:1001(1000) ack 1']],
  ] as const) {
    const s = new Drill();
    s.handshake('mss 1460', 60_000);
    s.in(`. 1 ack 1 win ${window}`);
    s.write(1000);
    s.wait(1);
    t.same(data(s.out()), sent, `${window}`);
  }
});

t.test('a window that stays smaller than the MSS is used, a segment at a time, and grows later', async (t) => {
  const s = new Drill();
  s.handshake('mss 1460', 600);
  s.write(5000);
  s.wait(1);
  t.same(data(s.out()), ['. 1:601(600) ack 1']);
  s.in('. 1 ack 601 win 600');
  t.same(data(s.out()), ['. 601:1201(600) ack 1']);
  s.in('. 1 ack 1201 win 65535');
  t.equal(data(s.out()).length, 3);
});

t.test(
  'a window below the MSS after a larger one: the override timer sends what fits (RFC 9293 3.8.6.2.1)',
  async (t) => {
    const s = new Drill();
    s.handshake('mss 1460', 65_535);
    s.in('. 1 ack 1 win 700');
    s.write(5000);
    s.wait(1);
    t.same(data(s.out()), [], 'no crumb at once');
    s.wait(1500);
    t.same(data(s.out()).slice(0, 1), ['. 1:701(700) ack 1'], 'but not never');
  },
);

t.test(
  'no new data goes into a window that shrank; old data inside of it goes again [9293 SHLD-15] [9293 SHLD-16]',
  async (t) => {
    const s = new Drill();
    s.handshake('mss 1000', 20_000);
    s.write(30_000);
    s.wait(1);
    t.equal(data(s.out()).length, 10);
    s.in('. 1 ack 1 win 3000');
    s.in('. 1 ack 1001 win 2000');
    t.same(data(s.out()), [], 'nothing new');
    s.wait(5000);
    const again = data(s.out());
    t.ok(
      again.length > 0 &&
        again.every(
          (line) => /^P?\. (1001|2001|\d+:(15|20|25|30)\d\d\()/.test(line) || Number(/(\d+):/.exec(line)?.[1]) < 3001,
        ),
      `${again}`,
    );
    s.in('. 1 ack 3001 win 20000');
    s.wait(1);
    t.ok(
      data(s.out()).some((line) => line.startsWith('. 3001')),
      'it goes on when the window opens',
    );
  },
);

t.test('data beyond the edge of a shrunken window is not sent again but as a probe [9293 MAY-7]', async (t) => {
  const s = new Drill();
  s.handshake('mss 500', 20_000);
  s.write(5000);
  s.wait(1);
  s.out();
  s.in('. 1 ack 501 win 0');
  s.wait(4000);
  const sent = data(s.out());
  t.ok(sent.length >= 1);
  t.same([...new Set(sent)], ['. 501:1001(500) ack 1'], 'the first segment alone asks');
});

t.test('a peer that shrank its window to nothing but answers is borne [9293 SHLD-17]', async (t) => {
  const s = new Drill();
  s.handshake('mss 500', 20_000);
  s.write(5000);
  s.wait(1);
  s.out();
  for (let i = 0; i < 20; i++) {
    s.in('. 1 ack 1 win 0');
    s.wait(30_000);
  }
  t.equal(s.closedWith, undefined, 'ten minutes, five times the user time-out');
  s.in('. 1 ack 1 win 20000');
  s.wait(100);
  t.ok(data(s.out()).some((line) => line.startsWith('. 1:501')));
  const silent = new Drill();
  silent.handshake('mss 500', 20_000);
  silent.write(5000);
  silent.wait(1);
  silent.in('. 1 ack 1 win 0');
  silent.wait(400_000);
  t.equal(silent.closedWith, 'timed-out', 'who does not answer is not');
});

t.test(
  'the first probe of a zero window leaves after one RTO, the next ones twice as late each [9293 SHLD-29] [9293 SHLD-30]',
  async (t) => {
    const s = new Drill();
    s.handshake('mss 1460', 0);
    s.out();
    s.write(1000);
    const began = s.now;
    for (let i = 0; i < 40; i++) s.wait(1000);
    const times = s.timed(began).map((line) => Number(line.split(':')[0]));
    t.ok(Math.abs((times[0] as number) - 1000) < 20, `the first after ${times[0]} ms: nothing was measured yet`);
    const gaps = times.slice(1).map((at, i) => at - (times[i] as number));
    t.ok(gaps.length >= 3);
    for (const [i, gap] of gaps.slice(1).entries()) t.ok(Math.abs(gap / (gaps[i] as number) - 2) < 0.1, `${gaps}`);
  },
);

t.test('probes of a zero window are at most a minute apart', async (t) => {
  const s = new Drill();
  s.handshake('mss 1460', 0);
  s.write(1000);
  const times: number[] = [];
  for (let i = 0; i < 600; i++) {
    s.wait(1000);
    for (const line of s.timed()) times.push(Number(line.split(':')[0]));
    s.in('. 1 ack 1 win 0');
  }
  const gaps = times.slice(1).map((at, i) => at - (times[i] as number));
  t.ok(Math.max(...gaps) <= 61_000, `${gaps}`);
  t.equal(s.closedWith, undefined);
});

t.test('probes that nobody answers end the connection after the user time-out', async (t) => {
  const s = new Drill();
  s.handshake('mss 1460', 0);
  s.write(1000);
  s.wait(110_000);
  t.equal(s.closedWith, undefined);
  s.wait(150_000);
  t.equal(s.closedWith, 'timed-out');
});

t.test(
  'end() with data before a zero window: a peer that answers probes for ever does not hold us for ever',
  async (t) => {
    const s = new Drill();
    s.handshake('mss 1460', 0);
    s.write(1000);
    s.do((flow) => flow.end());
    for (let i = 0; i < 400 && s.closedWith === undefined; i++) {
      s.wait(1000);
      s.out();
      s.in('. 1 ack 1 win 0');
    }
    t.equal(s.closedWith, 'timed-out');
    t.equal(s.host.tcp.connections.size, 0);
  },
);

t.test(
  'our window closes when its owner does not read, stays closed, and opens when it does [9293 MAY-8]',
  async (t) => {
    const s = new Drill({ limits: { receiveBuffer: 20_000 } });
    s.handshake('mss 1000');
    s.do((flow) => flow.pause());
    s.out();
    let sent = 1;
    for (let i = 0; i < 30; i++) {
      s.in(`P. ${sent}:${sent + 1000}(1000) ack 1`);
      s.wait(50);
      sent = Math.max(sent, Number(/ack (\d+)/.exec(s.out({ win: true }).at(-1) ?? '')?.[1] ?? sent));
    }
    t.equal(sent, 20_001);
    s.in(`P. ${sent}:${sent + 1000}(1000) ack 1`);
    t.match(
      s.out({ win: true }).at(-1),
      new RegExp(`^\\. ack ${sent} win 0$`),
      'nothing more is taken, and that is said',
    );
    s.wait(3_600_000);
    t.same(s.out(), [], 'an hour later it is still closed');
    s.do((flow) => flow.resume());
    s.wait(1);
    t.match(s.out({ win: true }), [/ win [1-9]\d{4}$/]);
    t.equal(s.received.length, 20_000);
  },
);

t.test('a window that is read from promptly never closes', async (t) => {
  const s = new Drill({ limits: { receiveBuffer: 20_000 } });
  s.handshake('mss 1000');
  for (let i = 0; i < 100; i++) {
    s.in(`P. ${1 + i * 1000}:${1001 + i * 1000}(1000) ack 1`);
    s.wait(1);
  }
  const windows = s.out({ win: true }).map((line) => Number(/win (\d+)/.exec(line)?.[1]));
  t.ok(windows.length > 40 && windows.every((window) => window >= 19_000), `${Math.min(...windows)}`);
});

t.test('the right edge that we announced never moves left [9293 SHLD-14]', async (t) => {
  for (const options of ['mss 1000', 'mss 1000, wscale 7']) {
    const s = new Drill({ limits: { receiveBuffer: 600_001 } });
    s.handshake(options);
    s.do((flow) => flow.pause());
    s.out();
    const scale = options.includes('wscale') ? s.connection.rcvScale : 0;
    let edge = Number.NEGATIVE_INFINITY;
    for (let i = 0, seq = 1; i < 300; i++) {
      const length = 1 + ((i * 331) % 997);
      s.in(`P. ${seq}:${seq + length}(${length}) ack 1`);
      seq += length;
      s.wait(i % 3 === 0 ? 50 : 1);
      for (const line of s.out({ win: true })) {
        const [, ack, win] = /ack (\d+) win (\d+)/.exec(line) as unknown as [string, string, string];
        const next = Number(ack) + Number(win) * 2 ** scale;
        if (next < edge) t.fail(`${line}: ${next} after ${edge}`);
        edge = next;
      }
    }
    t.ok(edge > 65_000, options);
  }
});

t.test('data just inside, at and outside of the window: taken, cut, or answered', async (t) => {
  const s = new Drill();
  s.handshake('mss 1000');
  s.out();
  for (const [seq, kept] of [
    [65_535, true],
    [65_536, false],
    [65_537, false],
  ] as const) {
    s.in(`P. ${seq}:${seq + 1}(1) ack 1`);
    t.same(s.out(), ['. ack 1'], `${seq} is answered`);
    t.equal((s.connection.busy.reassembly?.size ?? 0) > 0, kept || seq > 65_535, 'the first is kept');
  }
  t.equal(s.connection.busy.reassembly?.size, 1);
  s.in('F. 65536 ack 1');
  t.equal(s.ends, 0, 'a FIN beyond the window is none');
  s.in('R 65536');
  t.equal(s.closedWith, undefined, 'nor a RST');
});

t.test('a bare FIN is taken into a closed window', async (t) => {
  const s = new Drill({ limits: { receiveBuffer: 5000 } });
  s.handshake('mss 1000');
  s.do((flow) => flow.pause());
  for (let seq = 1; s.connection.rcvAdv !== s.connection.rcvNxt && seq < 100_000; seq += 1000) {
    s.in(`P. ${seq}:${seq + 1000}(1000) ack 1`);
    s.wait(50);
  }
  s.out();
  const next = (s.connection.rcvNxt - 1000) | 0;
  s.in(`F. ${next} ack 1`);
  t.match(s.out(), [`. ack ${next + 1}`]);
  s.do((flow) => flow.resume());
  t.equal(s.ends, 1);
});

t.test('a window update alone, without data, restarts what waited', async (t) => {
  const s = new Drill();
  s.handshake('mss 1000', 0);
  s.write(3000);
  s.wait(1);
  t.same(data(s.out()), []);
  s.in('. 1 ack 1 win 5000');
  t.equal(data(s.out()).length, 3);
});

t.test('an old segment does not change the window (SND.WL1, SND.WL2)', async (t) => {
  const s = new Drill();
  s.handshake('mss 1000', 5000);
  s.in('P. 1:11(10) ack 1 win 4000');
  s.in('. 1 ack 1 win 100');
  t.equal(s.connection.sndWnd, 4000);
});

t.test('a time-out sends no more than a window that shrank still covers [9293 SHLD-16]', async (t) => {
  const s = new Drill();
  s.handshake('mss 1000', 20_000);
  s.write(5000);
  s.wait(1);
  s.out();
  s.in('. 1 ack 1001 win 300');
  s.wait(1000);
  t.ok(data(s.out()).every((line) => line === '. 1001:1301(300) ack 1'));
  s.in('. 1 ack 1301 win 20000');
  s.wait(1000);
  s.in('. 1 ack 5001 win 20000');
  t.equal(s.connection.queued, 0);
});

t.test('the ACK on a segment that finds our window closed lets out what waits (RFC 9293 3.10.7.4)', async (t) => {
  const s = new Drill({ limits: { receiveBuffer: 2000 } });
  s.handshake('mss 1000', 1000);
  s.do((flow) => flow.pause());
  s.in('. 1:1001(1000) ack 1 win 1000');
  s.in('. 1001:2001(1000) ack 1 win 1000');
  s.write(3000);
  s.wait(1);
  s.out();
  s.in('. 2001:2002(1) ack 1001 win 1000');
  s.wait(1);
  t.ok(data(s.out()).some((line) => line.startsWith('. 1001:2001')));
});
