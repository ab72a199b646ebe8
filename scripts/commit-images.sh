#!/usr/bin/env bash
# usage: DEPLOY_REPOSITORY=URL [DEPLOY_KEY=...] [SIGN_KEY=...] scripts/commit-images.sh images/<id>...
# Commits each image to the branch of the deployment repository that has its target's name. DEPLOY_KEY: the private half of a deploy key that
# may write there; SIGN_KEY: a private key of ssh that images are signed with. Both are the keys themselves, as CI has its secrets.
# DEPLOY_HOST_KEYS: lines of known_hosts(5) for the machine that has the repository. With a deploy key they are needed, unless this
# user knows the machine already: nobody is believed the first time.
set -euo pipefail
cd "$(dirname "$0")/.."
: "${DEPLOY_REPOSITORY:?the URL of the deployment repository}"
[ $# -gt 0 ] || { echo "usage: $0 images/<id>..." >&2; exit 2; }
umask 077
keys=$(mktemp -d)
trap 'rm -rf "$keys"' EXIT
if [ -n "${DEPLOY_KEY:-}" ]; then
  printf '%s\n' "$DEPLOY_KEY" > "$keys/deploy"
  export GIT_SSH_COMMAND="ssh -i $keys/deploy -o IdentitiesOnly=yes -o StrictHostKeyChecking=yes"
  if [ -n "${DEPLOY_HOST_KEYS:-}" ]; then
    printf '%s\n' "$DEPLOY_HOST_KEYS" > "$keys/known_hosts"
    GIT_SSH_COMMAND="$GIT_SSH_COMMAND -o UserKnownHostsFile=$keys/known_hosts -o GlobalKnownHostsFile=/dev/null"
  fi
fi
sign=()
if [ -n "${SIGN_KEY:-}" ]; then
  printf '%s\n' "$SIGN_KEY" > "$keys/sign"
  sign=(--sign "$keys/sign")
fi
for image in "$@"; do
  node dist/main.js image verify "$image" >&2
  target=$(node -p 'JSON.parse(require("fs").readFileSync(process.argv[1], "utf8")).target' "$image/manifest.json")
  node dist/main.js deploy commit "$image" --repo "$DEPLOY_REPOSITORY" --branch "$target" "${sign[@]}"
done
