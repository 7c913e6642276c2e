#!/bin/sh
# What runs beside the EC2 API of fixtures/ec2: `short`, a part of `make test`, or `all`, of `make ec2`.
# usage: scripts/on_ec2.sh CARGO short|all
set -eu

CARGO=$1
SET=$2

one() { sh scripts/one_test.sh "$CARGO" ec2 "$1"; }

if [ "$SET" = all ]; then
    sh fixtures/ec2/smoke.sh target/debug/chimp
    $CARGO test --test chaos -- --on ec2 --config "$EC2_FOLDER/chimp.toml" --tags @card
    $CARGO test --test ec2 -- --test-threads 1
    $CARGO test --test conformance -- an_account
else
    one made::a_dead_webserver_is_replaced_and_nothing_is_left
    one forbidden::access_denied_in_the_middle_of_a_strike_cannot_be_judged
    one trouble::an_account_that_throttles_loses_answers_and_lists_late_makes_each_server_once
    one wrong::what_is_named_wrongly_is_refused_before_anything_is_made
fi
