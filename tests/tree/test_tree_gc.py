# SPDX-License-Identifier: MIT
"""Reference counts, the garbage collector, and cycles through nodes that several trees share."""

import copy
import gc
import subprocess
import sys
import weakref

import pytest

from interpreter import (
    COUNTS_REFERENCES,
    DEEP,
    c_only,
    collect,
    counts_references,
    live_nodes,
    references,
    settle,
)
from samara import MAX, MapleTree


class Value:
    """An object that can have weak references, and can hold something."""

    def __init__(self, held=None):
        self.held = held


@pytest.fixture(autouse=True)
def nothing_is_left():
    collect()
    before = live_nodes()
    if COUNTS_REFERENCES:  # PyPy's disable() is about finalizers
        gc.disable()
    yield
    gc.enable()
    collect()
    assert live_nodes() == before


def fill(t, count=100):
    for n in range(count):
        t[10 * n : 10 * n + 5] = n


def assert_collected(references):
    assert all(reference() is not None for reference in references), "ended too early"
    collect()
    assert [reference() for reference in references] == [None] * len(references)


@counts_references
def test_no_reference_stays():
    value = object()
    start = references([value])
    t = MapleTree()
    t.store_range(10, 99, value)
    t[50] = value
    t[40:60] = None
    u, v, w = t.fork(), t.dup(), t[0:50]
    list(u), list(v.gaps()), repr(w), t == u, copy.copy(t), t.pop_range(0, 45), t.erase(99)
    with pytest.raises(KeyError):
        t[10]
    t.insert_range(1, 2, value)
    t.alloc_range(5, value)
    t.cursor(1).store(value)
    t.clear()
    v[5:] = None
    assert references([value]) > start
    del u, v, w
    assert references([value]) == start


@c_only
def test_references_are_counted():
    value = object()
    start = sys.getrefcount(value)
    t = MapleTree()
    t.store_range(10, 99, value)
    assert sys.getrefcount(value) == start + 1
    t[50] = value
    assert sys.getrefcount(value) == start + 3
    t[40:60] = None
    assert sys.getrefcount(value) == start + 2
    entries = list(t)
    assert sys.getrefcount(value) == start + 4
    del entries
    removed = t.pop_range(0, 45)
    assert sys.getrefcount(value) == start + 2
    del removed
    t.erase(99)
    assert sys.getrefcount(value) == start
    with pytest.raises(KeyError):
        t[10]
    t.insert_range(1, 2, value)
    t.alloc_range(5, value)
    assert sys.getrefcount(value) == start + 2
    u, v, w = t.fork(), t.dup(), t[0:50]
    list(u), list(v.gaps()), repr(w), t == u, copy.copy(t)
    del u, v, w
    assert sys.getrefcount(value) == start + 2
    t.clear()
    assert sys.getrefcount(value) == start


def test_a_tree_that_contains_itself():
    t = MapleTree()
    fill(t)
    t[MAX] = t
    reference = weakref.ref(t)
    del t
    assert_collected([reference])


def test_a_cycle_through_a_value():
    value = Value()
    value.held = MapleTree([(1, 5, value)])
    references = [weakref.ref(value), weakref.ref(value.held)]
    del value
    assert_collected(references)


@pytest.mark.parametrize("count", [1, 100, 2000])
def test_two_forks_in_a_cycle_through_shared_nodes(count):
    t = MapleTree()
    fill(t, count)
    value = Value()
    t[MAX] = value
    value.held = (t, t.fork())
    assert value.held[0] == value.held[1]
    references = [weakref.ref(o) for o in (value, *value.held)]
    del t, value
    assert_collected(references)


def test_forks_in_a_cycle_after_they_diverged():
    t = MapleTree()
    fill(t)
    common, mine, theirs = Value(), Value(), Value()
    t[5] = common
    u = t.fork()
    t[MAX] = mine
    u[0:3] = theirs
    common.held = (t, u)
    mine.held = u
    theirs.held = t
    references = [weakref.ref(o) for o in (t, u, common, mine, theirs)]
    del t, u, common, mine, theirs
    assert_collected(references)


def test_a_fork_that_is_alive_keeps_what_is_shared():
    t = MapleTree()
    fill(t)
    value = Value()
    t[MAX] = value
    u = t.fork()
    value.held = t
    references = [weakref.ref(t), weakref.ref(value)]
    del t, value
    collect()
    assert all(reference() for reference in references)
    assert u[MAX].held == u
    del u
    assert_collected(references)


def test_private_values_of_a_dead_fork_go_while_its_relatives_live():
    t = MapleTree()
    fill(t)
    u = t.fork()
    value = Value()
    u[MAX] = value
    value.held = u
    references = [weakref.ref(u), weakref.ref(value)]
    del u, value
    assert_collected(references)
    assert t[5 - 1] == 0
    t.check()


def test_many_relatives_in_one_cycle():
    t = MapleTree()
    fill(t, 500)
    members = [t]
    for n in range(20):
        members.append(members[-1].fork())
        members[-1][100 * n] = Value()
        members.append(members[-1][50 * n :])
    holder = Value(members)
    for member in members:
        member[MAX] = holder
    references = [weakref.ref(member) for member in members] + [weakref.ref(holder)]
    del t, members, member, holder
    assert_collected(references)


def test_an_iterator_in_a_cycle():
    for make in (iter, reversed, MapleTree.gaps, MapleTree.entries):
        t = MapleTree()
        fill(t)
        value = Value()
        t[7] = value
        value.held = make(t)
        next(value.held)
        reference = weakref.ref(value)
        del t, value
        assert_collected([reference])


