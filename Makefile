# Every target sets itself up first (tools/setup.sh, skipped when nothing changed).
BIN := .venv/bin
QUICK := not ci and not full and not gpu and not weights

.PHONY: help setup demo test lint ci sheets clean
.DEFAULT_GOAL := help

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

setup:  ## make .venv, once; PYTHON=... names another interpreter
	@bash tools/setup.sh

demo: setup  ## play, grade and report a small study
	@$(BIN)/vla-backfire demo

test: lint  ## lint, types, quick tests and doctests
	$(BIN)/pytest -q -m "$(QUICK)"

lint: setup  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

ci: setup  ## all that CI runs
	CI=true bash .ci/run </dev/null

WORLDS := kitchen workshop lab ward packing mining

sheets: setup  ## draw the contact sheets of worlds, props and scenarios in docs/
	$(BIN)/vla-backfire render --sheet worlds --out docs/worlds.jpg
	$(BIN)/vla-backfire render --sheet worlds --camera agentview --pixels 256 --out docs/worlds_as_seen.jpg
	$(BIN)/vla-backfire render --sheet props --pixels 128 --out docs/props.jpg
	for world in $(WORLDS); do \
	  $(BIN)/vla-backfire render --sheet scenarios --only $$world --pixels 256 \
	    --out docs/scenarios_$$world.jpg || exit; \
	done

clean:  ## remove .venv, the other environments and the caches
	rm -rf .venv .setup .mypy_cache .ruff_cache .hypothesis
