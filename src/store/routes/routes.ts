/** Decides, when a bundle is made, what each path leads to. */
import { KEY_AMBIGUOUS, KEY_FOLDED } from '../format/format.js';
import { encodePath, foldPath } from '../paths/location.js';
import { ShardedMap } from '../sharded-map.js';
import { translations } from '../site/languages.js';
import type { Answer, RedirectStatus, Routes, SiteFile } from '../site/site.js';
import type { Slices } from '../slices.js';

interface Draft {
  path: string;
  flags: number;
  answer: number;
  notFound: number;
}

/** Paths with one folded form. */
interface Group {
  readonly folded: string;
  /** The first of them. */
  readonly key: Draft;
  alone: boolean;
}

/** Paths at which files answer. */
export interface ServedPaths {
  readonly all: readonly string[];
  has(path: string): boolean;
}

/** The effect of rules about fields on routes. */
export interface RouteRules {
  /** Whether two paths of one file need separate heads: a rule of the site matches one and not the other. */
  differs(file: SiteFile, asked: string): boolean;
  /** Field lines for a redirect of a path. */
  redirectFields(asked: string): string;
}

export const NO_ROUTE_RULES: RouteRules = { differs: () => false, redirectFields: () => '' };

/**
 * The routes of `files`, which stand in the order of their paths. A file answers at its own path; `index.html` at its
 * directory, which is redirected to its slash; `about.html` at `/about`. A file has precedence over a path derived from
 * another file. A path that differs from exactly one path in case or a slash is redirected there. With `languages`,
 * `about.en.html` and `about.de.html` also answer at the paths of an `about.html`, as translations of each other.
 */
export class RouteTable {
  private readonly answers: Answer[] = [];
  private readonly keys = new ShardedMap<string, Draft>();
  /** All of `keys`, in the order in which they came. */
  private readonly drafts: Draft[] = [];
  private readonly redirects = new ShardedMap<string, number>();
  private readonly files: readonly SiteFile[];
  private readonly rules: RouteRules;
  /** Files that share a path: its translations, by the path. */
  private readonly translated: ReadonlyMap<string, readonly number[]>;
  private deepest = 0;
  /** The paths of files, and the common paths of translations, in the order of the files. */
  private readonly named: string[] = [];
  private readonly numbers = new ShardedMap<string, number>();

  private constructor(files: readonly SiteFile[], rules: RouteRules, languages: readonly string[]) {
    this.files = files;
    this.rules = rules;
    this.translated = translations(files, languages);
  }

  /** The table; its work is done in `slices`. */
  static async of(
    files: readonly SiteFile[],
    rules: RouteRules,
    languages: readonly string[],
    slices: Slices,
  ): Promise<RouteTable> {
    const table = new RouteTable(files, rules, languages);
    await slices.through(table.begin());
    return table;
  }

  private *begin(): Steps {
    for (const [i, { path }] of this.files.entries()) {
      this.answers.push({ kind: 'resource', file: i, status: 200, asked: path });
      this.draft({ path, flags: 0, answer: i, notFound: -1 });
      this.numbers.set(path, i);
      this.named.push(path);
      if (i % STEP === 0) yield;
    }
    for (const [path, group] of this.translated) {
      this.put(path, this.addTranslations(group, path, 200), true);
      if (!this.numbers.has(path)) this.named.push(path);
    }
    yield* this.directories();
    yield* this.cleanUrls();
    yield* this.strays();
  }

  /** What `path` leads to; -1: nothing. */
  find(path: string): number {
    return this.keys.get(path)?.answer ?? -1;
  }

  /** Whether a file answers at `path`. */
  served(path: string): boolean {
    const found = this.find(path);
    return found >= 0 && this.answers[found]!.kind !== 'redirect';
  }

  /** The paths at which each file answers. */
  *pathsByFile(): Generator<void, (readonly string[] | undefined)[]> {
    const paths = new Array<string[] | undefined>(this.files.length);
    for (const [i, key] of this.drafts.entries()) {
      if (i % STEP === 0) yield;
      const answer = this.answers[key.answer];
      if (answer?.kind !== 'resource') continue;
      const there = paths[answer.file];
      if (there) there.push(key.path);
      else paths[answer.file] = [key.path];
    }
    return paths;
  }

  /** Every path at which a file answers. */
  *paths(): Generator<void, ServedPaths> {
    const known = new ShardedMap<string, true>();
    const all: string[] = [];
    for (const [i, { path, answer }] of this.drafts.entries()) {
      if (i % STEP === 0) yield;
      if (answer < 0 || this.answers[answer]!.kind === 'redirect') continue;
      known.set(path, true);
      all.push(path);
    }
    return { all, has: (path) => known.has(path) };
  }

  answer(index: number): Answer {
    return this.answers[index]!;
  }

  /** Sets the answer of `path` to `answer`, and replaces an earlier one. */
  set(path: string, answer: Answer): void {
    this.put(
      path,
      answer.kind === 'redirect' ? this.addRedirect(path, answer.status, answer.location) : this.add(answer),
      true,
    );
  }

  private addRedirect(path: string, status: RedirectStatus, location: string): number {
    const fields = this.rules.redirectFields(path);
    return this.add(
      fields === '' ? { kind: 'redirect', status, location } : { kind: 'redirect', status, location, fields },
    );
  }

  private addTranslations(files: readonly number[], asked: string, status: number): number {
    return this.add({ kind: 'languages', files, status, asked });
  }

