/** `deploy init`: makes a host's folder, or brings the one that is there up to date. */
import { chmod, copyFile, mkdir, readdir, readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { expectCode, expectSystemError, ifCode, ifSystemError } from '../errors/codes.js';
import { ImageError } from '../image/image-error.js';
import type { Manifest } from '../image/manifest.js';
import { programParts } from '../image/program.js';
import { syncFolder, writeDurable } from '../native/durable.js';
import { plainUser } from '../native/home.js';
import { makeFolder } from '../native/make-folder.js';
import { Repository } from './git/git.js';
import { Host, type HostConfig } from './host/host.js';
import { Lock } from './host/lock.js';
import { readState, writeState } from './host/state.js';
import { candidateAt } from './repository/candidate.js';
import { cloneRepository, quoted } from './repository/clone.js';
import { BRANCH } from './repository/layout.js';
import { urlOf } from './repository/remote.js';
import { defaultState, unitsOf } from './units.js';

/** Seconds in which an image must be found to serve. */
const GATE = 30;

/** What is not given stays as it was, where the folder is a host's already. */
export interface InitOptions {
  readonly folder: string;
  /** Needed the first time. */
  readonly repository?: string | undefined;
  /** The first time: `main`. */
  readonly branch?: string | undefined;
  /** The first time: none. */
  readonly args?: readonly string[] | undefined;
  /** Files that are copied into the host's folder. Either replaces both of before. */
  readonly allowedSigners?: string | undefined;
  readonly minisign?: string | undefined;
  /** A file of revoked keys, which is copied as well; it stays when signers are changed. */
  readonly revoked?: string | undefined;
  /** The site that signatures must be for. The first time: as the repository is called. */
  readonly name?: string | undefined;
  /** Takes unsigned images again. */
  readonly unsigned?: boolean | undefined;
  /** The first time: where an image says that it serves. */
  readonly probe?: string | undefined;
  /** The first time: 30. */
  readonly gate?: number | undefined;
  /** Throws a `UserError` when the image that the repository has cannot be started with `args`. */
  readonly check?: ((manifest: Manifest, args: readonly string[]) => void) | undefined;
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
  const there = await readdir(folder).catch(ifCode<string[]>([], 'ENOENT'));
  const strange = there.find((name) => !OURS.has(name) && !name.startsWith('.') && !name.startsWith('journal.'));
  if (strange !== undefined && !there.includes('host.json'))
    throw new ImageError(`${folder} is not empty (${strange}), and not the folder of a host; name another`);
  const before = there.includes('host.json') ? (await Host.open(folder)).config : undefined;
  const repository = options.repository ?? before?.repository;
  if (repository === undefined)
    throw new ImageError(`${folder} is not the folder of a host yet; --repo says which repository it shall follow`);
  const trust = await readTrust(options);
  const revoked = await readRevoked(options.revoked);
  const config: HostConfig = {
    format: 1,
    repository: urlOf(repository),
    branch: options.branch ?? before?.branch ?? BRANCH,
    args: options.args ?? before?.args ?? [],
    allowedSigners: trust === undefined ? (before?.allowedSigners ?? false) : trust.allowedSigners !== undefined,
    minisign: trust === undefined ? (before?.minisign ?? false) : trust.minisign !== undefined,
    revoked: options.revoked !== undefined || before?.revoked === true || undefined,
    name: options.name ?? (repository === before?.repository ? before.name : undefined),
    probe: options.probe ?? before?.probe,
    gate: options.gate ?? before?.gate ?? GATE,
  };
  const host = new Host(folder, config);
  try {
    return await setUp(host, options, { trust, revoked });
  } catch (error) {
    // What was no host's folder before is as it was: a second try, or another folder, finds nothing of this one.
    if (before === undefined) await removeMade(folder, there);
    throw error;
  }
}

/** Removes what is in `folder` now and was not in it before; the folder as well, when nothing is left. */
async function removeMade(folder: string, before: readonly string[]): Promise<void> {
  for (const name of await readdir(folder).catch(ifCode<string[]>([], 'ENOENT'))) {
    if (!before.includes(name)) await rm(join(folder, name), { recursive: true, force: true });
  }
  if (before.length === 0) await rmdir(folder).catch(ifCode(undefined, 'ENOENT', 'ENOTEMPTY'));
}

async function setUp(
  host: Host,
  options: InitOptions,
  { trust, revoked }: { readonly trust: TrustFiles | undefined; readonly revoked: Uint8Array | undefined },
): Promise<Initialised> {
  const { folder, config } = host;
  for (const name of ['', 'images', 'run', 'tool', 'trust', 'systemd']) makeFolder(join(folder, name));
  await chmod(join(folder, 'run'), 0o700);
  const locks = [await Lock.take(host.pollLock), await Lock.take(host.applyLock)];
  try {
    if (locks.some((lock) => lock === undefined))
      throw new ImageError(`${folder} is being deployed to at this moment; try again`);
    await copyTool(folder);
    await cloneRepository(host).catch((error: unknown) => {
      expectCode(error, 'no-branch');
      throw new ImageError(
        `${config.repository} has no branch ${config.branch}; commit an image to it first, with "deploy commit", or name another --branch`,
      );
    });
    // What is offered is read once, so that a wrong branch, or a wrong argument, is said now and not by cron.
    const { manifest } = await candidateAt(new Repository(host.gitDir), host.tip);
    options.check?.(manifest, config.args);
    if (trust !== undefined) await writeTrust(host, trust);
    if (revoked !== undefined) await writeDurable(join(host.folder, 'trust', 'revoked_keys'), revoked);
    await writeUnits(host, manifest);
    await writeFile(join(folder, 'crontab'), `${cronLines(host).join('\n')}\n`);
    await host.save();
    await lookAgain(host);
    await syncFolder(folder);
  } finally {
    for (const lock of locks) await lock?.release();
  }
  return { host, cron: cronLines(host), poll: commandOf(host, 'poll', quoted), units: join(folder, 'systemd') };
}

interface TrustFiles {
  readonly allowedSigners: string | undefined;
  readonly minisign: string | undefined;
}

/** Contents of the files; undefined: nothing was said of whom to trust. */
async function readTrust({ allowedSigners, minisign, unsigned }: InitOptions): Promise<TrustFiles | undefined> {
  if (allowedSigners === undefined && minisign === undefined && !unsigned) return undefined;
  return { allowedSigners: await readPublic(allowedSigners), minisign: await readPublic(minisign) };
}

async function readPublic(from: string | undefined): Promise<string | undefined> {
  if (from === undefined) return undefined;
  const text = await readFile(from, 'utf8').catch((error: unknown) => {
    expectSystemError(error);
    throw new ImageError(`${from} cannot be read`);
  });
  if (text.includes('PRIVATE KEY') || text.includes('secret key'))
    throw new ImageError(`${from} is a secret key; a host is given public ones`);
  return text;
}

/** What was refused by the settings of before is looked at once more. */
async function lookAgain(host: Host): Promise<void> {
  const state = await readState(host.stateFile);
  if (state?.refused !== undefined) await writeState(host.stateFile, { ...state, refused: undefined });
}

/** A KRL is binary. */
async function readRevoked(from: string | undefined): Promise<Uint8Array | undefined> {
  if (from === undefined) return undefined;
  const bytes = await readFile(from).catch((error: unknown) => {
    expectSystemError(error);
    throw new ImageError(`${from} cannot be read`);
  });
  if (bytes.includes('PRIVATE KEY')) throw new ImageError(`${from} is a secret key; a host is given public ones`);
  return bytes;
}

async function writeTrust(host: Host, { allowedSigners, minisign }: TrustFiles): Promise<void> {
  for (const [name, text] of [
    ['allowed_signers', allowedSigners],
    ['minisign.pub', minisign],
  ] as const) {
    const file = join(host.folder, 'trust', name);
    if (text === undefined) await rm(file, { force: true });
    else await writeDurable(file, text);
  }
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

/**
 * For a unit: quotes and escapes are systemd's own, and a dollar sign counts in quotes, too (systemd.service(5),
 * "COMMAND LINES").
 */
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

/** Texts: see `unitsOf`. The folder of state is made, since a service may write to what is there only. */
async function writeUnits(host: Host, { target, network }: Manifest): Promise<void> {
  const units = unitsOf({
    folder: host.folder,
    target,
    args: host.config.args,
    network,
    user: plainUser(),
    command: (action) => commandOf(host, action, unitQuoted),
  });
  for (const [name, text] of units) await writeFile(join(host.folder, 'systemd', name), text);
  // A home that cannot be written to: what is to be kept there is then said by the server, or "--state" names a place.
  await mkdir(defaultState(), { recursive: true, mode: 0o700 }).catch(ifSystemError(undefined));
}
