#!/bin/sh
# What a reviewer would ask first: both compilers without warnings, one layout, static analysis.
set -eu
cd "$(dirname "$0")/.."
echo "check: clang"
[ -f build-clang/build.ninja ] || CC=clang meson setup build-clang >/dev/null
ninja -C build-clang --quiet
echo "check: layout"
git ls-files 'src/**.[ch]' 'sim/**.[ch]' | xargs clang-format --dry-run -Werror 2>&1 | head -20 || true
echo "check: cppcheck"
if command -v cppcheck >/dev/null; then
  cppcheck --std=c11 --enable=warning,portability --inline-suppr --quiet --error-exitcode=1 \
    -Isrc --suppress=internalAstError --suppress=syntaxError src || exit 1
fi
echo "check: done"
