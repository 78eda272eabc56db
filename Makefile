# make demo, make test: all that a newcomer needs, with Python 3.11 and a package index.
PYTHON ?= python3
BIN := .venv/bin
# As many processes as cores, so one BLAS thread each: idle ones spin.
PYTEST := OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest
# TensorFlow and PyTorch warn of what they do themselves.
ENGINES_PYTEST := OPENBLAS_NUM_THREADS=1 .engines/bin/python -m pytest tests/engines \
  -n auto -W "ignore::DeprecationWarning"
PROJECT := pyproject.toml constraints.txt

.PHONY: demo test check lint types imports slow engines smoke bench bench-quick clean

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

engines: .engines/ready ## full parity of every engine, slow tests included
	$(ENGINES_PYTEST) -m "slow or not slow"

smoke: .engines/ready ## every engine runs and trains
	$(ENGINES_PYTEST) -k "cntk or jax or tensorflow or theano or torch"

bench: .engines/ready ## Cornu beside its peers, in turn: docs/benchmarks.md
	.engines/bin/python -m benchmarks

bench-quick: .venv/dev ## beside what .venv has, on little data, in two minutes: runs/benchmarks.md
	$(BIN)/python -m benchmarks --quick

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

# The libraries that engines run on, in an environment of their own: they are large, and
# some bring a Keras along.
.engines/ready: .venv/python $(PROJECT)
	$(PYTHON) -m venv .engines
	.engines/bin/python -m pip install --quiet --disable-pip-version-check \
	  -c constraints.txt -e '.[cntk,image,jax,lab,theano,torch]' tensorflow-cpu \
	  hypothesis keras pandas pytest pytest-xdist
	@touch $@

clean:
	rm -rf .venv .engines build dist .pytest_cache .ruff_cache .hypothesis
