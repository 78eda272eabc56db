# make demo, make test: all that a newcomer needs, with Python 3.11 and a package index.
PYTHON ?= python3
BIN := .venv/bin
# As many processes as cores, so one BLAS thread each: idle ones spin.
PYTEST := OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest
PROJECT := pyproject.toml constraints.txt

.PHONY: demo test check lint types imports slow bench clean

demo: .venv/lab ## train the notes' MNIST network; accuracy, curves and the program
	$(BIN)/cornu train

test: .venv/dev ## the tests of the default engine
	$(PYTEST) -n auto

check: lint types imports test ## what has to pass before anything lands

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/dev
	$(BIN)/pyright

imports: .venv/dev
	$(BIN)/lint-imports

slow: .venv/dev ## the tests that take longer
	$(PYTEST) -n auto -m slow

bench: .venv/dev ## ratios beside hand-written NumPy and other frameworks
	$(BIN)/python -m benchmarks

.venv/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Cornu needs Python 3.11 or newer, but '$(PYTHON)' is older or missing."; \
	  echo "Say which one to use: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv .venv
	@touch $@

.venv/lab: .venv/python $(PROJECT)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[lab]'
	@touch $@

.venv/dev: .venv/python $(PROJECT)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@ .venv/lab

clean:
	rm -rf .venv build dist .pytest_cache .ruff_cache .hypothesis
