# SPDX-License-Identifier: MIT
"""t.diff(u) and t == u: compared with arrays, and with values of every kind."""

import gc
import math
import weakref

import pytest

from interpreter import collect, live_nodes, scaled
from samara import MAX, OFFSET, Change, Entry, MapleTree
from tree_oracle import Oracle, random_write, seeded

NAN = math.nan
SIZE = 90


def plain(changes):
    return [tuple(change) for change in changes]


@pytest.mark.parametrize("base", [0, 2**63 - SIZE // 2, MAX - SIZE + 1])
@pytest.mark.parametrize("dtype", [None, "i8", "f8"])
def test_differences_against_arrays(base, dtype):
    random = seeded(f"diff {base} {dtype}")
    values = [0, 1, 2.5 if dtype == "f8" else 3, -7] if dtype else [None, 1, "a", 1.0]
    trees, oracles = [MapleTree(dtype=dtype) for _ in range(2)], [Oracle(base, SIZE), None]
    oracles[1] = oracles[0].copy()
    for number in range(scaled(600)):
        for tree, oracle in zip(trees, oracles, strict=True):
            for _ in range(random.randrange(3)):
                random_write(random, tree, oracle, values)
        for one, two in ((0, 1), (1, 0), (0, 0)):
            expected = oracles[one].diff(oracles[two])
            assert plain(trees[one].diff(trees[two])) == expected
            same = oracles[one].entries() == oracles[two].entries()
            assert (trees[one] == trees[two]) is same and (trees[one] != trees[two]) is not same
        if number % 9 == 0:  # relatives from here on
            trees[1], oracles[1] = trees[0].fork(), oracles[0].copy()


def test_few_changes_in_a_large_tree():
    random = seeded("few changes")
    count = scaled(20_000)
    t = MapleTree.from_arrays(
        range(0, 10 * count, 10), range(4, 10 * count + 4, 10), list(range(count))
    )
    for _ in range(20):
        u, expected = t.fork(), []
        for n in sorted(random.sample(range(count), random.randrange(6))):
            u.store_range(10 * n + 1, 10 * n + 7, "new")
            expected += [(10 * n + 1, 10 * n + 4, n, "new"), (10 * n + 5, 10 * n + 7, None, "new")]
        assert plain(t.diff(u)) == expected
        assert plain(u.diff(t)) == [(a, b, new, old) for a, b, old, new in expected]
        assert (t == u) is (not expected)


def test_a_change_lies_in_one_entry_of_each():
    t = MapleTree([(10, 19, "a"), (20, 29, "a"), (40, 49, None)])
    u = MapleTree([(10, 24, "b"), (25, 29, "a"), (35, 44, "c")])
    changes = list(t.diff(u))
    assert changes == [
        (10, 19, "a", "b"),
        (20, 24, "a", "b"),
        (35, 39, None, "c"),
        (40, 44, None, "c"),
        (45, 49, None, None),
    ]
    assert all(type(change) is Change for change in changes)
    assert (changes[2].first in t, changes[3].first in t, changes[4].first in u) == (
        *(False, True, False),
    )
    assert changes[0] == Change(first=10, last=19, before="a", after="b")
    assert changes[0].size == 10 and Change[int] is not None


def test_the_ends_of_the_keys():
    t, u = MapleTree(), MapleTree([(0, MAX, 1)])
    assert plain(t.diff(u)) == [(0, MAX, None, 1)] and plain(u.diff(t)) == [(0, MAX, 1, None)]
    assert plain(t.diff(t)) == plain(u.diff(u)) == plain(t.diff(MapleTree())) == []
    assert next(u.diff(t)).size == 2**64
    u[MAX] = 2
    assert plain(u.diff(u.fork())) == []
    assert plain(t.diff(u)) == [(0, MAX - 1, None, 1), (MAX, MAX, None, 2)]


def test_what_is_equal():
    assert plain(MapleTree([(1, 2, 1)]).diff(MapleTree([(1, 2, 1.0)]))) == []
    assert plain(MapleTree([(1, 2, [1])]).diff(MapleTree([(1, 2, [1])]))) == []
    assert MapleTree([(1, 2, NAN)]) == MapleTree([(1, 2, NAN)])
    other_nan = float("nan")
    assert plain(MapleTree([(1, 2, NAN)]).diff(MapleTree([(1, 2, other_nan)]))) == [
        (1, 2, NAN, other_nan)
    ]
    # Equal stretches of entries that differ elsewhere.
    assert plain(MapleTree([(1, 9, "a")]).diff(MapleTree([(1, 4, "a"), (5, 9, "a")]))) == []
    assert MapleTree([(1, 9, "a")]) != MapleTree([(1, 4, "a"), (5, 9, "a")])


class Numbered:
    """OFFSET written in Python."""

    def split(self, entry, first, last):
        assert entry.first <= first <= last <= entry.last and entry.size > last - first + 1
        return entry.value + first - entry.first

    def merge(self, left, right, stored):
        return NotImplemented


def values_of(tree):
    """Return the value at each index of a tree whose values are offsets."""
    return {
        index: int(value) + index - first
        for first, last, value in tree
        for index in range(first, last + 1)
    }


@pytest.mark.parametrize("dtype", [None, "u8", "i8", "f8"])
@pytest.mark.parametrize("related", [True, False])
def test_parts_have_the_values_of_the_policy(dtype, related):
    random = seeded(f"parts {dtype} {related}")
    for _ in range(scaled(150)):
        policy = random.choice([OFFSET, Numbered()]) if dtype is None else OFFSET
        trees = [MapleTree(dtype=dtype, policy=policy) for _ in range(2)]
        for number in range(24):
            tree = random.choice(trees)
            first = random.randrange(SIZE)
            if random.random() < 0.3:
                del tree[first : first + random.randrange(30)]
            else:
                stop = first + random.randrange(30)
                tree[first:stop] = random.choice([first, first, random.randrange(9)])
            if related and number == 12:
                trees[1] = trees[0].fork()
        before, after = map(values_of, trees)
        found = {}
        for first, last, old, new in trees[0].diff(trees[1]):
            for index in range(first, last + 1):
                by = index - first
                assert index not in found
                found[index] = tuple(None if v is None else int(v) + by for v in (old, new))
        expected = {
            index: (before.get(index), after.get(index))
            for index in sorted(before.keys() | after.keys())
            if before.get(index) != after.get(index)
        }
        assert found == expected


def test_a_policy_that_fails_in_a_difference():
    class Refuses(Numbered):
        def split(self, entry, first, last):
            if refusing:
                raise LookupError(first)
            return super().split(entry, first, last)

    refusing = False
    t = MapleTree([(0, 99, 5)], policy=Refuses())
    u = t.fork()
    u[10:20] = 7
    changes = t.diff(u)
    refusing = True
    with pytest.raises(LookupError):
        next(changes)
    refusing = False
    assert plain(changes) == [(10, 19, 15, 7)]  # nothing is lost


def packed(dtype, *values):
    return MapleTree([(10 * n, 10 * n + 4, value) for n, value in enumerate(values)], dtype=dtype)


def test_packed_trees_and_their_bits():
    t = packed("f8", 1.0, NAN, 0.0, math.inf)
    assert t == t.fork() == t.dup() and plain(t.diff(t.dup())) == []
    u = packed("f8", 1.0, NAN, -0.0, math.inf)
    assert t == u and plain(t.diff(u)) == []
    u = packed("f8", 1.0, -NAN, 0.0, math.inf)  # another NaN: its sign bit differs
    assert t != u and [change[:2] for change in t.diff(u)] == [(10, 14)]
    assert plain(packed("u8", MAX).diff(packed("u8", MAX - 1))) == [(0, 4, MAX, MAX - 1)]
    assert packed("i8", -1) != packed("i8", 1)


def test_trees_of_two_dtypes_are_compared_as_numbers():
    one_as_bits = 0x3FF0000000000000
    for numbers, others in ((("u8", 1, one_as_bits), ("f8", 1.0, 1.0)), (("u8", 1), ("i8", 1))):
        t, u = packed(*numbers), packed(*others)
        same = numbers[1:] == others[1:]
        assert (t == u) is same and (u == t) is same
        assert bool(list(t.diff(u))) is not same
    t, u = packed("u8", 1, one_as_bits), packed("f8", 1.0, 1.0)
    assert plain(t.diff(u)) == [(10, 14, one_as_bits, 1.0)]
    assert packed("u8", MAX) != packed("i8", -1)
    assert packed(None, 1, True) == packed("u8", 1, 1) and packed(None, "1") != packed("u8", 1)
    assert plain(packed(None, 1, "x").diff(packed("f8", 1, 2))) == [(10, 14, "x", 2.0)]
    assert MapleTree(dtype="u8") == MapleTree(dtype="f8") == MapleTree()


def test_only_trees_are_compared():
    t = MapleTree([(1, 2, 3)])
    for wrong in (None, 5, [], [(1, 2, 3)], Entry(1, 2, 3)):
        with pytest.raises(TypeError, match="other must be a MapleTree, not "):
            t.diff(wrong)
    for arguments in ((), (t, t)):
        with pytest.raises(TypeError):
            t.diff(*arguments)
    assert plain(t.diff(other=MapleTree())) == [(1, 2, 3, None)]
    assert t != [(1, 2, 3)]


def test_both_trees_are_seen_as_they_were():
    t, u = MapleTree([(10, 19, "a")]), MapleTree([(15, 29, "b")])
    changes = t.diff(u)
    t.clear()
    u[:] = "c"
    assert next(changes) == (10, 14, "a", None)
    u.clear()
    assert plain(changes) == [(15, 19, "a", "b"), (20, 29, None, "b")]
    assert next(changes, None) is next(changes, None) is None
    assert iter(changes) is changes


def test_an_unread_or_half_read_iterator_holds_nothing_afterwards():
    collect()
    nodes = live_nodes()
    t = MapleTree((10 * n, 10 * n + 4, n) for n in range(300))
    u = t.fork()
    u[5:2000] = "x"
    for count in (0, 1, 50):
        changes = t.diff(u)
        for _ in range(count):
            next(changes)
        t[7] = count
    del t, u, changes
    collect()
    assert live_nodes() == nodes


def test_cycles_through_an_iterator_are_collected():
    class Holder:
        pass

    holder = Holder()
    t = MapleTree([(n, n, holder) for n in range(50)])
    u = t.fork()
    u[10:20] = "x"
    holder.changes = t.diff(u)
    next(holder.changes)
    reference = weakref.ref(holder)
    del t, u, holder
    for _ in range(3):
        gc.collect()
    assert reference() is None


class Odd:
    """A value that does something when it is compared."""

    def __init__(self, function):
        self.function = function

    def __eq__(self, other):
        return self.function(self, other)

    __hash__ = None


class Bad(Exception):
    pass


def test_a_comparison_that_fails_is_tried_again():
    answers = []

    def compare(one, two):
        if not answers:
            raise Bad
        return answers.pop()

    left = [Odd(compare) for _ in range(3)]
    t = MapleTree([(10 * n, 10 * n + 4, value) for n, value in enumerate(left)])
    u = MapleTree([(10 * n, 10 * n + 4, "other") for n in range(3)])
    changes = t.diff(u)
    for _ in range(2):
        with pytest.raises(Bad):
            next(changes)
    answers += [False, True]  # the last is the first to be used: (0, 4) is equal
    assert next(changes).first == 10
    with pytest.raises(Bad):
        next(changes)
    answers.append(False)
    assert [change.first for change in changes] == [20]
    with pytest.raises(Bad):
        assert t == u
    with pytest.raises(Bad):
        assert t != u


def test_a_truth_value_decides():
    t = MapleTree([(1, 1, Odd(lambda one, two: [])), (2, 2, Odd(lambda one, two: [0]))])
    assert [change.first for change in t.diff(MapleTree([(1, 1, 5), (2, 2, 5)]))] == [1]

    class NoTruth:
        def __bool__(self):
            raise Bad

    t[1] = Odd(lambda one, two: NoTruth())
    with pytest.raises(Bad):
        next(t.diff(MapleTree([(1, 1, 5)])))


def test_a_comparison_that_calls_the_iterator():
    found = []

    def compare(one, two):
        found.extend(changes)
        return False

    t = MapleTree([(0, 4, "a"), (10, 14, Odd(compare)), (20, 24, "b"), (30, 34, "c")])
    u = MapleTree([(0, 4, "x"), (10, 14, 5), (20, 24, "y"), (30, 34, "c")])
    changes = t.diff(u)
    assert next(changes).first == 0
    assert next(changes).first == 10  # its comparison used up the rest
    assert [change.first for change in found] == [20]
    assert list(changes) == []


def test_a_comparison_that_goes_on_and_fails():
    """The difference whose comparison failed is lost, since others have been yielded after it."""

    def compare(one, two):
        found.append(next(changes).first)
        raise Bad

    found = []
    t = MapleTree([(0, 4, Odd(compare)), (10, 14, "a"), (20, 24, "b")])
    changes = t.diff(MapleTree([(0, 4, 1), (10, 14, 2), (20, 24, 3)]))
    with pytest.raises(Bad):
        next(changes)
    assert found == [10] and [change.first for change in changes] == [20]


def test_trees_in_trees():
    t = u = "a"
    for _ in range(50):
        t, u = MapleTree([(5, 9, t)]), MapleTree([(5, 9, u)])
    assert t == u
    for _ in range(100_000):
        t = MapleTree([(5, 9, t)])
    del t
    itself, again = MapleTree([(1, 2, "a")]), MapleTree([(1, 2, "a")])
    itself[5], again[5] = itself, again
    with pytest.raises(RecursionError):
        assert itself == again
    itself.clear()
    again.clear()
