/** Patterns of paths, indexed by their first segments: a path is matched only against patterns that it may fit. */
import type { PathPattern, SplitPath } from './path-pattern.js';

interface Node {
  readonly below: Map<string, Node>;
  /** Numbers of patterns, in their order, whose plain segments end here. */
  readonly here: number[];
}

export class PatternIndex {
  private readonly root: Node = { below: new Map(), here: [] };

  constructor(private readonly patterns: readonly PathPattern[]) {
    patterns.forEach((pattern, number) => {
      let node = this.root;
      for (const segment of pattern.prefix) {
        let next = node.below.get(segment);
        if (next === undefined) {
          next = { below: new Map(), here: [] };
          node.below.set(segment, next);
        }
        node = next;
      }
      node.here.push(number);
    });
  }

  /** The numbers of the patterns that match `path`, in their order. */
  *matching(path: SplitPath): Iterable<number> {
    const lists = this.listsFor(path);
    const at = lists.map(() => 0);
    for (;;) {
      let next = -1;
      for (let i = 0; i < lists.length; i++) {
        if (at[i]! < lists[i]!.length && (next < 0 || lists[i]![at[i]!]! < lists[next]![at[next]!]!)) next = i;
      }
      if (next < 0) return;
      const number = lists[next]![at[next]!++]!;
      if (this.patterns[number]!.match(path) !== undefined) yield number;
    }
  }

  private listsFor(path: SplitPath): (readonly number[])[] {
    const lists: (readonly number[])[] = [];
    let node: Node | undefined = this.root;
    for (let i = 0; node !== undefined; i++) {
      if (node.here.length > 0) lists.push(node.here);
      if (i === path.starts.length) break;
      node = node.below.get(path.text.slice(path.starts[i], path.end(i)));
    }
    return lists;
  }
}
