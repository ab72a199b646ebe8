#!/usr/bin/env bash
# README's two commands in a clean room: a root of Debian's smallest system with Node and git, and nothing else. Root, mmdebstrap.
#
#   scripts/clean-room.sh [start|test]     default: start
#
# `start` clones HEAD, runs `npm ci && npm start`, and fetches the home page. `test` runs `npm ci && npm test` and shows its last line.
set -euo pipefail
cd "$(dirname "$0")/.."
what=${1:-start}
case $what in start | test) ;; *) echo "clean-room.sh: \"$what\" is neither start nor test" >&2; exit 2 ;; esac
command -v mmdebstrap >/dev/null || { echo 'clean-room.sh: mmdebstrap is missing; apt-get install mmdebstrap' >&2; exit 1; }
room=$(mktemp -d)
mounts() { awk -v room="$room" 'index($2, room) == 1 {print $2}' /proc/mounts | sort -r; }
trap 'for m in $(mounts); do umount "$m"; done; rm -rf --one-file-system "$room"' EXIT
mmdebstrap --quiet --variant=minbase --include=git,ca-certificates bookworm "$room" >/dev/null
# Node as its archive has it: the program, npm, and the libraries that it is linked with.
node=$(node -p process.execPath)
install -D "$node" "$room/usr/local/bin/node"
for library in $(ldd "$node" | awk '$3 ~ /^\// {print $3}'); do [ -e "$room$library" ] || install -D "$library" "$room$library"; done
npm=$(dirname "$(npm root -g)/npm/package.json")
mkdir -p "$room/usr/local/lib/node_modules"
cp -a "$npm" "$room/usr/local/lib/node_modules/npm"
ln -s ../lib/node_modules/npm/bin/npm-cli.js "$room/usr/local/bin/npm"
ln -s ../lib/node_modules/npm/bin/npx-cli.js "$room/usr/local/bin/npx"
# The certificates and the name servers that this machine trusts.
cp -L /etc/ssl/certs/ca-certificates.crt "$room/etc/ssl/certs/"
cp -L /etc/resolv.conf "$room/etc/"
git clone -q --no-local . "$room/clone"
mount -t proc proc "$room/proc"
mount --rbind /dev "$room/dev"
mount --make-rslave "$room/dev"
in_room() { unshare --pid --fork --kill-child chroot "$room" /usr/bin/env -i PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin HOME=/root \
  NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt ${HTTPS_PROXY:+HTTPS_PROXY="$HTTPS_PROXY"} ${HTTP_PROXY:+HTTP_PROXY="$HTTP_PROXY"} \
  bash -ec "cd /clone; $1"; }
in_room 'npm ci'
if [ "$what" = test ]; then
  in_room 'npm test' | tail -1
else
  in_room 'npm start > /tmp/said & started=$!
    for i in $(seq 120); do grep -q "^listening on" /tmp/said && break; sleep 1; done
    url=$(grep -oE "http:[^ ]+" /tmp/said)
    node -e "fetch(process.argv[1]).then(async (a) => { const text = await a.text(); console.log(a.status, text.length, \"bytes\"); process.exit(a.status === 200 ? 0 : 1) })" "$url"
    kill -TERM $started; wait $started || true'
fi
