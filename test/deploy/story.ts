/**
 * The whole way of a post, with real parts: a source repository, a CI checkout that builds with Jekyll, a deployment
 * repository, a host in a network namespace of its own that cron and git's hook drive, and a client in another one.
 * `npm run demo:deploy` shows it; a test plays it.
 */
import { execFileSync } from 'node:child_process';
import { appendFileSync, chmodSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Lab, type Namespace, type Owner, type Program } from '../wire/lab.js';
import { MAIN } from '../wire/server.js';

const ADDRESS = '10.77.0.7';
const PAGE = '/blog/2026/11/22/git-your-unikernel/';
const POST = '_posts/2026-11-22-git-your-unikernel.md';

export interface Told {
  /** Seconds since the story began. */
  readonly at: number;
  readonly text: string;
}

export class Story {
  readonly lab: Lab;
  readonly client: Namespace;
  readonly deployment: string;
  readonly host: string;
  private readonly source: string;
  private readonly images: string;
  private readonly keys: string;
  private readonly tell: (told: Told) => void;
  private readonly began = performance.now();
  private crontab: string[] = [];
  private checkouts = 0;

  constructor(owner: Owner, tell: (told: Told) => void) {
    this.tell = tell;
    // Before the lab removes its namespaces, what runs in them is ended.
    owner.teardown(() => this.stop());
    this.lab = new Lab(owner, '10.77.0.1/24');
    this.client = this.lab.client('10.77.0.50/24');
    const folder = this.lab.folder;
    this.deployment = join(folder, 'deployment.git');
    this.source = join(folder, 'blog.git');
    this.images = join(folder, 'images');
    this.host = join(folder, 'host');
    this.keys = join(folder, 'keys');
  }

  say(text: string): void {
    this.tell({ at: (performance.now() - this.began) / 1000, text });
  }

