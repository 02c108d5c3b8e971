# Every target sets itself up: a virtual environment with the locked dependencies.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

.PHONY: demo test check slow check-all bench docs lock clean

$(VENV)/.ready-%: requirements/bootstrap.lock requirements/%.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.lock
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements/$*.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q src
	@touch $@

demo: $(VENV)/.ready-dev
	$(BIN)/bqx demo $(ARGS)

test: $(VENV)/.ready-dev
	$(BIN)/python -m pytest -n 3 --dist worksteal $(ARGS)

check: $(VENV)/.ready-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

slow: $(VENV)/.ready-dev
	$(BIN)/python -m pytest -n 3 --dist worksteal -m slow $(ARGS)

check-all: check slow test

bench: $(VENV)/.ready-bench
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --require-hashes -r requirements/qlib.lock
	$(BIN)/python -m benchmarks $(ARGS)

docs: $(VENV)/.ready-dev
	$(BIN)/bqx catalogue --out docs/catalogue
	$(BIN)/bqx catalogue --commands --out docs

lock: $(VENV)/.ready-dev
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --extra dev pyproject.toml --output-file requirements/dev.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --extra bench pyproject.toml --output-file requirements/bench.lock
	echo pyqlib | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-deps --generate-hashes --no-emit-index-url --no-header - --output-file requirements/qlib.lock

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache
