/**
 * Over a network that keeps nothing of what it is offered, no ciphertext is kept: records are made again until they
 * have left.
 */
import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import t from 'tap';
import { Memory } from '../../src/memory/memory.js';
import type { Flow } from '../../src/net/flow.js';
import { openSocketNetwork } from '../../src/net/sockets/open.js';
import { EvpPrimitives } from '../../src/tls/primitives/evp.js';
import { NodePrimitives } from '../../src/tls/primitives/node.js';
import { talk } from './joined-flows.js';
import { Setup, seeded } from './setup.js';

const SEED = Number(process.env['TLS_SEED'] ?? Date.now() % 1_000_000);
const SIZE = 250_000;
const CONTENT = new Memory(Uint8Array.from({ length: SIZE }, (_, i) => (i * 31 + (i >> 7)) & 255));

t.test(`whatever the kernel takes at a time, the client gets every octet once (TLS_SEED=${SEED})`, (t) => {
  for (let run = 0; run < 40; run++) {
    const random = seeded(SEED + run);
    const setup = new Setup({ primitives: run % 2 === 0 ? new NodePrimitives() : new EvpPrimitives() });
    const { server, below, clientHeard } = setup.begin();
    t.notOk(server);
    const most = [2000, 10_000, 40_000, 200_000][run % 4]!;
    below[1].kernel(() => random.next() % most);
    talk(...below);
    const flow = setup.lastServer!;
    const hash = createHash('sha256');
    const expected = createHash('sha256');
    clientHeard.data = (_flow, bytes, start, end) => {
      hash.update(bytes.subarray(start, end));
      clientHeard.bytes += end - start;
    };
    // Pieces of all sizes, and keys that change in the middle of a record that has begun to leave.
    for (let at = 0; at < SIZE; ) {
      const end = Math.min(SIZE, at + 1 + (random.next() % [40, 2000, 60_000][random.next() % 3]!));
      flow.write(CONTENT, at, end);
      expected.update(CONTENT.bytes.subarray(at, end));
      at = end;
      if (random.next() % 8 === 0) flow.flush();
      if (random.next() % 40 === 0) (flow as unknown as { updateKey(request: boolean): void }).updateKey(false);
      if (random.next() % 4 === 0) below[1].deliver(1 + (random.next() % 40_000));
      setup.clock.advance(random.next() % 100);
    }
    flow.end();
    talk(...below, 1 + (random.next() % 100_000), 1_000_000);
    t.equal(clientHeard.bytes, SIZE, `run ${run}`);
    t.equal(hash.digest('hex'), expected.digest('hex'));
    t.equal(clientHeard.ends, 1);
    t.same(setup.errors, []);
  }
  t.end();
});

t.test('an owner that waits for room hears of it where the kernel takes everything at once', (t) => {
  for (const how of ['flush', 'data', 'ended'] as const) {
    const setup = new Setup();
    const outcome = setup.begin();
    const { below, clientHeard } = outcome;
    below[1].kernel(() => 10_000_000);
    talk(...below);
    const flow = setup.lastServer!;
    let pieces = 0;
    const more = (): void => {
      if (pieces++ < 10) flow.write(CONTENT, 0, 100_000);
      flow.lowWater = 50_000;
    };
    flow.handler = { data: more, ended: more, drained: more, closed() {} };
    if (how === 'flush') {
      more();
      flow.flush();
    } else if (how === 'data') {
      outcome.client!.write(CONTENT, 0, 5);
      outcome.client!.flush();
    } else outcome.client!.end();
    talk(...below);
    t.equal(clientHeard.bytes, 1_000_000, how);
    t.equal(pieces, 11, 'and once more when nothing is left to write');
  }
  t.end();
});

t.test('an alert in the middle of a record comes behind its rest', (t) => {
  const setup = new Setup();
  const { client, below, clientHeard } = setup.begin();
  t.notOk(client);
  let room = 1_000_000;
  below[1].kernel(() => room);
  talk(...below);
  room = 20_000;
  const flow = setup.lastServer!;
  flow.write(CONTENT, 0, 100_000);
  flow.flush();
  // A record that is none: the server answers with an alert.
  below[0].out = Uint8Array.of(23, 3, 3, 0, 20, ...new Array(20).fill(1));
  below[0].deliver(1000);
  talk(...below);
  t.ok(clientHeard.bytes >= 1369 && clientHeard.bytes < 100_000, `${clientHeard.bytes} octets, whole records`);
  t.equal(clientHeard.reason, 'reset-by-peer');
  t.equal(setup.server.counters.failed, 1);
  t.end();
});

t.test(
  '20 MiB offered to a peer that does not read: the kernel takes what it takes, and nothing is queued',
  async (t) => {
    const network = await openSocketNetwork({ host: '127.0.0.1' }, 'libc');
    t.teardown(() => network.close(0));
    const memory = new Memory(new Uint8Array(131_072));
    const total = 160 * memory.bytes.length;
    let [left, drained] = [0, 0];
    const offer = (flow: Flow): void => {
      while (left < total) {
        const start = left % memory.bytes.length;
        const sent = flow.offer!(memory, start, memory.bytes.length);
        t.equal(flow.queued, 0);
        left += sent;
        if (sent < memory.bytes.length - start) return;
      }
      flow.end();
    };
    const listener = await network.listen(0, (flow) => {
      flow.handler = {
        data() {},
        ended() {},
        drained: (one) => {
          drained++;
          offer(one);
        },
        closed() {},
      };
      offer(flow);
    });
    const socket = connect(listener.endpoint.port, '127.0.0.1').pause();
    t.teardown(() => socket.destroy());
    let before = -1;
    while (before !== left || left === 0) {
      before = left;
      await new Promise((done) => setTimeout(done, 100));
    }
    t.ok(left < total, `${left} octets left`);
    const called = drained;
    let got = 0;
    socket.on('data', (chunk: Buffer) => {
      got += chunk.length;
    });
    socket.resume();
    await new Promise((done) => socket.on('end', done));
    t.equal(got, total);
    t.ok(drained > called, 'the owner hears when there is room');
  },
);
