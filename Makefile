# Every target does its own set-up: a virtual environment in .venv, made by scripts/setup.
.PHONY: demo test check bench mutants clean

demo: .venv/.demo
	@.venv/bin/wherry demo $(ARGS)

test: .venv/.ready
	@.venv/bin/python -m pytest -n 2 --dist worksteal $(ARGS)

check: .venv/.ready
	@.venv/bin/ruff check .
	@.venv/bin/mypy
	@for example in examples/*/; do MYPYPATH=$$example .venv/bin/mypy --config-file examples/mypy.ini --cache-dir .mypy_cache/users $$example*.py || exit 1; done
	@.venv/bin/lint-imports

bench: .venv/.ready
	@.venv/bin/python -m bench $(ARGS)

mutants: .venv/.ready
	@nice .venv/bin/python scripts/mutants $(PART) $(if $(SECONDS),--seconds $(SECONDS)) $(ARGS)

.venv/.demo: pyproject.toml constraints.txt scripts/setup
	@scripts/setup demo

.venv/.ready: pyproject.toml constraints.txt scripts/setup
	@scripts/setup

clean:
	rm -rf .venv .mutants .mypy_cache .ruff_cache .pytest_cache .hypothesis
