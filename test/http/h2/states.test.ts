/** RFC 9113 5.1: every type of frame in every state of a stream, and what becomes of it. */
import t from 'tap';
import { ERROR, FRAME, SETTING } from '../../../src/http/h2/frames.js';
import { Setup } from '../setup.js';
import { block, frame, get, Http2Client, headers, settings, word } from './client.js';
import { literals } from './hpack.js';

const STREAM = 5;
const NO_BODY = get('/movie.mp4');

/** How a connection gets a stream 5 into a state. What the server would send is held back by a window of nothing. */
const STATES: Readonly<Record<string, (c: Http2Client) => void>> = {
  idle: () => undefined,
  open: (c) => c.send(headers(STREAM, [[':method', 'POST'], ...NO_BODY.slice(1)], false)),
  'half-closed (remote)': (c) => c.send(headers(STREAM, NO_BODY)),
  'closed by END_STREAM': (c) => c.send(headers(STREAM, [[':method', 'HEAD'], ...NO_BODY.slice(1)])),
  'closed by their RST_STREAM': (c) =>
    c.send(headers(STREAM, NO_BODY), frame(FRAME.rstStream, 0, STREAM, word(ERROR.cancel))),
  'closed by our RST_STREAM': (c) => c.send(headers(STREAM, [...NO_BODY, ['Upper', 'case']])),
  'closed, since it was passed over': (c) => c.send(headers(STREAM + 2, NO_BODY)),
};

const FRAMES: Readonly<Record<string, Buffer>> = {
  DATA: frame(FRAME.data, 0x1, STREAM, [1, 2, 3]),
  HEADERS: headers(STREAM, NO_BODY),
  TRAILERS: block(STREAM, literals([['x-sum', '1']])),
  PRIORITY: frame(FRAME.priority, 0, STREAM, [0, 0, 0, 0, 1]),
  RST_STREAM: frame(FRAME.rstStream, 0, STREAM, word(ERROR.cancel)),
  PUSH_PROMISE: frame(FRAME.pushPromise, 0x4, STREAM, [0, 0, 0, 8]),
  WINDOW_UPDATE: frame(FRAME.windowUpdate, 0, STREAM, word(5000)),
  'WINDOW_UPDATE of nothing': frame(FRAME.windowUpdate, 0, STREAM, word(0)),
  'WINDOW_UPDATE of too much': Buffer.concat([
    frame(FRAME.windowUpdate, 0, STREAM, word(0x7fffffff)),
    frame(FRAME.windowUpdate, 0, STREAM, word(1)),
  ]),
  CONTINUATION: frame(FRAME.continuation, 0x4, STREAM, []),
  SETTINGS: frame(FRAME.settings, 0, STREAM, []),
  PING: frame(FRAME.ping, 0, STREAM, [0, 0, 0, 0, 0, 0, 0, 0]),
  GOAWAY: frame(FRAME.goAway, 0, STREAM, [0, 0, 0, 0, 0, 0, 0, 0]),
  PRIORITY_UPDATE: frame(FRAME.priorityUpdate, 0, STREAM, [0, 0, 0, STREAM]),
  'of a type that nobody knows': frame(0xbe, 0xff, STREAM, [1, 2, 3]),
};

