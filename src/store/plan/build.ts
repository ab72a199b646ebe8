/** Directory -> bundle. */

import { type Layout, layOut } from '../bundle/layout.js';
import type { Manifest } from '../bundle/manifest.js';
import { type FieldPolicy, serverFields } from '../bundle/resource-fields.js';
import { compressFiles, compressors } from '../compress/compress.js';
import { withReloading } from '../html/live-reload.js';
import { applyMetaRefresh } from '../html/meta-refresh.js';
import { withPreloads } from '../html/preload.js';
import type { SiteOptions } from '../options.js';
import { encodePath } from '../paths/location.js';
import { applyRedirects } from '../routes/apply-redirects.js';
import { listings } from '../routes/listing.js';
import { type RouteRules, RouteTable } from '../routes/routes.js';
import { type HeaderRules, NO_HEADER_RULES, parseHeaderRules } from '../rules/header-rules.js';
import { parseRedirectRules, type RedirectRule } from '../rules/redirect-rules.js';
import { blobOf, blobOfFile } from '../site/blob.js';
import { type BuildMemory, stampOf } from '../site/build-memory.js';
import { withTimes } from '../site/file-times.js';
import { namedByContent } from '../site/fingerprint.js';
import { checkLanguages, withLanguages } from '../site/languages.js';
import { blobOfLargeFile, largeFrom } from '../site/large-file.js';
import { mediaType } from '../site/media-type.js';
import { readWhole } from '../site/read-file.js';
import { SmallFiles } from '../site/read-small.js';
import type { Blob, Routes, SiteFile } from '../site/site.js';
import { byBytes, type Found, type WalkOptions, walk } from '../site/walk.js';
import { filtered, mapped, Slices, sorted } from '../slices.js';
import { fileError, StoreError } from '../store-error.js';
import { withImmutable } from './immutable-files.js';
import { precompressedByName, withSaidCodings } from './precompressed.js';

const NO_BYTES = new Uint8Array(0);
const READS_AT_ONCE = 16;
/** Known files between two looks at the clock. */
const LOOK = 64;
/**
 * Bytes of file content that are kept in memory; files beyond that are read again when they are written into the
 * bundle.
 */
const KEPT_BYTES = 2 ** 29;

/** Reads the site in `dir`, without the file `except`, and decides everything about it. Throws StoreError. */
export async function planSite(dir: string, options: SiteOptions, except?: string): Promise<Layout> {
  const found = walk(dir, walkOptions(options)).filter(({ file }) => file !== except);
  return planFiles(found, dir, options);
}

/** How a site is walked. Each left-out entry is reported once. */
export function walkOptions({ hidden, follow, strict, onWarning }: SiteOptions): WalkOptions {
  if (strict) return { hidden, follow };
  const told = new Set<string>();
  const onOdd = (sentence: string): void => {
    if (told.has(sentence)) return;
    told.add(sentence);
    onWarning?.(`${sentence} (left out)`);
  };
  return { hidden, follow, onOdd };
}

/** The same for files that were found, in order. `dir` names the site in messages. */
export async function planFiles(
  found: readonly Found[],
  dir: string,
  options: SiteOptions,
  memory?: BuildMemory,
): Promise<Layout> {
  const plan = await decide(found, dir, options, memory);
  return layOutPlan(plan, await compressFiles(plan.files, options));
}

/** All decisions about a site except for the codings of its files. */
export interface Plan {
  /** Each in one coding. */
  readonly files: readonly SiteFile[];
  readonly routes: Routes;
  readonly policy: FieldPolicy;
  readonly manifest: Manifest;
}

/** `files`: those of the plan, in their order, with more codings. */
export function layOutPlan({ routes, policy, manifest }: Plan, files: readonly SiteFile[]): Promise<Layout> {
  return layOut(files, routes, policy, manifest);
}

/** Reads the files and the rules of a site, and decides everything except codings. Throws StoreError. */
export async function decide(
  found: readonly Found[],
  dir: string,
  options: SiteOptions,
  memory?: BuildMemory,
): Promise<Plan> {
  const languages = options.languages ?? [];
  checkLanguages(languages);
  const slices = new Slices();
  const rules = await readRules(found, options, slices);
  const content = await slices.through(filtered(found, ({ path }) => path !== HEADERS && path !== REDIRECTS));
  if (content.length === 0) {
    throw new StoreError(`${dir} has no files; build the site first, or name the directory that it was built into`);
  }
  const warn = options.onWarning ?? ((): void => undefined);
  const dated = await withTimes(
    await readAll(content, options, memory),
    content,
    dir,
    options.mtime ?? 'none',
    Math.floor(Date.now() / 1000),
  );
  const all = await withSaidCodings(dated, rules.headers, warn, slices);
  const paths = await slices.through(mapped(all, ({ path }) => path));
  for (const sentence of await slices.through(rules.headers.joinedFields(paths))) warn(sentence);
  const files = await withImmutable(all, options.immutable ?? [], slices);
  const base = basePath(options.base ?? '');
  const read =
    base === '' ? files : await slices.through(mapped(files, (file) => ({ ...file, path: base + file.path })));
  const listed = options.listing ? await slices.through(withListings(read)) : read;
  const reloading = options.reload ? await withReloading(listed, slices) : listed;
  const served = withLanguages(reloading, languages);
  const hints = options.preload === 'early-hints';
  const policy = { rules: rules.headers, security: options.security ?? true, hints };
  const table = await RouteTable.of(served, routeRules(rules.headers), languages, slices);
  if (base !== '' && !table.served('/'))
    table.set('/', { kind: 'redirect', status: 302, location: encodePath(`${base}/`) });
  if (options.metaRefresh) await applyMetaRefresh(table, served, options.servedAt ?? '', slices);
  const redirects = await slices.through(applyRedirects(table, rules.redirects, options.spa ? `${base}/` : undefined));
  const manifest: Manifest = {
    compressors: compressors(options),
    security: policy.security,
    headers: rules.headers.rules,
    redirects,
  };
  const linked = options.preload ? await withPreloads(served, table, options.servedAt ?? '', slices) : served;
  return { files: linked, routes: await table.finish(slices), policy, manifest };
}

