# SPDX-License-Identifier: MIT
"""Iterators see the tree as it was when they were made, and release its nodes at their end."""

import weakref

import pytest

from interpreter import collect, settle
from interpreter import live_nodes as live
from samara import MAX, Entry, Gap, MapleTree


def tree(count=100):
    return MapleTree((10 * number, 10 * number + 4, number) for number in range(count))


def test_what_is_yielded():
    t = tree(3)
    entries = list(t)
    assert entries == [(0, 4, 0), (10, 14, 1), (20, 24, 2)]
    assert all(type(entry) is Entry for entry in entries)
    assert [entry.value for entry in reversed(t)] == [2, 1, 0]
    gaps = list(t.gaps())
    assert gaps == [(5, 9), (15, 19), (25, MAX)]
    assert all(type(gap) is Gap for gap in gaps)
    assert [last - first for first, last in t.gaps(7, 17)] == [2, 2]


def test_an_entry_that_is_kept_does_not_change():
    t = tree()
    kept = []
    for entry in t:
        kept.append(entry)
    assert kept == list(t.entries())
    iterator = iter(t)
    first = next(iterator)
    second = next(iterator)
    assert (first, second) == ((0, 4, 0), (10, 14, 1))
    del first
    third = next(iterator)
    assert (second, third) == ((10, 14, 1), (20, 24, 2))


def test_entries_and_gaps_hash_as_tuples():
    t = MapleTree([(n, n, str(n)) for n in range(0, 10, 2)])
    assert hash(t.entry(4)) == hash((4, 4, "4")) and {(4, 4, "4"): 1}[t.entry(4)]
    # A loop reuses the entry object if nobody else holds it.
    assert [hash(entry) for entry in t] == [hash((n, n, str(n))) for n in range(0, 10, 2)]
    assert [hash(gap) for gap in t.gaps(0, 9)] == [hash((n, n)) for n in range(1, 10, 2)]


def test_windows():
    t = tree(5)
    assert list(t.entries(12, 30)) == [(10, 14, 1), (20, 24, 2), (30, 34, 3)]
    assert list(t.entries(12, 30, clip=True)) == [(12, 14, 1), (20, 24, 2), (30, 30, 3)]
    assert list(t.entries(12, 13, clip=True)) == [(12, 13, 1)]
    assert list(t.entries(15, 19)) == []
    assert list(t.entries(15, 19, reverse=True)) == []
    assert list(t.entries(12, 30, reverse=True, clip=True)) == [
        (30, 30, 3),
        (20, 24, 2),
        (12, 14, 1),
    ]
    assert list(t.gaps(0, 4)) == []
    assert list(t.gaps(0, 5)) == [(5, 5)]
    assert list(t.gaps(3, 3)) == []
    assert list(t.gaps(6, 7)) == [(6, 7)]
    assert list(t.gaps(44, MAX)) == [(45, MAX)]
    assert list(MapleTree().gaps()) == [(0, MAX)]
    assert list(MapleTree().gaps(5, 6)) == [(5, 6)]
    assert list(MapleTree([(0, MAX, 1)]).gaps()) == []
    assert list(MapleTree([(0, 5, 1), (6, MAX, 2)]).gaps()) == []
    assert list(MapleTree()) == list(reversed(MapleTree())) == []


def test_a_loop_sees_the_tree_as_it_was():
    t = tree()
    before = list(t)
    seen = []
    for entry in t:
        seen.append(Entry(*entry))
        t[entry.first + 1] = "new"
        t.erase(entry.first + 2)
        t.store_range(2000, 3000, "more")
    assert seen == before
    for entry in t.entries(reverse=True):
        t.clear()
        assert entry
    assert not t


def test_each_iterator_has_its_own_view():
    t = tree(2)
    a = iter(t)
    t[0:5] = "x"
    b = reversed(t)
    t.clear()
    c = t.gaps()
    t[5] = 1
    assert list(b) == [(10, 14, 1), (0, 4, "x")]
    assert list(a) == [(0, 4, 0), (10, 14, 1)]
    assert list(c) == [(0, MAX)]
    assert list(t) == [(5, 5, 1)]


def test_an_exhausted_iterator_stays_so_and_holds_nothing():
    collect()
    before = live()  # not 0 if threads have made nodes on PyPy: then the count is off
    t = tree()
    alone = live()
    iterators = [iter(t), reversed(t), t.gaps(), t.entries(5, 500), t.entries(2**64)]
    for iterator in iterators:
        list(iterator)
        assert next(iterator, None) is None
    assert live() == alone
    for number in range(100):
        t[10 * number] = "new"
    # The iterators caused no copies beyond those that the writes need anyway.
    assert live() == before + t.node_count
    for iterator in iterators:
        assert next(iterator, None) is None


def test_the_value_ends_with_the_iterator():
    class Value:
        pass

    t = MapleTree([(0, 0, Value()), (1, 1, Value())])
    references = [weakref.ref(entry.value) for entry in t]
    iterator = iter(t)
    next(iterator)
    t.clear()
    collect()
    assert all(reference() for reference in references)
    del iterator
    settle()
    assert not any(reference() for reference in references)


def test_an_iterator_outlives_its_tree():
    t = tree()
    before = list(t)
    iterator = iter(t)
    del t
    collect()
    assert list(iterator) == before


def test_unpacking_and_mapping_work():
    t = tree(3)
    assert {first: value for first, last, value in t} == {0: 0, 10: 1, 20: 2}
    assert {entry[:2]: entry[2] for entry in t} == {(0, 4): 0, (10, 14): 1, (20, 24): 2}
    assert max(t, key=lambda entry: entry.value).first == 20
    assert sorted(t, reverse=True)[0] == (20, 24, 2)
    first, *_, last = t
    assert (first, last) == ((0, 4, 0), (20, 24, 2))
    assert list(zip(t, t, strict=True))[1] == ((10, 14, 1), (10, 14, 1))


def test_iterators_are_not_made_by_hand():
    with pytest.raises(TypeError):
        type(iter(tree()))()
    with pytest.raises(TypeError):
        type(tree().lock)()
    for flag in ("reverse", "clip"):

        class Fails:
            def __bool__(self):
                raise OSError("no")

        with pytest.raises(OSError, match="no"):
            tree().entries(**{flag: Fails()})
