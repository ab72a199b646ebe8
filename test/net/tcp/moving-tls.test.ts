/** TLS connections that move from one program to the next, in virtual time. */
import t from 'tap';
import { SETTING } from '../../../src/http/h2/frames.js';
import type { Flow } from '../../../src/net/flow.js';
import { MOVE_VERSION } from '../../../src/net/tcp/moving/record.js';
import { SUITES } from '../../../src/tls/common/suites.js';
import type { TlsFlow } from '../../../src/tls/tls-flow.js';
import { get } from '../../http/h2/client.js';
import { SecureSwap, type Session } from '../../sim/secure-swap.js';
import { contents } from '../../sim/swap.js';

t.setTimeout(300_000);

const RTO_MIN = 200;
const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);

/** Bytes of a download of HTTP/2, as they came. */
function bodyOf({ h2 }: Session, stream: number): Buffer {
  return Buffer.concat(h2.streams.get(stream)?.body ?? []);
}

t.test('an idle connection goes on in the next program, and in the one after it, with every suite', async (t) => {
  for (const suite of SUITES) {
    const swap = new SecureSwap();
    const asker = swap.ask({ paths: ['/page', '/page', '/page', '/page'], think: 400 }, [suite]);
    await swap.run(200);
    t.equal(asker.answers, 1);
    for (let i = 2; i <= 3; i++) {
      swap.handOver();
      await swap.run(swap.now + 400);
      t.equal(asker.answers, i);
      t.same(
        swap.programs.map(({ host }) => host.tcp.connections.size),
        [...Array(i - 1).fill(0), 1],
      );
    }
    const [moved] = [...swap.last.host.tcp.connections];
    t.equal(moved?.resting, true, 'it has nothing but what an idle one has');
    await swap.run(10_000, () => asker.done);
    t.ok(asker.content, `${asker.problem}`);
    t.same(swap.problems, []);
    t.match(
      swap.servers.map(({ counters }) => counters.handshakes),
      [1, 0, 0],
      'there was one handshake',
    );
  }
});

t.test(
  'a download moves in the middle: no pause is as long as the smallest time-out, and nothing comes twice',
  async (t) => {
    const swap = new SecureSwap();
    const asker = swap.ask({ paths: ['/large'], close: true });
    await swap.run(150);
    swap.handOver();
    await swap.run(175);
    t.same(
      swap.programs.map(({ host }) => host.tcp.connections.size),
      [0, 1],
    );
    await swap.run(20_000, () => asker.done);
    t.ok(asker.content, `${asker.problem}`);
    t.ok(asker.longest < RTO_MIN, `${asker.longest} ms`);
    t.match(swap.last.host.tcp.counters, { movedIn: 1, retransmissions: 0 });
    t.equal(swap.address.resets, 0);
    t.same([...swap.problems, ...swap.address.problems], []);
  },
);

t.test('HTTP/2: streams under way go on at their place, and new ones find their fields in the table', async (t) => {
  const swap = new SecureSwap();
  let session: Session | undefined;
  swap.session((one) => {
    session = one;
    for (const path of ['/large', '/middle', '/large']) one.h2.request(get(path));
  });
  await swap.run(200);
  const before = [1, 3, 5].map((id) => bodyOf(session!, id).length);
  t.ok(before.some((length) => length > 0) && before.every((length) => length < 400_000), `${before}`);
  for (let i = 0; i < 3; i++) {
    swap.handOver();
    await swap.run(swap.now + 60);
    t.equal(swap.last.host.tcp.connections.size, 1);
    session!.h2.request(get('/page'));
  }
  await swap.run(60_000, () => [1, 3, 5, 7, 9, 11].every((id) => session!.h2.streams.get(id)?.ended === true));
  const expected = ['/large', '/middle', '/large', '/page', '/page', '/page'].map((path) => contents(0)[path]!);
  expected.forEach((content, i) => {
    t.equal(Buffer.compare(bodyOf(session!, 2 * i + 1), content), 0, `stream ${2 * i + 1} is exact`);
  });
  t.equal(session!.h2.goAway, undefined);
  t.same([...swap.problems, ...swap.address.problems], []);
});

