/** RFC 9218: which answer goes on first. */
import t from 'tap';
import { FRAME, SETTING } from '../../../src/http/h2/frames.js';
import { Priority } from '../../../src/http/h2/priority.js';
import { bound } from '../../documented.js';
import { HandMadeStore } from '../hand-made-store.js';
import { Setup } from '../setup.js';
import { frame, get, Http2Client, headers, word } from './client.js';

t.test('RFC 9218 4, RFC 8941: what `Priority` says', async (t) => {
  const priority = new Priority();
  for (const [text, urgency, incremental] of [
    ['', 3, false],
    ['u=0', 0, false],
    ['u=7, i', 7, true],
    ['i', 3, true],
    ['i=?1', 3, true],
    ['i=?0', 3, false],
    ['  u=1 ,\ti ', 1, true],
    ['u=1,u=5', 5, false],
    ['u=1;a=2;b, i;c="x,y"', 1, true],
    ['x, y=(a "," b);c, u=2', 2, false],
    ['z="a\\",u=7", u=2', 2, false],
    // Values that are none of theirs are ignored (RFC 9218 4).
    ['u=8', 3, false],
    ['u=-1', 3, false],
    ['u=1.5', 3, false],
    ['u="1"', 3, false],
    ['u', 3, false],
    ['i=1', 3, false],
    ['u=1, u=9', 1, false],
    // What is no dictionary says nothing (RFC 8941 4.2).
    ['u=1,', 3, false],
    ['u=1 i', 3, false],
    ['U=1', 3, false],
    ['u=1, "x"', 3, false],
    ['u=1, x="', 3, false],
    ['u=1, x=(', 3, false],
  ] as const) {
    const bytes = new TextEncoder().encode(text);
    priority.parse(bytes, 0, bytes.length);
    t.same([priority.urgency, priority.incremental], [urgency, incremental], JSON.stringify(text));
  }
});

const FILES = Object.fromEntries(
  ['a', 'b', 'c', 'd'].map((name) => [`/${name}`, { type: 'text/plain', content: name.repeat(60000) }]),
);

/**
 * Asks for several files at once, before a window is open, and opens it; the streams of the frames of content that
 * come, in order.
 */
function order(
  asked: readonly (readonly [path: string, priority?: string])[],
  updates: readonly Buffer[] = [],
): number[] {
  const store = new HandMadeStore(FILES);
  const client = new Http2Client(new Setup({ store: () => store }).connect(), [[SETTING.initialWindowSize, 0]]);
  client.opens = false;
  client.window = Number.POSITIVE_INFINITY;
  client.send(frame(FRAME.windowUpdate, 0, 0, word(1_000_000)));
  for (const [i, [path, priority]] of asked.entries())
    client.send(headers(1 + i * 2, get(path, ...(priority === undefined ? [] : [['priority', priority] as const]))));
  client.send(...updates, frame(FRAME.settings, 0, 0, [0, SETTING.initialWindowSize, 0x7f, 0xff, 0xff, 0xff]));
  for (let i = 0; i < asked.length; i++) t.equal(client.response(1 + i * 2).body.length, 60000);
  return client.of(FRAME.data).map(({ stream }) => stream);
}

/** The same in few words: streams whose frames come behind one another are one. */
function runs(streams: readonly number[]): number[] {
  return streams.filter((stream, i) => stream !== streams[i - 1]);
}

t.test('without a word, one behind the other', async (t) => {
  t.same(runs(order([['/a'], ['/b'], ['/c']])), [1, 3, 5]);
});

t.test('RFC 9218 4.1: the more urgent first', async (t) => {
  t.same(runs(order([['/a', 'u=5'], ['/b', 'u=1'], ['/c'], ['/d', 'u=0']])), [7, 3, 5, 1]);
});

t.test('RFC 9218 4.2: incremental answers of one urgency share, frame by frame', async (t) => {
  const shared = order([
    ['/a', 'i'],
    ['/b', 'i'],
    ['/c', 'i'],
  ]);
  t.same(shared.slice(0, 9), [1, 3, 5, 1, 3, 5, 1, 3, 5]);
  t.same(
    runs(
      order([
        ['/a', 'u=4, i'],
        ['/b', 'u=2'],
        ['/c', 'u=4, i'],
      ]),
    ).slice(0, 4),
    [3, 1, 5, 1],
  );
});

t.test('of one urgency, what is of no use in parts comes before what is', async (t) => {
  t.same(runs(order([['/a', 'i'], ['/b'], ['/c', 'i']])).slice(0, 3), [3, 1, 5]);
});

function update(stream: number, priority: string): Buffer {
  return frame(FRAME.priorityUpdate, 0, 0, Buffer.concat([word(stream), Buffer.from(priority)]));
}

t.test('RFC 9218 7.1: PRIORITY_UPDATE, while an answer waits and before it is asked for', async (t) => {
  t.same(runs(order([['/a'], ['/b'], ['/c']], [update(5, 'u=0'), update(1, 'u=6')])), [5, 3, 1]);
  const store = new HandMadeStore(FILES);
  const client = new Http2Client(new Setup({ store: () => store }).connect());
  client.send(update(3, 'u=0'), update(1, 'u=7'), headers(1, get('/a', ['priority', 'u=2'])), headers(3, get('/b')));
  t.equal(client.of(FRAME.data)[0]!.stream, 3);
});

t.test('priorities of streams to come: as many are remembered as docs/http2.md says', async (t) => {
  const most = bound('docs/http2.md', 'priorities of streams to come');
  const late = Array.from({ length: most }, (_, i) => update(3 + 2 * i, 'u=7'));
  const store = new HandMadeStore(FILES);
  const client = new Http2Client(new Setup({ store: () => store }).connect(), [[SETTING.initialWindowSize, 0]]);
  client.opens = false;
  client.window = Number.POSITIVE_INFINITY;
  client.send(frame(FRAME.windowUpdate, 0, 0, word(1_000_000)));
  // The first of them is forgotten for the last one.
  client.send(update(1, 'u=7'), ...late);
  for (const stream of [1, 3]) client.send(headers(stream, get('/a')));
  client.send(headers(3 + 2 * most, get('/a')));
  client.send(frame(FRAME.settings, 0, 0, [0, SETTING.initialWindowSize, 0x7f, 0xff, 0xff, 0xff]));
  t.same(runs(client.of(FRAME.data).map(({ stream }) => stream)), [1, 3 + 2 * most, 3]);
});

t.test('who had a turn last is behind the others when room comes again', async (t) => {
  const store = new HandMadeStore(FILES);
  const client = new Http2Client(new Setup({ store: () => store }).connect(), [[SETTING.initialWindowSize, 1_000_000]]);
  client.opens = false;
  client.window = Number.POSITIVE_INFINITY;
  client.send(headers(1, get('/a', ['priority', 'i'])), headers(3, get('/b', ['priority', 'i'])));
  // 65,535 octets of the connection's window are used up in the middle of a frame of stream 3 or 1.
  const last = client.of(FRAME.data).at(-1)!.stream;
  const before = client.of(FRAME.data).length;
  client.send(frame(FRAME.windowUpdate, 0, 0, word(16375)));
  t.not(client.of(FRAME.data)[before]!.stream, last);
});
