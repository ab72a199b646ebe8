/**
 * What one of our programs says to another: a mistake in dealing with it costs that message, or the connections that it
 * is about. The process goes on, and with it the other connections.
 */
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { socketPath } from '../../../src/native/sockets/socket-path.js';
import type { AddressMode } from '../../../src/net/direct/address/address-mode.js';
import { Link, MOVE, SAY, SEGMENT } from '../../../src/net/direct/peer-link/link.js';
import { type HandedOver, Predecessors } from '../../../src/net/direct/succession/predecessors.js';
import { Succession } from '../../../src/net/direct/succession/succession.js';
import { type Owner, Successor } from '../../../src/net/direct/succession/successor.js';
import type { Turns } from '../../../src/net/direct/turns/turns.js';
import { WorkerLinks } from '../../../src/net/direct/workers/worker-links.js';
import { virtualNet } from '../../../src/net/host/virtual-net.js';
import type { TcpState } from '../../../src/net/tcp/moving/hand-over.js';

/** Waits for what comes over sockets. */
async function until(met: () => boolean): Promise<void> {
  for (let i = 0; i < 20_000 && !met(); i++) await new Promise(setImmediate);
}

const injected = (): never => {
  throw new Error('injected');
};

function makeHost() {
  const host = virtualNet(1).host('10.0.0.1');
  host.faults.onFault = () => undefined;
  return { host, faults: () => host.faults.counters()['fault-program'] ?? 0 };
}

/** A message by hand. */
function message(kind: number, content: string | Uint8Array): Buffer {
  const bytes = Buffer.from(content as string);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(bytes.length + 1, 0);
  head[4] = kind;
  return Buffer.concat([head, bytes]);
}

/** A program that is asked by hand. */
async function ask(t: Test, path: string) {
  const told: { value: Record<string, unknown> | undefined; closed: boolean } = { value: undefined, closed: false };
  const link = (await Link.connect(path, (error) => t.fail(String(error))))!;
  link.onMessage = (kind, content) => {
    if (kind === SAY) told.value = link.said(content) as Record<string, unknown>;
  };
  link.onClose = () => {
    told.closed = true;
  };
  t.teardown(() => link.close());
  return { link, told };
}

t.test('a listener that throws costs its message; the link goes on with the next one', async (t) => {
  const folder = t.testdir();
  const errors: unknown[] = [];
  const heard: number[] = [];
  const take = (_kind: number, content: Uint8Array): void => {
    heard.push(content[0]!);
    if (content[0] === 2) injected();
  };
  const one = new WorkerLinks(folder, 1, take, (error) => errors.push(error));
  const two = new WorkerLinks(folder, 2, take, (error) => errors.push(error));
  t.teardown(() => {
    two.close();
    one.close();
  });
  await Promise.all([one.listening, two.listening]);
  const link = (await two.to(1))!;
  for (const number of [1, 2, 3]) link.send(SEGMENT, Uint8Array.of(number), new Uint8Array(8), 0, 8);
  await until(() => heard.length === 3);
  t.same(heard, [1, 2, 3]);
  t.match(errors, [{ message: 'injected' }]);
  link.close();
});

t.test('messages that waited, the word that one was sent, and the end of a link are guarded as well', async (t) => {
  const path = join(t.testdir(), 'link');
  const server = createServer().listen(socketPath(path).path);
  t.teardown(() => server.close());
  await once(server, 'listening');
  const errors: unknown[] = [];
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const link = (await Link.connect(path, (error) => errors.push(error)))!;
  const [socket] = await accepted;
  socket.resume();
  socket.write(message(SEGMENT, 'early'));
  link.say({}, injected);
  await until(() => errors.length === 1);
  await until(() => (link as unknown as { early: unknown[] }).early.length === 1);
  link.onMessage = injected;
  t.equal(errors.length, 2);
  link.onClose = injected;
  socket.destroy();
  await until(() => errors.length === 3);
  t.equal(errors.length, 3);
});

t.test('what cannot be read closes the link: the two do not go on from different words', async (t) => {
  for (const bytes of [
    message(SAY, '{"do":'),
    message(SAY, 'null'),
    message(SAY, '7'),
    Buffer.alloc(5),
    Buffer.alloc(5, 255),
  ]) {
    const path = join(t.testdir(), 'link');
    const { host, faults } = makeHost();
    const successor = new Successor(path, ownerOf(host));
    const { link, told } = await ask(t, path);
    (link as unknown as { socket: Socket }).socket.write(bytes);
    await until(() => told.closed);
    t.ok(told.closed, JSON.stringify(bytes.toString('latin1')));
    t.equal(faults(), 1);
    const again = await ask(t, path);
    again.link.say({ do: 'names' });
    await until(() => again.told.value !== undefined);
    t.same(again.told.value, { connections: [] }, 'and another may come');
    successor.close();
  }
});

type Host = ReturnType<typeof makeHost>['host'];

function ownerOf(host: Host, more: Partial<Owner> = {}): Owner {
  const enter = (callback: () => void): void => callback();
  const rest = { memories: undefined, settled: true, takeBack() {}, given() {} };
  return { stack: host.stack, tcp: host.tcp, enter, give: injected, ...rest, ...more };
}

