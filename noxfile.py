# SPDX-License-Identifier: MIT
"""Tasks that need more than .venv: other Pythons, wheels, sanitizers, fuzzers, coverage, peers.

Each session is a target of the Makefile, which installs nox in .venv. Sessions read variables from
the environment; make puts the variables of its command line there: `make fuzz-core SECONDS=5`.

Everything is made in build/ and dist/, and rebuilt only if its inputs have changed.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterable
from pathlib import Path

import nox

ROOT = Path(__file__).parent
BUILD, DIST = ROOT / "build", ROOT / "dist"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

nox.options.default_venv_backend = "none"
nox.options.envdir = str(BUILD / "nox")
# Programs in this Python's folder, such as meson and ninja, come before the system's.
BIN = str(Path(sys.executable).parent)
os.environ["PATH"] = f"{BIN}:{os.environ['PATH']}"
os.environ["UBSAN_OPTIONS"] = "print_stacktrace=1"

NOT_ISOLATED = ["--no-build-isolation", "--no-deps"]
PURE_WHEEL = "samara-*-py3-none-any.whl"
QUICK = "@tests/quick.txt"
TESTS = ["-Dpython=false", "-Dtests=true"]
SANITIZE = [
    *("-Db_sanitize=address,undefined", "-Db_lundef=false", "-Dbuildtype=debugoptimized"),
    *("-Dc_args=-fno-sanitize-recover=all", "-Ddebug_core=true"),
]
TSAN = ["-Db_sanitize=thread", "-Db_lundef=false", "-Dbuildtype=debugoptimized"]
COUNT_LINES = ["-Dbuildtype=debug", "-Db_coverage=true"]
SECONDS = os.environ.get("SECONDS", "60")
# The programs that libFuzzer drives, and where they leave inputs.
FUZZERS = {"fuzz": "corpus", "fuzz_threads": "threads"}
FOUND = BUILD / "fuzz"
WIDTHS = ("", "_128")
EITHER = {"SAMARA_PURE": None}
C_ONLY, PURE = {"SAMARA_PURE": "0"}, {"SAMARA_PURE": "1"}


def output(*command: str | Path) -> str:
    return subprocess.check_output(command, cwd=ROOT, text=True).strip()


def pip(session: nox.Session, *arguments: str, **env: str) -> None:
    session.run("python", "-m", "pip", *arguments, env=env)


def extra(name: str) -> list[str]:
    """Return the requirements of an extra of the package, without the package itself."""
    needs = []
    for need in PROJECT["optional-dependencies"][name]:
        ours = re.fullmatch(r"samara\[(.+)\]", need)
        needs += [n for part in ours[1].split(",") for n in extra(part)] if ours else [need]
    return needs


def digest(*parts: object) -> str:
    """Hash the files that the package is built from, and these parts."""
    known = hashlib.sha256(repr(parts).encode())
    paths = [ROOT / name for name in ("meson.build", "meson.options", "pyproject.toml")]
    for folder in ("src", "core/include", "core/src", "binding", "programs"):
        paths += [path for path in (ROOT / folder).rglob("*") if path.suffix not in ("", ".pyc")]
    for path in sorted(paths):
        known.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return known.hexdigest()


def is_made(folder: Path, key: str) -> bool:
    """Return whether the folder was made with this key. If not, remove it."""
    stamp = folder / ".made"
    if stamp.exists() and stamp.read_text() == key:
        return True
    shutil.rmtree(folder, ignore_errors=True)
    return False


def environment(
    session: nox.Session, name: str, needs: Iterable[str], python: str = sys.executable
) -> str:
    """Return the Python of build/NAME, a virtual environment of `python` with `needs` installed."""
    folder, needs = BUILD / name, list(needs)
    inside = str(folder / "bin" / "python")
    ours = any(need.startswith((".", "/")) for need in needs)
    key = digest(python, needs) if ours else repr((python, needs))
    if not is_made(folder, key):
        session.run(python, "-m", "venv", "--without-pip", str(folder))
        pip(session, "--python", inside, "install", "--quiet", *needs)
        (folder / ".made").write_text(key)
    return inside


def package(session: nox.Session, name: str, options: list[str]) -> str:
    """Build the package with these Meson options; return its folder, for PYTHONPATH."""
    site = BUILD / name / "site"
    key = digest(options)
    if not is_made(site, key):
        arguments = [f"--target={site}", f"-Cbuild-dir={BUILD / name / 'build'}"]
        arguments += [f"-Csetup-args={option}" for option in options]
        pip(session, "install", "--quiet", *NOT_ISOLATED, *arguments, ".")
        (site / ".made").write_text(key)
    return str(site)


def compiled(session: nox.Session, name: str, *options: str, **env: str) -> str:
    """Build the C tests, and return the folder of the build."""
    folder = BUILD / name
    if not (folder / "build.ninja").exists():
        session.run("meson", "setup", str(folder), *TESTS, *options, silent=True, env=env)
    fuzzers = [program + width for program in FUZZERS for width in WIDTHS]
    targets = fuzzers if "-Dlibfuzzer=true" in options else []
    session.run("meson", "compile", "-C", str(folder), *targets)
    return str(folder)


@nox.session(name="wheel-pure")
def wheel_pure(session: nox.Session) -> str:
    """Build the wheel without the extension, with no compiler on PATH."""
    made, key = BUILD / "wheel-pure", digest()
    if not is_made(made, key) or not list(DIST.glob(PURE_WHEEL)):
        for old in DIST.glob(PURE_WHEEL):
            old.unlink()
        options = [f"--wheel-dir={DIST}", "-Csetup-args=-Dextension=false"]
        pip(session, "wheel", "--quiet", *NOT_ISOLATED, *options, ".", PATH=BIN)
        made.mkdir(parents=True, exist_ok=True)
        (made / ".made").write_text(key)
    return str(*DIST.glob(PURE_WHEEL))


@nox.session(name="test-pure-wheel")
def test_pure_wheel(session: nox.Session) -> None:
    """Install the package as if there were no compiler, and run the quick tests on it."""
    wheel = wheel_pure(session)
    python = environment(session, "pure-wheel", [f"{wheel}[test]"])
    session.run("python", "tools/check_distribution.py", wheel)
    session.run("python", "tools/check_install.py", wheel, env=EITHER)
    session.run(python, "-m", "pytest", "--quiet", QUICK, env=EITHER)


@nox.session(name="test-pypy")
def test_pypy(session: nox.Session) -> None:
    """Test on PyPy: $PYPY, the one on PATH, or Debian's, which is downloaded into build/."""
    # The first hypothesis with an extension for PyPy needs a newer PyPy than Debian's.
    needs = [f"{wheel_pure(session)}[test]", "hypothesis<6.156"]
    pypy = output("tools/pypy", BUILD / "pypy")
    python = environment(session, "pypy-venv", needs, pypy)
    session.run(python, "-m", "pytest")


