import type { LiveAnswer, LivePage } from './live-pages.js';
import type { HttpStats } from './stats.js';

/** Numbers of another part, by name: `Network.counters()`. */
export type Numbers = Readonly<Record<string, number>>;

const TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/**
 * Prometheus' text format, version 0.0.4. `network` are a network's counters, each a sample of `sitekernel_network` with its name;
 * `extra` are gauges with names of their own, in Prometheus' spelling: `nodejs_eventloop_lag_seconds`.
 */
export function prometheusText(http: HttpStats, network: Numbers, extra: Numbers = {}): string {
  const out: string[] = [];
  const family = (name: string, type: string, help: string, samples: Iterable<readonly [string, number]>): void => {
    out.push(`# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`);
    for (const [labels, value] of samples) out.push(`${name}${labels} ${value}\n`);
  };
  const answers = [...http.answers].map(([status, count]) => [`{code="${status}"}`, count] as const);
  family('sitekernel_http_responses_total', 'counter', 'Answers by status.', answers);
  family('sitekernel_http_content_bytes_total', 'counter', 'Bytes of content, without heads.', [
    ['', http.contentBytes],
  ]);
  family('sitekernel_http_connections_accepted_total', 'counter', 'Connections that came.', [['', http.accepted]]);
  family('sitekernel_http_connections_refused_total', 'counter', 'Connections beyond a cap.', [['', http.refused]]);
  const states = Object.entries(http.connections).map(([state, count]) => [`{state="${state}"}`, count] as const);
  family('sitekernel_http_connections', 'gauge', 'Open connections by what they are doing.', states);
  const numbers = Object.entries(network).map(([name, value]) => [`{name="${label(name)}"}`, value] as const);
  family('sitekernel_network', 'untyped', 'What the network counts, drops among it, by name.', numbers);
  for (const [name, value] of Object.entries(extra)) family(name, 'gauge', name.replaceAll('_', ' '), [['', value]]);
  return out.join('');
}

function label(text: string): string {
  return text.replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n');
}

/** A live page with the metrics. */
export function metricsPage(
  path: string,
  http: () => HttpStats,
  network: () => Numbers,
  extra: () => Numbers = () => ({}),
  permits?: LivePage['permits'],
): LivePage {
  const render = (): LiveAnswer => ({
    status: 200,
    contentType: TYPE,
    body: prometheusText(http(), network(), extra()),
  });
  return { path, permits, render };
}

/** A live page for those who watch over the server: 200 and `ok` while `healthy` says so, else 503 and what it says. */
export function healthPage(path: string, healthy: () => true | string, permits?: LivePage['permits']): LivePage {
  const contentType = 'text/plain; charset=utf-8';
  const render = (): LiveAnswer => {
    const state = healthy();
    return state === true
      ? { status: 200, contentType, body: 'ok\n' }
      : { status: 503, contentType, body: `${state}\n` };
  };
  return { path, permits, render };
}
