# SPDX-License-Identifier: MIT
"""Which tree is tested on which interpreter: how long random tests go on, and when objects end.

Names of the tests' own that depend on it are here and nowhere else.
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
# A free-threaded interpreter counts some of them only when it collects.
ENDS_AT_ONCE = COUNTS_REFERENCES and not sysconfig.get_config_var("Py_GIL_DISABLED")
# AddressSanitizer, gcc's or clang's, is loaded into this Python, which was built without it.
SANITIZED = "asan" in os.environ.get("LD_PRELOAD", "")
SLOWER = 20 if PURE else 1
# Seconds after which a test takes what it waits for to hang. Nothing that ends comes near it,
# however busy the machine.
HANGS = 3600
# Trees in trees: more than a stack would hold, if their end used it. (Where references are not
# counted, each takes a collection of its own.)
DEEP = 20_000 if PURE else 100_000

c_only = pytest.mark.skipif(PURE, reason="about the C extension")
counts_references = pytest.mark.skipif(
    not COUNTS_REFERENCES, reason="this interpreter does not count references"
)


def scaled(number, least=1):
    """As many as fit in the same time, more or less."""
    return max(least, number // SLOWER)


def steps(number):
    """How long a random test goes on: SAMARA_STEPS, else as long as this implementation can."""
    return int(os.environ.get("SAMARA_STEPS") or scaled(number))


def references(objects):
    """How many references each has, where they are counted."""
    return [sys.getrefcount(thing) for thing in objects] if COUNTS_REFERENCES else []


def collect():
    """End all that nothing refers to.

    PyPy calls the finalizers of one level of what hangs together, as a tree's nodes do, in each
    collection: so go on until none ends any more.
    """
    gc.collect()
    rounds = 0 if ENDS_AT_ONCE else 2
    while rounds:
        before = pool_nodes()
        gc.collect()
        rounds = rounds - 1 if pool_nodes() == before else 2


def settle():
    """End what ends at once where references are counted: all that is not in a cycle."""
    if not ENDS_AT_ONCE:
        collect()


def pool_nodes():
    """How many nodes there are, those that wait for the collector included."""
    return samara._implementation._pool_stats()[0]


def live_nodes():
    """How many nodes all trees have, once what nothing refers to has ended."""
    settle()
    return pool_nodes()


def counted_nodes():
    """As live_nodes(), for a test that asks a thousand times: where that is cheap, else 0."""
    return pool_nodes() if COUNTS_REFERENCES else 0


def fails(n, call):
    """Does the call run out of memory when the n-th allocation from now fails?"""
    samara._implementation._fail_nth(n)
    try:
        call()
    except MemoryError:
        return True
    finally:
        samara._implementation._fail_nth(0)
    return False


def run_python(code, *options, **variables):
    """What a program prints in an interpreter of its own, which ends well and says nothing else."""
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
