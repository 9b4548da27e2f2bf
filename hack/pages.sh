#!/usr/bin/env bash
# Builds the console and the widget into bot-runtime/web/dist. Vite needs Node.js 20.19 and npm 11 or later; where the system's
# are older (Debian 12), those that npm itself serves as packages are used, pinned.
set -euo pipefail
cd "$(dirname "$0")/../bot-runtime/web"
enough() {
  node -e 'const [a,b]=process.versions.node.split(".").map(Number);process.exit(a>20||(a==20&&b>=19)?0:1)' 2>/dev/null &&
    [ "$(npm --version | cut -d. -f1)" -ge 11 ]
}
if ! enough; then
  case "$(uname -m)" in x86_64) arch=x64 ;; aarch64) arch=arm64 ;; *) echo "no Node.js for $(uname -m): install Node.js 22" >&2; exit 1 ;; esac
  cache=${LOKET_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/loket}/node-22.23.3
  if [ ! -x "$cache/node_modules/.bin/npm" ]; then
    echo "fetching Node.js 22.23.3 and npm 11 (once)"
    npm install --silent --no-audit --no-fund --prefix "$cache" "node-linux-$arch@22.23.3" npm@11.19.1
  fi
  export PATH="$cache/node_modules/node-linux-$arch/bin:$cache/node_modules/.bin:$PATH"
fi
echo "building the pages"
npm ci --silent --no-audit --no-fund
npm run --silent build
touch dist/.built