@nox.session(name="test-python-newer")
def test_python_newer(session: nox.Session) -> None:
    """Test on Debian's CPython NEWER, which is downloaded into build/ from DEBIAN_SUITE."""
    newer = os.environ.get("NEWER", "3.13")
    place = BUILD / f"python-{newer}"
    debian = output("tools/debian", place, f"usr/bin/python{newer}", f"python{newer}-dev")
    python = environment(session, f"python-{newer}-venv", [".[test,record]"], debian)
    session.run(python, "-m", "pytest", env=C_ONLY)


FRAMES_OLDEST = [
    *("narwhals==1.20.0", "numpy==1.26.0", "pyarrow==15.0.0"),
    *("duckdb==1.3.0", "pandas==2.2.0", "polars==1.9.0"),
]
FRAMES_NEWEST = ["duckdb", "pandas", "polars"]


@nox.session(name="test-frames")
def test_frames(session: nox.Session) -> None:
    """Test joins of frames with the oldest and with the newest version of each library."""
    for name, needs in (("oldest", FRAMES_OLDEST), ("newest", FRAMES_NEWEST)):
        python = environment(session, f"frames-{name}", [".[frames,test]", *needs])
        tests = ["tests/frames", "tests/cli/test_cli_join.py"]
        session.run(python, "-m", "pytest", "--quiet", *tests, env=C_ONLY)


@nox.session(name="test-engines")
def test_engines(session: nox.Session) -> None:
    """Test joins on dask and Spark, with processes on this machine."""
    session.run("tools/need", "java", "default-jre-headless", silent=True)
    python = environment(session, "engines-venv", [".[engines]"])
    session.run(python, "-m", "pytest", "--quiet", "tests/engines", env=C_ONLY)


