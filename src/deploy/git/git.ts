/** The `git` command, on one repository. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { hasCode } from '../../errors/codes.js';
import { UserError } from '../../errors/user-error.js';

/** What git adds to every failure at a distance; what went wrong comes before it. */
const GENERAL =
  /^(Could not read from remote repository|Please make sure you have the correct access|and the repository exists)/;

/**
 * git tells what went wrong in words only, which LC_ALL=C keeps in English: here they become codes, and nowhere else.
 * Each row: a code and what git says then.
 */
const CODES = [
  ['no-space', /No space left on device|Disk quota exceeded/i],
  ['no-branch', /Remote branch .* not found/i],
  ['locked-branch', /cannot lock ref|failed to update ref|Unable to create .*\.lock/],
  [
    'damaged-repository',
    /object file .* is empty|loose object .* is corrupt|bad object HEAD|not a git repository|unable to read (tree|sha1)|missing (blob|tree|commit)|bad tree object|did not send all necessary objects|packfile .* (is )?(corrupt|cannot be)|index file (corrupt|smaller)|does not appear to be a git repository.*\.git|unable to resolve reference/i,
  ],
  ['rewritten-branch', /fast-forward|refusing to merge|diverg/i],
] as const;

type GitCode = (typeof CODES)[number][0] | 'git' | 'no-git';

function codeFor(stderr: string): GitCode {
  return CODES.find(([, said]) => said.test(stderr))?.[0] ?? 'git';
}

/** A git command that failed. `message` is what git said, in one line. */
export class GitError extends UserError<GitCode> {
  override readonly name = 'GitError';
  /** Its subcommand: `push`. */
  readonly command: string;
  /** Its exit status; null: it did not run, or a signal ended it. */
  readonly status: number | null;

  constructor(command: string, stderr: string, status: number | null, code: GitCode = codeFor(stderr)) {
    const lines = stderr
      .split('\n')
      .map((line) => line.replace(/^(fatal|error|hint|warning|remote): */, '').trim())
      .filter((line) => line !== '' && !line.startsWith('From '))
      .map((line) => line.replace(/\.$/, ''));
    const own = lines.filter((line) => !GENERAL.test(line));
    const said = (own.length > 0 ? own : lines).slice(0, 3).join('; ');
    super(said === '' ? `git ${command} ended with ${status}` : `git ${command}: ${said}`, code);
    this.command = command;
    this.status = status;
  }
}

/**
 * Variables that name a repository, as a hook has them (`git rev-parse --local-env-vars`), or choose how one is made:
 * they must not reach a git for another one.
 */
const NOT_PASSED = [
  'GIT_ALTERNATE_OBJECT_DIRECTORIES',
  'GIT_COMMON_DIR',
  'GIT_DEFAULT_HASH',
  'GIT_DEFAULT_REF_FORMAT',
  'GIT_DIR',
  'GIT_EXEC_PATH',
  'GIT_GRAFT_FILE',
  'GIT_IMPLICIT_WORK_TREE',
  'GIT_INDEX_FILE',
  'GIT_INTERNAL_SUPER_PREFIX',
  'GIT_NAMESPACE',
  'GIT_NO_REPLACE_OBJECTS',
  'GIT_OBJECT_DIRECTORY',
  'GIT_PREFIX',
  'GIT_QUARANTINE_PATH',
  'GIT_REFLOG_ACTION',
  'GIT_REPLACE_REF_BASE',
  'GIT_SHALLOW_FILE',
  'GIT_TEMPLATE_DIR',
  'GIT_WORK_TREE',
];

/**
 * Settings of a user's or a machine's that would change what these commands do. What says how to reach a repository and
 * who commits (credentials, proxies, keys, names) stays theirs.
 */
const OVERRIDDEN = [
  // No hook runs for our own calls; the hook of a host's clone runs when an operator pulls by hand.
  'core.hooksPath=/dev/null',
  'core.fsmonitor=false',
  'core.splitIndex=false',
  'color.ui=false',
  'log.showSignature=false',
  'push.gpgSign=false',
  'push.followTags=false',
  'push.recurseSubmodules=no',
  'fetch.recurseSubmodules=no',
  'submodule.recurse=false',
  'i18n.commitEncoding=UTF-8',
  // One object that it would refuse, an old commit with an odd date, would keep a host from all later ones. Each file
  // is hashed before it is believed, and of trees git's checkout refuses unsafe names by itself.
  'transfer.fsckObjects=false',
  'fetch.fsckObjects=false',
].flatMap((setting) => ['-c', setting]);

function environment(): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = { ...process.env, LC_ALL: 'C', GIT_TERMINAL_PROMPT: '0' };
  for (const name of NOT_PASSED) delete env[name];
  return env;
}

export interface GitOptions {
  readonly input?: string | Uint8Array | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Where it works; undefined: where we do. */
  readonly folder?: string | undefined;
  /** Seconds until it is ended. Default 600. */
  readonly seconds?: number | undefined;
}

/** Runs `git` with these words; returns what it wrote. Throws a GitError. */
export function git(words: readonly string[], options: GitOptions = {}): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const command = words.find((word) => /^[a-z][a-z-]+$/.test(word)) ?? words[0] ?? '';
    const child = spawn('git', [...OVERRIDDEN, ...words], {
      cwd: options.folder,
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...environment(), ...options.env },
    });
    const out: Buffer[] = [];
    let said = '';
    const timer = setTimeout(() => child.kill('SIGTERM'), (options.seconds ?? 600) * 1000);
    child.stdout.on('data', (piece: Buffer) => out.push(piece));
    child.stderr.on('data', (piece: Buffer) => {
      said = (said + piece.toString()).slice(-16384);
    });
    child.stdin.on('error', () => undefined);
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(
        hasCode(error, 'ENOENT')
          ? new GitError(command, 'git is not installed', null, 'no-git')
          : new GitError(command, error.message, null),
      );
    });
    child.on('close', (status) => {
      clearTimeout(timer);
      if (status === 0) resolve(Buffer.concat(out));
      else reject(new GitError(command, said, status));
    });
    child.stdin.end(options.input);
  });
}

