/** RFC 9113 3 to 8, frame by frame: what is taken, and with which error the rest ends a stream or a connection. */
import t from 'tap';
import { ERROR, FRAME, SETTING } from '../../../src/http/h2/frames.js';
import { Setup } from '../setup.js';
import { block, frame, GET_ROOT, get, Http2Client, headers, PREFACE, settings, word } from './client.js';
import { type FieldLine, indexing, literals } from './hpack.js';

function connect(): Http2Client {
  return new Http2Client(new Setup().connect());
}

/** The code of the connection's error after `bytes`; undefined: it goes on, as a request shows. */
function errorAfter(...bytes: readonly Uint8Array[]): number | undefined {
  const client = connect();
  client.send(...bytes);
  if (client.goAway !== undefined) {
    if (!client.flow.ended) throw new Error('GOAWAY with an error, and the connection goes on');
    return client.goAway.code;
  }
  client.send(headers(101, get('/empty.css')));
  client.response(101);
  return undefined;
}

/** The code of RST_STREAM after a request with these fields; undefined: there is none. The connection goes on. */
function resetAfter(fields: readonly FieldLine[], ends = true): number | undefined {
  const client = connect();
  client.send(headers(1, fields, ends));
  const { goAway } = client;
  if (goAway !== undefined) throw new Error(`GOAWAY ${goAway.code}`);
  client.send(headers(3, get('/empty.css')));
  client.response(3);
  return client.streams.get(1)?.reset;
}

t.test('RFC 9113 3.4: the preface, in pieces of any size, and what is not it', async (t) => {
  const whole = Buffer.concat([PREFACE, settings(), headers(1, GET_ROOT)]);
  for (const size of [1, 2, 3, 7, 16, 23, 24, 25, 33, 40]) {
    const flow = new Setup().connect();
    for (let at = 0; at < whole.length; at += size) flow.send(whole.subarray(at, at + size));
    t.match(Buffer.from(flow.received).toString('latin1'), /<title>Home/, `${size} octets at once`);
  }
  const broken = new Setup().exchange('PRI * HTTP/2.0\r\n\r\nSN\r\n\r\n');
  t.equal(Buffer.from(broken.received).readUInt8(27 + 3), FRAME.goAway);
  t.equal(broken.received.at(-1), ERROR.protocolError);
  t.ok(broken.ended);
  for (const first of [frame(FRAME.ping, 0, 0, new Uint8Array(8)), frame(FRAME.settings, 1, 0), headers(1, GET_ROOT)]) {
    const flow = new Setup().exchange(Buffer.concat([PREFACE, first]));
    t.equal(flow.received.at(-1), ERROR.protocolError, 'the first frame is SETTINGS');
  }
});

t.test('the server says its settings first', async (t) => {
  const [first] = connect().frames;
  t.equal(first!.type, FRAME.settings);
  t.equal(first!.flags, 0);
  const payload = Buffer.from(first!.payload);
  const values = Array.from({ length: payload.length / 6 }, (_, i) => [
    payload.readUInt16BE(i * 6),
    payload.readUInt32BE(i * 6 + 2),
  ]);
  t.same(values, [
    [SETTING.maxConcurrentStreams, 100],
    [SETTING.maxHeaderListSize, 32768],
    [SETTING.noRfc7540Priorities, 1],
  ]);
});

