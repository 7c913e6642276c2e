#!/bin/sh
# What `make ec2` runs beside the EC2 API of fixtures/ec2.
# usage: scripts/on_ec2.sh CARGO
set -eu

CARGO=$1

sh fixtures/ec2/smoke.sh target/debug/chimp
$CARGO test --test chaos -- --on ec2 --config "$EC2_FOLDER/chimp.toml" --tags @card
$CARGO test --test ec2 -- --test-threads 1
$CARGO test --test conformance -- an_account