@nox.session(name="bench-frames")
def bench_frames(session: nox.Session) -> None:
    """Compare joins of frames with those of other libraries."""
    session.run("tools/need", "java", "default-jre-headless", silent=True)
    python = environment(session, "engines-venv", [".[engines]"])
    session.run(python, "benchmarks/bench_frames.py", *session.posargs)


@nox.session(name="test-kernels")
def test_kernels(session: nox.Session) -> None:
    """Read dumps of the cloud kernels of the Debian releases KERNELS."""
    python = environment(session, "kernels-venv", [".[kernel,cli]"])
    suites = os.environ.get("KERNELS", "bookworm trixie forky").split()
    session.run(python, "tools/kernels/dumps.py", *suites)


# Free-threaded 3.13 keeps functions and types for ever once a thread has started. So the tests that
# count all objects run before the others.
TESTS_THAT_COUNT = [f"tests/tree/test_tree_{name}.py" for name in ("copies", "gc", "iteration")]
# This build has only the package's files, not pip's metadata, and its headers have private names.
STRESS = [f"tests/threads/test_{name}.py" for name in ("threads_stress", "free_threading")]
NOT_FREE_THREADED = [
    "--ignore=tests/packaging/test_distribution.py",
    "--deselect=tests/tree/test_misuse.py::test_warnings_are_errors_and_nothing_is_documented",
    "--deselect=tests/packaging/test_library.py::test_the_extension",
]


@nox.session(name="test-free-threaded")
def test_free_threaded(session: nox.Session) -> None:
    """Test on free-threaded Python NEWER: $PYTHON_FREE_THREADED, on PATH, or built in build/."""
    # First the extension, which enables the GIL with a warning on 3.13, and leaves it off on newer
    # ones; then threads on pure Python.
    python, site = free_threaded(session)
    env = {"PYTHONPATH": str(site), "PYTHONWARNINGS": "ignore:The global interpreter lock"}
    pytest = [python, "-m", "pytest"]
    ignored = [f"--ignore={path}" for path in TESTS_THAT_COUNT]
    session.run(*pytest, *TESTS_THAT_COUNT, env=env | C_ONLY)
    session.run(*pytest, *ignored, *NOT_FREE_THREADED, env=env | C_ONLY)
    session.run(*pytest, "tests/threads", "tests/tree/test_tree_oracle.py", env=env | PURE)


@nox.session(name="stress-free-threaded")
def stress_free_threaded(session: nox.Session) -> None:
    """Repeat the thread tests on free-threaded Python NEWER for SECONDS, with new seeds."""
    python, site = free_threaded(session)
    env = {"PYTHONPATH": str(site)} | C_ONLY
    end = time.monotonic() + int(SECONDS)
    while time.monotonic() < end:
        session.run(python, "-m", "pytest", "--quiet", *STRESS, env=env)


@nox.session(name="test-tsan-python")
def test_tsan_python(session: nox.Session) -> None:
    """Run the thread tests on $PYTHON_TSAN, a free-threaded Python made with ThreadSanitizer.

    Build it with `./configure --disable-gil --with-thread-sanitizer`.
    """
    python = os.environ.get("PYTHON_TSAN") or session.error("set PYTHON_TSAN")
    options = ["-Db_sanitize=thread", "-Db_lundef=false"]
    site = free_threaded_site(session, python, BUILD / "tsan-python", *options)
    env = {"PYTHONPATH": str(site), "SAMARA_STEPS": "300"} | C_ONLY
    session.run(python, "-m", "pytest", "--quiet", *STRESS, env=env)


def free_threaded(session: nox.Session) -> tuple[str, Path]:
    version = os.environ.get("NEWER", "3.13")
    python = output("tools/free-threaded", BUILD / f"free-threaded-{version}", version)
    return python, free_threaded_site(session, python, BUILD / f"free-threaded-{version}")


