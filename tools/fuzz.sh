#!/bin/sh
# Runs each libFuzzer target for a number of seconds: fuzz.sh SECONDS
set -eu
cd "$(dirname "$0")/.."
[ -f build-fuzz/build.ninja ] || CC=clang meson setup build-fuzz --buildtype=debugoptimized \
  -Db_sanitize=address,undefined -Db_lundef=false >/dev/null
ninja -C build-fuzz --quiet
for target in build-fuzz/tests/fuzz/fuzz_*; do
  [ -f "$target" ] && [ -x "$target" ] || continue
  name=$(basename "$target")
  mkdir -p "out/corpus/$name"
  echo "fuzz: $name for $1 s"
  "$target" -max_total_time="$1" -print_final_stats=1 -verbosity=0 "out/corpus/$name" 2>&1 |
    grep -E 'number_of_executed_units|ERROR|SUMMARY' || true
done
