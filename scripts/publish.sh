#!/usr/bin/env bash
# usage: NODE_AUTH_TOKEN=... scripts/publish.sh
# Publishes the package that was built, with provenance, where the tag is the package's version. In CI alone: npm asks it for the proof.
set -euo pipefail
cd "$(dirname "$0")/.."
version=$(node -p 'require("./package.json").version')
if [ "${GITHUB_REF_NAME:-}" != "v$version" ]; then
  echo "publish.sh: the tag ${GITHUB_REF_NAME:-(none)} is not that of the package, v$version" >&2
  exit 1
fi
settings=$(mktemp)
trap 'rm -f "$settings"' EXIT
# npm puts the token in by itself; the file has its name alone.
printf '%s\n' '//registry.npmjs.org/:_authToken=${NODE_AUTH_TOKEN}' > "$settings"
npm publish --userconfig "$settings" --provenance --access public --ignore-scripts
