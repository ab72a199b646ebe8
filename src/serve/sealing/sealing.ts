/** A server's seal, from the options to the pages that report it. */

import { UserError } from '../../errors/user-error.js';
import { counter, gauge, type Metric } from '../../http/index.js';
import type { FileRights } from '../../native/file-rights.js';
import { signals } from '../../native/process-signals.js';
import { Denials } from '../../seal/denials.js';
import { thisKernel } from '../../seal/kernel.js';
import type { PathRule } from '../../seal/landlock.js';
import type { Plan } from '../../seal/plan.js';
import { Seal, type SealReport, sealLine } from '../../seal/seal.js';
import type { Log } from '../log.js';
import type { ServeOptions } from '../options/serve.js';
import { directoriesOf, servesDirectory } from './later-paths.js';
import { makeFolders, meetsOthers, planOf, type Role } from './plan-of.js';
import { SealedCache, sealedCacheOf } from './sealed-cache.js';

export class Sealing {
  private seal: Seal | undefined = undefined;
  private report: SealReport | undefined = undefined;
  private denials: Denials | undefined = undefined;
  private readonly kernel = thisKernel();
  private cache: SealedCache | undefined = undefined;

  constructor(
    private readonly options: ServeOptions,
    private readonly role: Role,
    private readonly log: Log,
  ) {}

  /** Where the compression of a directory keeps its results once this is sealed; undefined: it is not sealed yet. */
  readonly cachePath = (): string | undefined => this.cache?.path();

  /**
   * Whether a file with these rights can be read once this is sealed: one that only root may read is not served at
   * first, and refused later. Undefined: what can be read now can be read then.
   */
  get readable(): ((rights: FileRights) => boolean) | undefined {
    const { options, kernel, role } = this;
    if (process.geteuid?.() !== 0 || !servesDirectory(options)) return undefined;
    const plan = planOf(options, role);
    // The folder between its programs is root's, and only this process will know of it.
    const stays = meetsOthers(options, role) ? 'its programs hand over to one another' : plan.staysRoot;
    const user = options.seal.user;
    // What strict refuses is refused when the rest is known.
    const level = options.seal.level === 'off' ? 'off' : 'default';
    const seal = new Seal({ ...plan, staysRoot: stays }, { level, user }, kernel);
    return (rights) => seal.mayRead(rights);
  }

  /**
   * From now on only files that are needed later can be opened; those needed at the start are already open. `more`:
   * such paths that only this process knows. Rejects with a `UserError` if the requested seal is not possible.
   */
  async files(more: readonly PathRule[] = []): Promise<void> {
    const { options, kernel, role, log } = this;
    if (options.seal.level === 'off') return;
    const plan = planOf(options, role, more);
    makeFolders(plan, options.seal);
    this.denials = new Denials(kernel, (sentence) => log.warn(sentence));
    this.denials.open();
    const directories = directoriesOf(options);
    const cache = directories.length === 0 ? undefined : new SealedCache(sealedCacheOf(directories));
    const own = process.geteuid?.() === 0 && options.seal.user === undefined ? cache?.reserve() : undefined;
    this.seal = new Seal({ ...plan, user: own ?? plan.user }, options.seal, kernel);
    // A user of its own cannot read it anyway.
    if (this.seal.user === undefined || options.seal.user !== undefined) this.checkApart(plan);
    cache?.open(this.seal.user);
    this.cache = cache;
    await this.seal.files();
  }

  /** The account's key is out of reach where no other path of the server has it beneath. */
  private checkApart({ paths }: Plan): void {
    const { acme, seal } = this.options;
    if (acme === undefined) return;
    const above = paths.find(({ path }) => `${acme.state}/`.startsWith(path === '/' ? path : `${path}/`));
    if (above === undefined) return;
    const why = `the account's key in ${acme.state} lies beneath ${above.path}, which the server may ${above.access}; choose another --state, or keep the site and sockets elsewhere`;
    if (seal.level === 'strict') throw new UserError(`--seal strict cannot be had: ${why}`);
    this.log.warn(`not all is sealed: ${why}`);
  }

  /** The rest of the seal, at once. `quiet`: another process reports it. */
  close(quiet = false): void {
    const { seal, log } = this;
    if (seal === undefined) return;
    this.report = seal.close();
    if (quiet) return;
    // Services report it in the log of the network, and on their pages. What is lacking has a line of its own.
    const line = sealLine({ ...this.report, lacks: [] });
    if (signals.atTerminal) log.note(line);
    else log.event('net', line);
    for (const lack of this.report.lacks) log.warn(`not all is sealed: ${lack}`);
  }

  /** For people. */
  get line(): string {
    if (this.options.seal.level === 'off') return 'off';
    return this.report === undefined ? 'not yet' : sealLine(this.report);
  }

  metrics(): Metric[] {
    const { report, denials } = this;
    if (report === undefined) return [];
    const refused = [...(denials?.counts ?? [])].map(([name, value]) => ({ labels: { call: name }, value }));
    return [
      gauge('sitekernel_seal_info', 'How the server is sealed; always 1.', [
        { labels: { level: report.level }, value: 1 },
      ]),
      gauge('sitekernel_seal_lacks', 'What of the seal could not be had.', [{ value: report.lacks.length }]),
      counter('sitekernel_seal_refused_calls_total', 'System calls that were refused, by name.', refused),
    ];
  }
}
