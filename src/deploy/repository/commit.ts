/** `deploy commit`: an image becomes a commit of the deployment repository, and its branch's latest. */
import { mkdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { ifCode } from '../../errors/codes.js';
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
import { atTip } from './at-tip.js';
import { type CommitKey, commitTree } from './commit-tree.js';
import { CERTIFICATES, IMAGE, IMAGES, imagePath, LABELS, LATEST, MANIFEST, SIGNATURE, SITE } from './layout.js';
import { cloneTip, pushTip, urlOf, writeBlob } from './remote.js';

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
  readonly commitKey?: CommitKey;
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

/** Throws an ImageError or a GitError. */
export async function commitImage(options: CommitOptions): Promise<Committed> {
  const image = await verifyImage(options.folder);
  const site = options.site ?? join(dirname(resolve(options.folder)), SITES, image.manifest.site.bundle.id);
  const there = (await stat(site).catch(ifCode(undefined, 'ENOENT', 'ENOTDIR')))?.isDirectory() === true;
  if (!there)
    throw new ImageError(
      `the files of the site are not in ${site}; name the directory that it was built of with --site`,
    );
  const target = { url: urlOf(options.repository), branch: options.branch };
  return atTip(target, async (folder, tip) => {
    const guessing = (guess: ObjectFormat): Committing =>
      new Committing(image, site, options, { folder: join(folder, guess), tip, guess });
    const first = guessing('sha1');
    try {
      return await first.run();
    } catch (error) {
      if (!first.guessed || !(error instanceof GitError) || error.command !== 'push') throw error;
      // Its objects may have the other kind of names; when it is not that, the first failure says what it is.
      return guessing('sha256')
        .run()
        .catch((second: unknown) => {
          throw second instanceof GitError ? error : second;
        });
    }
  });
}

/** Git's names for the hash functions of a repository's objects. */
type ObjectFormat = 'sha1' | 'sha256';

interface Place {
  /** Is made. */
  readonly folder: string;
  /** The branch's; empty: there is none. */
  readonly tip: string;
  /** The kind of names that an empty repository at a distance is taken to have. */
  readonly guess: ObjectFormat;
}

class Committing {
  private readonly image: VerifiedImage;
  private readonly site: string;
  private readonly options: CommitOptions;
  private readonly url: string;
  private readonly repository: Repository;
  private readonly index: string;
  private readonly place: Place;
  /** The kind of names was a guess. */
  guessed = false;

  constructor(image: VerifiedImage, site: string, options: CommitOptions, place: Place) {
    this.image = image;
    this.site = site;
    this.options = options;
    this.place = place;
    this.url = urlOf(options.repository);
    const { folder } = place;
    this.repository = new Repository(join(folder, 'repository.git'), ['gc.auto=0', 'core.bigFileThreshold=64m']);
    this.index = join(folder, 'index');
  }

  async run(): Promise<Committed> {
    const parent = await this.open();
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

  /** By the names of what it has. An empty repository does not tell: it is tried with the one, then with the other. */
  private async remoteFormat(): Promise<ObjectFormat> {
    const refs = (await git(['ls-remote', '--', this.url])).toString('utf8');
    const name = refs.split('\t')[0] ?? '';
    this.guessed = name === '';
    if (this.guessed) return this.place.guess;
    return name.length === 64 ? 'sha256' : 'sha1';
  }

  /**
   * A repository with the branch's tip and, of a remote one, no more; returns the tip, undefined when the branch is
   * new. Its objects have names of the kind that the other one's have, SHA-1 or SHA-256.
   */
  private async open(): Promise<string | undefined> {
    const { branch } = this.options;
    const { tip, folder } = this.place;
    const { gitDir } = this.repository;
    await mkdir(folder);
    const remote = this.url !== resolve(this.url);
    if (remote && tip !== '') {
      await cloneTip(this.url, branch, gitDir);
      // It may have moved since the tip was asked for.
      return this.repository.text(['rev-parse', 'HEAD']);
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
    return commitTree(this.repository, { tree, parent, message, key: this.options.commitKey });
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
