/**
 * The ledger: each requirement of the RFCs we follow, with the tests that prove it or the reason for refusing it.
 *
 * A test proves a requirement when its name carries the requirement's id in square brackets, `[9293 MUST-4]` or
 * `[1122 3.2.1.1]`; several ids may stand in one name. The requirements are in `docs/requirements/rfc*.json`, the
 * refusals in `docs/requirements/refusals.json`; `docs/generated/conformance.md` is written from both, and from nothing
 * else.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

export interface Requirement {
  /** `9293 MUST-4`, `1122 3.2.1.1`, `2131 4.1`: the document's number, a space, the id inside it. */
  readonly id: string;
  readonly section: string;
  readonly level: 'MUST' | 'SHOULD' | 'MAY';
  /** In our own words. */
  readonly text: string;
}

interface RequirementList {
  readonly document: string;
  readonly title: string;
  readonly requirements: readonly Requirement[];
}

/** A test whose name carries an id. */
interface Proof {
  /** Relative to the project, `/` between its parts. */
  readonly file: string;
  readonly name: string;
}

export interface Ledger {
  readonly lists: readonly RequirementList[];
  readonly proofs: ReadonlyMap<string, readonly Proof[]>;
  readonly refusals: Readonly<Record<string, string>>;
}

const TEST_NAME = /\bt?\.?test\(\s*(['"`])((?:\\.|(?!\1)[^\\])*)\1/g;
const ID = /\[(\d{3,4} [^\]]+)\]/g;

function testFiles(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true })
    .flatMap((entry) => {
      const path = join(directory, entry.name);
      if (entry.isDirectory()) return testFiles(path);
      return entry.name.endsWith('.test.ts') ? [path] : [];
    })
    .sort();
}

function readProofs(root: string): Map<string, Proof[]> {
  const proofs = new Map<string, Proof[]>();
  for (const path of testFiles(join(root, 'test'))) {
    const file = relative(root, path).split('\\').join('/');
    for (const match of readFileSync(path, 'utf8').matchAll(TEST_NAME)) {
      const name = match[2] ?? '';
      for (const id of name.matchAll(ID)) {
        const key = id[1] ?? '';
        proofs.set(key, [...(proofs.get(key) ?? []), { file, name: name.replaceAll(ID, '').trim() }]);
      }
    }
  }
  return proofs;
}

/** Reads the ledger's three sources below the project's folder `root`. */
export function readLedger(root: string): Ledger {
  const folder = join(root, 'docs', 'requirements');
  const lists = readdirSync(folder)
    .filter((name) => /^rfc\d+\.json$/.test(name))
    .sort()
    .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as RequirementList);
  const refusals = JSON.parse(readFileSync(join(folder, 'refusals.json'), 'utf8')) as Record<string, string>;
  return { lists, proofs: readProofs(root), refusals };
}

/** Requirements of that level with neither a test nor a refusal. */
export function unproven(ledger: Ledger, level: Requirement['level']): Requirement[] {
  return ledger.lists
    .flatMap((list) => list.requirements)
    .filter((one) => one.level === level && !ledger.proofs.has(one.id) && ledger.refusals[one.id] === undefined);
}

/** Ids in test names or refusals that no list knows: a typing error hides a proof. */
export function unknownIds(ledger: Ledger): string[] {
  const known = new Set(ledger.lists.flatMap((list) => list.requirements.map((one) => one.id)));
  const documents = new Set([...known].map((id) => id.split(' ')[0]));
  return [...ledger.proofs.keys(), ...Object.keys(ledger.refusals)].filter(
    (id) => documents.has(id.split(' ')[0]) && !known.has(id),
  );
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

/** `docs/generated/conformance.md`, whole. */
export function renderLedger(ledger: Ledger): string {
  const lines = [
    '# Conformance ledger',
    '',
    'Written by `npm run ledger` from `docs/requirements/` and the names of the tests; `npm test` fails on an id that no list knows,',
    'when a requirement of any level has neither a test nor a stated refusal, and when this page is not what the tests say.',
  ];
  for (const list of ledger.lists) {
    const count = (state: (one: Requirement) => boolean): number => list.requirements.filter(state).length;
    const proven = (one: Requirement): boolean => ledger.proofs.has(one.id);
    const refused = (one: Requirement): boolean => !proven(one) && ledger.refusals[one.id] !== undefined;
    lines.push(
      '',
      `## ${list.document}: ${list.title}`,
      '',
      '| level | requirements | tested | refused | open |',
      '|---|---|---|---|---|',
    );
    for (const level of ['MUST', 'SHOULD', 'MAY'] as const) {
      const all = count((one) => one.level === level);
      const tested = count((one) => one.level === level && proven(one));
      const no = count((one) => one.level === level && refused(one));
      lines.push(`| ${level} | ${all} | ${tested} | ${no} | ${all - tested - no} |`);
    }
    lines.push('', '| id | section | level | requirement | proof |', '|---|---|---|---|---|');
    for (const one of list.requirements) {
      const proofs = ledger.proofs.get(one.id);
      const reason = ledger.refusals[one.id];
      const proof =
        proofs !== undefined
          ? proofs.map((each) => `${cell(each.name)} (\`${each.file}\`)`).join('<br>')
          : reason !== undefined
            ? `refused: ${cell(reason)}`
            : 'open';
      lines.push(`| ${one.id} | ${one.section} | ${one.level} | ${cell(one.text)} | ${proof} |`);
    }
  }
  return `${lines.join('\n')}\n`;
}
