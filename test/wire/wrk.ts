/** wrk, and what it counted. */
import type { Namespace } from './lab.js';

export interface WrkResult {
  readonly requests: number;
  readonly perSecond: number;
  /** Connect, read, write, timeout and status errors, all together. */
  readonly errors: number;
  readonly output: string;
}

export async function wrk(
  client: Namespace,
  url: string,
  options: { connections: number; seconds: number; headers?: readonly string[] },
): Promise<WrkResult> {
  const { status, stdout, stderr } = await client.run('wrk', [
    ...['-t1', `-c${options.connections}`, `-d${options.seconds}s`, '--timeout', '10s'],
    ...(options.headers ?? []).flatMap((header) => ['-H', header]),
    url,
  ]);
  const output = `${stdout}${stderr}`;
  const number = (pattern: RegExp): number => Number(pattern.exec(output)?.[1] ?? Number.NaN);
  const socket = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(output);
  const bad = /Non-2xx or 3xx responses: (\d+)/.exec(output);
  const errors =
    (socket === null ? 0 : socket.slice(1).reduce((sum, text) => sum + Number(text), 0)) +
    Number(bad?.[1] ?? 0) +
    (status === 0 ? 0 : 1);
  return { requests: number(/(\d+) requests in/), perSecond: number(/Requests\/sec:\s+([\d.]+)/), errors, output };
}
