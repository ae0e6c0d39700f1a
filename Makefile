SHELL := bash
BIN := .venv/bin
BENCHMARKS := $(patsubst benchmarks/bench_%.py,bench-%,$(wildcard benchmarks/bench_*.py))

.DEFAULT_GOAL := help
.PHONY: help setup setup-product demo test test-fast check check-docs format bench serve docs lock clean

help:
	@awk -F ':.*## ' '/^[a-z%-]+:.*## / { sub("%", "NAME", $$1); printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Make the environment for development in .venv
	@scripts/setup.sh dev

setup-product:
	@scripts/setup.sh product

demo: setup-product ## Take a synthetic catalogue from its files to a served prediction
	@$(BIN)/aisle demo

test: setup ## Run every test, with real servers where they can be installed
	@scripts/setup-servers.sh
	@$(BIN)/python -m pytest -n 2 --dist loadfile --cov --cov-report=term:skip-covered

test-fast: setup ## Run the tests that need neither servers nor patience
	@$(BIN)/python -m pytest -q -m "not servers and not slow"

check: setup check-docs ## Check format, lint, types, layers and generated documents
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

check-docs: setup
	@if [ -f scripts/generate_docs.py ]; then $(BIN)/python scripts/generate_docs.py --check; fi
	@if [ -f deploy/grafana/build.py ]; then $(BIN)/python -m deploy.grafana.build --check; fi

format: setup ## Format the code, and mend what the linter can mend
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --fix --quiet .

bench: $(BENCHMARKS) ## Run every benchmark; each prints its figures beside their bars

bench-%: setup ## Run one benchmark: benchmarks/bench_NAME.py
	@scripts/setup-servers.sh
	@$(BIN)/python -m benchmarks.bench_$(subst -,_,$*)

serve: setup-product ## Serve predictions of the current champion on 127.0.0.1:8000, to this machine alone
	@$(BIN)/aisle serve --open

docs: setup ## Write the generated documents and boards anew
	@$(BIN)/python scripts/generate_docs.py
	@$(BIN)/python -m deploy.grafana.build

lock: ## Write requirements/*.txt anew (UPGRADE=--upgrade takes newer versions)
	@scripts/lock.sh $(UPGRADE)

clean: ## Remove environments, caches and reports; your data in .aisle stays
	@rm -rf .venv .venv-* .coverage* .hypothesis .schemathesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache build dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
