/** `deploy init`: makes a host's folder, or brings the one that is there up to date. */
import { chmod, copyFile, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { ImageError } from '../image/image-error.js';
import { programParts } from '../image/program.js';
import { candidateAt } from './candidate.js';
import { cloneRepository, quoted } from './clone.js';
import { urlOf } from './commit.js';
import { syncFolder } from './durable.js';
import { Repository } from './git.js';
import { Host, type HostConfig } from './host.js';
import { Lock } from './lock.js';

export interface InitOptions {
  readonly folder: string;
  readonly repository: string;
  readonly branch: string;
  readonly args: readonly string[];
  /** Files that are copied into the host's folder. */
  readonly allowedSigners?: string | undefined;
  readonly minisign?: string | undefined;
  readonly probe?: string | undefined;
  readonly gate: number;
}

export interface Initialised {
  readonly host: Host;
  /** A line for a crontab. */
  readonly cron: readonly string[];
  /** The command that polls now, for a shell. */
  readonly poll: string;
  /** Folder with units for systemd. */
  readonly units: string;
}

const OURS = new Set([
  'host.json',
  'repo',
  'images',
  'tool',
  'state.json',
  'journal.jsonl',
  'trust',
  'cache',
  'run',
  'systemd',
  'crontab',
]);

/** Throws an ImageError or a GitError. */
export async function initHost(options: InitOptions): Promise<Initialised> {
  const folder = resolve(options.folder);
  const there = await readdir(folder).catch((): string[] => []);
  const strange = there.find((name) => !OURS.has(name) && !name.startsWith('.') && !name.startsWith('journal.'));
  if (strange !== undefined && !there.includes('host.json'))
    throw new ImageError(`${folder} is not empty (${strange}), and not the folder of a host; name another`);
  for (const name of ['', 'images', 'run', 'tool', 'trust', 'systemd'])
    await mkdir(join(folder, name), { recursive: true });
  await chmod(join(folder, 'run'), 0o700);
  const config: HostConfig = {
    format: 1,
    repository: urlOf(options.repository),
    branch: options.branch,
    args: options.args,
    allowedSigners: await copyTrust(options.allowedSigners, join(folder, 'trust', 'allowed_signers')),
    minisign: await copyTrust(options.minisign, join(folder, 'trust', 'minisign.pub')),
    probe: options.probe,
    gate: options.gate,
  };
  const host = new Host(folder, config);
  const locks = [await Lock.take(host.pollLock), await Lock.take(host.applyLock)];
  try {
    if (locks.some((lock) => lock === undefined))
      throw new ImageError(`${folder} is being deployed to at this moment; try again`);
    await copyTool(folder);
    await cloneRepository(host);
    const repository = new Repository(host.gitDir);
    // What is offered is read once, so that a wrong branch is said now and not by cron.
    await candidateAt(repository, 'HEAD');
    await writeUnits(host);
    await writeFile(join(folder, 'crontab'), `${cronLines(host).join('\n')}\n`);
    await host.save();
    await syncFolder(folder);
  } finally {
    for (const lock of locks) await lock?.release();
  }
  return { host, cron: cronLines(host), poll: commandOf(host, 'poll', quoted), units: join(folder, 'systemd') };
}

async function copyTrust(from: string | undefined, to: string): Promise<boolean> {
  if (from === undefined) {
    await rm(to, { force: true });
    return false;
  }
  const text = await readFile(from, 'utf8').catch(() => {
    throw new ImageError(`${from} cannot be read`);
  });
  if (text.includes('PRIVATE KEY') || text.includes('secret key'))
    throw new ImageError(`${from} is a secret key; a host is given public ones`);
  await writeFile(to, text);
  return true;
}

async function copyTool(folder: string): Promise<void> {
  for (const { path, from } of programParts()) {
    const to = join(folder, 'tool', path.slice(path.lastIndexOf('/') + 1));
    if (typeof from !== 'string') await writeFile(to, from);
    else if (resolve(from) !== to) {
      await copyFile(from, `${to}.part`);
      await rename(`${to}.part`, to);
    }
  }
}

function commandOf(host: Host, action: string, quote: (text: string) => string): string {
  return `${quote(process.execPath)} ${quote(host.tool)} deploy ${action} --host ${quote(host.folder)}`;
}

/** For a unit: quotes and escapes are systemd's own, and a dollar sign counts in quotes, too (systemd.service(5), "COMMAND LINES"). */
function unitQuoted(text: string): string {
  const escaped = text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('$', '$$$$').replaceAll('%', '%%');
  return /^[A-Za-z0-9_./:=,@+-]+$/.test(text) ? text : `"${escaped}"`;
}

function cronLines(host: Host): string[] {
  // A percent sign ends a command in a crontab (crontab(5)).
  const line = (when: string, action: string): string =>
    `${when} ${commandOf(host, action, quoted).replaceAll('%', '\\%')}`;
  return [line('* * * * *', 'poll --quiet'), line('@reboot', 'start --quiet')];
}

async function writeUnits(host: Host): Promise<void> {
  const folder = join(host.folder, 'systemd');
  const unit = (text: string): string => `# Written by "sitekernel deploy init".\n${text}`;
  const command = (action: string): string => commandOf(host, action, unitQuoted);
  const name = host.folder.replaceAll('%', '%%');
  await writeFile(
    join(folder, 'sitekernel.service'),
    unit(`[Unit]
Description=The site of ${name}: the last good image
After=network.target

[Service]
Type=oneshot
RemainAfterExit=yes
# A first image is fetched, tested and asked before it is done.
TimeoutStartSec=10min
ExecStart=${command('start')}
ExecStop=${command('stop')}

[Install]
WantedBy=multi-user.target
`),
  );
  await writeFile(
    join(folder, 'sitekernel-poll.service'),
    unit(`[Unit]
Description=Pulls and boots the newest image of ${name}
# Not required: when the last good image does not start, a new one may.
After=network-online.target sitekernel.service
Wants=network-online.target sitekernel.service

[Service]
Type=oneshot
TimeoutStartSec=30min
# Mostly what runs is a child of sitekernel.service. Where that could not start anything, what this starts outlives it.
KillMode=process
ExecStart=${command('poll')}
`),
  );
  await writeFile(
    join(folder, 'sitekernel-poll.timer'),
    unit(`[Unit]
Description=Every minute: is there a new image?

[Timer]
OnBootSec=15s
OnUnitInactiveSec=60s

[Install]
WantedBy=timers.target
`),
  );
}
