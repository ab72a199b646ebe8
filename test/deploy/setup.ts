/** A deployment repository, images for it, and a host that follows it: real git, real images, small sites. */
import { execFileSync } from 'node:child_process';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Running } from '../../src/control/protocol.js';
import { Deployer, type Outcome } from '../../src/deploy/apply.js';
import { Host, type HostConfig } from '../../src/deploy/host/host.js';
import { type Entry, Journal } from '../../src/deploy/host/journal.js';
import { readState, type State } from '../../src/deploy/host/state.js';
import { type InitOptions, initHost } from '../../src/deploy/init.js';
import { pull } from '../../src/deploy/poll.js';
import { type Committed, commitImage } from '../../src/deploy/repository/commit.js';
import type { Gates } from '../../src/deploy/verdict.js';
import { UserError } from '../../src/errors/user-error.js';
import { type BuildOptions, buildImage, nodeProgram, type ProgramOf } from '../../src/image/build-image.js';
import type { Runner, StagedImage } from '../../src/image/runner.js';
import type { WrittenImage } from '../../src/image/write-image.js';
import { directory, type Tree, tree } from '../store/tree.js';

interface Test {
  teardown(fn: () => void | Promise<void>): void;
}

export const SITE: Tree = {
  'index.html': '<!doctype html><title>Home</title><p>first</p>',
  '404.html': '<!doctype html><title>Nothing here</title>',
  'about.html': '<!doctype html><title>About</title>',
  'assets/style.css': 'p { color: black }',
};

