# SPDX-License-Identifier: MIT
"""Out of memory at each node allocation of each write: MemoryError, and nothing changed."""

import gc

import pytest

from interpreter import counted_nodes, fails, references
from interpreter import live_nodes as live
from samara import MAX, MapleTree, _implementation


@pytest.fixture(autouse=True)
def no_garbage():
    """Collect first. Nothing here makes cycles, so counting nodes needs no later collection."""
    gc.collect()


class Value:
    def __init__(self, name):
        self.name = name


VALUES = [Value(n) for n in range(600)]


def filled(track_gaps=True):
    return MapleTree(((10 * n, 10 * n + 4, VALUES[n]) for n in range(600)), track_gaps=track_gaps)


def changed(t, v):
    relative = t.fork()
    relative[2002:2222] = v
    return relative


WRITES = {
    "store one": lambda t, v: t.__setitem__(2002, v),
    "store in a gap": lambda t, v: t.__setitem__(slice(2006, 2008), v),
    "store over all": lambda t, v: t.__setitem__(slice(None), v),
    "store wide": lambda t, v: t.store_range(33, 5551, v),
    "delete one": lambda t, v: t.__delitem__(2002),
    "delete wide": lambda t, v: t.__delitem__(slice(33, 5551)),
    "insert": lambda t, v: t.insert_range(2006, 2007, v),
    "erase": lambda t, v: t.erase(2002),
    "pop": lambda t, v: t.pop_range(333, 2222),
    "alloc": lambda t, v: t.alloc_range(3, v),
    "alloc many": lambda t, v: t.alloc_many([3, 7, 1], [v] * 3),
    "alloc cyclic": lambda t, v: t.alloc_cyclic(v, next=2**40),
    "cursor store": lambda t, v: t.cursor(2002, 2003).store(v),
    "cursor insert": lambda t, v: t.cursor(2006, 2007).insert(v),
    "cursor clear": lambda t, v: t.cursor(33, 5551).clear(),
    "cursor erase": lambda t, v: t.cursor(2002).erase(),
    "dup": lambda t, v: t.dup(),
    "slice": lambda t, v: t[2002:4003],
    "update": lambda t, v: t.update([(2002, 2003, v), (33, 555, v)]),
    "update from a relative": lambda t, v: t.update(changed(t, v)),
    "union": lambda t, v: t | [(2002, 2003, v), (33, 555, v)],
    "intersection": lambda t, v: t & [(33, 555), (2002, 4003)],
    "difference": lambda t, v: t - [(33, 555), (2002, 4003)],
    "init": lambda t, v: t.__init__([(5, 6, v), (1, 2, v), (3, 4, v)]),
    "setstate": lambda t, v: MapleTree().__setstate__(t.__reduce__()[2]),
    "dup into": lambda t, v: t.dup_into(MapleTree(track_gaps=t.track_gaps)),
    "map": lambda t, v: t.map_range(2002, 2203, lambda value: v, default=None),
    "many stores": lambda t, v: t.__init__((n, n, v) for n in range(150, 0, -1)),
}


@pytest.mark.parametrize("shared", [False, True], ids=["private", "shared"])
@pytest.mark.parametrize("track_gaps", [True, False], ids=["gaps", "plain"])
@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_each_allocation_failing(write, track_gaps, shared):
    if not track_gaps and write in (
        *(WRITES["alloc"], WRITES["alloc many"], WRITES["alloc cyclic"]),
    ):
        pytest.skip("needs gap tracking")
    value = Value("new")
    alone = references([value])
    t = filled(track_gaps)
    relative = t.fork() if shared else None
    before = list(t)
    nodes = counted_nodes()
    counts = references([value, *VALUES])
    n = 1
    while fails(n, lambda: write(t, value)):
        assert counted_nodes() == nodes
        assert references([value, *VALUES]) == counts
        t.check()
        assert list(t) == before
        n += 1
    t.check()
    if relative is not None:
        relative.check()
        assert list(relative) == before
        assert n > 1, "a write to a shared tree allocates"
    t = relative = before = None
    assert references([value]) == alone


@pytest.mark.parametrize("shared", [False, True], ids=["private", "shared"])
@pytest.mark.parametrize(
    "write",
    [
        lambda t: t.accumulate(2002, 2203, 1),
        lambda t: t.accumulate_many(range(600, 0, -1), range(700, 100, -1), 1),
        lambda t: t.accumulate_many([2002, 7], [2203, 8], 1),
        lambda t: t.map_range(2002, 2203, lambda value: value + 1, default=5),
    ],
    ids=["accumulate", "accumulate many", "accumulate few", "map"],
)
def test_each_allocation_of_arithmetic_failing(write, shared):
    t = MapleTree(((10 * n, 10 * n + 4, n) for n in range(600)), dtype="u8")
    relative = t.fork() if shared else None
    before, nodes, n = list(t), counted_nodes(), 1
    while fails(n, lambda: write(t)):
        assert counted_nodes() == nodes
        t.check()
        assert list(t) == before
        n += 1
    assert n > 2 and list(t) != before
    t.check()
    if relative is not None:
        relative.check()
        assert list(relative) == before


@pytest.mark.parametrize("n", range(1, 40))
def test_dup_into_leaves_the_target_empty(n):
    t = filled()
    target = MapleTree()
    nodes = live()
    if fails(n, lambda: t.dup_into(target)):
        assert not target and live() == nodes
        target[5] = 1
        assert list(target) == [(5, 5, 1)]
    else:
        assert target == t
    target.check()


def test_building_from_many_triples_out_of_order():
    triples = [(n, n + 1, VALUES[n % 600]) for n in range(200, 0, -1)]
    whole = MapleTree(triples)
    nodes = counted_nodes()
    counts = references(VALUES)
    n = 1
    while fails(n, lambda: MapleTree(triples)):
        assert counted_nodes() == nodes
        assert references(VALUES) == counts
        n += 1
    assert n > 1 and MapleTree(triples) == whole


def test_a_random_run_with_failures_ends_with_nothing_lost():
    start = live()
    t = MapleTree()
    model = {}
    for n in range(600):
        index = n * 7919 % 601
        if not fails(n % 5, lambda index=index, n=n: t.__setitem__(index, n)):
            model[index] = n
    assert {first: value for first, _, value in t} == model
    t.check()
    t = None
    assert live() == start


def test_the_pool_counts():
    start = live()
    t = MapleTree()
    assert live() == start
    t[5] = 1
    in_use, handed_out, taken = _implementation._pool_stats()
    assert in_use == start + 1 == start + t.node_count
    assert handed_out >= 1 and taken >= 256 * in_use
    t.clear()
    assert live() == start
    with pytest.raises(ValueError):
        _implementation._fail_nth(-1)
    with pytest.raises(TypeError):
        _implementation._fail_nth("1")
    assert MAX not in t
