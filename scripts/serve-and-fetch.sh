#!/usr/bin/env bash
# usage: scripts/serve-and-fetch.sh socket|dhcp|static
# Serves the project's own site over that target and fetches every URL of it, comparing by hash. Root for dhcp and static.
set -euo pipefail
cd "$(dirname "$0")/.."
case "${1:-}" in
  socket | dhcp | static) ;;
  *) echo "usage: $0 socket|dhcp|static" >&2; exit 2 ;;
esac
export CI=true
npm run -s build
npm run -s build:test
node build/test/run/install.js
exec node build/test/run/main.js "build/test/wire/whole-site-$1.test.js"
