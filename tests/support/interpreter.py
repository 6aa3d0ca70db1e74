# SPDX-License-Identifier: MIT
"""Which tree is tested, on which interpreter: how long random tests run, when objects die.

Everything in the tests that depends on this is here and nowhere else.
"""

import gc
import os
import subprocess
import sys
import sysconfig

import pytest

import samara

PURE = samara.implementation == "python"
COUNTS_REFERENCES = sys.implementation.name == "cpython"
# A free-threaded interpreter counts some references only when it collects.
ENDS_AT_ONCE = COUNTS_REFERENCES and not sysconfig.get_config_var("Py_GIL_DISABLED")
# gcc's or clang's AddressSanitizer is loaded into this Python, which was built without it.
SANITIZED = "asan" in os.environ.get("LD_PRELOAD", "")
SLOWER = 20 if PURE else 1
# Seconds after which a test assumes that what it waits for hangs. Nothing that ends takes nearly as
# long, however busy the machine is.
HANGS = 3600
# Nested trees: too many for the stack, if destroying them used it. (If references are not counted,
# each needs a collection of its own.)
DEEP = 20_000 if PURE else 100_000

# Whether threads of this interpreter take turns.
GIL = getattr(sys, "_is_gil_enabled", lambda: True)()

c_only = pytest.mark.skipif(PURE, reason="about the C extension")
counts_references = pytest.mark.skipif(
    not COUNTS_REFERENCES, reason="this interpreter does not count references"
)


def scaled(number, least=1):
    """Scale a number so that a test takes about the same time."""
    return max(least, number // SLOWER)


def steps(number):
    """Return the length of a random test: SAMARA_STEPS, else what fits this implementation."""
    return int(os.environ.get("SAMARA_STEPS") or scaled(number))


def references(objects):
    """Return each object's reference count, if references are counted."""
    return [sys.getrefcount(thing) for thing in objects] if COUNTS_REFERENCES else []


def collect():
    """Free everything that nothing refers to.

    If objects refer to each other, as a tree's nodes do, each of PyPy's collections calls the
    finalizers of one level only. So collect until nothing more is freed.
    """
    gc.collect()
    rounds = 0 if ENDS_AT_ONCE else 2
    while rounds:
        before = pool_nodes()
        gc.collect()
        rounds = rounds - 1 if pool_nodes() == before else 2


def settle():
    """Free what reference counting would free at once: everything that is not in a cycle."""
    if not ENDS_AT_ONCE:
        collect()


def pool_nodes():
    """Return the number of nodes, including those that wait for the collector."""
    return samara._implementation._pool_stats()[0]


def live_nodes():
    """Free everything that nothing refers to; return the number of nodes of all trees."""
    settle()
    return pool_nodes()


def counted_nodes():
    """Return live_nodes() if that is cheap, else 0: for tests that call it a thousand times."""
    return pool_nodes() if COUNTS_REFERENCES else 0


def fails(n, call):
    """Return whether the call runs out of memory if the n-th allocation from now fails."""
    samara._implementation._fail_nth(n)
    try:
        call()
    except MemoryError:
        return True
    finally:
        samara._implementation._fail_nth(0)
    return False


def run_python(code, *options, **variables):
    """Run code in a new interpreter, which must succeed without messages. Return its output."""
    path = os.pathsep.join(sys.path)
    result = subprocess.run(
        [sys.executable, "-X", "dev", *options, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path, **variables},
        timeout=HANGS,
    )
    assert result.returncode == 0, result.stderr
    assert not result.stderr
    return result.stdout
