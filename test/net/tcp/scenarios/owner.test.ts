/** What a connection's owner can ask for and is told (RFC 9293 3.9.1, 3.8.5, 3.7.4, RFC 5482); packet scripts. */
import t from 'tap';
import type { Trouble } from '../../../../src/net/flow.js';
import { ethernet, icmpError, ip, TYPE_IPV4, tcp } from '../../../sim/packets.js';
import { Drill } from '../drill.js';

class Owner extends Drill {
  readonly troubles: Trouble[] = [];
  readonly urgencies: number[] = [];

  trouble(_flow: unknown, trouble: Trouble): void {
    this.troubles.push(trouble);
  }

  urgent(_flow: unknown, left: number): void {
    this.urgencies.push(left);
  }
}

function opened(options = 'mss 1000, sackOK', limits = {}): Owner {
  const s = new Owner({ limits });
  s.handshake(options);
  s.out();
  return s;
}

function icmp(s: Drill, type: number, code: number, seq: number, mtu = 0): void {
  const ours = tcp({
    source: ip('10.0.0.1'),
    from: 80,
    destination: ip('10.0.0.2'),
    to: 5000,
    seq: s.iss + seq,
    ack: 0,
    flags: 16,
    payload: new Uint8Array(1460),
  });
  const packet = icmpError(ip('10.0.0.9'), type, code, mtu, ours);
  s.host.take(ethernet(s.host.mac, Uint8Array.of(2, 0, 0, 0, 0, 2), TYPE_IPV4, packet));
  s.wait(1);
}

t.test(
  'small writes are put together in one segment, cut at the MSS, pushed once [9293 MAY-16] [9293 SHLD-27] [9293 SHLD-28]',
  async (t) => {
    const s = opened();
    s.do(() => {
      for (let i = 0; i < 25; i++) s.write(100);
    });
    s.wait(1);
    t.same(s.out(), ['. 1:1001(1000) ack 1', '. 1001:2001(1000) ack 1', 'P. 2001:2501(500) ack 1']);
  },
);

t.test(
  'Nagle, asked for: small segments wait for ACKs; off again they leave [9293 SHLD-7] [9293 MUST-17]',
  async (t) => {
    const s = opened();
    s.do((flow) => {
      flow.nagle = true;
    });
    s.write(10);
    s.write(10);
    s.write(10);
    s.wait(1);
    t.same(s.out(), ['P. 1:11(10) ack 1']);
    s.in('. 1 ack 11');
    t.same(s.out(), ['P. 11:31(20) ack 1']);
    s.write(5);
    s.wait(1);
    t.same(s.out(), []);
    s.do((flow) => {
      flow.nagle = false;
      flow.flush();
    });
    t.same(s.out(), ['P. 31:36(5) ack 1']);
  },
);

t.test('Nagle holds back neither a full segment nor the last one before FIN', async (t) => {
  const s = opened();
  s.do((flow) => {
    flow.nagle = true;
  });
  s.write(1010);
  s.wait(1);
  t.same(s.out(), ['. 1:1001(1000) ack 1']);
  s.do((flow) => flow.end());
  t.same(s.out(), ['FP. 1001:1011(10) ack 1']);
});

t.test(
  'urgent data: the owner is told, and of how much is left; the bytes stay in the stream [9293 MUST-30] [9293 MUST-31] [9293 MUST-32] [9293 MUST-33]',
  async (t) => {
    const s = opened();
    s.in('PU. 1:11(10) ack 1 urg 25');
    t.same(s.urgencies, [25]);
    t.equal(s.received.length, 10);
    t.equal(s.connection.urgentLeft, 15);
    s.in('PU. 11:21(10) ack 1 urg 15');
    t.same(s.urgencies, [25], 'the same end: nothing new');
    s.in('PU. 21:31(10) ack 1 urg 4000');
    t.same(s.urgencies, [25, 4000]);
    s.in('P. 31:131(100) ack 1');
    t.equal(s.received.length, 130);
    t.equal(s.connection.urgentLeft, 20 + 4000 - 130);
    s.in('P. 131:141(10) ack 1 urg 100');
    t.same(s.urgencies, [25, 4000], 'a pointer without URG is none');
  },
);

