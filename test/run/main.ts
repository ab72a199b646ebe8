/**
 * `npm test [FILE...]`: runs every test with tap, or the compiled files that are named, and ends with the counts. Files
 * run side by side: what they make (namespaces, folders, ports) carries the number of their process, and no test is
 * about speed. The environment: JOBS, files at once.
 */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, sep } from 'node:path';
import { installNativeTools } from './native-tools.js';
import { installPackages } from './packages.js';
import { installRuntimes } from './runtimes.js';
import { type FileReport, type Tally, tally } from './tally.js';
import { Times } from './times.js';

/** Folders whose files take longest begin first, so that none of them is left alone at the end. */
const LONGEST = ['deploy', 'vm', 'wire', 'signals', 'supervise', 'image', 'package', 'docs', 'sim'];
/**
 * Files at once: a test waits for processes, networks and git for most of its time. The last lines of a run say how
 * busy the cores were.
 */
const JOBS = Number(process.env['JOBS'] ?? 2 * availableParallelism());
/** Seconds that one file may take. */
const TIMEOUT = 900;
/**
 * Folders whose tests drive real processes under real time limits. Other files on the same machine stretch those: a
 * file of these folders that fails beside others is run a second time, alone, and the output says so.
 */
const REAL_TIME = [
  'acme',
  'control',
  'deploy',
  'docs',
  'handover',
  'seal',
  'serve',
  'signals',
  'supervise',
  'vm',
  'wire',
];
/** More files than this that fail are no matter of time. */
const SECOND_RUNS = 3;

function testFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.js'))
    .map((name) => join(folder, name))
    .sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
}

function rank(file: string): number {
  const at = LONGEST.indexOf(file.split(sep)[2] ?? '');
  return at < 0 ? LONGEST.length : at;
}

function show(file: FileReport): void {
  const skipped = file.skipped > 0 ? `, ${file.skipped} skipped` : '';
  const failed = file.failed > 0 ? `, ${file.failed} failed` : '';
  const seconds = (file.milliseconds / 1000).toFixed(1);
  console.log(
    `${file.failed > 0 ? 'FAIL' : 'ok  '} ${file.name} (${file.passed} passed${failed}${skipped}, ${seconds} s)`,
  );
  for (const skip of file.skips) console.log(`     skipped: ${skip}`);
  for (const failure of file.failures) console.log(`     ${failure.replaceAll('\n', '\n     ')}`);
}

/** Once an installation: tap's test class is generated for the plugins that package.json names. */
function generateTap(): void {
  const mark = join('node_modules', '.tap-generated');
  if (existsSync(mark)) return;
  execFileSync('npx', ['tap', 'build'], { stdio: ['ignore', 'ignore', 'inherit'] });
  writeFileSync(mark, '');
}

/** The sums of `files`, run `jobs` at once, and those files that failed. */
async function run(files: readonly string[], jobs: number): Promise<Tally & { readonly failures: FileReport[] }> {
  const args = ['tap', 'run', '--reporter=tap', `--jobs=${jobs}`, `--timeout=${TIMEOUT}`, ...files];
  const tap = spawn('npx', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const exit = new Promise<number>((resolve) => tap.on('close', (code) => resolve(code ?? 1)));
  const failures: FileReport[] = [];
  const sum = await tally(tap.stdout, (file) => {
    show(file);
    times.add(file);
    if (file.failed > 0) failures.push(file);
  });
  // tap may fail for what is no test (a file that cannot be read): that is never reported as success.
  if ((await exit) !== 0 && sum.failed === 0) sum.failed = 1;
  return { ...sum, failures };
}

const named = process.argv.slice(2);
process.env['GIT_CONFIG_SYSTEM'] ??= join(process.cwd(), 'test', 'run', 'gitconfig');
generateTap();
if (named.length === 0) {
  installPackages();
  installNativeTools();
  installRuntimes();
}
const times = new Times();
const files = named.length > 0 ? named : testFiles(join('build', 'test'));
const sum = await run(files, JOBS);
const again = sum.failures.filter((file) => REAL_TIME.includes(file.name.split(sep)[2] ?? ''));
if (files.length > 1 && again.length > 0 && again.length === sum.failures.length && again.length <= SECOND_RUNS) {
  console.log(`second run, alone, of ${again.length} that failed beside others:`);
  for (const file of again) {
    const second = await run([file.name], 1);
    for (const what of ['passed', 'failed', 'skipped'] as const) sum[what] += second[what] - file[what];
    if (second.failed === 0) console.log(`UNSTEADY ${file.name}: failed beside others, passed alone`);
  }
}
if (files.length > 1) for (const line of times.summary()) console.log(line);
const skipped = sum.skipped > 0 ? `, ${sum.skipped} skipped` : '';
console.log(`${sum.passed} passed, ${sum.failed} failed${skipped}`);
process.exitCode = sum.failed > 0 || sum.passed === 0 ? 1 : 0;
