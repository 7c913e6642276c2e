#!/bin/sh
# The tests of this machine and, beside them, a short set on a real OpenStack (scripts/on_openstack.sh): that has a network of its own and mostly
# waits, so both take little longer than one.
# usage: scripts/test.sh CARGO PYTHON
set -u

CARGO=$1
PYTHON=$2
LOG=target/on-openstack.log

cd "$(dirname "$0")/.."
$CARGO test --lib --bins --tests --no-run || exit

cloud=""
if [ "$(id -u)" -eq 0 ] || [ -n "${CI:-}" ]; then
    echo "make test: a real OpenStack is started beside the tests; what it says is in $LOG" >&2
    # However this shell ends, the cloud ends with it, and the kernel removes whatever runs there.
    setpriv --pdeathsig TERM "$PYTHON" fixtures/openstack/openstack.py run -- \
        sh scripts/on_openstack.sh "$CARGO" short >"$LOG" 2>&1 &
    cloud=$!
else
    echo "make test: the tests on OpenStack are ignored: they need root" >&2
fi

$CARGO test --lib --bins --tests
tests=$?

[ -n "$cloud" ] || exit "$tests"
wait "$cloud"
on_cloud=$?
echo "make test: on OpenStack (exit code $on_cloud):" >&2
cat "$LOG" >&2
[ "$tests" -ne 0 ] && exit "$tests"
exit "$on_cloud"
