/**
 * With `--workers` the first process orders, in direct mode over the stack of a worker: each worker may end in the
 * middle of an order.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { inUse, NAME, orderingBed, renew, stored, until } from './acme-bed.js';
import { Lab } from './lab.js';
import { skipWithout } from './needs.js';
import { MAIN } from './server.js';

t.setTimeout(600_000);
const skip = skipWithout('pebble', 'pebble-challtestsrv', 'openssl', 'curl');

for (const net of ['socket', 'direct'] as const)
  t.test(`${net}: one worker after the other is killed in an order, which comes to its end`, { skip }, async (t) => {
    const lab = new Lab(t);
    const bed = await orderingBed(lab, net);
    const state = join(lab.folder, 'state');
    const server = lab.host.start(process.execPath, [MAIN, ...bed.options(state), '--workers', '2']);
    await server.says(/is ready/, 60);
    const first = stored(state);
    await inUse(bed, first);
    const key = join(state, 'acme', NAME, 'next.key');
    const before = existsSync(key) ? readFileSync(key, 'utf8') : '';
    await renew(lab, state, server);
    await until(() => existsSync(key) && readFileSync(key, 'utf8') !== before, 'the key of the next order');
    const workers = childrenOf(server.child.pid!);
    t.equal(workers.length, 2);
    for (const pid of workers) {
      process.kill(pid, 'SIGKILL');
      await until(() => childrenOf(server.child.pid!).filter((one) => one !== pid).length === 2, 'one in its place');
    }
    // What was carried by a worker that ended is tried again after a pause.
    const patience = async (): Promise<string> =>
      until(() => stored(state) !== first && stored(state), 'a certificate');
    const second = await patience().catch(patience);
    await inUse(bed, second);
    t.equal(childrenOf(server.child.pid!).length, 2);
    t.equal(await server.stop(), 0);
  });

/** Processes that it started. */
function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim();
  return text === '' ? [] : text.split(' ').map(Number);
}
