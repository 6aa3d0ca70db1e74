# SPDX-License-Identifier: MIT
"""Questions about whole ranges, and the iterators over ranges, values and items."""

import gc
import weakref

import pytest

from interpreter import counts_references
from samara import MAX, Entry, Gap, MapleTree
from tree_oracle import Index


@pytest.fixture(params=[True, False], ids=["gaps", "plain"])
def track_gaps(request):
    return request.param


# ---- covers(), overlaps(), in


def test_covers_and_overlaps(track_gaps):
    t = MapleTree([(10, 19, "a"), (20, 29, None), (40, MAX, "c")], track_gaps=track_gaps)
    for first, last, covers, overlaps in [
        (10, 19, True, True),
        (10, 29, True, True),
        (15, 15, True, True),
        (9, 10, False, True),
        (29, 30, False, True),
        (28, 41, False, True),
        (30, 39, False, False),
        (0, 9, False, False),
        (39, MAX, False, True),
        (40, MAX, True, True),
        (0, MAX, False, True),
        (40, MAX + 1, False, True),
        (-1, 9, False, False),
        (MAX + 1, MAX + 1, False, False),
        (-5, -3, False, False),
    ]:
        assert t.covers(first, last) is covers, (first, last)
        assert t.overlaps(first, last) is overlaps, (first, last)
        assert t.is_free(first, last) is not overlaps
    assert t.covers(Index(10), last=Index(29)) and t.overlaps(last=10, first=0)
    t[:] = "all"
    assert t.covers(0, MAX) and t.covers(0, 0) and t.covers(MAX, MAX)
    t.clear()
    assert not t.covers(0, MAX) and not t.covers(5, 5) and not t.overlaps(0, MAX)


def test_a_long_row_without_a_gap_covers(track_gaps):
    t = MapleTree(((3 * n, 3 * n + 2, n) for n in range(2000)), track_gaps=track_gaps)
    assert t.covers(0, 5999) and not t.covers(0, 6000)
    for gap in (0, 1, 2999, 5998, 5999):
        u = t.fork()
        del u[gap]
        assert not u.covers(0, 5999) and not u.covers(gap, gap)
        assert gap == 0 or u.covers(0, gap - 1)
        assert gap == 5999 or u.covers(gap + 1, 5999)


@pytest.mark.parametrize(
    "several", [range(10, 20), slice(10, 20), (10, 19), Gap(10, 19), Entry(1, 2, 3)]
)
def test_in_is_about_one_index(several):
    t = MapleTree([(10, 19, "a")])
    with pytest.raises(TypeError) as caught:
        several in t  # noqa: B015
    assert str(caught.value) == (
        f"index must be an integer, not {type(several).__name__}: `in` takes one index; use "
        "covers(first, last) or overlaps(first, last) for a range"
    )


def test_in_with_other_things():
    t = MapleTree([(10, 19, "a")])
    with pytest.raises(TypeError, match=r"^index must be an integer, not list$"):
        [10, 19] in t  # noqa: B015

    class Both(tuple):
        def __index__(self):
            return 10

    assert Both((1, 2)) in t and Index(19) in t and True not in t and 2**70 not in t


# ---- the ends


def test_the_first_and_the_last_entry():
    t = MapleTree()
    assert t.first_entry() is None and t.last_entry() is None
    t[5:10] = "a"
    assert t.first_entry() == t.last_entry() == Entry(5, 9, "a")
    assert type(t.first_entry()) is type(t.last_entry()) is Entry
    t[0], t[MAX] = "low", "high"
    assert t.first_entry() == (0, 0, "low") and t.last_entry() == (MAX, MAX, "high")
    assert MapleTree([(7, 8, 1.5)], dtype="f8").last_entry() == (7, 8, 1.5)


# ---- ranges(), values(), items()


