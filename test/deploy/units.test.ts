/** What `deploy init` offers to cron and to systemd: systemd itself reads the units. */
import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import { unitsOf } from '../../src/deploy/units.js';
import { TARGETS } from '../../src/image/manifest.js';
import { skipWithout } from '../wire/needs.js';
import { MAIN } from '../wire/server.js';
import { SITE, Stage } from './setup.js';

/** The test runner's own loader does not bear such names. */
const PLAIN = 'unset NODE_OPTIONS; ';
/** A name with everything that a shell, a crontab or a unit could take for its own. */
const AWKWARD = "a host's 100% $HOME";

t.test(
  "systemd finds nothing to say about the units, also when the folder's name is awkward",
  { skip: skipWithout('systemd-analyze') },
  async (t) => {
    const stage = await Stage.open(t);
    for (const name of ['host', AWKWARD]) {
      const host = await stage.initHost({ folder: join(dirname(stage.repository), name) });
      const units = join(host.folder, 'systemd');
      const files = readdirSync(units).map((file) => join(units, file));
      t.equal(files.length, 3);
      const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', ...files], {
        encoding: 'utf8',
      });
      t.equal(stderr, '');
      t.equal(status, 0);
      // A percent sign and a dollar sign begin something else in a unit (systemd.unit(5), systemd.service(5)).
      const service = readFileSync(join(units, 'sitekernel.service'), 'utf8');
      if (name === AWKWARD)
        t.ok(
          service.includes(` deploy start --host "${host.folder.replace('%', '%%').replace('$', '$$$$')}"\n`),
          service,
        );
    }
  },
);

/** Units of a folder that nobody has, for every target, for root and for a user. */
function everyUnit(): [string, string][] {
  const found: [string, string][] = [];
  for (const target of TARGETS)
    for (const user of [undefined, 'games'])
      for (const args of [[], ['--interface', 'eth0'], ['--state', '/srv/state']]) {
        const command = (action: string): string => `/usr/bin/node /srv/site/tool/main.js deploy ${action}`;
        const units = unitsOf({ folder: '/srv/site', target, args, network: {}, user, command });
        for (const [name, text] of units)
          if (name.endsWith('.service')) found.push([[name, target, user ?? 'root', ...args].join(' '), text]);
      }
  return found;
}

t.test(
  "systemd's own score of each unit is 2.0 or better, whatever the target and whoever the user",
  { skip: skipWithout('systemd-analyze') },
  (t) => {
    const folder = t.testdir({ score: {} });
    for (const [what, text] of everyUnit()) {
      const file = join(folder, 'score', 'scored.service');
      writeFileSync(file, text);
      const said = spawnSync('systemd-analyze', ['security', '--offline=yes', '--threshold=20', file], {
        encoding: 'utf8',
      });
      t.equal(said.status, 0, `${what}: ${said.stdout.trim().split('\n').at(-1)}${said.stderr}`);
    }
    t.end();
  },
);

t.test('each directive of the sandbox has a reason, and none is there that a program cannot run with', (t) => {
  for (const [what, text] of everyUnit()) {
    const walls = text.slice(text.indexOf('# The sandbox.'));
    t.notMatch(walls, /^MemoryDenyWriteExecute=/m, `${what}: V8 compiles`);
    t.match(walls, /^ReadWritePaths=\/srv\/site( |$)/m, what);
    t.equal(/^AmbientCapabilities=/m.test(walls), / socket games| (direct|static) games --interface/.test(what), what);
    const card = / (direct|static) .*--interface/.test(what);
    t.equal(
      /^DeviceAllow=\/dev\/net\/tun rw\nBindPaths=-\/dev\/net\/tun$/m.test(walls),
      !what.includes(' socket ') && !card,
      what,
    );
    t.equal(/AF_PACKET/.test(walls), card, what);
    t.equal(/^ExecStartPre=-\+.*"ip link set eth0 up; .*disable_ipv6"$/m.test(text), card, what);
    if (what.includes('--state')) t.match(walls, /^ReadWritePaths=\/srv\/site -\/srv\/state$/m, what);
  }
  t.end();
});

t.test('the lines that are printed are what a shell understands', async (t) => {
  const stage = await Stage.open(t);
  const folder = join(dirname(stage.repository), AWKWARD);
  const said = execFileSync(process.execPath, [MAIN, 'deploy', 'init', folder, '--repo', stage.repository], {
    encoding: 'utf8',
  });
  const now = /without waiting for either:\n {2}(.*)\n/.exec(said)![1]!;
  const status = spawnSync('sh', ['-c', PLAIN + now.replace(' deploy poll ', ' deploy log ')], { encoding: 'utf8' });
  t.same([status.status, status.stderr], [0, '']);
  const copy = /^ {2}(cp .*) \/etc\/systemd\/system\/ &&/m.exec(said)![1]!;
  t.equal(
    spawnSync('sh', ['-c', copy.replace('cp ', 'ls -d ')], { encoding: 'utf8' })
      .stdout.trim()
      .split('\n').length,
    3,
  );
  // cron ends a command at a percent sign that has no backslash before it, and takes the backslash away (crontab(5)).
  const line = /^ {2}\* \* \* \* \* (.*)$/m.exec(said)![1]!;
  t.notMatch(line, /(^|[^\\])%/);
  const command = line.replaceAll('\\%', '%').replace(' deploy poll ', ' deploy log ');
  t.equal(spawnSync('sh', ['-c', PLAIN + command]).status, 0);
});

t.test('the start of a host that has no image yet boots the one that init fetched', async (t) => {
  const stage = await Stage.open(t);
  t.equal(await stage.deployer().start(), 'good');
  t.equal(stage.runner.running?.image, stage.show('latest').toString().trim());
});

t.test('the start of a host that can start nothing fails, and says why', async (t) => {
  const stage = await Stage.open(t);
  stage.runner.fails = () => 'the moon is in the wrong phase';
  const first = stage.deployer();
  t.equal(await first.start(), 'bad');
  t.match(first.reason, /the moon is in the wrong phase/);
  const again = stage.deployer();
  t.equal(await again.start(), 'failed');
  t.match(again.reason, /nothing runs.*"deploy status" says why/);
  stage.runner.fails = () => undefined;
  await stage.deploy({ ...SITE, 'index.html': 'better' });
  t.equal(await stage.poll(), 'good');
});
