/**
 * Runs program.cjs, which lies beside it, out of V8's code cache: nothing is parsed or compiled that a serving process
 * needs. A cache of another version of Node, or of other flags, is refused by V8, and the source is compiled.
 * scripts/write-cache.cjs makes the cache when the program is built.
 */
const { readFileSync } = require('node:fs');
const { join } = require('node:path');
const { Script } = require('node:vm');

const filename = join(__dirname, 'program.cjs');
// ASCII, and a function, as the build makes it.
const source = readFileSync(filename, 'latin1');
let cachedData;
try {
  cachedData = readFileSync(`${filename}.cache`);
} catch {
  // Not written.
}
const script = new Script(source, { filename, cachedData });
script.runInThisContext()(exports, require, module, filename, __dirname);
