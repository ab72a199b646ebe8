/**
 * Opening: what a SYN, an ACK and a RST do before the connection stands (RFC 9293 3.5, 3.10.7; RFC 4987, 5961, 7323);
 * packet scripts.
 */
import t from 'tap';
import { congestionByName } from '../../../../src/net/tcp/congestion/index.js';
import { ethernet, icmpError, ip, TYPE_IPV4, tcp } from '../../../sim/packets.js';
import { Drill } from '../drill.js';

t.test('SYN, SYN-ACK with what was offered, ACK', async (t) => {
  const s = new Drill();
  t.equal(s.handshake('mss 1460, sackOK, TS val 1 ecr 0, wscale 7'), 'S. 0 ack 1 <mss 1460, sackOK, TS, wscale 3>');
  t.equal(s.connection.info().state, 'ESTABLISHED');
  const bare = new Drill();
  bare.in('S 0');
  bare.wait(1);
  t.same(bare.out(), ['S. 0 ack 1 <mss 1460>'], 'nothing that was not offered');
});

t.test('the MSS option is always sent, from the MTU of the link [9293 SHLD-5] [9293 MAY-3]', async (t) => {
  const s = new Drill({ seed: 2 });
  s.in('S 0 <mss 9000>');
  s.wait(1);
  t.match(s.out(), ['S. 0 ack 1 <mss 1460>']);
  s.in('. 1 ack 1');
  s.write(10_000);
  s.wait(1);
  t.match(s.out()[0], /\(1460\)/, 'and a larger one of the peer does not make ours larger');
});

t.test('the ACK of a SYN-ACK must name the right number: others are reset, and the half-open one stays', async (t) => {
  const s = new Drill();
  s.in('S 0 <mss 1460>');
  s.wait(1);
  s.out();
  s.in('. 1 ack 0');
  s.in('. 1 ack 2');
  t.same(s.out(), ['R 0', 'R 2']);
  s.in('. 1 ack 1');
  t.equal(s.connection.info().state, 'ESTABLISHED');
});

t.test(
  'RST in SYN-RECEIVED ends it, if its number is exact; another is challenged inside of the window, ignored outside (RFC 5961 3.2)',
  async (t) => {
    const s = new Drill();
    s.in('S 0');
    s.wait(1);
    s.out();
    s.in('R 5');
    t.same(s.out(), ['. ack 1'], 'challenged');
    s.in('R 100000');
    t.same(s.out(), [], 'outside');
    t.equal(s.host.tcp.listening.halfOpen, 1);
    s.in('R 1');
    t.equal(s.host.tcp.listening.halfOpen, 0);
    s.in('. 1 ack 1');
    t.same(s.out(), ['R 1'], 'and there is nobody any more');
    t.notOk(s.flow);
  },
);

t.test('a SYN-ACK that is sent again has the same options and number', async (t) => {
  const s = new Drill();
  s.in('S 0 <mss 1400, sackOK, TS val 7 ecr 0, wscale 7>');
  s.wait(8000);
  const sent = s.out();
  t.ok(sent.length >= 3);
  t.equal(new Set(sent).size, 1, sent.join('; '));
});

t.test('a half-open connection is forgotten about a minute after the last SYN-ACK, without a word', async (t) => {
  const s = new Drill();
  s.in('S 0');
  s.wait(62_000);
  t.equal(s.out().length, 6);
  s.wait(5000);
  t.equal(s.host.tcp.listening.halfOpen, 0);
  t.same(s.out(), []);
});

t.test('data and FIN on the ACK of the handshake are taken', async (t) => {
  const s = new Drill();
  s.in('S 0 <mss 1460>');
  s.wait(1);
  s.out();
  s.in('FP. 1:11(10) ack 1');
  t.equal(s.received.length, 10);
  t.equal(s.ends, 1);
  t.match(s.out(), ['. ack 12']);
});

t.test('when the ACK of the handshake is lost, the first data stands for it', async (t) => {
  const s = new Drill();
  s.in('S 0 <mss 1460>');
  s.wait(1);
  s.out();
  s.in('P. 1:101(100) ack 1');
  t.equal(s.received.length, 100);
});