t.test('RFC 9113 4.2: a frame whose length its type cannot have is an error', async (t) => {
  const long = new Uint8Array(16385);
  for (const type of [FRAME.data, FRAME.headers, FRAME.settings, FRAME.ping, 0x77])
    t.equal(errorAfter(frame(type, 0, type === FRAME.data ? 1 : 0, long)), ERROR.frameSizeError, `type ${type}`);
  t.equal(errorAfter(frame(0x77, 0, 0, long.subarray(1))), undefined, 'the longest frame');
  const [none, five] = [[] as number[], [0, 0, 0, 0, 0]];
  t.equal(errorAfter(headers(1, GET_ROOT), frame(FRAME.rstStream, 0, 1, five)), ERROR.frameSizeError);
  t.equal(errorAfter(headers(1, GET_ROOT), frame(FRAME.rstStream, 0, 1, none)), ERROR.frameSizeError);
  t.equal(errorAfter(frame(FRAME.settings, 0, 0, five)), ERROR.frameSizeError);
  t.equal(errorAfter(frame(FRAME.settings, 1, 0, new Uint8Array(6))), ERROR.frameSizeError);
  t.equal(errorAfter(frame(FRAME.ping, 0, 0, five)), ERROR.frameSizeError);
  t.equal(errorAfter(frame(FRAME.goAway, 0, 0, five)), ERROR.frameSizeError);
  t.equal(errorAfter(frame(FRAME.windowUpdate, 0, 0, five)), ERROR.frameSizeError);
  t.equal(errorAfter(frame(FRAME.priorityUpdate, 0, 0, [0, 0, 1])), ERROR.frameSizeError);
  t.equal(
    errorAfter(frame(FRAME.headers, 0x25, 1, [0, 0])),
    ERROR.frameSizeError,
    'HEADERS too short for its priority',
  );
  t.equal(errorAfter(frame(FRAME.headers, 0xd, 1, none)), ERROR.frameSizeError, 'HEADERS too short for its padding');
  t.equal(
    errorAfter(frame(FRAME.priority, 0, 1, none)),
    ERROR.frameSizeError,
    'PRIORITY of an idle stream, which cannot be reset',
  );
});

t.test('RFC 9113 6: frames that belong to the connection, or to a stream', async (t) => {
  const eight = new Uint8Array(8);
  t.equal(errorAfter(frame(FRAME.data, 0, 0, [1])), ERROR.protocolError);
  t.equal(errorAfter(frame(FRAME.headers, 5, 0, literals(GET_ROOT))), ERROR.protocolError);
  t.equal(errorAfter(frame(FRAME.priority, 0, 0, [0, 0, 0, 0, 0])), ERROR.protocolError);
  t.equal(errorAfter(frame(FRAME.rstStream, 0, 0, word(8))), ERROR.protocolError);
  t.equal(errorAfter(frame(FRAME.settings, 0, 1)), ERROR.protocolError);
  t.equal(errorAfter(frame(FRAME.ping, 0, 1, eight)), ERROR.protocolError);
  t.equal(errorAfter(frame(FRAME.goAway, 0, 1, eight)), ERROR.protocolError);
  t.equal(errorAfter(frame(FRAME.continuation, 4, 0, [])), ERROR.protocolError);
  t.equal(errorAfter(frame(FRAME.priorityUpdate, 0, 1, word(1))), ERROR.protocolError);
  t.equal(errorAfter(frame(FRAME.windowUpdate, 0, 0, word(0))), ERROR.protocolError);
  t.equal(errorAfter(frame(FRAME.windowUpdate, 0, 0, word(0x7fffffff))), ERROR.flowControlError);
  t.equal(errorAfter(frame(FRAME.windowUpdate, 0, 0, word(0x80000001))), undefined, 'the reserved bit is ignored');
});

t.test('RFC 9113 6.5.2: a value that a setting cannot have ends the connection', async (t) => {
  for (const [id, value, error] of [
    [SETTING.enablePush, 2, ERROR.protocolError],
    [SETTING.enablePush, 1, undefined],
    [SETTING.initialWindowSize, 0x80000000, ERROR.flowControlError],
    [SETTING.initialWindowSize, 0x7fffffff, undefined],
    [SETTING.maxFrameSize, 16383, ERROR.protocolError],
    [SETTING.maxFrameSize, 16777216, ERROR.protocolError],
    [SETTING.maxFrameSize, 16777215, undefined],
    [SETTING.noRfc7540Priorities, 2, ERROR.protocolError],
    [SETTING.noRfc7540Priorities, 1, undefined],
    [SETTING.headerTableSize, 0xffffffff, undefined],
    [SETTING.maxConcurrentStreams, 0, undefined],
    [0xbeef, 0xffffffff, undefined],
  ] as const) {
    t.equal(errorAfter(settings([[id, value]])), error, `${id} = ${value}`);
  }
  const client = connect();
  client.send(settings([[SETTING.enablePush, 0]]), settings());
  t.equal(client.of(FRAME.settings).filter(({ flags }) => flags === 1).length, 3, 'each is acknowledged');
});

