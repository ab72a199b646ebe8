#!/usr/bin/env bash
# usage: [HASHES=FILE] [MODULES=FOLDER] scripts/reproducible.sh [package|vm]...     default: both
# Builds HEAD twice and compares what comes out, byte for byte: the package's file, the images of two targets, a machine image and
# its disk. The second build has another folder, umask, time zone, language, home and user name; and where this is root another user,
# host name and file system, in namespaces of its own. Writes the hash of each file to HASHES, for a comparison with another machine's.
# Installs packages with npm, or takes those of MODULES; a machine image also wants what docs/vm.md names.
set -euo pipefail
cd "$(dirname "$0")/.."
what=" ${*:-package vm} "
case $what in *' vm '*)
  if ! { command -v mksquashfs && command -v grub-mkimage; } > /dev/null && [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends squashfs-tools grub-common grub-pc-bin > /dev/null
  fi ;;
esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
source=$work/source.tar
# A checkout of CI is another user's.
git -c safe.directory='*' archive -o "$source" HEAD
export source what MODULES=${MODULES:-}

# build ROOM OUTPUT
build() {
  set -euo pipefail
  export HOME="$1/home" XDG_CACHE_HOME="$1/home/.cache" TMPDIR="$1/home"
  mkdir -p "$HOME"
  mkdir "$1/checkout"
  cd "$1/checkout"
  tar -xf "$source"
  # Installed once, where that was done already: what is installed is pinned by its hash.
  if [ -n "$MODULES" ]; then cp -r "$MODULES" node_modules
  else npm ci --ignore-scripts --no-audit --no-fund > /dev/null; fi
  npm run -s build
  npm pack --silent --ignore-scripts --pack-destination "$2" > /dev/null
  image() { node dist/main.js image build site/_site --compression fast -o "$1/images" --target "${@:2}" > /dev/null; }
  for target in socket direct; do image "$2" "$target"; done
  case $what in *' vm '*) image "$2" vm --format raw ;; esac
  # Labels say who built it; they are no part of what an image is.
  rm -rf "$2/images/.sites" "$2"/images/*/labels.json
}
export -f build

first=$work/first second="$work/the second one"
mkdir -p "$first"/{room,output} "$second"/{room,output}
(umask 022; export TZ=UTC LC_ALL=C.UTF-8 USER=ann LOGNAME=ann; build "$first/room" "$first/output")

export TZ=Asia/Kolkata LC_ALL=C LANG=de_DE.UTF-8 USER=bob LOGNAME=bob room="$second/room" output="$second/output"
if [ "$(id -u)" = 0 ] && unshare --mount --uts true 2> /dev/null; then
  chown -R 61234:61234 "$second"
  unshare --mount --uts bash -euo pipefail -c '
    mount -t tmpfs -o uid=61234,gid=61234,size=4g none "$room"
    hostname another
    exec setpriv --reuid 61234 --regid 61234 --clear-groups bash -c "umask 077; build \"\$room\" \"\$output\""'
else
  (umask 077; build "$room" "$output")
fi
diff -r "$first/output" "$second/output" || { echo 'reproducible.sh: the two builds differ' >&2; exit 1; }
HASHES=${HASHES:-/dev/stdout}
mkdir -p "$(dirname "$HASHES")"
(cd "$first/output" && find . -type f -exec sha256sum {} + | LC_ALL=C sort -k 2) > "$HASHES"