t.test(
  'SYN with data: the data is not taken before the handshake, and the SYN-ACK acknowledges the SYN alone',
  async (t) => {
    const s = new Drill();
    s.in('S 0:10(10) <mss 1460>');
    s.wait(1);
    t.match(s.out(), ['S. 0 ack 1 <mss 1460>']);
  },
);

t.test('a zero window in the SYN, a large one in the ACK: read as unsigned [9293 REC-1]', async (t) => {
  const s = new Drill();
  s.in('S 0 win 0 <mss 1460>');
  s.wait(1);
  s.out();
  s.in('. 1 ack 1 win 65535');
  s.write(10_000);
  s.wait(1);
  t.equal(s.out().length, 7, 'a window with its high bit set is no negative one');
  const wide = new Drill();
  wide.handshake('mss 1460, wscale 14');
  wide.in('. 1 ack 1 win 65535');
  t.equal(wide.connection.sndWnd, 65_535 * 2 ** 14, 'a scaled window needs more than 16 bits');
});

t.test('a window scale over 14 counts as 14 (RFC 7323 2.3)', async (t) => {
  const s = new Drill();
  s.handshake('mss 1460, wscale 15', 10);
  t.equal(s.connection.sndWnd, 10 * 2 ** 14);
});

t.test('SYN with ECE and CWR asks for ECN, and gets it [9293 SHLD-8]', async (t) => {
  const s = new Drill();
  s.in('SEW 0 <mss 1000, sackOK>');
  s.wait(1);
  t.match(s.out(), ['SE. 0 ack 1 <mss 1460, sackOK>'], 'ECE without CWR: RFC 3168 6.1.1');
  s.in('. 1 ack 1');
  s.write(20_000);
  s.wait(1);
  s.out();
  const before = s.connection.info().cwnd as number;
  s.in('.E 1 ack 6001');
  const sent = s.out();
  t.match(sent[0] ?? '', /W/, 'the reduction is told of');
  t.ok((s.connection.info().cwnd as number) < before, 'and made');
  const again = s.connection.info().cwnd as number;
  s.in('.E 1 ack 7001');
  t.ok((s.connection.info().cwnd as number) >= again, 'once a round trip');
  const plain = new Drill();
  plain.in('SE 0 <mss 1000>');
  plain.wait(1);
  t.match(plain.out(), ['S. 0 ack 1 <mss 1460>'], 'ECE alone is no request');
});

t.test('segments without ACK, with SYN and FIN, or with nothing at all get no connection', async (t) => {
  const s = new Drill();
  s.in('SF 0');
  s.in('- 0');
  s.in('F 0');
  s.in('FPU 0');
  s.wait(10);
  t.same(s.out(), []);
  t.equal(s.host.tcp.listening.halfOpen, 0);
});

t.test('an ACK or a SYN-ACK to a port in LISTEN is reset, a RST is not answered (RFC 9293 3.10.7.2)', async (t) => {
  const s = new Drill();
  s.in('. 1 ack 1');
  s.in('S. 0 ack 1');
  s.in('R 0');
  s.in('R. 0 ack 1');
  t.same(s.out(), ['R 1', 'R 1']);
});

t.test('a new SYN with another number in SYN-RECEIVED starts over', async (t) => {
  const s = new Drill();
  s.in('S 0 <mss 1460>');
  s.wait(1);
  s.out();
  s.in('S 70000 <mss 1200>');
  t.match(s.out(), ['S. 0 ack 70001 <mss 1460>']);
  s.in('. 70001 ack 1');
  t.equal(s.connection.peerMss, 1200);
});

t.test(
  'SYN cookies: past the bound of the queue nothing is remembered, and the ACK brings everything back',
  async (t) => {
    const s = new Drill({ limits: { synQueue: 0 } });
    s.in('S 0 <mss 1400, sackOK, TS val 77 ecr 0, wscale 7>');
    s.wait(100);
    t.match(s.out(), ['S. 0 ack 1 <mss 1460, sackOK, TS, wscale 3>']);
    t.equal(s.host.tcp.listening.halfOpen, 0);
    s.in('P. 1:11(10) ack 1 win 1000 <TS val 78 ecr last>');
    const c = s.connection;
    t.equal(s.received.length, 10);
    t.match(c, { peerMss: 1400, sackOk: true, timestamps: true, sndScale: 7, sndWnd: 128_000 });
  },
);

