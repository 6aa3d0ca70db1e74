"""Which tree is tested on which interpreter: how long random tests go on, and when objects end.

Names of the tests' own that depend on it are here and nowhere else.
"""

import gc
import os
import sys

import pytest

import samara

PURE = samara.implementation == "python"
COUNTS_REFERENCES = sys.implementation.name == "cpython"
SLOWER = 20 if PURE else 1
# Trees in trees: more than a stack would hold, if their end used it.
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
    """End all that nothing refers to. An end that a finalizer delays takes another collection."""
    for _ in range(1 if COUNTS_REFERENCES else 3):
        gc.collect()


def settle():
    """End what ends at once where references are counted: all that is not in a cycle."""
    if not COUNTS_REFERENCES:
        collect()


def live_nodes():
    """How many nodes all trees have, once what nothing refers to has ended."""
    settle()
    return samara._implementation._pool_stats()[0]
