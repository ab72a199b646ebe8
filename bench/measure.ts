/** One run of a load generator against one server, and what came of it. */
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Namespace } from '../test/wire/lab.js';
import { CLIENT_CPU, type Contender, SERVER_CPU } from './contender.js';
import { browserRequests, type Workload } from './workloads.js';

export interface Run {
  /** Requests a second. */
  readonly rate: number;
  /** Megabytes (10^6) a second. */
  readonly megabytes: number;
  /** Microseconds of the server's CPU time a request. */
  readonly cpu: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly errors: number;
  /** Pauses for garbage: how many, and the longest in ms; undefined where nothing collects any. */
  readonly pauses: number;
  readonly longestPause: number | undefined;
}

const MILLISECONDS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000, m: 60_000 };

function latency(output: string, percentile: string): number {
  const match = new RegExp(`${percentile}%\\s+([\\d.]+)(us|ms|s|m)`).exec(output);
  // With pipelining wrk says 0 where it does not know.
  return match === null || Number(match[1]) === 0
    ? Number.NaN
    : Number(match[1]) * (MILLISECONDS[match[2] as string] as number);
}

/** wrk's own way to send several requests at once is a script. */
function pipelineScript(folder: string, depth: number): string {
  const file = join(folder, `pipeline-${depth}.lua`);
  writeFileSync(
    file,
    `init = function(args)\n  local r = {}\n  for i = 1, ${depth} do r[i] = wrk.format() end\n  req = table.concat(r)\nend\nrequest = function() return req end\n`,
  );
  return file;
}

/** The requests of a browser, one after the other, over each connection. */
function browserScript(folder: string, host: string): string {
  const file = join(folder, `browser-${host.replace(':', '-')}.lua`);
  const heads = browserRequests().map((text) => JSON.stringify(text.replaceAll('HOST', host)));
  writeFileSync(
    file,
    `local r = {${heads.join(',\n')}}\nlocal i = 0\nrequest = function() i = i % #r + 1 return r[i] end\n`,
  );
  return file;
}

/** What a load generator tells. */
type Told = Pick<Run, 'rate' | 'megabytes' | 'p50' | 'p99' | 'errors'> & { readonly requests: number };

export async function measure(
  client: Namespace,
  server: Contender,
  url: string,
  workload: Workload,
  seconds: number,
): Promise<Run> {
  server.pin(workload.oneCore ? CLIENT_CPU : SERVER_CPU);
  const load = { 'http/1.1': wrk, h2: h2load, full: handshakes, resumed: handshakes }[workload.tls?.kind ?? 'http/1.1'];
  const collected = server.pauses().length;
  const before = server.cpu();
  const { requests, ...told } = await load(client, url, workload, seconds);
  const used = server.cpu() - before;
  const pauses = server.pauses().slice(collected);
  return {
    ...told,
    cpu: used / 1000 / requests,
    pauses: pauses.length,
    longestPause: pauses.length > 0 ? Math.max(...pauses) : undefined,
  };
}

async function onClientCpu(client: Namespace, command: string, args: readonly string[]): Promise<string> {
  const { stdout, stderr } = await client.run('taskset', ['-c', CLIENT_CPU, command, ...args]);
  return stdout + stderr;
}

async function wrk(client: Namespace, url: string, workload: Workload, seconds: number): Promise<Told> {
  const args = ['-t1', `-c${workload.connections}`, `-d${seconds}s`, '--latency', '--timeout', '10s'];
  if (workload.close) args.push('-H', 'Connection: close');
  if (workload.pipeline !== undefined) args.push('-s', pipelineScript(client.lab.folder, workload.pipeline));
  if (workload.path === undefined) args.push('-s', browserScript(client.lab.folder, new URL(url).host));
  args.push(url + (workload.path ?? '/'));
  const output = await onClientCpu(client, 'wrk', args);
  const total = /(\d+) requests in ([\d.]+)(us|ms|s|m)/.exec(output);
  if (total === null) throw new Error(`wrk against ${url}: ${output}`);
  const requests = Number(total[1]);
  const elapsed = (Number(total[2]) * (MILLISECONDS[total[3] as string] as number)) / 1000;
  const socket = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(output);
  const status = /Non-2xx or 3xx responses: (\d+)/.exec(output);
  const transfer = /Transfer\/sec:\s+([\d.]+)(B|KB|MB|GB)/.exec(output);
  const unit = { B: 1, KB: 1024, MB: 1024 ** 2, GB: 1024 ** 3 }[transfer?.[2] ?? 'B'] as number;
  return {
    requests,
    rate: requests / elapsed,
    megabytes: (Number(transfer?.[1] ?? Number.NaN) * unit) / 1e6,
    p50: latency(output, '50'),
    p99: latency(output, '99'),
    errors: (socket?.slice(1).reduce((sum, text) => sum + Number(text), 0) ?? 0) + Number(status?.[1] ?? 0),
  };
}

/** The paths of a browser's requests, in a file for h2load; a page's address is given as another file's. */
function browserPaths(folder: string, url: string): string {
  const file = join(folder, `browser-${new URL(url).host.replace(':', '-')}.txt`);
  const paths = browserRequests().map((head) => /^GET (\S+)/.exec(head)?.[1] ?? '/');
  writeFileSync(file, paths.map((path) => `${url}${path}\n`).join(''));
  return file;
}

/** h2load tells no percentiles of its own accord. */
async function h2load(client: Namespace, url: string, workload: Workload, seconds: number): Promise<Told> {
  const streams = workload.tls?.kind === 'h2' ? workload.tls.streams : 1;
  const args = ['-t1', `-c${workload.connections}`, `-m${streams}`, `-D${seconds}`, '-H', 'accept-encoding: br, gzip'];
  args.push('--tls13-ciphers=TLS_AES_128_GCM_SHA256');
  if (workload.path === undefined) args.push('-i', browserPaths(client.lab.folder, url));
  else args.push(url + workload.path);
  const output = await onClientCpu(client, 'h2load', args);
  const count = (pattern: RegExp): number => Number(pattern.exec(output)?.[1] ?? Number.NaN);
  const requests = count(/status codes: (\d+) 2xx/) + count(/status codes: .* (\d+) 3xx/);
  if (!(requests > 0)) throw new Error(`h2load against ${url}: ${output}`);
  return {
    requests,
    rate: requests / seconds,
    megabytes: count(/traffic: .*\((\d+)\) total/) / seconds / 1e6,
    p50: Number.NaN,
    p99: Number.NaN,
    errors: count(/ (\d+) failed/) + count(/ (\d+) 4xx/) + count(/ (\d+) 5xx/),
  };
}

async function handshakes(client: Namespace, url: string, workload: Workload, seconds: number): Promise<Told> {
  const { hostname, port } = new URL(url);
  const script = resolve('build', 'bench', 'tls-client.js');
  const certificate = join(client.lab.folder, 'certificate.pem');
  const args = [script, workload.tls?.kind ?? 'full', hostname, port === '' ? '443' : port, certificate];
  args.push(String(workload.connections), String(seconds), workload.path ?? '/');
  const output = await onClientCpu(client, process.execPath, args);
  const told = /^\{.*\}$/m.exec(output);
  if (told === null) throw new Error(`tls-client against ${url}: ${output}`);
  const {
    requests,
    seconds: elapsed,
    ...rest
  } = JSON.parse(told[0]) as Record<'requests' | 'seconds', number> & Pick<Told, 'p50' | 'p99' | 'errors'>;
  return { ...rest, requests, rate: requests / elapsed, megabytes: Number.NaN };
}