t.test(
  'SYN cookies: the time that a cookie carries is never ahead of what follows it (PAWS at the peer)',
  async (t) => {
    for (let wait = 0; wait < 130; wait += 7) {
      const s = new Drill({ limits: { synQueue: 0 } });
      s.wait(wait);
      s.in('S 0 <mss 1400, sackOK, TS val 77 ecr 0, wscale 7>');
      s.wait(1);
      s.out();
      const first = s.stamp;
      s.in('P. 1:11(10) ack 1 win 1000 <TS val 78 ecr last>');
      s.out();
      t.ok(((s.stamp - first) | 0) >= 0, `after ${wait} ms`);
    }
  },
);

t.test(
  'SYN cookies: a made-up ACK is refused, an old cookie too, and so is any ACK while none were sent',
  async (t) => {
    const s = new Drill({ limits: { synQueue: 0 } });
    s.in('. 1 ack 1');
    t.same(s.out(), ['R 1']);
    s.in('S 0 <mss 1460>');
    s.wait(1);
    s.out();
    s.in('. 1 ack 77777');
    t.same(s.out(), ['R 77777']);
    s.in('. 2 ack 1');
    t.same(s.out(), [], 'the peer’s number is part of it: this is no first segment, and the first may still come');
    t.notOk(s.flow);
    s.wait(121_000);
    s.in('. 1 ack 1');
    t.same(s.out(), ['R 1'], 'two minutes later');
    t.notOk(s.flow);
  },
);

t.test('SYN cookies without timestamps keep the MSS', async (t) => {
  const s = new Drill({ limits: { synQueue: 0 } });
  s.in('S 0 <mss 1300, sackOK, wscale 7>');
  s.wait(1);
  t.match(s.out(), ['S. 0 ack 1 <mss 1460>'], 'what cannot be remembered is not promised');
  s.in('. 1 ack 1');
  t.equal(s.connection.peerMss, 1300);
});

t.test('initial numbers: by a secret and the four names [9293 SHLD-1]', async (t) => {
  const first = (seed: number, peer: number): number => {
    const s = new Drill({ seed });
    s.peer = peer;
    s.in('S 0');
    s.wait(1);
    s.out();
    return s.iss;
  };
  const numbers = new Set([first(1, 5000), first(1, 5001), first(2, 5000), first(2, 5001)]);
  t.equal(numbers.size, 4);
  t.equal(first(1, 5000), first(1, 5000), 'and not by dice at each SYN');
});

t.test('an ICMP error about a SYN-ACK: hard ones forget it when the number is ours, soft ones do not', async (t) => {
  const s = new Drill();
  s.in('S 0');
  s.wait(1);
  s.out();
  const error = (code: number, seq: number): void => {
    const ours = tcp({
      source: ip('10.0.0.1'),
      from: 80,
      destination: ip('10.0.0.2'),
      to: 5000,
      seq,
      ack: 1001,
      flags: 18,
    });
    const packet = icmpError(ip('10.0.0.9'), 3, code, 0, ours);
    s.host.take(ethernet(s.host.mac, Uint8Array.of(2, 0, 0, 0, 0, 2), TYPE_IPV4, packet));
    s.wait(1);
  };
  error(3, s.iss + 1);
  error(1, s.iss);
  t.equal(s.host.tcp.listening.halfOpen, 1);
  error(3, s.iss);
  t.equal(s.host.tcp.listening.halfOpen, 0);
});

t.test('other congestion control by name [9293 MAY-18]', async (t) => {
  for (const congestion of ['reno', 'cubic', 'bbr'] as const) {
    t.equal(congestionByName(congestion)().name, congestion);
    const s = new Drill({ congestion });
    s.handshake();
    s.write(5000);
    s.wait(1);
    t.equal(s.out().length, 4, congestion);
  }
});

