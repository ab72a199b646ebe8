import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import t from 'tap';
import {
  gauge,
  HttpServer,
  type HttpStats,
  healthPage,
  isLoopback,
  type LivePage,
  metricsPage,
  type Numbers,
  prometheusText,
  statusPages,
} from '../../src/http/index.js';
import { siteStore } from './hand-made-store.js';
import { MemoryFlow } from './memory-flow.js';
import { parseResponses, type Response } from './responses.js';
import { request as requestTo, Setup } from './setup.js';
import { VirtualClock } from './virtual-clock.js';

/** Prometheus' text format 0.0.4, read strictly: samples by name and labels. */
function parsePrometheus(text: string): Map<string, number> {
  const samples = new Map<string, number>();
  const types = new Map<string, string>();
  if (!text.endsWith('\n')) throw new Error('no end of line');
  for (const line of text.slice(0, -1).split('\n')) {
    if (/^# HELP [a-zA-Z_:][a-zA-Z0-9_:]* .+$/.test(line)) continue;
    const type = /^# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|untyped)$/.exec(line);
    if (type !== null) {
      if (types.has(type[1]!)) throw new Error(`${type[1]} twice`);
      types.set(type[1]!, type[2]!);
      continue;
    }
    const sample =
      /^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\]|\\[\\"n])*"\})? (-?\d+(?:\.\d+)?|\+Inf)$/.exec(
        line,
      );
    if (sample === null || !types.has(sample[1]!)) throw new Error(line);
    const key = sample[1]! + (sample[2] ?? '');
    if (samples.has(key)) throw new Error(`${key} twice`);
    samples.set(key, Number(sample[3]));
  }
  return samples;
}

/** For an address of the machine: a name could be anybody's. */
function request(method: string, target: string, ...lines: string[]): string {
  return requestTo(method, target, ...lines).replace('example.org', '192.0.2.1:80');
}

/** A server with all live pages, and a client. */
function watched(): { ask: (text: string, address?: string) => Response; server: HttpServer } {
  const store = siteStore();
  const drops = (): Record<string, number> => ({ 'odd-"drop\\name"': 3 });
  const network = (): Record<string, number> => ({ ...drops(), 'segments-in': 12 });
  const pages: LivePage[] = [
    metricsPage(
      '/metrics',
      {
        http: () => server.stats(),
        network,
        drops,
        more: () => [
          gauge('lag_seconds', 'Lag.', [{ value: 0.25 }]),
          gauge('ends_seconds', 'End.', [{ value: Infinity }]),
        ],
      },
      isLoopback,
    ),
    healthPage('/health', () => (healthy ? true : 'no lease')),
    ...statusPages('/status', {
      http: () => server.stats(),
      connections: (limit) => server.describe(limit),
      network,
      drops,
      lease: () => undefined,
      facts: () => ({ site: '</script>"' }),
    }),
  ];
  const server: HttpServer = new HttpServer({ store: () => store, clock: new VirtualClock(), livePages: pages });
  return {
    server,
    ask(text, address) {
      const flow = MemoryFlow.connect(server.accept, address);
      flow.send(text);
      return parseResponses(flow.received, [text.slice(0, 4) === 'HEAD' ? 'HEAD' : 'GET'])[0]!;
    },
  };
}

let healthy = true;

