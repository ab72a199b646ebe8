/**
 * HTTP/2 connections with streams and frames under way that go to a next program which takes bytes: at every octet, and
 * with records that are damaged.
 */
import t from 'tap';
import { ERROR, FRAME, SETTING } from '../../../src/http/h2/frames.js';
import type { Memory } from '../../../src/memory/memory.js';
import { Carrier } from '../../../src/memory/pieces.js';
import { decodeBatch, encodeBatch } from '../../../src/net/direct/peer-link/moving-codec.js';
import type { MovingRecord } from '../../../src/net/tcp/moving/record.js';
import { MemoryFlow } from '../memory-flow.js';
import { Setup } from '../setup.js';
import { block, frame, get, Http2Client, headers, PREFACE, settings, word } from './client.js';
import { indexing } from './hpack.js';

t.setTimeout(300_000);

interface Moved {
  version: number;
  held: string;
  session: { underWay: { streams: Record<string, unknown>[] } & Record<string, unknown> };
}

/** Memories that both programs have, by number. */
const memories: Memory[] = [];
const find = (id: string): Memory | undefined => memories[Number(id)];

function carrier(most = 1_000_000): Carrier {
  return new Carrier((memory) => {
    if (memory.bytes.length < 5000) return undefined;
    if (!memories.includes(memory)) memories.push(memory);
    return String(memories.indexOf(memory));
  }, most);
}

function recordOf(setup: Setup, flow: MemoryFlow): Moved | undefined {
  const owner = setup.server.freeze(flow, carrier());
  if (owner === undefined) return undefined;
  return decodeBatch(encodeBatch([{ owner } as MovingRecord]))[0]!.owner as Moved;
}

function move(from: Setup, flow: MemoryFlow): { setup: Setup; flow: MemoryFlow } {
  const record = recordOf(from, flow);
  const setup = new Setup();
  const next = new MemoryFlow();
  if (record === undefined || !setup.server.adopt(next, record, find)) throw new Error('not adopted');
  from.server.moved(flow);
  setup.server.thaw(next);
  return { setup, flow: next };
}

/** Octets of content that have come on a stream. */
function lengthOf(client: Http2Client, id: number): number {
  return client.streams.get(id)!.body.reduce((sum, part) => sum + part.length, 0);
}

t.test(
  'at every octet of what a client sends: preface, SETTINGS, a field block in three frames, content that is late',
  async (t) => {
    const sent = Buffer.concat([
      PREFACE,
      settings([[SETTING.initialWindowSize, 70_000]]),
      frame(FRAME.ping, 0, 0, new Uint8Array(8)),
      block(1, indexing([...get('/movie.mp4'), ['x-id', '1']]), true, 30),
      headers(3, get('/docs/')),
      // A stream that was reset, and what was on its way.
      headers(5, [...get('/'), ['Upper', 'x']], false),
      frame(FRAME.data, 0x8, 5, [3, 1, 2, 0, 0, 0]),
      frame(FRAME.priorityUpdate, 0, 0, [...word(9), ...Buffer.from('u=1')]),
      frame(77, 0, 0, [1, 2, 3]),
      // By their places in the table.
      block(7, Uint8Array.of(0xc2, 0xc1, 0xc0, 0xbf, 0xbe)),
    ]);
    for (let cut = 0; cut <= sent.length; cut++) {
      const setup = new Setup();
      const begun = MemoryFlow.connect(setup.server.accept, undefined, {
        ...{ protocol: 'TLSv1.3', alpn: 'h2', serverName: undefined, cipher: 'TLS_AES_128_GCM_SHA256' },
      });
      const client = new Http2Client(begun, [], false);
      if (cut > 0) client.send(sent.subarray(0, cut));
      const next = move(setup, begun);
      const said = client.frames.length;
      client.at(next.flow);
      client.send(sent.subarray(cut));
      t.ok(client.frames.length > said || cut === sent.length, `${cut}`);
      t.equal(client.goAway, undefined, `${cut}`);
      for (const id of [1, 7]) t.equal(client.response(id).body.length, 10_000, `${cut}: stream ${id}`);
      t.equal(client.response(3).text, 'docs');
      t.equal(client.streams.get(5)!.reset, ERROR.protocolError);
      t.equal(client.of(FRAME.settings).filter(({ flags }) => flags === 0).length, 1, 'SETTINGS of ours are sent once');
      t.equal(client.of(FRAME.ping).length, 1);
    }
  },
);