def test_what_they_yield(track_gaps):
    t = MapleTree([(10, 19, "a"), (30, 39, None), (50, 59, "c")], track_gaps=track_gaps)
    assert list(t.ranges()) == [(10, 19), (30, 39), (50, 59)]
    assert list(t.values()) == ["a", None, "c"]
    assert list(t.items()) == [((10, 19), "a"), ((30, 39), None), ((50, 59), "c")]
    assert all(type(pair) is tuple for pair in t.ranges())
    assert all(type(item) is type(item[0]) is tuple for item in t.items())
    assert list(t.ranges(15, 30)) == [(10, 19), (30, 39)]
    assert list(t.ranges(15, 30, clip=True, reverse=True)) == [(30, 30), (15, 19)]
    assert list(t.items(35, 52, clip=True)) == [((35, 39), None), ((50, 52), "c")]
    assert list(t.values(reverse=True)) == ["c", None, "a"]
    assert list(t.values(20, 29)) == list(MapleTree().items()) == list(t.ranges(2**64)) == []
    assert list(t.items(first=40)) == list(t.items(last=MAX, first=40)) == [((50, 59), "c")]


@pytest.mark.parametrize("name", ["ranges", "values", "items"])
def test_their_arguments_are_those_of_entries(name):
    call = getattr(MapleTree([(1, 2, 3)]), name)
    with pytest.raises(TypeError):
        call(1, 2, True)
    with pytest.raises(TypeError):
        call(nothing=1)
    with pytest.raises(TypeError, match="last must be an integer, not str"):
        call(0, "x")
    with pytest.raises(ValueError, match="first 9 is above last 8"):
        call(9, 8)


def test_packed_values():
    for dtype, values in (("u8", [2**64 - 1, 7]), ("i8", [-(2**63), 7]), ("f8", [0.5, 7.0])):
        t = MapleTree([(1, 2, values[0]), (3, 4, values[1])], dtype=dtype)
        assert list(t.values()) == values
        assert list(t.items()) == [((1, 2), values[0]), ((3, 4), values[1])]
        assert [type(value) for value in t.values()] == [type(value) for value in values]


def test_a_policy_is_asked_for_what_clip_cuts():
    class Offsets:
        def split(self, entry, first, last):
            return entry.value + first - entry.first

        def merge(self, left, right, stored):
            return NotImplemented

    t = MapleTree([(10, 19, 100), (20, 29, 200)], policy=Offsets())
    assert list(t.values(15, 25)) == [100, 200]
    assert list(t.values(15, 25, clip=True)) == [105, 200]
    assert list(t.items(15, 25, clip=True, reverse=True)) == [((20, 25), 200), ((15, 19), 105)]
    assert list(t.ranges(15, 25, clip=True)) == [(15, 19), (20, 25)]


@pytest.mark.parametrize("name", ["ranges", "values", "items"])
def test_they_see_the_tree_as_it_was(name):
    t = MapleTree((10 * n, 10 * n + 4, n) for n in range(100))
    expected = list(getattr(t, name)())
    seen = []
    for thing in getattr(t, name)():
        seen.append(thing)
        t.clear()
        t[5] = "new"
    assert seen == expected


def test_pairs_that_are_kept_do_not_change():
    t = MapleTree((10 * n, 10 * n + 4, str(n)) for n in range(50))
    for name in ("ranges", "items"):
        expected = list(getattr(t, name)())
        kept, iterator = [], getattr(t, name)()
        for n, thing in enumerate(iterator):
            if n % 3:
                kept.append(thing)
        assert kept == [thing for n, thing in enumerate(expected) if n % 3]
    inner = [pair for pair, _ in t.items()]  # the pair within is kept, the outer one is not
    assert inner == list(t.ranges())


def test_they_hash_as_tuples():
    """A loop reuses the pairs if nobody else holds them."""
    t = MapleTree([(n, n, str(n)) for n in range(0, 20, 2)])
    assert [hash(pair) for pair in t.ranges()] == [hash((n, n)) for n in range(0, 20, 2)]
    assert [hash(item) for item in t.items()] == [hash(((n, n), str(n))) for n in range(0, 20, 2)]
    assert [{pair: 1}[first, first] for pair, _ in t.items() if (first := pair[0]) + 1] == [1] * 10


@counts_references
def test_a_reused_pair_that_gets_a_container_is_tracked():
    """The collector stops tracking a pair of numbers. It must see the list that comes later."""

    class Watched:
        pass

    watched = Watched()
    t = MapleTree([(0, 0, 1), (1, 1, 2), (2, 2, watched)])
    iterator = t.items()
    for _ in range(2):
        next(iterator)
        gc.collect()
    watched.cycle = item = next(iterator)
    assert gc.is_tracked(item) and item == ((2, 2), watched)
    gone = weakref.ref(watched)
    del item, iterator, t, watched
    gc.collect()
    assert gone() is None
