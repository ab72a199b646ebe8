import { connect, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import { Memory } from '../../../src/memory/memory.js';
import type { CloseReason, Flow, FlowHandler } from '../../../src/net/flow.js';
import type { SocketNetworkOptions } from '../../../src/net/sockets/common/options.js';
import type { SocketKind } from '../../../src/net/sockets/open.js';
import { openKind, SOCKET_KINDS } from './kinds.js';

/** What a flow's owner was told, and a promise for its end. */
class Recorder implements FlowHandler {
  text = '';
  endedCalls = 0;
  drainedCalls = 0;
  closes: CloseReason[] = [];
  readonly over: Promise<CloseReason>;
  private resolve!: (reason: CloseReason) => void;

  constructor(private readonly onData: (flow: Flow, text: string) => void = () => {}) {
    this.over = new Promise((resolve) => {
      this.resolve = resolve;
    });
  }
  data(flow: Flow, bytes: Uint8Array, start: number, end: number): void {
    const text = new TextDecoder().decode(bytes.slice(start, end));
    this.text += text;
    this.onData(flow, text);
  }
  ended(flow: Flow): void {
    this.endedCalls += 1;
    flow.end();
  }
  drained(): void {
    this.drainedCalls += 1;
  }
  closed(_flow: Flow, reason: CloseReason): void {
    this.closes.push(reason);
    this.resolve(reason);
  }
}

function client(port: number, half = true): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: half }, () => resolve(socket));
    socket.once('error', reject);
  });
}

function readAll(socket: Socket): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('end', () => resolve(Buffer.concat(chunks)));
    socket.on('error', reject);
  });
}

async function serve(t: Test, kind: SocketKind, handler: () => FlowHandler, options: SocketNetworkOptions = {}) {
  const network = await openKind(kind, options);
  const flows: Flow[] = [];
  const listener = await network.listen(0, (flow) => {
    flow.handler = handler();
    flows.push(flow);
  });
  t.teardown(() => network.close(0));
  return { network, listener, flows, port: listener.endpoint.port };
}

