import t from 'tap';
import { Memory } from '../../../src/memory/memory.js';
import { type Flow, type FlowHandler, type StackHost, virtualNet } from '../../../src/net/index.js';

/** Sends back what comes, and ends when the peer has. */
const echo: FlowHandler = {
  data: (flow, bytes, start, end) => flow.write(new Memory(bytes.slice(start, end)), 0, end - start),
  ended: (flow) => flow.end(),
  drained: () => undefined,
  closed: () => undefined,
};

/** Gathers what comes. */
class Gathered implements FlowHandler {
  text = '';
  reason: string | undefined;
  data(_flow: Flow, bytes: Uint8Array, start: number, end: number): void {
    this.text += new TextDecoder().decode(bytes.subarray(start, end));
  }
  ended(): void {}
  drained(): void {}
  closed(_flow: Flow, reason: string): void {
    this.reason = reason;
  }
}

async function listening(host: StackHost, port: number): Promise<void> {
  await host.listen(port, (flow) => {
    flow.handler = echo;
  });
}

t.test('a connection by addresses in text: opened, written to between entries, ended', async (t) => {
  const net = virtualNet(1);
  const server = net.host('10.0.0.1');
  const client = net.host('10.0.0.2');
  await listening(server, 7);
  const got = new Gathered();
  const flow = await net.until(client.connect('10.0.0.1', 7, got));
  flow.write(Memory.of('hello'), 0, 5);
  t.ok(await net.run(() => got.text === 'hello'));
  flow.end();
  t.ok(await net.run(() => got.reason !== undefined));
  t.equal(got.reason, 'finished');
});

t.test('a connection that cannot be opened rejects with a code', async (t) => {
  const net = virtualNet(2);
  net.host('10.0.0.1');
  const client = net.host('10.0.0.2');
  await t.rejects(net.until(client.connect('10.0.0.1', 9)), { name: 'ConnectError', code: 'refused' });
  await t.rejects(net.until(client.connect('172.16.0.1', 9)), { name: 'ConnectError', code: 'no-route' });
  await t.rejects(net.until(client.connect('10.0.0.99', 9)), { name: 'ConnectError', code: /unreachable|timed-out/ });
});

t.test('arguments that are none throw an error that names them', async (t) => {
  const net = virtualNet(3);
  const host = net.host('10.0.0.1');
  const wrong: readonly [call: () => unknown, error: { name: string; message: RegExp }][] = [
    [() => net.host('10.0.0.1'), { name: 'RangeError', message: /^address: 10\.0\.0\.1 belongs to another host/ }],
    [() => net.host('10.0.0'), { name: 'TypeError', message: /^address: / }],
    [() => net.host('10.0.0.3', { prefix: 33 }), { name: 'RangeError', message: /^prefix: / }],
    [() => net.host('10.0.0.3', { gateway: 'gw' }), { name: 'TypeError', message: /^gateway: / }],
    [() => host.connect('example', 80), { name: 'TypeError', message: /^address: / }],
    [() => host.connect('10.0.0.2', 0), { name: 'RangeError', message: /^port: / }],
    [() => host.connect('10.0.0.2', 65_536), { name: 'RangeError', message: /^port: / }],
    [() => host.connect('10.0.0.2', '80' as unknown as number), { name: 'TypeError', message: /^port: / }],
    [() => host.udp(-1, () => undefined), { name: 'RangeError', message: /^port: / }],
    [() => host.udp(0.5, () => undefined), { name: 'RangeError', message: /^port: / }],
  ];
  for (const [call, error] of wrong) t.throws(call, error);
  await t.rejects(
    host.listen(70_000, () => undefined),
    { name: 'RangeError', message: /^port: / },
  );
  const socket = host.udp(0, () => undefined);
  t.throws(() => socket.send(new Uint8Array(1), { address: 'x', port: 5 }), {
    name: 'TypeError',
    message: /^address: /,
  });
  t.throws(() => socket.send(new Uint8Array(1), { address: '10.0.0.2', port: 0 }), { name: 'RangeError' });
});

t.test('UDP: a datagram and its answer; a port of the dynamic range where none is named', async (t) => {
  const net = virtualNet(4);
  const server = net.host('10.0.0.1');
  const client = net.host('10.0.0.2');
  const answering = server.udp(53, (bytes, start, end, from) => answering.send(bytes.slice(start, end), from));
  let answer = '';
  const asking = client.udp(0, (bytes, start, end, from) => {
    answer = `${new TextDecoder().decode(bytes.subarray(start, end))} from ${from.address}:${from.port}`;
  });
  t.ok(asking.port >= 49_152 && asking.port <= 65_535);
  t.equal(asking.send(new TextEncoder().encode('query'), { address: '10.0.0.1', port: 53 }), true);
  t.ok(await net.run(() => answer !== ''));
  t.equal(answer, 'query from 10.0.0.1:53');
  t.throws(() => server.udp(53, () => undefined), { message: /53 is bound/ });
});

t.test('a network in virtual time replays from its seed, lossy cables and all', async (t) => {
  const bytes = 200_000;
  const play = async (seed: number): Promise<{ capture: Uint8Array; time: number }> => {
    const net = virtualNet(seed);
    const server = net.host('10.0.0.1');
    const client = net.host('10.0.0.2');
    net.link({ loss: 0.03, delay: 5, jitter: 2 });
    const capture = net.capture();
    const content = new Memory(Uint8Array.from({ length: bytes }, (_, i) => i & 255));
    await server.listen(80, (flow) => {
      flow.handler = { ...echo, data: () => undefined };
      flow.write(content, 0, bytes);
      flow.end();
    });
    let came = 0;
    let over = false;
    await net.until(
      client.connect('10.0.0.1', 80, {
        data: (_flow, _bytes, start, end) => {
          came += end - start;
        },
        ended: (flow) => flow.end(),
        drained: () => undefined,
        closed: () => {
          over = true;
        },
      }),
    );
    t.ok(await net.run(() => over));
    t.equal(came, bytes);
    return { capture: capture(), time: net.time.now() };
  };
  const first = await play(7);
  const second = await play(7);
  const other = await play(8);
  t.equal(second.time, first.time);
  t.ok(Buffer.from(first.capture).equals(Buffer.from(second.capture)));
  t.notOk(Buffer.from(first.capture).equals(Buffer.from(other.capture)));
  t.equal(new DataView(first.capture.buffer).getUint32(0, true), 0xa1b23c4d, 'a pcap file');
});

t.test('close waits for open flows, resets what is left, and nothing hangs', async (t) => {
  const net = virtualNet(5);
  const server = net.host('10.0.0.1');
  const client = net.host('10.0.0.2');
  await listening(server, 7);
  const got = new Gathered();
  const flow = await net.until(client.connect('10.0.0.1', 7, got));
  flow.write(Memory.of('hello'), 0, 5);
  t.ok(await net.run(() => got.text === 'hello'));
  await net.until(server.close(1000));
  t.ok(await net.run(() => got.reason !== undefined));
  t.equal(got.reason, 'reset-by-peer');
  await t.rejects(net.until(client.connect('10.0.0.1', 7)), { name: 'ConnectError' });
});

t.test('a program that waits for what never comes is told so', async (t) => {
  const net = virtualNet(6);
  net.host('10.0.0.1');
  await t.rejects(net.until(new Promise(() => undefined)), { message: /nothing happens any more/ });
});
