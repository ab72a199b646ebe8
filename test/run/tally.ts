/**
 * Counts what files reported in TAP, and nothing else. One test is one `t.test` block without blocks inside it (or a
 * whole file that has none). A block that was skipped counts as skipped; an assertion that fails beside blocks, a file
 * that dies, times out or holds no test counts as one failure.
 */

import type { Readable } from 'node:stream';
import { inspect } from 'node:util';
import { type FinalResults, Parser, type Result } from 'tap-parser';

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

/** The reason that tap gives for blocks and files without an assertion. */
const NO_TESTS = 'no tests found';

/** One TAP stream in the tree: a file, a block. */
class Node {
  readonly children: Node[] = [];
  ok = true;
  name = '';
  diagnostics = '';
  /** Why all of it was skipped. */
  skipped = '';
  /** Points that close no child: skipped ones, failed ones, and how many there were at all. */
  readonly skips: string[] = [];
  readonly failures: string[] = [];
  points = 0;

  constructor(parser: Parser) {
    let open: Node | undefined;
    parser.on('child', (child: Parser) => {
      open = new Node(child);
      this.children.push(open);
    });
    parser.on('assert', (result: Result) => {
      if (result.closingTestPoint && open !== undefined) {
        open.ok = result.ok;
        open.name = result.name;
        open.diagnostics = describe(result);
        // A block without assertions did not throw, and has passed.
        if (result.skip && result.skip !== NO_TESTS) open.skipped = String(result.skip);
        open = undefined;
        return;
      }
      this.points += 1;
      if (result.skip || result.todo) this.skips.push(`${result.name}: ${result.skip || result.todo}`);
      else if (!result.ok) this.failures.push([result.name, describe(result)].join('\n'));
    });
  }

  fail(diagnostics: string): void {
    this.ok = false;
    this.diagnostics = diagnostics;
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
    const allSkipped = node.skipped !== '' || (node.points > 0 && node.points === node.skips.length);
    if (!node.ok || node.failures.length > 0) {
      into.failed += 1;
      into.failures.push(
        ...(node.failures.length > 0 ? node.failures.map(label) : [`${here || 'file'}\n${node.diagnostics}`]),
      );
    } else if (allSkipped) {
      into.skipped += 1;
      into.skips.push(...(node.skipped === '' ? node.skips.map(label) : [`${here || 'file'}: ${node.skipped}`]));
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

function report(file: Node, name: string, milliseconds: number): FileReport {
  const into = {
    name,
    milliseconds,
    passed: 0,
    failed: 0,
    skipped: 0,
    failures: [] as string[],
    skips: [] as string[],
  };
  add(file, '', into);
  return into;
}

/** How a file's process ended. */
export interface Ending {
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** Why it was not let run to its end, if it was not. */
  readonly stopped?: string | undefined;
  readonly milliseconds: number;
}

/**
 * Reads the TAP that the file called `name` writes to `stream`, and returns what it reported once both are over. A file
 * fails when its process fails, whatever its tests said.
 */
export async function tally(name: string, stream: Readable, ended: Promise<Ending>): Promise<FileReport> {
  const parser = new Parser();
  const file = new Node(parser);
  const complete = new Promise<FinalResults>((resolve) => parser.on('complete', resolve));
  stream.setEncoding('utf8').on('data', (text: string) => parser.write(text));
  // Unlike `end`, also told of a stream that was destroyed.
  stream.on('close', () => parser.end());
  const [results, { milliseconds, ...ending }] = await Promise.all([complete, ended]);
  if (ending.stopped !== undefined) file.fail(`${ending.stopped}\n${inspect(ending)}`);
  else if (ending.exitCode !== 0) file.fail(inspect(ending));
  else if (!results.ok) file.fail('the TAP that it wrote is not whole');
  else if (results.plan.skipAll && [NO_TESTS, ''].includes(results.plan.skipReason)) file.fail('it holds no test');
  else if (results.plan.skipAll) file.skipped = results.plan.skipReason;
  return report(file, name, milliseconds);
}