for (const kind of SOCKET_KINDS) {
  t.test(`${kind}: what a handler writes during a call arrives in order, small and large pieces mixed`, async (t) => {
    const large = new Memory(new Uint8Array(300_000).fill(66));
    const small = Memory.of('head:');
    const recorder = new Recorder((flow) => {
      for (let i = 0; i < 3; i++) {
        flow.write(small, 0, 5);
        flow.write(large, 1000, 201_000);
        flow.write(small, 4, 5);
      }
      t.equal(flow.queued, 3 * 200_006);
      flow.end();
    });
    const { port } = await serve(t, kind, () => recorder);
    const socket = await client(port);
    socket.write('go');
    const bytes = await readAll(socket);
    const part = `head:${'B'.repeat(200_000)}:`;
    t.equal(bytes.toString(), part.repeat(3));
    socket.end();
    t.equal(await recorder.over, 'finished');
    t.same(recorder.closes, ['finished']);
  });

  t.test(`${kind}: many small pieces beyond the size of the scratch memory arrive unchanged`, async (t) => {
    const piece = new Memory(Uint8Array.from({ length: 4000 }, (_, i) => i % 251));
    const recorder = new Recorder((flow) => {
      for (let i = 0; i < 100; i++) flow.write(piece, i, 4000);
      flow.end();
    });
    const { port } = await serve(t, kind, () => recorder);
    const socket = await client(port);
    socket.write('go');
    const expected = Buffer.concat(Array.from({ length: 100 }, (_, i) => piece.bytes.subarray(i)));
    t.ok((await readAll(socket)).equals(expected));
    socket.end();
    await recorder.over;
  });

  t.test(`${kind}: the peer may say FIN first and still gets its answer`, async (t) => {
    const recorder = new Recorder();
    recorder.ended = (flow) => {
      recorder.endedCalls += 1;
      flow.write(Memory.of('late'), 0, 4);
      flow.end();
    };
    const { port } = await serve(t, kind, () => recorder);
    const socket = await client(port);
    socket.end('question');
    t.equal((await readAll(socket)).toString(), 'late');
    t.equal(await recorder.over, 'finished');
    t.equal(recorder.text, 'question');
    t.equal(recorder.endedCalls, 1);
  });

  t.test(`${kind}: a reset by us reaches the peer and is told once`, async (t) => {
    const recorder = new Recorder((flow) => {
      flow.write(Memory.of('never seen'), 0, 10);
      flow.reset();
      flow.reset();
      flow.write(Memory.of('nothing'), 0, 7);
      flow.end();
    });
    const { port } = await serve(t, kind, () => recorder);
    const socket = await client(port);
    const failed = new Promise<NodeJS.ErrnoException>((resolve) => socket.once('error', resolve));
    socket.write('x');
    t.equal((await failed).code, 'ECONNRESET');
    t.equal(await recorder.over, 'reset-by-us');
    t.same(recorder.closes, ['reset-by-us']);
  });

  t.test(`${kind}: a reset by the peer ends the flow with that reason`, async (t) => {
    const recorder = new Recorder();
    const { port } = await serve(t, kind, () => recorder);
    const socket = await client(port);
    socket.resetAndDestroy();
    t.equal(await recorder.over, 'reset-by-peer');
    t.same(recorder.closes, ['reset-by-peer']);
  });

  t.test(`${kind}: a paused flow delivers nothing until it is resumed`, async (t) => {
    const recorder = new Recorder((flow, text) => {
      if (text === 'first') flow.pause();
    });
    const { port, flows } = await serve(t, kind, () => recorder);
    const socket = await client(port);
    socket.setNoDelay(true);
    socket.write('first');
    await until(() => recorder.text === 'first');
    socket.write('second');
    await new Promise((resolve) => socket.write('third', resolve));
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
    t.equal(recorder.text, 'first');
    flows[0].resume();
    await until(() => recorder.text === 'firstsecondthird');
    socket.end();
    socket.resume();
    await recorder.over;
  });

  t.test(
    `${kind}: drained comes when a slow reader has taken what was queued, and queued counts down to 0`,
    async (t) => {
      const huge = new Memory(new Uint8Array(30_000_000));
      const recorder = new Recorder((flow) => {
        flow.lowWater = 1000;
        flow.write(huge, 0, huge.bytes.length);
      });
      const { port, flows } = await serve(t, kind, () => recorder);
      const socket = await client(port);
      socket.pause();
      socket.write('go');
      await until(() => flows.length > 0 && flows[0].queued > 0);
      t.equal(recorder.drainedCalls, 0);
      let received = 0;
      socket.on('data', (chunk: Buffer) => {
        received += chunk.length;
      });
      socket.resume();
      await until(() => recorder.drainedCalls > 0);
      t.equal(recorder.drainedCalls, 1);
      t.ok(flows[0].queued <= 1000);
      await until(() => received === huge.bytes.length);
      t.equal(flows[0].queued, 0);
      socket.end();
      await recorder.over;
    },
  );

  t.test(`${kind}: a write outside a call leaves at flush`, async (t) => {
    const recorder = new Recorder();
    const { port, flows } = await serve(t, kind, () => recorder);
    const socket = await client(port);
    await until(() => flows.length === 1);
    flows[0].write(Memory.of('pushed'), 0, 6);
    flows[0].flush();
    const chunk = await new Promise<Buffer>((resolve) => socket.once('data', resolve));
    t.equal(chunk.toString(), 'pushed');
    socket.end();
    await recorder.over;
  });

  t.test(`${kind}: connections beyond the limit are reset, the others go on`, async (t) => {
    const recorder = new Recorder((flow) => flow.write(Memory.of('pong'), 0, 4));
    const { port, network, flows } = await serve(t, kind, () => recorder, { maxConnections: 1 });
    const first = await client(port);
    await until(() => flows.length === 1);
    const second = connect({ port, host: '127.0.0.1' });
    const failed = await new Promise<NodeJS.ErrnoException>((resolve) => second.once('error', resolve));
    t.equal(failed.code, 'ECONNRESET');
    first.write('ping');
    t.equal((await new Promise<Buffer>((resolve) => first.once('data', resolve))).toString(), 'pong');
    t.equal(network.counters()['connections-shed'], 1);
    t.equal(network.counters()['connections-open'], 1);
    first.end();
    first.resume();
    await recorder.over;
  });

  t.test(`${kind}: close lets flows finish, refuses new ones, and resets what is left at the deadline`, async (t) => {
    const recorders: Recorder[] = [];
    const { port, network } = await serve(t, kind, () => {
      const recorder = new Recorder((flow) => {
        flow.write(Memory.of('done'), 0, 4);
        flow.end();
      });
      recorders.push(recorder);
      return recorder;
    });
    const finishing = await client(port);
    const stuck = await client(port);
    await until(() => recorders.length === 2);
    stuck.on('error', () => {});
    const closed = network.close(300);
    await t.rejects(client(port), { code: 'ECONNREFUSED' });
    finishing.write('x');
    t.equal((await readAll(finishing)).toString(), 'done');
    finishing.end();
    await closed;
    const reasons = await Promise.all(recorders.map((recorder) => recorder.over));
    t.same(reasons.sort(), ['finished', 'network-closed']);
  });

  t.test(`${kind}: a port in use is one sentence that says what to do`, async (t) => {
    const { port } = await serve(t, kind, () => new Recorder());
    const other = await openKind(kind);
    await t.rejects(
      other.listen(port, () => {}),
      { message: new RegExp(`^port ${port} of 127.0.0.1 is in use .*--port$`) },
    );
  });

  t.test(`${kind}: an address that is not ours is one sentence`, async (t) => {
    const network = await openKind(kind, { host: '192.0.2.1' });
    await t.rejects(
      network.listen(0, () => {}),
      { message: /^192.0.2.1 is not an address of this machine/ },
    );
  });

  t.test(`${kind}: a flow knows both of its ends`, async (t) => {
    const recorder = new Recorder();
    const { port, flows } = await serve(t, kind, () => recorder);
    const socket = await client(port);
    await until(() => flows.length === 1);
    t.same(flows[0].local, { address: '127.0.0.1', port });
    t.same(flows[0].remote, { address: '127.0.0.1', port: socket.localPort });
    socket.destroy();
    await recorder.over;
  });

  t.test(`${kind}: it listens on IPv6, and on a name`, async (t) => {
    for (const [host, ask] of [
      ['::1', '::1'],
      ['localhost', 'localhost'],
    ]) {
      const recorder = new Recorder();
      const { port, flows } = await serve(t, kind, () => recorder, { host });
      const socket = connect({ port, host: ask });
      await new Promise((resolve) => socket.once('connect', resolve));
      await until(() => flows.length === 1);
      t.same(flows[0].remote, { address: socket.localAddress, port: socket.localPort });
      socket.destroy();
      await recorder.over;
    }
  });

  t.test(`${kind}: a callback that another one queued is not kept waiting by the sleep of the loop`, async (t) => {
    await serve(t, kind, () => new Recorder());
    // Some hundred turns take some milliseconds; one sleep would take as long as the next timer.
    let late = false;
    const timer = setTimeout(() => {
      late = true;
    }, 5_000);
    for (let i = 0; i < 300; i++) await new Promise((resolve) => setImmediate(resolve));
    clearTimeout(timer);
    t.notOk(late);
  });

  t.test(`${kind}: FIN behind bytes that a paused flow has not read is told once it reads on`, async (t) => {
    const recorder = new Recorder((flow, text) => {
      if (text === 'first') flow.pause();
    });
    const { port, flows } = await serve(t, kind, () => recorder);
    const socket = await client(port);
    socket.write('first');
    await until(() => recorder.text === 'first');
    socket.end('second');
    socket.resume();
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
    t.equal(recorder.endedCalls, 0);
    flows[0].resume();
    t.equal(await recorder.over, 'finished');
    t.equal(recorder.text, 'firstsecond');
    t.equal(recorder.endedCalls, 1);
  });

  t.test(`${kind}: thousands of connections come and go, and none is left`, async (t) => {
    const { port, network } = await serve(t, kind, () => {
      const recorder = new Recorder((flow) => {
        flow.write(Memory.of('pong'), 0, 4);
        flow.end();
      });
      return recorder;
    });
    const one = async (): Promise<void> => {
      const socket = await client(port, false);
      socket.write('ping');
      t.equal((await readAll(socket)).toString(), 'pong');
    };
    const lane = async (): Promise<void> => {
      for (let i = 0; i < 50; i++) await one();
    };
    await Promise.all(Array.from({ length: 40 }, lane));
    await until(() => network.counters()['connections-open'] === 0);
    t.equal(network.counters()['connections-accepted'], 2000);
  });
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
