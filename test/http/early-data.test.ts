/** RFC 8470: requests that may be replays, over both versions of HTTP. */
import t from 'tap';
import { FRAME } from '../../src/http/h2/frames.js';
import { frame, get, Http2Client, headers } from './h2/client.js';
import type { FieldLine } from './h2/hpack.js';
import type { MemoryFlow } from './memory-flow.js';
import { parseResponses } from './responses.js';
import { Setup } from './setup.js';

/** A connection whose handshake is over when `early` is false. */
function connect(early: boolean): MemoryFlow & { early: boolean } {
  return Object.assign(new Setup().connect(), { early });
}

/** The statuses of answers to requests on such a connection. */
function outcome(early: boolean, ...requests: string[]): string {
  const flow = connect(early);
  for (const one of requests) flow.send(one);
  const methods = requests.map((one) => (one.startsWith('HEAD') ? 'HEAD' : 'GET'));
  return `${parseResponses(flow.received, methods).map(({ status }) => status)}${flow.ended ? ' closed' : ''}`;
}

const text = ({ received }: MemoryFlow): string => Buffer.from(received).toString('latin1');

const line = (method: string, ...more: string[]): string =>
  [`${method} /docs/ HTTP/1.1`, 'Host: a', ...more, '', ''].join('\r\n');

t.test('RFC 8470 3: safe requests without content are answered, also again', (t) => {
  for (const method of ['GET', 'HEAD']) t.equal(outcome(true, line(method), line(method)), '200,200', method);
  t.equal(outcome(true, line('OPTIONS')), '204');
  t.equal(outcome(true, line('GET', 'Content-Length: 0')), '200');
  t.end();
});

t.test('RFC 8470 5.2: others are told that it is too early, and the connection goes on', (t) => {
  for (const method of ['POST', 'PUT', 'DELETE', 'BREW']) {
    t.equal(outcome(true, line(method), line('GET')), '425,200', method);
    t.not(outcome(false, line(method)), '425', method);
  }
  for (const method of ['GET', 'HEAD', 'POST']) {
    t.equal(outcome(true, `${line(method, 'Content-Length: 2')}hi`, line('GET')), '425,200', method);
    t.equal(outcome(true, `${line(method, 'Transfer-Encoding: chunked')}2\r\nhi\r\n0\r\n\r\n`), '425', method);
  }
  t.equal(outcome(false, `${line('GET', 'Content-Length: 2')}hi`), '200');
  t.equal(outcome(true, line('GET', 'Content-Length: 2', 'Expect: 100-continue')), '425 closed');
  const flow = new Setup().exchange(line('POST', 'Early-Data: 1'));
  t.match(text(flow), /Cache-Control: no-store/);
  t.end();
});

t.test('RFC 8470 3: content that ends behind the handshake is no early content', (t) => {
  const flow = connect(true);
  flow.send(`${line('GET', 'Content-Length: 2')}h`);
  t.equal(text(flow), '');
  flow.early = false;
  flow.send('i');
  t.match(text(flow), /^HTTP\/1\.1 200/);
  t.end();
});

t.test('RFC 8470 5.1: a proxy says that it was early, and waiting for a handshake here does not help', (t) => {
  t.equal(outcome(false, line('POST', 'Early-Data: 1')), '425');
  t.equal(outcome(false, `${line('GET', 'Content-Length: 2', 'early-data: 1')}hi`), '425');
  t.equal(outcome(false, line('GET', 'Early-Data: 1')), '200');
  t.end();
});

t.test('RFC 8470: the same holds over HTTP/2', (t) => {
  const client = new Http2Client(connect(true));
  const ask = (stream: number, method: string, content: boolean, ...more: FieldLine[]): number => {
    client.send(headers(stream, [[':method', method], ...get('/docs/', ...more).slice(1)], !content));
    if (content) client.send(frame(FRAME.data, 1, stream, [1, 2]));
    return client.response(stream).status;
  };
  t.equal(ask(1, 'GET', false), 200);
  t.equal(ask(3, 'HEAD', false), 200);
  t.equal(ask(5, 'POST', false), 425);
  t.equal(ask(7, 'GET', true), 425);
  t.equal(ask(9, 'HEAD', true), 425);
  Object.assign(client.flow, { early: false });
  t.equal(ask(11, 'GET', true), 200);
  t.equal(ask(13, 'POST', false, ['early-data', '1']), 425);
  t.equal(ask(15, 'POST', false), 405);
  t.end();
});
