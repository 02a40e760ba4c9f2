# `make serve` and `make test` need Python >= 3.11, make and a package index; all else comes into .venv (and .uv).

UV_VERSION := 0.13.9
UV_OLDEST := 0.8.0
ARGS :=
ABREAST := -n auto --maxprocesses 4 --dist worksteal
LOCKED := uv.lock pyproject.toml sdk/python/pyproject.toml
CHECKED := src sdk/python/src sdk/generate tests benchmarks docs/conf.py

.PHONY: help serve test lint types imports check format docs sdk clean

help: ## show these lines
	@sed -n 's/^\([a-z]*\):.*## /\1: /p' $(MAKEFILE_LIST) | awk -F': ' '{ printf "  make %-9s%s\n", $$1, $$2 }'

serve: .venv/.runs ## start the server in ./data; more flags by ARGS="--http-port 9000"
	@exec .venv/bin/daimon serve $(ARGS)

test: .venv/.develops ## run every test, on several cores; some by ARGS=tests/e2e, on one
	.venv/bin/pytest $(or $(ARGS),$(ABREAST))

lint: .venv/.develops ## style and format
	.venv/bin/ruff check $(CHECKED)
	.venv/bin/ruff format --check $(CHECKED)

types: .venv/.develops ## strict types
	.venv/bin/mypy

imports: .venv/.develops ## imports go downward only
	.venv/bin/lint-imports

check: lint types imports test ## all of these

format: .venv/.develops ## put code into shape
	.venv/bin/ruff check --fix $(CHECKED)
	.venv/bin/ruff format $(CHECKED)

docs: .venv/.develops ## write the pages that are made from the code, and the site of all pages into build/docs
	.venv/bin/daimon config --reference > docs/reference/settings.md
	.venv/bin/python -m daimon.api.reference docs/reference
	.venv/bin/sphinx-build --quiet --fail-on-warning --keep-going --jobs auto --doctree-dir build/doctrees docs build/docs
	@echo "The site: build/docs/index.html"

sdk: .venv/.develops ## write what both SDKs make of openapi.json
	.venv/bin/python -m sdk.generate

clean: ## remove what the targets made, but no data
	rm -rf .venv .uv .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache build sdk/typescript/dist sdk/typescript/node_modules sdk/typescript/test/runtimes/node_modules

# What runs, without the tools of development. --inexact leaves those alone where they are.
.venv/.runs: $(LOCKED)
	@$(SYNC) --no-dev --inexact
	@touch $@

.venv/.develops: $(LOCKED)
	@$(SYNC)
	@touch $@ .venv/.runs

# A uv of the machine does if it is new enough; else one is installed into .uv, and nothing outside this directory.
define SYNC
set -e; \
for python in $$PYTHON python3 python3.14 python3.13 python3.12 python3.11 python ""; do \
  [ -n "$$python" ] || { echo "daimon needs Python 3.11 or newer; none was found (or set PYTHON=/path/to/python)" >&2; exit 1; }; \
  $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; \
done; \
uv=$$(command -v uv || echo); \
if [ -z "$$uv" ] || ! printf '%s\n' $(UV_OLDEST) "$$($$uv --version | cut -d' ' -f2)" | sort -VC; then \
  uv=.uv/bin/uv; \
  [ "$$($$uv --version 2>/dev/null | cut -d' ' -f2)" = $(UV_VERSION) ] || { \
    echo "Installing uv $(UV_VERSION) into .uv"; \
    $$python -m venv --clear .uv || { echo "this Python cannot make environments: install its venv package (python3-venv), or uv" >&2; exit 1; }; \
    .uv/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION); \
  }; \
fi; \
echo "Setting up .venv"; \
env -u VIRTUAL_ENV UV_PROJECT_ENVIRONMENT=.venv UV_PYTHON_DOWNLOADS=never \
  $$uv sync --quiet --frozen --python "$$(command -v $$python)"
endef
