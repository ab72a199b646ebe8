/**
 * A TAP needs root and a namespace of its own: the tests proper run in `namespace/`, each in a process under `unshare`.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const here = dirname(fileURLToPath(import.meta.url));

function obstacle(): string | false {
  if (process.platform !== 'linux') return 'a TAP device needs Linux';
  if (process.getuid?.() !== 0) return 'a network namespace needs root';
  if (!existsSync('/dev/net/tun')) return 'there is no /dev/net/tun';
  if (spawnSync('unshare', ['--net', 'true']).status !== 0) return 'unshare --net does not work here';
  return false;
}

const skip = obstacle();
for (const name of ['tap-device', 'packet-device', 'loops']) {
  t.test(name, { skip }, async (t) => {
    await t.spawn('unshare', ['--net', process.execPath, join(here, 'namespace', `${name}.js`)], {}, name);
  });
}
