/** `sitekernel deploy …`. */
import { seal } from '../../acme/state/sealed.js';
import { Deployer, type Outcome } from '../../deploy/apply.js';
import { Repository } from '../../deploy/git/git.js';
import { Host } from '../../deploy/host/host.js';
import { type Entry, Journal } from '../../deploy/host/journal.js';
import { holderOf, Lock } from '../../deploy/host/lock.js';
import { initHost } from '../../deploy/init.js';
import { pull } from '../../deploy/poll.js';
import { recoverState } from '../../deploy/recover-state.js';
import { candidateAt } from '../../deploy/repository/candidate.js';
import { quoted } from '../../deploy/repository/clone.js';
import { commitImage } from '../../deploy/repository/commit.js';
import { commitCertificate, hosts } from '../../deploy/repository/commit-certificate.js';
import { resolveId } from '../../deploy/resolve-id.js';
import { makeRunner } from '../../deploy/runners.js';
import { stagedImage } from '../../deploy/stage.js';
import { renderStatus, statusOf } from '../../deploy/status.js';
import { expectCode } from '../../errors/codes.js';
import { badUsage, UserError } from '../../errors/user-error.js';
import type { ImageTarget, Manifest } from '../../image/manifest.js';
import { joinedArguments } from '../../image/run-script.js';
import type { Runner } from '../../image/runner.js';
import { parseArguments } from '../arguments/arguments.js';
import type {
  DeployCertificateOptions,
  DeployCommitOptions,
  DeployHostOptions,
  DeployInitOptions,
  DeployOptions,
} from '../arguments/deploy.js';
import { checkSupervised } from './supervise.js';
import { theStored } from './which-certificate.js';

/** Seconds that a person's command waits for what cron is doing. */
const PATIENCE = 120;

export async function runDeploy(options: DeployOptions): Promise<void> {
  switch (options.action) {
    case 'commit':
      return commit(options);
    case 'certificate':
      return certificate(options);
    case 'init':
      return init(options);
    default:
      return new HostCommand(options, await Host.open(options.host)).run();
  }
}

async function commit(options: DeployCommitOptions): Promise<void> {
  const { id, commit: made, serial, changed } = await commitImage(options);
  const what = `${id.slice(0, 12)}, serial ${serial}`;
  if (changed) process.stdout.write(`${what}: committed to ${options.branch} as ${made.slice(0, 12)}\n`);
  else process.stdout.write(`${what}: the branch ${options.branch} has it already; nothing was done\n`);
}

async function certificate(options: DeployCertificateOptions): Promise<void> {
  const { name, stored } = await theStored(options);
  const { fingerprint } = stored.facts;
  const sealed = async (): Promise<string> => `${await seal(stored.chainPem + stored.keyPem, options.recipients)}\n`;
  const changed = await commitCertificate({ ...options, name, fingerprint, sealed });
  const { branch, recipients } = options;
  if (changed) process.stdout.write(`${name}: committed to ${branch}, for ${hosts(recipients)}\n`);
  else
    process.stdout.write(
      `${name}: the branch ${branch} has it for ${recipients.length === 1 ? 'this host' : 'these hosts'} already; nothing was done\n`,
    );
}

async function init(options: DeployInitOptions): Promise<void> {
  const { host, cron, poll, units } = await initHost({ ...options, check: checkArguments });
  process.stdout.write(
    `${host.folder} follows ${host.config.branch} of ${host.config.repository}

For cron (also in ${host.folder}/crontab):
  ${cron.join('\n  ')}

Or for systemd, instead of cron:
  cp ${quoted(units)}/* /etc/systemd/system/ && systemctl daemon-reload && systemctl enable --now sitekernel.service sitekernel-poll.timer

Now, without waiting for either:
  ${poll}
`,
  );
}

/** What stands behind "--" is this host's part of a server's arguments. A machine image has those of `run-qemu`. */
function checkArguments(manifest: Manifest, args: readonly string[]): void {
  if (manifest.target === 'vm') return;
  const task = parseArguments(joinedArguments(manifest, args));
  if (task?.kind !== 'serve' || task.site !== undefined)
    throw badUsage(
      `behind "--" stand options of a server, such as --tap tap0 --bridge br0; "${args.join(' ')}" are none`,
    );
  checkSupervised(task);
}

/** A command on a host's folder. */
class HostCommand {
  private readonly options: DeployHostOptions;
  private readonly host: Host;
  private readonly journal: Journal;

  constructor(options: DeployHostOptions, host: Host) {
    this.options = options;
    this.host = host;
    this.journal = new Journal(host.journalFile, (entry) => this.show(entry));
  }

