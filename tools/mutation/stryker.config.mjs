/**
 * Mutation testing: Stryker changes one place of an area's source at a time and asks the area's tests. What they do not
 * notice is listed with its line. The environment: AREA, one of those below; EVERY=12 takes each twelfth line alone,
 * since all of an area takes hours; CONCURRENCY.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The tests of each area; left out are those that take longer than the others together: of net/tcp its bounds, liars,
 * moves and long transfers.
 */
const AREAS = {
  'net/tcp': ['net/tcp/!(bounds|liars|moving|moving-tls|segments)', 'net/tcp/scenarios/*', 'net/tcp/congestion/rules'],
  'http/parse': ['http/{path,host,request-line,framing,fields-cache,negotiation,conditions,ranges,lines,smuggling}'],
  'store/read': ['store/!(large-file|walk-memory|watch|compress)'],
};

/** Seconds that a test may take: the first run counts what each line costs, and is slow on a busy machine. */
process.env.TAP_TIMEOUT ??= '600';

const area = process.env.AREA ?? 'http/parse';
const every = Number(process.env.EVERY ?? 12);
const tests = AREAS[area];
if (tests === undefined) throw new RangeError(`AREA=${area} is none of ${Object.keys(AREAS).join(', ')}`);
if (!Number.isInteger(every) || every < 1) throw new RangeError(`EVERY=${process.env.EVERY} is not a number of lines`);

/** Each n-th line of each file, as Stryker writes a range of lines. */
function sample() {
  const folder = join('src', area);
  const files = readdirSync(folder, { recursive: true }).filter((name) => name.endsWith('.ts'));
  return files.sort().flatMap((name) => {
    const path = join(folder, name);
    const lines = readFileSync(path, 'utf8').split('\n').length;
    return Array.from({ length: Math.floor(lines / every) }, (_, i) => `${path}:${(i + 1) * every}-${(i + 1) * every}`);
  });
}

export default {
  plugins: ['@stryker-mutator/tap-runner'],
  testRunner: 'tap',
  tap: { testFiles: tests.map((name) => `build/test/${name}.test.js`), forceBail: true },
  buildCommand: 'npx tsc -p tsconfig.test.json',
  mutate: every === 1 ? [`src/${area}/**/*.ts`] : sample(),
  coverageAnalysis: 'perTest',
  // The first run counts what each line costs, and is slow on a busy machine.
  dryRunTimeoutMinutes: 60,
  // TypeScript 7 has no interface for programs, and the file needs no rewriting.
  disableTypeChecks: 'src/**/*.ts',
  tsconfigFile: 'none.json',
  // The words of an error message are asked for where they matter.
  mutator: { excludedMutations: ['StringLiteral'] },
  ignorePatterns: ['/dist', '/build', '/bench/results', '/site/_site', '/images'],
  concurrency: Number(process.env.CONCURRENCY ?? 1),
  timeoutMS: 60_000,
  reporters: ['clear-text', 'progress-append-only', 'json'],
  jsonReporter: { fileName: `build/mutation/${area.replace('/', '-')}.json` },
  tempDirName: 'build/mutation/sandbox',
};
