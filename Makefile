# SPDX-License-Identifier: Apache-2.0
# On a fresh Debian or Ubuntu machine, as root: `make demo` or `make test`. Nothing else is needed.

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-boot unit check format bundle clean

PYTHON := .venv/bin/python
BUNDLE := dist/hostlift-linux-x86_64.tar.gz
SOURCES := $(shell find src scripts -type f ! -name '*.pyc' 2>/dev/null) pyproject.toml LICENSE README.md

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

setup: ## system packages, .venv, images in ~/.cache/hostlift; a second run takes a second
	@scripts/setup

demo: setup $(BUNDLE) ## a live server moves to the embedded cloud; ten minutes without KVM
	@$(PYTHON) -m demo.run

test: setup $(BUNDLE) ## every test, virtual machines included
	@$(PYTHON) -m pytest

test-boot: setup ## adapt and boot every system of tests/boot; ten minutes more
	@$(PYTHON) -m pytest -s tests/boot -m vm

unit: setup ## the tests that take seconds
	@$(PYTHON) -m pytest -q tests/unit tests/property tests/contract

check: setup ## lint, format, types, import contracts, budgets
	@$(PYTHON) -m pytest -q tests/test_rules.py tests/test_budgets.py

format: setup ## rewrite in the house style
	@$(PYTHON) -m ruff check --fix-only --quiet .
	@$(PYTHON) -m ruff format .

bundle: setup $(BUNDLE) ## one archive for servers: dist/hostlift-linux-x86_64.tar.gz

$(BUNDLE): $(SOURCES) | setup
	@scripts/bundle $@

clean: ## remove .venv, dist and caches of this folder; images stay in ~/.cache/hostlift
	@rm -rf .venv dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
