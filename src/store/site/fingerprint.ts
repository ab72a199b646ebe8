/**
 * Names that carry a fingerprint of the content: such a file never changes (RFC 8246 2). A false positive freezes a
 * file in browser caches for a year, and a missed fingerprint costs a request with a 304. So a doubtful name counts as
 * none.
 */
import { createHash } from 'node:crypto';

/** Types to which build tools give names with a fingerprint, and which are not data files written by hand. */
const CODE = /\.(?:(?:js|mjs|cjs|css)(?:\.map)?|wasm|woff2?|ttf|otf)$/i;
const UUID = /[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}/i;
/** A year or a day, followed by digits and letters that may belong to the date. */
const DATE = /^(?:19|20)\d\d(?:\d{4}|[a-z]|$)/;
const DIGESTS = ['md5', 'sha1', 'sha256', 'sha384', 'sha512'] as const;
/** Files between two looks at the clock. */
const STEP = 256;
/** Digits of a fingerprint in a name, at least. */
const SHORTEST = 8;

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/**
 * The parts of a name that may be a fingerprint: letters and figures between dots, dashes and underscores, 8 at
 * least.
 */
function tokensOf(name: string): string[] {
  return name.split(/[._-]/).filter((token) => token.length >= SHORTEST && /^[A-Za-z0-9]+$/.test(token));
}

/**
 * Whether a part of the name is the beginning of a digest of the content, in hexadecimal figures. `sha256`: of the
 * content, in hex,
 * lower case.
 */
export function namedByContent(path: string, content: Uint8Array, sha256: string): boolean {
  const tokens = tokensOf(nameOf(path).replace(/\.[^.]*$/, ''))
    .map((token) => token.toLowerCase())
    .filter((token) => /^[0-9a-f]+$/.test(token));
  if (tokens.length === 0) return false;
  const digests = DIGESTS.map((one) => (one === 'sha256' ? sha256 : createHash(one).update(content).digest('hex')));
  return tokens.some((token) => digests.some((digest) => digest.startsWith(token)));
}

/**
 * Whether `token` is not written by hand. Hexadecimal: one or two letters between digits, and no date before them.
 * Mixed letters: at least five pieces, split where case or digits change, of which three are no words.
 */
function looksRandom(token: string): boolean {
  if (/^[0-9a-f]+$/.test(token)) return /\d[a-f]{1,2}\d/.test(token) && !DATE.test(token);
  if (/^[a-z0-9]+$/.test(token) || DATE.test(token)) return false;
  const pieces = piecesOf(token.replace(/IPv[46]|OAuth2?|WebGL2?|MP[34]|UTF8|Utf8|iOS|H26[45]/g, 'Word'));
  return pieces.length >= 5 && pieces.filter(isOdd).length >= 3;
}

/** Split by camel case: `DatePicker3` into `Date`, `Picker` and `3`. */
function piecesOf(token: string): string[] {
  return token.match(/[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+|[_-]/g) ?? [];
}

/** Letters that are no word. */
function isOdd(piece: string): boolean {
  return /^[A-Za-z]+$/.test(piece) && (piece.length === 1 || (piece.length <= 3 && !/[aeiouy]/i.test(piece)));
}

/** Rollup, Vite and esbuild write eight letters, figures, dashes and underscores at the end of a name. */
const EIGHT = /[.-]([A-Za-z0-9_-]{8})\.(?:js|mjs|cjs|css|wasm|woff2?|ttf|otf)(?:\.map)?$/;

/** Whether the form of the name alone leaves no doubt: of a script, a style sheet, a font, or their like. */
export function looksFingerprinted(path: string): boolean {
  const name = nameOf(path);
  if (!CODE.test(name) || UUID.test(name)) return false;
  const bare = name.replace(CODE, '');
  const token = /[._-]([A-Za-z0-9]{8,64})$/.exec(bare)?.[1];
  return (token !== undefined && looksRandom(token)) || looksRandom(EIGHT.exec(name)?.[1] ?? '');
}

/**
 * The `paths` that are fingerprinted by their form: where the form leaves no doubt, and where all scripts, styles and
 * fonts of the directory have the same form and one of them leaves no doubt.
 */
export function* fingerprintedByForm(files: readonly { readonly path: string }[]): Generator<void, Set<string>> {
  const certain = new Set<string>();
  const directories = new Map<string, { readonly eight: string[]; others: boolean; certain: boolean }>();
  for (const [i, { path }] of files.entries()) {
    if (i % STEP === 0) yield;
    if (!CODE.test(path)) continue;
    const dir = path.slice(0, path.lastIndexOf('/'));
    const there = directories.get(dir) ?? { eight: [], others: false, certain: false };
    directories.set(dir, there);
    const token = EIGHT.exec(path)?.[1];
    if (looksFingerprinted(path)) {
      certain.add(path);
      there.certain ||= token !== undefined;
    }
    if (token === undefined) there.others = true;
    else if (mayBeRandom(token)) there.eight.push(path);
  }
  for (const { eight, others, certain: sure } of directories.values())
    if (sure && !others) for (const path of eight) certain.add(path);
  return certain;
}

/** More than two words in camel case. */
function mayBeRandom(token: string): boolean {
  const pieces = piecesOf(token);
  return pieces.length >= 3 || pieces.some((piece) => isOdd(piece) || /\d/.test(piece));
}
