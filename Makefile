# make run   set up and run the main study on embedded data        make test   set up and run the tests
# make lint  ruff, mypy, codespell        make bench  benchmarks        make docs  the site        make clean
PYTHON ?= python3
export OMP_WAIT_POLICY = PASSIVE

IN_VENV = .venv/bin/python -m
INSTALL = $(IN_VENV) pip install --quiet --disable-pip-version-check -c constraints.txt -e

.PHONY: run test lint bench docs wheel clean
.DELETE_ON_ERROR:

run: .venv/.installed
	$(IN_VENV) beolith run material_to_accuracy

test: .venv/.installed-dev
	$(IN_VENV) pytest --numprocesses auto --maxprocesses 8 --dist loadfile

lint: .venv/.installed-dev
	$(IN_VENV) ruff check
	$(IN_VENV) ruff format --check
	$(IN_VENV) codespell_lib
	.venv/bin/python tools/link_tree.py
	$(IN_VENV) mypy

bench: .venv/.installed-dev
	$(IN_VENV) pytest -o addopts="--import-mode=importlib --strict-markers" --benchmark-only

docs: .venv/.installed-docs
	.venv/bin/python tools/link_tree.py
	$(IN_VENV) mkdocs build --strict

wheel: .venv/.installed-dev
	.venv/bin/python tools/check_wheel.py

clean:
	rm -rf .venv build dist beolith.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .benchmarks

# each stamp stands for one installation; it is made anew when what it was made from changes
.venv/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo 'beolith needs Python 3.11 or newer, and "$(PYTHON)" is none.'; \
	  echo 'Name one that is: make PYTHON=python3.12 $(MAKECMDGOALS)'; exit 1; } >&2
	$(PYTHON) -m venv .venv
	@touch $@

.venv/.installed: .venv/.created pyproject.toml constraints.txt
	@echo 'Installing beolith and what it needs into .venv (once, some minutes) ...'
	$(INSTALL) .
	@touch $@

.venv/.installed-dev .venv/.installed-docs: .venv/.installed-%: .venv/.created pyproject.toml constraints.txt
	@echo 'Installing beolith and the tools for "$*" into .venv (once, some minutes) ...'
	$(INSTALL) ".[$*]"
	@touch $@
