# Two commands set everything up on a machine that has Python 3.11 and make: `make demo` and `make test`.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PLUGINS := $(patsubst %/pyproject.toml,%,$(wildcard plugins/*/pyproject.toml))
SOURCES := engine tests benchmarks conftest.py $(wildcard plugins/*/engine_*)
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# A file's tests stay in one process, with the servers they share, and the files in the order of tests/support/order.py; single tests are best run with PYTEST_ARGS='-n 0 PATH'.
PYTEST := $(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder
PYTEST_ARGS ?=
# Without bytecode every process that a test starts would compile the engine again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test check long faults coverage bench wheels clean
.DELETE_ON_ERROR:

## A month and a business day through the real runtime, with a virtual clock.
demo: $(VENV)/.installed
	$(BIN)/engine demo

## Every test this machine can run; what it had to leave out is named at the end.
test: $(VENV)/.installed
	$(PYTEST) $(PYTEST_ARGS)

## The same tests with all their examples. No test is stopped for taking long.
long: $(VENV)/.installed
	CLOSEDLOOP_SHARE=1 $(PYTEST) -o faulthandler_timeout=0 $(PYTEST_ARGS)

## Every fault run with all its trials, one after the other, which takes more than an hour; figures at the end (docs/reliability.md).
faults: $(VENV)/.installed
	CLOSEDLOOP_SHARE=1 $(BIN)/python -m pytest -n 0 -o faulthandler_timeout=0 tests/faults $(PYTEST_ARGS)

## Everything that can be said without running the code.
check: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(SOURCES)
	$(BIN)/lint-imports
	$(BIN)/engine validate --strict policies
	$(BIN)/engine test policies --min-coverage 100

## The pure rooms are covered to the last branch.
coverage: $(VENV)/.installed
	$(PYTEST) --cov --cov-report= $(PYTEST_ARGS)
	$(BIN)/coverage report
	$(BIN)/coverage report --include='engine/core/*,engine/policy/*' --fail-under=100

bench: $(VENV)/.installed
	@for script in benchmarks/*.py; do echo "== $$script" && $(BIN)/python -P "$$script" || exit 1; done

## The wheels of the engine and of every plugin, in dist/.
wheels: $(VENV)/.installed
	rm -rf dist
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist $(addprefix ./,. $(PLUGINS))

# The stamp makes a second run quick and follows every pyproject.toml. The build backend is installed once, not once per distribution; an old pip takes minutes to choose versions.
$(VENV)/.installed: pyproject.toml $(PLUGINS:%=%/pyproject.toml)
	@test -n "$(PYTHON)" && $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "closedloop needs Python 3.11 or newer: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || \
		{ echo "this Python cannot make virtual environments: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP_INSTALL) --upgrade pip hatchling editables
	$(PIP_INSTALL) --no-compile --no-build-isolation -e '.[dev]' $(PLUGINS:%=-e %)
	@touch $@

## Back to a fresh clone, but for the virtual environment (remove .venv yourself to start over).
clean:
	rm -rf dist build .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +
