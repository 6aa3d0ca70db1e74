# SPDX-License-Identifier: MIT
"""Free space: empty_area(), alloc_range(), gaps(), is_free() at extreme sizes and windows; and
alloc_cyclic()."""

import copy
import re

import pytest

from samara import MAX, Gap, MapleTree, NoSpaceError
from tree_oracle import Oracle, seeded


def tree():
    return MapleTree([(10, 19, "a"), (30, 39, "b")])


def test_lowest_and_highest():
    t = tree()
    assert t.empty_area(10) == 0
    assert t.empty_area(11) == 40
    assert t.empty_area(10, 1) == 20
    assert t.empty_area(10, reverse=True) == MAX - 9
    assert t.empty_area(10, 0, 39, reverse=True) == 20
    assert t.empty_area(3, 15, 28, reverse=True) == 26
    assert t.empty_area(3, 15, 28) == 20
    assert t.empty_area(1, MAX) == MAX


def test_none_fits():
    t = tree()
    for size, first, last in ((11, 0, 39), (2, 19, 20), (1, 12, 14), (5, 0, 3), (MAX, 0, MAX)):
        text = rf"no {size} free indices in \[{first}, {last}\]$"
        with pytest.raises(NoSpaceError, match=text):
            t.empty_area(size, first, last)
        with pytest.raises(NoSpaceError, match=text):
            t.alloc_range(size, "x", first=first, last=last)
    assert issubclass(NoSpaceError, ValueError)
    assert t == tree()


@pytest.mark.parametrize("size", [0, -1, -(2**70)])
def test_a_size_below_one(size):
    for call in (tree().empty_area, lambda size: tree().alloc_range(size, "x")):
        with pytest.raises(ValueError, match=f"size must be 1 or more, not {size}") as caught:
            call(size)
        assert not isinstance(caught.value, NoSpaceError)


@pytest.mark.parametrize("align", [0, -1, -(2**70)])
def test_an_align_below_one(align):
    for call in (tree().empty_area, lambda size, align: tree().alloc_range(size, "x", align=align)):
        with pytest.raises(ValueError, match=f"align must be 1 or more, not {align}"):
            call(1, align=align)


def test_the_largest_sizes():
    t = MapleTree()
    assert t.empty_area(MAX) == 0
    assert t.empty_area(MAX, reverse=True) == 1
    assert t.empty_area(2**64) == 0
    assert t.empty_area(2**64, align=2**70, reverse=True) == 0
    for window in ((1, MAX), (0, MAX - 1)):
        with pytest.raises(NoSpaceError, match=f"no {2**64} free indices"):
            t.empty_area(2**64, *window)
    for size in (2**64 + 1, 2**65, 10**40):
        with pytest.raises(NoSpaceError, match=f"no {size} free indices"):
            t.empty_area(size)
    assert t.alloc_range(2**64, "all") == 0
    assert [tuple(entry) for entry in t] == [(0, MAX, "all")]
    for size in (1, 2**64):
        with pytest.raises(NoSpaceError):
            t.empty_area(size)
    del t[MAX]
    assert t.empty_area(1) == MAX
    t[MAX] = 1
    t.pop_range(5, MAX)
    assert t.empty_area(MAX - 4) == 5
    with pytest.raises(NoSpaceError):
        t.empty_area(MAX - 3)


def test_alignment():
    t = tree()
    assert t.empty_area(4, 1, align=8) == 24
    assert t.empty_area(2, 1, align=8) == 8
    assert t.empty_area(5, align=7, reverse=True, last=39) == 21
    assert t.empty_area(8, 1, align=2**40) == 2**40
    assert t.empty_area(1, 1, align=2**63) == 2**63
    assert t.empty_area(1, 1, align=MAX) == MAX
    assert t.empty_area(1, align=MAX, reverse=True) == MAX
    assert t.empty_area(2, align=MAX) == 0
    for align in (2**64, 2**64 + 1, 10**30):
        assert t.empty_area(10, align=align) == 0
        with pytest.raises(NoSpaceError, match=f"multiple of {align}"):
            t.empty_area(10, 1, align=align)
        with pytest.raises(NoSpaceError):
            t.empty_area(11, align=align)
    with pytest.raises(NoSpaceError, match="multiple of 16"):
        t.empty_area(6, 1, 39, align=16)


def test_without_gap_tracking():
    t = MapleTree(tree(), track_gaps=False)
    for call in (
        lambda: t.empty_area(1),
        lambda: t.alloc_range(1, "x"),
        lambda: t.empty_area(2**64),
        lambda: t.empty_area(1, align=2**64),
        lambda: t.cursor().empty_area_rev(1),
    ):
        with pytest.raises(ValueError, match="track_gaps=True"):
            call()
    assert list(t.gaps()) == [Gap(0, 9), Gap(20, 29), Gap(40, MAX)]
    assert t.is_free(20, 29) and not t.is_free(19, 29)


def test_allocating_until_full():
    t = MapleTree()
    random = seeded("allocate")
    places = []
    for number in range(300):
        reverse = random.random() < 0.5
        places.append(t.alloc_range(3, number, first=100, last=999, reverse=reverse))
    assert sorted(places) == list(range(100, 1000, 3))
    with pytest.raises(NoSpaceError):
        t.alloc_range(1, "x", first=100, last=999)
    assert [t[place + 2] for place in places] == list(range(300))
    assert list(t.gaps()) == [(0, 99), (1000, MAX)]
    t.check()