t.test('Metrics are Prometheus text, and count answers, bytes and connections', async (t) => {
  const { ask } = watched();
  ask(request('GET', '/docs/'));
  ask(request('GET', '/nothing'));
  ask('NONSENSE\r\n');
  const answer = ask(request('GET', '/metrics?x'), '127.0.0.1');
  t.equal(answer.fields.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
  t.equal(answer.fields.get('cache-control'), 'no-store');
  const samples = parsePrometheus(answer.text);
  t.equal(samples.get('sitekernel_http_responses_total{code="200"}'), 1);
  t.equal(samples.get('sitekernel_http_responses_total{code="404"}'), 1);
  t.equal(samples.get('sitekernel_http_responses_total{code="400"}'), 1);
  t.equal(samples.get('sitekernel_http_connections_accepted_total'), 4);
  t.equal(samples.get('sitekernel_http_connections{state="idle"}'), 3, 'the one that asks among them');
  t.equal(samples.get('sitekernel_http_connections{state="closing"}'), 1);
  t.equal(samples.get('sitekernel_network_events_total{event="segments_in"}'), 12);
  t.equal(samples.get('sitekernel_network_drops_total{reason="odd-\\"drop\\\\name\\""}'), 3);
  t.equal(samples.get('lag_seconds'), 0.25);
});

const parserSkip =
  !existsSync('/usr/lib/python3/dist-packages/prometheus_client') && "Prometheus' own parser is not installed";

t.test("Prometheus' own parser reads the same samples", { skip: parserSkip }, async (t) => {
  const { ask } = watched();
  ask(request('GET', '/docs/'));
  const { text } = ask(request('GET', '/metrics?x'), '127.0.0.1');
  const parser = `import sys, json
from prometheus_client.parser import text_string_to_metric_families as parse
print(json.dumps([[s.name, s.labels, str(s.value)] for f in parse(sys.stdin.read()) for s in f.samples]))`;
  const python = '/usr/bin/python3';
  const read = spawnSync(python, ['-c', parser], { input: text, encoding: 'utf8' });
  t.equal(read.stderr, '');
  t.equal(JSON.parse(read.stdout).length, parsePrometheus(text).size);
});

t.test('Who may not see a live page gets what the site has there', async (t) => {
  const { ask } = watched();
  t.equal(ask(request('GET', '/metrics'), '203.0.113.9').status, 404);
  t.equal(ask(request('GET', '/metrics'), '::1').status, 200);
  t.equal(ask(request('HEAD', '/metrics'), '127.0.0.1').status, 200);
  t.equal(ask(request('POST', '/metrics'), '127.0.0.1').status, 405);
  t.equal(ask(request('GET', '/metrics/'), '127.0.0.1').status, 404);
});

t.test('Who comes through a proxy sees no page about the server, be the proxy on loopback', async (t) => {
  const { ask } = watched();
  for (const line of [
    'Via: 1.1 proxy',
    'X-Forwarded-For: 203.0.113.9',
    'forwarded: for=203.0.113.9',
    'X-Forwarded-Proto: https',
    'x-forwarded-host: example.org',
    'X-Forwarded-Server: a',
    'True-Client-IP: 203.0.113.9',
    'X-Client-IP: 203.0.113.9',
    'CDN-Loop: cdn.example',
    'X-Amzn-Trace-Id: Root=1-67891233-abcdef012345678912345678',
    'X-Envoy-External-Address: 203.0.113.9',
  ])
    t.equal(ask(request('GET', '/metrics', line), '127.0.0.1').status, 404, line);
});

t.test(
  'Who asks by a name sees no page about the server that is not for everybody: it may be a site that rebound its name',
  async (t) => {
    const { ask } = watched();
    const asked = (host: string): number => ask(`GET /metrics HTTP/1.1\r\nHost: ${host}\r\n\r\n`, '127.0.0.1').status;
    for (const host of ['127.0.0.1', '127.0.0.1:8080', '[::1]', '[::1]:9', 'localhost', 'LOCALHOST:80', '10.0.0.7'])
      t.equal(asked(host), 200, host);
    for (const host of [
      'evil.example',
      'evil.example:8080',
      '127.0.0.1.evil.example',
      'localhost.evil.example',
      '256.0.0.1',
      '1.2.3',
      '127.0.0.1.',
      '',
    ])
      t.equal(asked(host), 404, host);
    for (const [target, host, status] of [
      ['evil.example', 'evil.example', 404],
      ['evil.example', '127.0.0.1', 404],
      ['127.0.0.1', 'evil.example', 404],
      ['127.0.0.1:8080', '127.0.0.1', 200],
    ] as const)
      t.equal(
        ask(`GET http://${target}/metrics HTTP/1.1\r\nHost: ${host}\r\n\r\n`, '127.0.0.1').status,
        status,
        `${target} as the target's host, ${host} as the field's`,
      );
  },
);

t.test('A server of pages about the server refuses every name with 421', async (t) => {
  const s = new Setup({ localOnly: true, livePages: [healthPage('/health', () => true)] });
  t.equal(s.get('/health').status, 421);
  t.equal(s.get('/').status, 421);
  t.equal(s.ask(request('GET', '/health')).text, 'ok\n');
  t.equal(s.ask(request('GET', 'http://evil.example/health')).status, 421, 'a name in the target overrules Host');
});

t.test('The same names of metrics, each of one kind, whatever network there is', async (t) => {
  const http = (): HttpStats => new Setup().server.stats();
  const names = (network: Numbers, drops: Numbers): string[] =>
    prometheusText({ http, network: () => network, drops: () => drops, more: () => [] }).match(/^# TYPE .*$/gm)!;
  const sockets = names({ 'connections-accepted': 3, 'connections-open': 1, 'connections-shed': 0 }, {});
  const direct = names({ accepted: 3, connectionsOpen: 1, shedIdle: 2, shedSlow: 1, framesIn: 9, bad: 1 }, { bad: 1 });
  t.same(sockets, direct);
  for (const line of sockets) t.match(line, /_total counter$|(?<!_total) gauge$/);
  const text = prometheusText({
    http,
    network: () => ({ accepted: 3, connectionsOpen: 1, shedIdle: 2, shedSlow: 1 }),
    drops: () => ({}),
    more: () => [],
  });
  t.match(text, /^sitekernel_network_connections_shed_total 3$/m);
});

t.test('Health is 200 or 503 with the reason', async (t) => {
  const { ask } = watched();
  t.equal(ask(request('GET', '/health')).text, 'ok\n');
  healthy = false;
  const answer = ask(request('GET', '/health'));
  t.equal(answer.status, 503);
  t.equal(answer.text, 'no lease\n');
  healthy = true;
});

t.test('The status data have connections with what TCP knows of them', async (t) => {
  const { ask, server } = watched();
  ask(request('GET', '/docs/'), '192.0.2.99');
  const answer = ask(request('GET', '/status.json'));
  t.equal(answer.fields.get('content-type'), 'application/json');
  const data = JSON.parse(answer.text);
  const row = data.connections.find((c: { address: string }) => c.address === '192.0.2.99');
  t.match(row, { port: 40000, doing: 'idle', state: 'ESTABLISHED', requests: 1, srtt: 12.5, cwnd: 14600, queued: 0 });
  t.same(data.facts, { site: '</script>"' });
  t.equal(data.http.answers['200'], 1);
  t.equal(server.describe(1).length, 1);
  t.match(ask(request('GET', '/status')).text, '<title>Status</title>');
});

t.test('A path that no request can ask for is refused with a sentence', async (t) => {
  for (const path of ['metrics', '/', '/a b', '/a//b', '/%41', '/a?b', '/a#b', '/a/..']) {
    const livePages = [healthPage(path, () => true)];
    t.throws(
      () => new Setup({ livePages }),
      { message: /^path of a live page: an absolute one like \/metrics expected/ },
      path,
    );
  }
});

t.test('Numbers of a network that has none are none', async (t) => {
  const { server } = watched();
  const none = (): Record<string, number> => ({});
  t.doesNotThrow(() =>
    parsePrometheus(prometheusText({ http: () => server.stats(), network: none, drops: none, more: () => [] })),
  );
});