/** An entry of a tree. */
export interface TreeEntry {
  /** From the tree that was listed, with slashes. */
  readonly path: string;
  readonly mode: string;
  readonly hash: string;
}

/** A repository by its git directory. */
export class Repository {
  readonly gitDir: string;
  private readonly settings: readonly string[];

  /** `settings`: `name=value` of git's configuration, for each command. */
  constructor(gitDir: string, settings: readonly string[] = []) {
    this.gitDir = gitDir;
    this.settings = settings.flatMap((one) => ['-c', one]);
  }

  run(words: readonly string[], options?: GitOptions): Promise<Buffer> {
    return git(['--git-dir', this.gitDir, ...this.settings, ...words], options);
  }

  async text(words: readonly string[], options?: GitOptions): Promise<string> {
    return (await this.run(words, options)).toString('utf8').trim();
  }

  /** The hash function of its objects: `sha1` or `sha256`. */
  objectFormat(): Promise<string> {
    return this.text(['rev-parse', '--show-object-format']);
  }

  /** The full hash that `name` stands for; undefined: there is none. Throws a GitError. */
  async resolve(name: string): Promise<string | undefined> {
    try {
      return await this.text(['rev-parse', '--verify', '--quiet', '--end-of-options', name]);
    } catch (error) {
      // "Exit with non-zero status silently": that is 1. Every other failure has another status (git-rev-parse(1)).
      if (error instanceof GitError && error.status === 1) return undefined;
      throw error;
    }
  }

  /** Content of a blob by its hash, or as `COMMIT:path`; undefined: there is none. */
  async blob(name: string): Promise<Buffer | undefined> {
    const hash = await this.resolve(name);
    return hash === undefined ? undefined : this.run(['cat-file', 'blob', hash]);
  }

  /** All blobs below a tree. Links and submodules come as they are: look at the mode. */
  async entries(tree: string): Promise<TreeEntry[]> {
    const out = (await this.run(['ls-tree', '-r', '-z', '--end-of-options', tree])).toString('utf8');
    return out
      .split('\0')
      .filter((line) => line !== '')
      .map((line) => {
        const tab = line.indexOf('\t');
        const [mode, , hash] = line.slice(0, tab).split(' ');
        return { path: line.slice(tab + 1), mode: mode!, hash: hash! };
      });
  }

  /** Opens a process that reads blobs one after the other. */
  reader(): BlobReader {
    const words = [...OVERRIDDEN, '--git-dir', this.gitDir, ...this.settings, 'cat-file', '--batch'];
    return new BlobReader(spawn('git', words, { stdio: ['pipe', 'pipe', 'ignore'], env: environment() }));
  }
}

interface Waiting {
  readonly hash: string;
  readonly resolve: (bytes: Buffer) => void;
  readonly reject: (error: Error) => void;
}

/** `git cat-file --batch` (git-cat-file(1), "BATCH OUTPUT"). Close it when all is read. */
export class BlobReader {
  private readonly child: ChildProcessByStdio<Writable, Readable, null>;
  private readonly waiting: Waiting[] = [];
  private pieces: Buffer[] = [];
  private held = 0;
  /** Bytes of the blob that is being read, with its newline; undefined: its header comes next. */
  private wanted: number | undefined;

  constructor(child: ChildProcessByStdio<Writable, Readable, null>) {
    this.child = child;
    child.stdout.on('data', (piece: Buffer) => {
      this.pieces.push(piece);
      this.held += piece.length;
      this.advance();
    });
    child.stdin.on('error', () => undefined);
    const end = (): void => this.fail(new GitError('cat-file', 'it ended too early', null));
    child.on('error', end);
    child.on('close', end);
  }

  read(hash: string): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ hash, resolve, reject });
      this.child.stdin.write(`${hash}\n`);
    });
  }

  close(): void {
    this.child.stdin.end();
  }

  private advance(): void {
    while (this.waiting.length > 0) {
      if (this.wanted === undefined) {
        const first = this.pieces[0];
        if (first === undefined) return;
        let end = first.indexOf(10);
        if (end < 0) {
          if (this.pieces.length === 1) return;
          this.pieces = [Buffer.concat(this.pieces)];
          end = this.pieces[0]!.indexOf(10);
          if (end < 0) return;
        }
        const header = this.take(end + 1).toString('utf8');
        const match = /^[0-9a-f]+ blob (\d+)\n$/.exec(header);
        if (match === null) {
          const { hash, reject } = this.waiting.shift()!;
          reject(new GitError('cat-file', `the repository lacks the blob ${hash}`, null));
          continue;
        }
        this.wanted = Number(match[1]) + 1;
      }
      if (this.held < this.wanted) return;
      const bytes = this.take(this.wanted).subarray(0, this.wanted - 1);
      this.wanted = undefined;
      this.waiting.shift()!.resolve(bytes);
    }
  }

  private take(count: number): Buffer {
    let first = this.pieces[0]!;
    if (first.length < count) {
      first = Buffer.concat(this.pieces);
      this.pieces = [first];
    }
    const taken = first.subarray(0, count);
    if (first.length === count) this.pieces.shift();
    else this.pieces[0] = first.subarray(count);
    this.held -= count;
    return taken;
  }

  private fail(error: Error): void {
    for (const { reject } of this.waiting.splice(0)) reject(error);
  }
}
