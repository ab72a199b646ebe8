/** `npm run linux-differences`: writes docs/generated/linux-differences.md out of the table. */
import { differences } from './differences.js';

export function renderDifferences(scenarios: readonly string[]): string {
  const count = Object.keys(differences).length;
  const lines = [
    '# Where our stack answers otherwise than Linux',
    '',
    `${scenarios.length} scenarios of hand-made frames are put to our stack and, over a TAP, to the kernel; ${scenarios.length - count} are answered alike,`,
    `to flags, sequence and acknowledgment numbers, lengths, options and silence. The other ${count} are here, each with its reason. The table is`,
    'written by `npm run linux-differences`; `test/wire/linux.test.ts` fails when a difference is not in it. The scenarios are in',
    '`test/wire/oracle/`.',
    '',
    '| scenario | Linux | ours | why |',
    '|---|---|---|---|',
  ];
  for (const [name, rows] of Object.entries(differences)) {
    for (const { linux, ours, reason } of rows) lines.push(`| ${name} | \`${linux}\` | \`${ours}\` | ${reason} |`);
  }
  lines.push(
    '',
    '`S` SYN, `A` ACK, `F` FIN, `R` RST; numbers count from the first one of each side; `win=0`: a closed window.',
    '',
  );
  return lines.join('\n');
}