t.test(
  'a mistake while the traffic is given away closes the link, and the next program that asks gets it',
  async (t) => {
    const path = join(t.testdir(), 'link');
    const { host, faults } = makeHost();
    let tries = 0;
    const state = { version: 1 } as HandedOver;
    const give = (): HandedOver => (++tries === 1 ? injected() : state);
    const successor = new Successor(path, ownerOf(host, { give }));
    t.teardown(() => successor.close());
    const first = await ask(t, path);
    first.link.say({ do: 'take', version: 1 });
    await until(() => first.told.closed);
    t.ok(first.told.closed, 'so who asked need not wait');
    t.equal(faults(), 1);
    const second = await ask(t, path);
    second.link.say({ do: 'take', version: 1 });
    await until(() => second.told.value !== undefined);
    t.same(second.told.value, state);
  },
);

t.test('a program that fails to give its traffic away reads the device again', (t) => {
  const { host } = makeHost();
  let [reads, adopted, loops] = [0, 0, 0];
  const turns = {
    now: 0,
    reading: true,
    enter: (callback: () => void) => callback(),
    changeLoop: () => loops++,
    loop: {},
  } as unknown as Turns;
  const mode = {
    leave: () => ({}),
    adopt: () => adopted++,
    start: () => reads++,
  } as unknown as AddressMode;
  const succession = new Succession({ stack: host.stack, tcp: host.tcp, mode, turns }, () => ({}) as Turns['loop'], {});
  const { waiting } = host.tcp;
  const { take } = waiting;
  waiting.take = injected;
  t.throws(() => succession.give({ gone() {}, timeWait() {} }), /injected/);
  t.match({ reading: turns.reading, adopted, loops, reads }, { reading: true, adopted: 1, loops: 2, reads: 0 });
  t.equal(host.tcp.departed, undefined, 'and accepts connections');
  waiting.take = take;
  t.equal(succession.give({ gone() {}, timeWait() {} }).version, 1);
  t.equal(turns.reading, false);
  // It comes back, and what comes back fails.
  mode.adopt = injected;
  t.throws(() => succession.takeBack({ address: {} } as HandedOver, []), /injected/);
  t.equal(turns.reading, true, 'whatever is wrong with it');
  t.end();
});

t.test('a segment or report that another program passes on wrongly costs itself', async (t) => {
  const path = join(t.testdir(), 'link');
  const { host, faults } = makeHost();
  const successor = new Successor(path, ownerOf(host));
  t.teardown(() => successor.close());
  const { link, told } = await ask(t, path);
  const { input } = host.tcp;
  host.tcp.input = injected;
  const datagram = new Uint8Array(40);
  datagram[0] = 0x45;
  link.send(SEGMENT, Uint8Array.of(0), datagram, 0, datagram.length);
  await until(() => faults() === 1);
  host.tcp.input = input;
  // Too short for what they should hold.
  for (let kind = 1; kind <= 9; kind++) if (kind !== SAY) link.send(kind, Uint8Array.of(0), datagram, 0, 0);
  for (const said of [{ do: 'settled', moved: 7 }, { do: 'lost', address: {} }, { do: 7 }, { do: 'opened' }, []]) {
    link.say(said);
  }
  link.say({ do: 'names' });
  await until(() => told.value !== undefined);
  t.same(told.value, { connections: [] });
});

t.test(
  'what a predecessor says wrongly, or what fails with it, ends neither the new program nor the link',
  async (t) => {
    const path = join(t.testdir(), 'link');
    const server = createServer().listen(socketPath(path).path);
    t.teardown(() => server.close());
    await once(server, 'listening');
    const { host, faults } = makeHost();
    const { keys } = host.tcp.hash;
    const tcp: TcpState = { keys, clock: 0, cookieAge: -1, halfOpen: [], waiting: [], connections: [] };
    const asked: Record<string, unknown>[] = [];
    let theirs: Link | undefined;
    server.on('connection', (socket) => {
      theirs = new Link(socket, (error) => t.fail(String(error)));
      theirs.onMessage = (_kind, content) => {
        const said = theirs!.said(content) as Record<string, unknown>;
        asked.push(said);
        if (said['do'] === 'take') theirs!.say({ version: 1, at: 0, tcp, neighbours: [] });
      };
    });
    const memories = { nameOf: () => undefined, open: () => Promise.reject(new Error('injected')) };
    const enter = (callback: () => void): void => callback();
    const found = (await Predecessors.ask([path], host.stack, host.tcp, enter, memories as never))!;
    found.predecessors.taken();
    theirs!.say({ open: { id: 'a' } });
    theirs!.say({ timeWait: 7 });
    theirs!.say({ timeWait: { name: ['x'] } });
    theirs!.say({ gone: { length: 3 } });
    theirs!.say({ move: 'all' });
    theirs!.say({ move: [null, 7, { version: 1 }, { busy: { queue: [7] } }] });
    theirs!.send(MOVE, Uint8Array.of(), new Uint8Array(3), 0, 3);
    theirs!.send(SEGMENT, Uint8Array.of(), new Uint8Array(3), 0, 1);
    await until(() => asked.filter((one) => one['do'] === 'settled').length === 3);
    t.match(
      asked.filter((one) => one['do'] === 'settled').map((one) => one['moved']),
      [[], [], []],
      'each batch is answered: nothing of it was taken',
    );
    t.ok(faults() > 0);
    t.equal(found.predecessors.count, 1, 'the link is there');
    // The end of it fails as well.
    Object.defineProperty(host.tcp, 'elsewhere', { set: injected, get: () => undefined });
    const before = faults();
    theirs!.close();
    await until(() => faults() > before);
    t.equal(found.predecessors.count, 0);
  },
);
