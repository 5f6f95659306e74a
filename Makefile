# Every target installs first what it needs; `make` alone lists them.
PYTHON ?= python3
# Each test process has a stack of its own: about 2 GiB and a core.
PROCESSES ?= 2
MEMBERS := libs/common services/upload-gateway services/catalog services/transcoder services/delivery \
           services/janitor cli devstack
BIN := .dev/venv/bin
RUN := $(BIN)/python -m devstack
STAMP := .dev/installed
CODE := libs services cli devstack $(wildcard tests benchmarks) conftest.py
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install lock up down status logs fmt lint types imports sizes test test-long unit integration e2e \
        check demo requirements generate compose-env bench-events bench-upload

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' Makefile

install: ## Python packages, broker, store and system programs; again if something went missing
	@rm -f $(STAMP)
	@$(MAKE) --no-print-directory $(STAMP)

$(STAMP): requirements/dev.txt $(MEMBERS:=/pyproject.toml) devstack/src/devstack/kafka_jars.sha256
	@mkdir -p .dev
	@$(PYTHON) -c "import sys; sys.version_info >= (3, 11) or \
		sys.exit('reprise: Python 3.11 or newer is needed, for example: make install PYTHON=python3.11')"
	PYTHONPATH=devstack/src $(PYTHON) -m devstack.bootstrap
	@touch $@

up: $(STAMP) ## start the whole system and wait until it is ready
	@$(RUN) up $(ARGS)

down: ## stop everything, keep the data
	@test ! -x $(BIN)/python || $(RUN) down

status: $(STAMP) ## what runs, where, how heavy
	@$(RUN) status

logs: $(STAMP) ## ends of the logs (ARGS="catalog -f")
	@$(RUN) logs $(ARGS)

demo: $(STAMP) ## the main job on real files (FILES="a.flac b.jpg")
	@$(RUN) up
	@$(RUN) demo $(FILES)

test: $(STAMP) ## all tests but the long ones, on stacks of their own (PROCESSES=1 for one after the other)
	$(BIN)/pytest --suite test -m "not long" -n $(PROCESSES) --dist loadscope $(ARGS)

test-long: $(STAMP) ## browsers, foreign clients, soaks, many kills
	$(BIN)/pytest --suite test-long -m long $(ARGS)

unit: $(STAMP) ## tests without network or disk
	$(BIN)/pytest -m "not integration and not e2e and not long" $(ARGS)

integration: $(STAMP) ## adapters against the real broker, database and store
	$(BIN)/pytest -m "integration and not long" $(ARGS)

e2e: $(STAMP) ## stories through the one origin
	$(BIN)/pytest -m "e2e and not long" $(ARGS)

bench-events: $(STAMP) ## relay, commit to handler, recovery in figures (needs `make up`)
	@. .dev/env && $(BIN)/python -m benchmarks.events --kafka $$REPRISE_KAFKA_BOOTSTRAP --postgres $$REPRISE_POSTGRES_ADMIN_URL $(ARGS)

bench-upload: $(STAMP) ## one large upload beside aws, a crowd of them, creations, in figures
	@$(BIN)/python -m benchmarks.upload $(ARGS)

requirements: $(STAMP) ## which requirements the last complete run proves
	@$(RUN) requirements $(ARGS)

check: $(STAMP) ## every gate: format, lint, types, imports, generated files
	$(BIN)/ruff format --check $(CODE)
	@$(MAKE) --no-print-directory lint types imports
	$(RUN) generate --check
	$(BIN)/reprise settings --check
	$(BIN)/reprise openapi --check
	$(BIN)/reprise events --check

fmt: $(STAMP) ## format, and mend what can be mended
	$(BIN)/ruff format $(CODE)
	$(BIN)/ruff check --fix $(CODE)

lint: $(STAMP)
	$(BIN)/ruff check $(CODE)

types: $(STAMP)
	$(BIN)/mypy $(CODE)

imports: $(STAMP)
	$(BIN)/lint-imports

sizes: $(STAMP) ## the largest files and functions
	@$(RUN) sizes

generate: $(STAMP) ## write what is made from the topology, the settings, the routes and the events
	@$(RUN) generate
	@$(BIN)/reprise settings --write
	@$(BIN)/reprise openapi
	@$(BIN)/reprise events --write

compose-env: $(STAMP) ## write the secrets docker-compose.yml wants to .env
	@$(RUN) compose-env

# The members themselves are installed editable and must not appear; services take development's versions.
COMPILE := .dev/uv/bin/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-header \
           --no-annotate $(foreach name,common upload-gateway catalog transcoder delivery janitor cli devstack,\
           --no-emit-package reprise-$(name))
IMAGES := upload-gateway catalog transcoder delivery janitor

lock: $(STAMP) ## pin all Python packages anew (ARGS=--upgrade)
	$(COMPILE) $(ARGS) --group dev $(MEMBERS:=/pyproject.toml) -o requirements/dev.txt
	$(foreach name,$(IMAGES),$(COMPILE) -c requirements/dev.txt services/$(name)/pyproject.toml -o requirements/$(name).txt &&) \
	$(COMPILE) -c requirements/dev.txt cli/pyproject.toml -o requirements/setup.txt
