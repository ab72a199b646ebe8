/** Pages that list a directory which has no index page of its own. */

import { encodePath } from '../paths/location.js';
import { blobOf } from '../site/blob.js';
import type { SiteFile } from '../site/site.js';
import { byBytes } from '../site/walk.js';
import { sorted } from '../slices.js';

const STYLE = `:root{color-scheme:light dark}body{font:1rem/1.5 system-ui,sans-serif;max-width:44rem;margin:0 auto;padding:1.5rem 1rem 4rem}
h1{font-size:1.4rem;overflow-wrap:anywhere}table{width:100%;border-collapse:collapse}td{padding:.4rem 0;border-bottom:1px solid #8884}
td:first-child{overflow-wrap:anywhere}td:last-child{text-align:right;white-space:nowrap;padding-left:1rem;opacity:.7;font-variant-numeric:tabular-nums}
a{display:block;text-decoration:none}a:hover,a:focus-visible{text-decoration:underline}`;

/** Files between two looks at the clock. */
const STEP = 256;

interface Entries {
  readonly directories: Set<string>;
  readonly files: Map<string, number>;
}

/** A page for each directory of `files` that has neither `index.html` nor `index.htm`, with its path, `/dir/`. */
export function* listings(files: readonly SiteFile[]): Generator<void, SiteFile[]> {
  const tree = new Map<string, Entries>();
  const entriesOf = (dir: string): Entries => {
    const there = tree.get(dir);
    if (there) return there;
    const made = { directories: new Set<string>(), files: new Map<string, number>() };
    tree.set(dir, made);
    const parent = dir.slice(0, dir.lastIndexOf('/', dir.length - 2) + 1);
    if (dir !== '/') entriesOf(parent).directories.add(dir.slice(parent.length));
    return made;
  };
  for (const [i, { path, coded }] of files.entries()) {
    if (i % STEP === 0) yield;
    const slash = path.lastIndexOf('/') + 1;
    entriesOf(path.slice(0, slash)).files.set(path.slice(slash), coded[0]!.blob.size);
  }
  const pages: SiteFile[] = [];
  for (const [dir, entries] of tree) {
    yield;
    if (entries.files.has('index.html') || entries.files.has('index.htm')) continue;
    const blob = blobOf(new TextEncoder().encode(yield* page(dir, entries)));
    pages.push({ path: dir, type: 'text/html; charset=utf-8', coded: [{ coding: 'identity', blob }] });
  }
  return pages;
}

function* page(dir: string, { directories, files }: Entries): Generator<void, string> {
  const row = (name: string, size: string): string =>
    `<tr><td><a href="./${escapeHtml(encodePath(name))}">${escapeHtml(name)}</a><td>${size}\n`;
  let rows = dir === '/' ? '' : '<tr><td><a href="../">../</a><td>\n';
  for (const name of yield* sorted([...directories], byBytes)) rows += row(name, '');
  for (const [name, size] of yield* sorted([...files], ([a], [b]) => byBytes(a, b))) rows += row(name, sizeText(size));
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escapeHtml(dir)}</title>
<style>${STYLE}</style>
<h1>${escapeHtml(dir)}</h1>
<table>
${rows}</table>
</html>
`;
}

/** `3.4 MB`: three digits are enough for a person. */
function sizeText(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  const units = ['kB', 'MB', 'GB'];
  let value = bytes / 1000;
  let unit = 0;
  while (value >= 999.5 && unit < 2) {
    value /= 1000;
    unit++;
  }
  return `${value >= 99.5 ? value.toFixed(0) : value.toPrecision(2)} ${units[unit]}`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
}