t.test(
  'urgent data that we send: URG and a pointer to the first octet after it, until it is acknowledged [9293 MUST-62]',
  async (t) => {
    const s = opened();
    s.do((flow) => {
      s.write(2500);
      flow.urgent();
      s.write(500);
    });
    s.wait(1);
    t.same(s.out(), [
      'U. 1:1001(1000) ack 1 urg 2500',
      'U. 1001:2001(1000) ack 1 urg 1500',
      'PU. 2001:3001(1000) ack 1 urg 500',
    ]);
    s.in('. 1 ack 3001');
    s.write(10);
    s.wait(1);
    t.same(s.out(), ['P. 3001:3011(10) ack 1']);
  },
);

t.test('this server employs no urgent data [9293 SHLD-13]', async (t) => {
  const s = opened();
  s.write(20_000);
  s.wait(1);
  t.notOk(s.out().some((line) => line.includes('U')));
});

t.test(
  'the Differentiated Services field can be set, and changed, and is sent as it was given [9293 MUST-48] [9293 SHLD-21] [9293 SHLD-22]',
  async (t) => {
    const s = opened();
    s.do((flow) => {
      flow.dscp = 46;
    });
    s.write(10);
    s.wait(1);
    t.match(s.since(), [{ tos: 46 << 2 }]);
    s.do((flow) => {
      flow.dscp = 8;
    });
    s.write(10);
    s.wait(1);
    t.match(s.since(), [{ tos: 8 << 2 }]);
  },
);

t.test(
  'soft errors are told of, once believed; hard ones too, and end nothing [9293 SHLD-25] [9293 MUST-47]',
  async (t) => {
    const s = opened();
    s.write(1000);
    s.wait(1);
    icmp(s, 3, 1, 50_000);
    t.same(s.troubles, [], 'one about a number that we never sent is not believed (RFC 5927)');
    icmp(s, 3, 1, 1);
    icmp(s, 3, 0, 1);
    icmp(s, 3, 5, 1);
    icmp(s, 11, 0, 1);
    icmp(s, 12, 0, 1);
    icmp(s, 3, 3, 1);
    t.same(s.troubles, [
      'unreachable',
      'unreachable',
      'unreachable',
      'time-exceeded',
      'parameter-problem',
      'unreachable',
    ]);
    t.equal(s.closedWith, undefined);
  },
);

t.test('who has no handler for trouble is not told [9293 SHLD-20]', async (t) => {
  const s = new Drill();
  s.handshake();
  s.write(1000);
  s.wait(1);
  icmp(s, 3, 1, 1);
  s.wait(30_000);
  t.equal(s.closedWith, undefined);
});

t.test(
  'R1: after three retransmissions the owner is told, and the next hop is asked for anew [9293 MUST-20] [9293 SHLD-9] [9293 SHLD-10]',
  async (t) => {
    const s = opened('mss 500');
    s.write(100);
    s.wait(3500);
    t.same(s.troubles, [], 'two retransmissions');
    s.asked = 0;
    s.wait(5000);
    t.same(s.troubles, ['no-answer']);
    t.ok(s.asked > 0, 'ARP');
  },
);

t.test('R2 is two minutes unless it is set, for each connection by itself [9293 SHLD-11]', async (t) => {
  const s = opened('mss 500');
  s.write(100);
  s.wait(100_000);
  t.equal(s.closedWith, undefined);
  const short = opened('mss 500');
  short.do((flow) => {
    flow.userTimeout = 10_000;
  });
  short.write(100);
  short.wait(25_000);
  t.equal(short.closedWith, 'timed-out');
  short.out();
  short.in('. 1 ack 101');
  t.match(short.out(), ['R 101'], 'a late ACK is reset');
});

