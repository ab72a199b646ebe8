/**
 * What an image is, in one small file: `manifest.json`. Its SHA-256 is the image's id, so the same inputs give the same
 * id on any machine, and with a trusted id every other byte of the image can be verified.
 *
 *   images/<id>/manifest.json what this module describes, canonical: sorted keys, no white space, UTF-8, a newline at
 *   the end
 *               labels.json     serial, source commits, builder: outside of the id, signed together with the manifest
 *               signature       of manifest.json and labels.json behind one another; only when the image was signed
 *               run             POSIX sh: starts the image with nothing but Node installed, passes its arguments on
 *               program/…       the program in one file, its worker, its native part
 *               site.bundle
 *               zones/…         zones of the name server, if it has any
 */
import { createHash } from 'node:crypto';

export const MANIFEST_FORMAT = 1;

export const TARGETS = ['socket', 'direct', 'static', 'vm'] as const;
export type ImageTarget = (typeof TARGETS)[number];

/** A file of an image. */
export interface ImageFile {
  /**
   * From the image's folder, with slashes: `program/main.js`, `run`. Of the program never `manifest.json`,
   * `labels.json`, `signature`, `site.bundle`, or in `site/` or `zones/`.
   */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** Hex. */
  readonly sha256: string;
  /**
   * Where it comes from, when others made it: of a kernel `package`, `version` and the package's `sha256`; of a runtime
   * the `name`, `version`, `source` and `sha256` of Node before its symbols were cut off.
   */
  readonly origin?: Readonly<Record<string, string>> | undefined;
}

/** A zone of the name server, in the form of `zone build`. */
export interface ImageZone extends ImageFile {
  /** `example.org.` */
  readonly name: string;
  /** Of its SOA record. */
  readonly serial: number;
}

/** How the bundle was made of the site's files; with these a host makes the same bytes again. */
export interface BundleChoices {
  readonly compression: 'none' | 'fast' | 'full';
  readonly hidden: boolean;
  readonly spa: boolean;
  // Left out where they are as by default, so that they change no id: see SiteOptions.
  readonly mime?: Readonly<Record<string, string>>;
  readonly listing?: true;
  readonly metaRefresh?: true;
  /** The default first. */
  readonly languages?: readonly string[];
  readonly preload?: 'link' | 'early-hints';
  readonly security?: false;
  readonly immutable?: readonly string[];
}

export interface Manifest {
  readonly format: 1;
  readonly target: ImageTarget;
  /**
   * Options of the target by their names on the command line, without dashes:
   * `{"ipv4":"46.43.42.137/25","ipv4-gateway":"46.43.42.129"}`.
   */
  readonly network: Readonly<Record<string, string | number | boolean>>;
  readonly program: {
    /** All files but the site's, in the order of the bytes of their paths. */
    readonly files: readonly ImageFile[];
    /** Hex of the SHA-256 of the canonical JSON of `files`: the same program has the same. */
    readonly sha256: string;
  };
  readonly site: {
    /** `size` and `sha256` of the file `site.bundle`; `id` is the bundle's own, which its header states. */
    readonly bundle: { readonly size: number; readonly sha256: string; readonly id: string };
    readonly options: BundleChoices;
    /** Files that the bundle was made of, and their bytes. */
    readonly files: number;
    readonly bytes: number;
  };
  /** In the order of their paths; missing: there are none. */
  readonly zones?: readonly ImageZone[] | undefined;
  /**
   * `node`: the least version that runs the program, `20.11.0`. `compressors`: what made the compressed forms in the
   * bundle.
   */
  readonly versions: {
    readonly sitekernel: string;
    readonly node: string;
    readonly compressors: Readonly<Record<string, string>>;
  };
  /** `linux-x64`: `process.platform` and `process.arch` of what runs it. */
  readonly platform: string;
}

/** What may differ between two images with one id. */
export interface Labels {
  /** Whole number from 1; a host never takes an image with a smaller one than the last. 0: not deployed yet. */
  readonly serial: number;
  /** Commits that it was made of, by what they are of: `{"site":"4f1e…","sitekernel":"442b…"}`. */
  readonly sources: Readonly<Record<string, string>>;
  /**
   * What it is for: the name of the site (see `deploy/purpose.ts`) and the branch of the repository. Missing: not
   * deployed yet, or by an earlier version.
   */
  readonly site?: string | undefined;
  readonly branch?: string | undefined;
  /** The builder: `ci@example.org`, the name of a machine; empty: not stated. */
  readonly builder: string;
}

/** JSON with sorted keys, without white space, and with a newline at its end. Numbers must be whole. */
export function canonicalJson(value: unknown): Uint8Array {
  return new TextEncoder().encode(`${canonical(value)}\n`);
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value as Record<string, unknown>).filter(([, one]) => one !== undefined);
    entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    return `{${entries.map(([key, one]) => `${JSON.stringify(key)}:${canonical(one)}`).join(',')}}`;
  }
  if (typeof value === 'number' && !Number.isSafeInteger(value)) throw new RangeError(`${value} is not a whole number`);
  return JSON.stringify(value);
}

/** Hex of the SHA-256 of `bytes`. */
export function sha256Hex(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** The image's id: hex of the SHA-256 of the bytes of `manifest.json`. */
export function imageId(manifestBytes: Uint8Array): string {
  return sha256Hex(manifestBytes);
}

/** Whether `text` may be an image's id. */
export function isImageId(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}

/** `program.sha256` of these files. */
export function programHash(files: readonly ImageFile[]): string {
  return sha256Hex(canonicalJson(files));
}

/**
 * Whether two images differ only in their sites, and in what their zones say: then a running process takes those of the
 * other in one step.
 */
export function sameProgram(a: Manifest, b: Manifest): boolean {
  const rest = ({ target, network, program, versions, platform, zones = [] }: Manifest) =>
    canonical({ target, network, program, versions, platform, zones: zones.map(({ path }) => path) });
  return rest(a) === rest(b);
}
