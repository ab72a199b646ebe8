/** A bridge that speaks IPv6, a client on it, and our program beside them. */
import { join } from 'node:path';
import { Lab, type Namespace, type Program } from './lab.js';
import { MAIN } from './server.js';

/** Where the program says that it serves. */
export const IPV6_LINE = /^listening on http:\/\/\[([0-9a-f:]+)\]\/$/m;

export interface Bed {
  readonly lab: Lab;
  readonly client: Namespace;
  start(args: readonly string[]): Program;
}

/** A bridge with fe80::1 and 2001:db8:77::1, and a client that takes what routers advertise. */
export function bed(owner: ConstructorParameters<typeof Lab>[0]): Bed {
  const lab = new Lab(owner, '10.77.0.1/24');
  const { host } = lab;
  host.ip('addr add fe80::1/64 dev br0 nodad');
  host.ip('addr add 2001:db8:77::1/64 dev br0 nodad');
  const client = lab.client('10.77.0.3/24');
  client.ip('addr add fe80::3/64 dev eth0 nodad');
  client.ip('addr add 2001:db8:77::3/64 dev eth0 nodad');
  const common = ['--tap', 'tap0', '--bridge', 'br0', '--state', join(lab.folder, 'state')];
  const start = (args: readonly string[]): Program =>
    host.start(process.execPath, [MAIN, '--net', 'direct', ...common, ...args]);
  return { lab, client, start };
}