  async run(): Promise<void> {
    switch (this.options.action) {
      case 'poll': {
        const pulled = await pull(this.host, this.journal);
        if (pulled === 'busy') return this.say('another poll is under way');
        await this.locked(false, (deployer) => deployer.apply());
        // What was pulled before is served; cron's mail would say the same every minute.
        if (pulled !== 'pulled' && this.options.quiet) process.exit(1);
        else if (pulled !== 'pulled') throw new UserError(pulled.failed);
        return;
      }
      case 'apply':
        return this.locked(false, (deployer) => deployer.apply());
      case 'start':
        return this.locked(true, (deployer) => deployer.start());
      case 'release':
        return this.locked(true, (deployer) => deployer.release());
      case 'rollback':
        return this.locked(true, async (deployer) => deployer.hold(await this.wanted()));
      case 'stop':
        return this.stop();
      case 'status':
        return this.status();
      case 'log':
        for (const entry of await this.journal.read()) process.stdout.write(`${JSON.stringify(entry)}\n`);
    }
  }

  /** At once: an image that another process has waiting for its verdict is left at that. */
  private async stop(): Promise<void> {
    let asked = await Lock.take(this.host.stopLock);
    // A process that checks whether it is held takes it for a moment.
    for (let i = 0; asked === undefined && i < PATIENCE * 10; i++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      asked = await Lock.take(this.host.stopLock);
    }
    try {
      await this.locked(true, async (_deployer, runner) => {
        await runner.stop();
        return 'unchanged';
      });
    } finally {
      await asked?.release();
    }
  }

  /** Works as the one writer. When there is another one: waits for it, or leaves to it what it will see by itself. */
  private async locked(wait: boolean, work: (deployer: Deployer, runner: Runner) => Promise<Outcome>): Promise<void> {
    const until = performance.now() + PATIENCE * 1000;
    let lock = await Lock.take(this.host.applyLock);
    while (lock === undefined) {
      if (!wait) return this.say(`${await holderOf(this.host.applyLock)} is at work, and takes up what is new`);
      if (performance.now() > until)
        throw new UserError(`${await holderOf(this.host.applyLock)} has been at work for ${PATIENCE} s; try again`);
      await new Promise((resolve) => setTimeout(resolve, 200));
      lock = await Lock.take(this.host.applyLock);
    }
    try {
      const runner = await this.runner();
      const deployer = new Deployer(this.host, runner, this.journal);
      const outcome = await work(deployer, runner);
      if (outcome === 'bad' || outcome === 'refused' || outcome === 'failed')
        throw new UserError(deployer.reason ?? `it ${outcome === 'failed' ? 'failed' : `is ${outcome}`}`);
      if (outcome === 'unchanged' && deployer.reason !== undefined) throw new UserError(deployer.reason);
    } finally {
      await lock.release();
    }
  }

  private async runner(): Promise<Runner> {
    return makeRunner(await this.target(), {
      hostFolder: this.host.folder,
      args: this.host.config.args,
      log: (sentence) => void this.journal.add({ step: 'note', reason: sentence }),
    });
  }

  /** What kind of image it is about: that of the repository's tip, else that of the last good one. */
  private async target(): Promise<ImageTarget> {
    try {
      return (await candidateAt(new Repository(this.host.gitDir), this.host.tip)).manifest.target;
    } catch (error) {
      // The tip has no image that can be read, or there is no clone yet.
      expectCode(error, 'refused', 'unable', 'git', 'damaged-repository');
      const { good } = await recoverState(this.host.stateFile, this.journal);
      const image = good === undefined ? undefined : await stagedImage(this.host, good);
      return image?.manifest.target ?? 'socket';
    }
  }

  private async wanted(): Promise<string> {
    const { before } = await recoverState(this.host.stateFile, this.journal);
    const { id } = this.options;
    if (id === undefined) {
      if (before === undefined) throw new UserError('there is no image before the one that runs; name one');
      return before;
    }
    return resolveId(this.host, new Repository(this.host.gitDir), id);
  }

  private async status(): Promise<void> {
    const status = await statusOf(this.host, await this.runner(), this.journal);
    if (this.options.json) process.stdout.write(`${JSON.stringify(status)}\n`);
    else process.stdout.write(renderStatus(status, await this.target()));
    if (!status.agree) process.exit(1);
  }

  private show(entry: Entry): void {
    if (this.options.quiet || this.options.action === 'log') return;
    const image = entry.image === undefined ? '' : ` ${entry.image.slice(0, 12)}`;
    const serial = entry.serial === undefined ? '' : `, serial ${entry.serial}`;
    const signer = entry.signer === undefined ? undefined : `signed by ${entry.signer}`;
    const parts = [entry.url, entry.ms === undefined ? undefined : `${entry.ms} ms`, signer, entry.reason];
    const rest = parts.filter((part) => part !== undefined).join(', ');
    process.stderr.write(`${entry.at} ${entry.step}${image}${serial}${rest === '' ? '' : `: ${rest}`}\n`);
  }

  private say(sentence: string): void {
    if (!this.options.quiet) process.stderr.write(`${sentence}\n`);
  }
}
