#!/usr/bin/env bash
# npm's `prepare`: makes dist/ where the package is installed or packed straight out of git. `npm ci` in a clone is left alone: there
# `npm start` and `npm test` build.
set -euo pipefail
[ "${npm_command:-}" != ci ] || exit 0
"$(dirname "$0")/build.sh"
