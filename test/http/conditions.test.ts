import t from 'tap';
import { request, Setup } from './setup.js';

const MODIFIED = 'Sun, 06 Nov 1994 08:49:37 GMT';
const EARLIER = 'Sun, 06 Nov 1994 08:49:36 GMT';
const LATER = 'Mon, 07 Nov 1994 08:49:37 GMT';

const setup = new Setup();
const tag = setup.get('/docs/').fields.get('etag')!;
const noDate = '/movie.mp4';

function status(path: string, ...lines: string[]): number {
  return setup.get(path, ...lines).status;
}

t.test('RFC 9110 13.1.2: If-None-Match, weakly compared', async (t) => {
  for (const value of [tag, `W/${tag}`, '*', `"a", ${tag}`, `"a","b" ,W/${tag}, "c"`, `,, ${tag}`, `"a,b", ${tag}`]) {
    t.equal(status('/docs/', `If-None-Match: ${value}`), 304, value);
  }
  for (const value of ['"a"', 'W/"a"', tag.slice(1, -1), tag.slice(0, -1), `w/${tag}`, `"${tag}"`, '', '"', '"*"']) {
    t.equal(status('/docs/', `If-None-Match: ${value}`), 200, value);
  }
  t.equal(status('/docs/', 'If-None-Match: "a"', `If-None-Match: ${tag}`), 304, 'several lines are one list');
});

t.test('RFC 9110 13.1.3: If-Modified-Since in three formats', async (t) => {
  for (const date of [MODIFIED, LATER, 'Sunday, 06-Nov-94 08:49:37 GMT', 'Sun Nov  6 08:49:37 1994']) {
    t.equal(status('/docs/', `If-Modified-Since: ${date}`), 304, date);
  }
  for (const date of [EARLIER, 'Sunday, 06-Nov-94 08:49:36 GMT', 'Sun Nov  6 08:49:36 1994']) {
    t.equal(status('/docs/', `If-Modified-Since: ${date}`), 200, date);
  }
  for (const date of [
    'yesterday',
    '',
    'Sun, 06 Nov 1994 08:49:37 CET',
    'Sun, 31 Feb 2094 08:49:37 GMT',
    'Sun, 06 Nov 2094 25:49:37 GMT',
    '784111777',
    'Sun, 6 Nov 2094 08:49:37 GMT',
  ]) {
    t.equal(status('/docs/', `If-Modified-Since: ${date}`), 200, `${date} is ignored`);
  }
  t.equal(status('/docs/', `If-Modified-Since: ${LATER}`, `If-Modified-Since: ${LATER}`), 200, 'two are ignored');
  t.equal(status(noDate, `If-Modified-Since: ${LATER}`), 200, 'without an honest date nothing is unmodified');
});

t.test('RFC 9110 5.6.7: a year of two digits lies at most 50 years ahead', async (t) => {
  t.equal(status('/docs/', 'If-Modified-Since: Sunday, 06-Nov-44 08:49:37 GMT'), 304, '2044');
  t.equal(status('/docs/', 'If-Modified-Since: Sunday, 06-Nov-45 08:49:37 GMT'), 200, '1945');
});

t.test('RFC 9110 13.2.2: If-None-Match beats If-Modified-Since', async (t) => {
  t.equal(status('/docs/', 'If-None-Match: "a"', `If-Modified-Since: ${LATER}`), 200);
  t.equal(status('/docs/', `If-None-Match: ${tag}`, `If-Modified-Since: ${EARLIER}`), 304);
});

t.test('RFC 9110 13.1.1: If-Match, strongly compared', async (t) => {
  for (const value of [tag, '*', `"a", ${tag}`]) t.equal(status('/docs/', `If-Match: ${value}`), 200, value);
  for (const value of ['"a"', `W/${tag}`, '']) t.equal(status('/docs/', `If-Match: ${value}`), 412, value);
  t.equal(status('/docs/', 'If-Match: "a"', `If-None-Match: ${tag}`), 412, 'before If-None-Match');
  t.equal(status('/docs/', `If-Match: ${tag}`, `If-None-Match: ${tag}`), 304);
});

t.test('RFC 9110 13.1.4: If-Unmodified-Since', async (t) => {
  t.equal(status('/docs/', `If-Unmodified-Since: ${MODIFIED}`), 200);
  t.equal(status('/docs/', `If-Unmodified-Since: ${EARLIER}`), 412);
  t.equal(status('/docs/', 'If-Unmodified-Since: rubbish'), 200, 'what is no date is ignored');
  t.equal(status(noDate, `If-Unmodified-Since: ${EARLIER}`), 200, 'there is no date to compare with');
  t.equal(status('/docs/', `If-Match: ${tag}`, `If-Unmodified-Since: ${EARLIER}`), 200, 'If-Match beats it');
});

t.test('RFC 9110 15.4.5: 304 has ETag, Vary, Cache-Control and Date, and no content', async (t) => {
  const first = setup.get('/', 'Accept-Encoding: gzip');
  const etag = first.fields.get('etag')!;
  const answer = setup.get('/', 'Accept-Encoding: gzip', `If-None-Match: ${etag}`);
  t.equal(answer.status, 304);
  t.same([...answer.fields.keys()].sort(), ['cache-control', 'date', 'etag', 'vary']);
  t.equal(answer.fields.get('etag'), etag);
  t.equal(setup.get('/', 'Accept-Encoding: br', `If-None-Match: ${etag}`).status, 200, 'another coding, another tag');
});

t.test('HEAD obeys conditions like GET', async (t) => {
  t.equal(setup.ask(request('HEAD', '/docs/', `If-None-Match: ${tag}`)).status, 304);
  t.equal(setup.ask(request('HEAD', '/docs/', 'If-Match: "a"')).status, 412);
});

t.test('RFC 9110 13.2.1: what is not there, moved, or not done has no conditions', async (t) => {
  t.equal(status('/nothing', 'If-None-Match: *'), 404);
  t.equal(status('/nothing', 'If-Match: "a"'), 404);
  t.equal(status('/docs', 'If-None-Match: *'), 301);
  t.equal(setup.ask(request('POST', '/docs/', 'If-Match: "a"')).status, 405);
  t.equal(setup.ask(request('OPTIONS', '/docs/', 'If-None-Match: *')).status, 204);
});
