/** The house's own rules about imports: no circle between files, none between folders, types included. */
import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import t from 'tap';

type Graph = ReadonlyMap<string, ReadonlySet<string>>;

/** Static and dynamic imports, exports from elsewhere, and imports for their effect, of files of ours. */
const IMPORT = /(?:\bfrom|\bimport\(|^import)\s*['"](\.[^'"]+)\.js['"]/gm;

function sources(root: string): string[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => posix.join(root, name.replaceAll('\\', '/')))
    .sort();
}

function imports(files: readonly string[]): Map<string, Set<string>> {
  const graph = new Map<string, Set<string>>();
  for (const file of files) {
    const found = new Set<string>();
    for (const [, path] of readFileSync(file, 'utf8').matchAll(IMPORT))
      found.add(`${posix.join(posix.dirname(file), path as string)}.ts`);
    graph.set(file, found);
  }
  return graph;
}

/** The same between folders. An `index.ts` is its folder's face to the outside, and belongs to no folder. */
function between(graph: Graph): Map<string, Set<string>> {
  const folders = new Map<string, Set<string>>();
  for (const [file, targets] of graph) {
    if (posix.basename(file) === 'index.ts') continue;
    const from = posix.dirname(file);
    const to = folders.get(from) ?? new Set();
    folders.set(from, to);
    for (const target of targets) if (posix.dirname(target) !== from) to.add(posix.dirname(target));
  }
  return folders;
}

/** One circle, each member importing the next; undefined: there is none. */
function circleIn(graph: Graph): string[] | undefined {
  const done = new Set<string>();
  const path: string[] = [];
  const walk = (node: string): string[] | undefined => {
    const at = path.indexOf(node);
    if (at >= 0) return [...path.slice(at), node];
    if (done.has(node)) return undefined;
    path.push(node);
    for (const next of graph.get(node) ?? []) {
      const found = walk(next);
      if (found !== undefined) return found;
    }
    path.pop();
    done.add(node);
    return undefined;
  };
  for (const node of graph.keys()) {
    const found = walk(node);
    if (found !== undefined) return found;
  }
  return undefined;
}

const graph = imports(sources('src'));

t.test('the check finds a circle, and names it', async (t) => {
  const made = new Map([
    ['a', new Set(['b'])],
    ['b', new Set(['c'])],
    ['c', new Set(['b'])],
  ]);
  t.same(circleIn(made), ['b', 'c', 'b']);
  t.equal(circleIn(new Map([['a', new Set(['b'])]])), undefined);
  t.ok(graph.size > 200, `${graph.size} files were read`);
  t.ok([...graph.values()].some((targets) => targets.size > 5));
});

t.test('no file imports itself by way of others', async (t) => {
  t.equal(circleIn(graph)?.join(' -> '), undefined);
});

t.test('no folder imports itself by way of others', async (t) => {
  t.equal(circleIn(between(graph))?.join(' -> '), undefined);
});

t.test('every import of a file of ours leads to one that exists', async (t) => {
  for (const [file, targets] of graph)
    for (const target of targets) t.ok(graph.has(target), `${file} imports ${target}`);
});
