/** How connections end: RFC 9113 6.8, deadlines, caps. */
import t from 'tap';
import { ERROR, FRAME, MAX_WINDOW, SETTING } from '../../../src/http/h2/frames.js';
import type { FlowSecurity } from '../../../src/net/flow.js';
import { MemoryFlow } from '../memory-flow.js';
import { Setup } from '../setup.js';
import { frame, get, Http2Client, headers, PREFACE, settings, word } from './client.js';

/** Reads the server's PING and answers it. */
function answerPing(client: Http2Client): void {
  client.read();
  const ping = client.of(FRAME.ping).find(({ flags }) => flags === 0)!;
  client.send(frame(FRAME.ping, 1, 0, ping.payload));
}

t.test(
  'RFC 9113 6.8: a server that drains leaves in two steps, and what was asked for meanwhile is answered',
  async (t) => {
    const setup = new Setup();
    const client = new Http2Client(setup.connect());
    client.request(get('/docs/'));
    setup.server.drain();
    client.read();
    t.same(client.goAway, { code: ERROR.noError, last: MAX_WINDOW });
    t.notOk(client.flow.ended);
    client.send(headers(3, get('/docs/')));
    t.equal(client.response(3).text, 'docs', 'it was on its way');
    answerPing(client);
    t.same(client.goAway, { code: ERROR.noError, last: 3 });
    t.ok(client.flow.ended);
  },
);

t.test(
  'an answer under way is sent to its end; what is asked for behind the last stream is not answered',
  async (t) => {
    const setup = new Setup();
    const client = new Http2Client(setup.connect(), [[SETTING.initialWindowSize, 100]]);
    client.opens = false;
    client.send(headers(1, get('/movie.mp4')));
    setup.server.drain();
    answerPing(client);
    t.same(client.goAway, { code: ERROR.noError, last: 1 });
    client.send(headers(3, get('/docs/')));
    t.equal(client.streams.get(3), undefined);
    client.send(frame(FRAME.windowUpdate, 0, 1, word(20000)));
    t.equal(client.response(1).body.length, 10000);
    t.ok(client.flow.ended);
  },
);

t.test('who does not answer the PING is left after a while', async (t) => {
  const setup = new Setup();
  const client = new Http2Client(setup.connect());
  client.request(get('/docs/'));
  setup.server.drain();
  setup.clock.advance(7_000);
  client.read();
  t.same(client.goAway, { code: ERROR.noError, last: 1 });
  t.ok(client.flow.ended);
});

t.test('a server that retires leaves with the next request, not before', async (t) => {
  const setup = new Setup();
  const client = new Http2Client(setup.connect());
  client.request(get('/docs/'));
  setup.server.retire();
  client.read();
  t.equal(client.goAway, undefined);
  const next = client.request(get('/docs/'));
  t.equal(client.response(next).text, 'docs');
  t.same(client.goAway, { code: ERROR.noError, last: MAX_WINDOW });
});

t.test('another site is served without a word about it: GOAWAY is not for that', async (t) => {
  const setup = new Setup();
  const stores = [setup.store, new Setup().store];
  const two = new Setup({ store: () => stores[0]! });
  const client = new Http2Client(two.connect());
  client.request(get('/docs/'));
  stores.shift();
  t.equal(client.response(client.request(get('/docs/'))).text, 'docs');
  t.equal(client.goAway, undefined);
});

t.test('a connection without requests ends after its time, and PING does not prolong it', async (t) => {
  const setup = new Setup();
  const client = new Http2Client(setup.connect());
  client.request(get('/docs/'));
  for (let i = 0; i < 5; i++) {
    setup.clock.advance(14_000);
    client.send(frame(FRAME.ping, 0, 0, new Uint8Array(8)));
  }
  t.notOk(client.flow.ended);
  setup.clock.advance(6_000);
  client.read();
  t.same(client.goAway, { code: ERROR.noError, last: 1 });
  t.ok(client.flow.ended);
  setup.clock.advance(6_000);
  t.ok(client.flow.closed, 'and is reset when the peer does not end it');
  t.equal(setup.server.connections, 0);
  t.equal(setup.clock.pending, 0);
});

