/**
 * A host's programs inside the walls of its units: read-only file systems, capabilities, no new privileges and the
 * filter of system calls, made by mount(8), setpriv(1) and strace(1) as the units ask systemd for them.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import t from 'tap';
import { skipWithout } from '../wire/needs.js';
import { SITE, Stage } from './setup.js';

const needs = skipWithout('systemd-analyze', 'strace', 'setpriv', 'unshare', 'mount');
const skip = needs || (process.getuid?.() === 0 ? false : 'needs root');

/** All values of a directive, in their order. */
function values(unit: string, name: string): string[] {
  return [...unit.matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].map((match) => match[1]!);
}

/** Names of system calls that the unit's filter lets through, and all others that systemd knows. */
function filtered(unit: string): { readonly allowed: Set<string>; readonly others: string[] } {
  const groups = new Map<string, string[]>();
  const said = execFileSync('systemd-analyze', ['syscall-filter'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let group = '';
  for (const line of said.split('\n')) {
    if (line.startsWith('@')) {
      group = line.trim();
      groups.set(group, []);
    } else if (/^ {4}[@a-z]/.test(line)) groups.get(group)!.push(line.trim());
  }
  const spread = (name: string): string[] => (name.startsWith('@') ? groups.get(name)!.flatMap(spread) : [name]);
  const allowed = new Set(spread('@default'));
  for (const value of values(unit, 'SystemCallFilter')) {
    const names = value.replace(/^~/, '').split(' ').flatMap(spread);
    for (const name of names) {
      if (value.startsWith('~')) allowed.delete(name);
      else allowed.add(name);
    }
  }
  return { allowed, others: spread('@known').filter((name) => !allowed.has(name)) };
}

/** `command` inside of the unit's walls. */
function within(unit: string, command: readonly string[]): string[] {
  const places = values(unit, 'ReadWritePaths').flatMap((line) => line.split(' '));
  const script = [
    'set -e',
    'mount --make-rprivate /',
    ...places.map((place) =>
      place.startsWith('-')
        ? `[ ! -e ${place.slice(1)} ] || mount --bind ${place.slice(1)} ${place.slice(1)}`
        : `mount --bind ${place} ${place}`,
    ),
    'mount -o remount,bind,ro /',
    'umask 0077',
    'exec "$@"',
  ].join('\n');
  const rights = values(unit, 'CapabilityBoundingSet')[0]!
    .split(' ')
    .filter((name) => name !== '');
  const bounds = ['-all', ...rights.map((name) => name.replace('CAP_', '+').toLowerCase())].join(',');
  const refused = filtered(unit)
    .others.map((name) => `?${name}`)
    .join(',');
  return [
    // Without the loader that the test runner gives to its children: it writes outside.
    ...['env', '-u', 'NODE_OPTIONS', 'unshare', '--mount', '--', 'sh', '-c', script, 'sh'],
    ...['setpriv', '--no-new-privs', '--inh-caps=-all', `--bounding-set=${bounds}`, '--'],
    ...['strace', '-D', '-f', '-qqq', '--seccomp-bpf', '-o', '/dev/null'],
    ...['-e', `trace=${refused}`, '-e', `inject=${refused}:error=EPERM`, '--', ...command],
  ];
}

t.test('a host starts, polls, serves and stops within the walls of its units', { skip }, async (t) => {
  const stage = await Stage.open(t, { gate: 60 });
  const { host } = stage;
  const unit = readFileSync(join(host.folder, 'systemd', 'sitekernel.service'), 'utf8');
  const deploy = (...words: string[]) => {
    const command = within(unit, [process.execPath, host.tool, 'deploy', ...words, '--host', host.folder]);
    // Not by a pipe: strace holds what it inherits for as long as the server lives.
    const log = join(host.folder, '..', 'said');
    const said = openSync(log, 'w');
    const { status } = spawnSync(command[0]!, command.slice(1), { stdio: ['ignore', said, said], timeout: 300_000 });
    closeSync(said);
    return { status, said: readFileSync(log, 'utf8') };
  };
  t.teardown(() => deploy('stop'));
  const page = async (): Promise<string> => {
    const said = spawnSync(process.execPath, [host.tool, 'deploy', 'status', '--json', '--host', host.folder], {
      encoding: 'utf8',
    });
    const { running } = JSON.parse(said.stdout) as { running: { url: string } };
    return (await fetch(running.url)).text();
  };
  const started = deploy('start');
  t.equal(started.status, 0, started.said);
  t.equal(await page(), SITE['index.html']);
  await stage.deploy({ ...SITE, 'index.html': 'within walls' });
  const polled = deploy('poll');
  t.equal(polled.status, 0, polled.said);
  t.equal(await page(), 'within walls');
  const stopped = deploy('stop');
  t.equal(stopped.status, 0, stopped.said);
});

t.test('the walls are there: no writing outside, no module, no namespace, no other capability', { skip }, async (t) => {
  const stage = await Stage.open(t);
  const unit = readFileSync(join(stage.host.folder, 'systemd', 'sitekernel.service'), 'utf8');
  const outside = resolve('build', `outside-${process.pid}`);
  const script = `
    touch ${outside} 2>/dev/null && echo wrote
    touch ${join(stage.host.folder, 'inside')} || echo nothing written
    unshare --net true 2>/dev/null && echo namespace
    chroot / true 2>/dev/null && echo chroot
    grep -E '^(CapBnd|CapEff|NoNewPrivs)' /proc/self/status`;
  const command = within(unit, ['sh', '-c', script]);
  const { stdout, stderr } = spawnSync(command[0]!, command.slice(1), { encoding: 'utf8' });
  t.equal(stdout, 'CapEff:\t0000000000000400\nCapBnd:\t0000000000000400\nNoNewPrivs:\t1\n', stderr);
  t.notOk(existsSync(outside));
  t.ok(existsSync(join(stage.host.folder, 'inside')));
});

t.test(
  'the filter lets a program seal itself, and no program change the clock or load a module',
  { skip },
  async (t) => {
    const stage = await Stage.open(t);
    const unit = readFileSync(join(stage.host.folder, 'systemd', 'sitekernel.service'), 'utf8');
    const { allowed, others } = filtered(unit);
    for (const name of [
      'seccomp',
      'landlock_restrict_self',
      'prctl',
      'capset',
      'pkey_mprotect',
      'execve',
      'memfd_create',
    ])
      t.ok(allowed.has(name), name);
    for (const name of [
      'clock_settime',
      'finit_module',
      'ptrace',
      'mount',
      'bpf',
      'kexec_load',
      'reboot',
      'swapon',
      'iopl',
    ])
      t.ok(others.includes(name), name);
  },
);
