#!/bin/sh
# The tests of this machine in two lanes side by side, as most of them wait. The second lane (scripts/second_lane.sh) begins with short sets on a real
# OpenStack, an EC2 API and a Docker Engine, which have a network of their own. Lints (scripts/lints.sh) take what the tests leave of the processors.
# usage: scripts/test.sh CARGO PYTHON
set -u

CARGO=$1
PYTHON=$2
LOG=target/second-lane.log
LINTS=target/lints.log
# These take long, leave the processors idle meanwhile, and can do with what others leave them: `uml` can not.
SECOND="data lies runs stacks"

cd "$(dirname "$0")/.."
$CARGO test --lib --bins --tests --no-run || exit

echo "make test: a second lane of tests runs beside: on OpenStack, EC2 and Docker, then $SECOND; what they say is in $LOG; and lints, in $LINTS" >&2
# However this shell ends, the second lane ends with it.
# shellcheck disable=SC2086
setpriv --pdeathsig TERM sh scripts/second_lane.sh "$CARGO" "$PYTHON" $SECOND >"$LOG" 2>&1 &
second=$!

# A signal to `timeout` is one to all that it has started.
setpriv --pdeathsig TERM timeout 60m chrt --idle 0 sh scripts/lints.sh "$CARGO" >"$LINTS" 2>&1 &
lints=$!

first=""
for file in tests/*.rs tests/*/main.rs fixtures/site/tests/*.rs fixtures/site/tests/*/main.rs; do
    target=$(basename "${file%/main.rs}" .rs)
    [ ! -e "$file" ] || case " $SECOND " in *" $target "*) ;; *) first="$first --test $target" ;; esac
done
# Half of the tests of the library wait.
# shellcheck disable=SC2086
RUST_TEST_THREADS=${RUST_TEST_THREADS:-4} $CARGO test --lib --bins $first
tests=$?

wait "$second"
beside=$?
wait "$lints"
lints=$?
cat "$LOG" "$LINTS" >&2
[ "$tests" -ne 0 ] && exit "$tests"
[ "$beside" -ne 0 ] && exit "$beside"
exit "$lints"
