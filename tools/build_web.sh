#!/bin/sh
# Builds the console into web/dist, only when its sources changed. Node 18 of Debian 12 is enough.
set -eu
cd "$(dirname "$0")/../web"
stamp=dist/.built
if [ -f "$stamp" ] && [ -z "$(find src public index.html package.json package-lock.json vite.config.ts \
    -newer "$stamp" -print -quit 2>/dev/null)" ]; then
  exit 0
fi
major=$(node --version | sed 's/^v\([0-9]*\).*/\1/')
if [ "$major" -lt 18 ]; then
  echo "web: $(command -v node) is version $major; the console needs 18 or later (Debian 12 has it: apt-get install nodejs)" >&2
  exit 1
fi
echo "web: fetching the console's libraries ..."
../tools/quietly.sh npm ci --ignore-scripts --no-audit --no-fund --loglevel=error || {
  echo "web: npm could not fetch them. Is the npm registry reachable (npm ping)?" >&2
  exit 1
}
echo "web: building ..."
../tools/quietly.sh npm run --silent build
touch "$stamp"