t.test('what begins has to be whole in the time of a head: preface, frame, field block', async (t) => {
  for (const [name, bytes] of Object.entries({
    'half a preface': PREFACE.subarray(0, 20),
    'a preface without SETTINGS': PREFACE,
    'half a frame': Buffer.concat([PREFACE, settings(), headers(1, get('/')).subarray(0, 12)]),
    'half a frame of content': Buffer.concat([
      PREFACE,
      settings(),
      headers(1, get('/'), false),
      frame(0, 0, 1, [1, 2]).subarray(0, 10),
    ]),
    'half a field block': Buffer.concat([PREFACE, settings(), frame(FRAME.headers, 1, 1, [0x82])]),
  })) {
    const setup = new Setup();
    const flow = setup.exchange(bytes);
    setup.clock.advance(15_000);
    t.notOk(flow.ended, name);
    setup.clock.advance(10_000);
    t.ok(flow.ended, name);
    setup.clock.advance(10_000);
    t.equal(setup.server.connections, 0);
    t.equal(setup.clock.pending, 0);
  }
});

t.test('the content of a request has its time: 408, and others go on', async (t) => {
  const setup = new Setup();
  const client = new Http2Client(setup.connect());
  client.send(headers(1, get('/'), false));
  setup.clock.advance(20_000);
  client.send(headers(3, get('/'), false));
  setup.clock.advance(16_000);
  client.read();
  t.equal(client.response(1).status, 408);
  t.equal(client.streams.get(1)!.reset, ERROR.noError);
  t.equal(client.streams.get(3), undefined);
  client.send(frame(FRAME.data, 1, 3, [1]));
  t.equal(client.response(3).status, 200);
});

t.test('a peer that does not read is reset after the time for sending', async (t) => {
  const setup = new Setup();
  const flow = setup.connect();
  const client = new Http2Client(flow);
  flow.reading = false;
  flow.send(headers(1, get('/movie.mp4')));
  setup.clock.advance(55_000);
  t.equal(flow.closed, undefined);
  setup.clock.advance(20_000);
  t.equal(flow.closed, 'reset-by-us', 'an answer that is sent, and not taken');
  t.equal(client.flow.queued, 0);
});

t.test('FIN of the peer: what is answered is sent, and the connection ends', async (t) => {
  const setup = new Setup();
  const flow = setup.connect();
  const client = new Http2Client(flow);
  flow.reading = false;
  flow.send(Buffer.concat([headers(1, get('/movie.mp4')), headers(3, get('/'), false)]));
  flow.finish();
  flow.reading = true;
  flow.take(Number.POSITIVE_INFINITY);
  client.read();
  t.equal(client.response(1).body.length, 10000);
  t.equal(flow.closed, 'finished');
  t.equal(setup.server.connections, 0);
});

t.test('at a cap: 503 with Retry-After to the first request, and the connection ends', async (t) => {
  const setup = new Setup({ limits: { connections: 1 } });
  setup.connect();
  const client = new Http2Client(setup.connect());
  const response = client.response(client.request(get('/docs/')));
  t.equal(response.status, 503);
  t.equal(response.fields.get('retry-after'), '10');
  answerPing(client);
  t.ok(client.flow.ended);
});

t.test('after as many requests as a connection may have it is left', async (t) => {
  const setup = new Setup({ limits: { requestsPerConnection: 5 } });
  const client = new Http2Client(setup.connect());
  for (let i = 0; i < 5; i++) t.equal(client.response(client.request(get('/docs/'))).text, 'docs');
  t.same(client.goAway, { code: ERROR.noError, last: MAX_WINDOW });
});

t.test('RFC 9113 3.2: over TLS it is spoken where ALPN says so, and nowhere else', async (t) => {
  const agreed = (alpn: string | undefined): FlowSecurity => ({
    protocol: 'TLSv1.3',
    alpn,
    serverName: undefined,
    cipher: 'TLS_AES_128_GCM_SHA256',
  });
  const setup = new Setup();
  const connect = (alpn: string | undefined): MemoryFlow =>
    MemoryFlow.connect(setup.server.accept, undefined, agreed(alpn));
  const client = new Http2Client(connect('h2'));
  t.equal(client.response(client.request(get('/docs/'))).text, 'docs');
  const plain = connect('h2');
  plain.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  t.equal(plain.received.at(-1), ERROR.protocolError, 'what was agreed on holds');
  for (const alpn of ['http/1.1', undefined]) {
    const flow = connect(alpn);
    flow.send(Buffer.concat([PREFACE, settings()]));
    t.equal(flow.received.at(-1), ERROR.http11Required);
    t.ok(flow.ended);
  }
});
