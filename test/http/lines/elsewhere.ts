import type { Line } from './line.js';

function proved(id: string, text: string, ...also: (readonly [file: string, name: string])[]): Line {
  return { id, text, cases: [], also };
}

/** What no exchange of bytes on one connection can show: the tests that do. */
export const ELSEWHERE: readonly Line[] = [
  proved(
    'codings',
    'zstd beside br and gzip, each only where it is smaller',
    ['test/store/compress.test.ts', 'every coding gives back the bytes of the file'],
    ['test/store/compress.test.ts', 'a coding is kept only when it is smaller by a margin'],
  ),
  proved(
    'rendered-heads',
    'Every head is rendered when bundling; long ones cost what short ones do',
    ['test/store/heads.test.ts', 'heads of a resource with codings'],
    ['test/store/rules.test.ts', '_headers: rules match the path asked for'],
    ['test/http/ready-answers.test.ts', 'an answer is made ready when it is asked for twice'],
  ),
  proved('stored-once', 'Identical files are stored once', [
    'test/store/bundle-file.test.ts',
    'identical files are stored once',
  ]),
  proved(
    'next-version',
    'The next version costs what changed: the same tree gives the same bytes anywhere, and only changed files are compressed',
    ['test/store/bundle-file.test.ts', 'the same tree gives the same bytes'],
    ['test/store/compress.test.ts', 'a second run of an unchanged tree takes what the first one made'],
    ['test/store/compress.test.ts', 'a change of one page compresses that page alone'],
  ),
  proved(
    'inspect',
    'inspect: sizes, ratios, duplicates, what is not linked, dead links, missing images, mixed case; --check fails with a list',
    ['test/store/inspect.test.ts', 'what nothing links to, links that lead nowhere'],
    ['test/store/inspect.test.ts', 'sizes, ratios and totals of each coding'],
    ['test/store/inspect.test.ts', 'verify finds a damaged page of a bundle'],
    ['test/cli/program.test.ts', 'bundles a directory, and serves and shows the bundle'],
  ),
  proved(
    'watch',
    '--watch: changes are served, a half-written build never; the browser reloads by itself, by option',
    ['test/store/watch.test.ts', 'a half-written build is never served'],
    ['test/store/watch.test.ts', 'a tree that is removed and built again'],
    ['test/cli/reload.test.ts', '--watch: a change of the directory is served'],
    ['test/wire/browser-use.test.ts', 'In Chromium a page loads itself again'],
  ),
  proved(
    'swap',
    'Another bundle in a running server, by SIGHUP and by the control path; answers on their way stay whole, and memory comes back',
    ['test/cli/reload.test.ts', 'SIGHUP: the next version answers new requests'],
    ['test/http/connections.test.ts', 'A store that comes while an answer is on its way'],
    ['test/handover/content-swap.test.ts', 'two swaps at once come one behind the other'],
    ['test/cli/reload.test.ts', 'Memory comes back after many versions'],
  ),
  proved(
    'lookup',
    'Look-up by the bytes of the path, the same object each time; speed is measured by bench/bundle.ts',
    ['test/store/routes.test.ts', 'what was looked up before is the same object'],
  ),
  proved(
    'damage',
    'A damaged bundle gives a sentence, the right answer or 500, never wrong bytes',
    ['test/store/bundle-file.test.ts', 'corruption never gives wrong bytes'],
    ['test/store/bundle-file.test.ts', 'a truncated bundle is refused'],
    ['test/store/bundle-file.test.ts', 'a bundle with right hashes and lying contents throws nothing'],
  ),
  proved('differential', 'The same requests to nginx: each difference has its reason', [
    'test/http/nginx.test.ts',
    'The same requests to nginx',
  ]),
  proved('fuzz', 'Mutated requests, cut at random: no throw, no hang, no growth, answers that parse', [
    'test/http/fuzz.test.ts',
    'mutated conversations, cut at random',
  ]),
  proved(
    'splits',
    'The same answers wherever the stream is cut',
    ['test/http/splits.test.ts', 'the same bytes come back wherever the stream is cut'],
    ['test/http/splits.test.ts', 'Any stream cut anywhere is answered like the whole'],
  ),
  proved(
    'browser',
    'Chromium loads, reloads, seeks in a film, downloads, goes offline and comes back, over all networks',
    ['test/wire/browser-use.test.ts', 'In Chromium one loads, reloads, seeks'],
  ),
  proved('smuggling', 'Smuggling probes through nginx and HAProxy find no desync', [
    'test/http/smuggling.test.ts',
    'smuggling probes leave the next requests their own answers',
  ]),
  proved('attacks', 'Slowloris, slow readers, floods, ranges and 10,000 idle connections leave others served', [
    'test/wire/attacks.test.ts',
    'Slowloris, slow readers',
  ]),
  proved(
    'bad-input',
    'Bad input in options, _headers, _redirects and bundles gives one sentence with the place',
    ['test/store/rules.test.ts', '_headers: an error names file and line'],
    ['test/store/rules.test.ts', '_redirects: what is wrong with a line is told with file and line'],
    ['test/cli/program.test.ts', 'mistakes are one sentence each'],
    ['test/store/languages.test.ts', 'without the option, and for what is no tag'],
    ['test/store/bundle-file.test.ts', 'what is no bundle, or a newer one'],
  ),
];