def free_threaded_site(session: nox.Session, python: str, folder: Path, *options: str) -> Path:
    """Build the package for that Python in a folder; return what to put into PYTHONPATH."""
    version = output(python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])")
    site = folder / "site"
    key = digest(python)
    if is_made(site, key):
        return site
    site.mkdir(parents=True)
    native = site / ".native.ini"
    native.write_text(f"[binaries]\npython = '{python}'\n")
    # That Python has no ssl, so this Python's pip chooses packages that fit. The first hypothesis
    # with an extension does not fit.
    machine = platform.machine()
    manylinux = [f"--platform=manylinux{tag}_{machine}" for tag in ("2014", "_2_27", "_2_28")]
    fits = [f"--python-version={version}", f"--abi=cp{version.replace('.', '')}t", *manylinux]
    fits += ["--only-binary=:all:", "--implementation=cp"]
    needs = ["pytest>=8", "hypothesis>=6.100,<6.156", "numpy>=1.23", "rich>=13"]
    pip(session, "install", "--quiet", f"--target={site}", *fits, *needs)
    build = str(folder / "package")
    libraries = [f"-Dpython.{name}={site}" for name in ("platlibdir", "purelibdir")]
    shutil.rmtree(build, ignore_errors=True)
    session.run(
        *("meson", "setup", build, f"--native-file={native}", *libraries, *options), silent=True
    )
    session.run("meson", "install", "--quiet", "-C", build)
    (site / ".made").write_text(key)
    return site


@nox.session
def wheel(session: nox.Session) -> tuple[str, Path, dict[str, str]]:
    """Build the source distribution of the checked-out commit, and from it the wheel."""
    programs = Path(environment(session, "wheel-venv", extra("wheel"))).parent
    # The same commit gives the same files.
    epoch = output("git", "log", "-1", "--format=%ct")
    env = {"PATH": f"{programs}:{os.environ['PATH']}", "SOURCE_DATE_EPOCH": epoch}
    shutil.rmtree(BUILD / "wheel", ignore_errors=True)
    for old in DIST.glob("samara-*-manylinux*.whl"):
        old.unlink()
    session.run(str(programs / "python"), "-m", "build", "--outdir", "build/wheel", env=env)
    (made,) = (BUILD / "wheel").glob("*.whl")
    auditwheel = [str(programs / "auditwheel"), "repair", "--wheel-dir", str(DIST)]
    session.run(*auditwheel, str(made), env=env)
    for source in (BUILD / "wheel").glob("*.tar.gz"):
        shutil.copy(source, DIST)
    return str(*DIST.glob("samara-*-manylinux*.whl")), programs, env


@nox.session(name="test-wheel")
def test_wheel(session: nox.Session) -> None:
    """Check both files, a second build, the installation by pip; run the quick tests."""
    made, programs, env = wheel(session)
    folder = BUILD / "wheel"
    files = sorted(folder.glob("samara-*"))
    session.run("python", "tools/check_distribution.py", *map(str, files), made)
    session.run("python", "tools/check_install.py", made)
    build = [str(programs / "python"), "-m", "build", "--outdir", "build/wheel/again"]
    session.run(*build, env=env, silent=True)
    for file in files:
        if file.read_bytes() != (folder / "again" / file.name).read_bytes():
            session.error(f"a second build of {file.name} is not the same")
    names = [str(programs / "cibuildwheel"), "--platform", "linux", "--print-build-identifiers"]
    session.run(*names, env=env)
    python = environment(session, "wheel/venv", [f"{made}[test]"])
    tree = folder / "tree"
    tree.mkdir()
    (source,) = folder.glob("*.tar.gz")
    session.run("tar", "-xzf", str(source), "-C", str(tree), "--strip-components=1")
    # First as usual. Then without docstrings, with warnings as errors and Python's own checks.
    with session.chdir(tree):
        session.run(python, "-m", "pytest", "--quiet", QUICK, env=EITHER)
        session.run(
            *(python, "-X", "dev", "-W", "error", "-OO", "-m", "pytest", "--quiet"),
            *("-W", "ignore::pytest.PytestConfigWarning"),
            *("-k", "not examples_in_the and not examples_of_the", QUICK),
            env=EITHER,
        )


@nox.session(name="test-sanitize")
def test_sanitize(session: nox.Session) -> None:
    """Run C and Python tests under AddressSanitizer and UBSan, and C tests under valgrind.

    Only the C tests are checked for leaks: the Python interpreter would report its own. The C++
    library is loaded with the sanitizer, which otherwise aborts where a library of other people
    throws an exception.
    """
    tests = compiled(session, "sanitize", *SANITIZE)
    env: dict[str, str | None] = {"ASAN_OPTIONS": "detect_leaks=1"}
    session.run("meson", "test", "-C", tests, "--print-errorlogs", env=env)
    site = package(session, "sanitize-package", SANITIZE)
    libraries = ("libasan.so", "libstdc++.so.6")
    compiler = os.environ.get("CC", "cc")
    preload = " ".join(output(compiler, f"-print-file-name={name}") for name in libraries)
    env = {"LD_PRELOAD": preload, "ASAN_OPTIONS": "detect_leaks=0", "PYTHONPATH": site}
    session.run("python", "-m", "pytest", env=env | C_ONLY | {"PYTHONMALLOC": "malloc"})
    session.run("tools/need", "valgrind")
    debug = str(BUILD / "debug")
    session.run("meson", "setup", "--reconfigure", debug, silent=True)
    session.run("meson", "test", "-C", debug, "--setup", "valgrind", "--print-errorlogs")


