/** The commands that a reader is shown: fenced blocks of pages, and the examples in help texts. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MAIN } from '../wire/server.js';

export interface Block {
  readonly page: string;
  readonly language: string;
  readonly text: string;
}

/** Languages of blocks with commands, and of programs; what else is fenced shows text. */
const SHELL = new Set(['sh', 'bash', 'shell', 'console']);
const LOOKS_LIKE_A_COMMAND = /^(?:\$ |sudo |npm (?:ci|run|test|start)|node dist\/|sitekernel )/m;

function markdown(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name));
}

/** README and its like, docs/, the site's source, and what examples and tools say of themselves. */
export function pages(): string[] {
  return [
    ...readdirSync('.').filter((name) => name.endsWith('.md')),
    ...markdown('docs'),
    ...markdown('site').filter((name) => !name.startsWith(join('site', '_site'))),
    ...markdown('examples'),
    join('tools', 'api', 'README.md'),
  ].sort();
}

export function blocksOf(page: string): Block[] {
  const text = readFileSync(page, 'utf8');
  return [...text.matchAll(/^```([\w-]*)\n(.*?)^```/gms)].map(([, language, text]) => ({
    page,
    language: language!,
    text: text!,
  }));
}

/** A shell block; throws for commands in a block that does not say so. */
export function isShell({ page, language, text }: Block): boolean {
  if (SHELL.has(language)) return true;
  if (LOOKS_LIKE_A_COMMAND.test(text))
    throw new Error(`${page}: commands in a block that is not marked as sh: ${text}`);
  return false;
}

/** A block's commands, without their comments, one a line. */
export function commandsOf(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.replace(/\s+# .*$|^# .*$/, '').trim())
    .filter((line) => line !== '');
}

/** Commands of ours, and of their kind, whose help texts are read for examples. */
const HELPS = [
  [],
  ...['bundle', 'inspect', 'replay', 'host', 'image', 'supervise', 'deploy'].map((command) => [command]),
  ...['up', 'down'].map((action) => ['host', action]),
  ...['build', 'verify'].map((action) => ['image', action]),
  ...['init', 'commit', 'poll', 'status', 'log', 'rollback', 'release', 'stop', 'start'].map((one) => ['deploy', one]),
];

/** The examples of all help texts: lines that begin with the program's name, or with `sudo` before it. */
export function helpExamples(): string[] {
  return HELPS.flatMap((words) => {
    const { stdout } = spawnSync(process.execPath, [MAIN, ...words, '--help'], { encoding: 'utf8' });
    return [...stdout.matchAll(/^ {2}((?:sudo )?sitekernel\b.*?)(?: {2,}.*)?$/gm)].map((match) => match[1]!);
  });
}