t.test('RFC 9113 6.7: PING is answered with what it brought, and an answer is not', async (t) => {
  const client = connect();
  client.send(frame(FRAME.ping, 0, 0, [1, 2, 3, 4, 5, 6, 7, 8]), frame(FRAME.ping, 1, 0, [8, 7, 6, 5, 4, 3, 2, 1]));
  const pings = client.of(FRAME.ping);
  t.equal(pings.length, 1);
  t.equal(pings[0]!.flags, 1);
  t.same([...pings[0]!.payload], [1, 2, 3, 4, 5, 6, 7, 8]);
});

t.test('RFC 9113 6.1, 6.2: padding is skipped, and is never longer than its frame', async (t) => {
  const padded = (type: number, flags: number, stream: number, octets: Uint8Array, padding: number): Buffer =>
    frame(type, flags | 8, stream, Buffer.concat([Uint8Array.of(padding), octets, new Uint8Array(padding)]));
  for (const padding of [0, 1, 200, 255]) {
    const client = connect();
    client.send(padded(FRAME.headers, 5, 1, literals(GET_ROOT), padding));
    t.equal(client.response(1).status, 200, `HEADERS with ${padding}`);
    client.send(headers(3, [[':method', 'POST'], ...GET_ROOT.slice(1), ['content-length', '5']], false));
    client.send(padded(FRAME.data, 1, 3, Buffer.from('12345'), padding));
    t.equal(client.response(3).status, 405, `DATA with ${padding}`);
  }
  t.equal(
    errorAfter(frame(FRAME.headers, 0xd, 1, [4, 0x82, 0x86, 0x84])),
    ERROR.protocolError,
    'more padding than payload',
  );
  const post = headers(1, [[':method', 'POST'], ...GET_ROOT.slice(1)], false);
  t.equal(errorAfter(post, frame(FRAME.data, 8, 1, [3, 0, 0])), ERROR.protocolError);
  t.equal(errorAfter(post, frame(FRAME.data, 8, 1, [0])), undefined, 'padding of nothing');
});

t.test('RFC 9113 6.10: nothing comes between the frames of a field block', async (t) => {
  const octets = literals(get('/docs/'));
  const parts = [octets.subarray(0, 10), octets.subarray(10, 20), octets.subarray(20)];
  const client = connect();
  client.send(block(1, octets, true, 7));
  t.equal(client.response(1).text, 'docs');
  const begin = frame(FRAME.headers, 1, 1, parts[0]!);
  const middle = frame(FRAME.continuation, 0, 1, parts[1]!);
  for (const [name, other] of Object.entries({
    DATA: frame(FRAME.data, 1, 1, [0]),
    HEADERS: headers(1, GET_ROOT),
    'HEADERS of another stream': headers(3, GET_ROOT),
    PRIORITY: frame(FRAME.priority, 0, 1, [0, 0, 0, 0, 0]),
    RST_STREAM: frame(FRAME.rstStream, 0, 1, word(8)),
    SETTINGS: settings(),
    PING: frame(FRAME.ping, 0, 0, new Uint8Array(8)),
    WINDOW_UPDATE: frame(FRAME.windowUpdate, 0, 0, word(1)),
    'a frame that nobody knows': frame(0x77, 0, 0),
    'CONTINUATION of another stream': frame(FRAME.continuation, 4, 3, parts[2]!),
  })) {
    t.equal(errorAfter(begin, other), ERROR.protocolError, name);
    t.equal(errorAfter(begin, middle, other), ERROR.protocolError, `${name}, later`);
  }
  t.equal(errorAfter(frame(FRAME.headers, 5, 1, [0x80])), ERROR.compressionError);
  t.equal(errorAfter(frame(FRAME.headers, 5, 1, [0x40, 5])), ERROR.compressionError, 'a block cut short');
});