@nox.session(name="test-tsan")
def test_tsan(session: nox.Session) -> None:
    """Run the C tests that start threads under ThreadSanitizer, with the core as it ships."""
    folder = compiled(session, "tsan", *TSAN)
    wrapper = fixed_addresses(f"{folder}/test_attr")
    for name in ("lock", "lockfree", "take", "threads", "waits", "writers"):
        for width in WIDTHS:
            session.run(*wrapper, f"{folder}/test_{name}{width}")
    for width in WIDTHS:
        session.run(*wrapper, f"{folder}/fuzz_threads{width}", saved_corpus("fuzz_threads"))


def fixed_addresses(program: str) -> list[str]:
    """Return what must run such programs: ThreadSanitizer's layout does not fit every kernel."""
    # If the program does not start, turn address randomisation off.
    starts = subprocess.run(program, capture_output=True).returncode == 0
    return [] if starts else ["setarch", "-R"]


def saved_corpus(name: str) -> str:
    return f"core/tests/{name}_corpus.bin"


def fuzzer(session: nox.Session, name: str) -> tuple[str, list[Path]]:
    """Build the core with libFuzzer; return a program and its two folders of inputs.

    The program for keys of 128 bits has the same name with _128 at its end. An input means
    something else there, so it has a folder of its own, which starts from the same saved corpus.
    """
    session.run("tools/need", "clang", silent=True)
    version = output("clang", "-dumpversion").split(".")[0]
    library = f"{output('clang', '-print-runtime-dir')}/libclang_rt.fuzzer-{platform.machine()}.a"
    session.run("tools/need", "libFuzzer", f"libclang-rt-{version}-dev", "test", "-e", library)
    folder = compiled(session, "fuzz", "-Dlibfuzzer=true", *SANITIZE, CC="clang")
    folders = [FOUND / (FUZZERS[name] + width) for width in WIDTHS]
    for inputs in folders:
        session.run("python", "tools/fuzz_corpus.py", "unpack", saved_corpus(name), str(inputs))
    return f"{folder}/{name}", folders


def fuzz_both_widths(session: nox.Session, name: str, prefix: str, seconds: int) -> list[Path]:
    """Fuzz for so long, half of it with keys of 128 bits; return the folders of inputs.

    Inputs that break something stay in build/fuzz, with this at the beginning of their names.
    """
    program, folders = fuzzer(session, name)
    for width, inputs in zip(WIDTHS, folders, strict=True):
        artifacts = f"{FOUND}/{prefix}{width and '128-'}"
        session.run(
            *(program + width, f"-max_total_time={(seconds + 1) // 2}", "-max_len=1024"),
            *("-len_control=0", "-print_final_stats=1", f"-artifact_prefix={artifacts}"),
            str(inputs),
        )
    return folders


@nox.session(name="fuzz-core")
def fuzz_core(session: nox.Session) -> None:
    """Fuzz families of trees for SECONDS."""
    fuzz_both_widths(session, "fuzz", "", int(SECONDS))


