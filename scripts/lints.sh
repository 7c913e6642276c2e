#!/bin/sh
# Lints, and the documentation of the crate, in a folder of their own: cargo lets no two commands build in one.
# usage: scripts/lints.sh CARGO
set -eu

CARGO=$1

export CARGO_TARGET_DIR=target/lints
$CARGO clippy --all-targets -- -D warnings
RUSTDOCFLAGS='-D warnings' $CARGO doc --no-deps --quiet
