# make demo   try it on this machine       make test   all checks and tests, as CI runs them
# make drills only the pair under faults   make bench  measure, beside the peers
# make words  bring translations up to date   make drill-transcript  one crash, as all saw it
# make dist   a wheel and an sdist            make install    as a service: deploy/install.sh
# make clean  take away what these made       make uninstall  but for /etc and data

BIN := .venv/bin
PLANE ?= userspace

.PHONY: demo test drills drill-transcript bench lint words prepared clean
.PHONY: dist install install-wheels uninstall

demo:
	@deploy/prepare.sh demo
	@$(BIN)/python deploy/demo.py --plane $(PLANE)

test: prepared lint
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest
	$(BIN)/python -m tests.kernel --coverage
	$(BIN)/python -m pytest tests/browser
	$(BIN)/coverage combine --quiet . .build/kernel
	$(BIN)/python tests/coverage_by_room.py
	$(BIN)/python -m tests.kernel --drills

prepared:
	@deploy/prepare.sh test

drills: prepared
	$(BIN)/python -m tests.kernel --drills

drill-transcript: prepared
	@$(BIN)/python -m tests.kernel.lab.boot -- $(CURDIR)/$(BIN)/python -m tests.kernel.lab.transcript

lint: prepared
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

words: prepared
	$(BIN)/python -m deploy.words

bench:
	@deploy/prepare.sh bench
	$(BIN)/python -m tests.bench

dist: prepared
	$(BIN)/python -m build --outdir .build/dist

install:
	@deploy/install.sh

install-wheels:
	@deploy/install.sh wheels

uninstall:
	@deploy/uninstall.sh

clean:
	rm -rf .venv .build .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage*
