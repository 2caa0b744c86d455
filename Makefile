# `make` with no argument lists what there is to do. Each target sets up what it needs by itself.
SHELL := /bin/sh
PY := .venv/bin/python
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help demo test lint compiled bench docs soak fuzz release lock clean tools \
	lint-format lint-code lint-types lint-layers lint-gate lint-lock

help:
	@echo "make TARGET [ARGS='...']"
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/    \1\t\2/p' Makefile | expand -t 14

demo: .venv/.ready ## carrier, server and two phones on this machine; ARGS=--once plays one exchange and stops
	.venv/bin/sayso demo $(ARGS)

test: .venv/.ready tools ## every test, in groups, and one table; ARGS=--strict: nothing skipped; ARGS='house fuzz': these groups
	$(PY) -m scripts.run_tests $(ARGS)

lint: lint-format lint-code lint-types lint-layers lint-gate lint-lock ## format, ruff, mypy, layers, our own rules, lock

compiled: .venv/.ready ## the package with the relay's core compiled, in build/compiled; ARGS="--wheel FOLDER": a wheel for a server
	$(PY) -m scripts.compiled $(ARGS)

bench: .venv/.ready tools ## the numbers: throughput, durability, memory, latency (JSON in bench/results/)
	$(PY) -m bench $(ARGS)

docs: .venv/.ready ## regenerate the generated pages and vectors, check every link
	$(PY) -m scripts.docs

soak: .venv/.ready tools ## load and faults for an hour (ARGS=--minutes N), crash points, power losses, 20,000 worlds, 200 kill rounds
	SAYSO_CRASH_ALL=1 SAYSO_POWER_ROUNDS=100 $(PY) -m pytest -q -n 2 tests/integration/load
	$(PY) -m bench soak $(ARGS)
	$(PY) -m tests.integration.delivery.simulate --seeds 20000
	SAYSO_KILL_ROUNDS=200 $(PY) -m pytest -q tests/integration/delivery/test_kill_rounds.py

fuzz: .venv/.ready ## fuzz every decoder for as long as you like (ARGS=--seconds N)
	$(PY) -m tests.fuzz $(ARGS)

release: .venv/.ready ## build a release, or check one against this tree (ARGS="build FOLDER" or ARGS="check FILE")
	$(PY) -m scripts.release $(ARGS)

lock: .venv/.ready ## make requirements.lock again (ARGS=--upgrade moves the pinned versions)
	$(PY) -m scripts.lock $(ARGS)

clean: ## remove the environment, caches and results
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist bench/results
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Ready means: made from this lock and these metadata by this script.
.venv/.ready: requirements.lock pyproject.toml scripts/setup
	scripts/setup

tools:
	@scripts/setup --tools

# Each by itself, so that `make -k lint` shows all that is wrong at once.
lint-format: .venv/.ready
	.venv/bin/ruff format --check
lint-code: .venv/.ready
	.venv/bin/ruff check
lint-types: .venv/.ready
	.venv/bin/mypy
lint-layers: .venv/.ready
	.venv/bin/lint-imports --no-logo
lint-gate: .venv/.ready
	$(PY) -m scripts.check_gate
lint-lock: .venv/.ready
	$(PY) -m scripts.check_lock
