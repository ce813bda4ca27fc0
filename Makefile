# `make demo` and `make test` do all the set-up; nothing but python3 and make is needed.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
TESTS := $(shell find tests -name 'test_*.py' -not -path 'tests/bench/*' | sort)
FIRST := $(shell printf '%s\n' $(TESTS) | awk 'NR % 2')

.PHONY: venv demo test test-first test-second test-all check docs bench clean

venv: .venv/installed

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(PIP) --editable ".[all,dev]"
	touch $@

demo: venv
	$(BIN)/stackit demo

# All tests but the slow ones and the timings, in two halves at a time: few tests use more than one core. Every
# second file is in the first half, with the examples of docstrings and pages: neighbours take about the same time.
test: venv
	$(MAKE) --no-print-directory --jobs=2 --output-sync=line test-first test-second

test-first: venv
	$(BIN)/python -m pytest $(FIRST) stackit README.md docs

test-second: venv
	$(BIN)/python -m pytest $(filter-out $(FIRST),$(TESTS))

# The slow ones too, which take many minutes: whole competition runs, rates of alarms, published accuracies, ray,
# scikit-learn's checks of every combination, and limits of time that a busy machine would miss.
test-all: venv
	$(BIN)/python -m pytest -m "not bench"

check: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The pages and the API reference into site/; warnings are errors.
docs: venv
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

# Timings next to other libraries. make bench ARGS="-k Otto" does one workload, and leaves the figures of the others.
bench: .venv/bench
	$(BIN)/python -m pytest -m bench tests/bench $(ARGS)

.venv/bench: .venv/installed
	$(PIP) --editable ".[all,dev,bench]"
	touch $@

clean:
	rm -rf .venv site
