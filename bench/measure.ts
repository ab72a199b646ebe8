/** One run of wrk against one server, and what came of it. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Namespace } from '../test/wire/lab.js';
import { CLIENT_CPU, type Contender, SERVER_CPU } from './servers.js';
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

export async function measure(
  client: Namespace,
  server: Contender,
  url: string,
  workload: Workload,
  seconds: number,
): Promise<Run> {
  server.pin(workload.oneCore ? CLIENT_CPU : SERVER_CPU);
  const args = ['-c', CLIENT_CPU, 'wrk', '-t1', `-c${workload.connections}`, `-d${seconds}s`, '--latency'];
  args.push('--timeout', '10s');
  if (workload.close) args.push('-H', 'Connection: close');
  if (workload.pipeline !== undefined) args.push('-s', pipelineScript(client.lab.folder, workload.pipeline));
  if (workload.path === undefined) args.push('-s', browserScript(client.lab.folder, new URL(url).host));
  args.push(url + (workload.path ?? '/'));
  const collected = server.pauses().length;
  const before = server.cpu();
  const { stdout, stderr } = await client.run('taskset', args);
  const used = server.cpu() - before;
  const total = /(\d+) requests in ([\d.]+)(us|ms|s|m)/.exec(stdout);
  if (total === null) throw new Error(`wrk against ${server.title}: ${stdout}${stderr}`);
  const requests = Number(total[1]);
  const elapsed = (Number(total[2]) * (MILLISECONDS[total[3] as string] as number)) / 1000;
  const socket = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(stdout);
  const status = /Non-2xx or 3xx responses: (\d+)/.exec(stdout);
  const transfer = /Transfer\/sec:\s+([\d.]+)(B|KB|MB|GB)/.exec(stdout);
  const unit = { B: 1, KB: 1024, MB: 1024 ** 2, GB: 1024 ** 3 }[transfer?.[2] ?? 'B'] as number;
  const pauses = server.pauses().slice(collected);
  return {
    rate: requests / elapsed,
    megabytes: (Number(transfer?.[1] ?? Number.NaN) * unit) / 1e6,
    cpu: used / 1000 / requests,
    p50: latency(stdout, '50'),
    p99: latency(stdout, '99'),
    errors: (socket?.slice(1).reduce((sum, text) => sum + Number(text), 0) ?? 0) + Number(status?.[1] ?? 0),
    pauses: pauses.length,
    longestPause: pauses.length > 0 ? Math.max(...pauses) : undefined,
  };
}
