#!/bin/sh
# Runs each libFuzzer target for a number of seconds: fuzz.sh SECONDS. Fails if any of them found something.
set -eu
cd "$(dirname "$0")/.."
seconds=${1:?fuzz.sh SECONDS}
[ -f build-fuzz/build.ninja ] || CC=clang tools/quietly.sh meson setup build-fuzz \
  --buildtype=debugoptimized -Db_sanitize=address,undefined -Db_lundef=false -Dc_args=-fsanitize=fuzzer-no-link
said=$(mktemp)
trap 'rm -f "$said"' EXIT
targets=$(ninja -C build-fuzz -t targets all | sed -n 's,^\(tests/fuzz/fuzz_[a-z0-9_]*\): .*,\1,p')
# shellcheck disable=SC2086
tools/quietly.sh ninja -C build-fuzz $targets
python3 tests/fuzz/seeds.py build-fuzz out/corpus
found=0
for target in $targets; do
  name=$(basename "$target")
  mkdir -p "out/corpus/$name" out/findings
  if "build-fuzz/$target" -max_total_time="$seconds" -print_final_stats=1 -verbosity=0 \
    -artifact_prefix="out/findings/$name-" "out/corpus/$name" >"$said" 2>&1; then
    sed -n "s/^stat::number_of_executed_units: *\([0-9]*\)/fuzz: $name: \1 inputs/p; s/^stat::average_exec_per_sec: *\([0-9]*\)/fuzz: $name: \1 a second/p" "$said"
  else
    found=$((found + 1))
    echo "fuzz: $name: FOUND" >&2
    grep -v '^stat::' "$said" | tail -n 40 >&2
  fi
done
[ -n "$targets" ] || { echo "fuzz: no targets" >&2; exit 1; }
echo "fuzz: $(echo "$targets" | wc -l) targets, $found with findings"
[ "$found" = 0 ]
