# SPDX-License-Identifier: MIT
# Everything happens in .venv, build/ and dist/, which make creates. Needs git, Python 3.11 or newer, a C
# compiler, make and the package index, from which meson and ninja come too. Targets that need an environment
# of their own are sessions of noxfile.py.

PYTHON ?= python3
VENV := .venv
STEPS_LONG ?= 1000000
STEPS_LONG_PURE ?= 30000
EXAMPLES_LONG ?= 2000
RANGES ?= 50000000
MUTANTS ?= 340
SEED ?= 1
SUITE ?= bookworm
# Debian releases, whose newest cloud kernels are used.
kernels: KERNELS ?= bookworm trixie

# Programs of the environment come before the system's.
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

PACKAGE := $(wildcard core/include/*.h core/src/*.[ch] core/*.py binding/*.[chp]* programs/*.c meson.* pyproject.toml) \
	$(shell find src -type f ! -path '*__pycache__*')
INSTALL := python -m pip install --quiet --no-build-isolation -Cbuild-dir=build/package
NOX_TARGETS := test-pure-wheel test-sanitize test-tsan test-tsan-python test-pypy test-python-newer \
	test-free-threaded stress-free-threaded test-kernels test-frames test-engines test-wheel coverage-core coverage-python fuzz-core fuzz-threads fuzz-python fuzz-corpus wheel wheel-pure

.PHONY: $(shell sed -nE 's/^([a-z][a-z -]*):.*## .*/\1/p' Makefile)

help: ## this list
	@sed -nE 's/^([a-z][a-z -]*):.*## (.*)/\1\t\2/p' Makefile | expand -t 24

demo: $(VENV)/.samara ## what samara does, in seconds: a range map, then a real process forked three ways
	@samara demo
	@echo "For these commands in your shell: . $(VENV)/bin/activate"

# Run two parts at a time. Each prints its output at its end. All parts finish before a failure is reported.
test: ## everything that a change must pass: the four parts below, two at a time
	@$(MAKE) --no-print-directory --keep-going --jobs=2 --output-sync=target \
		test-python test-pure test-c test-pure-wheel

test-c: build/debug/build.ninja build/release/build.ninja ## C tests, on a core that checks itself and on the core as it ships
	meson test -C build/debug --print-errorlogs
	meson test -C build/release --print-errorlogs

test-python: $(VENV)/.dev ## Python tests on the extension
	SAMARA_PURE=0 python -m pytest

test-pure: $(VENV)/.dev ## Python tests on the pure-Python tree
	SAMARA_PURE=1 python -m pytest --ignore tests/tree/test_differential.py

test-long: $(VENV)/.dev build/debug/build.ninja ## family tests of a million steps (STEPS_LONG, STEPS_LONG_PURE, EXAMPLES_LONG)
	meson compile -C build/debug
	SAMARA_STEPS=$(STEPS_LONG) build/debug/test_family
	SAMARA_PURE=0 SAMARA_STEPS=$(STEPS_LONG) python -m pytest tests/tree/test_family.py
	SAMARA_PURE=1 SAMARA_STEPS=$(STEPS_LONG_PURE) python -m pytest tests/tree/test_family.py
	SAMARA_STEPS=$(STEPS_LONG_PURE) python -m pytest tests/tree/test_differential.py
	SAMARA_STEPS=$(EXAMPLES_LONG) python -m pytest tests/tree/test_stateful.py tests/tree/test_surface.py
	$(MAKE) --no-print-directory test-scale

test-scale: $(VENV)/.dev build/release/build.ninja ## 50 million ranges (RANGES) and a million forks; takes 7 GiB
	meson compile -C build/release
	SAMARA_STEPS=$(RANGES) build/release/test_scale
	SAMARA_PURE=0 python tools/scale.py $(RANGES)

test-kernel: $(VENV)/.dev ## address spaces compared with the running kernel; x86-64 Linux only
	python tests/kernel/oracle.py
	python tests/kernel/programs.py
	python tests/kernel/next_mmap.py

test-kernel-pkeys: $(VENV)/.dev ## the same on an emulated processor with protection keys, by QEMU (OPTIONS="calls=100 seeds=1,2")
	tools/kernel-vm python $(OPTIONS)

kernels: $(VENV)/.dev ## instructions of a fork() on kernels without and with __mt_dup(), in QEMU (KERNELS)
	mkdir -p build
	python tools/kernels/forks.py $(KERNELS) --json build/kernels.json --plot build/kernels.svg

test-kernels: ## the trees of real kernels, read out of memory dumps that QEMU makes (KERNELS)
test-bare: ## demo, test and lint in a fresh root of Debian's SUITE with only what the README asks for; needs root
	tools/bare $(SUITE)

test-pure-wheel: ## build the wheel without the extension, and run the quick tests on it
test-sanitize: build/debug/build.ninja ## C and Python tests under ASan and UBSan, C tests under valgrind
test-tsan: ## the C tests that start threads, under ThreadSanitizer
test-pypy: ## Python tests on PyPy: $PYPY, the one on PATH, or Debian's
test-python-newer: ## Python tests on Debian's CPython NEWER (3.13), from DEBIAN_SUITE (trixie)
test-free-threaded: ## Python tests on free-threaded Python NEWER (3.13), which is built first if it is missing
stress-free-threaded: ## thread tests on free-threaded Python NEWER, again and again for SECONDS (60)
test-tsan-python: ## thread tests on $PYTHON_TSAN, a free-threaded Python made with ThreadSanitizer
test-frames: ## joins of frames with the oldest and the newest version of each library
test-engines: ## joins on dask and Spark, with processes on this machine; apt-get installs Java
test-wheel: ## check what `make wheel` makes: its files, a second build, pip, the quick tests
coverage: coverage-core coverage-python ## coverage-core and coverage-python
coverage-core: ## lines and branches of the core that the C tests cover; fails unless all are
coverage-python: ## lines and branches of the Python code and the extension that the Python tests cover
fuzz: fuzz-core fuzz-threads fuzz-python ## fuzz-core, fuzz-threads and fuzz-python
fuzz-core: ## the core under libFuzzer, for SECONDS (60)
fuzz-threads: ## one tree in several threads: under libFuzzer, then ThreadSanitizer, for SECONDS (60)
fuzz-python: ## the public Python calls under atheris, for SECONDS (60)
fuzz-corpus: ## rebuild the saved corpus from itself and from all that fuzz-core found
wheel: ## the source distribution of the commit, and the wheel built from it, in dist/
wheel-pure: ## the wheel without the extension, in dist/

$(NOX_TARGETS): $(VENV)/.dev
	@nox --session $@

bench: OPTIONS := --json build/bench.json
bench-quick: OPTIONS := --quick --json build/bench.json
bench-docs: OPTIONS := --docs benchmarks/results/bench.json
bench: ## samara compared with its peers: prints the bounds, writes build/bench.json
bench-quick: ## the same for three sizes
bench-docs: ## rebuild docs/performance.md from the stored figures
bench bench-quick bench-docs: $(VENV)/.dev
	@nox --session bench -- benchmarks/bench.py $(OPTIONS)

bench-ip: $(VENV)/.dev ## look-ups of IP addresses in a real database, beside peers: writes build/bench_ip.json
	@nox --session bench -- benchmarks/bench_ip.py --json build/bench_ip.json

bench-frames: $(VENV)/.dev ## joins of frames beside those of other libraries: prints the bounds, writes build/bench_frames.json (OPTIONS)
	@nox --session bench-frames -- --json build/bench_frames.json $(OPTIONS)

mutants: $(VENV)/.dev build/debug/build.ninja ## do C tests notice a changed core? (MUTANTS, 0 for all; SEED)
	meson compile -C build/debug
	python tools/mutants.py --debug build/debug --folder build/mutants --mutants $(MUTANTS) --seed $(SEED)

# With BASE, a commit: the same program on that commit's core, in alternating runs, and then bench-core's.
bench-kernel: build/release/build.ninja $(BASE:%=build/base/%/.built) ## the kernel's nine small benchmarks; BASE=COMMIT compares with that commit's core
	meson compile -C build/release
	python benchmarks/bench_kernel.py --program build/release/bench_kernel --json build/bench_kernel.json \
		$(if $(BASE),--runs 31 --milliseconds 20 --commit $(BASE) --base build/base/$(BASE)/bench_kernel)
	$(if $(BASE),python benchmarks/compare.py build/base/$(BASE) core)

bench-core: build/release/build.ninja ## the core alone, for both widths of keys: prints its bounds, writes build/bench_core.json and bench_core_128.json
bench-fork: build/release/build.ninja ## the fork benchmark: prints its bounds, writes build/bench_fork.json
bench-core bench-fork:
	meson compile -C build/release
	$(if $(filter bench-core,$@),python benchmarks/bench_core.py --program build/release/bench_core_128 \
		--json build/bench_core_128.json)
	python benchmarks/$(subst -,_,$@).py --program build/release/$(subst -,_,$@) \
		--json build/$(subst -,_,$@).json

# BASE is by default the last core whose look-ups took the tree's lock.
READERS_BASE := $(or $(BASE),0afaa6c)
bench-threads: build/release/build.ninja build/base/$(READERS_BASE)/.built ## look-ups in several threads, beside a writer too: prints its bounds, writes build/bench_threads.json
	meson compile -C build/release
	python benchmarks/bench_threads.py --program build/release/bench_threads --runs 201 --milliseconds 5 \
		--base build/base/$(READERS_BASE)/bench_threads --commit $(READERS_BASE) --json build/bench_threads.json

bench-free-threading: ## threads of Python on $PYTHON_FREE_THREADED, and on $PYTHON_WITH_GIL: prints its bounds, writes build/bench_free_threading.json
	python benchmarks/bench_free_threading.py --program "$(PYTHON_FREE_THREADED)" --gil "$(PYTHON_WITH_GIL)" \
		--milliseconds 200 --json build/bench_free_threading.json

bench-mm: $(VENV)/.samara ## address spaces: writes build/bench_mm.json
	python benchmarks/bench_mm.py --json build/bench_mm.json

bench-operations: $(VENV)/.dev ## diff, unions, sums, policies and files on a million ranges: writes build/bench_operations.json
	python benchmarks/bench_operations.py --json build/bench_operations.json

bench-keys: $(VENV)/.dev ## other kinds of keys relative to uint64: writes build/bench_keys.json
	python benchmarks/bench_keys.py --json build/bench_keys.json

docs: $(VENV)/.docs ## the documentation site, in build/docs; fails on warnings and broken internal links
	rm -rf build/docs
	python -m sphinx --builder html --fail-on-warning --keep-going --nitpicky --fresh-env --quiet docs build/docs
	python tools/check_site.py build/docs

playground: wheel-pure ## a page to play with, in build/playground: a live tree in the browser, with Pyodide
	tools/need npm
	python tools/build_playground.py dist/samara-*-py3-none-any.whl build/playground

test-playground: playground $(VENV)/.playground ## test that page in headless Chromium
	tools/need chromium
	SAMARA_PLAYGROUND=build/playground python -m pytest tests/packaging/test_playground.py

lint: $(VENV)/.dev $(VENV)/.lint build/gcc/build.ninja ## types, style, spelling, prose, workflows; builds with gcc and clang without warnings
	tools/lint

format: $(VENV)/.dev ## format Python and C, and bring the stub's docstrings up to date
	python tools/stub_docs.py --write
	ruff check --fix .
	ruff format .
	clang-format -i $$(git ls-files '*.[ch]')

clean: ## remove .venv, build/ and dist/
	rm -rf build dist $(VENV)

# ---- environments and builds --------------------------------------------------------------------------------

# What building the package and showing its tables needs.
$(VENV)/.tools: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	python -m pip install --quiet "pip>=25.3" "meson-python>=0.18" "meson>=1.3" "ninja>=1.11" "rich>=13"
	touch $@

$(VENV)/.samara: $(VENV)/.tools $(PACKAGE)
	$(INSTALL) --no-deps .
	touch $@

# What tests and checks need: the `dev` extra, and the package as it is now.
$(VENV)/.dev: pyproject.toml | $(VENV)/.samara
	$(INSTALL) ".[dev]"
	touch $@

# Other extras: the documentation, lint and git's hooks (.pre-commit-config.yaml), the playground.
$(VENV)/.docs $(VENV)/.lint $(VENV)/.playground: pyproject.toml | $(VENV)/.samara
	$(INSTALL) ".[$(subst .,,$(@F))]"
	touch $@

# The core and the C benchmarks of another commit. Its core also runs this checkout's bench_kernel and bench_threads.
build/base/%/.built: $(addprefix benchmarks/,bench.c bench.h bench_kernel.c bench_threads.c) | $(VENV)/.tools
	rm -rf $(@D)
	mkdir -p $(@D)
	git archive $* | tar -x -C $(@D)
	meson setup $(@D)/build/release $(@D) -Dtests=true -Dpython=false >/dev/null
	meson compile -C $(@D)/build/release bench_core bench_fork maple_tree_core
	for program in bench_kernel bench_threads; do \
		$(CC) -std=c11 -O3 -DNDEBUG -DBENCH_BASE -I$(@D)/core/include benchmarks/bench.c benchmarks/$$program.c \
			$(@D)/build/release/libmaple_tree_core.a -pthread -o $(@D)/$$program || exit; \
	done
	touch $@

# Set up a build of the C tests. `meson test` and `meson compile` bring it up to date.
build/%/build.ninja: | $(VENV)/.tools
	meson setup $(@D) -Dtests=true $(OPTIONS) >/dev/null
build/debug/build.ninja: OPTIONS := -Dpython=false -Ddebug_core=true -Dbuildtype=debugoptimized
build/release/build.ninja: OPTIONS := -Dpython=false
build/gcc/build.ninja: export CC := gcc
