# Each target as plain commands, for Windows too: docs/commands.md.
PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --disable-pip-version-check --editable

# A stamp that is older than pyproject.toml means: install again.
.venv/lab.stamp: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.10 or newer is needed, $(PYTHON) is %d.%d: make PYTHON=python3.11 ..." % sys.version_info[:2] if sys.version_info < (3, 10) else 0)'
	$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv
	@echo "Installing into .venv: 6.5 GB on Linux, 1.6 GB elsewhere, the first time (without CUDA: docs/install.md)"
	@if $(INSTALL) .; then touch $@; \
	elif $(BIN)/python -c 'import jupyterlab, merge3, torch' 2>/dev/null; then \
		echo "What is new could not be installed (no network?). Going on with what is there."; \
	else \
		echo "The first installation needs the network, once; afterwards the course works without it."; exit 1; fi

.venv/test.stamp: .venv/lab.stamp
	$(INSTALL) '.[test]'
	touch $@ .venv/pages.stamp

.venv/pages.stamp: .venv/lab.stamp
	$(INSTALL) '.[pages]'
	touch $@

# nbgrader, apart from the course's packages.
.grading/stamp: .venv/lab.stamp
	$(BIN)/python -m course_utils.grading environment
	touch $@

.PHONY: lab update report check test test-browser run bench reproduce site slides figures assignment
lab: .venv/lab.stamp
	$(BIN)/python -m course_utils.lab

# The newest version of the course; what you wrote into work/ stays.
update: .venv/lab.stamp
	$(BIN)/python -m course_utils.copies --pull

report: .venv/lab.stamp
	$(BIN)/python -m course_utils.grading report

check: .venv/test.stamp
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check conftest.py course_utils tests benchmarks
	$(BIN)/python -m mypy
	$(BIN)/python -m pytest -n 2 tests -m 'not browser and not notebook and not grading'

# One chapter: make test NB=06
test: check
	$(BIN)/python -m pytest -n 2 --dist loadfile --nbval --nbval-current-env --nbval-cell-timeout=600 \
		notebooks tests/test_seeds.py $(if $(NB),-k $(NB)_)

# What takes a browser or nbgrader.
test-browser: .venv/test.stamp .grading/stamp
	$(BIN)/python -m pytest -n 2 --dist loadfile tests -m 'browser or grading' -rs

run: .venv/lab.stamp
	$(BIN)/python -m course_utils.notebooks $(NB)

# How long a chapter takes, and how much memory: make bench NB=06
bench: .venv/test.stamp
	$(BIN)/python -m benchmarks $(if $(NB),notebooks $(NB))

# Hours. Stop it at any time; it goes on where it was.
reproduce: .venv/lab.stamp
	$(BIN)/python -m course_utils.reproduce run

# The course as pages, from the stored notebooks: build/site/index.html
site: .venv/pages.stamp
	$(BIN)/python -m course_utils.pages site

# One chapter: make slides NB=03
slides: .venv/pages.stamp
	$(BIN)/python -m course_utils.pages slides $(NB)

# Every figure for other people's slides, drawn anew: make figures NB=03
figures: .venv/lab.stamp
	$(BIN)/python -m course_utils.pages figures $(NB)

# A chapter for nbgrader: make assignment NB=03
assignment: .grading/stamp
	$(BIN)/python -m course_utils.grading assignment $(NB) $(if $(SEED),--seed $(SEED))
