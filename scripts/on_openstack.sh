#!/bin/sh
# What is run beside the OpenStack of fixtures/openstack: `short`, a part of `make test`, or `all`, of `make openstack`.
# usage: scripts/on_openstack.sh CARGO short|all
set -eu

CARGO=$1
SET=$2

begun=$(date +%s)
took() {
    now=$(date +%s)
    echo "on OpenStack: $1: $((now - begun)) s" >&2
    begun=$now
}

if [ "$SET" = all ]; then
    openstack-python -P fixtures/openstack/smoke.py
    took "the smoke check"
    $CARGO test --lib real_cloud -- --ignored
    took "the client's own test"
fi

$CARGO test --test chaos -- --on openstack --tags @card
took "the card's scenario"

if [ "$SET" = all ]; then
    # What kills runs and reconcilers takes ten minutes: `make cloud-points`, a part of `make nightly`.
    $CARGO test --test cloud -- --test-threads 1 --skip killed_at_a
else
    $CARGO test --test cloud -- --test-threads 1 each_failure_model
fi
took "tests of tests/cloud"

$CARGO test --test conformance -- a_cloud
took "the conformance suite"
