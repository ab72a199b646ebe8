import type { LiveAnswer, LivePage } from '../contracts/live-page.js';
import type { Metric, Numbers, Sample } from './metric.js';
import { networkMetrics } from './network-metrics.js';
import type { HttpStats } from './stats.js';

const TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** What metrics are made of. */
export interface MetricsSource {
  http(): HttpStats;
  /** `Network.counters()`. */
  network(): Numbers;
  /** What the network dropped, by reason. */
  drops(): Numbers;
  /** What else there is to tell. */
  more(): readonly Metric[];
}

/** Prometheus' text format, version 0.0.4. The names are the same for every network. */
export function prometheusText(source: MetricsSource): string {
  const metrics = [
    ...httpMetrics(source.http()),
    ...networkMetrics(source.network(), source.drops()),
    ...source.more(),
  ];
  return metrics.map(familyText).join('');
}

function httpMetrics(http: HttpStats): Metric[] {
  const one = (value: number): Sample[] => [{ value }];
  const answers = [...http.answers].map(([status, value]) => ({ labels: { code: String(status) }, value }));
  const states = Object.entries(http.connections).map(([state, value]) => ({ labels: { state }, value }));
  return [
    counter('sitekernel_http_responses_total', 'Answers by status.', answers),
    counter('sitekernel_http_content_bytes_total', 'Bytes of content, without heads.', one(http.contentBytes)),
    counter('sitekernel_http_connections_accepted_total', 'Connections that came.', one(http.accepted)),
    counter('sitekernel_http_connections_refused_total', 'Connections beyond a cap.', one(http.refused)),
    counter('sitekernel_http_faults_total', 'Exceptions, each of which ended one connection.', one(http.faults)),
    counter(
      'sitekernel_http2_budgets_exceeded_total',
      'HTTP/2 connections that were ended because they had the server work in vain, by budget.',
      Object.entries(http.budgets).map(([budget, value]) => ({ labels: { budget }, value })),
    ),
    gauge('sitekernel_http_connections', 'Open connections by what they are doing.', states),
  ];
}

export function counter(name: string, help: string, samples: readonly Sample[]): Metric {
  return { name, type: 'counter', help, samples };
}

export function gauge(name: string, help: string, samples: readonly Sample[]): Metric {
  return { name, type: 'gauge', help, samples };
}

function familyText({ name, type, help, samples }: Metric): string {
  const lines = samples.map(({ labels, value }) => `${name}${labelsText(labels)} ${numberText(value)}\n`);
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`;
}

function labelsText(labels: Sample['labels']): string {
  if (labels === undefined) return '';
  return `{${Object.entries(labels)
    .map(([key, value]) => `${key}="${escaped(value)}"`)
    .join(',')}}`;
}

function numberText(value: number): string {
  return Number.isFinite(value) ? String(value) : Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
}

function escaped(text: string): string {
  return text.replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n');
}

/** A live page with the metrics. */
export function metricsPage(path: string, source: MetricsSource, permits?: LivePage['permits']): LivePage {
  const render = (): LiveAnswer => ({ status: 200, contentType: TYPE, body: prometheusText(source) });
  return { path, permits, render, quiet: true };
}

/** A live page for health checks: 200 and `ok` while `healthy` says so, else 503 and the text from `healthy`. */
export function healthPage(path: string, healthy: () => true | string, permits?: LivePage['permits']): LivePage {
  const contentType = 'text/plain; charset=utf-8';
  const render = (): LiveAnswer => {
    const state = healthy();
    return state === true
      ? { status: 200, contentType, body: 'ok\n' }
      : { status: 503, contentType, body: `${state}\n` };
  };
  return { path, permits, render, quiet: true };
}
