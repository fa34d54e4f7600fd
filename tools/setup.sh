#!/bin/sh
# Installs what Yufu needs from Debian 12, and nothing that is there already.
#   tools/setup.sh run    what `make run` needs: build and run the product
#   tools/setup.sh test   the above, and what `make test` needs
#   tools/setup.sh check  the above, and what `make check` needs
#   tools/setup.sh bench  what `make run` needs, and the databases that benches compare with
#   tools/setup.sh cross  what `make test` needs, and compilers and an emulator of ARM, 64 and 32 bits
#   tools/setup.sh list   installs nothing: names what `make run` needs
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
libxml2-dev                 XML of the data centres that energy is reported to
zlib1g-dev                  compressed reports of units of other makers
libcbor-dev                 CBOR of the uplink
libjansson-dev              JSON in: API bodies, price plans, configuration
libmicrohttpd-dev           the HTTP server
libmosquitto-dev            MQTT, for gateways that reach the platform through a broker
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
libgmp-dev                  exact fractions, for the independent oracle of prices
clang-format                one layout for all sources
socat                       pseudo-terminal pairs for serial-line tests
chromium                    a real browser for the console
fonts-noto-cjk              Chinese text in that browser
sqlite3                     looking into the store by hand
gcc-arm-none-eabi           the terminal as a firmware image
qemu-system-arm             the cores that run it
mosquitto                   a real broker for the MQTT tests
openssl                     certificates for that broker
curl                        system tests of the HTTP API
faketime                    a clock that is set wrong under a running program
python3-yaml                reads docs/openapi.yaml to hold the answers of the API against it
python3-jsonschema          holds models and price plans against their published schemas
'
check_packages='
cppcheck                    static analysis
git                         which files are ours: layout of the sources
'
cross_packages='
gcc-aarch64-linux-gnu       64-bit ARM gateways
gcc-arm-linux-gnueabihf     32-bit ARM gateways
qemu-user                   runs their programs here
'
bench_packages='
postgresql-15               set-based SQL, beside ours
libmodbus-dev               a blocking Modbus client, beside our gateway
valgrind                    instructions that a load on the machine does not change
'

# A machine whose node comes from elsewhere brings npm along; Debian's npm would conflict with it.
present() {
  case $1 in
    npm) command -v npm >/dev/null 2>&1 && return 0 ;;
    nodejs) command -v node >/dev/null 2>&1 && return 0 ;;
  esac
  case "$installed" in *" $1 "*) return 0 ;; esac
  return 1
}

case $want in
  run) list=$run_packages ;;
  test) list="$run_packages$test_packages" ;;
  check) list="$run_packages$test_packages$check_packages" ;;
  bench) list="$run_packages$bench_packages" ;;
  cross) list="$run_packages$test_packages$cross_packages" ;;
  list) printf '%s' "$run_packages" | sed -n 's/^\([a-z][^ ]*\) .*/\1/p'; exit 0 ;;
  *) echo "setup: run, test, check, bench, cross or list?" >&2; exit 2 ;;
esac
installed=" $(dpkg-query -W -f='${db:Status-Status} ${Package}\n' 2>/dev/null |
  sed -n 's/^installed //p' | tr '\n' ' ') "
missing=$(printf '%s' "$list" | while read -r name why; do
  [ -n "$name" ] || continue
  present "$name" || printf '%s|%s\n' "$name" "$why"
done)
[ -n "$missing" ] || exit 0

names=$(printf '%s\n' "$missing" | cut -d'|' -f1 | tr '\n' ' ')
if ! command -v apt-get >/dev/null 2>&1; then
  echo "setup: this is not Debian. Yufu needs what Debian 12 calls:" >&2
  echo "  $names" >&2
  exit 1
fi
if [ "$(id -u)" = 0 ]; then as_root=
elif command -v sudo >/dev/null 2>&1; then as_root=sudo
else
  echo "setup: some Debian packages are missing, and neither root nor sudo is at hand. As root, run:" >&2
  echo "  apt-get install --no-install-recommends $names" >&2
  exit 1
fi

echo "setup: installing from Debian:"
printf '%s\n' "$missing" | while IFS='|' read -r name why; do printf '  %-24s %s\n' "$name" "$why"; done
said=$(mktemp)
trap 'rm -f "$said"' EXIT
apt() {
  # shellcheck disable=SC2086
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq "$@" >"$said" 2>&1 && return 0
  tail -n 20 "$said" >&2
  echo "setup: 'apt-get $1' failed. Does 'apt-get update' work here, for Debian 12 (bookworm), main?" >&2
  exit 1
}
apt update
# shellcheck disable=SC2086
apt install -y --no-install-recommends $names
echo "setup: done"
