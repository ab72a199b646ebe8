/**
 * `npm test [FILE...]`: runs every test, or the compiled files that are named, and ends with the counts. Files run side
 * by side: what they make (namespaces, folders, ports) carries the number of their process, and no test is about speed.
 * The environment: JOBS, files at once; RECORD=1 writes `seconds.json`, by which the next runs are ordered.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, sep } from 'node:path';
import { type Limits, runFile } from './file.js';
import { installNativeTools } from './native-tools.js';
import { longestFirst, record, recordedSeconds } from './order.js';
import { installPackages } from './packages.js';
import { installRuntimes } from './runtimes.js';
import type { FileReport, Tally } from './tally.js';
import { Times } from './times.js';

/**
 * Files at once: a test waits for processes, networks and git for most of its time. The last lines of a run say how
 * busy the cores were.
 */
const JOBS = Number(process.env['JOBS'] ?? 2 * availableParallelism());
const LIMITS: Limits = { timeout: 900_000, grace: 500 };
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
const COUNTS = ['passed', 'failed', 'skipped'] as const;
/** More files than this that fail are no matter of time. */
const SECOND_RUNS = 3;

function testFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.js'))
    .map((name) => join(folder, name));
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

/** The sums of `files`, run `jobs` at once in their order, and those files that failed. */
async function run(files: readonly string[], jobs: number): Promise<Tally & { readonly failures: FileReport[] }> {
  const sum = { passed: 0, failed: 0, skipped: 0, failures: [] as FileReport[] };
  const left = files.values();
  const work = async (): Promise<void> => {
    for (const file of left) {
      const report = await runFile(file, LIMITS);
      for (const what of COUNTS) sum[what] += report[what];
      if (report.failed > 0) sum.failures.push(report);
      times.add(report);
      show(report);
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  return sum;
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
const files = longestFirst(named.length > 0 ? named : testFiles(join('build', 'test')), recordedSeconds());
const sum = await run(files, JOBS);
const again = sum.failures.filter((file) => REAL_TIME.includes(file.name.split(sep)[2] ?? ''));
if (files.length > 1 && again.length > 0 && again.length === sum.failures.length && again.length <= SECOND_RUNS) {
  console.log(`second run, alone, of ${again.length} that failed beside others:`);
  for (const file of again) {
    const second = await run([file.name], 1);
    for (const what of COUNTS) sum[what] += second[what] - file[what];
    if (second.failed === 0) console.log(`UNSTEADY ${file.name}: failed beside others, passed alone`);
  }
}
if (files.length > 1) for (const line of times.summary()) console.log(line);
if (process.env['RECORD'] === '1' && named.length === 0) record(times.files);
const skipped = sum.skipped > 0 ? `, ${sum.skipped} skipped` : '';
console.log(`${sum.passed} passed, ${sum.failed} failed${skipped}`);
process.exitCode = sum.failed > 0 || sum.passed === 0 ? 1 : 0;
