/**
 * What those see who watch over a server: its log and its pages about itself, as far as their values are the same over
 * every network.
 */

import {
  type AccessLogFormat,
  accessLine,
  gauge,
  type HttpOptions,
  healthPage,
  type LivePage,
  metricsPage,
  statusPages,
} from '../../../src/http/index.js';
import { kernelInfo } from '../../../src/net/sockets/common/kernel-info.js';
import type { Options } from '../three-ways.js';
import { ask, body, both, get, has, type Line, of } from './line.js';

/** So that the last answer has arrived, and been acknowledged, when the next request comes. */
const SETTLED = { wait: 500 };

/** In the place of what TCP and the network say of a connection. */
const NO_FLOW = { address: 'peer', port: 1, ...kernelInfo('some') };

/** The log so far is served at `/log`: each network's own address, port, time and values of TCP left out. */
function logged(format: AccessLogFormat): Options {
  return () => {
    const lines: string[] = [];
    const log: HttpOptions['log'] = (record) => {
      const line = accessLine(format, record).replace(record.flow.remote.address, 'peer');
      lines.push(format === 'json' ? withoutNetwork(line) : line.replace(/\[.{26}\]/, '[time]'));
    };
    const render: LivePage['render'] = () => ({ status: 200, contentType: 'text/plain', body: lines.join('\n') });
    return { log, livePages: [{ path: '/log', render }] };
  };
}

function withoutNetwork(line: string): string {
  const { time, port, srtt, rttvar, cwnd, ssthresh, inFlight, retransmissions, ...rest } = JSON.parse(line);
  return JSON.stringify(rest);
}

const LOGGED = [
  get('/about?a=b', 'Referer: http://a/"', 'User-Agent: "curl"') + ask('HEAD', '/docs/') + get('/nothing'),
  SETTLED,
  get('/movie.mp4', 'Range: bytes=0-9') + get('/docs') + get('/', 'If-None-Match: *') + ask('BREW', '/'),
  SETTLED,
  get('/log'),
];
const LOGGED_STATUSES = '200 200 404 206 301 304 501 200';

function lines(...expected: readonly RegExp[]): ReturnType<typeof body> {
  return (t, answers) => {
    const seen = answers.at(-1)!.text.split('\n');
    t.equal(seen.length, expected.length);
    for (const [i, one] of expected.entries()) t.match(seen[i], one);
  };
}

/** The request, for an address instead of a name. */
function local(request: string): string {
  return request.replace(/^Host: .*\r$/m, 'Host: 127.0.0.1\r');
}

/** Pages about the server, in front of those of the site. */
const watched: Options = (server) => {
  const http = () => server().stats();
  const network = () => ({ 'segments-in': 12, 'odd-drop': 3 });
  const drops = () => ({ 'odd-drop': 3 });
  return {
    livePages: [
      metricsPage('/metrics', { http, network, drops, more: () => [gauge('sitekernel_up', 'Up.', [{ value: 1 }])] }),
      metricsPage('/hidden.txt', { http, network, drops, more: () => [] }, () => false),
      healthPage(
        '/health',
        () => true,
        () => true,
      ),
      healthPage('/ill', () => 'no lease'),
      ...statusPages('/status', {
        http,
        connections: (limit) =>
          server()
            .describe(limit)
            .map((row) => ({ ...row, ...NO_FLOW })),
        network,
        drops,
        lease: () => undefined,
        facts: () => ({ site: '</script>"' }),
      }),
    ],
  };
};

