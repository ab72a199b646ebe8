/**
 * HTTP/2 connections that go to a next program: what it has to know is in the record, and is believed no more than a
 * peer.
 */
import t from 'tap';
import { ERROR, FRAME, SETTING } from '../../../src/http/h2/frames.js';
import { MemoryFlow } from '../memory-flow.js';
import { Setup } from '../setup.js';
import { block, frame, get, Http2Client, headers, settings, word } from './client.js';
import { indexing } from './hpack.js';

type Record = { session: { [name: string]: unknown; table: unknown[] }; version: number; held: string; state: number };

function recordOf(setup: Setup, client: Http2Client): Record {
  return JSON.parse(JSON.stringify(setup.server.freeze(client.flow))) as Record;
}

/** Takes the connection to another program; its other end there, for the same client. */
function move(from: Setup, client: Http2Client): { readonly setup: Setup; readonly client: Http2Client } {
  const record = recordOf(from, client);
  const setup = new Setup();
  const flow = new MemoryFlow();
  if (!setup.server.adopt(flow, record)) throw new Error('not adopted');
  from.server.moved(client.flow);
  setup.server.thaw(flow);
  return { setup, client: client.at(flow) };
}

t.test('a quiet connection goes on in the next program, and in the one after it', async (t) => {
  let setup = new Setup();
  let client = new Http2Client(setup.connect(), [[SETTING.initialWindowSize, 6000]]);
  client.opens = false;
  // Fields in the table, a stream that was reset, a gap, and a window that is used in part.
  client.send(block(1, indexing([...get('/movie.mp4'), ['x-id', '1']])));
  client.send(frame(FRAME.rstStream, 0, 1, word(ERROR.cancel)));
  client.send(headers(7, [...get('/'), ['Upper', 'x']], false));
  t.equal(client.streams.get(7)!.reset, ERROR.protocolError);
  for (let i = 0; i < 3; i++) {
    ({ setup, client } = move(setup, client));
    // By their places in the table, which came along.
    client.send(block(9 + i * 2, Uint8Array.of(0xc2, 0xc1, 0xc0, 0xbf, 0xbe)));
    t.equal(client.streams.get(9 + i * 2)!.fields![0]![1], '200');
    t.equal(
      client.streams.get(9 + i * 2)!.body.reduce((sum, part) => sum + part.length, 0),
      6000,
      'the window is as it was',
    );
    client.send(frame(FRAME.windowUpdate, 0, 9 + i * 2, word(4000)));
    t.equal(client.response(9 + i * 2).body.length, 10000);
  }
  client.send(frame(FRAME.data, 0, 7, [1]), frame(FRAME.ping, 0, 0, new Uint8Array(8)));
  t.equal(client.goAway, undefined, 'what comes for a stream that was reset there is ignored here');
  client.send(headers(3, get('/')));
  t.equal(client.goAway?.code, ERROR.protocolError, 'and a number that was passed over is passed over');
});

t.test('the window of the connection goes along', async (t) => {
  let setup = new Setup();
  let client = new Http2Client(setup.connect());
  client.opens = false;
  for (let i = 0; i < 3; i++) client.response(client.request(get('/movie.mp4')));
  ({ setup, client } = move(setup, client));
  for (let i = 0; i < 4; i++) client.send(headers(7 + i * 2, get('/movie.mp4')));
  const later = [7, 9, 11, 13].reduce(
    (sum, id) => sum + client.streams.get(id)!.body.reduce((all, part) => all + part.length, 0),
    0,
  );
  t.equal(later, 65535 - 30000);
});

