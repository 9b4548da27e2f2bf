#!/usr/bin/env bash
# Installs the Debian packages that Loket's demo and tests need, or says which are missing and how to get them.
#
#   hack/deps.sh pages      Node.js and npm, to build the two web pages
#   hack/deps.sh cluster    what a real Kubernetes needs on the node, and PostgreSQL
#   hack/deps.sh test       all of it, Chromium, pgbouncer, and Spin with a C compiler
set -euo pipefail

node_major() { node --version 2>/dev/null | sed -E 's/^v([0-9]+).*/\1/' || true; }

packages=()
need() { # package, and a program or file that shows it is there
  command -v "$2" >/dev/null 2>&1 || [ -e "$2" ] || packages+=("$1")
}

pages() {
  command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1 || packages+=(nodejs npm)
}
cluster() {
  need runc runc
  need nftables nft
  need iptables iptables
  need conntrack conntrack
  need containernetworking-plugins /usr/lib/cni/ptp
  need ethtool ethtool
  need socat socat
  need iproute2 ip
  need procps sysctl
  need ca-certificates /etc/ssl/certs/ca-certificates.crt
  need postgresql /usr/lib/postgresql/15/bin/postgres
}

export PATH="$PATH:/usr/sbin:/sbin"
case "${1:-}" in
pages) pages ;;
cluster) pages; cluster ;;
test) pages; cluster; need chromium chromium; need pgbouncer pgbouncer; need git git; need spin spin; need gcc gcc; need libc6-dev /usr/include/stdlib.h ;;
*) echo "say pages, cluster or test" >&2; exit 2 ;;
esac
[ "${#packages[@]}" -gt 0 ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
  echo "missing: ${packages[*]}" >&2
  hint=""
  [ "$1" = pages ] || hint=", or run 'make dev', which needs no cluster and no root"
  echo "install them (Debian: apt-get install ${packages[*]})$hint" >&2
  exit 1
fi
echo "installing Debian packages: ${packages[*]}"
# a PostgreSQL of our own is started where it is needed: no other one shall be made by the package
if [[ " ${packages[*]} " == *" postgresql "* ]] && [ ! -e /etc/postgresql-common/createcluster.conf ]; then
  mkdir -p /etc/postgresql-common
  echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
if ! { apt-get update -q && apt-get install -y -q --no-install-recommends "${packages[@]}"; } >"$log" 2>&1; then
  tail -n 30 "$log" >&2
  exit 1
fi
