import type { LiveAnswer, LivePage } from './live-pages.js';
import type { HttpStats } from './stats.js';

/** Numbers of another part, by name: `Network.counters()`. */
export type Numbers = Readonly<Record<string, number>>;

const TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** What metrics are made of. */
export interface MetricsSource {
  http(): HttpStats;
  /** A network's counters, each a sample of `sitekernel_network` with its name. */
  network(): Numbers;
  /** What the network dropped, by reason. */
  drops(): Numbers;
  /** Gauges with names of their own, in Prometheus' spelling: `sitekernel_uptime_seconds`. */
  extra(): Numbers;
}

/** Prometheus' text format, version 0.0.4. */
export function prometheusText(source: MetricsSource): string {
  const out: string[] = [];
  const family = (name: string, type: string, help: string, samples: Iterable<readonly [string, number]>): void => {
    out.push(`# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`);
    for (const [labels, value] of samples) out.push(`${name}${labels} ${numberText(value)}\n`);
  };
  const by = (key: string, numbers: Numbers) =>
    Object.entries(numbers).map(([name, value]) => [`{${key}="${label(name)}"}`, value] as const);
  const http = source.http();
  const drops = source.drops();
  const answers = Object.fromEntries(http.answers);
  family('sitekernel_http_responses_total', 'counter', 'Answers by status.', by('code', answers));
  family('sitekernel_http_content_bytes_total', 'counter', 'Bytes of content, without heads.', [
    ['', http.contentBytes],
  ]);
  family('sitekernel_http_connections_accepted_total', 'counter', 'Connections that came.', [['', http.accepted]]);
  family('sitekernel_http_connections_refused_total', 'counter', 'Connections beyond a cap.', [['', http.refused]]);
  family(
    'sitekernel_http_connections',
    'gauge',
    'Open connections by what they are doing.',
    by('state', http.connections),
  );
  family(
    'sitekernel_http2_budgets_exceeded_total',
    'counter',
    'HTTP/2 connections that were ended because they had the server work in vain, by budget.',
    by('budget', http.budgets),
  );
  const rest = Object.entries(source.network()).filter(([name]) => !Object.hasOwn(drops, name));
  family('sitekernel_network', 'untyped', 'What the network counts, by name.', by('name', Object.fromEntries(rest)));
  family('sitekernel_network_drops_total', 'counter', 'What the network dropped, by reason.', by('reason', drops));
  for (const [name, value] of Object.entries(source.extra()))
    family(name, 'gauge', name.replace(/^sitekernel_/, '').replaceAll('_', ' '), [['', value]]);
  return out.join('');
}

function numberText(value: number): string {
  return Number.isFinite(value) ? String(value) : Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
}

function label(text: string): string {
  return text.replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n');
}

/** A live page with the metrics. */
export function metricsPage(path: string, source: MetricsSource, permits?: LivePage['permits']): LivePage {
  const render = (): LiveAnswer => ({ status: 200, contentType: TYPE, body: prometheusText(source) });
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
