/** `deploy commit`: an image becomes a commit of the deployment repository, and its branch's latest. */
import { access, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { expectSystemError, ifCode } from '../../errors/codes.js';
import { SITES } from '../../image/build-image.js';
import { ImageError } from '../../image/image-error.js';
import { canonicalJson, type Labels, type Manifest } from '../../image/manifest.js';
import { readLabels, readManifest } from '../../image/read-manifest.js';
import { type VerifiedImage, verifyImage } from '../../image/verify-image.js';
import { withZonesOf, zonesFault } from '../../image/zones.js';
import { walk } from '../../store/index.js';
import { GitError, git, Repository, type TreeEntry } from '../git/git.js';
import { sign, signedBytes } from '../git/signature.js';
import { siteNameOf } from '../host/purpose.js';
import { CERTIFICATES, IMAGE, IMAGES, imagePath, LABELS, LATEST, MANIFEST, SIGNATURE, SITE } from './layout.js';
import { cloneTip, pushTip, THIS_PROGRAM, urlOf, writeBlob } from './remote.js';

export interface CommitOptions {
  /** `images/<id>`. */
  readonly folder: string;
  /** Directory or URL of the deployment repository. */
  readonly repository: string;
  readonly branch: string;
  /** The site that it is for; undefined: as the repository is called. */
  readonly name?: string | undefined;
  /** Images whose manifests stay on the branch, at least 1. */
  readonly keep: number;
  /** File of a key to sign the image with. */
  readonly key?: string | undefined;
  /** File of a key of ssh to sign the commit with, as git does; true: with the key that git is configured for. */
  readonly commitKey?: string | true | undefined;
  /** Directory of the site's files; undefined: where `image build` keeps them, beside the images. */
  readonly site?: string | undefined;
}

export interface Committed {
  readonly id: string;
  /** Hash of the commit that has the image as its latest. */
  readonly commit: string;
  readonly serial: number;
  /** False: it was the latest already, and nothing was done. */
  readonly changed: boolean;
}

/** Tries when others push at the same time. Of those that push at once one succeeds each time. */
const TRIES = 32;
/** The longest wait before a try, ms; drawn anew each time, so that those that met once do not meet again. */
const LONGEST_WAIT = 2000;

/** Throws an ImageError or a GitError. */
export async function commitImage(options: CommitOptions): Promise<Committed> {
  const image = await verifyImage(options.folder);
  const site = options.site ?? join(dirname(resolve(options.folder)), SITES, image.manifest.site.bundle.id);
  const there = (await stat(site).catch(ifCode(undefined, 'ENOENT', 'ENOTDIR')))?.isDirectory() === true;
  if (!there)
    throw new ImageError(
      `the files of the site are not in ${site}; name the directory that it was built of with --site`,
    );
  let guess: ObjectFormat = 'sha1';
  let first: GitError | undefined;
  for (let tries = 1; ; tries++) {
    const folder = await mkdtemp(join(tmpdir(), 'sitekernel-commit-'));
    const committing = new Committing(image, site, options, folder, guess);
    try {
      return await committing.run();
    } catch (error) {
      // Another push came first: what it made is the ground of the next try.
      if (!(error instanceof GitError)) throw error;
      if (committing.guessed && guess === 'sha1' && error.command === 'push') {
        guess = 'sha256';
        first = error;
        continue;
      }
      if (!(await committing.cameLate(error))) throw first ?? error;
      if (tries === TRIES)
        throw new ImageError(
          `others committed to ${options.branch} each of the ${TRIES} times that this commit was about to; try again`,
        );
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
    await new Promise((resolve) => setTimeout(resolve, Math.random() * Math.min(LONGEST_WAIT, 50 * 2 ** tries)));
  }
}

/** Git's names for the hash functions of a repository's objects. */
type ObjectFormat = 'sha1' | 'sha256';

class Committing {
  private readonly image: VerifiedImage;
  private readonly site: string;
  private readonly options: CommitOptions;
  private readonly url: string;
  private readonly repository: Repository;
  private readonly index: string;
  /** The branch's tip when it began; empty: there was none. */
  private began = '';
  /** The kind of names was a guess. */
  guessed = false;

  /** `guess`: the kind of names that an empty repository at a distance is taken to have. */
  constructor(
    image: VerifiedImage,
    site: string,
    options: CommitOptions,
    folder: string,
    private readonly guess: ObjectFormat,
  ) {
    this.image = image;
    this.site = site;
    this.options = options;
    this.url = urlOf(options.repository);
    this.repository = new Repository(join(folder, 'repository.git'), ['gc.auto=0', 'core.bigFileThreshold=64m']);
    this.index = join(folder, 'index');
  }

  /** Whether a push failed because the branch is not any more what this commit began with, or is being changed. */
  async cameLate(error: GitError): Promise<boolean> {
    // A lock of the reference is held for a moment by the push that wins.
    if (error.command !== 'push') return false;
    if (error.code === 'locked-branch') return true;
    return (await this.remoteTip()) !== this.began;
  }

  async run(): Promise<Committed> {
    const parent = await this.open();
    this.began = parent ?? '';
    const before = parent === undefined ? [] : await this.repository.entries(parent);
    const old = await this.latestOf(parent);
    const { id } = this.image;
    const purpose = { site: this.options.name ?? siteNameOf(this.url), branch: this.options.branch };
    // One that an earlier version committed does not say what it is for: it is committed again.
    const same = old?.id === id && old.labels.site === purpose.site && old.labels.branch === purpose.branch;
    if (parent !== undefined && same) return { id, commit: parent, serial: old.labels.serial, changed: false };
    const fault = old && zonesFault(this.image.manifest, withZonesOf(old.manifest));
    if (fault !== undefined) throw new ImageError(`image ${id.slice(0, 12)}: ${fault}`);
    const labels: Labels = {
      ...this.image.labels,
      ...purpose,
      serial: Math.max(this.image.labels.serial, (old?.labels.serial ?? 0) + 1),
    };
    const tree = await this.writeTree(before, labels);
    const commit = await this.commit(tree, parent, labels);
    await pushTip(this.repository, this.url, this.options.branch, commit);
    return { id, commit, serial: labels.serial, changed: true };
  }

  private async remoteTip(): Promise<string> {
    const remote = await git(['ls-remote', '--', this.url, `refs/heads/${this.options.branch}`]);
    return remote.toString('utf8').split('\t')[0] ?? '';
  }

  /** By the names of what it has. An empty repository does not tell: it is tried with the one, then with the other. */
  private async remoteFormat(): Promise<ObjectFormat> {
    const refs = (await git(['ls-remote', '--', this.url])).toString('utf8');
    const name = refs.split('\t')[0] ?? '';
    this.guessed = name === '';
    if (this.guessed) return this.guess;
    return name.length === 64 ? 'sha256' : 'sha1';
  }

  /**
   * A repository with the branch's tip and, of a remote one, no more; answers the tip, undefined when the branch is
   * new. Its objects have names of the kind that the other one's have, SHA-1 or SHA-256.
   */
  private async open(): Promise<string | undefined> {
    const { branch } = this.options;
    const tip = await this.remoteTip();
    const { gitDir } = this.repository;
    const remote = this.url !== resolve(this.url);
    if (remote && tip !== '') {
      await cloneTip(this.url, branch, gitDir);
      return tip;
    }
    const init = ['init', '--quiet', '--bare', '--template='];
    if (remote) {
      await git([...init, `--object-format=${await this.remoteFormat()}`, '--', gitDir]);
      return undefined;
    }
    // A repository on this machine is read where it is.
    const theirs = new Repository(await gitDirOf(this.url));
    const format = await theirs.objectFormat();
    await git([...init, `--object-format=${format}`, '--', gitDir]);
    if (tip === '') return undefined;
    const objects = await theirs.text(['rev-parse', '--path-format=absolute', '--git-path', 'objects']);
    await mkdir(join(gitDir, 'objects', 'info'), { recursive: true });
    await writeFile(join(gitDir, 'objects', 'info', 'alternates'), `${objects}\n`);
    return tip;
  }

  private async latestOf(
    parent: string | undefined,
  ): Promise<{ id: string; labels: Labels; manifest: Manifest } | undefined> {
    if (parent === undefined) return undefined;
    const id = (await this.repository.blob(`${parent}:${LATEST}`))?.toString('utf8').trim();
    if (id === undefined) return undefined;
    const labels = await this.repository.blob(`${parent}:${imagePath(id, LABELS)}`);
    const manifest = await this.repository.blob(`${parent}:${imagePath(id, MANIFEST)}`);
    if (labels === undefined || manifest === undefined) return undefined;
    return {
      id,
      labels: readLabels(labels, `the branch's ${LABELS}`),
      manifest: readManifest(manifest, `the branch's ${MANIFEST}`),
    };
  }

  private async writeTree(before: readonly TreeEntry[], labels: Labels): Promise<string> {
    const { id, folder, manifest, manifestBytes } = this.image;
    const labelBytes = canonicalJson(labels);
    const { key } = this.options;
    const signature = key === undefined ? undefined : await sign(signedBytes(manifestBytes, labelBytes), key);
    const known = new Map(before.map((entry) => [entry.path, entry]));
    const entries: TreeEntry[] = [];
    const files: { path: string; mode: string; file: string }[] = [
      ...[...manifest.program.files, ...(manifest.zones ?? [])].map(({ path }) => ({
        path: `${IMAGE}/${path}`,
        mode: /^run(-|$)/.test(path) ? '100755' : '100644',
        file: join(folder, path),
      })),
      ...walk(this.site, { hidden: manifest.site.options.hidden }).map(({ path, file }) => ({
        path: `${SITE}${path}`,
        mode: '100644',
        file,
      })),
    ];
    const hashes = await this.hash(files.map(({ file }) => file));
    const fresh = files.filter(({ path }, i) => known.get(path)?.hash !== hashes[i]);
    await this.hash(
      fresh.map(({ file }) => file),
      true,
    );
    for (const [i, { path, mode }] of files.entries()) entries.push({ path, mode, hash: hashes[i]! });
    const small: [string, Uint8Array][] = [
      [LATEST, Buffer.from(`${id}\n`)],
      [imagePath(id, MANIFEST), manifestBytes],
      [imagePath(id, LABELS), labelBytes],
    ];
    if (signature !== undefined) small.push([imagePath(id, SIGNATURE), signature]);
    for (const [path, bytes] of small) {
      entries.push({ path, mode: '100644', hash: await writeBlob(this.repository, bytes) });
    }
    entries.push(...before.filter(({ path }) => path.startsWith(`${CERTIFICATES}/`)));
    entries.push(...(await this.kept(before, id)));
    const lines = entries.map(({ path, mode, hash }) => `${mode} ${hash}\t${path}\0`).join('');
    const env = { GIT_INDEX_FILE: this.index };
    await this.repository.run(['update-index', '-z', '--index-info'], { input: lines, env });
    const tree = await this.repository.text(['write-tree', '--missing-ok'], { env });
    await this.checkTree(tree, entries);
    return tree;
  }

  /**
   * Git leaves out names that could harm a checkout (`git~1`, `.git/config`), with a line on standard error and status
   * 0.
   */
  private async checkTree(tree: string, meant: readonly TreeEntry[]): Promise<void> {
    const written = new Set(
      (await this.repository.entries(tree)).map(({ path, mode, hash }) => `${mode} ${hash} ${path}`),
    );
    const missing = meant.filter(({ path, mode, hash }) => !written.has(`${mode} ${hash} ${path}`));
    if (missing.length === 0) return;
    const names = missing.slice(0, 3).map(({ path }) => JSON.stringify(path.replace(/^site\//, '')));
    const more = missing.length > 3 ? ` and ${missing.length - 3} more` : '';
    throw new ImageError(
      `git takes no file with the name ${names.join(', ')}${more}, so that it cannot be deployed; rename it, or leave it out of the site`,
    );
  }

  /** Hashes of files as git has them; with `write`, they are put into the repository as well. */
  private async hash(files: readonly string[], write = false): Promise<string[]> {
    if (files.length === 0) return [];
    const strange = files.find((file) => file.includes('\n'));
    if (strange !== undefined)
      throw new ImageError(
        `${JSON.stringify(strange)} has a line break in its name, which cannot be deployed; rename it`,
      );
    const words = ['hash-object', '--no-filters', '--stdin-paths', ...(write ? ['-w'] : [])];
    const input = files.map((file) => `${resolve(file)}\n`).join('');
    return (await this.repository.text(words, { input })).split('\n');
  }

  /** What stays of the images before: the newest `keep - 1`, by serial. */
  private async kept(before: readonly TreeEntry[], without: string): Promise<TreeEntry[]> {
    const byId = new Map<string, TreeEntry[]>();
    for (const entry of before) {
      const [top, id] = entry.path.split('/');
      if (top === IMAGES && id !== undefined && id !== without) byId.set(id, [...(byId.get(id) ?? []), entry]);
    }
    const images: { serial: number; entries: TreeEntry[] }[] = [];
    for (const entries of byId.values()) {
      const labels = entries.find(({ path }) => path.endsWith(`/${LABELS}`));
      const bytes = labels && (await this.repository.blob(labels.hash));
      images.push({ serial: bytes ? readLabels(bytes, labels.path).serial : 0, entries });
    }
    images.sort((a, b) => b.serial - a.serial);
    return images.slice(0, this.options.keep - 1).flatMap(({ entries }) => entries);
  }

  private async commit(tree: string, parent: string | undefined, labels: Labels): Promise<string> {
    const { id, manifest } = this.image;
    const sources = Object.entries(labels.sources).map(([name, commit]) => `${name} ${commit}`);
    const message = [
      `Image ${id.slice(0, 12)}, serial ${labels.serial}, target ${manifest.target}`,
      '',
      `${manifest.site.files} files, ${manifest.site.bytes} bytes; program ${manifest.program.sha256.slice(0, 12)}`,
      ...sources,
      ...(labels.builder === '' ? [] : [`built by ${labels.builder}`]),
    ].join('\n');
    const { settings, sign } = await this.commitSigning();
    const words = ['commit-tree', tree, ...(parent === undefined ? [] : ['-p', parent]), ...sign, '-F', '-'];
    return this.repository.text([...settings, ...words], { input: message, env: await this.author() });
  }

  /** Where git is configured to sign every commit, this one is signed, too. */
  private async commitSigning(): Promise<{ settings: readonly string[]; sign: readonly string[] }> {
    const { commitKey } = this.options;
    if (commitKey === undefined) {
      const always = await this.repository.text(['config', '--type=bool', 'commit.gpgSign']).catch(ifCode('', 'git'));
      return { settings: [], sign: always === 'true' ? ['-S'] : [] };
    }
    if (commitKey === true) return { settings: [], sign: ['-S'] };
    // Git would name a file of its own that it cannot find.
    await access(commitKey).catch((error: unknown) => {
      expectSystemError(error);
      throw new ImageError(`the key ${commitKey} cannot be read`);
    });
    return { settings: ['-c', 'gpg.format=ssh', '-c', `user.signingKey=${resolve(commitKey)}`], sign: ['-S'] };
  }

  /** The committer: as git's configuration has it, else this program. */
  private async author(): Promise<Record<string, string>> {
    const told = await this.repository.text(['config', 'user.email']).catch(ifCode('', 'git'));
    if (told !== '' || process.env['GIT_COMMITTER_EMAIL'] !== undefined) return {};
    return THIS_PROGRAM;
  }
}

/**
 * The git directory of a repository in `folder`, bare or with a work tree, without the search that
 * `safe.bareRepository` forbids.
 */
async function gitDirOf(folder: string): Promise<string> {
  const inner = join(folder, '.git');
  const there = (await stat(inner).catch(ifCode(undefined, 'ENOENT', 'ENOTDIR'))) !== undefined;
  // A `.git` that is a file names another directory: git knows which.
  const named = there ? inner : folder;
  return (await git(['--git-dir', named, 'rev-parse', '--absolute-git-dir'])).toString('utf8').trim();
}