t.test('answers go on at their place, by reference; windows, priorities and turns are those that were', async (t) => {
  let setup = new Setup();
  const client = new Http2Client(setup.connect(), [[SETTING.initialWindowSize, 100]]);
  let { flow } = client;
  client.opens = false;
  const sizes: number[] = [];
  for (const [i, priority] of ['u=5', 'u=1, i', 'u=1, i', 'u=0'].entries())
    client.send(headers(1 + 2 * i, get('/movie.mp4', ['priority', priority])));
  const ids = [1, 3, 5, 7];
  for (let i = 1; i <= 20; i++) {
    const most = carrier();
    t.ok(setup.server.freeze(flow, most));
    t.equal(most.copied, 0, 'content is named');
    setup.server.thaw(flow);
    ({ setup, flow } = move(setup, flow));
    client.at(flow);
    for (const id of ids) client.send(frame(FRAME.windowUpdate, 0, id, word(300)));
    sizes.push(...ids.map((id) => lengthOf(client, id)));
    t.same(
      ids.map((id) => lengthOf(client, id)),
      ids.map(() => 100 + 300 * i),
    );
  }
  // Now the window of the connection is what there is too little of: the more urgent answers go first.
  ({ setup, flow } = move(setup, flow));
  client.at(flow);
  for (const id of ids) client.send(frame(FRAME.windowUpdate, 0, id, word(20_000)));
  client.send(frame(FRAME.windowUpdate, 0, 0, word(100_000)));
  for (const id of ids) t.equal(client.response(id).body.length, 10_000);
  t.equal(setup.server.connections, 1);
  t.equal(setup.server.stats().accepted, 0);
});

t.test(
  'a change of SETTINGS in the next program changes windows of streams that began before it, below zero',
  async (t) => {
    const setup = new Setup();
    const client = new Http2Client(setup.connect(), [[SETTING.initialWindowSize, 1000]]);
    client.opens = false;
    client.send(headers(1, get('/movie.mp4')));
    client.send(settings([[SETTING.initialWindowSize, 0]]));
    const next = move(setup, client.flow);
    client.at(next.flow);
    client.send(frame(FRAME.windowUpdate, 0, 1, word(1000)));
    t.equal(lengthOf(client, 1), 1000, 'what was taken back is owed');
    client.send(settings([[SETTING.initialWindowSize, 1000]]));
    t.equal(lengthOf(client, 1), 2000);
  },
);

t.test('what stays: content that is awaited, a connection that says goodbye, more than goes along', async (t) => {
  const setup = new Setup();
  const client = new Http2Client(setup.connect(), [[SETTING.initialWindowSize, 0]]);
  client.send(headers(1, get('/movie.mp4')));
  t.equal(setup.server.freeze(client.flow), undefined, 'the other program takes no bytes');
  client.send(headers(3, get('/'), false));
  t.equal(recordOf(setup, client.flow), undefined);
  client.send(frame(FRAME.rstStream, 0, 3, word(8)));
  const none = new Carrier(() => undefined, 100);
  t.equal(setup.server.freeze(client.flow, none), undefined);
  t.not(recordOf(setup, client.flow), undefined);
  const leaving = new Setup();
  const other = new Http2Client(leaving.connect(), [[SETTING.initialWindowSize, 0]]);
  other.send(headers(1, get('/movie.mp4')));
  leaving.server.drain();
  t.equal(recordOf(leaving, other.flow), undefined);
});

