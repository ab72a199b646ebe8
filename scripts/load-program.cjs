/**
 * Runs program.cjs, which lies beside it, out of V8's code cache: nothing is parsed or compiled that a serving process needs. A cache
 * of another version of Node, or of other flags, is refused by V8, and the source is compiled.
 *
 *   node load-program.cjs --write   tests itself on a stack of its own, serves on sockets, and writes the cache of what both needed
 */
const { openSync, readFileSync, writeSync } = require('node:fs');
const { join } = require('node:path');
const { Script } = require('node:vm');

const filename = join(__dirname, 'program.cjs');
// ASCII, as the build makes it.
const source = readFileSync(filename, 'latin1').replace(/^#!.*/, '');
let cachedData;
try {
  cachedData = readFileSync(`${filename}.cache`);
} catch {
  // Not written yet.
}
const script = new Script(`(function (exports, require, module, __filename, __dirname) {${source}\n})`, {
  filename,
  cachedData,
});
const run = script.runInThisContext();
const program = () => run(exports, require, module, filename, __dirname);

if (require.main === module && process.argv[2] === '--write') writeCache();
else if (require.main === module && process.argv[2] === '--fill') fillCache();
else program();

/** A server that is sealed opens no file and no connection any more: another process asks it, and opens the file. */
function writeCache() {
  const { spawn } = require('node:child_process');
  const child = spawn(process.execPath, [...process.execArgv, __filename, '--fill'], {
    stdio: ['pipe', 'pipe', 'inherit', openSync(`${filename}.cache`, 'w')],
  });
  child.stdout.on('data', (text) => {
    const url = /http:\S+/.exec(text)?.[0];
    if (url === undefined) return;
    fetch(url)
      .then((answer) => answer.arrayBuffer())
      .then(() => child.stdin.end());
  });
  child.on('exit', (status) => process.exit(status ?? 1));
}

/** Tests itself, serves until standard input ends, and writes the cache to descriptor 3. */
function fillCache() {
  const { exit } = process;
  process.stdin.on('end', () => {
    const data = script.createCachedData();
    for (let at = 0; at < data.length; ) at += writeSync(3, data, at);
    exit(0);
  });
  process.stdin.resume();
  process.argv.splice(2, 1, '--self-test');
  process.exit = (status) => {
    process.exit = exit;
    if (status !== 0) exit(status);
    process.argv.splice(2, 1, '--port', '0');
    program();
  };
  program();
}