@nox.session(name="fuzz-threads")
def fuzz_threads(session: nox.Session) -> None:
    """Fuzz one tree in several threads for half of SECONDS, then look for races.

    The second half plays all inputs found so far under ThreadSanitizer, again and again.
    """
    # libFuzzer is no part of that: its counters are not atomic.
    folders = fuzz_both_widths(session, "fuzz_threads", "threads-", int(SECONDS) // 2)
    build = compiled(session, "tsan", *TSAN)
    wrapper = fixed_addresses(f"{build}/test_attr")
    for width, inputs in zip(WIDTHS, folders, strict=True):
        corpus = f"{inputs}.bin"
        session.run("python", "tools/fuzz_corpus.py", "pack", corpus, str(inputs))
        end = time.monotonic() + int(SECONDS) / 4
        while time.monotonic() < end:
            session.run(*wrapper, f"{build}/fuzz_threads{width}", corpus)


@nox.session(name="fuzz-corpus")
def fuzz_corpus(session: nox.Session) -> None:
    """Reduce all inputs found so far to the fewest that cover the same code, for `make test-c`."""
    for name in FUZZERS:
        program, (inputs, _) = fuzzer(session, name)
        merged = FOUND / "merged"
        shutil.rmtree(merged, ignore_errors=True)
        merged.mkdir()
        session.run(program, "-merge=1", "-use_counters=0", str(merged), str(inputs))
        session.run("python", "tools/fuzz_corpus.py", "pack", saved_corpus(name), str(merged))


@nox.session(name="fuzz-python")
def fuzz_python(session: nox.Session) -> None:
    """Fuzz with hostile arguments, pickles, texts and traces from atheris, for SECONDS."""
    python = environment(session, "fuzz-venv", [".", *extra("fuzz")])
    env = {"PYTHONPATH": "tests/support"}
    session.run(python, "tools/fuzz_surface.py", "--seconds", SECONDS, env=env)


def count_lines(session: nox.Session, name: str, counts: str, *options: str) -> None:
    """Make gcovr's report and pages from the counts in a folder of build/, and check the report."""
    pages = BUILD / "coverage" / f"html-{name}"
    pages.mkdir(parents=True, exist_ok=True)
    report = str(BUILD / "coverage" / f"{name}.json")
    python = environment(session, "coverage-venv", extra("coverage"))
    session.run(
        *(python, "-m", "gcovr", "--root", ".", "--config", "tools/gcovr.cfg"),
        *("--filter", "binding/" if name == "binding" else "core/src/", "--json", report),
        *("--html-details", f"{pages}/index.html", str(BUILD / counts)),
    )
    session.run("python", "tools/check_coverage.py", *options, report)


@nox.session(name="coverage-core")
def coverage_core(session: nox.Session) -> None:
    """Measure the core's coverage, which must be complete. Pages: build/coverage/html-core."""
    folder = compiled(session, "coverage", "-Ddebug_core=true", *COUNT_LINES)
    session.run("find", folder, "-name", "*.gcda", "-delete")
    env = {"SAMARA_SEED": "1", "SAMARA_STEPS": "2000"}
    session.run("meson", "test", "-C", folder, "--print-errorlogs", env=env)
    # Each width must be covered by itself.
    for width in ("", "_128"):
        count_lines(session, f"core{width}", f"coverage/libmaple_tree_core{width}.a.p", "--all")


@nox.session(name="coverage-python")
def coverage_python(session: nox.Session) -> None:
    """Measure the coverage of the extension and the Python code, on both implementations."""
    python = environment(session, "coverage-venv", extra("coverage"))
    env = {"PYTHONPATH": package(session, "coverage-package", COUNT_LINES)}
    session.run("find", "build/coverage-package/build", "-name", "*.gcda", "-delete")
    for old in (BUILD / "coverage").glob("python*"):
        old.unlink()
    counting = [python, "-m", "coverage", "run", "-m", "pytest", "--quiet"]
    # The coverage tracer allocates memory too, so the tests that run out of memory run without it.
    alone = "tests/tree/test_no_memory.py"
    session.run(python, "-m", "pytest", "--quiet", alone, env=env | C_ONLY)
    # Deselect the tests in which a process becomes the user nobody: it could not write its counts.
    session.run(
        *counting,
        "--deselect=tests/cli/test_cli_fork.py::test_no_permission",
        "--deselect=tests/packaging/test_network.py::test_uses",
        env=env | C_ONLY,
    )
    session.run(*counting, "--ignore=tests/tree/test_differential.py", env=env | PURE)
    session.run(python, "-m", "coverage", "combine", "--quiet", env=env)
    pages = f"--directory={BUILD / 'coverage' / 'html-python'}"
    session.run(python, "-m", "coverage", "html", "--quiet", pages, env=env)
    count_lines(session, "binding", "coverage-package/build")
    session.run(python, "-m", "coverage", "report", "--skip-covered", "--show-missing", env=env)


@nox.session
def bench(session: nox.Session) -> None:
    """Compare samara with its peers: run a program of benchmarks/ with them installed."""
    python = environment(session, "bench-venv", [".", *extra("bench")])
    session.run(python, *session.posargs)
