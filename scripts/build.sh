#!/usr/bin/env bash
# Builds dist/: every module with its types (the library), and the program once more in one file, which starts faster.
set -euo pipefail
cd "$(dirname "$0")/.."
rm -rf dist
npx tsc -p tsconfig.json
node scripts/plain-declarations.mjs dist

# The program once more, in one file that is run out of V8's code cache: measured, a quarter of the processor time of a start less
# than in files of modules. What has native code, WebAssembly or is rarely needed stays a package.
bundle() {
  npx esbuild "$@" --bundle --platform=node --target=node20 --charset=ascii --sourcemap --log-level=warning \
    --external:koffi --external:@hpcc-js/wasm-zstd --external:brotli-wasm --external:pako --external:cli-progress \
    --minify-whitespace --line-limit=160 --legal-comments=eof --alias:node:child_process=./scripts/lazy-child-process.mjs
}
bundle src/store/compress/compress-worker.ts --format=esm --outdir=dist/program \
  --banner:js='import { createRequire as requireOf } from "node:module"; const require = requireOf(import.meta.url);'
# The HTML parser is a package of modules, which a script out of a code cache cannot import: it lies beside it, for those who need it.
bundle node_modules/parse5/dist/index.js --format=cjs --outfile=dist/program/html-parser.cjs
# The same of what encrypts certificates for other hosts.
bundle node_modules/age-encryption/dist/index.js --format=cjs --outfile=dist/program/age.cjs
bundle src/main.ts --format=cjs --outfile=dist/program/program.cjs --define:import.meta.url=programUrl \
  --alias:parse5=./html-parser.cjs --external:./html-parser.cjs --alias:age-encryption=./age.cjs --external:./age.cjs --supported:dynamic-import=false \
  --banner:js='(function (exports, require, module, __filename, __dirname) {const programUrl = require("node:url").pathToFileURL(__filename).href;' \
  --footer:js='})'
# load-program.cjs compiles it as it is: a copy of two megabytes takes a millisecond of each start.
sed '1s/^#!.*//' dist/program/program.cjs > dist/program/program.part
mv dist/program/program.part dist/program/program.cjs
# And once more, for images: with every package in it, and the native part beside it. Comments are left out but
# licences, so that nothing in it tells where it was built.
program=dist/image-program
compressors=$(node -p 'const versions = ["pako", "brotli-wasm", "@hpcc-js/wasm-zstd"].map((name) => [name, require(`./node_modules/${name}/package.json`).version]);
  JSON.stringify(Object.fromEntries(versions))')
npx esbuild src/main.ts src/store/compress/compress-worker.ts --bundle --platform=node --target=node20 --format=esm \
  --entry-names='[name]' --outdir="$program" --log-level=warning --external:koffi --external:cli-progress \
  --minify-whitespace --minify-syntax --legal-comments=eof --define:COMPRESSOR_VERSIONS="$compressors" \
  --banner:js='import { createRequire as requireOf } from "node:module"; const require = requireOf(import.meta.url), __dirname = import.meta.dirname;'
cp node_modules/brotli-wasm/pkg.node/brotli_wasm_bg.wasm "$program"/
# What a machine image runs: only what serves, and in a form for which Node need not start its loader of modules.
npx esbuild src/guest.ts --bundle --platform=node --target=node20 --format=cjs --charset=ascii --outfile="$program/guest.cjs" \
  --log-level=warning --minify --legal-comments=eof --external:koffi --external:cli-progress --external:@hpcc-js/wasm-zstd --external:brotli-wasm --external:pako --external:parse5 \
  --define:import.meta.url=programUrl --banner:js='const programUrl = require("node:url").pathToFileURL(__filename).href;'
npx esbuild src/vm/host/run-qemu.ts --bundle --platform=node --target=node20 --format=esm --outdir="$program" --log-level=warning
node -p 'const { name, version, license } = require("./package.json"); JSON.stringify({ name, version, license, type: "module" })' > "$program/package.json"
native=$(node -p '`node_modules/@koromix/koffi-${process.platform}-${process.arch}/${process.platform}_${process.arch}/koffi.node`')
[ ! -f "$native" ] || cp "$native" "$program/koffi.node"
# What it is made of, and under which licences, goes wherever it goes.
node scripts/sbom.mjs dist/sbom.cdx.json "$program/sbom.cdx.json"
cp LICENCES.txt "$program/licences.txt"
chmod 644 "$program"/*

cp scripts/load-program.cjs dist/program/
printf '#!/usr/bin/env node\nimport { createRequire } from "node:module";\ncreateRequire(import.meta.url)("./program/load-program.cjs");\n' > dist/main.js
chmod +x dist/main.js

# The embedded site, with everything decided.
node dist/main.js bundle site/_site -o dist/site.bundle > /dev/null

# What a start runs, compiled.
said=$(node scripts/write-cache.cjs dist/program 2>&1) || { printf '%s\n' "$said" >&2; exit 1; }

# npm packs modes as they are, and they are those of whoever made the checkout.
chmod -R u=rwX,go=rX dist package.json README.md LICENSE LICENCES.txt