t.test('the user time-out ends a connection in FIN-WAIT-1, too', async (t) => {
  const s = opened('mss 500');
  s.do((flow) => {
    flow.userTimeout = 10_000;
    flow.end();
  });
  s.wait(25_000);
  t.equal(s.closedWith, 'timed-out');
});

t.test(
  'the path’s MTU: “fragmentation needed” lowers the size of segments at once; a forged one does not [9293 SHLD-6]',
  async (t) => {
    const s = opened('mss 1460');
    s.write(14_600);
    s.wait(1);
    s.out();
    icmp(s, 3, 4, 900_000, 600);
    t.equal(s.connection.mss, 1460, 'a number outside of the window');
    icmp(s, 3, 4, 1, 1000);
    const sent = s.out();
    t.equal(s.connection.mss, 960);
    t.match(sent[0], '. 1:961(960) ack 1');
    s.in('. 1 ack 14601');
    s.write(5000);
    s.wait(1);
    t.ok(s.out().every((line) => Number(/\((\d+)\)/.exec(line)?.[1]) <= 960));
    s.since();
    icmp(s, 3, 4, 14_601, 68);
    t.ok(s.connection.mss >= 500, 'and not below what is sane');
    const small = s.since();
    t.ok(
      small.length > 0 && small.every((one) => !one.dontFragment && one.id !== 0),
      'but whoever is narrower may cut',
    );
    t.equal(new Set(small.map((one) => one.id)).size, small.length, 'each by a number of its own (RFC 6864 4)');
  },
);

t.test(
  'the news that a retransmission was too large is news of it: it goes again, smaller, at once [1191 6.4]',
  async (t) => {
    const s = opened('mss 1460, sackOK');
    s.write(10_000);
    s.wait(1);
    s.out();
    // The first news was lost (routers limit them), and the timer sent the first segment again.
    s.wait(1100);
    t.ok(s.out().includes('. 1:1461(1460) ack 1'));
    icmp(s, 3, 4, 1, 900);
    s.wait(1);
    t.equal(s.out()[0], '. 1:861(860) ack 1');
  },
);

t.test('a black hole: full segments vanish, smaller ones pass, without ICMP (RFC 4821 7.7)', async (t) => {
  const s = opened('mss 1460, sackOK');
  s.write(6000);
  s.wait(60_000);
  const sizes = s.out().map((line) => Number(/\((\d+)\)/.exec(line)?.[1]));
  t.ok(sizes.includes(1460) && sizes.includes(536), 'it tries smaller ones');
  s.in('. 1 ack 537');
  s.wait(1);
  const after = s.out().map((line) => Number(/\((\d+)\)/.exec(line)?.[1]));
  t.ok(Math.max(...after) <= 536, `${after}`);
  t.ok(s.host.stack.pathMtu(s.connection.route) < 1500, 'and the path is remembered so');
});

t.test('segments that are small already blame no path when they vanish (RFC 4821 7.7)', async (t) => {
  const s = opened('mss 1460, sackOK');
  s.write(500);
  s.wait(20_000);
  t.ok(s.connection.mss > 1200, `${s.connection.mss}`);
  s.in('. 1 ack 501');
  s.wait(1);
  t.equal(s.host.stack.pathMtu(s.connection.route), 1500);
});

t.test('a path that large segments passed a moment ago is not blamed for loss (RFC 4821 7.7)', async (t) => {
  const s = opened('mss 1460, sackOK');
  s.write(6000);
  s.wait(1);
  s.in('. 1 ack 2921');
  // Four time-outs within the time for which it is remembered.
  s.wait(6000);
  t.ok(s.connection.mss > 1200, `${s.connection.mss}`);
  s.in('. 1 ack 6001');
  s.wait(1);
  t.equal(s.host.stack.pathMtu(s.connection.route), 1500);
});

