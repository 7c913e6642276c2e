#!/bin/sh
# Runs one test by its whole name. A name that no test has any more must not pass.
# usage: scripts/one_test.sh CARGO TARGET NAME
set -eu

said=$($1 test --test "$2" -- --exact "$3" 2>&1) || { echo "$said"; exit 1; }
echo "$said"
case $said in *"1 passed"*) ;; *) echo "$2: there is no test $3" >&2; exit 1 ;; esac