export function git(folder: string, ...words: string[]): string {
  const env = { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null' };
  return execFileSync('git', ['-C', folder, ...words], { encoding: 'utf8', env, stdio: 'pipe' }).trim();
}

/** What a Runner would do, without a process. */
export class ScriptedRunner implements Runner {
  running: Running | undefined;
  /** What was asked of it: `start <id>`. */
  readonly asked: string[] = [];
  /** Says why a step fails; undefined: it works. */
  fails: (what: string, image: StagedImage) => string | undefined = () => undefined;
  private pid = 1000;

  async status(): Promise<Running | undefined> {
    return this.running;
  }
  start = (image: StagedImage): Promise<Running> => this.run('start', image);
  swap = (image: StagedImage): Promise<Running> => this.run('swap', image);
  replace = (image: StagedImage): Promise<Running> => this.run('replace', image);
  async stop(): Promise<void> {
    this.running = undefined;
  }

  private async run(what: string, image: StagedImage): Promise<Running> {
    this.asked.push(`${what} ${image.id.slice(0, 8)}`);
    const failure = this.fails(what, image);
    if (failure !== undefined) throw new UserError(failure);
    if (what === 'start' && this.running !== undefined) throw new UserError('something runs already');
    if (what !== 'start' && this.running === undefined) throw new UserError('nothing runs');
    const pid = what === 'swap' ? this.running!.pid : ++this.pid;
    const { site } = image.manifest;
    this.running = { image: image.id, bundle: site.bundle.id, url: 'http://192.0.2.7/', pid, since: Date.now() };
    return this.running;
  }
}

/** Gates that let everything through, unless a test says otherwise. */
export class ScriptedGates implements Gates {
  selfTest: Gates['selfTest'] = async () => undefined;
  probe: Gates['probe'] = async () => undefined;
  settle = 20;
}

export class Stage {
  readonly repository: string;
  readonly images: string;
  readonly runner = new ScriptedRunner();
  readonly gates = new ScriptedGates();
  host!: Host;
  private readonly t: Test;

  private constructor(t: Test, copied = false) {
    this.t = t;
    const root = directory(t);
    this.repository = join(root, 'site.git');
    this.images = join(root, 'images');
    if (copied) return;
    execFileSync('git', ['init', '--quiet', '--bare', '--initial-branch=main', this.repository]);
    // As a host of repositories has it: only what a client lacks is sent.
    execFileSync('git', ['-C', this.repository, 'config', 'uploadpack.allowFilter', 'true']);
  }

  /** A repository with a first image, and a host that was initialised but has pulled nothing yet. */
  static async open(t: Test, options: Partial<InitOptions> = {}, site: Tree = SITE): Promise<Stage> {
    const stage = new Stage(t);
    await stage.deploy(site);
    await stage.initHost(options);
    return stage;
  }

  /**
   * The same with the first image found good. It is made once for all tests of a file, and copied: most of a test's
   * time is git's.
   */
  static async served(t: Test, options: Partial<HostConfig> = {}): Promise<Stage> {
    template ??= makeTemplate();
    const { folder, running } = await template;
    const stage = new Stage(t, true);
    const root = dirname(stage.repository);
    cpSync(folder, root, { recursive: true });
    const host = join(root, 'host');
    for (const file of [join(host, 'host.json'), join(host, 'repo', '.git', 'config')])
      writeFileSync(file, readFileSync(file, 'utf8').replaceAll(folder, root));
    const { config } = await Host.open(host);
    stage.host = new Host(host, { ...config, ...options });
    stage.runner.running = running;
    return stage;
  }

  static empty(t: Test): Stage {
    return new Stage(t);
  }

  async initHost(options: Partial<InitOptions> = {}): Promise<Host> {
    const folder = join(dirname(this.repository), 'host');
    const { host } = await initHost({
      folder,
      repository: this.repository,
      branch: 'main',
      args: [],
      gate: 1,
      ...options,
    });
    this.host = host;
    return host;
  }

  build(site: Tree, more: Partial<BuildOptions> = {}, programOf: ProgramOf = nodeProgram): Promise<WrittenImage> {
    return buildImage(
      {
        site: tree(this.t, site),
        target: 'socket',
        network: { port: 0 },
        choices: { compression: 'none', hidden: false, spa: false },
        output: this.images,
        labels: { serial: 0, sources: {}, builder: 'a test' },
        version: '0.1.0',
        ...more,
      },
      programOf,
    );
  }

  /** Builds and commits. */
  async deploy(site: Tree, key?: string): Promise<Committed> {
    const { folder } = await this.build(site);
    return this.commit(folder, key);
  }

  commit(folder: string, key?: string): Promise<Committed> {
    return commitImage({ folder, repository: this.repository, branch: 'main', keep: 10, key });
  }

  deployer(): Deployer {
    return new Deployer(this.host, this.runner, this.journal, this.gates);
  }

  get journal(): Journal {
    return new Journal(this.host.journalFile);
  }

  /** What cron does, with the scripted runner. */
  async poll(): Promise<Outcome> {
    await pull(this.host, this.journal);
    return this.deployer().apply();
  }

  log(): Promise<Entry[]> {
    return this.journal.read();
  }

  /** The last sentence that the log has about a step. */
  async reason(step: Entry['step']): Promise<string> {
    return (await this.log()).findLast((entry) => entry.step === step)?.reason ?? '';
  }

  /** Who signed the image that was verified last, as the journal has it. */
  async signer(): Promise<string | undefined> {
    return (await this.log()).findLast(({ step }) => step === 'verified')?.signer;
  }

  async steps(): Promise<string[]> {
    return (await this.log()).map(({ step }) => step);
  }

  async state(): Promise<State> {
    return (await readState(this.host.stateFile)) as State;
  }

  /** Changes files on the branch by hand, as no `deploy commit` would; answers the commit. `undefined` removes. */
  tamper(files: Readonly<Record<string, string | Uint8Array | undefined>>): string {
    const index = join(directory(this.t), 'index');
    const run = (words: string[], input?: string | Uint8Array): string => {
      const who = {
        GIT_AUTHOR_NAME: 'x',
        GIT_AUTHOR_EMAIL: 'x@x',
        GIT_COMMITTER_NAME: 'x',
        GIT_COMMITTER_EMAIL: 'x@x',
      };
      const env = { ...process.env, ...who, GIT_INDEX_FILE: index };
      return execFileSync('git', ['-C', this.repository, ...words], { encoding: 'utf8', env, input }).trim();
    };
    run(['read-tree', 'main']);
    for (const [path, content] of Object.entries(files)) {
      if (content === undefined) run(['update-index', '--index-info'], `0 ${'0'.repeat(40)}\t${path}\n`);
      else {
        const hash = run(['hash-object', '-w', '--stdin'], content);
        run(['update-index', '--add', '--cacheinfo', `100644,${hash},${path}`]);
      }
    }
    const commit = run(['commit-tree', run(['write-tree']), '-p', 'main', '-m', 'by hand']);
    run(['update-ref', 'refs/heads/main', commit]);
    return commit;
  }

  /** Content of a file on the branch. */
  show(path: string): Buffer {
    return execFileSync('git', ['-C', this.repository, 'show', `main:${path}`], { maxBuffer: 2 ** 30 });
  }

  read(path: string): Buffer {
    return readFileSync(join(this.host.folder, path));
  }
}

interface Template {
  readonly folder: string;
  readonly running: Running | undefined;
}

let template: Promise<Template> | undefined;

async function makeTemplate(): Promise<Template> {
  const stage = await Stage.open({ teardown: (fn) => void process.on('exit', () => void fn()) });
  const outcome = await stage.poll();
  if (outcome !== 'good') throw new Error(`the first image is ${outcome}: ${JSON.stringify(await stage.log())}`);
  return { folder: dirname(stage.repository), running: stage.runner.running };
}
