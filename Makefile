# SPDX-License-Identifier: MIT
# Everything happens in .venv and build/, both made here. Needs Python 3.11 or newer, a C compiler and
# the package index, which also brings meson and ninja.

PYTHON ?= python3
VENV := .venv
STEPS_LONG ?= 1000000
STEPS_LONG_PURE ?= 30000
EXAMPLES_LONG ?= 2000

# What the environment holds comes before what the system has.
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

CORE := $(wildcard core/include/*.h core/src/*.[ch])
BINDING := $(wildcard binding/*.[ch])
DOCS_HEADER := binding/docs_header.py
C_TESTS := $(wildcard core/tests/*.[ch] benchmarks/*.[ch] tests/kernel/*.c)
PROGRAMS := $(wildcard programs/*.c)
PACKAGE := $(shell find src -type f ! -path '*__pycache__*')
BUILD_FILES := meson.build meson.options pyproject.toml

INSTALL := python -m pip install --quiet --no-build-isolation

.PHONY: demo test test-c test-python test-pure test-pure-wheel test-sanitize test-long \
	test-pypy test-kernel fuzz fuzz-core fuzz-corpus fuzz-python wheel-pure bench bench-quick bench-docs \
	bench-core bench-fork bench-mm lint format clean wheel test-wheel test-python-newer coverage \
	mutants coverage-core coverage-python test-scale test-free-threaded test-tsan test-bare \
	playground test-playground
.DELETE_ON_ERROR:

demo: $(VENV)/.samara
	samara fork
	samara fork --vmas

test: test-c test-python test-pure test-pure-wheel

# The C tests run twice: with the core checking itself after each write, and as it ships.
test-c: build/debug/.compiled build/release/.compiled
	meson test -C build/debug --print-errorlogs
	meson test -C build/release --print-errorlogs

# The Python tests run twice too: on the extension, then on the tree in plain Python.
test-python: $(VENV)/.samara $(VENV)/.dev build/release/.compiled
	SAMARA_PURE=0 python -m pytest

test-pure: $(VENV)/.samara $(VENV)/.dev
	SAMARA_PURE=1 python -m pytest --ignore tests/test_differential.py

# The package as it is where there is no compiler: what the wheel holds, and the quick tests on it.
test-pure-wheel: build/pure-wheel/.installed
	python tests/check_distribution.py $(PURE_WHEEL)
	env -u SAMARA_PURE python tests/check_install.py $(PURE_WHEEL)
	env -u SAMARA_PURE build/pure-wheel/bin/python -m pytest --quiet @tests/quick.txt

# A million steps for each family test, on the builds that check the most and cost the least; fewer in
# plain Python, and for the comparison of the two.
test-long: $(VENV)/.samara $(VENV)/.dev build/debug/.compiled
	SAMARA_STEPS=$(STEPS_LONG) build/debug/test_family
	SAMARA_PURE=0 SAMARA_STEPS=$(STEPS_LONG) python -m pytest tests/test_family.py
	SAMARA_PURE=1 SAMARA_STEPS=$(STEPS_LONG_PURE) python -m pytest tests/test_family.py
	SAMARA_STEPS=$(STEPS_LONG_PURE) python -m pytest tests/test_differential.py
	SAMARA_STEPS=$(EXAMPLES_LONG) python -m pytest tests/test_stateful.py tests/test_surface.py
	$(MAKE) --no-print-directory test-scale

# 50 million ranges, 100,000 generations of forks, a million forks of one tree: prints what each step
# took, and the memory. Needs 7 GiB, and two minutes.
RANGES ?= 50000000

test-scale: $(VENV)/.samara $(VENV)/.dev build/release/.compiled
	SAMARA_STEPS=$(RANGES) build/release/test_scale
	SAMARA_PURE=0 python tests/scale.py $(RANGES)

# The two commands, and lint, on a fresh machine: in a root of Debian's SUITE with nothing but what the
# README asks for. Needs root; debootstrap comes by apt-get.
SUITE ?= bookworm

test-bare:
	.ci/bare $(SUITE)

# The Python tests on PyPy: that of $PYPY, of PATH, or Debian's, which is brought into build/.
test-pypy: build/pypy-venv/.installed
	build/pypy-venv/bin/python -m pytest

# The Python tests on an extension built for a newer CPython: Debian's, which is brought into build/.
# NEWER=3.14 DEBIAN_SUITE=forky: a later one, from the suite that has it.
NEWER ?= 3.13
NEWER_VENV := build/python-$(NEWER)-venv

test-python-newer: $(NEWER_VENV)/.installed
	SAMARA_PURE=0 $(NEWER_VENV)/bin/python -m pytest

# The tests on a Python that can do without its interpreter lock: on the extension, for which it turns the
# lock on, of which it warns, and those of threads on the tree in plain Python, without it. It has the
# package's files alone, not as pip installs them, and headers with private names in them. From its first
# thread on, 3.13 keeps functions and types for ever: tests that count all there is come before.
test-free-threaded: build/free-threaded-site/.installed
	export PYTHONPATH=$(CURDIR)/$(<D) PYTHONWARNINGS="ignore:The global interpreter lock"; \
	python=$$(cat $(<D)/.python) && \
	SAMARA_PURE=0 $$python -m pytest $(TESTS_THAT_COUNT) && \
	SAMARA_PURE=0 $$python -m pytest $(addprefix --ignore ,$(TESTS_THAT_COUNT) tests/test_distribution.py) \
		--deselect tests/test_misuse.py::test_warnings_are_errors_and_nothing_is_documented \
		--deselect tests/test_library.py::test_the_extension && \
	SAMARA_PURE=1 $$python -m pytest $(TESTS_OF_THREADS)

# The model of address spaces beside the running kernel: random calls in a real process, and real
# programs recorded and replayed. x86-64 Linux.
test-kernel: $(VENV)/.samara $(VENV)/.dev
	python tests/kernel/oracle.py
	python tests/kernel/programs.py

# AddressSanitizer and UndefinedBehaviorSanitizer on the C and the Python tests, valgrind on the C tests.
# Leaks: the C tests are checked for them; the interpreter itself would report its own.
SANITIZE := -Db_sanitize=address,undefined -Db_lundef=false -Dbuildtype=debugoptimized \
	-Dc_args=-fno-sanitize-recover=all -Ddebug_core=true
export UBSAN_OPTIONS := print_stacktrace=1

test-sanitize: $(VENV)/.dev build/sanitize/.compiled build/sanitize-package/.installed \
		build/debug/.compiled
	ASAN_OPTIONS=detect_leaks=1 meson test -C build/sanitize --print-errorlogs
	LD_PRELOAD="$$($${CC:-cc} -print-file-name=libasan.so)" ASAN_OPTIONS=detect_leaks=0 SAMARA_PURE=0 \
		PYTHONMALLOC=malloc PYTHONPATH=build/sanitize-package/site python -m pytest
	.ci/need valgrind
	meson setup --reconfigure build/debug >/dev/null
	meson test -C build/debug --setup valgrind --print-errorlogs

# Random input, for SECONDS each: what breaks something stays in build/fuzz, as do new inputs in its
# corpus. `build/debug/fuzz FILE` plays one again.
SECONDS ?= 60
FUZZ_CORPUS := core/tests/fuzz_corpus.bin
FUZZ_PACK := python core/tests/fuzz_corpus.py

fuzz: fuzz-core fuzz-python

# The core, under libFuzzer, AddressSanitizer and UndefinedBehaviorSanitizer.
fuzz-core: build/fuzz/.compiled
	$(FUZZ_PACK) unpack $(FUZZ_CORPUS) build/fuzz/corpus
	build/fuzz/fuzz -max_total_time=$(SECONDS) -max_len=1024 -len_control=0 -print_final_stats=1 \
		-artifact_prefix=build/fuzz/ build/fuzz/corpus

# The Python surface: hostile arguments, pickles, texts and traces; atheris makes the inputs. The short
# form is in tests/test_surface.py.
fuzz-python: $(VENV)/.fuzz
	python tests/fuzz_surface.py --seconds $(SECONDS)

# Of all inputs found so far, the fewest that go everywhere: the corpus which `make test-c` plays.
fuzz-corpus: build/fuzz/.compiled
	$(FUZZ_PACK) unpack $(FUZZ_CORPUS) build/fuzz/corpus
	rm -rf build/fuzz/merged
	mkdir build/fuzz/merged
	build/fuzz/fuzz -merge=1 -use_counters=0 build/fuzz/merged build/fuzz/corpus
	$(FUZZ_PACK) pack $(FUZZ_CORPUS) build/fuzz/merged

# What the tests come to. C: the core by its own tests, which must be all of it, and the extension by the
# Python tests. Python: by the tests on both implementations. Pages in build/coverage/html*.
COVERAGE_SITE := build/coverage-package/site
COUNTED := PYTHONPATH=$(CURDIR)/$(COVERAGE_SITE) python -m coverage

GCOVR := gcovr --root . --config core/tests/gcovr.cfg

coverage: coverage-core coverage-python

coverage-core: $(VENV)/.coverage build/coverage/.compiled
	find build/coverage -name '*.gcda' -delete
	rm -rf build/coverage/html
	mkdir -p build/coverage/html
	SAMARA_SEED=1 SAMARA_STEPS=2000 meson test -C build/coverage --print-errorlogs
	$(GCOVR) --filter core/src/ --json build/coverage/core.json \
		--html-details build/coverage/html/index.html build/coverage/libmaple_tree_core.a.p
	python core/tests/check_coverage.py --all build/coverage/core.json

# But for the tests in which a process becomes nobody: it cannot write its counts then, and says so. What
# counts Python code asks for memory as well, so tests where that runs out come by themselves.
coverage-python: $(VENV)/.coverage build/coverage-package/.installed build/release/.compiled
	find build/coverage-package/build -name '*.gcda' -delete
	rm -rf build/coverage/python* build/coverage/html-*
	mkdir -p build/coverage/html-binding
	SAMARA_PURE=0 PYTHONPATH=$(CURDIR)/$(COVERAGE_SITE) python -m pytest --quiet tests/test_no_memory.py
	SAMARA_PURE=0 $(COUNTED) run -m pytest --quiet --deselect tests/test_cli_fork.py::test_no_permission \
		--deselect tests/test_network.py::test_uses
	SAMARA_PURE=1 $(COUNTED) run -m pytest --quiet --ignore tests/test_differential.py
	$(COUNTED) combine --quiet
	$(COUNTED) html --quiet --directory build/coverage/html-python
	$(GCOVR) --filter binding/ --json build/coverage/binding.json \
		--html-details build/coverage/html-binding/index.html build/coverage-package/build
	python core/tests/check_coverage.py build/coverage/binding.json
	$(COUNTED) report --skip-covered --show-missing

# The core changed in one place at a time: do the quick C tests notice? MUTANTS=N SEED=N: how many, and
# which; the results are kept in build/mutants, and a run that was cut short goes on.
MUTANTS ?= 340
SEED ?= 1

mutants: $(VENV)/.tools build/debug/.compiled
	python core/tests/mutants.py --debug build/debug --folder build/mutants \
		--mutants $(MUTANTS) --seed $(SEED)

# ThreadSanitizer on the C tests that start threads, as the core ships. Its memory layout is not that of
# every kernel: where it does not start, addresses are not random.
THREAD_TESTS := lock threads
test-tsan: build/tsan/.compiled
	cd build/tsan && wrapper=; ./test_attr >/dev/null 2>&1 || wrapper="setarch -R"; \
		for test in $(THREAD_TESTS); do $$wrapper ./test_$$test || exit 1; done

# samara beside its peers: prints the bounds and writes build/bench.json. Minutes.
bench: $(VENV)/.samara $(VENV)/.bench
	python benchmarks/bench.py --json build/bench.json

# Three sizes, in less than two minutes.
bench-quick: $(VENV)/.samara $(VENV)/.bench
	python benchmarks/bench.py --quick --json build/bench.json

# The tables and plots of docs/performance.md, from the figures of the run that is kept.
bench-docs: $(VENV)/.samara $(VENV)/.bench
	python benchmarks/bench.py --docs benchmarks/results/bench.json

# Prints the table and writes build/bench_core.json.
bench-core: build/release/.compiled
	python benchmarks/bench_core.py --program build/release/bench_core \
		--json build/bench_core.json

# Address spaces: prints the table and its bounds, and writes build/bench_mm.json.
bench-mm: $(VENV)/.samara
	python benchmarks/bench_mm.py --json build/bench_mm.json

# Prints the table and writes build/bench_fork.json.
bench-fork: build/release/.compiled
	python benchmarks/bench_fork.py --program build/release/bench_fork \
		--json build/bench_fork.json

lint: $(VENV)/.samara $(VENV)/.dev
	ruff check .
	ruff format --check .
	mypy --python-version 3.11
	mypy --python-version 3.11 --strict benchmarks/*.py benchmarks/suite/*.py core/tests/*.py docs/*.py tests/kernel/*.py \
		docs/playground/*.py tools/*.py tests/check_*.py $(DOCS_HEADER)
	python -m mypy.stubtest samara --mypy-config-file pyproject.toml \
		--allowlist tests/stubtest_allowlist.txt --ignore-unused-allowlist
	clang-format --dry-run -Werror $(CORE) $(BINDING) $(PROGRAMS) $(C_TESTS)
	$(MAKE) --no-print-directory build/gcc/.compiled
	.ci/need clang || echo "lint: no clang here: its build is SKIPPED" >&2
	if command -v clang >/dev/null; then \
		$(MAKE) --no-print-directory build/clang/.compiled; fi

format: $(VENV)/.dev
	ruff check --fix .
	ruff format .
	clang-format -i $(CORE) $(BINDING) $(PROGRAMS) $(C_TESTS)

# A wheel of plain Python, for any machine. No compiler is on its build's PATH.
wheel-pure: dist/.pure

clean:
	rm -rf build dist $(VENV)

# ---- the environment ----------------------------------------------------------------------------

# What it takes to build the package and to show its tables.
$(VENV)/.tools: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	python -m pip install --quiet "pip>=23.1" "meson-python>=0.18" "meson>=1.3" "ninja>=1.11" "rich>=13"
	touch $@

$(VENV)/.samara: $(VENV)/.tools $(BUILD_FILES) $(CORE) $(BINDING) $(PROGRAMS) $(DOCS_HEADER) $(PACKAGE)
	$(INSTALL) --no-deps -Cbuild-dir=build/package .
	touch $@

# What it takes to test and to check: the `dev` extra.
$(VENV)/.dev: pyproject.toml | $(VENV)/.samara
	$(INSTALL) -Cbuild-dir=build/package ".[dev]"
	touch $@

# What it takes to count what tests come to: the `coverage` extra.
$(VENV)/.coverage: pyproject.toml | $(VENV)/.samara
	$(INSTALL) -Cbuild-dir=build/package ".[coverage]"
	touch $@

# What it takes to fuzz the Python surface: the `fuzz` extra.
$(VENV)/.fuzz: pyproject.toml | $(VENV)/.dev
	$(INSTALL) -Cbuild-dir=build/package ".[fuzz]"
	touch $@

# What it takes to measure the peers: the `bench` extra.
$(VENV)/.bench: pyproject.toml | $(VENV)/.samara
	$(INSTALL) -Cbuild-dir=build/package ".[bench]"
	touch $@

# ---- plain Python -------------------------------------------------------------------------------

PURE_WHEEL := dist/samara-*-py3-none-any.whl
# The first hypothesis with an extension for PyPy asks for a newer PyPy than Debian's.
PYPY_NEEDS := "hypothesis<6.156"

dist/.pure: $(VENV)/.tools $(BUILD_FILES) $(PACKAGE)
	rm -f $(PURE_WHEEL)
	PATH=$(CURDIR)/$(VENV)/bin python -m pip wheel --quiet --no-deps --no-build-isolation \
		--wheel-dir dist -Csetup-args=-Dextension=false .
	touch $@

build/pure-wheel/.installed: dist/.pure
	rm -rf $(@D)
	python -m venv --without-pip $(@D)
	PATH=$(CURDIR)/$(VENV)/bin python -m pip --python $(@D)/bin/python install --quiet "$$(echo $(PURE_WHEEL))[test]"
	touch $@

build/pypy-venv/.installed: dist/.pure .ci/pypy .ci/debian .ci/archive.sh
	rm -rf $(@D)
	pypy=$$(.ci/pypy build/pypy) && $$pypy -m venv --without-pip $(@D)
	python -m pip --python $(@D)/bin/python install --quiet "$$(echo $(PURE_WHEEL))[test]" $(PYPY_NEEDS)
	touch $@

$(NEWER_VENV)/.installed: $(VENV)/.tools $(BUILD_FILES) $(CORE) $(BINDING) $(PROGRAMS) \
		$(DOCS_HEADER) $(PACKAGE) .ci/debian
	rm -rf $(@D)
	python=$$(.ci/debian build/python-$(NEWER) usr/bin/python$(NEWER) python$(NEWER)-dev) && \
		$$python -m venv --without-pip $(@D)
	python -m pip --python $(@D)/bin/python install --quiet ".[test,record]"
	touch $@

# ---- the page to play with ------------------------------------------------------------------------

PLAYGROUND := build/playground
PLAYGROUND_FILES := tools/build_playground.py $(wildcard docs/playground/*.*) docs/playground/.npmrc

# The tree in plain Python in the browser, by Pyodide. `python -m http.server -d build/playground` serves it.
playground: $(PLAYGROUND)/.built

# The page in headless Chromium, which apt-get brings where it is missing.
test-playground: $(PLAYGROUND)/.built $(VENV)/.playground
	.ci/need chromium
	SAMARA_PLAYGROUND=$(PLAYGROUND) python -m pytest tests/test_playground.py

$(PLAYGROUND)/.built: dist/.pure $(PLAYGROUND_FILES)
	.ci/need npm
	python tools/build_playground.py $(PURE_WHEEL) $(@D)
	touch $@

# What it takes to test the page: the `playground` extra.
$(VENV)/.playground: pyproject.toml | $(VENV)/.samara
	$(INSTALL) -Cbuild-dir=build/package ".[playground]"
	touch $@

# ---- wheels -------------------------------------------------------------------------------------

# What it takes to make wheels: the `wheel` extra.
$(VENV)/.wheel: pyproject.toml | $(VENV)/.samara
	$(INSTALL) -Cbuild-dir=build/package ".[wheel]"
	touch $@

# The source distribution, of the commit that is checked out, and of that the wheel for this machine's
# processor, this Python and any Linux that is not too old; each in an environment of its own. The same
# commit gives the same files.
wheel: $(VENV)/.wheel
	rm -rf build/wheel $(THIS_WHEEL)
	$(BUILD_WHEEL) --outdir build/wheel
	$(OF_COMMIT) auditwheel repair --wheel-dir dist build/wheel/*.whl
	cp build/wheel/*.tar.gz dist

OF_COMMIT = SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct)
BUILD_WHEEL = $(OF_COMMIT) python -m build
THIS_WHEEL := dist/samara-*-manylinux*.whl

# What both hold, a second build's sameness, what pip makes of the wheel, and the quick tests of the source
# distribution on that: as they are, then without docstrings, where each warning is an error and the
# interpreter checks its caller.
test-wheel: wheel
	python tests/check_distribution.py build/wheel/* $(THIS_WHEEL)
	python tests/check_install.py $(THIS_WHEEL)
	$(BUILD_WHEEL) --outdir build/wheel/again >/dev/null
	for file in build/wheel/*.*; do cmp $$file build/wheel/again/$${file##*/} || exit 1; done
	cibuildwheel --platform linux --print-build-identifiers
	python -m venv --without-pip build/wheel/venv
	python -m pip --python build/wheel/venv/bin/python install --quiet "$$(echo $(THIS_WHEEL))[test]"
	mkdir build/wheel/tree
	tar --extract --gzip --file build/wheel/*.tar.gz --directory build/wheel/tree --strip-components 1
	cd build/wheel/tree && env -u SAMARA_PURE ../venv/bin/python -m pytest --quiet @tests/quick.txt
	cd build/wheel/tree && env -u SAMARA_PURE ../venv/bin/python -X dev -W error -OO -m pytest --quiet \
		-W ignore::pytest.PytestConfigWarning -k "not examples_in_the and not examples_of_the" @tests/quick.txt

# ---- free threading -----------------------------------------------------------------------------

TESTS_OF_THREADS := $(addprefix tests/test_,free_threading.py threads_fork.py threads_stress.py \
	tree_interpreters.py tree_oracle.py tree_threads.py)
TESTS_THAT_COUNT := $(addprefix tests/test_tree_,copies.py gc.py iteration.py)
# That Python has no ssl: this one's pip chooses what fits it. The first hypothesis with an extension does not.
FREE_THREADED_NEEDS := "pytest>=8" "hypothesis>=6.100,<6.156" "numpy>=1.23" "rich>=13"
MACHINE := $(shell uname -m)

build/free-threaded-site/.installed: .ci/free-threaded .ci/archive.sh $(VENV)/.tools $(BUILD_FILES) $(CORE) $(BINDING) \
		$(DOCS_HEADER) $(PACKAGE)
	rm -rf $(@D) && mkdir -p $(@D)
	.ci/free-threaded build/free-threaded >$(@D)/.python
	printf "[binaries]\npython = '%s'\n" "$$(cat $(@D)/.python)" >$(@D)/.native.ini
	set -- $$($$(cat $(@D)/.python) -c 'import sys; print("%d.%d cp%d%dt" % (sys.version_info[:2] * 2))') && \
	python -m pip install --quiet --target $(@D) --only-binary :all: --implementation cp \
		--python-version $$1 --abi $$2 --platform manylinux2014_$(MACHINE) \
		--platform manylinux_2_27_$(MACHINE) --platform manylinux_2_28_$(MACHINE) $(FREE_THREADED_NEEDS)
	meson setup build/free-threaded/package --native-file $(@D)/.native.ini \
		-Dpython.platlibdir=$(CURDIR)/$(@D) -Dpython.purelibdir=$(CURDIR)/$(@D) >/dev/null
	meson install --quiet -C build/free-threaded/package
	touch $@

# ---- C builds -----------------------------------------------------------------------------------

C_BUILDS := debug release sanitize tsan fuzz coverage gcc clang
MESON_TARGETS := # all
C_BUILD_NEEDS := $(VENV)/.tools $(BUILD_FILES) $(CORE) $(C_TESTS)

COUNT_LINES := -Dbuildtype=debug -Db_coverage=true

build/debug/.compiled: OPTIONS := -Dpython=false -Dtests=true -Ddebug_core=true \
	-Dbuildtype=debugoptimized
build/release/.compiled: OPTIONS := -Dpython=false -Dtests=true
build/sanitize/.compiled: OPTIONS := -Dpython=false -Dtests=true $(SANITIZE)
build/tsan/.compiled: OPTIONS := -Dpython=false -Dtests=true -Db_sanitize=thread -Db_lundef=false \
	-Dbuildtype=debugoptimized
build/fuzz/.compiled: OPTIONS := -Dpython=false -Dtests=true -Dlibfuzzer=true $(SANITIZE)
build/fuzz/.compiled: MESON_TARGETS := fuzz
build/fuzz/.compiled: export CC := clang
build/coverage/.compiled: OPTIONS := -Dpython=false -Dtests=true -Ddebug_core=true $(COUNT_LINES)
build/gcc/.compiled: OPTIONS := -Dtests=true
build/gcc/.compiled: export CC := gcc
build/clang/.compiled: OPTIONS := -Dtests=true
build/clang/.compiled: export CC := clang
build/gcc/.compiled build/clang/.compiled: $(BINDING) $(PROGRAMS) $(DOCS_HEADER)

$(C_BUILDS:%=build/%/.compiled): $(C_BUILD_NEEDS)
	test -f $(@D)/build.ninja || meson setup $(@D) $(OPTIONS) >/dev/null
	meson compile -C $(@D) $(MESON_TARGETS)
	touch $@

# clang, and its part that Debian packs apart.
build/fuzz/.clang:
	.ci/need clang
	.ci/need libFuzzer "libclang-rt-$$(clang -dumpversion | cut -d. -f1)-dev" \
		test -e "$$(clang -print-runtime-dir)/libclang_rt.fuzzer-$$(uname -m).a"
	mkdir -p $(@D)
	touch $@
build/fuzz/.compiled: build/fuzz/.clang

build/sanitize-package/.installed: $(VENV)/.tools $(BUILD_FILES) $(CORE) $(BINDING) $(PROGRAMS) \
		$(DOCS_HEADER) $(PACKAGE)
	rm -rf $(@D)/site
	$(INSTALL) --no-deps --target $(@D)/site -Cbuild-dir=$(@D)/build \
		$(patsubst %,-Csetup-args=%,$(SANITIZE)) .
	touch $@

build/coverage-package/.installed: $(VENV)/.tools $(BUILD_FILES) $(CORE) $(BINDING) $(PROGRAMS) \
		$(DOCS_HEADER) $(PACKAGE)
	rm -rf $(COVERAGE_SITE)
	$(INSTALL) --no-deps --target $(COVERAGE_SITE) -Cbuild-dir=$(@D)/build \
		$(patsubst %,-Csetup-args=%,$(COUNT_LINES)) .
	touch $@
