/** Requests with content: RFC 9113 8.1, RFC 9110 10.1.1. */
import t from 'tap';
import { ERROR, FRAME } from '../../../src/http/h2/frames.js';
import { Setup } from '../setup.js';
import { block, frame, get, Http2Client, headers, word } from './client.js';
import { type FieldLine, literals } from './hpack.js';

function post(...more: readonly FieldLine[]): FieldLine[] {
  return [[':method', 'GET'], ...get('/docs/', ...more).slice(1)];
}

function connect(): Http2Client {
  return new Http2Client(new Setup().connect());
}

t.test('content is read and thrown away, in frames of any size, and then the request is answered', async (t) => {
  for (const size of [1, 100, 16384]) {
    const client = connect();
    client.send(headers(1, post(['content-length', '40000']), false));
    for (let at = 0; at < 40000; at += size) {
      const part = new Uint8Array(Math.min(size, 40000 - at));
      client.send(frame(FRAME.data, at + part.length === 40000 ? 1 : 0, 1, part));
      if (size === 1 && at === 500) break;
    }
    if (size === 1) continue;
    t.equal(client.response(1).text, 'docs');
    t.same(
      client.of(FRAME.windowUpdate).map(({ stream }) => stream),
      [0, 1],
      'windows are opened again, at the half',
    );
  }
});

t.test('frames of content may come in pieces', async (t) => {
  const client = connect();
  const bytes = Buffer.concat([
    headers(1, post(), false),
    frame(FRAME.data, 8, 1, [3, 1, 2, 3, 4, 0, 0, 0]),
    frame(FRAME.data, 1, 1, [5]),
    headers(3, get('/empty.css')),
  ]);
  for (const octet of bytes) client.send(Uint8Array.of(octet));
  t.equal(client.response(1).text, 'docs');
  t.equal(client.response(3).status, 200);
});

t.test('RFC 9113 8.1.1: content as long as was said', async (t) => {
  const lengths = (length: string, octets: number, ends: boolean): Http2Client => {
    const client = connect();
    client.send(headers(1, post(['content-length', length]), ends));
    if (!ends) client.send(frame(FRAME.data, 1, 1, new Uint8Array(octets)));
    return client;
  };
  t.equal(lengths('5', 5, false).response(1).status, 200);
  t.equal(lengths('0', 0, false).response(1).status, 200);
  t.equal(lengths('0', 0, true).response(1).status, 200);
  for (const [length, octets, ends] of [
    ['5', 4, false],
    ['5', 6, false],
    ['5', 0, true],
    ['0', 1, false],
  ] as const)
    t.equal(lengths(length, octets, ends).streams.get(1)!.reset, ERROR.protocolError, `${length} said, ${octets} came`);
  t.equal(lengths('x', 1, false).response(1).status, 400, 'no number');
});

t.test('RFC 9110 10.1.1: 100 before content, when it is asked for; and not before an answer', async (t) => {
  const client = connect();
  client.send(headers(1, post(['expect', '100-continue'], ['content-length', '3']), false));
  t.same(client.streams.get(1)!.interim, [[[':status', '100']]]);
  client.send(frame(FRAME.data, 1, 1, [1, 2, 3]));
  t.equal(client.response(1).status, 200);
  client.send(headers(3, [[':method', 'POST'], ...post(['expect', '100-continue']).slice(1)], false));
  t.equal(client.response(3).status, 405);
  t.same(client.streams.get(3)!.interim, []);
  t.equal(client.streams.get(3)!.reset, ERROR.noError, 'RFC 9113 8.1: the content is not wanted');
});

t.test('trailers are taken, and end a request; RFC 9113 8.1', async (t) => {
  const begin = [headers(1, post(), false), frame(FRAME.data, 0, 1, [1, 2, 3])];
  const good = connect().send(...begin, block(1, literals([['x-sum', '6']])));
  t.equal(good.response(1).text, 'docs');
  for (const [name, last] of [
    ['without an end', block(1, literals([['x-sum', '6']]), false)],
    [
      'with a pseudo-header field',
      block(
        1,
        literals([
          [':path', '/'],
          ['x-sum', '6'],
        ]),
      ),
    ],
    ['that are malformed', block(1, literals([['X-Sum', '6']]))],
  ] as const) {
    t.equal(
      connect()
        .send(...begin, last)
        .streams.get(1)!.reset,
      ERROR.protocolError,
      name,
    );
  }
  const short = connect().send(headers(1, post(['content-length', '5']), false), block(1, literals([])));
  t.equal(short.streams.get(1)!.reset, ERROR.protocolError, 'and the content is short');
});

t.test(
  'more content than is taken: 413, and the stream is reset behind it; what still comes counts for nothing',
  async (t) => {
    const said = connect().send(headers(1, post(['content-length', '2000000']), false));
    t.equal(said.response(1).status, 413);
    t.equal(said.streams.get(1)!.reset, ERROR.noError);
    const client = connect();
    client.send(headers(1, post(), false));
    for (let i = 0; i < 100; i++) client.send(frame(FRAME.data, 0, 1, new Uint8Array(16384)));
    t.equal(client.response(1).status, 413);
    t.equal(client.streams.get(1)!.reset, ERROR.noError);
    t.equal(client.goAway, undefined);
    client.send(frame(FRAME.data, 1, 1, new Uint8Array(10)), headers(3, get('/docs/')));
    t.equal(client.response(3).text, 'docs');
  },
);

t.test('of two hundred requests with content none keeps anything when it is over', async (t) => {
  const client = connect();
  for (let i = 0; i < 200; i++) {
    const stream = client.request(post(['content-length', '4']), Buffer.from('1234'));
    t.equal(client.response(stream).status, 200);
    const cut = client.request(post(['content-length', '4'])) + 0;
    t.equal(client.streams.get(cut)!.reset, ERROR.protocolError);
  }
  client.send(frame(FRAME.windowUpdate, 0, 0, word(1)));
  t.equal(client.goAway, undefined);
});
