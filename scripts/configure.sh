#!/usr/bin/env bash
# usage: [ADDR=A.B.C.D MASK=M.M.M.M GWS=A.B.C.D] scripts/configure.sh socket|direct|static|vm
# Writes .target: the options with which scripts/image.sh builds images.
set -euo pipefail
cd "$(dirname "$0")/.."
target=${1:-}
case "$target" in
  socket | direct) options="--target $target" ;;
  static)
    if [ -z "${ADDR:-}" ] || [ -z "${MASK:-}" ]; then
      echo "configure.static needs an address: ADDR=46.43.42.137 MASK=255.255.255.128 GWS=46.43.42.129" >&2
      exit 2
    fi
    options="--target static --ipv4 $ADDR --ipv4-netmask $MASK${GWS:+ --ipv4-gateway $GWS}"
    ;;
  vm)
    options="--target vm"
    [ -z "${ADDR:-}" ] || options="$options --ipv4 $ADDR${MASK:+ --ipv4-netmask $MASK}${GWS:+ --ipv4-gateway $GWS}"
    ;;
  *) echo "usage: $0 socket|direct|static|vm" >&2; exit 2 ;;
esac
printf '%s\n' "$options" > "${TARGET:-.target}"
echo "configured: $options" >&2
