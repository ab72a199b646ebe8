/** NSD and Knot with the zone of `test/dns/peers.ts`, as our name server is set up: one process, no bound on rates. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SITE as ZONE } from '../test/dns/peers.js';
import type { Lab, Program } from '../test/wire/lab.js';

function start(lab: Lab, core: string, command: string, ...args: string[]): Program {
  return lab.host.start('taskset', ['-c', core, command, ...args]);
}

function zoneFile(lab: Lab): string {
  writeFileSync(join(lab.folder, 'with-origin.zone'), `$ORIGIN site.example.\n${ZONE}`);
  return 'with-origin.zone';
}

/** Starts NSD at `address`, `port` on a core. */
export function startNsd(lab: Lab, core: string, address: string, port: number): Program {
  const at = (name: string): string => join(lab.folder, name);
  const lines = [
    'server:',
    ...[
      `  ip-address: ${address}@${port}`,
      '  username: ""',
      '  chroot: ""',
      '  server-count: 1',
      '  rrl-ratelimit: 0',
    ],
    ...[`  pidfile: "${at('nsd.pid')}"`, `  zonesdir: "${lab.folder}"`, `  database: ""`],
    ...[`  xfrdfile: "${at('xfrd.state')}"`, `  zonelistfile: "${at('zone.list')}"`, `  xfrdir: "${lab.folder}"`],
    ...['remote-control:', '  control-enable: no'],
    ...['zone:', '  name: site.example', `  zonefile: ${zoneFile(lab)}`, ''],
  ];
  writeFileSync(at('nsd.conf'), lines.join('\n'));
  return start(lab, core, 'nsd', '-d', '-c', at('nsd.conf'));
}

/** Starts Knot at `address`, `port` on a core. */
export function startKnot(lab: Lab, core: string, address: string, port: number): Program {
  const at = (name: string): string => join(lab.folder, name);
  const lines = [
    ...['server:', `  rundir: ${lab.folder}`, `  listen: ${address}@${port}`, '  udp-workers: 1'],
    ...['database:', `  storage: ${at('db')}`],
    ...['zone:', '  - domain: site.example.', `    file: ${at(zoneFile(lab))}`, ''],
  ];
  writeFileSync(at('knot.conf'), lines.join('\n'));
  return start(lab, core, 'knotd', '-c', at('knot.conf'));
}
