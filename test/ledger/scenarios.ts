/**
 * `docs/generated/scenarios.md`: what the suites of others prove of a stack, row by row, and which test of ours does
 * the same, or why the row is not about us. The rows are in `docs/requirements/scenarios.json`; a row's tests are named
 * by how their names begin.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

interface Row {
  readonly row: string;
  /** How the names of its tests begin. */
  readonly tests?: readonly string[];
  /** What is not proved of it, or why none of it is. */
  readonly not?: string;
}

export interface Suite {
  readonly suite: string;
  readonly rows: readonly Row[];
}

interface NamedTest {
  readonly file: string;
  readonly name: string;
}

const TEST_NAME = /\bt?\.?test\(\s*(['"`])((?:\\.|(?!\1)[^\\])*)\1/g;
const ID = /\[[^\]]*\]/g;

function tests(root: string, directory: string): NamedTest[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return tests(root, path);
    if (!entry.name.endsWith('.test.ts')) return [];
    const file = relative(root, path).split('\\').join('/');
    return [...readFileSync(path, 'utf8').matchAll(TEST_NAME)].map((match) => ({
      file,
      name: (match[2] ?? '').replaceAll(ID, '').replaceAll('\\', '').trim(),
    }));
  });
}

export class Scenarios {
  readonly suites: readonly Suite[];
  private readonly known: readonly NamedTest[];

  constructor(root: string) {
    this.suites = JSON.parse(readFileSync(join(root, 'docs', 'requirements', 'scenarios.json'), 'utf8')) as Suite[];
    this.known = tests(root, join(root, 'test'));
  }

  private find(beginning: string): NamedTest[] {
    return this.known.filter((one) => one.name.startsWith(beginning));
  }

  /** Rows with neither a test nor a reason, and beginnings that name no test, or more than one. */
  mistakes(): string[] {
    return this.suites.flatMap(({ suite, rows }) =>
      rows.flatMap(({ row, tests: named = [], not }) => [
        ...(named.length === 0 && not === undefined ? [`${suite}: ${row}: neither a test nor a reason`] : []),
        ...named
          .filter((beginning) => this.find(beginning).length !== 1)
          .map((beginning) => `${suite}: ${row}: ${this.find(beginning).length} tests begin with “${beginning}”`),
      ]),
    );
  }

  render(): string {
    const lines = [
      '# Scenarios',
      '',
      'What the suites of gVisor, Google and Linux prove of a TCP/IP stack, and which test here does the same in virtual time; or why a row is',
      'not about this stack. Written by `npm run ledger` from `docs/requirements/scenarios.json`; `npm test` fails on a row with neither, on a',
      'test that is not there, and when this page is not what they say.',
    ];
    for (const { suite, rows } of this.suites) {
      const proved = rows.filter((one) => one.tests !== undefined).length;
      lines.push(
        '',
        `## ${suite}`,
        '',
        `${rows.length} rows, ${proved} with a test.`,
        '',
        '| scenario | test, or why not |',
        '|---|---|',
      );
      for (const { row, tests: named = [], not } of rows) {
        const found = named.flatMap((one) => this.find(one)).map((one) => `${one.name} (\`${one.file}\`)`);
        lines.push(
          `| ${row} | ${[...found, ...(not === undefined ? [] : [`*${not}*`])].join('<br>').replaceAll('|', '\\|')} |`,
        );
      }
    }
    return `${lines.join('\n')}\n`;
  }
}
