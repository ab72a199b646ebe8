/** Pages in several languages: `about.en.html` beside `about.de.html`. */

import { StoreError } from '../store-error.js';
import type { SiteFile } from './site.js';

/** Checks the list of a site's languages: tags like `en` or `pt-BR` (RFC 5646 2.1). Throws a StoreError. */
export function checkLanguages(languages: readonly string[]): void {
  const seen = new Set<string>();
  for (const tag of languages) {
    if (!/^[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*$/.test(tag))
      throw new StoreError(`languages: ${JSON.stringify(tag)} is not a language tag like en or pt-BR`);
    if (seen.has(tag.toLowerCase())) throw new StoreError(`languages: ${tag} stands there twice`);
    seen.add(tag.toLowerCase());
  }
}

/** `/about.html` and `de` for `/about.de.html`; undefined: no translation of a page. */
function split(path: string, languages: readonly string[]): { page: string; language: string } | undefined {
  const match = /^(.*\/[^/]+)\.([A-Za-z0-9-]+)(\.html?)$/.exec(path);
  const language = languages.find((tag) => tag.toLowerCase() === match?.[2]?.toLowerCase());
  return match && language !== undefined ? { page: match[1]! + match[3]!, language } : undefined;
}

/**
 * The files with their languages. A page without one in its name, beside translations of it, has the first of
 * `languages`.
 */
export function withLanguages(files: readonly SiteFile[], languages: readonly string[]): readonly SiteFile[] {
  if (languages.length === 0) return files;
  const translated = new Set(files.map((file) => split(file.path, languages)?.page));
  return files.map((file) => {
    const language = split(file.path, languages)?.language ?? (translated.has(file.path) ? languages[0] : undefined);
    return language === undefined ? file : { ...file, language };
  });
}

/**
 * The numbers of the files that are translations of each other, by their common path: in the order of `languages`, a
 * page without a language in its name first.
 */
export function translations(files: readonly SiteFile[], languages: readonly string[]): Map<string, number[]> {
  if (languages.length === 0) return new Map();
  const groups = new Map<string, { readonly rank: number; readonly file: number }[]>();
  files.forEach((file, i) => {
    const found = split(file.path, languages);
    if (found === undefined) return;
    const group = groups.get(found.page) ?? [];
    group.push({ rank: languages.indexOf(found.language), file: i });
    groups.set(found.page, group);
  });
  files.forEach((file, i) => void groups.get(file.path)?.push({ rank: -1, file: i }));
  return new Map(
    [...groups].map(([path, group]) => [path, group.sort((a, b) => a.rank - b.rank).map((one) => one.file)]),
  );
}