def test_two_iterators_whose_tree_has_moved_on():
    t = MapleTree()
    fill(t)
    value = Value()
    t[7] = value
    value.held = [iter(t), iter(t)]
    reference = weakref.ref(value)
    t.clear()
    del value
    assert_collected([reference])
    assert not t


@c_only
def test_an_iterator_holds_its_last_entry_and_shows_it():
    t = MapleTree()
    value = Value()
    t[0] = value
    t[1] = 1
    value.held = iterator = iter(t)
    next(iterator)
    assert any(value in entry for entry in gc.get_referents(iterator) if isinstance(entry, tuple))
    reference = weakref.ref(value)
    del t, value, iterator
    assert_collected([reference])


def test_a_cursor_and_a_lock_in_a_cycle():
    t = MapleTree()
    t[5] = (t.cursor(), t.lock)
    reference = weakref.ref(t)
    del t
    assert_collected([reference])


def test_a_subclass_in_a_cycle_with_its_attributes():
    class Sub(MapleTree):
        pass

    t = Sub()
    t.own = t
    u = t.fork()
    t[5] = u
    references = [weakref.ref(t), weakref.ref(u), weakref.ref(Sub)]
    del t, u, Sub
    assert_collected(references)


def test_initialising_from_a_tree_of_another_family():
    a, b = MapleTree(), MapleTree()
    fill(a)
    fill(b)
    value = Value()
    b[MAX] = value
    iterator = iter(a)
    forks = [a.fork(), b.fork()]
    a.__init__(b)
    value.held = (a, b, iterator, forks)
    references = [weakref.ref(o) for o in (a, b, value)]
    del a, b, value, iterator, forks
    assert_collected(references)


@c_only
def test_what_the_collector_is_shown():
    t = MapleTree()
    value = Value()
    t[1], t[5] = value, value
    assert gc.is_tracked(t)
    assert gc.get_referents(t).count(value) == 2
    assert any(referrer is t for referrer in gc.get_referrers(value))
    u = t.fork()
    assert value not in gc.get_referents(t) and value not in gc.get_referents(u)
    (family,) = (o for o in gc.get_referents(t) if type(o).__name__ == "Family")
    assert family in gc.get_referents(u)
    assert gc.get_referents(family).count(value) == 2
    u[1] = "x"
    assert gc.get_referents(t).count(value) == 2 and gc.get_referents(u).count(value) == 1
    assert value not in gc.get_referents(family)
    del u
    assert gc.get_referents(t).count(value) == 2


def test_finalizers_run_once_and_see_whole_trees():
    seen = []

    class Last(Value):
        def __del__(self):
            t, u = self.held
            t.check()
            u.check()
            t[5] = "again"
            seen.append((len(t), len(u)))

    t = MapleTree()
    fill(t)
    value = Last()
    u = t.fork()
    t[MAX] = value
    value.held = (t, u)
    del t, u, value
    collect()
    collect()
    assert seen == [(102, 100)]


def test_a_resurrected_tree_is_whole():
    kept = []

    class Last(MapleTree):
        def __del__(self):
            kept.append(self)

    t = Last()
    fill(t)
    t[MAX] = t
    u = t.fork()
    del u
    settle()
    kept.clear()
    del t
    collect()
    (t,) = kept
    t.check()
    assert t[MAX] is t and len(t) == 101
    t.clear()
    kept.clear()


@counts_references
@pytest.mark.parametrize("way", ["tree", "fork", "iterator", "subclass"])
def test_deep_nesting_ends_without_using_up_the_stack(way):
    class Sub(MapleTree):
        pass

    t = MapleTree()
    for _ in range(DEEP):
        if way == "iterator":
            outer = MapleTree([(0, 0, t)])
            t = iter(outer)
        else:
            outer = (Sub if way == "subclass" else MapleTree)([(0, 0, t)])
            t = outer.fork() if way == "fork" else outer
    del t, outer


@counts_references
def test_clearing_a_deeply_nested_tree():
    t = MapleTree()
    for _ in range(DEEP):
        t = MapleTree([(0, 0, t)])
    t.clear()
    assert not t


@pytest.mark.skipif(not hasattr(gc, "set_threshold"), reason="this collector has no threshold")
def test_the_collector_in_the_middle_of_everything():
    """Set the threshold to 1: the collector runs at every allocation of a container."""
    code = """
import copy, gc, pickle
from samara import MapleTree, MAX
gc.set_threshold(1, 1, 1)
trees = [MapleTree()]
for n in range(150):
    t = trees[n % len(trees)]
    t[5 * n : 5 * n + 3] = [t]
    t.alloc_range(3, {"t": t})
    list(t), list(t.gaps()), t.pop_range(0, 7), t.erase(5 * n), repr(t.find(0))
    c = t.cursor(); c.next() and c.store([c])
    if n % 10 == 0:
        trees += [t.fork(), t.dup(), t[3:], copy.copy(t), MapleTree(t)]
        trees = trees[-7:]
    for member in trees:
        member.check()
    assert t == t.fork()
pickle.loads(pickle.dumps(MapleTree([(1, 2, [])])))
del trees, t, c, member
gc.set_threshold(700, 10, 10)
gc.collect()
from samara import _implementation
assert _implementation._pool_stats()[0] == 0, _implementation._pool_stats()
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
