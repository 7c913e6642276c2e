#!/bin/sh
# What `make test` runs beside all other tests: short sets in clouds, where there is root, then some targets.
# usage: scripts/second_lane.sh CARGO PYTHON TARGET…
set -u

CARGO=$1
PYTHON=$2
shift 2

clouds=0
if [ "$(id -u)" -eq 0 ] || [ -n "${CI:-}" ]; then
    setpriv --pdeathsig TERM sh scripts/on_clouds.sh "$CARGO" "$PYTHON"
    clouds=$?
else
    echo "make test: the tests on OpenStack, EC2 and Docker are ignored: they need root"
fi

targets=""
for target; do targets="$targets --test $target"; done
# A signal to `timeout` is one to all that it has started.
# shellcheck disable=SC2086
setpriv --pdeathsig TERM timeout 30m $CARGO test $targets || exit
exit "$clouds"
