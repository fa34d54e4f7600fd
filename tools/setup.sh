#!/bin/sh
# Installs what Yufu needs from Debian 12, and nothing that is there already.
#   tools/setup.sh run    what `make run` needs: build and run the product
#   tools/setup.sh test   the above, and what `make test` needs
# Works as root, or through sudo. Prints what it is about to do before it does it.
set -eu

want=${1:-run}

# package                   why
run_packages='
build-essential             gcc, the C library headers
pkg-config                  how Meson finds the libraries below
meson                       the build description
ninja-build                 the build
python3                     small generators that Meson calls
libuv1-dev                  event loop, timers, sockets, processes
libssl-dev                  TLS 1.3, AES-256-GCM, HKDF, certificates
libsodium-dev               argon2id password hashing
libsqlite3-dev              the embedded store
libzstd-dev                 compression of sealed reading blocks
libcbor-dev                 CBOR of the uplink
libjansson-dev              JSON in: API bodies, price plans, configuration
libmicrohttpd-dev           the HTTP server
ca-certificates             npm talks to its registry over TLS
tzdata                      time zones of the projects
nodejs                      builds the web console
npm                         fetches the console'"'"'s libraries
'
test_packages='
clang                       second compiler, fuzzers, static checks
llvm                        symbols in sanitizer reports
libclang-rt-14-dev          libFuzzer and the sanitizers of clang 14
libcmocka-dev               unit tests
clang-format                one layout for all sources
socat                       pseudo-terminal pairs for serial-line tests
chromium                    a real browser for the console
fonts-noto-cjk              Chinese text in that browser
sqlite3                     looking into the store by hand
curl                        system tests of the HTTP API
python3-yaml                reads docs/openapi.yaml to hold the answers of the API against it
'

# A machine whose node comes from elsewhere brings npm along; Debian's npm would conflict with it.
present() {
  case $1 in
    npm) command -v npm >/dev/null 2>&1 && return 0 ;;
    nodejs) command -v node >/dev/null 2>&1 && return 0 ;;
  esac
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null || true)" = installed ]
}

list=$run_packages
[ "$want" = test ] && list="$run_packages$test_packages"

missing=$(printf '%s' "$list" | while read -r name why; do
  [ -n "$name" ] || continue
  present "$name" || printf '%s|%s\n' "$name" "$why"
done)
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then as_root=''
elif command -v sudo >/dev/null 2>&1; then as_root=sudo
else
  echo "setup: some Debian packages are missing, and neither root nor sudo is at hand. As root, run:" >&2
  echo "  apt-get install --no-install-recommends $(printf '%s\n' "$missing" | cut -d'|' -f1 | tr '\n' ' ')" >&2
  exit 1
fi

echo "setup: installing from Debian:"
printf '%s\n' "$missing" | while IFS='|' read -r name why; do printf '  %-24s %s\n' "$name" "$why"; done
names=$(printf '%s\n' "$missing" | cut -d'|' -f1 | tr '\n' ' ')
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq
# shellcheck disable=SC2086
$as_root apt-get install -y -qq --no-install-recommends $names >/tmp/yufu-setup.$$.log 2>&1 || {
  echo "setup: apt-get failed:" >&2; tail -n 20 /tmp/yufu-setup.$$.log >&2; exit 1; }
rm -f /tmp/yufu-setup.$$.log
echo "setup: done"
