# SPDX-License-Identifier: MIT
"""Out of memory in trees with keys of each kind: MemoryError, nothing changed, and then success.

`test_no_memory.py` has a case for each name. Here each call that takes or gives keys is made with
each kind, and each allocation fails in turn: those of keys, results, and what Python's own code for
a kind allocates.
"""

import gc

import pytest

import keyed_calls
from interpreter import COUNTS_REFERENCES, c_only, collect, counted_nodes, pool_nodes
from key_universes import CELLS, LINES, NANOSECONDS, WORDS, Universe
from keyed_calls import READS, REPLACES, WRITES, InUniverse
from no_memory import FUNCTIONS_ARE_SAFE, HAS_HOOKS, NO_FUNCTIONS, NO_HOOKS, WAYS, each_failure
from samara import Cursor, MapleTree

CALLS = READS | WRITES | REPLACES
# These import modules, or run Python code that ignores errors.
NOT_HERE = {"html", "rich", "to_arrays"}
# Kinds whose keys the extension converts itself.
IN_C = {"uint64", "int64", "uint128", "float64"}


@pytest.fixture(autouse=True)
def no_collections():
    """Turn collections off. One could run without memory."""
    collect()
    nodes = pool_nodes()
    if COUNTS_REFERENCES:
        gc.disable()
    yield
    gc.enable()
    collect()
    assert pool_nodes() == nodes


def plain(answer):
    """Return a result in a form that can be compared."""
    if isinstance(answer, MapleTree):
        answer.check()
        return answer.keys_dtype, plain(list(answer))
    if isinstance(answer, Cursor):
        return plain([answer.index, answer.last]), answer.status
    if isinstance(answer, BaseException):
        return type(answer), str(answer)
    if isinstance(answer, tuple | list):
        return type(answer).__name__, [plain(part) for part in answer]
    return type(answer), repr(answer)


class Scene:
    def __init__(self, universe, keys, shared):
        self.tree = keyed_calls.filled(universe.keys, keys)
        self.relative = self.tree.fork() if shared else None

    def look(self):
        self.tree.check()
        relative = None if self.relative is None else plain(self.relative)
        return plain(self.tree), relative

    def look_after(self, answer):
        return self.look(), plain(answer)


def fail_each(way, call, universe, shared):
    """Let each allocation of a call fail. Return how many failed."""

    keys = InUniverse(universe)

    def run(scene):
        return call(scene.tree, keys)

    for _ in range(2 if HAS_HOOKS else 1):  # the first run may fill caches
        nodes = counted_nodes()
        failures = each_failure(
            way, run, lambda: Scene(universe, keys, shared), Scene.look, Scene.look_after
        )
        lost = counted_nodes() - nodes
    assert lost == 0
    return failures


def universe_of(line):
    places = [place for place in line.places if place not in ("bottom", "top")]
    return Universe(line, places[0] if places else "bottom", 120)


def by_kind(lines):
    return pytest.mark.parametrize("line", lines, ids=lambda line: line.name)


@by_kind(LINES)
def test_each_node_failing(line):
    universe = universe_of(line)
    failures = 0
    for name, call in CALLS.items():
        try:
            for shared in (False, True):
                failures += fail_each("nodes", call, universe, shared)
        except BaseException as error:
            error.add_note(name)
            raise
    assert failures


# One kind for each way to convert keys. numpy and pandas, which make keys of nanoseconds, promise
# nothing if their own allocations fail.
OTHER_UNITS = (
    *("datetime64[s]", "datetime64[ms]", "datetime64[us, UTC]", "datetime64[us, Europe/Berlin]"),
    "datetime64[ms, America/St_Johns]",
)
EACH_WAY = [line for line in LINES if line not in NANOSECONDS and line.name not in OTHER_UNITS]


@c_only
@pytest.mark.skipif(not HAS_HOOKS, reason=NO_HOOKS)
@pytest.mark.parametrize("way", [way for way in WAYS if way != "nodes"])
@by_kind(EACH_WAY)
def test_each_allocation_failing(line, way):
    if line.name not in IN_C and not FUNCTIONS_ARE_SAFE:
        pytest.skip(NO_FUNCTIONS)
    universe = universe_of(line)
    for name, call in CALLS.items():
        if name in NOT_HERE or (universe.unit is None and uses_sizes(name)):
            continue
        if name == "repr" and line.keys is CELLS:
            continue  # for the repr of a tuple, Py_ReprLeave() needs memory, or it keeps the tree
        try:
            fail_each(way, call, universe, line.keys is WORDS)
        except BaseException as error:
            error.add_note(name)
            raise


def uses_sizes(name):
    return name in ("covered", "size", "common_gaps") or "area" in name or "alloc_" in name