  /** The number of an answer: one for equal redirects and for equal resources. */
  add(answer: Answer): number {
    const id = answer.kind === 'redirect' ? `${answer.status} ${answer.location} ${answer.fields ?? ''}` : '';
    const known = id ? this.redirects.get(id) : undefined;
    if (known !== undefined) return known;
    this.answers.push(answer);
    if (id) this.redirects.set(id, this.answers.length - 1);
    return this.answers.length - 1;
  }

  /** All of it; call once, after all changes. */
  async finish(slices: Slices): Promise<Routes> {
    await slices.through(this.notFoundPages());
    await slices.through(this.foldCases());
    return { answers: this.answers, keys: this.drafts, deepestNotFound: this.deepest };
  }

  private draft(key: Draft): void {
    this.keys.set(key.path, key);
    this.drafts.push(key);
  }

  private put(path: string, answer: number, force = false): void {
    const there = this.keys.get(path);
    if (!there) this.draft({ path, flags: 0, answer, notFound: -1 });
    else if (force || there.answer < 0) there.answer = answer;
  }

  private redirect(path: string, to: string): void {
    if (!this.keys.has(path)) this.put(path, this.addRedirect(path, 301, encodePath(to)));
  }

  private serve(path: string, file: number): void {
    if (this.keys.has(path)) return;
    const own = this.rules.differs(this.files[file]!, path);
    this.put(path, own ? this.add({ kind: 'resource', file, status: 200, asked: path }) : file);
  }

  /** Serves at `path` what is at the path `from`: a file, or its translations. */
  private serveLike(from: string, path: string): void {
    const group = this.translated.get(from);
    if (group === undefined) this.serve(path, this.find(from));
    else if (!this.keys.has(path)) this.put(path, this.addTranslations(group, path, 200));
  }

  private *directories(): Steps {
    for (const name of INDEXES) {
      const end = `/${name}`;
      for (const [i, path] of this.named.entries()) {
        if (path.endsWith(end)) this.serveLike(path, path.slice(0, -name.length));
        if (i % STEP === 0) yield;
      }
    }
  }

  private *cleanUrls(): Steps {
    for (const extension of ['.html', '.htm']) {
      for (const [i, path] of this.named.entries()) {
        if (i % STEP === 0) yield;
        if (!path.endsWith(extension) || INDEXES.some((name) => path.endsWith(`/${name}`))) continue;
        const clean = path.slice(0, -extension.length);
        if (!clean.endsWith('/')) this.serveLike(path, clean);
      }
    }
  }

  /** Redirects for a missing or an extra slash, and from `/index` to the directory. */
  private *strays(): Steps {
    const served = this.drafts.slice();
    for (const [i, { path }] of served.entries()) {
      if (path.length > 1 && path.endsWith('/')) this.redirect(path.slice(0, -1), path);
      if (i % STEP === 0) yield;
    }
    for (const [i, { path }] of served.entries()) {
      if (i % STEP === 0) yield;
      if (path.endsWith('/')) {
        this.redirect(`${path}index`, path);
      } else if (!/\/index\.html?$/.test(path)) {
        this.redirect(`${path}/`, path);
      }
    }
  }

  private *notFoundPages(): Steps {
    for (const [i, path] of this.named.entries()) {
      if (i % STEP === 0) yield;
      if (!path.endsWith('/404.html')) continue;
      const dir = path.slice(0, -'404.html'.length);
      const group = this.translated.get(path);
      const page = group
        ? this.addTranslations(group, path, 404)
        : this.add({ kind: 'resource', file: this.numbers.get(path)!, status: 404, asked: path });
      const key = this.keys.get(dir);
      if (key) key.notFound = page;
      else this.draft({ path: dir, flags: 0, answer: -1, notFound: page });
      this.deepest = Math.max(this.deepest, dir.split('/').length - 1);
    }
  }

  /** Redirects the folded form of a path to it, where that is the only path with this form. */
  private *foldCases(): Steps {
    const groups = new ShardedMap<string, Group>();
    const all: Group[] = [];
    for (const [i, key] of this.drafts.entries()) {
      if (i % STEP === 0) yield;
      if (key.answer < 0) continue;
      const folded = foldPath(key.path);
      const group = groups.get(folded);
      if (group) group.alone = false;
      else {
        const first = { folded, key, alone: true };
        groups.set(folded, first);
        all.push(first);
      }
    }
    for (const [i, { folded, key, alone }] of all.entries()) {
      if (i % STEP === 0) yield;
      if (!alone) {
        const itself = this.keys.get(folded);
        if (itself) itself.flags |= KEY_AMBIGUOUS;
        continue;
      }
      if (key.path === folded) continue;
      const answer = this.answers[key.answer]!;
      // A rule of the site may say for how long: a browser keeps a 301 for ever.
      const { status, location } =
        answer.kind === 'redirect' ? answer : { status: 301 as const, location: encodePath(key.path) };
      const there = this.keys.get(folded);
      const target = this.addRedirect(folded, status, location);
      if (there) there.answer = target;
      else this.draft({ path: folded, flags: KEY_FOLDED, answer: target, notFound: -1 });
    }
  }
}

/** Paths between two looks at the clock. */
const STEP = 256;

/** Work that yields now and then. */
type Steps = Generator<void, void>;

const INDEXES = ['index.html', 'index.htm'] as const;
