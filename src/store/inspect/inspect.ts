/** The contents and the problems of a store: data first, then a table for people. */
import { BundleStore } from '../read/bundle-store.js';
import type { Coding, Resource, Store } from '../store.js';
import type { Problem } from './check-links.js';
import { type Checked, checkLinks } from './check-links.js';

export interface DescribedFile {
  readonly path: string;
  readonly contentType: string;
  readonly etag: string;
  /** Bytes in each coding that it has. */
  readonly sizes: Readonly<Partial<Record<Coding, number>>>;
  /** The smallest size as a share of the identity's, 0 to 1. */
  readonly ratio: number;
}

export interface Description {
  readonly id: string;
  /** Paths that have an answer. */
  readonly urls: number;
  readonly files: readonly DescribedFile[];
  /** Bytes in each coding, and of the smallest of each file. */
  readonly totals: Readonly<Partial<Record<Coding | 'smallest', number>>>;
  /** The compressors of the bytes. */
  readonly compressors: Readonly<Record<string, string>>;
  /** Files with the same content. */
  readonly duplicates: readonly (readonly string[])[];
  /** Files that no page and no style sheet refers to. */
  readonly unlinked: readonly string[];
  /** Links that lead nowhere, missing images, links in a wrong case. `inspect --check` fails when there are any. */
  readonly problems: readonly Problem[];
  /** The path at which the site lies on its host, `/docs`, as given or as its links say it; empty: the root. */
  readonly base: string;
  /** Sentences about damaged pages of the bundle; only with `verify`. */
  readonly damage: readonly string[];
}

export interface DescribeOptions {
  /** Read and hash every byte of a bundle file. Default false. */
  readonly verify?: boolean | undefined;
  /** Where the site lies on its host, `/docs`. Default: a guess from most of its absolute links. */
  readonly base?: string | undefined;
}

/** Describes the whole of `store`. */
export async function describe(store: Store, options: DescribeOptions = {}): Promise<Description> {
  const bundle = store instanceof BundleStore ? store : undefined;
  const damage = options.verify
    ? (bundle?.pages.check() ?? []).map((at) => `the bundle is damaged near byte ${at}`)
    : [];
  const files = Array.from(store.resources(), describeFile);
  const links: Checked = await checkLinks(store, options.base);
  return {
    id: store.id,
    urls: store.size,
    files,
    totals: totalsOf(files),
    compressors: bundle?.compressors() ?? {},
    duplicates: duplicatesOf(files),
    unlinked: links.unlinked,
    problems: links.problems,
    base: links.base,
    damage,
  };
}

function describeFile(resource: Resource): DescribedFile {
  const sizes: Partial<Record<Coding, number>> = {};
  for (const { coding, body } of resource.representations) sizes[coding] = body.end - body.start;
  const identity = sizes.identity ?? 0;
  const smallest = Math.min(...Object.values(sizes));
  const etag = resource.representations[0]?.etag ?? '';
  return {
    path: resource.path,
    contentType: resource.contentType,
    etag,
    sizes,
    ratio: identity === 0 ? 1 : smallest / identity,
  };
}

function totalsOf(files: readonly DescribedFile[]): Partial<Record<Coding | 'smallest', number>> {
  const totals: Partial<Record<Coding | 'smallest', number>> = {};
  for (const { sizes } of files) {
    for (const [coding, size] of Object.entries(sizes))
      totals[coding as Coding] = (totals[coding as Coding] ?? 0) + size;
    totals.smallest = (totals.smallest ?? 0) + Math.min(...Object.values(sizes));
  }
  return totals;
}

function duplicatesOf(files: readonly DescribedFile[]): string[][] {
  const groups = new Map<string, string[]>();
  for (const { path, etag, sizes } of files) {
    if (!sizes.identity) continue;
    const key = `${etag} ${sizes.identity}`;
    const group = groups.get(key);
    if (group) group.push(path);
    else groups.set(key, [path]);
  }
  return [...groups.values()].filter((group) => group.length > 1);
}

const CODINGS: readonly Coding[] = ['identity', 'gzip', 'br', 'zstd'];

/** The description as text in columns; ends with a line break. */
export function renderDescription(d: Description): string {
  const rows = [['path', 'type', ...CODINGS, 'ratio', 'etag']];
  for (const file of d.files) {
    const sizes = CODINGS.map((coding) => file.sizes[coding]?.toString() ?? '');
    rows.push([printable(file.path), file.contentType, ...sizes, `${Math.round(file.ratio * 100)}%`, file.etag]);
  }
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  const number = (i: number): boolean => i >= 2 && i <= 6;
  let out = '';
  for (const row of rows) {
    out += `${row
      .map((cell, i) => (number(i) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd()}\n`;
  }
  const totals = CODINGS.filter((coding) => d.totals[coding]).map((coding) => `${coding} ${d.totals[coding]}`);
  out += `\n${d.files.length} files, ${d.urls} paths; bytes: ${totals.join(', ')}; smallest of each ${d.totals.smallest ?? 0}\nid ${d.id}\n`;
  if (d.base !== '') out += `links are checked for a site at ${d.base}/\n`;
  out += list(
    'the same content',
    d.duplicates.map((group) => group.join(' = ')),
  );
  out += list('not linked from any page', d.unlinked);
  out += list(
    'problems',
    d.problems.map((problem) => problem.sentence),
  );
  return out + list('damage', d.damage);
}

function list(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? '' : `\n${title}:\n${lines.map((line) => `  ${printable(line)}\n`).join('')}`;
}

/** A path may hold any character, escape sequences of terminals included. */
function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return text.replace(/[\x00-\x1f\x7f-\x9f]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
