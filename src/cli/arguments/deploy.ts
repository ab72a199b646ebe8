/** `deploy …`: what CI calls, what a host calls, what a person calls. */
import { type Command, InvalidArgumentError } from 'commander';
import type { InitOptions } from '../../deploy/init.js';
import { badUsage } from '../../errors/user-error.js';
import { quiet } from '../values/quiet.js';
import { acmeFolder } from './acme.js';
import { recipients } from './certificate.js';

export type DeployOptions = DeployCommitOptions | DeployCertificateOptions | DeployInitOptions | DeployHostOptions;

export interface DeployCommitOptions {
  readonly kind: 'deploy';
  readonly action: 'commit';
  readonly folder: string;
  readonly repository: string;
  readonly branch: string;
  readonly keep: number;
  readonly name: string | undefined;
  readonly key: string | undefined;
  readonly commitKey: string | true | undefined;
  readonly site: string | undefined;
}

export interface DeployCertificateOptions {
  readonly kind: 'deploy';
  readonly action: 'certificate';
  /** The folder of certificates below the state folder. */
  readonly folder: string;
  /** A name of the certificate; undefined: the only one. */
  readonly domain: string | undefined;
  readonly recipients: readonly string[];
  readonly repository: string;
  readonly branch: string;
  readonly key: string | undefined;
  readonly commitKey: string | true | undefined;
}

export interface DeployInitOptions extends InitOptions {
  readonly kind: 'deploy';
  readonly action: 'init';
}

export interface DeployHostOptions {
  readonly kind: 'deploy';
  readonly action: 'poll' | 'apply' | 'start' | 'stop' | 'status' | 'rollback' | 'release' | 'log';
  /** Folder of the host. */
  readonly host: string;
  /** Rollback: the image, or the beginning of its id; undefined: the one before. */
  readonly id: string | undefined;
  readonly json: boolean;
  /** Says nothing but what went wrong. */
  readonly quiet: boolean;
}

const ACTIONS: Readonly<Record<DeployHostOptions['action'], string>> = {
  poll: 'Pulls, and boots what is new; what cron calls.',
  apply: 'Boots what was pulled; what the post-merge hook calls.',
  start: 'Starts the last good image unless one runs; what a boot of the host calls.',
  stop: 'Ends what runs.',
  status: 'Shows what the repository has and what runs; exit status 0 when they agree.',
  rollback: 'Goes back to an image (default: the one before) and stays there.',
  release: 'Follows the repository again.',
  log: 'Prints what happened, as JSON lines.',
};

export function addDeploy(program: Command, found: (task: DeployOptions) => void): void {
  const deploy = quiet(program.command('deploy')).description(
    'Images through a git repository: committed by CI, pulled and booted by hosts.',
  );
  deploy.enablePositionalOptions();
  addCommit(deploy, found);
  addCertificate(deploy, found);
  addInit(deploy, found);
  for (const [action, what] of Object.entries(ACTIONS) as [DeployHostOptions['action'], string][]) {
    const command = quiet(deploy.command(action)).description(what);
    if (action === 'rollback') command.argument('[ID]', 'image, or the beginning of its id');
    if (action === 'status') command.option('--json', 'as JSON');
    command
      .option('--host <dir>', 'folder of the host (default: $SITEKERNEL_HOST, else this directory)')
      .option('--quiet', 'say nothing but what went wrong')
      .action((...words: unknown[]) => {
        const id = action === 'rollback' ? (words[0] as string | undefined) : undefined;
        const flags = words[words.length - 2] as { host?: string; json?: boolean; quiet?: boolean };
        if (id !== undefined && !/^[0-9a-f]{6,64}$/.test(id))
          throw badUsage(`"${id}" is not an image's id, nor at least six digits of one; "deploy log" lists them`);
        found({
          kind: 'deploy',
          action,
          host: flags.host ?? process.env['SITEKERNEL_HOST'] ?? '.',
          id,
          json: flags.json ?? false,
          quiet: flags.quiet ?? false,
        });
      });
  }
}

interface CommitFlags {
  readonly repo: string;
  readonly branch: string;
  readonly keep: number;
  readonly name?: string;
  readonly sign?: string;
  readonly signCommit?: string | true;
  readonly site?: string;
}

function addCommit(deploy: Command, found: (task: DeployOptions) => void): void {
  quiet(deploy.command('commit'))
    .description("Commits an image to a deployment repository, as its branch's latest.")
    .argument('<IMAGE>', 'images/<id>')
    .requiredOption('--repo <url>', 'directory or URL of the repository')
    .option('--branch <name>', 'branch, one for each target', branch, 'main')
    .option('--keep <n>', 'images whose manifests stay on the branch', count, 10)
    .option(
      '--name <site>',
      'site that the image is for, part of what is signed (default: as the repository is called)',
      siteName,
    )
    .option('--sign <key>', 'sign the image with this key, of ssh or minisign')
    .option('--sign-commit [key]', 'sign the commit, with this key of ssh (default: as git is configured)')
    .option('--site <dir>', "the site's files (default: where image build keeps them, beside the images)")
    .action((folder: string, flags: CommitFlags) =>
      found({
        kind: 'deploy',
        action: 'commit',
        folder,
        repository: flags.repo,
        branch: flags.branch,
        keep: flags.keep,
        name: flags.name,
        key: flags.sign,
        commitKey: flags.signCommit,
        site: flags.site,
      }),
    );
}

