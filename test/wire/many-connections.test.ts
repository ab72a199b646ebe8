import t from 'tap';
import { skipWithout } from './needs.js';
import type { Target } from './server.js';
import { targetBed } from './targets.js';
import { wrk } from './wrk.js';

const cases: readonly [Target, readonly string[]][] = [
  ['socket', []],
  ['dhcp', []],
  ['static', ['--no-offload']],
  ['static', ['--faults', 'loss=3%,dup=3%,reorder=3%']],
];

for (const [target, more] of cases) {
  t.test(
    `64 connections of wrk run ten seconds without an error (${[target, ...more].join(' ')})`,
    { skip: skipWithout('wrk', 'dnsmasq') },
    async (t) => {
      const { server, client } = await targetBed(t, target, more);
      const result = await wrk(client, server.url, { connections: 64, seconds: 10 });
      t.equal(result.errors, 0, result.output);
      t.ok(result.requests > 1000, result.output);
      t.ok(server.program.running);
      t.equal(await server.program.stop(), 0);
    },
  );
}
