import { lstatSync, readdirSync, realpathSync, type Stats, statSync } from 'node:fs';
import { join, sep } from 'node:path';
import { hasCode } from '../../errors/codes.js';
import type { FileRights } from '../../native/file-rights.js';
import { atOnce, filtered, mapped, sorted } from '../slices.js';
import { ClosedError, fileError, StoreError } from '../store-error.js';

/** A file of the tree. */
export interface Found {
  /** From the root, decoded, with slashes: `/blog/index.html`. */
  readonly path: string;
  /** Where it lies on the disk. */
  readonly file: string;
  /** Bytes, when it was found. */
  readonly size: number;
  /** Who serves it later will have no right to read it. */
  readonly closed?: true | undefined;
  /**
   * Its content, when it lies elsewhere than on the disk; `file` is then its name in messages. The same bytes each
   * time.
   */
  readonly load?: (() => Promise<Uint8Array>) | undefined;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Names between two looks at the clock. */
const STEP = 64;

/** Directories below one another; deeper is a loop or a mistake. */
const DEEPEST = 256;

/** Orders by the bytes of UTF-8, which is the same on every machine. */
export function byBytes(a: string, b: string): number {
  return Buffer.compare(encoder.encode(a), encoder.encode(b));
}

export interface WalkOptions {
  /** Takes in names that begin with a dot, too; `.well-known` is always in. Default false. */
  readonly hidden?: boolean | undefined;
  /** Directories outside of the tree into which links may lead. Default: none. */
  readonly follow?: readonly string[] | undefined;
  /** Whether a file with these rights can be read by who serves it later. Default: all can. */
  readonly readable?: ((rights: FileRights) => boolean) | undefined;
  /**
   * Called for each entry that cannot be served and is left out. Default: such entries are refused, all in one
   * StoreError.
   */
  readonly onOdd?: ((sentence: string) => void) | undefined;
}

/**
 * Every file below `root`, in the order of the bytes of their paths. Links are followed inside the tree and into the
 * directories to `follow`. Throws StoreError. It does not yield to other work: without promises it takes a tenth of the
 * time.
 */
export function walk(root: string, options: WalkOptions = {}): Found[] {
  return atOnce(walkStepwise(root, options));
}

/** The same, and yields now and then. */
export function* walkStepwise(root: string, options: WalkOptions = {}): Generator<void, Found[]> {
  const real = realDirectory(root);
  const odd: string[] = [];
  const { hidden = false, follow = [], readable } = options;
  const { onOdd = (sentence: string): void => void odd.push(sentence) } = options;
  const tree: Tree = { roots: [real, ...follow.map(realDirectory)], hidden, readable, onOdd, found: [] };
  yield* walkInto(tree, real, '', [real]);
  if (odd.length > 0) throw new StoreError(odd.join('\n'));
  return yield* inOrderStepwise(tree.found);
}

function realDirectory(path: string): string {
  try {
    const real = realpathSync(path);
    if (!statSync(real).isDirectory()) throw new StoreError(`${path} is not a directory`);
    return real;
  } catch (error) {
    throw fileError(error, path);
  }
}

/** What is being walked. */
interface Tree {
  /** Where files may lie: the site itself first. */
  readonly roots: readonly string[];
  readonly hidden: boolean;
  readonly readable: WalkOptions['readable'];
  readonly onOdd: (sentence: string) => void;
  readonly found: Found[];
}

/** Names that begin with a dot are left out, except for `.well-known` (RFC 8615). */
export function isServed(name: string, hidden: boolean): boolean {
  return hidden || !name.startsWith('.') || name === '.well-known';
}

/** Halves of characters beyond U+FFFF. */
const PAIRS = /[\ud800-\udfff]/;

/** By the bytes of their paths. */
export function inOrder(found: readonly Found[]): Found[] {
  return atOnce(inOrderStepwise(found));
}

/** The same, and yields now and then. */
export function* inOrderStepwise(found: readonly Found[]): Generator<void, Found[]> {
  // Without pairs of surrogates the order of UTF-16 is that of UTF-8, and nothing need be encoded.
  if ((yield* filtered(found, ({ path }) => PAIRS.test(path))).length === 0) {
    return yield* sorted(found, (a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
  }
  const keyed = yield* mapped(found, (f) => ({ f, bytes: encoder.encode(f.path) }));
  return yield* mapped(yield* sorted(keyed, (a, b) => Buffer.compare(a.bytes, b.bytes)), ({ f }) => f);
}

function* walkInto(tree: Tree, dir: string, path: string, above: string[]): Generator<void, void> {
  if (above.length > DEEPEST) return tree.onOdd(`${dir} lies more than ${DEEPEST} directories deep`);
  yield;
  let names: readonly string[];
  try {
    names = namesIn(tree, dir);
  } catch (error) {
    // Without its root there is no site.
    if (above.length === 1) throw fileError(error, dir);
    return oddUnlessGone(tree, error, dir);
  }
  for (const [i, name] of names.entries()) {
    if (i % STEP === 0) yield;
    if (!isServed(name, tree.hidden)) continue;
    if (!isFetchable(name)) tree.onOdd(`${join(dir, printable(name))} has a name that no request can have; rename it`);
    else yield* visit(tree, join(dir, name), `${path}/${name}`, above);
  }
}

/** What Node has in place of bytes that are not UTF-8; a name may also have this character itself. */
const REPLACED = '\ufffd';

/** The names in a folder that are UTF-8; the others are odd. */
function namesIn(tree: Tree, dir: string): readonly string[] {
  const plain = readdirSync(dir);
  // The bytes of a thousand names are a thousand buffers, which V8 looks after one by one.
  if (!plain.some((name) => name.includes(REPLACED))) return plain;
  const names: string[] = [];
  for (const raw of readdirSync(dir, { encoding: 'buffer' })) {
    try {
      names.push(decoder.decode(raw));
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      tree.onOdd(`${join(dir, raw.toString('latin1'))} has a name that is not UTF-8; rename it`);
    }
  }
  return names;
}

/** Whether a request may name it: no request path holds a control character, encoded or not. */
export function isFetchable(name: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return !/[\x00-\x1f\x7f]/.test(name);
}

function printable(name: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return name.replace(/[\x00-\x1f\x7f]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

function* visit(tree: Tree, file: string, path: string, above: string[]): Generator<void, void> {
  let target: string | undefined = file;
  let stats: Stats;
  try {
    stats = lstatSync(file);
    if (stats.isSymbolicLink()) {
      target = resolveLink(tree, file);
      if (target === undefined) return;
      stats = statSync(target);
    }
  } catch (error) {
    return oddUnlessGone(tree, error, file);
  }
  if (stats.isDirectory()) {
    if (above.includes(target)) tree.onOdd(`${file} is a link to ${target}, which it lies in; remove it`);
    else if (tree.readable?.(stats) === false) tree.onOdd(closedLater(target));
    else yield* walkInto(tree, target, path, [...above, target]);
  } else if (stats.isFile()) {
    tree.found.push(foundAt(path, target, stats, tree));
  } else tree.onOdd(`${file} is neither a file nor a directory; remove it from the site`);
}

/** A file, as a walk has it. */
export function foundAt(path: string, file: string, stats: Stats, { readable }: Pick<Tree, 'readable'>): Found {
  return readable?.(stats) === false
    ? { path, file, size: stats.size, closed: true }
    : { path, file, size: stats.size };
}

/** That what can be read now will be closed to who serves it: a message. */
export function closedLater(what: string): string {
  return `${what} cannot be read once the server is sealed; let others read it (chmod o+rX), or serve as its owner (--user)`;
}

/** An entry that was removed while the directory was read is no news. */
function oddUnlessGone({ onOdd }: Tree, error: unknown, what: string): void {
  if (hasCode(error, 'ENOENT')) return;
  const failure = fileError(error, what);
  if (!(failure instanceof ClosedError)) throw failure;
  onOdd(failure.message);
}

/** The target of a link; undefined: it is not served, and that was reported. */
function resolveLink({ roots, onOdd }: Tree, link: string): string | undefined {
  let target: string;
  try {
    target = realpathSync(link);
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) onOdd(`${link} is a link to nothing; remove it`);
    else if (hasCode(error, 'ELOOP')) onOdd(`${link} is a link that leads to itself; remove it`);
    else if (hasCode(error, 'EACCES')) onOdd(`${link} is a link to where nothing can be read; remove it`);
    else throw error;
    return undefined;
  }
  if (roots.some((root) => isBelow(target, root))) return target;
  const remedy = 'copy what it points to into the site, or let links lead there with --follow';
  onOdd(`${link} is a link to ${target}, outside the site; ${remedy}`);
  return undefined;
}

/** Whether `path` is the directory `root` or lies below it. Both are real paths. */
export function isBelow(path: string, root: string): boolean {
  return path === root || path.startsWith(root.endsWith(sep) ? root : root + sep);
}
