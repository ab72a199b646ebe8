/**
 * Counts what tap reported, and nothing else. One test is one `t.test` block without blocks inside it (or a whole file
 * that has none). A block that was skipped counts as skipped; an assertion that fails beside blocks, a file that dies,
 * times out or holds no test counts as one failure.
 */

import type { Readable } from 'node:stream';
import { inspect } from 'node:util';
import { Parser, type Result } from 'tap-parser';

export interface Tally {
  passed: number;
  failed: number;
  skipped: number;
}

/** One test file, done. */
export interface FileReport extends Tally {
  readonly name: string;
  readonly milliseconds: number;
  /** Each failure: where it is (blocks joined by ` > `) and tap's diagnostics as text. */
  readonly failures: readonly string[];
  /** Each skip: the test and the reason. */
  readonly skips: readonly string[];
}

/** One TAP stream in the tree: the run, a file, a block. */
class Node {
  readonly children: Node[] = [];
  ok = true;
  name = '';
  milliseconds = 0;
  diagnostics = '';
  /** Points that close no child: skipped ones, failed ones, and how many there were at all. */
  readonly skips: string[] = [];
  readonly failures: string[] = [];
  points = 0;

  constructor(
    parser: Parser,
    private readonly done?: (child: Node) => void,
  ) {
    let open: Node | undefined;
    parser.on('child', (child: Parser) => {
      open = new Node(child);
      this.children.push(open);
    });
    parser.on('assert', (result: Result) => {
      if (result.closingTestPoint && open !== undefined) {
        open.ok = result.ok;
        open.name = result.name;
        open.milliseconds = result.time ?? 0;
        open.diagnostics = describe(result);
        if (result.skip) open.skips.push(`${result.name}: ${result.skip}`);
        this.done?.(open);
        open = undefined;
        return;
      }
      this.points += 1;
      if (result.skip || result.todo) this.skips.push(`${result.name}: ${result.skip || result.todo}`);
      else if (!result.ok) this.failures.push([result.name, describe(result)].join('\n'));
    });
  }
}

function describe(result: Result): string {
  // Diagnostics may refer to themselves: an error that has itself for its cause.
  return result.diag === null || result.diag === undefined
    ? ''
    : inspect(result.diag, { depth: 5, maxStringLength: 4000 });
}

function add(node: Node, path: string, into: FileReport & { failures: string[]; skips: string[] }): void {
  const here = path === '' ? node.name : `${path} > ${node.name}`;
  const label = (text: string): string => (here === '' ? text : `${here} > ${text}`);
  if (node.children.length === 0) {
    const empty = node.points === 0 && node.skips.length === 0;
    const allSkipped = !empty && node.failures.length === 0 && node.points === node.skips.length;
    if (!node.ok || node.failures.length > 0) {
      into.failed += 1;
      into.failures.push(
        ...(node.failures.length > 0 ? node.failures.map(label) : [`${here || 'file'}\n${node.diagnostics}`]),
      );
    } else if (allSkipped) {
      into.skipped += 1;
      into.skips.push(...node.skips.map(label));
    } else into.passed += 1;
    return;
  }
  const before = into.failed;
  for (const child of node.children) add(child, path === '' && node.name === '' ? '' : here, into);
  into.skipped += node.skips.length;
  into.skips.push(...node.skips.map(label));
  into.failed += node.failures.length;
  into.failures.push(...node.failures.map(label));
  if (!node.ok && into.failed === before) {
    into.failed += 1;
    into.failures.push(`${here || 'file'}\n${node.diagnostics}`);
  }
}

function report(file: Node): FileReport {
  const into = {
    name: file.name,
    milliseconds: file.milliseconds,
    passed: 0,
    failed: 0,
    skipped: 0,
    failures: [] as string[],
    skips: [] as string[],
  };
  // The file's own name is said once, by `name`.
  file.name = '';
  add(file, '', into);
  return into;
}

/** Reads the TAP of a whole run (`tap --reporter=tap`), tells of each file when it is done, and answers the sums. */
export function tally(stream: Readable, each: (file: FileReport) => void): Promise<Tally> {
  const sum: Tally = { passed: 0, failed: 0, skipped: 0 };
  const count = (file: FileReport): void => {
    sum.passed += file.passed;
    sum.failed += file.failed;
    sum.skipped += file.skipped;
    each(file);
  };
  return new Promise((resolve) => {
    const parser = new Parser();
    const root = new Node(parser, (file) => count(report(file)));
    parser.on('complete', () => {
      // A file that dies before its first test has no stream of its own: tap reports it as a bare point.
      for (const failure of root.failures) {
        const name = failure.split('\n', 1)[0] ?? '';
        count({ name, milliseconds: 0, passed: 0, failed: 1, skipped: 0, failures: [failure], skips: [] });
      }
      for (const skip of root.skips) {
        count({ name: skip, milliseconds: 0, passed: 0, failed: 0, skipped: 1, failures: [], skips: [skip] });
      }
      resolve(sum);
    });
    stream.pipe(parser);
  });
}
