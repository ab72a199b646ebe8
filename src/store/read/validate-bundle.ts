/**
 * Validates everything in a bundle except the contents against its sections, once, when it is opened: counts, offsets,
 * lengths, indexes, values of enumerations, texts that go into heads. The hashes prove that the bytes come from the
 * maker, but not that they are valid. Time and memory are linear in the sections, whose lengths were already checked
 * with the header.
 */
import type { BundleBytes } from '../bundle/bundle-bytes.js';
import type { Manifest } from '../bundle/manifest.js';
import { Damage } from '../format/verified-pages.js';
import { StoreError } from '../store-error.js';
import { HeadTexts } from './head-texts.js';
import { validateManifest } from './validate-manifest.js';
import { Contradiction, Records } from './validate-records.js';

/** Bytes that are hashed between two looks at the clock. */
const HASHED = 2 ** 18;

/** The manifest of a valid bundle; yields now and then. Throws a StoreError that says what is wrong. */
export function* validateStepwise(bundle: BundleBytes): Generator<void, Manifest> {
  const { header, pages, name } = bundle;
  const { at: first, end: last } = { at: header.slots.at, end: header.manifest.end };
  try {
    for (let at = first; at < last; at += HASHED) {
      pages.ensure(at, Math.min(at + HASHED, last));
      yield;
    }
    const { at, end } = header.strings;
    const records = new Records(bundle, yield* HeadTexts.of(bundle.bytes.subarray(at, end)));
    yield* records.validate();
    const text = bundle.bytes.subarray(header.manifest.at, header.manifest.end);
    const manifest = validateManifest(text, (answer) => records.leadsTo(answer));
    if (typeof manifest === 'string') throw new Contradiction(manifest);
    return manifest;
  } catch (error) {
    if (error instanceof Damage || error instanceof Contradiction)
      throw new StoreError(
        error instanceof Damage
          ? error.message
          : `${name} contradicts itself (${error.message}); it was not made by this program: bundle the site again`,
      );
    throw error;
  }
}
