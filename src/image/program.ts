/**
 * The program that goes into an image: the bundled one that the build made, or this process's own when it runs from an
 * image.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ImageError } from './image-error.js';
import type { ImageFile } from './manifest.js';

/** Files of the program, in its folder. */
const FILES = [
  'brotli_wasm_bg.wasm',
  'compress-worker.js',
  'koffi.node',
  'licences.txt',
  'main.js',
  'package.json',
  'sbom.cdx.json',
];
/** Starts a machine image in QEMU; only those have it. */
export const LAUNCHER = 'run-qemu.js';
/** What runs in them. */
export const GUEST = 'guest.cjs';

/** What goes into an image, by its path in the image. */
export interface Part {
  readonly path: string;
  /** A file, or the content itself. */
  readonly from: string | Uint8Array;
  readonly executable: boolean;
  /** For the manifest. */
  readonly origin?: ImageFile['origin'];
}

/** Throws an ImageError where the program was never built for images, or has no native part for this platform. */
export function programParts(): Part[] {
  const folder = programFolder();
  for (const name of FILES) {
    if (!existsSync(join(folder, name)))
      throw new ImageError(`${join(folder, name)} is missing; build the program again with "npm run build"`);
  }
  return FILES.map((name) => ({ path: `program/${name}`, from: join(folder, name), executable: false }));
}

export function programFolder(): string {
  const own = dirname(fileURLToPath(import.meta.url));
  if (existsSync(join(own, 'koffi.node'))) return own;
  for (let folder = own; ; folder = dirname(folder)) {
    const candidate = join(folder, 'dist', 'image-program');
    if (existsSync(candidate)) return candidate;
    if (dirname(folder) === folder)
      throw new ImageError('the program for images is not built; run "npm run build" first');
  }
}
