# SPDX-License-Identifier: MIT
"""alloc_many(): as a loop of alloc_range(), all or nothing."""

from array import array

import pytest

from interpreter import collect, counted_nodes, counts_references, references
from samara import COALESCE, MAX, OFFSET, MapleTree, NoSpaceError
from tree_oracle import Index, Oracle, seeded

DTYPES = [None, "u8", "i8", "f8"]


@pytest.fixture(autouse=True)
def no_garbage():
    """Collect first: nodes in garbage would go away while they are counted."""
    collect()


class Joins:
    """A policy that merges equal neighbours."""

    def split(self, entry, first, last):
        return entry.value

    def merge(self, left, right, stored):
        return left.value if left.value == right.value else NotImplemented


def tree():
    return MapleTree([(10, 19, "a"), (30, 39, "b")])


def one_by_one(t, sizes, values, **options):
    """Do the same by a loop on a fork. Return its result, or its error, and the fork."""
    u, starts = t.fork(), []
    for position, (size, value) in enumerate(zip(sizes, values, strict=True)):
        try:
            starts.append(u.alloc_range(size, value, **options))
        except NoSpaceError as error:
            return f"position {position}: {error}", t
    return starts, u


POLICIES = {"plain": None, "policy": Joins(), "COALESCE": COALESCE, "OFFSET": OFFSET}