@pytest.mark.parametrize("base", [0, MAX - 499], ids=["bottom", "top"])
def test_searches_against_the_oracle(base):
    random = seeded(f"area {base}")
    tree, oracle = MapleTree(), Oracle(base, 500)
    for number in range(120):
        first = base + random.randrange(500)
        last = min(base + 499, first + random.randrange(4))
        tree.store_range(first, last, number)
        oracle.store(first, last, number)
    for _ in range(400):
        first = base + random.randrange(500)
        area = {
            "size": random.choice([1, 2, 3, 5, 9, 14]),
            "first": first,
            "last": min(base + 499, first + random.choice([3, 20, 499])),
            "align": random.choice([1, 2, 3, 8, 16, 50]),
            "reverse": random.random() < 0.5,
        }
        expected = oracle.empty_area(**area)
        if expected is None:
            with pytest.raises(NoSpaceError):
                tree.empty_area(**area)
        else:
            assert tree.empty_area(**area) == expected, area


# ---- alloc_cyclic()


def test_cyclic_allocation_goes_round():
    t = MapleTree()
    following, taken = 3, []
    for value in "abcde":
        index, following, wrapped = t.alloc_cyclic(value, first=1, last=5, next=following)
        taken.append((index, following, wrapped))
    assert taken == [(3, 4, False), (4, 5, False), (5, 6, False), (1, 2, True), (2, 3, False)]
    with pytest.raises(NoSpaceError, match=r"^no 1 free indices in \[1, 5\]$"):
        t.alloc_cyclic("f", first=1, last=5, next=3)
    del t[3:5]
    assert t.alloc_cyclic("f", first=1, last=5, next=5) == (3, 4, True)
    assert t.alloc_cyclic("g", first=1, last=5, next=0) == (4, 5, False)
    assert t.alloc_cyclic("h", next=5) == (6, 7, False)
    assert [value for *_, value in t] == list("defgch")
    t.check()


def test_cyclic_allocation_tells_once_that_it_took_the_largest_index():
    t = MapleTree()
    assert t.alloc_cyclic("a", first=10, next=MAX) == (MAX, 0, False)
    assert t.alloc_cyclic("b", first=10, next=0) == (10, 11, True)
    assert t.alloc_cyclic("c", first=10, next=11) == (11, 12, False)


def test_a_call_that_wraps_itself_does_not_tell_of_the_one_before():
    t = MapleTree()
    t.alloc_cyclic("a", next=MAX)
    assert t.alloc_cyclic("b", last=20, next=21) == (0, 1, True)
    assert t.alloc_cyclic("c", next=1) == (1, 2, True)
    assert t.alloc_cyclic("d", next=2) == (2, 3, False)


@pytest.mark.parametrize(
    ("way", "told"),
    [
        (lambda t: t, True),
        (lambda t: t.fork(), True),
        (lambda t: t.dup(), True),
        (lambda t: t[5:], True),
        (copy.copy, True),
        (copy.deepcopy, False),
        (lambda t: MapleTree(list(t)), False),
        (lambda t: t.clear() or t, True),
        (lambda t: t.store_many([50], [50], ["x"]) or t, True),
        (lambda t: t.__init__() or t, False),
        (lambda t: t.dup_into(other := MapleTree()) or other, True),
    ],
    ids="self fork dup slice copy deepcopy new clear store_many init dup_into".split(),
)
def test_who_remembers_that_the_largest_index_was_taken(way, told):
    t = MapleTree()
    t.alloc_cyclic("a", next=MAX)
    assert way(t).alloc_cyclic("b", next=10) == (10, 11, told)


def test_cyclic_allocation_refuses_bad_arguments_and_changes_nothing():
    t = MapleTree([(0, 9, "a")])
    for options, message in (
        ({"next": -1}, f"next -1 is outside 0 ... {MAX}"),
        ({"next": MAX + 1}, f"next {MAX + 1} is outside 0 ... {MAX}"),
        ({"next": 5, "first": -1}, f"first -1 is outside 0 ... {MAX}"),
        ({"next": 5, "last": MAX + 1}, f"last {MAX + 1} is outside 0 ... {MAX}"),
        ({"next": 5, "first": 8, "last": 7}, "first 8 is above last 7"),
    ):
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            t.alloc_cyclic("x", **options)
    for arguments, options in (((), {"next": 5}), (("x",), {}), (("x", 0), {"next": 5})):
        with pytest.raises(TypeError):
            t.alloc_cyclic(*arguments, **options)
    with pytest.raises(TypeError, match="next must be an integer, not str"):
        t.alloc_cyclic("x", next="5")
    with pytest.raises(ValueError, match="track_gaps"):
        MapleTree(track_gaps=False).alloc_cyclic("x", next=5)
    assert t == MapleTree([(0, 9, "a")])


def test_cyclic_allocation_asks_the_policy():
    class Joins:
        def split(self, entry, first, last):
            return entry.value

        def merge(self, left, right, stored):
            return left.value if left.value == right.value else NotImplemented

    t = MapleTree(policy=Joins())
    following = 0
    for value in "aab":
        index, following, wrapped = t.alloc_cyclic(value, next=following)
    assert list(t) == [(0, 1, "a"), (2, 2, "b")]
