/**
 * A host's folder:
 *
 *   host.json           how it was set up
 *   repo/               clone of the deployment repository; only the file `latest` is checked out
 *   images/<id>/        images that are staged: complete and verified
 *   tool/               the program that the hook and cron call
 *   state.json          what is good, bad, tried, held
 *   journal.jsonl       what happened
 *   trust/              whose signatures are believed
 *   cache/              what was compressed
 *   run/                locks and sockets of what runs
 */
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { expectCode } from '../../errors/codes.js';
import { ImageError } from '../../image/image-error.js';
import { writeDurable } from '../../native/durable.js';
import type { Trust } from '../git/signature.js';
import { type Purpose, siteNameOf } from './purpose.js';

export interface HostConfig {
  readonly format: 1;
  readonly repository: string;
  readonly branch: string;
  /**
   * The site that signatures must be for; undefined (also in folders of earlier versions): as the repository is called.
   */
  readonly name?: string | undefined;
  /** Passed to `run` of each image. */
  readonly args: readonly string[];
  /** Files in `trust/`. */
  readonly allowedSigners: boolean;
  readonly minisign: boolean;
  readonly revoked?: boolean | undefined;
  /** URL that is asked whether an image serves, instead of the one it says itself; `off`: none is. */
  readonly probe: string | undefined;
  /** Seconds in which an image must be found to serve. */
  readonly gate: number;
}

export class Host {
  /** Absolute. */
  readonly folder: string;
  readonly config: HostConfig;

  constructor(folder: string, config: HostConfig) {
    this.folder = resolve(folder);
    this.config = config;
  }

  /** Throws an ImageError where `folder` is none. */
  static async open(folder: string): Promise<Host> {
    const file = join(folder, 'host.json');
    const text = await readFile(file, 'utf8').catch((error: unknown) => {
      expectCode(error, 'ENOENT', 'ENOTDIR');
      throw new ImageError(
        `${folder} is not the folder of a host; make one with: sitekernel deploy init ${folder} --repo URL`,
      );
    });
    const config = JSON.parse(text) as HostConfig;
    if (config.format !== 1) throw new ImageError(`${file} was written by another version; run deploy init again`);
    return new Host(folder, config);
  }

  async save(): Promise<void> {
    await writeDurable(join(this.folder, 'host.json'), `${JSON.stringify(this.config, null, 2)}\n`);
  }

  /** The tip of the followed branch, by its full name: the clone may have another commit checked out. */
  get tip(): string {
    return `refs/heads/${this.config.branch}`;
  }
  get work(): string {
    return join(this.folder, 'repo');
  }
  get gitDir(): string {
    return join(this.folder, 'repo', '.git');
  }
  get images(): string {
    return join(this.folder, 'images');
  }
  get cache(): string {
    return join(this.folder, 'cache');
  }
  get tool(): string {
    return join(this.folder, 'tool', 'main.js');
  }
  get stateFile(): string {
    return join(this.folder, 'state.json');
  }
  get journalFile(): string {
    return join(this.folder, 'journal.jsonl');
  }
  /** The process that pulls holds it. */
  get pollLock(): string {
    return join(this.folder, 'run', 'poll.lock');
  }
  /** The process that waits to stop what runs holds it: an image that waits for its verdict is left without one. */
  get stopLock(): string {
    return join(this.folder, 'run', 'stop.lock');
  }
  /** The process that changes the state or what runs holds it. */
  get applyLock(): string {
    return join(this.folder, 'run', 'apply.lock');
  }

  /** What an image must have been signed for. */
  get purpose(): Purpose {
    const { name, repository, branch } = this.config;
    return { site: name ?? siteNameOf(repository), branch };
  }

  get trust(): Trust {
    const { allowedSigners, minisign, revoked } = this.config;
    return {
      allowedSigners: allowedSigners ? join(this.folder, 'trust', 'allowed_signers') : undefined,
      minisign: minisign ? join(this.folder, 'trust', 'minisign.pub') : undefined,
      revoked: revoked ? join(this.folder, 'trust', 'revoked_keys') : undefined,
    };
  }
}