t.test('RFC 9113 5.1.1: numbers of streams', async (t) => {
  t.equal(errorAfter(headers(5, GET_ROOT), headers(3, GET_ROOT)), ERROR.protocolError, 'a smaller number');
  t.equal(errorAfter(headers(4, GET_ROOT)), ERROR.protocolError, 'an even number');
  const client = connect();
  client.send(headers(0x7fffffff, GET_ROOT));
  t.equal(client.response(0x7fffffff).status, 200, 'the highest number');
});

t.test('RFC 9113 8.3: pseudo-header fields that are missing, double, late or unknown reset the stream', async (t) => {
  const [method, scheme, path, authority] = GET_ROOT as [FieldLine, FieldLine, FieldLine, FieldLine];
  const P = ERROR.protocolError;
  for (const [name, fields, reset] of [
    ['in any order', [authority, path, scheme, method], undefined],
    ['no :method', [scheme, path, authority], P],
    ['no :scheme', [method, path, authority], P],
    ['no :path', [method, scheme, authority], P],
    ['two :method', [method, method, scheme, path, authority], P],
    ['two :path', [method, scheme, path, path, authority], P],
    ['two :scheme', [method, scheme, scheme, path, authority], P],
    ['two :authority', [...GET_ROOT, authority], P],
    ['behind another field', [method, scheme, ['accept', '*/*'], path, authority], P],
    ['one that is none', [...GET_ROOT, [':extra', 'x']], P],
    ['one of answers', [...GET_ROOT, [':status', '200']], P],
    ['an empty :path', [method, scheme, [':path', ''], authority], P],
    ['a :path without slash', [method, scheme, [':path', 'index.html'], authority], P],
    ['an absolute :path', [method, scheme, [':path', 'http://example.org/'], authority], P],
    ['an empty :method', [[':method', ''], scheme, path, authority], P],
    ['a :method that is no token', [[':method', 'G T'], scheme, path, authority], P],
    ['`host` as well', [...GET_ROOT, ['host', 'example.org']], undefined],
    ['`host` in other letters', [...GET_ROOT, ['host', 'EXAMPLE.org']], undefined],
    ['another `host`', [...GET_ROOT, ['host', 'example.com']], P],
    ['`host` alone', [method, scheme, path, ['host', 'example.org']], undefined],
    ['CONNECT with :path', [[':method', 'CONNECT'], path, authority], P],
    ['CONNECT with :scheme', [[':method', 'CONNECT'], scheme, authority], P],
    ['CONNECT without :authority', [[':method', 'CONNECT']], P],
  ] as const) {
    t.equal(resetAfter(fields as readonly FieldLine[]), reset, name);
  }
});

