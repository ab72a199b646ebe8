/** Only `host up` needs root: supervise and the programs that it starts run as a user without any right. */

import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { askControl } from '../../src/control/client.js';
import type { ControlRequest } from '../../src/control/protocol.js';
import { Lab } from '../wire/lab.js';
import { skipWithout } from '../wire/needs.js';
import { bundleOf, MAIN, type Status } from './supervised.js';

t.setTimeout(180_000);

/** `nobody` of Debian; any user but root will do. */
const USER = 65534;
const AS_USER = [
  `--reuid=${USER}`,
  `--regid=${USER}`,
  '--clear-groups',
  '--inh-caps=-all',
  '--bounding-set=-all',
  '--no-new-privs',
];

/** As udev sets it up: everybody may open it, and have what is theirs. Some machines without udev let only root. */
const TUN = 'mount -t tmpfs none /dev/net && mknod -m 666 /dev/net/tun c 10 200 && exec "$@"';

const skip = skipWithout('setpriv', 'curl', 'unshare') || unreadable();

/** The program must be where others than root can read it. */
function unreadable(): string | false {
  try {
    execFileSync('setpriv', [...AS_USER, 'test', '-r', MAIN], { stdio: 'ignore' });
    return false;
  } catch {
    return `the user ${USER} cannot read ${MAIN}`;
  }
}

/** Serves as the user, and goes on through swaps and replacements. `fetch` answers the page. */
async function servesAsUser(t: Test, lab: Lab, args: readonly string[], fetch: () => Promise<string>): Promise<void> {
  // Of the user's alone; the lab's own is root's.
  chmodSync(lab.folder, 0o711);
  const home = join(lab.folder, 'home');
  mkdirSync(home, { mode: 0o700 });
  chownSync(home, USER, USER);
  const control = join(home, 'control.sock');
  const [first, next] = [await readable(t, 'first'), await readable(t, 'second')];
  const argv = [...AS_USER, process.execPath, MAIN, 'supervise', '--control', control, '--', ...args, first];
  const mounted = ['--mount', 'sh', '-c', TUN, 'sh', 'setpriv'];
  const supervisor = lab.host.start('unshare', [...mounted, ...argv], { HOME: home, TMPDIR: home });
  await supervisor.says(/serving on http/, 60);
  const ask = async (request: object) => (await askControl(control, request as ControlRequest)) as unknown as Status;
  t.equal(await fetch(), 'first');
  const pids = new Set([(await ask({ do: 'status' })).pid]);
  for (const page of ['second', 'second']) {
    t.match(await ask({ do: 'swap', bundle: next, id: page }), { ok: true });
    const { ok, state, pid } = await ask({ do: 'replace' });
    t.same([ok, state], [true, 'serving']);
    pids.add(pid);
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    t.match(status, new RegExp(`^Uid:\t${USER}\t${USER}\t${USER}\t${USER}$`, 'm'));
    t.match(status, /^CapEff:\t0+$/m);
    t.equal(await fetch(), page);
  }
  t.equal(pids.size, 3);
  t.equal(await supervisor.stop(), 0);
}

/** A bundle that everybody may read. */
async function readable(t: Test, page: string): Promise<string> {
  const bundle = await bundleOf(t, page, { 'index.html': page });
  chmodSync(join(bundle, '..'), 0o755);
  chmodSync(bundle, 0o644);
  return bundle;
}

t.test('a user without rights serves on the kernel’s sockets', { skip }, async (t) => {
  const lab = new Lab(t);
  const url = 'http://127.0.0.1:8080/';
  const get = async () => (await lab.host.run('curl', ['--silent', '--show-error', '--max-time', '20', url])).stdout;
  await servesAsUser(t, lab, ['--port', '8080'], get);
});

t.test(
  'a user without rights serves on our own stack, over a TAP that `host up --user` gave to it',
  { skip },
  async (t) => {
    const lab = new Lab(t, '10.77.0.1/24');
    const client = lab.client('10.77.0.2/24');
    const up = ['host', 'up', '--bridge', 'br0', '--tap', 'tap0', '--user', 'nobody'];
    const prepared = await lab.host.run(process.execPath, [MAIN, ...up]);
    t.equal(prepared.status, 0, prepared.stderr);
    const url = 'http://10.77.0.7/';
    const get = async () => (await client.run('curl', ['--silent', '--show-error', '--max-time', '20', url])).stdout;
    await servesAsUser(t, lab, ['--net', 'direct', '--tap', 'tap0', '--ipv4', '10.77.0.7/24'], get);
  },
);
