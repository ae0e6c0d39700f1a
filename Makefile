SHELL := bash
BIN := .venv/bin
# Files are handed out in their order, the long ones of real servers first; a file stays on one worker.
PYTEST := $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder
BENCHMARKS := $(patsubst benchmarks/bench_%.py,bench-%,$(wildcard benchmarks/bench_*.py))

.DEFAULT_GOAL := help
.PHONY: help setup setup-product demo test test-fast test-docker test-airflow coverage screenshots check check-docs format bench serve docs lock clean \
	secrets images up down status logs backup restore cli

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
	@$(PYTEST)

coverage: setup ## Run every test, and show which lines none of them reached
	@scripts/setup-servers.sh
	@$(PYTEST) --cov --cov-report=term:skip-covered

test-fast: setup ## Run the tests that need neither servers nor patience
	@$(BIN)/python -m pytest -q -m "not servers and not slow and not docker"

test-docker: setup ## Bring the whole system up on a Docker engine and take it through its life
	@$(BIN)/python -m pytest -q -m docker tests/stack

test-airflow: setup ## Run the DAGs in Airflow's own environment, and on a real Airflow
	@scripts/setup-servers.sh airflow
	@$(BIN)/python -m pytest -q tests/orchestration

screenshots: setup ## Make the documents' pictures of the console anew, in docs/images
	@scripts/setup-servers.sh
	@AISLE_SCREENSHOTS=docs/images $(BIN)/python -m pytest -q tests/browser/test_shop.py

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

secrets: ## Make the secrets of the whole system, each a file below deploy/secrets
	@scripts/secrets.sh

images: ## Build the images of the whole system
	@scripts/stack.sh images

up: secrets ## Start the whole system and wait until it is healthy (PROFILES="airflow monitoring tools")
	@scripts/stack.sh up

down: ## Stop the whole system; its data stays
	@scripts/stack.sh down

status: ## Show every service of the whole system: its state, health and addresses
	@scripts/stack.sh status

logs: ## Show the latest lines of every service (SERVICE=api for one)
	@scripts/stack.sh logs $(SERVICE)

backup: ## Back the whole system up into backups/ (NAME=before-upgrade)
	@scripts/stack.sh backup $(NAME)

restore: ## Bring a backup back into an empty system (NAME=before-upgrade)
	@scripts/stack.sh restore $(NAME)

cli: ## Run aisle on the whole system's settings (ARGS="doctor")
	@scripts/stack.sh cli $(ARGS)

docs: setup ## Write the generated documents and boards anew
	@$(BIN)/python scripts/generate_docs.py
	@$(BIN)/python -m deploy.grafana.build

lock: ## Write requirements/*.txt anew (UPGRADE=--upgrade takes newer versions)
	@scripts/lock.sh $(UPGRADE)

clean: ## Remove environments, caches and reports; your data in .aisle stays
	@rm -rf .venv .venv-* .coverage* .hypothesis .schemathesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache build dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
