.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export OMP_NUM_THREADS ?= 1
export RAY_USAGE_STATS_ENABLED := 0
# Hundreds of tests start a process of their own: what is compiled stays, whatever the machine says.
export PYTHONDONTWRITEBYTECODE :=
DATA ?= data/historic.txt
BUDGET ?= 1500
JOBS ?= 2
MINUTES ?= 75
NANOGPT ?=

.PHONY: help setup run test quick check format lint types arch bench soak clean

help:  ## list the verbs
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

$(VENV)/.installed: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet -r requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

setup: $(VENV)/.installed  ## create .venv from the lock file

$(DATA): | $(VENV)/.installed
	$(BIN)/symbio-auto demo-data --out $(DATA) --chars 400000

run: setup $(DATA)  ## train on DATA (a demo corpus is made if there is none) with BUDGET steps
	$(BIN)/symbio-auto --data $(DATA) --budget $(BUDGET)

test: setup  ## all tests but the soaks
	$(BIN)/pytest -m "not soak and not gpu" -n $(JOBS) --dist loadfile --no-loadscope-reorder

quick: setup  ## the tests that need neither Ray nor patience
	$(BIN)/pytest -m "not soak and not gpu and not slow and not ray" -n $(JOBS) --dist loadfile --no-loadscope-reorder

format: setup  ## rewrite the code in the house style
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix-only --quiet .

lint: setup  ## style and rule families
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: setup  ## mypy, strict
	$(BIN)/mypy

arch: setup  ## who may import whom
	$(BIN)/lint-imports

check: lint types arch test  ## everything that must be green at a commit

bench: setup $(DATA)  ## headline figures on DATA within MINUTES, beside a checkout NANOGPT; results in benchmarks/results
	$(BIN)/python -m benchmarks.speed.bench --data $(DATA) --minutes $(MINUTES) $(if $(NANOGPT),--nanogpt $(NANOGPT)) --save

soak: setup  ## slow tests: minutes to hours
	$(BIN)/pytest -m "soak" --timeout 7200
	$(BIN)/pytest -m "not soak and not gpu" -n $(JOBS) --dist loadfile --hypothesis-profile thorough --timeout 1200

clean:  ## remove what the verbs made, runs and data excepted
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