interface CertificateFlags {
  readonly state?: string;
  readonly domain?: string;
  readonly for: readonly string[];
  readonly repo: string;
  readonly branch: string;
  readonly sign?: string;
  readonly signCommit?: string | true;
}

function addCertificate(deploy: Command, found: (task: DeployOptions) => void): void {
  quiet(deploy.command('certificate'))
    .description('Commits the certificate of this host to a deployment repository, encrypted for other hosts.')
    .requiredOption('--repo <url>', 'directory or URL of the repository')
    .requiredOption('--for <recipient>', 'a host that may have it, age1...; may be repeated', recipients)
    .option('--branch <name>', 'branch that the hosts follow', branch, 'main')
    .option('--state <dir>', 'the state folder of the server (default: $XDG_STATE_HOME/sitekernel)')
    .option('--domain <name>', 'a name of the certificate (default: the only one)')
    .option('--sign <key>', 'sign it with this key, of ssh or minisign')
    .option('--sign-commit [key]', 'sign the commit, with this key of ssh (default: as git is configured)')
    .action((flags: CertificateFlags) =>
      found({
        kind: 'deploy',
        action: 'certificate',
        folder: acmeFolder(flags.state),
        domain: flags.domain?.toLowerCase(),
        recipients: flags.for,
        repository: flags.repo,
        branch: flags.branch,
        key: flags.sign,
        commitKey: flags.signCommit,
      }),
    );
}

interface InitFlags {
  readonly repo?: string;
  readonly branch?: string;
  readonly allowedSigners?: string;
  readonly minisign?: string;
  readonly revoked?: string;
  readonly name?: string;
  readonly unsigned?: true;
  readonly probe?: string;
  readonly gate?: number;
}

function addInit(deploy: Command, found: (task: DeployOptions) => void): void {
  quiet(deploy.command('init'))
    .description(
      'Sets up a host: clones, installs the hook, prints the line for cron. Once more: brings it up to date; what is not said stays as it was.',
    )
    .argument('<HOSTDIR>', "the host's folder, which is made")
    .argument('[ARGS...]', 'behind "--": passed to every image that is started, such as -- --tap tap0 --bridge br0')
    .option('--repo <url>', 'directory or URL of the deployment repository; needed the first time')
    .option('--branch <name>', 'branch to follow (default: main)', branch)
    .option(
      '--allowed-signers <file>',
      'take only images that one of these signed, or the commit (ssh-keygen, "allowed signers")',
    )
    .option('--minisign <file>', 'take only images signed with this public key of minisign')
    .option('--revoked <file>', 'refuse what these keys signed: public keys of ssh, one a line, or a KRL of ssh-keygen')
    .option('--name <site>', 'take only what was signed for this site (default: as the repository is called)', siteName)
    .option('--unsigned', 'take images that nobody signed, again')
    .option(
      '--probe <url>',
      'where to ask, as a client, whether it serves; "off": nowhere (default: where it says)',
      probeUrl,
    )
    .option('--gate <seconds>', 'time in which an image must be found to serve (default: 30)', count)
    .action((folder: string, args: string[], flags: InitFlags) => {
      const { repo, branch, allowedSigners, minisign, revoked, name, unsigned, probe, gate } = flags;
      if (unsigned && (allowedSigners ?? minisign) !== undefined)
        throw badUsage('--unsigned takes any image, and --allowed-signers and --minisign only some; give one of them');
      found({
        kind: 'deploy',
        action: 'init',
        folder,
        repository: repo,
        branch,
        args: args.length > 0 ? args : undefined,
        allowedSigners,
        minisign,
        revoked,
        name,
        unsigned,
        probe,
        gate,
      });
    });
}

function count(text: string): number {
  const value = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (value < 1) throw new InvalidArgumentError('It is a whole number of 1 to 99999.');
  return value;
}

/** What git takes for a name without doubt (git-check-ref-format(1)), and no option. */
function branch(text: string): string {
  const good = /^[A-Za-z0-9_][A-Za-z0-9._/-]*$/.test(text) && !/\.\.|\/\/|\/\.|\.lock$|[./]$/.test(text);
  if (!good) throw new InvalidArgumentError('That is not the name of a branch.');
  return text;
}

/** Printed as it is, and compared. */
function siteName(text: string): string {
  if (!/^[\x21-\x7e]{1,255}$/.test(text)) throw new InvalidArgumentError('It is a word, such as example.org.');
  return text;
}

function probeUrl(text: string): string {
  if (text === 'off') return text;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'http:') return url.href;
  throw new InvalidArgumentError('It is a URL like http://192.0.2.7/, or "off".');
}
