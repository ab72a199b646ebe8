#!/usr/bin/env bash
# usage: scripts/image.sh [SITE] [OPTION...]
# Builds the program and an image of the project's own site, or of SITE, for the target that scripts/configure.sh wrote down (socket, when it
# did not), verifies it and has it test itself. Prints images/<id>, alone, on standard output. BUILT=1: the program
# is built already; IMAGES and TARGET: another folder of images, another file than .target.
set -euo pipefail
cd "$(dirname "$0")/.."
[ -n "${BUILT:-}" ] || npm run -s build >&2
options=(--target socket)
[ ! -f "${TARGET:-.target}" ] || read -r -a options < "${TARGET:-.target}"
# What it was made of, for people. In a container of CI the checkout is another user's and git does not answer: there CI tells.
commit=${GITHUB_SHA:-$(git rev-parse HEAD 2>/dev/null || true)}
if [ -n "$commit" ]; then
  options+=(--source "sitekernel=$commit")
  [ -d "${1:-}" ] || options+=(--source "site=$commit")
fi
image=$(node dist/main.js image build "$@" "${options[@]}" -o "${IMAGES:-images}")
node dist/main.js image verify "$image" >&2
# A machine image boots instead of running here.
case " ${options[*]} " in *' --target vm '*) ;; *) "$image/run" --self-test >&2 ;; esac
printf '%s\n' "$image"
