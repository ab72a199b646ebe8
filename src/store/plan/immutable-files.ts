/** Decides which files of a site never change under their names. */

import { PathPattern } from '../rules/path-pattern.js';
import { isAssetManifest, LARGEST_ASSET_MANIFEST, namesInManifest } from '../site/asset-manifest.js';
import { fingerprintedByForm } from '../site/fingerprint.js';
import type { SiteFile } from '../site/site.js';
import { mapped, type Slices } from '../slices.js';
import { StoreError } from '../store-error.js';

/**
 * Pages are always revalidated, even with a fingerprint in the name, and so are service workers, which hold whole
 * sites.
 */
function changes({ path, type }: SiteFile): boolean {
  return /^(?:text\/html|application\/xhtml\+xml)/.test(type) || /\/(?:sw|service-?worker)[^/]*\.m?js$/i.test(path);
}

/**
 * The files with `immutable` where their names are fingerprints: a digest of the content is in the name, the site
 * says so (in a manifest of
 * its build tool, or by `patterns`, from the command line), or the form of the name leaves no doubt. Throws StoreError.
 */
export async function withImmutable(
  files: readonly SiteFile[],
  patterns: readonly string[],
  slices: Slices,
): Promise<SiteFile[]> {
  const wanted = patterns.map((text) => {
    const pattern = PathPattern.parse(text);
    if (typeof pattern === 'string') throw new StoreError(`immutable: ${pattern}`);
    return pattern;
  });
  const said = await namesSaid(files, slices);
  const formed = await slices.through(fingerprintedByForm(files));
  const marked = mapped(files, (file) => {
    if (changes(file)) return file.immutable ? { ...file, immutable: false } : file;
    const { path } = file;
    const immutable =
      file.immutable || formed.has(path) || said.has(path) || wanted.some((one) => one.match(path) !== undefined);
    return immutable === (file.immutable ?? false) ? file : { ...file, immutable };
  });
  return slices.through(marked);
}

/** The paths that manifests name: relative to the root, to the directory of the manifest, or to one above it. */
async function namesSaid(files: readonly SiteFile[], slices: Slices): Promise<Set<string>> {
  const said = new Set<string>();
  for (const { path, coded } of files) {
    if (slices.due) await slices.rest();
    const { blob } = coded[0]!;
    if (!isAssetManifest(path) || blob.size > LARGEST_ASSET_MANIFEST) continue;
    for (const name of namesInManifest(new TextDecoder().decode(await blob.load()))) {
      for (let dir = path; dir !== ''; ) {
        dir = dir.slice(0, dir.lastIndexOf('/'));
        said.add(`${dir}/${name}`);
      }
    }
  }
  return said;
}
