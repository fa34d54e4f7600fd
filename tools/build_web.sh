#!/bin/sh
# Builds the console into web/dist, only when its sources changed. Node 18 of Debian 12 is enough.
set -eu
cd "$(dirname "$0")/../web"
stamp=dist/.built
if [ -f "$stamp" ] && [ -z "$(find src public index.html package.json package-lock.json vite.config.ts \
    -newer "$stamp" -print -quit 2>/dev/null)" ]; then
  exit 0
fi
echo "web: fetching the console's libraries ..."
npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
echo "web: building ..."
npm run --silent build
touch "$stamp"
