#!/usr/bin/env bash
# usage: scripts/site.sh build    builds site/ with Jekyll to site/_site, which is committed
#        scripts/site.sh check    builds it elsewhere and fails with a list of what differs from what is committed
# The result is the same on any machine and day: Jekyll 4.3 from Debian, time zone UTC, a fixed time in _config.yml.
set -euo pipefail
cd "$(dirname "$0")/.."
mode=${1:-build}
case "$mode" in build | check) ;; *) echo "usage: $0 build|check" >&2; exit 2 ;; esac

if ! command -v jekyll >/dev/null || ! ruby -e 'gem "jekyll-feed"; gem "jekyll-sitemap"' 2>/dev/null; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends jekyll ruby-jekyll-feed ruby-jekyll-sitemap >/dev/null
  else
    echo "Jekyll 4.3 with jekyll-feed and jekyll-sitemap is needed: apt-get install jekyll ruby-jekyll-feed ruby-jekyll-sitemap" >&2
    exit 1
  fi
fi

export TZ=UTC LC_ALL=C.UTF-8 JEKYLL_ENV=production
out=site/_site
if [ "$mode" = check ]; then
  out=$(mktemp -d)
  trap 'rm -rf "$out"' EXIT
fi
jekyll build --quiet --disable-disk-cache --source site --destination "$out"
[ "$mode" = build ] || diff -rq site/_site "$out"