@pytest.mark.parametrize("name", POLICIES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_loop_of_allocations(dtype, name):
    policy = POLICIES[name]
    if dtype and name == "policy":
        pytest.skip("packed trees have only the built-in policies")
    random = seeded(f"alloc many {dtype} {name}")
    for _ in range(150):
        base = random.choice([0, 2**40, MAX - 200])
        t = MapleTree(dtype=dtype, policy=policy)
        for _ in range(random.choice([0, 3, 20])):
            first = base + random.randrange(190)
            t.store_range(first, first + random.randrange(9), random.randrange(3))
        count = random.choice([0, 1, 2, 8, 30])
        largest = random.choice([1, 2, 9])
        sizes = [random.randint(1, largest) for _ in range(count)]
        if random.random() < 0.3:
            sizes.sort(reverse=random.random() < 0.5)
        values = [random.randrange(3) for _ in sizes]
        options = {
            "first": base + random.randrange(100),
            "last": base + random.randrange(100, 201),
            "align": random.choice([1, 1, 2, 8]),
            "reverse": random.random() < 0.5,
        }
        options["last"] = min(options["last"], MAX)
        expected, u = one_by_one(t, sizes, values, **options)
        kept = t.fork()
        make = random.choice([list, tuple, lambda column: array("H", column)])
        try:
            found = t.alloc_many(make(sizes), make(values), **options)
        except NoSpaceError as error:
            found = str(error)
            assert list(t) == list(kept)
        assert found == expected and list(t) == list(u)
        t.check()
        kept.check()


def test_a_policy_that_refuses_a_value():
    t = MapleTree([(10, 19, 7)], policy=OFFSET)
    with pytest.raises(TypeError, match="OFFSET"):
        t.alloc_many([5, 5], [1, "x"])
    assert list(t) == [(10, 19, 7)]
    assert t.alloc_many([5, 5], [1, 6]) == [0, 5] and list(t) == [(0, 9, 1), (10, 19, 7)]
    assert t.alloc_many([3], [17]) == [20]
    assert list(t) == [(0, 9, 1), (10, 22, 7)]


@pytest.mark.parametrize("reverse", [False, True])
def test_places_against_an_array(reverse):
    random = seeded(f"places {reverse}")
    for _ in range(200):
        oracle, t = Oracle(0, 60), MapleTree()
        for _ in range(random.randrange(6)):
            first = random.randrange(50)
            oracle.store(first, first + 4, 1)
            t.store_range(first, first + 4, 1)
        sizes = [random.choice([1, 2, 3, 5]) for _ in range(6)]
        starts = []
        for size in sizes:
            start = oracle.empty_area(size, 0, 59, reverse=reverse)
            if start is None:
                break
            starts.append(start)
            oracle.store(start, start + size - 1, 2)
        if len(starts) < len(sizes):
            with pytest.raises(NoSpaceError, match=f"^position {len(starts)}: "):
                t.alloc_many(sizes, [2] * 6, last=59, reverse=reverse)
            assert t.alloc_many(sizes[: len(starts)], [2] * len(starts), last=59, reverse=reverse)
        else:
            assert t.alloc_many(sizes, [2] * 6, last=59, reverse=reverse) == starts
        assert [tuple(entry) for entry in t] == oracle.entries()


def test_a_smaller_size_after_a_larger_one_looks_everywhere_again():
    t = tree()
    assert t.alloc_many([15, 3, 3, 12], "wxyz") == [40, 0, 3, 55]
    t = MapleTree([(8, 9, "a")])
    assert t.alloc_many([2, 4, 2], "xyz", last=19, reverse=True) == [18, 14, 12]
    t = MapleTree([(8, 8, "a")])
    assert t.alloc_many([9, 1, 8], "xyz", last=30) == [9, 0, 18]


def test_the_end_of_the_window():
    for reverse, starts in ((False, [10, 13]), (True, [13, 10])):
        t = MapleTree()
        assert t.alloc_many([3, 3], "ab", first=10, last=15, reverse=reverse) == starts
        with pytest.raises(NoSpaceError, match=r"^position 2: no 3 free indices in \[10, 15\]$"):
            MapleTree().alloc_many([3, 3, 3], "abc", first=10, last=15, reverse=reverse)
    t = MapleTree()
    assert t.alloc_many([1, 1], "ab", first=MAX - 1) == [MAX - 1, MAX]
    assert t.alloc_many([1, 1], "ab", last=1, reverse=True) == [1, 0]
    for options in ({"first": MAX - 1}, {"last": 1, "reverse": True}):
        with pytest.raises(NoSpaceError, match="^position 0: no 1 free"):
            t.alloc_many([1], "x", **options)
        with pytest.raises(NoSpaceError, match="^position 2: no 1 free"):
            MapleTree().alloc_many([1, 1, 1], "xyz", **options)


def test_the_largest_sizes():
    t = MapleTree()
    assert t.alloc_many([2**64], ["all"]) == [0] and list(t) == [(0, MAX, "all")]
    t = MapleTree()
    assert t.alloc_many([1, MAX], "ab") == [0, 1] and t.covered == 2**64
    for sizes, at, size in (
        ([1, 2**64], 1, 2**64),
        ([2**64 + 1], 0, 2**64 + 1),
        ([1, 10**30, 0x7F], 1, 10**30),
        ([1, Index(2**64)], 1, 2**64),
    ):
        u = tree()
        with pytest.raises(NoSpaceError) as caught:
            u.alloc_many(sizes, "abc"[: len(sizes)])
        assert str(caught.value) == f"position {at}: no {size} free indices in [0, {MAX}]"
        assert u == tree()
    with pytest.raises(NoSpaceError, match="^position 0: no 0x[0-9a-f]{4153} free"):
        MapleTree().alloc_many([10**5000], "a")
    t = MapleTree()
    assert t.alloc_many(array("Q", [MAX, 1]), "ab") == [0, MAX]


def test_an_align_that_only_0_is_a_multiple_of():
    assert MapleTree().alloc_many([3], "a", align=2**65) == [0]
    text = f"^position 1: no 3 free .* that start at a multiple of {2**65}$"
    with pytest.raises(NoSpaceError, match=text):
        MapleTree().alloc_many([3, 3], "ab", align=2**65)


def test_nothing_to_allocate():
    for t in (tree(), MapleTree(track_gaps=False), MapleTree(dtype="u8")):
        before = list(t)
        assert t.alloc_many([], []) == t.alloc_many(iter(()), ()) == []
        assert list(t) == before


@pytest.mark.parametrize(
    ("given", "options", "error", "message"),
    [
        (([1, 0], "ab"), {}, ValueError, "position 1: size must be 1 or more, not 0"),
        (([-(2**70)], "a"), {}, ValueError, f"position 0: size must be 1 or more, not {-(2**70)}"),
        ((array("b", [1, -3]), "ab"), {}, ValueError, "position 1: size must be 1 or more, not -3"),
        ((array("Q", [0]), "a"), {}, ValueError, "position 0: size must be 1 or more, not 0"),
        (([1, "x"], "ab"), {}, TypeError, "position 1: size must be an integer, not str"),
        (([1.0], "a"), {}, TypeError, "position 0: size must be an integer, not float"),
        (
            *((array("d", [1]), "a"), {}, TypeError),
            "sizes must hold integers, not items of format 'd'",
        ),
        ((5, "a"), {}, TypeError, "sizes must be a buffer or a sequence, not int"),
        (([1], None), {}, TypeError, "values must be a buffer or a sequence, not NoneType"),
        (([1, 2], "a"), {}, ValueError, "sizes and values must have the same length, not 2, 1"),
        (([], "a"), {}, ValueError, "sizes and values must have the same length, not 0, 1"),
        (([1], "a"), {"first": 5, "last": 3}, ValueError, "first 5 is above last 3"),
        (([1], "a"), {"first": -1}, ValueError, f"first -1 is outside 0 ... {MAX}"),
        (([1], "a"), {"align": 0}, ValueError, "align must be 1 or more, not 0"),
        (([1], "a"), {"align": "x"}, TypeError, "align must be an integer, not str"),
    ],
    ids=str,
)
def test_what_is_refused(given, options, error, message):
    t = tree()
    nodes = counted_nodes()
    with pytest.raises(error) as caught:
        t.alloc_many(*given, **options)
    assert type(caught.value) is error and str(caught.value) == message
    caught = None
    assert counted_nodes() == nodes and t == tree()


def test_the_arguments_are_by_keyword():
    t = tree()
    for call in (t.alloc_range, lambda size, *rest: t.alloc_many([size], *rest)):
        for arguments in ((), (1,), (1, "a", 5)):
            with pytest.raises(TypeError):
                call(*arguments)
    assert t == tree()
    assert t.alloc_range(value="x", size=3) == 0
    assert t.alloc_many(values=["y"], sizes=[3]) == [3]


def test_a_tree_that_does_not_track_gaps():
    t = MapleTree(track_gaps=False)
    with pytest.raises(ValueError, match="^this tree does not track gaps") as caught:
        t.alloc_many([1], "a")
    assert type(caught.value) is ValueError and not t


@pytest.mark.parametrize("dtype", DTYPES[1:])
def test_values_of_packed_trees_are_converted(dtype):
    t = MapleTree(dtype=dtype)
    t.alloc_many([1, 2, 3], array("B", [1, 2, 3]))
    t.alloc_many([1], [Index(7)])
    number = float if dtype == "f8" else int
    assert [(v, type(v)) for *_, v in t] == [(n, number) for n in (1, 2, 3, 7)]
    before = list(t)
    for values, text in (([1, "x"], "position 1: value must be "), (["x", 1], "position 0: ")):
        with pytest.raises(TypeError, match=f"^{text}"):
            t.alloc_many([1, 1], values)
    if dtype != "f8":
        with pytest.raises(ValueError, match="^position 1: value .* is outside"):
            t.alloc_many([1, 1], [1, 2**64])
        with pytest.raises(TypeError, match="^values must hold integers"):
            t.alloc_many([1], array("d", [1.5]))
    assert list(t) == before


def test_a_buffer_of_values_in_a_tree_of_objects():
    t = MapleTree()
    t.alloc_many([1, 2], array("d", [1, 2]))
    assert list(t) == [(0, 0, 1.0), (1, 2, 2.0)] and t.dtype is None


@counts_references
def test_references():
    value, old = object(), object()
    t = MapleTree([(2 * n, 2 * n, old) for n in range(100)])
    counts = references([value, old])
    t.alloc_many([1] * 50, [value] * 50)
    assert references([value, old]) == [counts[0] + 50, counts[1]]
    with pytest.raises(NoSpaceError):
        t.alloc_many([1] * 60, [value] * 60, last=198)
    assert references([value, old]) == [counts[0] + 50, counts[1]]
    t.clear()
    assert references([value, old]) == [counts[0], counts[1] - 100]


def test_a_fork_sees_nothing_and_cursors_see_all():
    t = tree()
    fork, cursor, loop = t.fork(), t.cursor(0), iter(t)
    assert t.alloc_many([2, 3], "xy") == [0, 2]
    assert fork == tree() and next(loop) == (10, 19, "a")
    assert cursor.walk() == (0, 1, "x")


def test_a_policy_is_asked_for_each():
    t = MapleTree(policy=Joins())
    assert t.alloc_many([3, 4, 2], ["a", "a", "b"]) == [0, 3, 7]
    assert list(t) == [(0, 6, "a"), (7, 8, "b")]

    class Fails(Joins):
        def merge(self, left, right, stored):
            if right.first == 7:
                raise OSError("no")
            return super().merge(left, right, stored)

    t = MapleTree(policy=Fails())
    with pytest.raises(OSError, match="no"):
        t.alloc_many([3, 4, 2], ["a", "a", "b"])
    assert not t and t.alloc_many([3], ["a"]) == [0]
