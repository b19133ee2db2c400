# Everything a fresh clone needs, with python3 (3.11 or newer) and make alone.

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/installed
PYTEST_ARGS ?=
RUN_ARGS ?=
DEMO_ARGS ?=
PYTHON310 ?=
PARADEX_PY := .venv-paradex-py

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: run live-demo test lint install paradex-py lock

run: install ## replay the built-in market and write the report
	$(BIN)/python -m scripts.run --mode sim $(RUN_ARGS)

live-demo: install ## trade live for a minute on emulated venues, over real sockets
	$(BIN)/python -m scripts.live_demo $(DEMO_ARGS)

test: install ## tests that need the real clock run last
	$(BIN)/python -m pytest $(PYTEST_ARGS)

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

install: $(STAMP)

$(STAMP): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else "lockstep needs Python 3.11 or newer, $(PYTHON) is %d.%d; name another: make PYTHON=python3.12" % v[:2])'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "installing the pinned packages into .venv (once; a minute or two)"
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@echo "compiling the kernels"
	@$(BIN)/python -m scripts.warm
	@touch $@

paradex-py: ## Paradex's own client, for the tests that let it judge us; where there is no Python 3.10: nothing
	@sh tests/sim/emulator/install_paradex_py.sh requirements-paradex-py.lock $(PARADEX_PY) $(PYTHON310)

# after a change of the dependencies in pyproject.toml; needs uv, keeps the pins that still fit
lock:
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--no-emit-index-url --no-emit-find-links --extra dev --quiet pyproject.toml -o requirements.lock
	echo "paradex-py==0.8.2 ; python_version < '3.11' and sys_platform != 'win32'" | \
	uv pip compile --universal --python-version 3.10 --generate-hashes --no-header --no-annotate \
		--no-emit-index-url --no-emit-find-links --quiet - -o requirements-paradex-py.lock