t.test('a stream that waits for its window waits in the next program', async (t) => {
  const swap = new SecureSwap();
  let session: Session | undefined;
  swap.session(
    (one) => {
      session = one;
      one.h2.opens = false;
      one.h2.request(get('/large'));
    },
    [[SETTING.initialWindowSize, 5000]],
  );
  await swap.run(200);
  t.equal(bodyOf(session!, 1).length, 5000);
  swap.handOver();
  await swap.run(400);
  t.equal(swap.last.host.tcp.connections.size, 1);
  session!.h2.opens = true;
  session!.h2.send(Buffer.from('000004080000000001', 'hex'), Buffer.from('00000100', 'hex'));
  await swap.run(60_000, () => bodyOf(session!, 1).length > 5000);
  t.equal(Buffer.compare(bodyOf(session!, 1), contents(0)['/large']!.subarray(0, bodyOf(session!, 1).length)), 0);
});

t.test('RFC 8446 4.6.3: keys that changed on either side are those of the next program', async (t) => {
  const swap = new SecureSwap();
  let flow: Flow | undefined;
  const asker = swap.ask({ paths: ['/page', '/large', '/page'], think: 300 });
  await swap.run(200);
  for (let i = 0; i < 3; i++) {
    flow = [...swap.client.tcp.connections][0] as unknown as Flow;
    // The client asks for a new key of the server's, right before the hand-over.
    const attempt = flow.context as { flow: TlsFlow };
    swap.client.enter(() => {
      attempt.flow.updateKey(true);
      attempt.flow.flush();
    });
    if (i > 0) await swap.run(swap.now + 30);
    swap.handOver();
    await swap.run(swap.now + 150);
  }
  await swap.run(20_000, () => asker.done);
  t.ok(asker.content, `${asker.problem}`);
  t.same(swap.problems, []);
});

t.test('a program from before TLS moved takes what has no keys; the rest is finished where it is', async (t) => {
  for (const [first, second] of [
    [undefined, MOVE_VERSION],
    [MOVE_VERSION, undefined],
  ]) {
    const swap = new SecureSwap();
    // The program that has the traffic is of that version.
    if (first !== undefined) swap.handOver(first);
    await swap.run(20);
    const old = swap.last;
    const asker = swap.ask({ paths: ['/large', '/page'], think: 300 });
    const plain = swap.plain({ paths: ['/page', '/page'], think: 300 });
    await swap.run(swap.now + 200);
    swap.handOver(second);
    await swap.run(swap.now + 50);
    t.equal(old.host.tcp.connections.size, 1, 'the one with TLS stays');
    t.equal(swap.last.host.tcp.connections.size, 1, 'the other one moves');
    await swap.run(20_000, () => asker.done && plain.done);
    t.ok(asker.content && plain.content, `${asker.problem} ${plain.problem}`);
    await swap.run(swap.now + 100);
    t.equal(old.host.tcp.connections.size, 0);
    t.equal(swap.address.resets, 0);
    t.same([...swap.problems, ...swap.address.problems], []);
  }
});

t.test(
  'the new program is killed at any step: who has not moved goes on in the old one, and moves to the next',
  async (t) => {
    let both = 0;
    for (let after = 0; after < 12; after++) {
      const swap = new SecureSwap();
      const askers = [swap.ask({ paths: ['/large'] }), swap.ask({ paths: Array(8).fill('/page'), think: 100 })];
      await swap.run(150);
      const [old] = swap.programs;
      const young = swap.handOver();
      await swap.run(swap.now + after / 2);
      young.kill();
      await swap.run(swap.now + 5);
      const kept = old!.host.tcp.connections.size;
      if (kept === 2) both++;
      swap.handOver();
      await swap.run(swap.now + 100);
      t.equal(swap.last.host.tcp.counters.movedIn, kept, `${after}`);
      await swap.run(20_000, () => askers.filter((one) => one.content).length >= kept);
      // What the young one had is lost with it; nothing else is.
      t.equal(askers.filter((one) => one.content).length, kept, `${askers.map((one) => one.problem)}`);
      t.same(swap.address.problems, []);
    }
    t.ok(both > 1 && both < 12, 'it was killed before and after they had moved');
  },
);

t.test(`clients of both versions through four programs, on links that lose 1 % (SEED=${SEED})`, async (t) => {
  for (let i = 0; i < 6; i++) {
    const swap = new SecureSwap(SEED + i, { loss: i % 2 === 0 ? 0.01 : 0, reorder: 0.01 });
    const askers = [
      swap.ask({ paths: ['/large', '/large'], pause: i * 7 }),
      swap.ask({ paths: Array(12).fill('/page'), think: 60 }),
      swap.ask({ paths: ['/middle', '/page', '/middle', '/own'], pipelined: true }),
      swap.ask({ paths: ['/own', '/middle', '/page'], slices: 4, think: 40, content: 2000 }),
    ];
    const sessions: Session[] = [];
    for (let n = 0; n < 2; n++) {
      swap.session((one) => {
        sessions.push(one);
        for (const path of ['/large', '/own', '/page', '/middle']) one.h2.request(get(path));
      });
    }
    // A handshake may lose a segment.
    await swap.run(20_000, () => sessions.length === 2);
    await swap.run(swap.now + 60);
    for (let n = 0; n < 3; n++) {
      swap.handOver();
      await swap.run(swap.now + 90 + i * 31);
      for (const { h2 } of sessions) h2.request(get('/page'));
    }
    const whole = ({ h2 }: Session): boolean => [...h2.streams.values()].filter((one) => one.ended).length === 7;
    await swap.run(120_000, () => askers.every((one) => one.done) && sessions.every(whole));
    for (const asker of askers) t.ok(asker.content, `${asker.problem}`);
    const paths = ['/large', '/own', '/page', '/middle', '/page', '/page', '/page'];
    for (const session of sessions) {
      paths.forEach((path, k) => {
        t.equal(Buffer.compare(bodyOf(session, 2 * k + 1), contents(0)[path]!), 0, `${path} is exact`);
      });
    }
    t.same([...swap.problems, ...swap.address.problems], []);
    t.equal(swap.address.resets, 0);
    t.ok(swap.last.host.tcp.counters.movedIn > 0);
  }
});

t.test(
  '1,000 connections move in batches of 64, each in one message, and each answers in the new program',
  async (t) => {
    const swap = new SecureSwap(1, { rate: 0, delay: 1 });
    const sessions: Session[] = [];
    for (let i = 0; i < 1000; i++) {
      swap.session((one) => {
        sessions.push(one);
        one.h2.request(get('/page'));
      });
      if (i % 50 === 49) await swap.run(swap.now + 20);
    }
    await swap.run(
      20_000,
      () => sessions.length === 1000 && sessions.every(({ h2 }) => h2.streams.get(1)?.ended === true),
    );
    swap.handOver();
    const began = swap.now;
    await swap.run(began + 5_000, () => swap.last.host.tcp.connections.size === 1000);
    t.equal(swap.last.host.tcp.connections.size, 1000);
    // Sixteen batches, half a millisecond there and back each, and the hand-over itself.
    t.ok(swap.now - began <= 40, `${swap.now - began} ms`);
    for (const { h2 } of sessions) h2.request(get('/page'));
    await swap.run(swap.now + 10_000, () => sessions.every(({ h2 }) => h2.streams.get(3)?.ended === true));
    t.equal(sessions.filter(({ h2 }) => h2.streams.get(3)?.ended === true).length, 1000);
    t.same([...swap.problems, ...swap.address.problems], []);
  },
);
