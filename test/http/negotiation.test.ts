import { gzipSync } from 'node:zlib';
import t from 'tap';
import { storeOf } from '../store/tree.js';
import { request, Setup } from './setup.js';

const setup = new Setup();

/** Which coding a field leads to; the status when it is none. */
function coding(value: string | undefined, path = '/'): string | number {
  const answer = value === undefined ? setup.get(path) : setup.get(path, `Accept-Encoding: ${value}`);
  return answer.status === 200 ? (answer.fields.get('content-encoding') ?? 'identity') : answer.status;
}

t.test('RFC 9110 12.5.3: the client asks, weights decide, the smallest of equals is sent', async (t) => {
  const cases: Record<string, string> = {
    '': 'identity',
    gzip: 'gzip',
    br: 'br',
    'gzip, br': 'br',
    'br, gzip': 'br',
    'gzip, deflate, br, zstd': 'br',
    deflate: 'identity',
    compress: 'identity',
    brotli: 'identity',
    xgzip: 'identity',
    'x-gzip': 'gzip',
    GZIP: 'gzip',
    'gzip;q=1, br;q=0.5': 'gzip',
    'gzip;q=0.5, br;q=0.501': 'br',
    'gzip;q=0': 'identity',
    'gzip;q=0.000, br;q=0.001': 'br',
    'br;q=0, *': 'gzip',
    '*': 'br',
    '*;q=0.5, gzip': 'gzip',
    identity: 'identity',
    'identity, gzip;q=0.5': 'identity',
    'identity;q=0.5, gzip;q=0.4': 'identity',
    'gzip;q=0.001': 'gzip',
    'identity;q=0, gzip': 'gzip',
    '*;q=0, br': 'br',
    'gzip ; q=0.8 , br ; Q=0.2': 'gzip',
    'gzip;q=2, br;q=0.1': 'br',
    'gzip;q=1.5, br;q=x, identity;q=0.1': 'identity',
    'gzip;q=0.1234': 'identity',
    ',,gzip,,': 'gzip',
  };
  for (const [value, expected] of Object.entries(cases)) t.equal(coding(value), expected, value);
  t.equal(coding(undefined), 'identity', 'without the field');
});

t.test('Several lines are one list', async (t) => {
  const answer = setup.get('/', 'Accept-Encoding: gzip;q=0.5', 'Accept-Encoding: br;q=0.1');
  t.equal(answer.fields.get('content-encoding'), 'gzip');
});

t.test('RFC 9110 15.5.7: 406 with Vary when even identity is refused', async (t) => {
  for (const value of ['identity;q=0', '*;q=0', 'identity;q=0, deflate', 'deflate, *;q=0']) {
    const answer = setup.get('/', `Accept-Encoding: ${value}`);
    t.equal(answer.status, 406, value);
    t.equal(answer.fields.get('vary'), 'Accept-Encoding');
  }
  t.equal(coding('identity;q=0', '/movie.mp4'), 406);
  t.equal(coding('identity;q=1, *;q=0', '/movie.mp4'), 'identity', 'what browsers send for media');
});

t.test('The page for what is missing is sent even if its form is not accepted', async (t) => {
  t.equal(setup.get('/nothing', 'Accept-Encoding: identity;q=0').status, 404);
});

t.test('RFC 9110 12.5.5: Vary on everything that was negotiated', async (t) => {
  for (const value of ['gzip', 'identity', 'deflate']) {
    t.equal(setup.get('/', `Accept-Encoding: ${value}`).fields.get('vary'), 'Accept-Encoding', value);
  }
  t.equal(setup.get('/').fields.get('vary'), 'Accept-Encoding');
  t.equal(setup.ask(request('HEAD', '/', 'Accept-Encoding: br')).fields.get('content-encoding'), 'br');
});

t.test('RFC 9110 8.8.3: each coding has its own strong tag', async (t) => {
  const tags = ['identity', 'gzip', 'br'].map((c) => setup.get('/', `Accept-Encoding: ${c}`).fields.get('etag'));
  t.equal(new Set(tags).size, 3);
  for (const tag of tags) t.match(tag, /^"[0-9a-f]{16}"$/);
});

t.test('RFC 9110 12.5.3: what is compressed as it is goes out in its coding, whatever is asked for', async (t) => {
  const picture = '<svg xmlns="http://www.w3.org/2000/svg"/>';
  const store = await storeOf(t, { 'a.svgz': gzipSync(picture) });
  const own = new Setup({ store: () => store });
  for (const lines of [[], ['Accept-Encoding: gzip'], ['Accept-Encoding: identity'], ['Accept-Encoding: br, *;q=0']]) {
    const answer = own.get('/a.svgz', ...lines);
    t.equal(answer.status, 200, String(lines));
    t.equal(answer.fields.get('content-encoding'), 'gzip');
    t.notOk(answer.fields.has('vary'));
  }
  const part = own.get('/a.svgz', 'Range: bytes=0-1');
  t.equal(part.status, 206);
  t.equal(part.fields.get('content-encoding'), 'gzip');
});
