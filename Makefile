# make book and make test set up all they need; make alone lists the targets.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The stamp carries the checksum of what is installed: no reinstall while the lock has not changed.
STAMP := $(VENV)/.installed-$(firstword $(shell cat requirements.txt pyproject.toml | cksum))
CHAPTERS := $(wildcard chapters/*.py)
EXECUTE := $(CHAPTERS:chapters/%.py=execute-%)
export JUPYTER_PLATFORM_DIRS := 1
# what is installed is compiled to bytecode when it is first imported, and kept
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' $(MAKEFILE_LIST) | while IFS='|' read -r name text; do printf '  make %-11s %s\n' "$$name" "$$text"; done

$(STAMP): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; (3, 11) <= v < (3, 14) or sys.exit("Python 3.11, 3.12 or 3.13 is needed, $(PYTHON) is %d.%d: set PYTHON=" % v[:2])'
	@echo "Making the environment $(VENV) from requirements.txt (about 20 seconds, once) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python scripts/set_up.py
	@rm -f $(VENV)/.installed-*
	@touch $@

.PHONY: environment
environment: $(STAMP)  ## make .venv from the lock, if it is not there

# what the pages are made of; the last ones get a link on the first page
RENDERED := _build/html/.rendered
SOURCES := $(wildcard *.md *.bib *.cff *.toml _*.yml chapters/*.* explorers/*.* assets/*.* _ext/*.* _ext/*/*.* \
  scripts/*.py src/straightlines/*.* src/straightlines/*/*.py _build/straight-lines.*)
$(RENDERED): $(STAMP) $(SOURCES)
	@echo "Rendering the book ..."
	@$(BIN)/jupyter-book build . --all -W -n --keep-going --quiet
	@touch $@

.PHONY: book
book: $(RENDERED)  ## render the book into _build/html, if something it is made of has changed
	@echo "The book is at file://$(CURDIR)/_build/html/index.html"

.PHONY: pdf epub zip
pdf: $(STAMP)  ## make the whole book as _build/straight-lines.pdf (needs XeLaTeX)
epub: $(STAMP)  ## make it as _build/straight-lines.epub
zip: $(STAMP)  ## make its pages one file, _build/straight-lines.zip
pdf epub zip:
	@$(BIN)/python -m scripts.take_away $@

.PHONY: test
test: book  ## run every test: chapters, package, pairing, rendered book
	@echo "Testing: every cell of every chapter, the package, the pairing and the rendered book ..."
	@$(BIN)/python -m pytest

.PHONY: test-pages
test-pages: book  ## test the rendered pages in Chromium, which must be installed
	@$(BIN)/python -m pytest -m browser --numprocesses=2 --dist=worksteal tests/test_pages.py tests/test_explorers.py

.PHONY: check
check: $(STAMP)  ## test one chapter and what it imports: make check NAME=tango
	@$(BIN)/python -m scripts.check $$NAME

.PHONY: matrix
matrix: $(STAMP)  ## run the chapters at every level of the processor, on one thread and on two
	@$(BIN)/python -m scripts.matrix $$NAME

.PHONY: mutants
mutants: $(STAMP)  ## make small mistakes, one at a time, and count those that no test notices
	@$(BIN)/python -m scripts.mutants

.PHONY: about
about: $(STAMP)  ## print versions, processor level, threads and devices
	@$(BIN)/python -m scripts.about

.PHONY: chapters $(EXECUTE)
chapters: $(EXECUTE)  ## execute the chapters whose code, or what it imports or reads, changed
	@$(BIN)/python -m scripts.copy_picture chapters/straight_lines.ipynb straight_lines-figure-book assets/straight-lines.svg
$(EXECUTE): execute-%: $(STAMP)
	@$(BIN)/python -m scripts.execute_chapters chapters/$*.py
# it reads what the other chapters computed
execute-reproduction: $(filter-out execute-reproduction,$(EXECUTE))

.PHONY: lab
lab: $(STAMP)  ## open the chapters in JupyterLab
	@cd chapters && ../$(BIN)/jupyter lab

.PHONY: bench
bench: $(STAMP)  ## time the fast routines beside the plain loops
	@$(BIN)/python -m scripts.bench

.PHONY: lint
lint: $(STAMP)  ## ruff, mypy, codespell
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/codespell

.PHONY: format
format: $(STAMP)  ## let ruff mend what it can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

# pip 23 finds a pin for a package with extras only if the pin names them
.PHONY: lock
lock: $(STAMP)  ## write requirements.txt anew from requirements.in
	@$(BIN)/uv pip compile requirements.in --output-file requirements.txt --quiet --upgrade \
	  --universal --fork-strategy fewest --python-version 3.11 --generate-hashes \
	  --no-strip-extras --no-annotate --no-header --no-emit-index-url --no-emit-find-links

.PHONY: newest
newest: $(STAMP)  ## bring .venv to the newest libraries that requirements.in allows; remove .venv to go back
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade --upgrade-strategy eager --requirement requirements.in

.PHONY: clean
clean:  ## remove what was built; .venv stays
	@rm -rf _build .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@echo "Removed _build and the caches. The environment is $(VENV): remove it by hand to start afresh."
