import t from 'tap';
import { openStore } from '../../src/store/index.js';
import { parseResponses } from './responses.js';
import { request, Setup } from './setup.js';

/** What comes back for bytes, and whether the server closed. */
function outcome(bytes: string | Uint8Array): string {
  const flow = new Setup().exchange(bytes);
  const statuses = parseResponses(flow.received).map((r) => `${r.status}`);
  return `${statuses.join(' ')}${flow.ended ? ' closed' : ''}`;
}

const HOST = 'Host: example.org\r\n\r\n';

t.test('RFC 9110 9: GET, HEAD and OPTIONS are done, known methods are 405 with Allow, others 501', async (t) => {
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'TRACE']) {
    const answer = new Setup().ask(request(method, '/'));
    t.equal(answer.status, 405, method);
    t.equal(answer.fields.get('allow'), 'GET, HEAD, OPTIONS');
  }
  for (const method of ['get', 'BREW', 'PROPFIND', "M!#$%&'*+-.^_`|~9"]) {
    t.equal(new Setup().ask(request(method, '/')).status, 501, method);
  }
});

t.test('RFC 9110 9.3.6: CONNECT is refused and the connection closes', async (t) => {
  t.equal(outcome(`CONNECT example.org:443 HTTP/1.1\r\n${HOST}`), '405 closed');
  t.equal(outcome(`CONNECT example.org HTTP/1.1\r\n${HOST}`), '400 closed');
  t.equal(outcome(`CONNECT /path HTTP/1.1\r\n${HOST}`), '400 closed');
});

t.test('RFC 9110 9.3.7: OPTIONS, of a path and of the server', async (t) => {
  for (const target of ['*', '/', '/nothing', 'http://example.org/']) {
    const answer = new Setup().ask(request('OPTIONS', target));
    t.equal(answer.status, 204, target);
    t.equal(answer.fields.get('allow'), 'GET, HEAD, OPTIONS');
  }
});

t.test('the answer to OPTIONS of a plain site is not what nmap takes for a Nagios NSCA', async (t) => {
  // As in its list of services: 132 bytes, the fourth from the end above Q; a newline may follow.
  const nsca = /^.{128}[\x52-\x7f]...\n?$/s;
  t.match(`${'x'.repeat(132)}`, nsca);
  const small = await openStore(t.testdir({ 'index.html': '<p>hi</p>' }), { cache: false });
  const large = await openStore(t.testdir({ 'index.html': '<p>hi</p>'.repeat(500) }), { cache: false });
  for (const store of [small, large]) {
    for (const bytes of ['OPTIONS / HTTP/1.0\r\n\r\n', request('OPTIONS', '/'), request('OPTIONS', '*')]) {
      const { text } = new Setup({ store: () => store }).exchange(bytes);
      t.match(text, /^HTTP\/1\.1 204 /);
      t.notMatch(text, nsca, `${text.length} bytes`);
    }
  }
});

t.test('RFC 9112 3.2: forms of the request target', async (t) => {
  t.equal(outcome(`GET http://example.org/docs/ HTTP/1.1\r\n${HOST}`), '200');
  t.equal(outcome(`GET HTTP://Example.ORG:8080/docs/?q HTTP/1.1\r\n${HOST}`), '200');
  t.equal(outcome(`GET http://example.org HTTP/1.1\r\n${HOST}`), '200');
  t.equal(outcome(`GET http://example.org?query/with/slashes HTTP/1.1\r\n${HOST}`), '200');
  t.equal(outcome(`GET http://[2001:db8::1]:80/ HTTP/1.1\r\n${HOST}`), '200');
  t.equal(outcome('GET http://example.org/ HTTP/1.1\r\n\r\n'), '400 closed', 'Host is required all the same');
  t.equal(outcome(`GET https://example.org/ HTTP/1.1\r\n${HOST}`), '421 closed', 'RFC 9110 7.4');
  for (const target of [
    '*',
    'example.org',
    'example.org:80',
    'ftp://example.org/',
    'http:///',
    'http://',
    'http://:80/',
  ]) {
    t.equal(outcome(`GET ${target} HTTP/1.1\r\n${HOST}`), '400 closed', target);
  }
  for (const target of [
    'http://user@example.org/',
    'http://exa mple/',
    'http://h:99999/',
    '/#fragment',
    '/?q#f',
    'index.html',
  ]) {
    t.equal(outcome(`GET ${target} HTTP/1.1\r\n${HOST}`), '400 closed', target);
  }
});

