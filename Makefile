# `make chaos` and `make test` are all a new user needs; both install what is missing first.
CARGO ?= cargo
SEEDS ?= 1 2 3
SPAN ?= 10min
POINTS ?= 10000
SEED ?= 1

.PHONY: chaos test nightly setup bench kill-points

chaos: setup ## the features not tagged @nightly or @slow, the verdict table, the report's path
	$(CARGO) test --test chaos -- --tags 'not @nightly and not @slow'

test: setup ## formatting, lints and every test
	$(CARGO) fmt --all --check
	$(CARGO) clippy --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --no-deps --quiet
	$(CARGO) test --lib --bins --tests

nightly: setup ## everything, @nightly and @slow too, once for each of SEEDS; the experiment goes on for SPAN
	sh scripts/nightly.sh '$(CARGO)' '$(SPAN)' $(SEEDS)

kill-points: setup ## no fault outlives its lease: so many points of a seed; goes on where it was interrupted
	$(CARGO) test --test kill_points -- --points $(POINTS) --seed $(SEED)

bench: setup ## the tables of the README
	$(CARGO) bench

setup: ## Debian's packages, and the programs that roles are made of
	sh scripts/setup.sh
	$(CARGO) build --bins
