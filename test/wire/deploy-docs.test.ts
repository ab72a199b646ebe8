import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import t from 'tap';
import { Lab } from './lab.js';
import { skipWithout } from './needs.js';

/** What whoever runs the tests has done already. */
const DONE = new Set(['npm ci', 'npm run build']);

/** Every command of the page, block by block. */
function blocks(): string[] {
  const text = readFileSync(resolve('docs', 'deploy.md'), 'utf8');
  return [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map((match) => match[1]!);
}

t.test(
  'docs/deploy.md: every command, in its order, as it stands there',
  { skip: skipWithout('git', 'curl', 'crontab', 'make', 'ssh-keygen') },
  async (t) => {
    const lab = new Lab(t);
    const { host, folder } = lab;
    // /srv, the crontabs and systemd's folder are the test's own, by mounts that only the script sees.
    const own = (name: string): string => {
      mkdirSync(join(folder, name), { recursive: true });
      return join(folder, name);
    };
    const bin = own('bin');
    const said = join(folder, 'systemctl.log');
    writeFileSync(join(bin, 'systemctl'), `#!/bin/sh\necho "$*" >> '${said}'\n`);
    chmodSync(join(bin, 'systemctl'), 0o755);
    const lines = [
      'set -euo pipefail',
      `mount --bind '${own('srv')}' /srv`,
      `mount --bind '${own('crontabs')}' /var/spool/cron/crontabs`,
      `mkdir -p /etc/systemd/system && mount --bind '${own('units')}' /etc/systemd/system`,
      `export PATH='${bin}':"$PATH" BUILT=1 IMAGES='${folder}/images' TARGET='${folder}/target' HOME='${own('home')}'`,
      // Whatever fails: nothing of it may go on running.
      `trap 'for site in site static; do node dist/main.js deploy stop --host "/srv/$site" 2>/dev/null || true; done' EXIT`,
    ];
    for (const [i, block] of blocks().entries()) {
      const commands = block
        .split('\n')
        .filter((line) => !DONE.has(line))
        .join('\n')
        .replaceAll('-o images', `-o '${folder}/images'`);
      lines.push(`echo "block ${i}" >&2`);
      // The page has one machine for everything; its bridge gets the address that the text speaks of.
      lines.push(commands);
      if (block.includes('host up')) lines.push('ip addr add 10.77.0.1/24 dev br0');
    }
    const script = join(folder, 'script');
    writeFileSync(script, `${lines.join('\n')}\n`);
    const { status, stdout, stderr } = await host.run('unshare', [
      ...['--mount', '--propagation', 'private'],
      ...['bash', script],
    ]);
    t.equal(status, 0, `${stdout}\n${stderr}`);
    t.match(stdout, /every file is as it must be/);
    t.match(stdout, /all agree/);
    t.match(stdout, /"step":"good"/);
    const crontab = execFileSync('cat', [join(folder, 'crontabs', 'root')], { encoding: 'utf8' });
    t.match(crontab, /^\* \* \* \* \* .* deploy poll --quiet --host \/srv\/site$/m);
    t.match(crontab, /^@reboot .* deploy start --quiet --host \/srv\/site$/m);
    t.match(readFileSync(said, 'utf8'), /daemon-reload\nenable --now sitekernel\.service sitekernel-poll\.timer/);
    t.match(
      readFileSync(join(folder, 'units', 'sitekernel-poll.service'), 'utf8'),
      /^ExecStart=\/.* deploy poll --host \/srv\/site$/m,
    );
  },
);
