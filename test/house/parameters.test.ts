/** The house's own rule about functions: at most five positional parameters. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';

const MOST = 5;

/** A parameter: its modifiers, `...`, a name or a pattern, and a type, a default or neither. */
const PARAMETER =
  /^\s*((public|private|protected|readonly) )*(\.\.\.)?([\w$]+\??|\{[\s\S]*\}|\[[\s\S]*\])\s*(:[\s\S]*|=[\s\S]*)?\s*$/;
/** What stands behind the parameters of a function, a method, or a type of either. */
const BEHIND = /^\s*(:|=>|→|\{)/;

interface Signature {
  readonly name: string;
  /** Where it begins in the text. */
  readonly at: number;
  readonly parameters: number;
}

/** Texts, templates and comments become blanks, so that what they hold is not read; arrows become one character. */
function bare(source: string): string {
  return source
    .replace(/\/\*[\s\S]*?\*\/|\/\/.*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`/g, (text) =>
      text.replace(/[^\n]/g, ' '),
    )
    .replaceAll('=>', '→ ');
}

/** What stands in the bracket that opens at `open`, parted by the commas that stand in no other bracket. */
function partsOf(text: string, open: number): { readonly parts: string[]; readonly end: number } | undefined {
  const parts: string[] = [];
  let depth = 0;
  let from = open + 1;
  for (let at = open; at < text.length; at++) {
    const character = text[at] as string;
    if ('([{<'.includes(character)) depth++;
    else if (')]}>'.includes(character)) depth--;
    if (depth === 0) {
      if (character !== ')') return undefined;
      parts.push(text.slice(from, at));
      return { parts: parts.filter((one) => one.trim() !== ''), end: at + 1 };
    }
    if (depth === 1 && character === ',') {
      parts.push(text.slice(from, at));
      from = at + 1;
    }
  }
  return undefined;
}

function signatures(source: string): Signature[] {
  const text = bare(source);
  const found: Signature[] = [];
  for (const { index, 1: name } of text.matchAll(/([\w$#]*)(?:<[^(){}]*>)?\s*\(/g)) {
    const list = partsOf(text, text.indexOf('(', index));
    if (list === undefined || !BEHIND.test(text.slice(list.end, list.end + 20))) continue;
    if (!list.parts.every((one) => PARAMETER.test(one))) continue;
    found.push({ name: name === '' ? 'arrow' : (name as string), at: index, parameters: list.parts.length });
  }
  return found;
}

t.test('the check reads functions, methods, constructors, arrows and types', async (t) => {
  const source = `
    export function f(a: number, b: Map<string, number>, c = 1): void {}
    type Call = (a: number, b: (x: number, y: number) => void) => void;
    interface One { method(a: string, b?: { x: number; y: number }): void }
    class Two { constructor(private readonly a: number, { b, c }: Three, ...d: number[]) {} #p(a: number): void {} }
    const g = (a, b, c, d, e, h) => a; // (a, b) => c
    call(a, b, 'x, y');
  `;
  const counts = signatures(source).map(({ name, parameters }) => [name, parameters]);
  t.same(counts, [
    ['f', 3],
    ['arrow', 2],
    ['arrow', 2],
    ['method', 2],
    ['constructor', 3],
    ['#p', 1],
    ['arrow', 6],
  ]);
});

t.test('no function has more than five positional parameters', async (t) => {
  let seen = 0;
  for (const file of readdirSync('src', { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts')) continue;
    const source = readFileSync(join('src', file), 'utf8');
    for (const { name, at, parameters } of signatures(source)) {
      seen++;
      if (parameters <= MOST) continue;
      const line = source.slice(0, at).split('\n').length;
      t.fail(`src/${file}:${line} ${name} has ${parameters}: what belongs together has a type`);
    }
  }
  t.ok(seen > 3000, `${seen} signatures were read`);
});
