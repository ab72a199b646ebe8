/** sitekernel itself, run as a user runs it: `node dist/main.js …` in a namespace. */
import { resolve } from 'node:path';
import type { Namespace, Program } from './lab.js';

export const MAIN = resolve('dist', 'main.js');
export const SITE = resolve('site', '_site');

export interface Server {
  readonly program: Program;
  /** As it says itself: `http://10.77.0.57/`, always with the slash. */
  readonly url: string;
  readonly address: string;
}

/** The arguments of the three targets. */
export const TARGETS = {
  socket: ['--net', 'socket', '--host', '127.0.0.1', '--port', '8080'],
  dhcp: ['--net', 'direct', '--tap', 'tap0', '--bridge', 'br0'],
  static: [
    ...['--net', 'direct', '--tap', 'tap0', '--bridge', 'br0'],
    ...['--ipv4', '46.43.42.137', '--ipv4-netmask', '255.255.255.128', '--ipv4-gateway', '46.43.42.129'],
  ],
} as const;

export type Target = keyof typeof TARGETS;

export async function serve(namespace: Namespace, args: readonly string[], seconds = 30): Promise<Server> {
  const program = namespace.start(process.execPath, [MAIN, ...args]);
  const match = await program.says(/^listening on (http:\/\/([^/:\s]+)(?::\d+)?\/)\s*$/m, seconds);
  return { program, url: match[1] as string, address: match[2] as string };
}
