/**
 * Runs program.cjs, which lies beside it, out of V8's code cache: nothing is parsed or compiled that a serving process needs. A cache
 * of another version of Node, or of other flags, is refused by V8, and the source is compiled.
 *
 *   node load-program.cjs --write   tests itself on a stack of its own, serves on sockets, and writes the cache of what both needed
 */
const { readFileSync, writeFileSync } = require('node:fs');
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
else program();

function writeCache() {
  const { exit } = process;
  const { write } = process.stdout;
  process.argv.splice(2, 1, '--self-test');
  process.exit = (status) => {
    process.exit = exit;
    if (status !== 0) exit(status);
    process.argv.splice(2, 1, '--port', '0');
    program();
  };
  process.stdout.write = (text) => {
    const url = /http:\S+/.exec(text)?.[0];
    if (url !== undefined) {
      process.stdout.write = write;
      fetch(url)
        .then((answer) => answer.arrayBuffer())
        .then(() => {
          writeFileSync(`${filename}.cache`, script.createCachedData());
          exit(0);
        });
    }
    return true;
  };
  program();
}
