#!/bin/sh
# Runs a command and shows what it said only if it failed: quietly.sh COMMAND ARGUMENT...
set -u
said=$(mktemp)
trap 'rm -f "$said"' EXIT
"$@" >"$said" 2>&1
code=$?
[ "$code" = 0 ] || cat "$said" >&2
exit "$code"
