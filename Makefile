# `make chaos` and `make test` are all a new user needs; both install what is missing first. `make quick` needs no rights.
CARGO ?= cargo
SEEDS ?= 1 2 3
SPAN ?= 10min
POINTS ?= 10000
SEED ?= 1
CASES ?= 1000000

# Every test target but the features themselves.
TARGETS = $(filter-out chaos,$(basename $(notdir $(wildcard tests/*.rs))) $(notdir $(patsubst %/main.rs,%,$(wildcard tests/*/main.rs))))

# Build scripts and macros run on this machine, so they stay dynamic: `--target` keeps its flags from them.
TARGET = $(shell uname -m)-unknown-linux-gnu

# Debian's own, so that a version that comes first in PATH makes no second cache.
PYTHON ?= /usr/bin/python3

.PHONY: chaos test quick nightly setup bench example kill-points fuzz static openstack openstack-all cloud-points ec2 docker

chaos: setup ## the features not tagged @nightly or @slow, the verdict table, the report's path
	$(CARGO) test --test chaos -- --tags 'not @nightly and not @slow'

test: setup ## formatting, lints and every test, also short sets on a real OpenStack, an EC2 API and a Docker Engine
	$(CARGO) fmt --all --check
	sh scripts/test.sh '$(CARGO)' '$(PYTHON)'
	$(CARGO) test --doc
	@if [ "$$(id -u)" -eq 0 ] || [ -n "$$CI" ]; then set -x; $(CARGO) test --lib as_root -- --ignored; fi

# Half of the tests of the library wait: six side by side take half the time of two.
quick: ## formatting, and every test that needs neither root nor network
	$(CARGO) fmt --all --check
	CHIMP_QUICK=1 RUST_TEST_THREADS=6 $(CARGO) test --lib --bins $(addprefix --test ,$(TARGETS) programs)

nightly: setup ## everything, @nightly and @slow too, once for each of SEEDS; the experiment goes on for SPAN
	sh scripts/setup.sh nightly
	sh scripts/nightly.sh '$(CARGO)' '$(SPAN)' $(SEEDS)
	$(MAKE) example
	CHIMP_LADDER=1 $(CARGO) test --test attached -- begun
	CHIMP_STACKS=1 $(CARGO) test --test stacks
	@if [ "$$(id -u)" -eq 0 ]; then $(MAKE) openstack-all cloud-points ec2 docker; else echo 'make nightly: the tests in clouds are left out: they need root'; fi

example: setup ## the crates outside of the workspace, as their READMEs say: everything is built anew for it
	cd examples/shop && $(CARGO) test --test chaos
	cd examples/extension && CARGO_TARGET_DIR=../shop/target $(CARGO) test --test chaos
	cd examples/shop && $(CARGO) test --test compose --no-run
	@if [ "$$(id -u)" -eq 0 ]; then $(PYTHON) fixtures/docker/docker.py run -- sh -c 'cd examples/shop && $(CARGO) test --offline --test compose'; else echo 'make example: its containers are left out: they need root'; fi

kill-points: setup ## no fault outlives its lease: so many points of a seed; goes on where it was interrupted
	$(CARGO) test --test kill_points -- --points $(POINTS) --seed $(SEED)

fuzz: ## so many mutated files of every format, of a seed: no panic, no hang, and every error names its file
	FUZZ_CASES=$(CASES) FUZZ_SEED=$(SEED) $(CARGO) test --config profile.dev.package.anarcho-chimp.opt-level=1 \
		--config profile.dev.package.strsim.opt-level=2 --test fuzz -- --nocapture a_mutated_file

bench: setup ## the tables of docs/measurements.md
	$(CARGO) bench

openstack: ON_OPENSTACK = usual
openstack-all: ON_OPENSTACK = all
openstack openstack-all: ## a real OpenStack in namespaces that end with it, a smoke check of its APIs, and the usual or all tests that need it (`make test` runs a short set): fixtures/openstack/README.md
	$(CARGO) build --bins
	$(CARGO) test --lib --test chaos --test cloud --test conformance --no-run
	$(PYTHON) fixtures/openstack/openstack.py run -- sh scripts/on_openstack.sh '$(CARGO)' $(ON_OPENSTACK)

cloud-points: ## runs on a real OpenStack that are killed at 60 boundaries, and a reconciler at each of its steps: nothing is left, nothing booted twice
	$(CARGO) build --bins
	$(CARGO) test --test cloud --no-run
	CLOUD_POINTS=60 $(PYTHON) fixtures/openstack/openstack.py run -- $(CARGO) test --test cloud -- --test-threads 1 --nocapture killed_at_a

ec2: ## an EC2 API with instances that run, in namespaces that end with it, used by Amazon's own library and by all tests that need it: fixtures/ec2/README.md
	$(CARGO) build --bins
	$(CARGO) test --test chaos --test ec2 --test conformance --no-run
	$(PYTHON) fixtures/ec2/ec2.py run -- sh scripts/on_ec2.sh '$(CARGO)' all

docker: ## a Docker Engine in namespaces that end with it, and a Swarm of three, used by all tests that need them; DOCKER_POINTS=60: as many kill points: fixtures/docker/README.md
	$(CARGO) build --bins
	$(CARGO) test --test compose --test conformance --test adoption --test swarm --no-run
	$(PYTHON) fixtures/docker/docker.py run -- sh scripts/on_docker.sh '$(CARGO)' all
	$(PYTHON) fixtures/docker/docker.py run --daemons 3 -- sh scripts/on_docker.sh '$(CARGO)' swarm

static: ## a release binary that needs nothing of the server it runs on: target/<cpu>-unknown-linux-gnu/release/chimp
	sh scripts/setup.sh
	RUSTFLAGS='-C target-feature=+crt-static' $(CARGO) build --release --target $(TARGET) --bin chimp

setup: ## Debian's packages, and the programs that roles are made of
	sh scripts/setup.sh
	$(CARGO) build --bins