const P = 'connection PROTOCOL_ERROR';
const C = 'connection STREAM_CLOSED';
const S = 'stream STREAM_CLOSED';
const ok = '-';
/** The states in the order of `STATES`; `-`: it is taken, or ignored, without an error. */
const TABLE: Readonly<Record<keyof typeof FRAMES, readonly string[]>> = {
  //                              idle open half-closed END_STREAM their RST our RST passed over
  DATA: [P, ok, S, C, S, ok, C],
  HEADERS: [ok, 'stream PROTOCOL_ERROR', S, C, S, ok, P],
  TRAILERS: ['stream PROTOCOL_ERROR', ok, S, C, S, ok, P],
  PRIORITY: [ok, ok, ok, ok, ok, ok, ok],
  RST_STREAM: [P, ok, ok, ok, ok, ok, ok],
  PUSH_PROMISE: [P, P, P, P, P, P, P],
  WINDOW_UPDATE: [P, ok, ok, ok, ok, ok, ok],
  'WINDOW_UPDATE of nothing': [P, 'stream PROTOCOL_ERROR', 'stream PROTOCOL_ERROR', ok, ok, ok, ok],
  'WINDOW_UPDATE of too much': [P, 'stream FLOW_CONTROL_ERROR', 'stream FLOW_CONTROL_ERROR', ok, ok, ok, ok],
  CONTINUATION: [P, P, P, P, P, P, P],
  SETTINGS: [P, P, P, P, P, P, P],
  PING: [P, P, P, P, P, P, P],
  GOAWAY: [P, P, P, P, P, P, P],
  PRIORITY_UPDATE: [P, P, P, P, P, P, P],
  'of a type that nobody knows': [ok, ok, ok, ok, ok, ok, ok],
};

const NAMES: Readonly<Record<number, string>> = {
  [ERROR.protocolError]: 'PROTOCOL_ERROR',
  [ERROR.streamClosed]: 'STREAM_CLOSED',
  [ERROR.flowControlError]: 'FLOW_CONTROL_ERROR',
};

/** What `act` brought about. */
function outcome(client: Http2Client, act: () => void): string {
  const before = client.frames.length;
  act();
  const later = client.frames.slice(before);
  const goAway = later.find((one) => one.type === FRAME.goAway);
  if (goAway !== undefined) return `connection ${NAMES[goAway.payload[7]!]}`;
  const reset = later.find((one) => one.type === FRAME.rstStream);
  return reset === undefined ? ok : `stream ${NAMES[reset.payload[3]!]}`;
}

for (const [type, row] of Object.entries(TABLE)) {
  t.test(`RFC 9113 5.1: ${type} in every state of a stream`, async (t) => {
    for (const [i, [state, arrange]] of Object.entries(STATES).entries()) {
      const setup = new Setup();
      const client = new Http2Client(setup.connect(), [[SETTING.initialWindowSize, 1000]]);
      client.opens = false;
      client.send(headers(1, get('/empty.css')));
      client.response(1);
      arrange(client);
      t.equal(
        outcome(client, () => client.send(FRAMES[type]!)),
        row[i],
        state,
      );
      // However that ended: the table of fields is in step, and a new stream is answered, unless the connection is
      // over.
      if (row[i]!.startsWith('connection')) {
        t.ok(client.flow.ended, `${state}: the connection ends`);
        continue;
      }
      client.send(headers(9, get('/empty.css')));
      t.equal(client.response(9).status, 200, `${state}: others go on`);
    }
  });
}

t.test('a frame on a stream that is ours, of which we begin none, is an error of the connection', async (t) => {
  for (const type of [FRAME.data, FRAME.headers, FRAME.rstStream, FRAME.windowUpdate]) {
    const client = new Http2Client(new Setup().connect());
    client.send(frame(type, 0x5, 2, type === FRAME.headers ? literals(get('/')) : word(1)));
    t.equal(client.goAway?.code, ERROR.protocolError, `type ${type}`);
  }
});

t.test(
  'RFC 9113 5.1: what comes on streams that we have reset is read for its windows and its fields, and no more',
  async (t) => {
    const client = new Http2Client(new Setup().connect());
    client.send(settings());
    client.send(headers(1, [...get('/'), ['Upper', 'case']], false));
    t.equal(client.streams.get(1)!.reset, ERROR.protocolError);
    // More than the window of the connection holds: it is given back.
    for (let i = 0; i < 8; i++) client.send(frame(FRAME.data, 0, 1, new Uint8Array(16384)));
    t.equal(client.goAway, undefined);
  },
);