t.test('the MSS that we announce is the link’s, though the path to there is narrower (RFC 6691)', async (t) => {
  const s = opened('mss 1460');
  s.write(3000);
  s.wait(1);
  icmp(s, 3, 4, 1, 1000);
  s.peer = 5001;
  s.out();
  t.match(s.handshake('mss 1460'), /mss 1460/);
  t.equal(s.connection.mss, 960, 'but what we send there is smaller');
});

t.test('what a connection tells of itself: round trip, window, state, before and after a time-out', async (t) => {
  const s = opened();
  s.wait(10);
  s.write(20_000);
  s.wait(1);
  s.wait(20);
  s.in('. 1 ack 1001');
  const before = s.connection.info();
  t.ok((before.srtt as number) > 15 && (before.srtt as number) < 30, `${before.srtt}`);
  t.match(before, { state: 'ESTABLISHED', retransmissions: 0, cwnd: 11_000 });
  s.wait(400);
  const after = s.connection.info();
  t.ok((after.retransmissions as number) >= 1);
  t.equal(after.cwnd, 1000);
  t.ok((after.ssthresh as number) < 11_000);
});

t.test('drained: told once when what is queued falls to the mark', async (t) => {
  const s = opened();
  let drained = 0;
  s.drained = () => void drained++;
  s.do((flow) => {
    flow.lowWater = 1500;
    s.write(3000);
  });
  s.wait(1);
  s.in('. 1 ack 1001');
  t.equal(drained, 0);
  s.in('. 1 ack 2001');
  s.in('. 1 ack 3001');
  t.equal(drained, 1);
});

t.test('a window update after slow start lets out what the window allows, not more (RFC 5681 3.1)', async (t) => {
  const s = opened('mss 1000', {});
  s.in('. 1 ack 1 win 2000');
  s.write(60_000);
  s.wait(1);
  t.equal(s.out().length, 2);
  s.in('. 1 ack 1 win 60000');
  t.equal(s.out().length, 8, 'ten in flight: the initial window');
});

t.test('restart after idle: no more than the initial window at once (RFC 5681 4.1)', async (t) => {
  const s = opened();
  for (let n = 0, sent = 1; n < 6; n++) {
    s.write(30_000);
    for (let i = 0; i < 10; i++) {
      s.wait(1);
      for (const line of s.out()) sent = Math.max(sent, Number(/:(\d+)\(/.exec(line)?.[1] ?? 0));
      s.in(`. 1 ack ${sent}`);
    }
  }
  t.ok((s.connection.info().cwnd as number) > 20_000, 'it has grown');
  s.out();
  s.wait(20_000);
  s.write(60_000);
  s.wait(0.5);
  t.equal(s.out().length, 10);
});

t.test('a window that the application did not fill does not grow (RFC 7661)', async (t) => {
  const s = opened();
  const before = s.connection.info().cwnd as number;
  for (let i = 0; i < 50; i++) {
    s.write(1000);
    s.wait(1);
    s.in(`. 1 ack ${1 + (i + 1) * 1000}`);
  }
  t.ok((s.connection.info().cwnd as number) <= before + 1000);
});

t.test('slow start counts bytes, not ACKs (RFC 3465): one ACK for four segments opens four', async (t) => {
  for (const each of [1, 2, 4]) {
    const s = opened();
    s.write(100_000);
    s.wait(1);
    s.out();
    for (let i = each; i <= 8; i += each) s.in(`. 1 ack ${1 + i * 1000}`);
    t.equal(s.connection.info().cwnd, 18_000, `an ACK for ${each}`);
  }
});

t.test(
  'a retransmission is a datagram of its own: its identification is not relied on [1122 3.2.1.5] [9293 MAY-4]',
  async (t) => {
    const s = opened();
    s.write(100);
    s.wait(3000);
    const sent = s.since();
    t.ok(sent.length >= 2);
    t.ok(
      sent.every((one) => one.dontFragment && one.id === 0),
      'atomic: the identification means nothing (RFC 6864 4.1)',
    );
  },
);
