/** Names of source text, which a browser is to display: `mime-types` has another type for many of them, or none. */

/** Extensions that are text only if the content is text: a `.key` may be a presentation, a `.ts` a film. */
export const SOURCE: ReadonlySet<string> = new Set(
  `4th ac ad4 ada adb adoc ads agda am applescript arff as asc asciidoc asp aspx astro awk
  bash bas bat bats bazel bib bnf bsl bzl cabal cfg cff cgi cl clj cljc cljs cls cmake cmd cob cbl coq conll cr csh csl csproj csr cts cu cue
  cuh d dart def desktop dhall diff dsp dts dtsi e ebnf ebuild editorconfig ejs el elm env eqn erb erl ex exs fish fnl frag fs fsi fsproj
  fsx fth gcode gd gdb gemspec ghc gitattributes gitignore glsl gn gnuplot go gql gradle graphql groovy gyp gypi haml hbs hcl hh hlsl hpp hrl hs
  hx hxx idr ignore inc ino inl ipp iss j2 jinja jinja2 jl jsp jsx just kt kts l la latex ld lean less lhs liquid lisp ll lock lp lsp ltx lua
  m m4 mak make mbt mk ml mli mm mmd mod mojo mps mts mustache nb nasm nc ndjson jsonl nim nims nix njk nomad nse nu odin org orig pas patch pb
  pbtxt pde pdb php phtml pl plantuml plist pm po pod podspec pod6 pony pot pro prolog properties proto ps1 psd1 psm1 pub pug puml purs
  pxd pxi py pyi pyx pyw q qbs qml qrc r raku rake rb re rej rei res resx rkt rktl rmd rnw ron rs rst ru s sas sbt sc scala scm sed service sh
  sig sld sls sln smali sml smt2 sol spec sql ss st star strings styl sum sv svelte svh swift tcl td tcsh tex textproto tf tfvars thy timer
  tla toc toml tpl ts tsx twig typ ui v vala vapi vb vbproj vcxproj vert vhd vhdl vim vue wast wat wl wls x y yang yy zig zsh key
  md5 sha1 sha256 sha512 f f90 f95 f03 for c cc cpp cxx h java asm`.split(/\s+/),
);

/** Names without an extension that are text. */
export const TEXT_NAMES: ReadonlySet<string> = new Set(
  `AUTHORS BUGS CHANGELOG CHANGES CNAME CODEOWNERS CONTRIBUTING CONTRIBUTORS COPYING COPYRIGHT CREDITS FAQ HACKING HISTORY INSTALL KEYS LICENCE
  LICENSE MAINTAINERS MANIFEST NEWS NOTICE PATENTS README RELEASE RELEASES ROADMAP SECURITY THANKS TODO UNLICENSE UPGRADING VERSION
  Makefile GNUmakefile makefile Dockerfile Containerfile Vagrantfile Jenkinsfile Gemfile Rakefile Guardfile Procfile Brewfile Podfile Fastfile
  Justfile justfile Pipfile Caddyfile Earthfile Tiltfile BUILD WORKSPACE Kconfig Kbuild configure gradlew Packages Sources Release InRelease Contents
  MD5SUMS SHA1SUMS SHA224SUMS SHA256SUMS SHA384SUMS SHA512SUMS B2SUMS CHECKSUMS md5sums sha256sums robots humans`.split(
    /\s+/,
  ),
);

/** Files below `/.well-known/` that have no extension (RFC 8615, and its registry), and what they are. */
export const WELL_KNOWN: Readonly<Record<string, string>> = {
  'apple-app-site-association': 'application/json',
  'atproto-did': 'text/plain',
  browserid: 'application/json',
  discord: 'text/plain',
  'gnap-as-rs': 'application/json',
  'host-meta': 'application/xrd+xml',
  'matrix/client': 'application/json',
  'matrix/server': 'application/json',
  'matrix/support': 'application/json',
  nodeinfo: 'application/json',
  'oauth-authorization-server': 'application/json',
  'oauth-protected-resource': 'application/json',
  'openid-configuration': 'application/json',
  'openid-federation': 'application/entity-statement+jwt',
  openorg: 'application/json',
  'passkey-endpoints': 'application/json',
  'privacy-sandbox-attestations': 'application/json',
  'smart-configuration': 'application/json',
  'ssf-configuration': 'application/json',
  'traffic-advice': 'application/trafficadvice+json',
  'uma2-configuration': 'application/json',
  vapid: 'application/json',
  webauthn: 'application/json',
  webfinger: 'application/jrd+json',
  webweaver: 'application/json',
};

/** The bytes of a file that are checked. */
const LOOKED_AT = 4096;

/**
 * Whether a file is text: `utf-8`, another encoding of text, or no text. Only its beginning is checked; an empty file
 * is text.
 */
export function textKind(bytes: Uint8Array): 'utf-8' | 'other' | undefined {
  const head = bytes.subarray(0, LOOKED_AT);
  for (const byte of head) if (byte < 0x20 && !TEXT_CONTROLS.has(byte)) return undefined;
  try {
    // A character that is cut off at the end is not an error.
    new TextDecoder('utf-8', { fatal: true }).decode(head, { stream: head.length < bytes.length });
    return 'utf-8';
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return 'other';
  }
}

/** Backspace, tab, line feed, vertical tab, form feed, carriage return, escape. */
const TEXT_CONTROLS = new Set([8, 9, 10, 11, 12, 13, 27]);