t.test('one that has something under way stays, and goes when it is quiet', async (t) => {
  const setup = new Setup();
  const client = new Http2Client(setup.connect(), [[SETTING.initialWindowSize, 0]]);
  client.opens = false;
  client.send(headers(1, get('/movie.mp4')));
  t.equal(setup.server.freeze(client.flow), undefined, 'an answer waits');
  client.send(frame(FRAME.windowUpdate, 0, 1, word(20000)), headers(3, get('/'), false));
  t.equal(setup.server.freeze(client.flow), undefined, 'content is awaited');
  client.send(frame(FRAME.rstStream, 0, 3, word(8)), headers(5, get('/empty.css')).subarray(0, 5));
  t.equal(setup.server.freeze(client.flow), undefined, 'half a frame is here');
  client.send(headers(5, get('/empty.css')).subarray(5));
  t.not(setup.server.freeze(client.flow), undefined);
});

t.test('it ends as it would have there: what is left of its time comes along', async (t) => {
  const setup = new Setup();
  const client = new Http2Client(setup.connect());
  client.request(get('/docs/'));
  setup.clock.advance(40_000);
  const next = move(setup, client);
  t.equal(setup.clock.pending, 0);
  next.setup.clock.advance(34_000);
  t.notOk(next.client.flow.ended);
  next.setup.clock.advance(6_000);
  t.ok(next.client.flow.ended);
});

t.test('a program that speaks no HTTP/2 does not take it, nor one from before HTTP/2', async (t) => {
  const setup = new Setup();
  const client = new Http2Client(setup.connect());
  client.request(get('/docs/'));
  const record = recordOf(setup, client);
  t.equal(record.version, 2, 'programs before took 1 alone');
  t.notOk(new Setup({ http2: false }).server.adopt(new MemoryFlow(), record));
});

t.test('a record that cannot be is not adopted', async (t) => {
  const setup = new Setup();
  const client = new Http2Client(setup.connect());
  client.send(block(1, indexing(get('/docs/'))), settings());
  const good = recordOf(setup, client);
  t.ok(new Setup().server.adopt(new MemoryFlow(), structuredClone(good)));
  const spoilt: readonly ((record: Record) => void)[] = [
    (one) => Object.assign(one, { session: undefined }),
    (one) => Object.assign(one, { session: null }),
    (one) => Object.assign(one, { held: 'GET' }),
    (one) => Object.assign(one, { state: 2 }),
    (one) => Object.assign(one, { version: 4 }),
    ...['lastStream', 'unreturned', 'firstWindow', 'window', 'tableLimit'].flatMap((name) =>
      [-1, 1.5, 2 ** 31, '1', null].map((value) => (one: Record) => Object.assign(one.session, { [name]: value })),
    ),
    (one) => Object.assign(one.session, { tableLimit: 4097 }),
    ...['resetByUs', 'resetByPeer', 'gaps', 'table'].flatMap((name) =>
      [undefined, 7, 'x', [null], new Array(300).fill(1)].map(
        (value) => (one: Record) => Object.assign(one.session, { [name]: value }),
      ),
    ),
    (one) => one.session.table.push('odd'),
    (one) => one.session.table.push('name', 'v'.repeat(5000)),
  ];
  for (const [i, spoil] of spoilt.entries()) {
    const record = structuredClone(good);
    spoil(record);
    const there = new Setup();
    t.notOk(there.server.adopt(new MemoryFlow(), record), `${i}`);
    t.equal(there.server.connections, 0);
  }
});

t.test('fields that are malformed stay so in the next program', async (t) => {
  const setup = new Setup();
  const client = new Http2Client(setup.connect());
  client.send(block(1, indexing([...get('/docs/'), ['x', ' a']])));
  t.equal(client.streams.get(1)!.reset, ERROR.protocolError);
  const next = move(setup, client);
  next.client.send(
    block(3, Uint8Array.of(0xc2, 0xc1, 0xc0, 0xbf, 0xbe)),
    block(5, Uint8Array.of(0xc2, 0xc1, 0xc0, 0xbf)),
  );
  t.equal(next.client.streams.get(3)!.reset, ERROR.protocolError);
  t.equal(next.client.response(5).text, 'docs');
});
