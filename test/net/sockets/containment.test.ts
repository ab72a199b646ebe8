/** An exception in an owner’s call, a timer or a datagram ends this one alone, on both kinds of kernel sockets. */
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import t from 'tap';
import { Memory } from '../../../src/memory/memory.js';
import type { FaultPlace } from '../../../src/net/containment.js';
import type { Flow, FlowHandler } from '../../../src/net/flow.js';
import { connectSocket } from '../../../src/net/sockets/node/connect.js';
import { openSocketDatagrams } from '../../../src/net/sockets/open.js';
import { openKind, SOCKET_KINDS } from './kinds.js';

const CALLS = ['accept', 'data', 'ended', 'drained', 'closed'] as const;
type Call = (typeof CALLS)[number];

/** Says `text`, ends, and answers what came before the end or the reset. */
function ask(port: number, text: string): Promise<string> {
  return new Promise((resolve) => {
    let said = '';
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }, () => socket.end(text));
    socket.on('data', (chunk: Buffer) => {
      said += chunk.toString('latin1');
    });
    socket.on('error', () => undefined);
    socket.on('end', () => socket.end());
    socket.on('close', () => resolve(said));
  });
}

for (const kind of SOCKET_KINDS) {
  for (const call of CALLS) {
    t.test(`${kind}: an owner that throws in ${call} loses this flow alone`, async (t) => {
      const places: FaultPlace[] = [];
      const network = await openKind(kind, { onFault: (_error, place) => places.push(place) });
      t.teardown(() => network.close(0));
      let bad = true;
      const at = (here: Call): void => {
        if (bad && here === call) throw new Error('injected');
      };
      let closed = 0;
      const echo: FlowHandler = {
        data(flow, bytes, start, end) {
          at('data');
          flow.write(new Memory(bytes.slice(start, end)), 0, end - start);
          // Beyond what is queued: it drains at once, and the owner hears of it.
          flow.lowWater = 0;
        },
        ended(flow) {
          at('ended');
          flow.end();
        },
        drained: () => at('drained'),
        closed: () => {
          closed++;
          at('closed');
        },
      };
      const listener = await network.listen(0, (flow) => {
        flow.handler = echo;
        at('accept');
      });
      const { port } = listener.endpoint;
      await ask(port, 'one');
      for (let i = 0; i < 500 && places.length === 0; i++) await new Promise((done) => setTimeout(done, 5));
      t.same(places, ['connection'], 'the fault was reported');
      bad = false;
      t.equal(await ask(port, 'two'), 'two', 'the next one is served');
      for (let i = 0; i < 500 && closed < 2; i++) await new Promise((done) => setTimeout(done, 5));
      t.equal(closed, 2, 'owners heard of both ends');
      t.equal(network.counters()['connections-open'], 0, 'none is left');
      t.equal(network.counters()['fault-connection'], 1);
    });
  }

  t.test(`${kind}: a timer that throws ends alone`, async (t) => {
    const places: FaultPlace[] = [];
    const network = await openKind(kind, { onFault: (_error, place) => places.push(place) });
    network.clock.schedule(0, () => {
      throw new Error('injected');
    });
    await new Promise<void>((resolve) => network.clock.schedule(5, resolve));
    t.same(places, ['timer']);
  });

  t.test(`${kind}: a datagram whose handler throws is lost, and the next is answered`, async (t) => {
    const places: FaultPlace[] = [];
    const datagrams = await openSocketDatagrams('127.0.0.1', '--dns-port', kind, (_error, place) => places.push(place));
    const port = await datagrams.bind(0, (from, { bytes, start, end, source, local }) => {
      if (bytes[start] === 120) throw new Error('injected');
      from.send(bytes, start, end, source, local);
    });
    t.teardown(() => port.close());
    const socket = createSocket('udp4');
    t.teardown(() => socket.close());
    const answered = new Promise<string>((resolve) => socket.on('message', (bytes) => resolve(bytes.toString())));
    socket.send('x', port.endpoint.port, '127.0.0.1');
    socket.send('good', port.endpoint.port, '127.0.0.1');
    t.equal(await answered, 'good');
    t.same(places, ['datagram']);
  });
}

t.test('a connection of ours whose owner throws ends alone', async (t) => {
  const network = await openKind('node');
  t.teardown(() => network.close(0));
  const listener = await network.listen(0, (flow: Flow) => {
    flow.handler = { data() {}, ended() {}, drained() {}, closed() {} };
    flow.write(new Memory(new Uint8Array(3)), 0, 3);
  });
  const places: FaultPlace[] = [];
  const flow = await connectSocket('127.0.0.1', listener.endpoint.port, (_error, place) => places.push(place));
  await new Promise<void>((resolve) => {
    flow.handler = {
      data() {
        throw new Error('injected');
      },
      ended() {},
      drained() {},
      closed: () => resolve(),
    };
  });
  t.same(places, ['connection']);
});