t.test('one that takes nothing ends as it would have there, and its streams with it', async (t) => {
  const setup = new Setup();
  const client = new Http2Client(setup.connect(), [[SETTING.initialWindowSize, 10]]);
  client.opens = false;
  client.send(headers(1, get('/movie.mp4')));
  const next = move(setup, client.flow);
  t.equal(setup.clock.pending, 0, 'nothing is left of it in the old program');
  client.at(next.flow);
  next.setup.clock.advance(600_000);
  client.read();
  t.equal(client.goAway?.code, ERROR.enhanceYourCalm);
  next.setup.clock.advance(60_000);
  t.equal(next.setup.server.connections, 0);
});

t.test('a record that cannot be is not adopted', async (t) => {
  const setup = new Setup();
  const client = new Http2Client(setup.connect(), [[SETTING.initialWindowSize, 100]]);
  client.opens = false;
  client.send(headers(1, get('/movie.mp4')), headers(3, get('/movie.mp4')));
  client.send(block(5, indexing(get('/docs/')), true, 10).subarray(0, 19));
  const fresh = (): Moved => {
    const record = recordOf(setup, client.flow)!;
    setup.server.thaw(client.flow);
    return record;
  };
  t.ok(new Setup().server.adopt(new MemoryFlow(), fresh(), find));
  const wrong = [undefined, -1, 1.5, 2 ** 31, '1', {}, Number.NaN];
  const spoilt: ((one: Moved['session']['underWay']) => unknown)[] = [
    ...['preface', 'dataLeft', 'dataStream', 'blockFrames', 'blockStream', 'controls', 'turn', 'streams'].flatMap(
      (name) => wrong.map((value) => (one: object) => Object.assign(one, { [name]: value })),
    ),
    ...['id', 'window', 'urgency', 'ownBytes', 'blocks', 'pieces'].flatMap((name) =>
      [null, ...wrong.filter((value) => name !== 'window' || value !== -1)].map(
        (value) => (one: { streams: object[] }) => Object.assign(one.streams[0]!, { [name]: value }),
      ),
    ),
    (one) => Object.assign(one, { preface: 3 }),
    (one) => Object.assign(one, { block: 'x' }),
    (one) => Object.assign(one, { block: new Uint8Array(49_153) }),
    (one) => Object.assign(one, { streams: new Array(101).fill(one.streams[0]) }),
    (one) => Object.assign(one.streams[1]!, { id: 1 }),
    (one) => Object.assign(one.streams[1]!, { id: 2 }),
    (one) => Object.assign(one.streams[1]!, { id: 7 }),
    (one) => Object.assign(one.streams[0]!, { urgency: 8 }),
    (one) => Object.assign(one.streams[0]!, { blocks: [new Uint8Array(0)] }),
    (one) => Object.assign(one.streams[0]!, { pieces: [] }),
    (one) => Object.assign(one.streams[0]!, { pieces: [{ id: 'gone', start: 0, end: 1 }] }),
    (one) => Object.assign(one.streams[0]!, { pieces: [{ id: '0', start: 5, end: 5 }] }),
    (one) => Object.assign(one.streams[0]!, { pieces: [{ bytes: new Uint8Array(0) }] }),
    (one) => one.streams.push(null as never),
  ];
  for (const [i, spoil] of spoilt.entries()) {
    const record = fresh();
    spoil(record.session.underWay);
    const there = new Setup();
    t.notOk(there.server.adopt(new MemoryFlow(), record, find), `${i}: ${spoil}`);
    t.equal(there.server.connections, 0);
  }
  for (const change of [{ version: 4 }, { held: 'x'.repeat(16_394) }, { state: 1 }]) {
    t.notOk(
      new Setup().server.adopt(new MemoryFlow(), Object.assign(fresh(), change), find),
      JSON.stringify(change).slice(0, 30),
    );
  }
});
