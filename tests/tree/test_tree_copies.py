# SPDX-License-Identifier: MIT
"""fork(), dup(), dup_into(), copy.copy() and slices; subclasses; weak references."""

import copy
import gc
import weakref

import pytest

from interpreter import c_only, collect, references, settle
from interpreter import live_nodes as live
from samara import MAX, Cursor, MapleTree


def tree(count=1000, **options):
    return MapleTree(((10 * n, 10 * n + 4, n) for n in range(count)), **options)


@pytest.fixture(autouse=True)
def no_garbage():
    """Collect first. Nothing here makes cycles, so counting nodes needs no later collection."""
    gc.collect()


WAYS = {
    "fork": lambda t: t.fork(),
    "copy": copy.copy,
    "dup": lambda t: t.dup(),
    "slice": lambda t: t[:],
    "init": lambda t: MapleTree(t, track_gaps=t.track_gaps),
    "deepcopy": copy.deepcopy,
}
ways = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)


@ways
@pytest.mark.parametrize("track_gaps", [True, False])
@pytest.mark.parametrize("count", [0, 1, 16, 1000])
def test_a_copy_is_equal_and_independent(way, count, track_gaps):
    t = tree(count, track_gaps=track_gaps)
    before = list(t)
    u = way(t)
    assert u == t and u is not t
    assert (u.track_gaps, u.covered, len(u)) == (t.track_gaps, t.covered, len(t))
    u[7:30] = "u"
    t[25:50] = "t"
    u.check()
    t.check()
    assert u[7] == "u" and t[7:25] == MapleTree(before)[7:25]
    assert t[30] == "t" and u[50:] == MapleTree(before)[50:] == t[50:]
    t.clear()
    assert list(u[100:]) == [entry for entry in before if entry.first >= 100]
    u.check()


def test_what_is_shared():
    t = tree()
    own = live()
    u = t.fork()
    assert live() == own
    u[5] = "x"
    assert own < live() <= own + t.height + 2
    v = t.dup()
    assert live() >= 2 * own
    del u, v
    assert live() == own
    part = t[100:110]
    assert live() <= own + 2
    del part
    assert live() == own
    del t
    assert live() <= own - 60


def test_the_values_are_the_same_objects():
    value = ["v"]
    alone = references([value])
    t = MapleTree([(1, 5, value)])
    u = t.fork()
    assert u[1] is value and t.dup()[1] is value
    u[3] = "x"
    assert u[1] is value and u[5] is value
    del u, t
    assert references([value]) == alone


@c_only
def test_a_leaf_holds_a_reference_for_each_of_its_slots():
    value = ["v"]
    t = MapleTree([(1, 5, value)])
    (count,) = references([value])
    u = t.fork()
    assert references([value]) == [count]
    v = t.dup()
    assert references([value]) == [count + 1]
    u[3] = "x"
    assert references([value]) == [count + 3]
    del u, v, t
    assert references([value]) == [count - 1]


def test_dup_into():
    t = tree()
    other = MapleTree()
    assert t.dup_into(other) is None
    assert other == t
    other.check()
    with pytest.raises(ValueError, match="other must be empty, but it has 1000 ranges"):
        t.dup_into(other)
    with pytest.raises(
        ValueError, match="track_gaps=True, dtype=None, policy=None, not track_gaps=False"
    ):
        t.dup_into(MapleTree(track_gaps=False))
    with pytest.raises(ValueError, match="must not be the tree itself"):
        t.dup_into(t)
    with pytest.raises(TypeError, match="other must be a MapleTree, not list"):
        t.dup_into([])
    other.clear()
    MapleTree().dup_into(other)
    assert not other


def test_a_long_chain_of_forks():
    t = tree(200)
    chain = [t]
    for number in range(300):
        chain.append(chain[-1].fork())
        chain[-1][number] = number
    for number, member in enumerate(chain[1:]):
        assert member[number] == number
    chain[150].check()
    del chain[1:-1]
    collect()
    assert chain[-1][299] == 299 and t[290] == 29
    chain[-1].check()