function* withListings(files: readonly SiteFile[]): Generator<void, SiteFile[]> {
  return yield* sorted([...files, ...(yield* listings(files))], (a, b) => byBytes(a.path, b.path));
}

/** `/docs`: with a slash before it, none behind it. */
function basePath(base: string): string {
  const names = base.split('/').filter((name) => name !== '');
  if (names.some((name) => name === '.' || name === '..' || /[\\?#%]/.test(name))) {
    throw new StoreError(`the base ${base} is not a path like /docs`);
  }
  return names.map((name) => `/${name}`).join('');
}

const HEADERS = '/_headers';
const REDIRECTS = '/_redirects';

async function readRules(
  found: readonly Found[],
  options: SiteOptions,
  slices: Slices,
): Promise<{ headers: HeaderRules; redirects: readonly RedirectRule[] }> {
  const warn = options.onWarning ?? ((): void => undefined);
  const files = await slices.through(filtered(found, ({ path }) => path === HEADERS || path === REDIRECTS));
  const text = async (path: string): Promise<[string, string] | undefined> => {
    const one = files.find((f) => f.path === path);
    return one && [new TextDecoder().decode(await (one.load?.() ?? readWhole(one.file))), one.file];
  };
  const headers = await text(HEADERS);
  const redirects = await text(REDIRECTS);
  return {
    headers: headers ? parseHeaderRules(...headers, warn) : NO_HEADER_RULES,
    redirects: redirects ? await slices.through(parseRedirectRules(...redirects, warn)) : [],
  };
}

function routeRules(rules: HeaderRules): RouteRules {
  return {
    differs: (file, asked) => differs(rules, file.path, asked),
    redirectFields: (asked) => (rules.rules.length === 0 ? '' : serverFields(rules, asked, asked)),
  };
}

function differs(rules: HeaderRules, path: string, asked: string): boolean {
  return rules.rules.length > 0 && (rules.filled || rules.matching(asked, path) !== rules.matching(path, path));
}

async function readAll(found: readonly Found[], options: SiteOptions, memory?: BuildMemory): Promise<SiteFile[]> {
  const files = new Array<SiteFile>(found.length);
  let next = 0;
  let done = 0;
  let kept = 0;
  const slices = new Slices();
  const small = new SmallFiles();
  const sizes = await slices.through(mapped(found, ({ size }) => size));
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const large = await slices.through(largeFrom(sizes));
  for (const [i, one] of memory === undefined ? [] : found.entries()) {
    if (i % LOOK === 0 && slices.due) await slices.rest();
    const same = memory?.same(one);
    if (same === undefined) continue;
    files[i] = same;
    kept += heldOf(same.coded[0]!.blob);
  }
  const work = async (): Promise<void> => {
    while (next < found.length) {
      if (slices.due) await slices.rest();
      const i = next++;
      if (i >= found.length || files[i] !== undefined) continue;
      const one = found[i]!;
      const { blob, start } = await readOne(one, { keep: kept < KEPT_BYTES, large, small }, memory);
      kept += heldOf(blob);
      const coded = precompressedByName(one.path, start);
      files[i] = {
        path: one.path,
        type: mediaType(coded?.inner ?? one.path, coded ? NO_BYTES : start, options.mime),
        immutable: namedByContent(one.path, start, blob.sha256),
        coded: [{ coding: coded?.coding ?? 'identity', blob }],
      };
      memory?.note(one, files[i]!);
      done += one.size;
      options.onProgress?.({ phase: 'read', done, total });
    }
  };
  try {
    await Promise.all(Array.from({ length: READS_AT_ONCE }, work));
  } finally {
    small.close();
  }
  memory?.end();
  return files;
}

function heldOf(blob: Blob): number {
  return blob.large === undefined ? blob.size : 0;
}

interface Reading {
  /** Content stays in memory. */
  readonly keep: boolean;
  /** The size from which it never does. */
  readonly large: number;
  readonly small: SmallFiles;
}

/** The file's content, and its first bytes at least. */
async function readOne(
  { file, size, load }: Found,
  { keep, large, small }: Reading,
  memory?: BuildMemory,
): Promise<{ blob: Blob; start: Uint8Array }> {
  if (load) {
    const start = await load();
    const blob = blobOf(start);
    return { blob: keep ? blob : { ...blob, load }, start };
  }
  try {
    const known = memory?.recall(file);
    if (known) return { blob: known, start: known.large?.start ?? (await known.load()) };
    const kept = size >= large ? undefined : small.read(file);
    const stamp = kept?.stamp ?? (memory ? stampOf(file) : '');
    if (size >= large) {
      const { blob, start } = await blobOfLargeFile(file);
      return { blob: memory?.keep(file, stamp, blob) ?? blob, start };
    }
    const start = kept?.bytes ?? (await readWhole(file));
    const blob = keep ? blobOf(start) : blobOfFile(file, start);
    return { blob: memory?.keep(file, stamp, blob) ?? blob, start };
  } catch (error) {
    throw fileError(error, file);
  }
}
