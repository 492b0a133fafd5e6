# `make` alone lists the targets.
PYTHON ?= python3
PY := .venv/bin/python
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup run demo test check bench drill chaos matrix probe prove synth locks clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## make .venv from the hash-locked packages (quick when nothing changed)
	@$(PYTHON) requirements/install.py

run: setup ## start the whole system with its demo shop, tell its stories, stay up (Ctrl-C ends it)
	@exec $(PY) -m demo run $(ARGS)

demo: setup ## the same, but end after the stories; fails if one does not come out as told
	@exec $(PY) -m demo once $(ARGS)

test: setup ## the whole test suite on two processes (ARGS="-k refund" for a part)
	@exec $(PY) -m pytest -n 2 --dist loadgroup $(ARGS)

check: setup ## format, lint, import rules, types, spelling, generated files, locks
	@$(PY) .ci/check.py

bench: setup ## cost and speed of the standard case: transitions, calls, units, CPU, dollars
	@exec $(PY) -m bench $(ARGS)

drill: setup ## break the running system on purpose and judge what became of its cases (NAME=kill; without: all)
	@exec $(PY) -m drills $(or $(NAME),all) $(ARGS)

chaos: setup ## kill -9 at 1,000 random moments of all drills (ARGS="--kills 40 --seed 7")
	@exec $(PY) -m drills chaos $(ARGS)

matrix: setup ## kill every adapter's write before each line between intent and outcome (make test: a part of them)
	@NIGHTSHIFT_MATRIX=whole exec $(PY) -m pytest -n 2 -q tests/adapters -k crash $(ARGS)

probe: setup ## hold the local AWS against documented AWS behaviour
	@exec $(PY) -m pytest local/probes -q $(ARGS)

prove: setup ## take the code behind each promise away and see its test fail
	@$(PY) build/prove.py $(ARGS)

synth: setup ## the CloudFormation templates for AWS into cdk.out (STAGE=prod for another stage)
	@$(PY) -m build.layers --platform lambda
	@NIGHTSHIFT_STAGE=$(or $(STAGE),dev) NIGHTSHIFT_LAYERS=lambda $(PY) -m stacks.app

locks: setup ## write requirements/*.txt anew from pyproject.toml (ARGS=--upgrade takes newer versions)
	@$(PY) requirements/lock.py $(ARGS)

clean: ## remove everything that was generated, .venv included
	@rm -rf .venv .local cdk.out build/layers .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
