# FlatRender's tasks. `make env` once; every other target makes the environment when it is missing or the lock has changed.
# PYTHON=/path/to/python3.12 chooses the Python; ARGS="..." is handed on (make test ARGS="-k lease", make up ARGS="--data /srv/fr").

.DEFAULT_GOAL := help
.PHONY: help env up demo test lint fmt soak bench chaos generate migration lock clean
PYTHON ?=
ARGS ?=
BIN := .venv/bin
STAMP := .venv/.installed

help: ## Show these targets.
	@sed -n 's/^\([a-z]*\):.*## /\1|/p' Makefile | awk -F'|' '{ printf "%-9s %s\n", $$1, $$2 }'

env: $(STAMP) ## Make the environment in .venv from requirements.lock.

$(STAMP): requirements.lock deploy/env.sh
	@PYTHON='$(PYTHON)' ./deploy/env.sh
	@touch $@

up: env ## Start everything on this machine; Ctrl-C stops it.
	@$(BIN)/flatrender up $(ARGS)

demo: env ## Start everything, render the demo film, show where it lies.
	@$(BIN)/flatrender demo $(ARGS)

# A run starts hundreds of processes of ours; what the first has compiled, the others read, whatever the environment says of that.
test soak: export PYTHONDONTWRITEBYTECODE =

test: env ## Run the tests, in three lanes side by side (ARGS="-n 0" for one).
	@$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder $(ARGS)

soak: env ## Repeat tests, in another order each time, and keep what failed (ARGS="--help").
	@$(BIN)/python -m tests.soak $(ARGS)

lint: env ## Check style, types and which part imports which.
	$(BIN)/python -m ruff check
	$(BIN)/python -m ruff format --check
	$(BIN)/python -m mypy
	$(BIN)/python -c 'from importlinter.cli import lint_imports_command; lint_imports_command()'

fmt: env ## Format the code.
	$(BIN)/python -m ruff check --fix
	$(BIN)/python -m ruff format

bench: env ## Measure (a few minutes).
	@$(BIN)/flatrender bench $(ARGS)

chaos: env ## Kill parts and disturb nodes at random while films render, and check that nothing is lost.
	@$(BIN)/flatrender chaos $(ARGS)

generate: env ## Write the references in docs/ anew, from the code.
	@$(BIN)/python -m deploy.references

migration: env ## Draft the next migration: what the database lacks of the declared entities (ARGS=content_categories names it).
	@$(BIN)/python -m deploy.drift $(ARGS)

lock: ## Resolve pyproject.toml anew into requirements.lock (needs uv).
	@command -v uv >/dev/null || { echo "make lock: uv is needed (pip install uv)." >&2; exit 1; }
	uv pip compile --universal --generate-hashes --all-extras --no-emit-index-url --python-version 3.11 \
		--custom-compile-command "make lock" pyproject.toml -o requirements.lock

clean: ## Remove the environment and caches; the data folder stays.
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
