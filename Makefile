# `make chaos` and `make test` are all a new user needs; both install what is missing first.
CARGO ?= cargo
SEEDS ?= 1 2 3

.PHONY: chaos test nightly setup bench

chaos: setup ## the features not tagged @nightly or @slow, the verdict table, the report's path
	$(CARGO) test --test chaos -- --tags 'not @nightly and not @slow'

test: setup ## formatting, lints and every test
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --no-deps --quiet
	$(CARGO) test --lib --bins --tests

nightly: setup ## everything, @nightly and @slow too, once for each of SEEDS
	sh scripts/nightly.sh '$(CARGO)' $(SEEDS)

bench: setup ## the tables of the README
	$(CARGO) bench

setup:
	sh scripts/setup.sh
