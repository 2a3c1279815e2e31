# The two that a newcomer needs: `make demo` and `make test`. Each sets up first what is not there yet.
# `make check` is the fast part of the tests, to be run before every commit.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV   := .venv
PY     := $(VENV)/bin/python
PROTOS := $(wildcard proto/trunkline/v1/*.proto)
GEN    := controller/wire/gen
# sudo, where it is needed and can be had: without a password, or with somebody there to type it.
SUDO   := $(shell if [ "$$(id -u)" != 0 ] && { sudo -n true || { command -v sudo && [ -t 0 ]; }; } >/dev/null 2>&1; \
	    then echo sudo; fi)
ROOT   := $(shell [ "$$(id -u)" = 0 ] && echo yes || echo $(SUDO))
# Root writes nothing into the clone but what the clone's owner could remove.
QUIET  := PYTHONDONTWRITEBYTECODE=1
# Tests of whole servers wait half of their time: two for each processor.
WAITING := $(shell echo $$((2 * $$(nproc))))

.PHONY: help setup proto demo test check lint unit system-test lab-test format clean

help: ## show this help
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

demo: setup ## private lines and traffic abroad over emulated networks, from YAML to measured packets
	@$(SUDO) env $(QUIET) $(PY) -m lab demo

test: check system-test lab-test ## everything that CI runs

check: lint unit ## the fast part: format, lint, types, import contracts, unit and property tests

lint: setup
	@$(VENV)/bin/ruff format --check -q . || { echo "run: make format"; exit 1; }
	@$(VENV)/bin/ruff check -q .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports | tail -n 8
	@$(VENV)/bin/pyang --strict --lint --max-line-length=120 lab/yang/*.yang

unit: setup
	@$(VENV)/bin/pytest tests/unit -q -n 2

system-test: setup
	@$(VENV)/bin/pytest tests/system -q -n $(WAITING)

lab-test: setup
ifdef ROOT
	@$(SUDO) env $(QUIET) TRUNKLINE_REQUIRE_LAB=1 $(VENV)/bin/pytest tests/lab -q -n 3 --maxschedchunk 1 -p no:cacheprovider
else
	@echo "the lab tests need root, or sudo: left out"
endif

format: setup ## put the code into the one format
	@$(VENV)/bin/ruff check -q --fix . || true
	@$(VENV)/bin/ruff format .

setup: $(VENV)/.ready $(GEN)/.built $(VENV)/.warm ## system packages, virtual environment, generated code, compiled kernels

$(VENV)/.ready: pyproject.toml .ci/setup
	@.ci/setup $(VENV)
	@touch $@

$(VENV)/.warm: $(VENV)/.ready $(wildcard controller/paths/*.py controller/paths/kernels/*.py controller/egress/*.py controller/egress/kernels/*.py)
	@echo "setup: compiling the kernels of paths and egress"
	@$(PY) -m controller.paths.warm
	@$(PY) -m controller.egress.warm
	@touch $@

proto: $(GEN)/.built
$(GEN)/.built: $(PROTOS) $(VENV)/.ready
	@rm -rf $(GEN) && mkdir -p $(GEN)
	@$(PY) -m grpc_tools.protoc -Iproto --python_out=$(GEN) --grpc_python_out=$(GEN) \
	  --plugin=protoc-gen-mypy=$(VENV)/bin/protoc-gen-mypy --mypy_out=quiet:$(GEN) \
	  --plugin=protoc-gen-mypy_grpc=$(VENV)/bin/protoc-gen-mypy_grpc --mypy_grpc_out=quiet:$(GEN) $(PROTOS)
	@# protoc names its modules by the proto package; ours live inside the Python package.
	@find $(GEN) -name '*.py*' -exec sed -i -E \
	  -e 's/^from trunkline\.v1(\S*) import/from $(subst /,.,$(GEN)).trunkline.v1\1 import/' {} +
	@find $(GEN) -type d -exec touch {}/__init__.py \;
	@touch $@

clean: ## remove all that was built
	@rm -rf $(VENV) $(GEN) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