export const OBSERVED: readonly Line[] = [
  {
    id: 'access-log',
    text: 'Access log: Common Log Format',
    http: logged('common'),
    cases: [
      of(
        'every kind of answer',
        LOGGED,
        LOGGED_STATUSES,
        lines(
          /^peer - - \[time\] "GET \/about\?a=b HTTP\/1\.1" 200 \d+$/,
          /^peer - - \[time\] "HEAD \/docs\/ HTTP\/1\.1" 200 -$/,
          /"GET \/nothing HTTP\/1\.1" 404 \d+$/,
          /"GET \/movie\.mp4 HTTP\/1\.1" 206 10$/,
          /"GET \/docs HTTP\/1\.1" 301 \d+$/,
          /"GET \/ HTTP\/1\.1" 304 -$/,
          /"BREW \/ HTTP\/1\.1" 501 \d+$/,
        ),
      ),
    ],
    also: [
      ['test/http/log.test.ts', 'Common Log Format'],
      ['test/http/log.test.ts', 'A peer cannot forge lines'],
      ['test/cli/log.test.ts', 'A log that nobody reads never blocks'],
    ],
  },
  {
    id: 'access-log-combined',
    text: 'Access log: Combined Log Format with the time to the first byte',
    http: logged('combined'),
    cases: [
      of('every kind of answer', LOGGED, LOGGED_STATUSES, (t, answers) => {
        const [first, ...rest] = answers.at(-1)!.text.split('\n');
        t.match(
          first,
          /^peer - - \[time\] "GET \/about\?a=b HTTP\/1\.1" 200 \d+ "http:\/\/a\/\\x22" "\\x22curl\\x22" 0\.000$/,
        );
        t.equal(rest.length, 6);
        for (const line of rest) t.match(line, /" \d{3} (?:\d+|-) "-" "-" 0\.000$/);
      }),
    ],
    also: [['test/http/log.test.ts', 'Combined Log Format']],
  },
  {
    id: 'access-log-json',
    text: 'Access log: JSON, with what TCP knows of the connection',
    http: logged('json'),
    cases: [
      of('every kind of answer', LOGGED, LOGGED_STATUSES, (t, answers) => {
        const seen = answers
          .at(-1)!
          .text.split('\n')
          .map((line) => JSON.parse(line));
        t.same(seen.map(({ status }) => status).join(' '), LOGGED_STATUSES.replace(/ 200$/, ''));
        t.match(seen[0], { remote: 'peer', method: 'GET', target: '/about?a=b', host: 'example.org', ms: 0 });
        t.match(seen[0], { referer: 'http://a/"', userAgent: '"curl"' });
        t.match(seen[3], { target: '/movie.mp4', bytes: 10 });
      }),
    ],
    also: [['test/http/log.test.ts', 'JSON, with what the connection knows']],
  },
  {
    id: 'metrics',
    text: "--metrics: Prometheus' text, as its own parser reads it; --health; both for those who should",
    http: watched,
    cases: [
      of(
        'metrics',
        [get('/about') + get('/nothing') + ask('HEAD', '/about'), SETTLED, get('/metrics?x')],
        '200 404 200 200',
        both(
          has({ 'content-type': 'text/plain; version=0.0.4; charset=utf-8', 'cache-control': 'no-store' }),
          body(/^sitekernel_http_responses_total\{code="200"\} 2$/m),
          body(/^sitekernel_http_responses_total\{code="404"\} 1$/m),
          body(/^sitekernel_http_connections_accepted_total 1$/m),
          body(/^sitekernel_http_connections\{state="idle"\} 1$/m),
          body(/^sitekernel_network_events_total\{event="segments_in"\} 12$/m),
          body(/^sitekernel_network_drops_total\{reason="odd-drop"\} 3$/m),
          body(/^sitekernel_up 1$/m),
        ),
      ),
      of('HEAD of metrics', ask('HEAD', '/metrics') + get('/about'), '200 200'),
      of('POST to metrics', ask('POST', '/metrics') + get('/about'), '405 200'),
      of('healthy', local(get('/health')), 200, body(/^ok\n$/)),
      of("healthy, to a name that may be anybody's", get('/health'), 404),
      of('ill', get('/ill'), 503, both(body(/^no lease\n$/), has({ 'cache-control': 'no-store' }))),
      of('who may not see it gets what the site has there', get('/hidden.txt'), 200, body(/^hidden file$/)),
      of('through a proxy', local(get('/health', 'Via: 1.1 proxy')), 404),
    ],
    also: [
      ['test/http/live-pages.test.ts', 'Metrics are Prometheus text'],
      ['test/http/live-pages.test.ts', 'Health is 200 or 503'],
      ['test/http/live-pages.test.ts', 'Who may not see a live page'],
      ['test/http/live-pages.test.ts', 'Who comes through a proxy'],
      ['test/cli/http-arguments.test.ts', '--admin says who may see them'],
      ['test/cli/admin-listener.test.ts', 'pages about the server are on a listener of their own'],
    ],
  },
  {
    id: 'status-page',
    text: '--status: rates, connections, a plot, drops and the lease; also on a phone',
    http: watched,
    cases: [
      of('the page', get('/status'), 200, both(body(/<title>Status<\/title>/), has({ 'cache-control': 'no-store' }))),
      of('its data', [get('/about') + get('/nothing'), SETTLED, get('/status.json')], '200 404 200', (t, answers) => {
        const data = JSON.parse(answers.at(-1)!.text);
        t.match(data, { facts: { site: '</script>"' }, drops: { 'odd-drop': 3 }, network: { 'segments-in': 12 } });
        t.match(data.http, { answers: { 200: 1, 404: 1 }, accepted: 1, refused: 0 });
        t.match(data.connections, [{ address: 'peer', doing: 'idle', requests: 3, queued: 0 }]);
      }),
    ],
    also: [
      ['test/http/status-page.test.ts', 'The status page shows rates'],
      ['test/http/live-pages.test.ts', 'The status data have connections'],
    ],
  },
];
