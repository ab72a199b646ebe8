/**
 * `docs/generated/http-ledger.md`: each line of what the HTTP server promises, with its tests. Written from
 * test/http/lines, and from nothing else.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SECTIONS } from '../http/lines/index.js';
import type { Line } from '../http/lines/line.js';

const lines = (): readonly Line[] => SECTIONS.flatMap(([, some]) => some);

/** What is wrong with the lines: two of one name, one without a proof, a proof that is not there. */
export function brokenProofs(root: string): string[] {
  const wrong: string[] = [];
  const seen = new Set<string>();
  for (const { id, cases, also = [] } of lines()) {
    if (seen.has(id)) wrong.push(`${id} stands there twice`);
    seen.add(id);
    if (cases.length + also.length === 0) wrong.push(`${id} has no proof`);
    for (const [file, name] of also) {
      let text: string;
      try {
        text = readFileSync(join(root, file), 'utf8');
      } catch {
        wrong.push(`${id}: ${file} is not there`);
        continue;
      }
      // A name may stand on a line of its own, or behind an expression.
      const names = [...text.matchAll(/\btest\(\s*(['"`])((?:\\.|(?!\1)[\s\S])*?)\1/g)].map((match) => match[2]!);
      if (!names.some((one) => one.includes(name))) wrong.push(`${id}: ${file} has no test ${JSON.stringify(name)}`);
    }
  }
  return wrong;
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

export function renderHttpLedger(): string {
  const out = [
    '# What HTTP promises, and its tests',
    '',
    'Written by `npm run ledger` from `test/http/lines`; `npm test` fails when a test that is named here is not there. The cases of a line',
    'are sent in memory, over sockets (by our own calls and by Node) and over two stacks of ours in virtual time (`test/http/lines.test.ts`):',
    'they get the same bytes, and the answers are what the case says. What takes more than one exchange has tests of its own.',
  ];
  for (const [title, some] of SECTIONS) {
    out.push('', `## ${title}`, '', '| line | cases, each over every network | further tests |', '|---|---|---|');
    for (const { id, text, cases, also = [] } of some) {
      const names = cases.map(
        ({ name, statuses }) => `${name} (${statuses.length > 24 ? '…' : statuses || 'nothing'})`,
      );
      const shown = names.length > 12 ? [...names.slice(0, 12), `and ${names.length - 12} more`] : names;
      const tests = also.map(([file, name]) => `\`${file}\`${name === '' ? '' : `: ${name}`}`);
      out.push(`| **${id}**: ${cell(text)} | ${cell(shown.join('; '))} | ${cell(tests.join('<br>'))} |`);
    }
  }
  return `${out.join('\n')}\n`;
}
