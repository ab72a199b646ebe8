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
import { MalformedRules } from '../rules/malformed-rules.js';
import { parseRedirectRules, type RedirectRule } from '../rules/redirect-rules.js';
import type { BuildMemory } from '../site/build-memory.js';
import { withTimes } from '../site/file-times.js';
import { checkLanguages, withLanguages } from '../site/languages.js';
import { readWhole } from '../site/read-file.js';
import type { Routes, SiteFile } from '../site/site.js';
import { byBytes, closedLater, type Found, type WalkOptions, walk } from '../site/walk.js';
import { filtered, mapped, Slices, sorted } from '../slices.js';
import { ClosedError, StoreError } from '../store-error.js';
import { withImmutable } from './immutable-files.js';
import { withSaidCodings } from './precompressed.js';
import { readFiles } from './read-files.js';

/** Reads the site in `dir`, without the file `except`, and decides everything about it. Throws StoreError. */
export async function planSite(dir: string, options: SiteOptions, except?: string): Promise<Layout> {
  const found = walk(dir, walkOptions(options)).filter(({ file }) => file !== except);
  return planFiles(found, dir, options);
}

/** How a site is walked. Each left-out entry is reported once. */
export function walkOptions({ hidden, follow, readable, strict, onWarning }: SiteOptions): WalkOptions {
  if (strict) return { hidden, follow, readable };
  const told = new Set<string>();
  const onOdd = (sentence: string): void => {
    if (told.has(sentence)) return;
    told.add(sentence);
    onWarning?.(`${sentence} (left out)`);
  };
  return { hidden, follow, readable, onOdd };
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
  const named = await slices.through(filtered(found, ({ path }) => path !== HEADERS && path !== REDIRECTS));
  if (named.length === 0) {
    throw new StoreError(`${dir} has no files; build the site first, or name the directory that it was built into`);
  }
  const warn = options.onWarning ?? ((): void => undefined);
  const read = await readFiles(named, options, memory);
  if (read.files.length === 0) throw new StoreError(`${dir} has files, and none of them can be read`);
  const now = Math.floor(Date.now() / 1000);
  const dated = await withTimes(read.files, read.content, dir, options.mtime ?? 'none', now);
  const all = await withSaidCodings(dated, rules.headers, warn, slices);
  const paths = await slices.through(mapped(all, ({ path }) => path));
  for (const sentence of await slices.through(rules.headers.joinedFields(paths))) warn(sentence);
  const files = await withImmutable(all, options.immutable ?? [], slices);
  const base = basePath(options.base ?? '');
  const placed =
    base === '' ? files : await slices.through(mapped(files, (file) => ({ ...file, path: base + file.path })));
  const listed = options.listing ? await slices.through(withListings(placed)) : placed;
  const reloading = options.reload ? await withReloading(listed, slices) : listed;
  const served = withLanguages(reloading, languages);
  const hints = options.preload === 'early-hints';
  const policy = { rules: rules.headers, security: options.security ?? true, hints };
  const table = await RouteTable.of(served, routeRules(rules.headers), languages, slices);
  if (base !== '' && !table.served('/'))
    table.set('/', { kind: 'redirect', status: 302, location: encodePath(`${base}/`) });
  if (options.metaRefresh) await applyMetaRefresh(table, served, options.servedAt ?? '', slices);
  const spa = options.spa ? `${base}/` : undefined;
  const redirects = await slices.through(applyRedirects(table, rules.redirects, rules.malformed, spa));
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
): Promise<{ headers: HeaderRules; redirects: readonly RedirectRule[]; malformed: MalformedRules }> {
  const warn = options.onWarning ?? ((): void => undefined);
  const files = await slices.through(filtered(found, ({ path }) => path === HEADERS || path === REDIRECTS));
  const text = async (path: string): Promise<[string, string] | undefined> => {
    const one = files.find((f) => f.path === path);
    // Without its rules a site is another one: it is not served without them.
    if (one?.closed) throw new ClosedError(closedLater(one.file));
    return one && [new TextDecoder().decode(await (one.load?.() ?? readWhole(one.file))), one.file];
  };
  const headers = await text(HEADERS);
  const redirects = await text(REDIRECTS);
  const malformed = new MalformedRules(() => found.map(({ path }) => path), warn, options.strict);
  return {
    headers: headers ? parseHeaderRules(...headers, warn) : NO_HEADER_RULES,
    redirects: redirects ? await slices.through(parseRedirectRules(...redirects, warn, malformed)) : [],
    malformed,
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
