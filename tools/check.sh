#!/bin/sh
# What a reviewer would ask first: both compilers without warnings, one layout, static analysis.
set -eu
cd "$(dirname "$0")/.."
for cc in gcc clang; do
  echo "check: $cc"
  [ -f "build-$cc/build.ninja" ] || CC=$cc tools/quietly.sh meson setup "build-$cc"
  tools/quietly.sh ninja -C "build-$cc"
done
echo "check: layout"
# Tables (name_table.h) keep a row on a line.
drift=$(git ls-files 'src/**.[ch]' 'sim/**.[ch]' 'tests/**.[ch]' 'bench/*.[ch]' \
  'firmware/*.[ch]' | grep -v '_table\.h$' |
  xargs clang-format --dry-run 2>&1 | sed -n 's/^\([^ :]*\.[ch]\):[0-9].*/  \1/p' | sort -u)
[ -z "$drift" ] || printf 'layout differs, `make format` mends it:\n%s\n' "$drift"
echo "check: cppcheck"
# Uninitialized memory is left to -Wall of two compilers and to the sanitizers: cppcheck does not see
# that an out: parameter is filled whenever ERR_OK comes back.
cppcheck --std=c11 --enable=warning,portability --inline-suppr --quiet --error-exitcode=1 -j 2 \
  -Isrc --suppress=internalAstError --suppress=syntaxError --suppress=uninitvar \
  --suppress=uninitStructMember src
[ -z "$drift" ] || exit 1
echo "check: done"
