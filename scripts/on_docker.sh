#!/bin/sh
# What runs beside the Docker Engine of fixtures/docker: `short`, a part of `make test`, or `all`, of `make docker`; beside three of them `swarm`, of
# `make docker`, too.
# usage: scripts/on_docker.sh CARGO short|all|swarm
set -eu

CARGO=$1
SET=$2

one() { sh scripts/one_test.sh "$CARGO" compose "$1"; }

if [ "$SET" = swarm ]; then
    $CARGO test --test conformance -- a_stack
    exec $CARGO test --test swarm -- --test-threads 1
fi
$CARGO test --test conformance -- a_project
if [ "$SET" = all ]; then
    $CARGO test --test compose -- --test-threads 1
    $CARGO test --test adoption -- one_of_its_containers
else
    one bare::faults_need_nothing_in_the_image_and_no_capability_of_the_container
    one begun::a_first_verdict_and_a_first_fault_come_with_what_init_writes
    one refused::what_can_not_be_attached_to_is_one_error_and_nothing_is_touched
fi
