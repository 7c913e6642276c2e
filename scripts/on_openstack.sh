#!/bin/sh
# What is run beside the OpenStack of fixtures/openstack: `short`, a part of `make test`; `usual`, by `make openstack`; or `all`, by
# `make openstack-all`, a part of `make nightly`. What kills runs at many boundaries is `make cloud-points`.
# usage: scripts/on_openstack.sh CARGO short|usual|all
set -eu

CARGO=$1
SET=$2

begun=$(date +%s)
took() {
    now=$(date +%s)
    echo "on OpenStack: $1: $((now - begun)) s" >&2
    begun=$now
}

tests() {
    $CARGO test --test cloud -- --test-threads 1 "$@"
}

if [ "$SET" != short ]; then
    openstack-python -P fixtures/openstack/smoke.py
    took "the smoke check"
    $CARGO test --lib real_cloud -- --ignored
    took "the client's own test"
fi

$CARGO test --test chaos -- --on openstack --tags @card
took "the card's scenario"

case $SET in
short) tests each_failure_model ;;
usual) tests --skip killed --skip attack_isolated --skip lets_everything_pass --skip profile --skip secrets ;;
all) tests --skip killed_at_a ;;
esac
took "tests of tests/cloud"

if [ "$SET" != short ]; then
    $CARGO test --test conformance -- a_cloud
    took "the conformance suite"
fi
