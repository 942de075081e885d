# Chores, each a one-liner. Everything is installed into .venv; nothing else of the machine is touched.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := .demo
SITE ?= .
STAGE ?=
ARCHITECTURE ?= arm64

.PHONY: demo test test-all npm hunt gallery bench drill check serve package deploy destroy local-aws clean

demo: $(VENV)/.runs  ## the whole job on the example site, then an inbox at http://127.0.0.1:8000/ (DEMO_SERVE=0: without)
	@SENDBRIEF_TRANSPORT=maildir $(BIN)/sendbrief --site . --data $(DEMO) demo $(if $(filter 0,$(DEMO_SERVE)),--no-serve,--serve)

test: $(VENV)/.tests  ## all fast tests, but for those of the documents: make check
	@$(BIN)/pytest -n auto -m "not slow" --ignore=tests/test_docs.py

npm: tests/npm/node_modules/.done  ## what tests and benchmarks compare with, where npm is installed
tests/npm/node_modules/.done: tests/npm/package-lock.json
	@if command -v npm >/dev/null; then npm ci --prefix tests/npm --silent --no-fund --no-audit --ignore-scripts && touch $@; \
	else echo "npm is not installed: what is compared with its packages is skipped."; fi

test-all: test npm  ## the fast tests, then the long suites
	@$(BIN)/pytest -n auto --dist loadfile -m slow

hunt: $(VENV)/.tests  ## examples nobody has tried yet for the property tests; ROUNDS=10 for more
	@for round in $$(seq $(or $(ROUNDS),1)); do HYPOTHESIS_PROFILE=hunt $(BIN)/pytest -n auto -m "hypothesis and not slow" || exit 1; done

gallery: $(VENV)/.tests  ## docs/gallery.md drawn anew: every template and component in Chromium
	@$(BIN)/python -m tools.gallery

bench: $(VENV)/.tests npm  ## how fast, with peers beside us
	@$(BIN)/python -m bench

drill: $(VENV)/.tests  ## a restore in mid-send, played on this machine: nobody gets it twice, nobody is left out
	@$(BIN)/python -m tools.drill

check: $(VENV)/.tests  ## style, types, arrows, docs
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports && $(BIN)/pytest tests/test_docs.py

serve: $(VENV)/.runs  ## pages, ticks and workers for the site in this folder
	@$(BIN)/sendbrief --site . serve

package: $(VENV)/.deploys  ## the artefact for AWS Lambda, in build/package
	@$(BIN)/sendbrief package --architecture $(ARCHITECTURE)

deploy: $(VENV)/.deploys  ## to AWS, as STAGE=prod or dev: package, show what changes, ask, apply (YES=1: don't ask; SET='NAME=VALUE …')
	@$(BIN)/sendbrief --site $(SITE) --stage $(STAGE) deploy --architecture $(ARCHITECTURE) $(foreach one,$(SET),--set '$(one)') $(if $(YES),--yes)

destroy: $(VENV)/.deploys  ## away from AWS; subscribers and editions stay (WITH_DATA=1: they don't)
	@$(BIN)/sendbrief --stage $(STAGE) destroy $(if $(WITH_DATA),--with-data) $(if $(YES),--yes)

local-aws: $(VENV)/.tests  ## a local AWS on 127.0.0.1, until Ctrl-C
	@$(BIN)/python tools/local_aws.py

$(VENV)/.venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Sendbrief needs Python 3.11 or newer; set PYTHON=python3.12")'
	@$(PYTHON) -m venv $(VENV) || { echo "The venv module is missing: apt install python3-venv"; exit 1; }
	@touch $@

$(VENV)/.runs: $(VENV)/.venv pyproject.toml constraints.txt
	@echo "Installing into $(VENV) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[cli]'
	@touch $@

$(VENV)/.deploys: $(VENV)/.runs
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[cli,deploy]'
	@touch $@

$(VENV)/.tests: $(VENV)/.runs
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[cli,deploy,dev]'
	@touch $@

clean:
	rm -rf $(VENV) .venv-local-aws $(DEMO) build *.egg-info .mypy_cache .ruff_cache .hypothesis .import_linter_cache
