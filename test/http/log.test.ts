import t from 'tap';
import { type AccessLogFormat, accessLine } from '../../src/http/index.js';
import { request, Setup } from './setup.js';

function lines(format: AccessLogFormat, bytes: string): string[] {
  const found: string[] = [];
  const setup = new Setup({ log: (record) => found.push(accessLine(format, record)) });
  setup.exchange(bytes);
  return found;
}

t.test('Common Log Format has its fields, and a dash for no content', async (t) => {
  t.same(lines('common', request('GET', '/docs/?q') + request('HEAD', '/')), [
    '198.51.100.7 - - [06/Nov/1994:08:49:37 +0000] "GET /docs/?q HTTP/1.1" 200 4',
    '198.51.100.7 - - [06/Nov/1994:08:49:37 +0000] "HEAD / HTTP/1.1" 200 -',
  ]);
});

t.test('Combined Log Format, with the milliseconds to the first byte', async (t) => {
  t.same(lines('combined', request('GET', '/nothing', 'Referer: http://a/', 'User-Agent: curl/8')), [
    '198.51.100.7 - - [06/Nov/1994:08:49:37 +0000] "GET /nothing HTTP/1.1" 404 12 "http://a/" "curl/8" 0.000',
  ]);
});

t.test('A peer cannot forge lines, quotes or escapes of a terminal', async (t) => {
  const [line] = lines('combined', request('GET', '/a"b\\c\x9b', 'User-Agent: "\t\x9b31m'));
  t.equal(line!.split('"').length, 7);
  t.match(line, '/a\\x22b\\x5cc\\xc2\\x9b');
  t.notMatch(line, /[^\x20-\x7e]/);
});

t.test('What did not parse is logged with its status, and without a request', async (t) => {
  const size = new Setup().ask('NONSENSE\r\n').body.length;
  t.same(lines('common', 'NONSENSE\r\n'), [`198.51.100.7 - - [06/Nov/1994:08:49:37 +0000] "-" 400 ${size}`]);
});

t.test('A request whose content is broken, or does not come, is logged as what it was', async (t) => {
  const found: string[] = [];
  const setup = new Setup({ log: (record) => found.push(accessLine('combined', record)) });
  setup.exchange(`${request('POST', '/a', 'Transfer-Encoding: chunked', 'User-Agent: x')}zz`);
  const flow = setup.exchange(request('HEAD', '/b', 'Content-Length: 5'));
  setup.exchange(request('GET', '/'));
  setup.clock.advance(100_000);
  t.match(found[0], /"POST \/a HTTP\/1.1" 400 \d+ "-" "x"/);
  t.match(found[2], /"HEAD \/b HTTP\/1.1" 408 - "-" "-"/);
  t.match(flow.text, /^HTTP\/1.1 408 .*\r\n\r\n$/s);
});

t.test('JSON, with what the connection knows of its path', async (t) => {
  const [line] = lines('json', request('GET', '/docs/', 'User-Agent: "x"'));
  t.same(JSON.parse(line!), {
    time: '1994-11-06T08:49:37.000Z',
    channel: 'access',
    remote: '198.51.100.7',
    port: 40000,
    method: 'GET',
    target: '/docs/',
    protocol: 'HTTP/1.1',
    host: 'example.org',
    status: 200,
    bytes: 4,
    ms: 0,
    userAgent: '"x"',
    srtt: 12.5,
    rttvar: 1,
    cwnd: 14600,
    inFlight: 238,
    retransmissions: 2,
  });
});

t.test('The time to the first byte counts from the first byte of a head that comes in pieces', async (t) => {
  const found: number[] = [];
  const setup = new Setup({ log: (record) => found.push(record.elapsed) });
  const flow = setup.exchange('GET / HTTP/1.1\r\n');
  setup.clock.advance(150);
  flow.send('Host: a\r\n\r\n');
  flow.send(request('GET', '/'));
  t.same(found, [150, 0]);
});

t.test('Content that is refused, time-outs and 503 are logged too', async (t) => {
  const found: number[] = [];
  const setup = new Setup({ log: (record) => found.push(record.status), limits: { connections: 1 } });
  const flow = setup.exchange(request('GET', '/').slice(0, 10));
  setup.exchange(request('GET', '/'));
  setup.clock.advance(100000);
  setup.exchange(`${request('POST', '/', 'Transfer-Encoding: chunked')}zz`);
  t.equal(flow.closed, 'reset-by-us');
  t.same(found, [503, 408, 400]);
});
