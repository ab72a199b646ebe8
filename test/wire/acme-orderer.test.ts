/**
 * The process that orders certificates may end at any time: the site is served meanwhile, another one takes its place
 * and goes on with what is stored. Programs that follow each other have one each.
 */
import { X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { askControl } from '../../src/control/client.js';
import { Lab, type Program } from './lab.js';
import { skipWithout } from './needs.js';
import { ADDRESS, DIRECTORY, type Pebble, startPebble } from './pebble.js';
import { MAIN, SITE } from './server.js';

t.setTimeout(600_000);
const skip = skipWithout('pebble', 'pebble-challtestsrv', 'openssl', 'curl');
const NAME = 'www.example.test';

function options({ ca }: Pebble, state: string): string[] {
  return [
    ...['--host', ADDRESS, '--port', '80', '--https-port', '443', '--state', state, '--log', 'net'],
    ...['--acme', 'a@example.test', '--agree-tos', '--domain', NAME, '--acme-directory', DIRECTORY],
    ...['--acme-roots', ca, SITE],
  ];
}

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

async function until<T>(look: () => T | undefined | false, what: string): Promise<T> {
  for (let i = 0; i < 1200; i++) {
    const found = look();
    if (found !== undefined && found !== false) return found;
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error(`${what} did not come`);
}

const served = async ({ host }: Pebble): Promise<string> => {
  const words = ['-sk', '-o', '/dev/null', '-w', '%{http_code} %{certs}', '--resolve', `${NAME}:443:${ADDRESS}`];
  const { stdout } = await host.run('curl', [...words, `https://${NAME}/`]);
  const pem = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/.exec(stdout)?.[0];
  return `${stdout.slice(0, 3)} ${pem === undefined ? '' : new X509Certificate(pem).fingerprint256}`;
};

/** Resolves when clients get this certificate. */
async function inUse(pebble: Pebble, fingerprint: string): Promise<void> {
  for (let i = 0; i < 200; i++) {
    if ((await served(pebble)) === `200 ${fingerprint}`) return;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error(`${fingerprint} is not in use`);
}

/** Asks for pages until `stop`; answers what came but 200. */
function load(pebble: Pebble): () => Promise<{ asked: number; failed: string[] }> {
  let going = true;
  let asked = 0;
  const failed: string[] = [];
  const over = (async () => {
    while (going) {
      const answer = await served(pebble);
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

const chainOf = (state: string): string => join(state, 'acme', NAME, 'certificate.pem');
const stored = (state: string): string => new X509Certificate(readFileSync(chainOf(state))).fingerprint256;

async function renew({ host }: Pebble, state: string, server: { signal: Program['signal'] }): Promise<void> {
  await host.run(process.execPath, [MAIN, 'certificate', 'renew', '--state', state]);
  server.signal('SIGHUP');
}

t.test('it is killed while nothing is due, in an order, and with the one that starts it', { skip }, async (t) => {
  const lab = new Lab(t);
  const pebble = await startPebble(lab);
  const state = join(lab.folder, 'state');
  const server = lab.host.start(process.execPath, [MAIN, ...options(pebble, state)]);
  await server.says(/is ready/, 60);
  const stop = load(pebble);
  const first = stored(state);

  const [idle] = renewals(state, 'orderer');
  process.kill(idle!, 'SIGKILL');
  await server.says(/the process that orders certificates ended \(SIGKILL\); it is started again in 0\.1 s/);
  await until(() => renewals(state, 'orderer').some((pid) => pid !== idle), 'another process');
  await renew(pebble, state, server);
  await server.says(/it was asked for[\s\S]*is ready/, 60);
  const second = await until(() => stored(state) !== first && stored(state), 'another certificate');
  t.equal(await served(pebble), `200 ${second}`, 'the next one renews');

  // In the middle of an order: its key is stored, its certificate is not there.
  const key = join(state, 'acme', NAME, 'next.key');
  const before = existsSync(key) ? readFileSync(key, 'utf8') : '';
  await renew(pebble, state, server);
  await until(() => existsSync(key) && readFileSync(key, 'utf8') !== before, 'the key of the next order');
  for (const pid of renewals(state, 'orderer')) process.kill(pid, 'SIGKILL');
  await server.says(/\(SIGKILL\)[\s\S]*\(SIGKILL\); it is started again/);
  // It waits behind an attempt that did not come to its end, for a minute.
  const third = await until(() => stored(state) !== second && stored(state), 'a certificate after all').catch(() =>
    until(() => stored(state) !== second && stored(state), 'a certificate after all'),
  );
  await inUse(pebble, third);

  const [watcher] = renewals(state, 'watcher');
  process.kill(watcher!, 'SIGKILL');
  await until(() => renewals(state, 'watcher').length === 0, 'its end');
  await renew(pebble, state, server);
  const fourth = await until(() => stored(state) !== third && stored(state), 'a certificate without the watcher');
  await inUse(pebble, fourth);
  for (const pid of renewals(state, 'orderer')) process.kill(pid, 'SIGKILL');
  await server.says(/the processes that order certificates have ended; none is renewed before the next start/);
  const { asked, failed } = await stop();
  t.ok(asked > 10, `${asked} pages`);
  t.same(failed, [], 'each page came');
  t.equal(await served(pebble), `200 ${fourth}`);
  t.equal(await server.stop(), 0);
});

t.test(
  'programs that follow each other: one process orders at a time, and none is left at the end',
  { skip },
  async (t) => {
    const lab = new Lab(t);
    const pebble = await startPebble(lab);
    const state = join(lab.folder, 'state');
    mkdirSync(join(lab.folder, 'run'));
    const control = join(lab.folder, 'run', 'control.sock');
    const words = ['supervise', '--control', control, '--handover-drain', '1', '--', ...options(pebble, state)];
    const server = lab.host.start(process.execPath, [MAIN, ...words]);
    await server.says(/is ready/, 60);
    const stop = load(pebble);
    const first = stored(state);
    const [before] = renewals(state, 'orderer');
    t.same(await askControl(control, { do: 'replace' }, 120_000).then(({ ok }) => ok), true);
    await until(() => renewals(state, 'orderer').every((pid) => pid !== before), 'the end of the first');
    await until(() => renewals(state, 'orderer').length === 1, 'one that orders');
    t.equal(await served(pebble), `200 ${first}`);
    await renew(pebble, state, server);
    const second = await until(() => stored(state) !== first && stored(state), 'the certificate of the second program');
    await until(() => /it was asked for[\s\S]*is ready/.test(server.stderr), 'its use');
    t.equal(await served(pebble), `200 ${second}`);
    const { asked, failed } = await stop();
    t.ok(asked > 5, `${asked} pages`);
    t.same(failed, [], 'each page came');
    t.equal(await server.stop(), 0);
    await until(() => renewals(state, 'orderer').length + renewals(state, 'watcher').length === 0, 'the end of all');
  },
);
