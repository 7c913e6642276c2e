#!/bin/sh
# Runs every feature once for each seed; ends with the worst exit code. usage: nightly.sh CARGO SPAN SEED…
set -u
cargo=$1
span=$2
shift 2
worst=0
failed=""
for seed in "$@"; do
    echo "nightly: seed $seed"
    $cargo test --test chaos -- --include-ignored --seed "$seed" --span "$span"
    code=$?
    if [ "$code" -ne 0 ]; then
        failed="$failed $seed"
        [ "$worst" -eq 0 ] && worst=$code
    fi
done
if [ -n "$failed" ]; then echo "nightly: not green with seeds:$failed"; else echo "nightly: green with seeds: $*"; fi
exit "$worst"
