# `make demo` and `make test` install what they need. `make check` is what a contributor runs, and CI before the other tests.
SHELL := /bin/bash
UV_VERSION := 0.13.9
PYTHON ?= python3
BIN := .venv/bin
export UV_PROJECT_ENVIRONMENT := .venv
# Images of containers set it to stay small; here each test worker, and each program that a test starts, would compile all code again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test faults e2e e2e-upgrade e2e-upgrade-faults e2e-upgrade-hops tests-on-demand e2e-arm e2e-build-host e2e-one-side e2e-data programs nodes emulator supplies supplies-arm check unit bench bench-quick bench-drain bench-upgrade bench-data bench-traffic install system lint format clean

demo: install system
	$(BIN)/python examples/demo.py $(if $(TRAFFIC),--traffic $(TRAFFIC))

# Three workers also on two cores: half of the time a test waits for nodes, kubelets and controllers.
test: install nodes supplies
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

e2e: install nodes supplies
	MIGRATOR_WRITE_RESULTS=1 $(BIN)/python -m pytest -s tests/e2e/test_journey.py

e2e-upgrade: install nodes supplies
	MIGRATOR_WRITE_RESULTS=1 $(BIN)/python -m pytest -s tests/e2e/test_upgrade.py

# On demand, outside of CI's time: what breaks an upgrade, two hops on real nodes, and what only whole emulated machines show.
e2e-upgrade-faults: install nodes supplies
	$(BIN)/python -m pytest -s tests/on_demand/test_upgrade_faults.py tests/on_demand/test_runtime_trial.py tests/on_demand/test_shared_port.py

e2e-upgrade-hops: install nodes supplies
	MIGRATOR_WRITE_RESULTS=1 $(BIN)/python -m pytest -s tests/on_demand/test_two_hops.py tests/on_demand/test_three_control_planes.py

# Further cases of CI's tests: more moments to be killed at, more ways in which keepalived, hosts and joins fail, three control planes.
tests-on-demand: install nodes supplies
	$(BIN)/python -m pytest --all -m on_demand tests/e2e tests/integration
	$(BIN)/python -m pytest tests/on_demand/test_addon_owners.py

e2e-arm: install nodes emulator supplies-arm
	$(BIN)/python -m pytest -s tests/on_demand/test_arm.py

e2e-build-host: install nodes emulator
	$(BIN)/python -m pytest -s tests/on_demand/test_build_host.py

# PostgreSQL moves with its data between clusters of real nodes, under load, there and back and there again.
e2e-data: install nodes supplies
	MIGRATOR_WRITE_RESULTS=1 $(BIN)/python -m pytest -s tests/on_demand/test_e2e_data.py

# External-dns and BIND, cert-manager and an ACME server, Flux, MetalLB, Argo Rollouts: all real. As many hand-overs there and back as ROUNDS says; in
# KILLS of them the tool is killed. ADD=1 adds to the figures that are there; after MOST_SECONDS no round begins.
e2e-one-side: ROUNDS = 20
e2e-one-side: KILLS = 5
e2e-one-side: SEED = 1
e2e-one-side: ADD = 0
e2e-one-side: MOST_SECONDS = inf
e2e-one-side: install nodes
	MIGRATOR_WRITE_RESULTS=1 ROUNDS=$(ROUNDS) KILLS=$(KILLS) SEED=$(SEED) ADD=$(ADD) MOST_SECONDS=$(MOST_SECONDS) $(BIN)/python -m pytest -s tests/on_demand/test_one_side_*.py

# Side by side: mypy and import-linter keep one core busy, and so does a test that waits for a program.
check: install
	@$(MAKE) --no-print-directory -j 2 lint unit

unit: install programs
	$(BIN)/python -m pytest -q -n 2 tests/unit

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# docs/objects.md is made of the rules; a unit test says when it is old.
.PHONY: docs
docs: install
	$(BIN)/python scripts/objects.py

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# On demand, outside of CI's time. FIRST, with ROUNDS=1, plays one round again; SEED chooses the faults.
ROUNDS ?= 1000
FIRST ?= 1
faults: install system
	$(BIN)/python -m tests.support.faults --rounds $(ROUNDS) --first $(FIRST) $(if $(SEED),--seed $(SEED)) $(FAULTS_ARGS)

bench: install system
	$(BIN)/python benchmarks/bench_copy.py

bench-quick: install system
	$(BIN)/python benchmarks/bench_copy.py --sizes 1000 --main 1000 --no-write

bench-traffic: install nodes
	$(BIN)/python benchmarks/bench_traffic.py $(BENCH_ARGS)

bench-data: install nodes
	$(BIN)/python benchmarks/bench_data.py

# Real nodes twice: a hop by this tool, and the same by kubeadm alone.
bench-upgrade: install nodes supplies
	$(BIN)/python benchmarks/bench_upgrade.py $(BENCH_ARGS)

bench-drain: install system
	$(BIN)/python benchmarks/bench_drain.py

install: .venv/.installed

.venv/.installed: pyproject.toml uv.lock
	@echo "→ installing Python packages into .venv"
	@test -x $(BIN)/uv || { $(PYTHON) -m venv .venv && $(BIN)/python -m pip -q install uv==$(UV_VERSION); }
	@$(BIN)/uv sync -q --frozen --inexact --compile-bytecode
	@touch $@

supplies: install
	@$(BIN)/python scripts/supplies.py

supplies-arm: install
	@$(BIN)/python scripts/supplies.py --arm

system:
	@bash scripts/system.sh

programs:
	@bash scripts/system.sh unit

nodes:
	@bash scripts/system.sh nodes

emulator:
	@bash scripts/system.sh emulator

clean:
	@test ! -x $(BIN)/migrator || $(BIN)/migrator testbed down --dir demo/testbed
	rm -rf .venv build demo .mypy_cache .ruff_cache .pytest_cache .hypothesis
