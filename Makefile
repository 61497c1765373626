# `make help` lists the verbs. Anything after Snakemake's own options works too: make figures FLAGS=--keep-going
.DEFAULT_GOAL := figures
.PHONY: figures smoke report explain test lint format docs lock gallery clean help

PYTHON ?= python3
VENV ?= .venv
FLAVOUR ?= cpu
CORES ?= all
CONFIG ?= config/config.yaml
TARGET ?=
FLAGS ?=

export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
CONFIGFILE = $(if $(filter config/config.yaml,$(CONFIG)),,--configfile $(CONFIG))
RESULTS = $(shell sed -n 's/^results: *//p' $(CONFIG))
SNAKEMAKE = snakemake $(TARGET) $(CONFIGFILE) $(FLAGS)

figures: $(VENV)/installed ## rebuild every figure, or TARGET=path, on CORES=n, from CONFIG=file (this is the default)
	@$(SNAKEMAKE) --cores $(CORES) --quiet host rules
	@echo "Figures are in $(RESULTS)/figures, tables in $(RESULTS)/tables."

smoke: ## the same, tiny: config/smoke.yaml
	@$(MAKE) --no-print-directory figures CONFIG=config/smoke.yaml

report: figures ## figures, captions and numbers in one HTML page
	@snakemake $(CONFIGFILE) --report $(RESULTS)/report.html --quiet host
	@echo "The report is $(RESULTS)/report.html."

explain: $(VENV)/installed ## say why TARGET=path (or anything) would be made again; runs nothing
	@$(SNAKEMAKE) --dry-run --quiet host

test: $(VENV)/installed-dev ## the whole test suite
	@pytest

lint: $(VENV)/installed-dev ## formatting, style, types, and Snakemake's own linter
	ruff format --check
	ruff check
	mypy
	snakefmt --check Snakefile workflow/rules
	snakemake --lint

format: $(VENV)/installed-dev ## mend formatting and what ruff can mend
	ruff format
	ruff check --fix
	snakefmt Snakefile workflow/rules

docs: $(VENV)/installed ## write config/README.md and the JSON schema from the settings
	@python -m rlgames.commands.document_settings

lock: $(VENV)/installed-dev ## compile pyproject.toml into envs/ anew, at the newest versions
	@python envs/lock.py

clean: ## remove the environment and caches; results stay
	rm -rf $(VENV) .cache .*_cache .hypothesis

gallery: figures ## copy the figures and tables that the docs show to docs/gallery
	@mkdir -p docs/gallery
	@cp $(RESULTS)/figures/*.png $(RESULTS)/tables/final-scores.csv docs/gallery/

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# The copy of the lock tells every manifest what its run was made with.
$(VENV)/installed: envs/$(FLAVOUR).txt pyproject.toml
	@echo "Installing the locked environment into $(VENV) (about a minute) ..."
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement envs/$(FLAVOUR).txt
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@cp envs/$(FLAVOUR).txt $(VENV)/rlgames-lock.txt
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed envs/dev.txt
	@echo "Installing the test tools ..."
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement envs/dev.txt
	@touch $@
