/**
 * The process that orders certificates may end at any time, over sockets and in direct mode, where the server carries
 * its bytes: the site is served meanwhile, another one takes its place and goes on with what is stored. Programs that
 * follow each other have one each.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { askControl } from '../../src/control/client.js';
import { inUse, NAME, type OrderingBed, orderingBed, renew, served, stored, until } from './acme-bed.js';
import { Lab } from './lab.js';
import { skipWithout } from './needs.js';
import { MAIN } from './server.js';

t.setTimeout(600_000);
const skip = skipWithout('pebble', 'pebble-challtestsrv', 'openssl', 'curl');

/** Processes behind servers with that folder of state. */
function renewals(state: string, role: 'orderer' | 'watcher'): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const text = readFileSync(`/proc/${pid}/cmdline`, 'latin1');
        const env = readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0');
        return text.split('\0').includes(state) && env.includes(`SITEKERNEL_RENEWAL=${role}`);
      } catch {
        // It has just ended.
        return false;
      }
    });
}

/** Asks for pages until `stop`; answers what came but 200. */
function load(bed: OrderingBed): () => Promise<{ asked: number; failed: string[] }> {
  let going = true;
  let asked = 0;
  const failed: string[] = [];
  const over = (async () => {
    while (going) {
      const answer = await served(bed);
      asked++;
      if (!answer.startsWith('200 ')) failed.push(answer);
      // Others have work to do, too.
      await new Promise((done) => setTimeout(done, 200));
    }
  })();
  return async () => {
    going = false;
    await over;
    return { asked, failed };
  };
}

for (const net of ['socket', 'direct'] as const)
  t.test(
    `${net}: it is killed while nothing is due, in an order, and with the one that starts it`,
    { skip },
    async (t) => {
      const lab = new Lab(t);
      const bed = await orderingBed(lab, net);
      const state = join(lab.folder, 'state');
      const server = lab.host.start(process.execPath, [MAIN, ...bed.options(state)]);
      await server.says(/is ready/, 60);
      const stop = load(bed);
      const first = stored(state);

      const [idle] = renewals(state, 'orderer');
      process.kill(idle!, 'SIGKILL');
      await server.says(/the process that orders certificates ended \(SIGKILL\); it is started again in 0\.1 s/);
      await until(() => renewals(state, 'orderer').some((pid) => pid !== idle), 'another process');
      await renew(lab, state, server);
      await server.says(/it was asked for[\s\S]*is ready/, 60);
      const second = await until(() => stored(state) !== first && stored(state), 'another certificate');
      t.equal(await served(bed), `200 ${second}`, 'the next one renews');

      // In the middle of an order: its key is stored, its certificate is not there.
      const key = join(state, 'acme', NAME, 'next.key');
      const before = existsSync(key) ? readFileSync(key, 'utf8') : '';
      await renew(lab, state, server);
      await until(() => existsSync(key) && readFileSync(key, 'utf8') !== before, 'the key of the next order');
      for (const pid of renewals(state, 'orderer')) process.kill(pid, 'SIGKILL');
      await server.says(/\(SIGKILL\)[\s\S]*\(SIGKILL\); it is started again/);
      // It waits behind an attempt that did not come to its end, for a minute.
      const third = await until(() => stored(state) !== second && stored(state), 'a certificate after all').catch(() =>
        until(() => stored(state) !== second && stored(state), 'a certificate after all'),
      );
      await inUse(bed, third);

      const [watcher] = renewals(state, 'watcher');
      process.kill(watcher!, 'SIGKILL');
      await until(() => renewals(state, 'watcher').length === 0, 'its end');
      await renew(lab, state, server);
      const fourth = await until(() => stored(state) !== third && stored(state), 'a certificate without the watcher');
      await inUse(bed, fourth);
      for (const pid of renewals(state, 'orderer')) process.kill(pid, 'SIGKILL');
      await server.says(/the processes that order certificates have ended; none is renewed before the next start/);
      const { asked, failed } = await stop();
      t.ok(asked > 10, `${asked} pages`);
      t.same(failed, [], 'each page came');
      t.equal(await served(bed), `200 ${fourth}`);
      t.equal(await server.stop(), 0);
    },
  );

t.test(
  'programs that follow each other: one process orders at a time, and none is left at the end',
  { skip },
  async (t) => {
    const lab = new Lab(t);
    const bed = await orderingBed(lab, 'socket');
    const state = join(lab.folder, 'state');
    mkdirSync(join(lab.folder, 'run'));
    const control = join(lab.folder, 'run', 'control.sock');
    const words = ['supervise', '--control', control, '--handover-drain', '1', '--', ...bed.options(state)];
    const server = lab.host.start(process.execPath, [MAIN, ...words]);
    await server.says(/is ready/, 60);
    const stop = load(bed);
    const first = stored(state);
    const [before] = renewals(state, 'orderer');
    t.same(await askControl(control, { do: 'replace' }, 120_000).then(({ ok }) => ok), true);
    await until(() => renewals(state, 'orderer').every((pid) => pid !== before), 'the end of the first');
    await until(() => renewals(state, 'orderer').length === 1, 'one that orders');
    t.equal(await served(bed), `200 ${first}`);
    await renew(lab, state, server);
    const second = await until(() => stored(state) !== first && stored(state), 'the certificate of the second program');
    await until(() => /it was asked for[\s\S]*is ready/.test(server.stderr), 'its use');
    t.equal(await served(bed), `200 ${second}`);
    const { asked, failed } = await stop();
    t.ok(asked > 5, `${asked} pages`);
    t.same(failed, [], 'each page came');
    t.equal(await server.stop(), 0);
    await until(() => renewals(state, 'orderer').length + renewals(state, 'watcher').length === 0, 'the end of all');
  },
);
