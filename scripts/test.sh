#!/bin/sh
# The tests of this machine and, beside them, short sets on a real OpenStack, an EC2 API and a Docker Engine (scripts/on_clouds.sh): these have a
# network of their own and mostly wait, so all take little longer than the tests of this machine.
# usage: scripts/test.sh CARGO PYTHON
set -u

CARGO=$1
PYTHON=$2
LOG=target/on-clouds.log

cd "$(dirname "$0")/.."
$CARGO test --lib --bins --tests --no-run || exit

clouds=""
if [ "$(id -u)" -eq 0 ] || [ -n "${CI:-}" ]; then
    echo "make test: a real OpenStack, then an EC2 API, then a Docker Engine are started beside the tests; what they say is in $LOG" >&2
    # However this shell ends, the clouds end with it.
    setpriv --pdeathsig TERM sh scripts/on_clouds.sh "$CARGO" "$PYTHON" >"$LOG" 2>&1 &
    clouds=$!
else
    echo "make test: the tests on OpenStack, EC2 and Docker are ignored: they need root" >&2
fi

# Half of the tests of the library wait.
RUST_TEST_THREADS=${RUST_TEST_THREADS:-4} $CARGO test --lib --bins --tests
tests=$?

[ -n "$clouds" ] || exit "$tests"
wait "$clouds"
on_clouds=$?
cat "$LOG" >&2
[ "$tests" -ne 0 ] && exit "$tests"
exit "$on_clouds"