t.test('RFC 9112 2.3: later minor versions are served as 1.1, other major ones get 505', async (t) => {
  t.equal(outcome(`GET / HTTP/1.1\r\n${HOST}`), '200');
  t.equal(outcome(`GET / HTTP/1.9\r\n${HOST}`), '200', 'a later minor version is answered as 1.1');
  t.equal(outcome('GET / HTTP/1.0\r\n\r\n'), '200 closed');
  for (const version of ['HTTP/2.0', 'HTTP/3.0', 'HTTP/0.9', 'HTTP/9.9']) {
    t.equal(outcome(`GET / ${version}\r\n${HOST}`), '505 closed', version);
  }
  for (const version of [
    'HTTP/1',
    'HTTP/1.10',
    'http/1.1',
    'HTTP/11',
    'HTTPS/1.1',
    'HTTP/1.1 ',
    ' HTTP/1.1',
    'HTTP /1.1',
    '1.1',
  ]) {
    t.equal(outcome(`GET / ${version}\r\n${HOST}`), '400 closed', version);
  }
});

t.test('HTTP/0.9 is refused', async (t) => {
  t.equal(outcome('GET /\r\n'), '400 closed');
  t.equal(outcome('GET / \r\n'), '400 closed');
});

t.test('RFC 9112 3: one space between the parts, and nothing but CRLF behind them', async (t) => {
  for (const line of [
    'GET  / HTTP/1.1',
    ' GET / HTTP/1.1',
    'GET\t/ HTTP/1.1',
    'GET / HTTP/1.1\t',
    'GET /a b HTTP/1.1',
    'GET',
    'GET\x00 / HTTP/1.1',
    'GET /\x7f HTTP/1.1',
    'GET /\x01 HTTP/1.1',
    'G(T / HTTP/1.1',
    'GET / HTTP/1.1\r',
  ]) {
    t.equal(outcome(`${line}\r\n${HOST}`), '400 closed', JSON.stringify(line));
  }
  t.equal(outcome('GET / HTTP/1.1\nHost: a\n\n'), '400 closed', 'bare LF');
});

t.test('RFC 9112 2.2: empty lines before a request are ignored, a few of them', async (t) => {
  t.equal(outcome(`\r\n\r\nGET / HTTP/1.1\r\n${HOST}\r\nGET / HTTP/1.1\r\n${HOST}`), '200 200');
  t.equal(outcome('\r\n'.repeat(9)), '400 closed');
  t.equal(outcome(`\nGET / HTTP/1.1\r\n${HOST}`), '400 closed');
  t.equal(outcome(`\rGET / HTTP/1.1\r\n${HOST}`), '400 closed');
});

t.test(
  'A request line beyond the limit is 414, a method that never ends 501, a target of 8000 bytes is served',
  async (t) => {
    t.equal(outcome(`GET /${'a'.repeat(7999)} HTTP/1.1\r\n${HOST}`), '404');
    t.equal(outcome(`GET /?${'a'.repeat(7999)} HTTP/1.1\r\n${HOST}`), '200');
    t.equal(outcome(`GET /${'a'.repeat(8192)} HTTP/1.1\r\n${HOST}`), '414 closed');
    t.equal(outcome(`GET /${'a'.repeat(100000)}`), '414 closed');
    t.equal(outcome(`${'A'.repeat(100000)}`), '501 closed');
  },
);

t.test('What is no HTTP at all is refused at its first byte', async (t) => {
  t.equal(outcome('\x16\x03\x01\x02\x00\x01\x00'), '400 closed', 'a TLS client hello');
  t.equal(outcome(' '), '400 closed');
});

t.test(
  'RFC 9113 3.4: a server that speaks no HTTP/2 answers its preface with SETTINGS and GOAWAY(HTTP_1_1_REQUIRED)',
  async (t) => {
    const flow = new Setup({ http2: false }).exchange(
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00',
    );
    t.equal(
      Buffer.from(flow.received).toString('hex'),
      '000000040000000000' + '000008070000000000' + '000000000000000d',
    );
    t.ok(flow.ended);
  },
);