t.test('what is wrong with a request in HTTP/1.1 too is answered with the same status', async (t) => {
  const [method, scheme, , authority] = GET_ROOT as [FieldLine, FieldLine, FieldLine, FieldLine];
  for (const [name, fields, status] of [
    ['no host', GET_ROOT.slice(0, 3), 400],
    ['a host that is none', [...GET_ROOT.slice(0, 3), [':authority', 'a b']], 400],
    ['user information', [...GET_ROOT.slice(0, 3), [':authority', 'u@example.org']], 400],
    ['a fragment', [method, scheme, [':path', '/#a'], authority], 400],
    ['a space', [method, scheme, [':path', '/a b'], authority], 400],
    ['a broken escape', [method, scheme, [':path', '/%zz'], authority], 400],
    ['two `host`', [...GET_ROOT.slice(0, 3), ['host', 'a'], ['host', 'a']], 400],
    [
      'CONNECT',
      [
        [':method', 'CONNECT'],
        [':authority', 'example.org:443'],
      ],
      405,
    ],
    ['OPTIONS of the server', [[':method', 'OPTIONS'], scheme, [':path', '*'], authority], 204],
    ['GET of the server', [method, scheme, [':path', '*'], authority], 400],
    ['an unknown method', [[':method', 'BREW'], scheme, [':path', '/'], authority], 501],
    ['an expectation', [...GET_ROOT, ['expect', 'more']], 417],
  ] as const) {
    const client = connect();
    client.send(headers(1, fields as readonly FieldLine[]));
    t.equal(client.response(1).status, status, name);
  }
});

t.test('RFC 9113 8.2: a field that no request may have resets its stream', async (t) => {
  const P = ERROR.protocolError;
  for (const [name, value, reset] of [
    ['Upper', 'a', P],
    ['a b', 'a', P],
    ['a:b', 'a', P],
    ['', 'a', P],
    ['a\x00', 'a', P],
    ['\xe9', 'a', P],
    ['x', 'a\r\nb: c', P],
    ['x', 'a\nb', P],
    ['x', 'a\0b', P],
    ['x', ' a', P],
    ['x', 'a\t', P],
    ['x', 'a\x01b', P],
    ['x', '', undefined],
    ['x', 'a b\tc\xff', undefined],
    ['connection', 'close', P],
    ['keep-alive', 'timeout=5', P],
    ['proxy-connection', 'keep-alive', P],
    ['transfer-encoding', 'chunked', P],
    ['upgrade', 'h2c', P],
    ['te', 'gzip', P],
    ['te', 'trailers, deflate', P],
    ['te', 'trailers', undefined],
    ['cookie', 'a=b', undefined],
  ] as const) {
    t.equal(resetAfter([...GET_ROOT, [name, value]]), reset, JSON.stringify([name, value]));
  }
});

t.test('a field that makes a request malformed does so out of the table, too', async (t) => {
  const client = connect();
  client.send(block(1, indexing([...GET_ROOT, ['x', ' a']])));
  t.equal(client.streams.get(1)!.reset, ERROR.protocolError);
  // The newest entry is `x`, those before it are the request: now by their indices, without `x` and with it.
  client.send(block(3, Uint8Array.of(0xc2, 0xc1, 0xc0, 0xbf)));
  t.equal(client.response(3).status, 200);
  client.send(block(5, Uint8Array.of(0xc2, 0xc1, 0xc0, 0xbf, 0xbe)));
  t.equal(client.streams.get(5)!.reset, ERROR.protocolError);
});

t.test('limits of HTTP/1.1 hold for heads, with its statuses; and the table is kept in step', async (t) => {
  for (const [name, fields, status] of [
    ['a long target', get(`/${'a'.repeat(9000)}`), 414],
    ['a long field', get('/', ['x', 'a'.repeat(9000)]), 431],
    ['many fields', get('/', ...Array.from({ length: 101 }, (_, i): FieldLine => [`x-${i}`, ''])), 431],
    ['a long head', get('/', ...Array.from({ length: 8 }, (_, i): FieldLine => [`x-${i}`, 'a'.repeat(5000)])), 431],
  ] as const) {
    const client = connect();
    client.send(block(1, indexing([['x-first', '1'], ...fields].sort(([a], [b]) => (a < b ? -1 : 1)) as FieldLine[])));
    t.equal(client.response(1).status, status, name);
    client.send(
      block(3, indexing(get('/docs/', ['x-table', '2']))),
      block(5, Uint8Array.of(0xc2, 0xc1, 0xc0, 0xbf, 0xbe)),
    );
    t.equal(client.response(5).text, 'docs', `${name}: the next`);
  }
});
