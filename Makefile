# `make demo` and `make test` do all the set-up; nothing but python3 and make is needed.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: venv demo test test-first test-second test-all check bench clean

venv: .venv/installed

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[all,dev]"
	touch $@

demo: venv
	$(BIN)/stackit demo

# Two halves beside each other: a test takes one core, but for few.
test: venv
	$(MAKE) --no-print-directory --jobs=2 --output-sync=line test-first test-second

test-first: venv
	$(BIN)/python -m pytest tests/golden tests/test_[a-i]*.py

test-second: venv
	$(BIN)/python -m pytest tests/test_[j-z]*.py stackit README.md

# What takes minutes too: whole competition runs, rates of alarms, published accuracies.
test-all: venv
	$(BIN)/python -m pytest -m "not bench"

check: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# make bench ARGS="-k Otto" does one workload, and leaves the figures of the others as they are.
bench: venv
	$(BIN)/python -m pytest -m bench tests/bench $(ARGS)

clean:
	rm -rf .venv
