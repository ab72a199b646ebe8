import { ask, body, get, has, type Line, nothingHidden, of } from './line.js';

const NEXT = get('/hidden.txt');
const IDLE = { wait: 75_100 };

export const CONNECTIONS: readonly Line[] = [
  {
    id: 'keep-alive',
    text: 'Keep-alive with limits on time and number; Connection: close honoured and announced, in any case and in lists',
    http: { limits: { requestsPerConnection: 3 } },
    cases: [
      of('a number of requests', get('/about').repeat(5), '200 200 200', has({ connection: 'close' })),
      of('a time without requests', [get('/about'), IDLE, 'stay'], 200),
      ...['close', 'Close', 'CLOSE', 'keep-alive, close', 'x,\tclose ,y', ',,close'].map((value) =>
        of(`Connection: ${value}`, get('/about', `Connection: ${value}`) + NEXT, 200, (t, answers, raw) => {
          nothingHidden(t, answers, raw);
          t.equal(answers[0]!.fields.get('connection'), 'close');
        }),
      ),
      of('in a second line', get('/about', 'Connection: x', 'Connection: close') + NEXT, 200, nothingHidden),
      of('closed is not close', get('/about', 'Connection: closed') + NEXT, '200 200'),
    ],
    also: [['test/http/connections.test.ts', 'A connection closes after its last allowed request']],
  },
  {
    id: 'pipelining',
    text: 'Pipelining with order kept, and fairness',
    cases: [
      of(
        'order',
        get('/about') + get('/docs/') + get('/nothing') + get('/hidden.txt') + ask('HEAD', '/about'),
        '200 200 404 200 200',
        (t, answers) =>
          t.same(
            answers.map((a) => /(About|Docs|Nothing|hidden)/.exec(a.text)?.[0]),
            ['About', 'Docs', 'Nothing', 'hidden', undefined],
          ),
      ),
      of('200 in one go', get('/about').repeat(200), Array(200).fill(200).join(' ')),
    ],
    also: [
      ['test/http/connections.test.ts', 'After a number of pipelined requests others have their turn'],
      ['test/http/sockets.test.ts', '3,000 pipelined requests'],
    ],
  },
  {
    id: 'half-closed',
    text: 'Half-closed clients get their answer; a request that breaks off is 400',
    cases: [
      of('FIN behind the request', get('/movie.mp4'), 200, (t, [answer]) => t.equal(answer!.body.length, 10_000)),
      of('FIN in the head', 'GET /about HTTP/1.1\r\nHo', 400),
      of('FIN without a word', '', ''),
    ],
    also: [['test/http/sockets.test.ts', 'a half-closed client gets 5 MiB in full']],
  },
  {
    id: 'lingering',
    text: 'Lingering close: an error answer is not lost to a reset',
    cases: [of('more behind an error', ['NONSENSE\r\n', ...Array(20).fill('x'.repeat(1000))], 400)],
    also: [['test/http/sockets.test.ts', 'an error answer is not lost to a reset']],
  },
  {
    id: 'time-outs',
    text: 'Header, body and idle time-outs: 408, and silence where nothing was begun',
    cases: [
      of(
        'a head that does not end',
        ['GET / HTTP/1.1\r\n', { wait: 15_000 }, 'X: y\r\n', { wait: 6000 }, 'stay'],
        408,
        has({ connection: 'close' }),
      ),
      of('content that does not come', [get('/', 'Content-Length: 5'), 'he', { wait: 31_000 }, 'stay'], 408),
      of('nothing at all', [{ wait: 21_000 }, 'stay'], ''),
      of('nothing but empty lines', ['\r\n\r\n', { wait: 21_000 }, 'stay'], ''),
      of('nothing but half an empty line', ['\r', { wait: 21_000 }, 'stay'], ''),
      of('idle', [get('/about'), IDLE, 'stay'], 200),
    ],
    also: [
      ['test/http/timeouts.test.ts', 'A reader that takes nothing is reset'],
      ['test/wire/attacks.test.ts', 'Slowloris, slow readers'],
    ],
  },
  {
    id: 'caps',
    text: 'A cap for all connections, and one for each client; beyond it 503 with Retry-After',
    http: { limits: { connections: 0 } },
    cases: [of('beyond', get('/about') + NEXT, 503, has({ 'retry-after': '10', connection: 'close' }))],
    also: [
      ['test/http/caps.test.ts', 'One address can be held to a number of connections'],
      ['test/http/caps.test.ts', 'Beyond what may wait for a refusal'],
      ['test/http/caps.test.ts', 'Unfinished requests of all connections together'],
    ],
  },
  {
    id: 'large',
    text: 'Answers larger than what is queued wait for their reader',
    cases: [of('100 pipelined films', get('/movie.mp4').repeat(100), Array(100).fill(200).join(' '), body(/./))],
    also: [['test/http/own-stack.test.ts', 'Over our own stack big answers behind each other arrive whole']],
  },
];
