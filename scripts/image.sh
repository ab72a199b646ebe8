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
image=$(node dist/main.js image build "$@" "${options[@]}" -o "${IMAGES:-images}")
node dist/main.js image verify "$image" >&2
# A machine image boots instead of running here.
case " ${options[*]} " in *' --target vm '*) ;; *) "$image/run" --self-test >&2 ;; esac
printf '%s\n' "$image"
