import t from 'tap';
import { MOVIE, PAGE } from './hand-made-store.js';
import { parseResponses } from './responses.js';
import { request, Setup } from './setup.js';

t.test('GET answers with the head of the store, Date and the content', async (t) => {
  const setup = new Setup();
  const answer = setup.get('/');
  t.equal(answer.status, 200);
  t.equal(answer.text, PAGE);
  t.equal(answer.fields.get('date'), 'Sun, 06 Nov 1994 08:49:37 GMT');
  t.equal(answer.fields.has('connection'), false);
});

t.test('HEAD answers like GET without the content', async (t) => {
  const setup = new Setup();
  const get = setup.get('/movie.mp4');
  const head = setup.ask(request('HEAD', '/movie.mp4'));
  t.same([...head.fields], [...get.fields]);
  t.equal(head.body.length, 0);
  t.same(get.body, MOVIE);
});

t.test('A resource without content is answered without content', async (t) => {
  const answer = new Setup().get('/empty.css');
  t.equal(answer.status, 200);
  t.equal(answer.fields.get('content-length'), '0');
});

t.test('What is missing is answered with the 404 page, for GET and HEAD', async (t) => {
  const setup = new Setup();
  const answer = setup.get('/nothing');
  t.equal(answer.status, 404);
  t.equal(answer.text, 'nothing here');
  t.equal(setup.ask(request('HEAD', '/nothing')).status, 404);
});

t.test('A redirect keeps the query', async (t) => {
  const setup = new Setup();
  const answer = setup.get('/docs?a=1&b=%20');
  t.equal(answer.status, 301);
  t.equal(answer.fields.get('location'), '/docs/?a=1&b=%20');
  t.match(answer.text, '<a href="/docs/?a=1&#38;b=%20">');
  t.equal(setup.get('//docs').fields.get('location'), '/docs/', 'no redirect to another host');
});

t.test('Requests on one connection are answered in order, pipelined or not', async (t) => {
  const setup = new Setup();
  const flow = setup.connect();
  flow.send(request('GET', '/docs/') + request('HEAD', '/') + request('GET', '/nothing'));
  flow.send(request('GET', '/movie.mp4'));
  const answers = parseResponses(flow.received, ['GET', 'HEAD', 'GET', 'GET']);
  t.same(
    answers.map((a) => [a.status, a.body.length]),
    [
      [200, 4],
      [200, 0],
      [404, 12],
      [200, MOVIE.length],
    ],
  );
  t.equal(flow.ended, false);
});

t.test('Date follows the clock, and an answer that waits keeps its own', async (t) => {
  const setup = new Setup();
  const flow = setup.connect();
  flow.reading = false;
  flow.send(request('HEAD', '/'));
  setup.clock.advance(1500);
  flow.send(request('HEAD', '/'));
  flow.take(1e9);
  const dates = parseResponses(flow.received, ['HEAD', 'HEAD']).map((a) => a.fields.get('date'));
  t.same(dates, ['Sun, 06 Nov 1994 08:49:37 GMT', 'Sun, 06 Nov 1994 08:49:38 GMT']);
});