def test_forks_of_forks_dropped_in_any_order():
    start = live()
    t = tree(300)
    u = t.fork()
    v = u.fork()
    u[0:100] = "u"
    w = u[50:2000].fork()
    del t
    v[500:600] = "v"
    del u
    assert v[0] == 0 and w[60] == "u" and w[500] == 50 and v[550] == "v"
    v.check()
    w.check()
    del v, w
    assert live() == start


# ---- subclasses


class Named(MapleTree):
    def __init__(self, name, entries=()):
        super().__init__(entries)
        self.name = name


class Slotted(MapleTree):
    __slots__ = ("name", "unset")


SUBCLASS_WAYS = {name: way for name, way in WAYS.items() if name != "init"}


@pytest.mark.parametrize("way", SUBCLASS_WAYS.values(), ids=SUBCLASS_WAYS)
def test_copies_of_a_subclass(way):
    t = Named("n", [(1, 5, "v")])
    t.more = []
    u = way(t)
    assert type(u) is Named and u == t and u.name == "n"
    u.name = "m"
    assert t.name == "n"
    assert (u.more is t.more) is (way is not copy.deepcopy)
    s = Slotted([(1, 5, "v")])
    s.name = "n"
    u = way(s)
    assert type(u) is Slotted and u.name == "n" and not hasattr(u, "unset")
    assert not hasattr(u, "__dict__")


def test_a_subclass_is_a_tree():
    t = Named("n", [(1, 5, "v")])
    assert t == MapleTree([(1, 5, "v")]) and MapleTree([(1, 5, "v")]) == t
    assert repr(t) == "Named([(1, 5, 'v')])"
    other = MapleTree()
    t.dup_into(other)
    assert other == t
    assert type(MapleTree(t)) is MapleTree

    class Doubling(MapleTree):
        def __setitem__(self, key, value):
            super().__setitem__(key, value * 2)

        def __iter__(self):
            return iter([(7, 8, "own")])

    d = Doubling()
    d[5] = 2
    assert d[5] == 4
    assert list(MapleTree(d)) == [(7, 8, "own")]


def test_an_attribute_that_cannot_be_copied():
    class Fails(MapleTree):
        def __setattr__(self, name, value):
            raise OSError("no")

        __slots__ = ("x",)

    t = Fails([(1, 5, "v")])
    super(Fails, t).__setattr__("x", 1)
    start = live()
    for way in SUBCLASS_WAYS.values():
        with pytest.raises(OSError, match="no"):
            way(t)
    assert live() == start


def test_generic_alias():
    assert MapleTree[int].__origin__ is MapleTree
    assert MapleTree[int]([(1, 2, 3)]) == MapleTree([(1, 2, 3)])


def test_a_plain_tree_has_no_attributes():
    t = MapleTree()
    with pytest.raises(AttributeError):
        t.x = 1
    for name in ("covered", "height", "lock", "nbytes", "node_count", "track_gaps"):
        with pytest.raises(AttributeError):
            setattr(t, name, 1)


@c_only
def test_the_types_are_not_changed():
    for cls in (MapleTree, Cursor):
        with pytest.raises(TypeError):
            cls.x = 1


# ---- weak references


def test_weak_references():
    ended = []
    t = tree(5)
    reference = weakref.ref(t, ended.append)
    fork = weakref.ref(t.fork())
    settle()
    assert reference() is t and fork() is None
    cache = weakref.WeakValueDictionary(tree=t)
    del t
    settle()
    assert reference() is None and ended == [reference] and not cache


def test_a_finalizer_of_a_subclass_can_still_use_the_tree():
    seen = []

    class Last(MapleTree):
        def __del__(self):
            seen.append((len(self), self[MAX]))
            self[5] = "more"

    t = Last()
    t[MAX] = "v"
    del t
    settle()
    assert seen == [(1, "v")]