  /** A blog in git, an empty deployment repository, and a key that CI signs with. */
  prepare(): void {
    for (const repository of [this.source, this.deployment])
      execFileSync('git', ['init', '--quiet', '--bare', '--initial-branch=main', repository]);
    mkdirSync(this.keys);
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'ci', '-f', join(this.keys, 'ci')]);
    const key = readFileSync(join(this.keys, 'ci.pub'), 'utf8');
    writeFileSync(join(this.keys, 'allowed_signers'), `ci@example.org namespaces="sitekernel" ${key}`);
    const work = this.writer();
    cpSync(resolve('site'), work, { recursive: true, filter: (path) => !/\/_site(\/|$)|\/\.jekyll/.test(path) });
    this.push(work, 'The blog');
    this.say('a blog is in git, beside it an empty deployment repository');
  }

  private writer(): string {
    return join(this.lab.folder, 'writer');
  }

  private push(work: string, message: string): void {
    const git = (...words: string[]): void => {
      const who = ['-c', 'user.name=Writer', '-c', 'user.email=writer@example.org', '-c', 'init.defaultBranch=main'];
      execFileSync('git', ['-C', work, ...who, ...words], { stdio: ['ignore', 'ignore', 'pipe'] });
    };
    git('init', '--quiet');
    git('add', '--all');
    git('commit', '--quiet', '-m', message);
    git('push', '--quiet', this.source, 'HEAD:main');
  }

  /** Somebody writes, and pushes. */
  write(text: string): void {
    const file = join(this.writer(), POST);
    writeFileSync(file, `---\ntitle: Git your unikernel\ntags: [design]\n---\n${text}\n`);
    this.push(this.writer(), 'A post');
    this.say(`a post is edited and pushed: "${text}"`);
  }

  /** What CI does after a push: a fresh checkout, Jekyll, an image, its tests, a commit. */
  ci(): string {
    const checkout = join(this.lab.folder, `checkout-${this.checkouts++}`);
    const run = (command: string, words: string[], env: NodeJS.ProcessEnv = {}): string =>
      execFileSync(command, words, {
        encoding: 'utf8',
        env: { ...process.env, ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
    run('git', ['clone', '--quiet', this.source, checkout]);
    const jekyll = [
      'build',
      '--quiet',
      '--disable-disk-cache',
      '--source',
      checkout,
      '--destination',
      `${checkout}/_site`,
    ];
    run('jekyll', jekyll, { TZ: 'UTC', LC_ALL: 'C.UTF-8', JEKYLL_ENV: 'production' });
    this.say('CI: a checkout, built with Jekyll');
    const network = ['--target', 'static', '--ipv4', `${ADDRESS}/24`, '--ipv4-gateway', '10.77.0.1'];
    const built = run(process.execPath, [
      MAIN,
      'image',
      'build',
      `${checkout}/_site`,
      ...network,
      '-o',
      this.images,
    ]).trim();
    run(process.execPath, [MAIN, 'image', 'verify', built]);
    const tested = run(join(built, 'run'), ['--self-test']).trim();
    this.say(`CI: image ${built.split('/').pop()!.slice(0, 12)}; ${tested}`);
    const commit = [MAIN, 'deploy', 'commit', built, '--repo', this.deployment, '--sign', join(this.keys, 'ci')];
    this.say(`CI: ${run(process.execPath, commit).trim()}`);
    rmSync(checkout, { recursive: true, force: true });
    return built.split('/').pop()!;
  }

  /** The host is set up as `docs/deploy.md` says. */
  async initHost(): Promise<void> {
    const signers = ['--allowed-signers', join(this.keys, 'allowed_signers')];
    const words = [
      'deploy',
      'init',
      this.host,
      '--repo',
      this.deployment,
      ...signers,
      '--',
      '--tap',
      'tap0',
      '--bridge',
      'br0',
    ];
    const { status, stdout, stderr } = await this.lab.host.run(process.execPath, [MAIN, ...words]);
    if (status !== 0) throw new Error(stderr);
    this.crontab = stdout.split('\n').flatMap((line) => /^ {2}((?:\*|@reboot).*)$/.exec(line)?.[1] ?? []);
    this.say(`host: set up; the line for cron is ${this.crontab[0]}`);
  }

  /** The machine's real cron, with this host's crontab alone, in the host's namespace. */
  startCron(): Program {
    const spool = join(this.lab.folder, 'crontabs');
    const empty = join(this.lab.folder, 'cron.d');
    mkdirSync(spool);
    mkdirSync(empty);
    const file = join(spool, 'root');
    // What a person would have in it: where programs are, and nobody to write mail to.
    writeFileSync(file, `PATH=/usr/sbin:/usr/bin:/sbin:/bin\nMAILTO=""\n${this.crontab.join('\n')}\n`);
    chmodSync(file, 0o600);
    const script = [
      'mount -t tmpfs none /run',
      `mount --bind '${spool}' /var/spool/cron/crontabs`,
      `mount --bind '${empty}' /etc/cron.d`,
      'mount --bind /dev/null /etc/crontab',
      'exec cron -f',
    ].join(' && ');
    return this.lab.host.start('unshare', ['--mount', '--propagation', 'private', 'sh', '-c', script]);
  }

  /** The same command as in the crontab, every half second. */
  startLoop(): Program {
    const command = this.crontab[0]!.replace('* * * * * ', '');
    return this.lab.host.start('sh', ['-c', `while :; do ${command}; sleep 0.5; done`]);
  }

  /** A command on the host. */
  async deploy(...words: string[]): Promise<{ status: number; stdout: string; stderr: string }> {
    return this.lab.host.run(process.execPath, [
      join(this.host, 'tool', 'main.js'),
      'deploy',
      ...words,
      '--host',
      this.host,
    ]);
  }

  /** What a client gets at `path`; empty: no answer. */
  async page(path: string): Promise<string> {
    const url = `http://${ADDRESS}${path}`;
    return (await this.client.run('curl', ['--silent', '--max-time', '5', '--connect-timeout', '2', url])).stdout;
  }

  /** Asks until the page has `text`; answers seconds. */
  async sees(path: string, text: string, seconds: number): Promise<number> {
    const began = performance.now();
    let last = '';
    while (performance.now() - began < seconds * 1000) {
      last = await this.page(path);
      if (last.includes(text)) {
        const took = (performance.now() - began) / 1000;
        this.say(`client: GET ${path} has "${text}", ${took.toFixed(1)} s after it began to look`);
        return took;
      }
      await new Promise((done) => setTimeout(done, 200));
    }
    throw new Error(`the client did not see "${text}" at ${path} within ${seconds} s, but: ${last.slice(0, 500)}`);
  }

  /** Somebody puts another content on the branch than was signed. */
  tamper(): void {
    const work = join(this.lab.folder, 'stranger');
    const git = (...words: string[]): void => {
      const who = ['-c', 'user.name=Stranger', '-c', 'user.email=stranger@example.org'];
      execFileSync('git', ['-C', work, ...who, ...words], { stdio: ['ignore', 'ignore', 'pipe'] });
    };
    execFileSync('git', ['clone', '--quiet', this.deployment, work]);
    appendFileSync(join(work, 'site', 'index.html'), '<script>evil()</script>');
    writeFileSync(join(work, 'latest'), `${'f'.repeat(64)}\n`);
    git('commit', '--quiet', '--all', '-m', 'nothing to see');
    git('push', '--quiet', 'origin', 'HEAD:main');
    this.say('a stranger pushes a page that nobody signed');
  }

  private async stop(): Promise<void> {
    await Promise.all([...this.lab.programs].map((program) => program.stop(3)));
    await this.deploy('stop').catch(() => undefined);
  }
}

/** Plays it all. Rejects when anything is not as it should be. */
export async function play(owner: Owner, tell: (told: Told) => void): Promise<Story> {
  const story = new Story(owner, tell);
  story.prepare();
  story.write('First words.');
  const first = story.ci();
  await story.initHost();
  const cron = story.startCron();
  const loop = story.startLoop();
  await story.sees(PAGE, 'First words.', 90);

  story.write('Second thoughts.');
  story.ci();
  await story.sees(PAGE, 'Second thoughts.', 60);
  await loop.stop();
  story.say('the loop ends; from here on it is cron alone');

  story.write('Third time, by cron.');
  const third = story.ci();
  await story.sees(PAGE, 'Third time, by cron.', 150);
  await cron.stop();

  const back = await story.deploy('rollback', first.slice(0, 12));
  if (back.status !== 0) throw new Error(back.stderr);
  await story.sees(PAGE, 'First words.', 10);
  const held = await story.deploy('status');
  if (held.status !== 1) throw new Error(`a host that is held does not agree with its repository: ${held.stdout}`);
  const released = await story.deploy('release');
  if (released.status !== 0) throw new Error(released.stderr);
  await story.sees(PAGE, 'Third time, by cron.', 10);

  story.tamper();
  // A person pulls in the clone: the hook does what is to be done.
  await story.lab.host.run('git', ['-C', join(story.host, 'repo'), 'pull', '--quiet']);
  const status = await story.deploy('status');
  if (status.status !== 1) throw new Error(`what nobody signed was taken: ${status.stdout}`);
  story.say(`host: ${/problem: *(.*)/.exec(status.stdout)?.[1]}`);
  await story.sees(PAGE, 'Third time, by cron.', 10);
  if (!status.stdout.includes(third.slice(0, 12))) throw new Error(status.stdout);
  return story;
}
