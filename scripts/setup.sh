#!/bin/sh
# Installs what scenarios are made of from Debian's packages: only what is missing, nothing upgraded, and no
# service of theirs starts on this machine, now or after a reboot.
set -eu

PACKAGES="haproxy nginx-light apache2-bin keepalived iputils-arping openssh-server openssh-client iptables iproute2 procps python3 python3-venv
mariadb-server-core mariadb-client-core mariadb-backup monit
redis-server python3-redis
postgresql
gcc libc6-dev make pkg-config libssl-dev zlib1g-dev git user-mode-linux puppet-agent
python3-configobj python3-jinja2 python3-jsonpatch python3-jsonschema python3-netifaces python3-oauthlib python3-requests
python3-serial python3-yaml"

# What only `make nightly` runs: Puppet's server with Java, and stacks with their own runtimes: 140 MB to download.
[ "${1:-}" != nightly ] && [ "${2:-}" != nightly ] || PACKAGES="$PACKAGES puppetserver default-jre-headless
rabbitmq-server python3-pika patroni etcd-server python3-psycopg2"

# cloud-init judges the documents of `chimp role`. Installed, it would take part in this machine's boot, so its package is
# only unpacked, here. What it imports is installed above: libraries alone.
CLOUD_INIT=target/cloud-init

# Servers of a test that have no libc are made of it. Installed, it would take the place of the package busybox.
BUSYBOX=target/busybox

unpack() {
    mkdir -p "$2"
    (cd "$2" && apt-get download -q "$1" && dpkg -x "$1"_*.deb . && rm "$1"_*.deb)
}

# $1: the package, $2: where it is unpacked, $3: a file of it, $4: what is not tested without it. Scenarios do without
# these packages, so a machine without a network is set up all the same.
fetch() {
    [ -e "$2/$3" ] && return
    echo "setup: fetching $1, to be unpacked in $2" >&2
    unpack "$1" "$2" 2>/dev/null && return
    if [ "$(id -u)" -eq 0 ] && apt-get update -q && unpack "$1" "$2"; then return; fi
    echo "setup: $1 can't be fetched: $4 are not tested" >&2
}

fetch_all() {
    fetch cloud-init "$CLOUD_INIT" usr/bin/cloud-init "the documents of \`chimp role\`"
    fetch busybox-static "$BUSYBOX" bin/busybox "servers without a libc"
}

cd "$(dirname "$0")/.."

missing=""
for package in $PACKAGES; do
    dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || missing="$missing $package"
done
if [ -z "$missing" ]; then
    fetch_all
    exit 0
fi

if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "setup: missing:$missing; install them as root, or install sudo" >&2; exit 1; }
    sudo sh scripts/setup.sh packages "${1:-}"
    fetch_all
    exit
fi

# Services that this machine has of its own stay as they are: only units that come with what is installed now are
# disabled.
units() { systemctl list-unit-files --type=service --no-legend 2>/dev/null | cut -d' ' -f1 | sort || true; }
before=$(mktemp)
units >"$before"

# A policy-rc.d that says 101 keeps packages from starting their services now. One that is there already is put back.
policy=/usr/sbin/policy-rc.d
kept=""
if [ -e "$policy" ]; then
    kept=$(mktemp)
    cp -p "$policy" "$kept"
fi
restore() {
    if [ -n "$kept" ]; then cp -p "$kept" "$policy"; rm -f "$kept"; else rm -f "$policy"; fi
    rm -f "$before" "${after:-}"
}
trap restore EXIT
trap 'exit 130' INT TERM
printf '#!/bin/sh\nexit 101\n' >"$policy"
chmod 755 "$policy"

echo "setup: installing$missing" >&2
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
# shellcheck disable=SC2086
apt-get install -q -y --no-install-recommends --no-upgrade $missing
[ "${1:-}" = packages ] || fetch_all

after=$(mktemp)
units >"$after"
for unit in $(comm -13 "$before" "$after"); do
    systemctl disable "$unit" 2>/dev/null || true
done
# Where no systemd runs, the links it would follow at boot are removed for the packages that were just installed.
for package in $missing; do
    case "$package" in
        haproxy) service=haproxy ;;
        nginx-light) service=nginx ;;
        keepalived) service=keepalived ;;
        openssh-server) service=ssh ;;
        monit) service=monit ;;
        postgresql) service=postgresql ;;
        puppet-agent) service=puppet ;;
        puppetserver) service=puppetserver ;;
        redis-server) service=redis-server ;;
        rabbitmq-server) service=rabbitmq-server ;;
        etcd-server) service=etcd ;;
        patroni) service=patroni ;;
        *) continue ;;
    esac
    if ! [ -d /run/systemd/system ]; then
        rm -f "/etc/systemd/system/multi-user.target.wants/$service.service"
        [ -x "/etc/init.d/$service" ] && update-rc.d "$service" disable >/dev/null 2>&1 || true
    fi
done