t.test(
  'a SYN-ACK that was sent again measures by timestamps only, and not from its first copy (RFC 6298 3)',
  async (t) => {
    const measured = (stamp: string, echo: string): number | undefined => {
      const s = new Drill();
      s.in(`S 0 <mss 1460, sackOK${stamp}>`);
      s.wait(990);
      s.out();
      // The peer asks again just before our timer would answer again.
      s.in(`S 0 <mss 1460, sackOK${stamp}>`);
      s.wait(20);
      s.out();
      s.in(`. 1 ack 1${echo}`);
      return s.connection.info().srtt;
    };
    const srtt = measured(', TS val 1 ecr 0', ' <TS val 2 ecr last>') as number;
    t.ok(srtt > 0 && srtt <= 21, `${srtt} ms`);
    t.equal(measured('', ''), undefined);
  },
);

t.test(
  'what is not acceptable in SYN-RECEIVED draws an ACK, a few times (RFC 9293 3.10.7.4, RFC 5961 7)',
  async (t) => {
    const s = new Drill({ limits: { challenges: 5 } });
    s.in('S 0 <mss 1460, TS val 100 ecr 0>');
    s.wait(1);
    s.out();
    s.in('P. 200000:200010(10) ack 1 <TS val 101 ecr last>');
    t.same(s.out(), ['. ack 1'], 'beyond the window');
    s.in('P. -4:1(5) ack 1 <TS val 101 ecr last>');
    t.same(s.out(), ['. ack 1'], 'before it');
    s.in('S. 0 ack 1 <TS val 101 ecr last>');
    t.same(s.out(), ['. ack 1'], 'a SYN-ACK');
    s.in('P. 1:11(10) ack 1 <TS val 99 ecr last>');
    t.same(s.out({ TS: true }), ['. ack 1 <TS ecr 100>'], 'an old timestamp (RFC 7323 5.3)');
    for (let i = 0; i < 20; i++) s.in('. 200000 ack 1 <TS val 101 ecr last>');
    t.equal(s.out().length, 1);
    s.in('P. 1:11(10) ack 1 <TS val 101 ecr last>');
    t.equal(s.received.length, 10, 'it opens all the same');
  },
);

t.test('SYN and FIN in one segment are dropped in SYN-RECEIVED, too', async (t) => {
  const s = new Drill();
  s.in('S 0');
  s.wait(1);
  s.out();
  s.in('SF 0');
  s.in('SF 5000');
  t.same(s.out(), []);
  s.in('. 1 ack 1');
  t.equal(s.connection.info().state, 'ESTABLISHED');
});

t.test('port 0 of ours is a closed port; nothing is answered to port 0 of a peer', async (t) => {
  const s = new Drill();
  s.send(2, { to: 0, from: 5000 });
  t.same(
    s.since().map(({ flags }) => flags),
    [20],
    'RST and ACK',
  );
  s.send(2, { from: 0 });
  t.same(s.since(), []);
});

t.test('after a SYN-ACK that timed out data waits three seconds, if nothing was measured (RFC 6298 5.7)', async (t) => {
  const times = (options: string, echo: string): number[] => {
    const s = new Drill();
    s.in(`S 0 <${options}>`);
    s.wait(1100);
    s.out();
    s.in(`. 1 ack 1${echo}`);
    s.write(100);
    const from = s.now;
    s.wait(8000);
    return s.since().map((one) => Math.round((one.time - from) / 100) / 10);
  };
  t.same(times('mss 1460', '').slice(0, 2), [0, 3]);
  const [first = 0, second = 0] = times('mss 1460, TS val 1 ecr 0', ' <TS val 2 ecr last>');
  t.ok(first === 0 && second < 1, 'timestamps measure it');
});

t.test('more than one SYN-ACK timed out: it begins with one segment (RFC 6928 2)', async (t) => {
  const first = (wait: number): number => {
    const s = new Drill();
    s.in('S 0 <mss 1460, sackOK>');
    s.wait(wait);
    s.out();
    s.in('. 1 ack 1');
    s.write(30_000);
    s.wait(1);
    return s.out().length;
  };
  t.equal(first(500), 10);
  t.equal(first(1500), 10, 'one may be the timer’s fault');
  t.equal(first(3500), 1);
});
