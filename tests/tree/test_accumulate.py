# SPDX-License-Identifier: MIT
"""Arithmetic on ranges: against a plain array, and many ranges against as many single calls."""

import math
from array import array
from decimal import Decimal
from fractions import Fraction

import pytest

from interpreter import scaled
from samara import MAX, MapleTree
from tree_oracle import COMBINE, Index, Oracle, seeded

try:
    import numpy
except ImportError:
    numpy = None

TOP = 2**63
SIZE = 50
DTYPES = ["u8", "i8", "f8"]
each_dtype = pytest.mark.parametrize("dtype", DTYPES)
each_method = pytest.mark.parametrize("method", ["accumulate", "accumulate_many"])


def plain(tree):
    return [tuple(entry) for entry in tree]


def ops_of(dtype):
    return list(COMBINE)[: 3 if dtype == "f8" else 5]


def number(random, dtype):
    """Return a number whose sums are exact, whatever their order."""
    if dtype == "f8":
        return random.choice([0.0, 1.0, -2.5, float(random.randrange(1000)), math.inf])
    value = random.choice([0, 1, random.randrange(100), random.randrange(2**40)])
    return random.choice([value, -value]) if dtype == "i8" else value


def windows(random, base, count):
    found = []
    for _ in range(count):
        first = random.randrange(SIZE)
        last = min(first + random.choice([0, 0, 1, 4, SIZE]), SIZE - 1)
        found.append((base + first, base + last))
    return sorted(found) if random.random() < 0.5 else found


def call(tree, method, first, last, value, *op):
    if method == "accumulate":
        tree.accumulate(first, last, value, *op)
    else:
        tree.accumulate_many([first], [last], [value], *op)


@each_dtype
@pytest.mark.parametrize("base", [0, 2**40, TOP - SIZE // 2, MAX - SIZE + 1])
@pytest.mark.parametrize("track_gaps", [True, False], ids=["gaps", "plain"])
def test_random_ranges(dtype, base, track_gaps):
    random = seeded(f"accumulate {dtype} {base} {track_gaps}")
    for _ in range(scaled(150)):
        tree, oracle = MapleTree(dtype=dtype, track_gaps=track_gaps), Oracle(base, SIZE)
        for first, last in windows(random, base, random.choice([0, 3, 12])):
            value = number(random, dtype)
            tree.store_range(first, last, value)
            oracle.store(first, last, value)
        relative, before = tree.fork(), plain(tree)
        for _ in range(3):
            op = random.choice(ops_of(dtype))
            given = windows(random, base, random.choice([0, 1, 2, 9, 40]))
            values = [number(random, dtype) for _ in given]
            if random.random() < 0.3:
                values = [number(random, dtype)] * len(given)
            for (first, last), value in zip(given, values, strict=True):
                oracle.accumulate(first, last, value, op)
            if len(given) == 1:
                tree.accumulate(*given[0], values[0], op)
            else:
                ends = [first for first, _ in given], [last for _, last in given]
                same = given and values.count(values[0]) == len(values)
                tree.accumulate_many(*ends, values[0] if same else values, op)
            tree.check()
            assert repr(plain(tree)) == repr(oracle.entries())
            assert tree.covered == oracle.covered()
        assert repr(plain(relative)) == repr(before)


@each_dtype
@pytest.mark.parametrize("op", COMBINE)
def test_many_ranges_are_single_calls(dtype, op):
    if op not in ops_of(dtype):
        pytest.skip("floats have no bits")
    random = seeded(f"many {dtype} {op}")
    size = scaled(3000)
    ranges = []
    for _ in range(size):
        first = random.randrange(size * 3)
        ranges.append((first, first + random.choice([0, 1, 7, 30]), number(random, dtype)))
    tree = MapleTree(((5 * n, 5 * n + 2, 9) for n in range(size)), dtype=dtype)
    expected = tree.dup()
    tree.accumulate_many(*zip(*ranges, strict=True), op)
    for first, last, value in ranges:
        expected.accumulate(first, last, value, op)
    tree.check()
    assert repr(plain(tree)) == repr(plain(expected))


def test_sums_of_floats_are_close_whatever_their_order():
    random = seeded("floats")
    ranges = []
    for _ in range(scaled(500)):
        ranges.append((random.randrange(300), random.randrange(300, 600), random.random()))
    sums = {}
    for first, last, value in ranges:
        for index in range(first, last + 1):
            sums.setdefault(index, []).append(value)
    tree = MapleTree(dtype="f8")
    tree.accumulate_many(*zip(*ranges, strict=True))
    for index, values in sums.items():
        assert tree[index] == pytest.approx(math.fsum(values), rel=1e-13)


def test_the_depth_of_reads():
    if numpy is None:
        pytest.skip("needs numpy")
    random = numpy.random.default_rng(seeded("reads").randrange(2**32))
    count, length = scaled(20000), scaled(50000)
    first = random.integers(0, length, count).astype("u8")
    last = first + random.integers(0, 300, count).astype("u8")
    depth = numpy.zeros(length + 301, "i8")
    numpy.add.at(depth, first, 1)
    numpy.add.at(depth, last + numpy.uint64(1), -1)
    depth = depth.cumsum()
    for order in (slice(None), first.argsort()):
        tree = MapleTree(dtype="u8")
        tree.accumulate_many(first[order], last[order], 1)
        tree.check()
        found = numpy.zeros(length + 301, "i8")
        for low, high, value in tree:
            found[low : high + 1] = value
        assert (found == depth).all()
        ends = {*first.tolist(), *(last + numpy.uint64(1)).tolist()}
        assert {low for low, _, _ in tree} <= ends and {high + 1 for _, high, _ in tree} <= ends
        assert len(tree) == (depth[sorted(ends)] > 0).sum()


def test_nested_ranges():
    count = scaled(20000)
    tree = MapleTree(dtype="i8")
    tree.accumulate_many(range(count), range(MAX, MAX - count, -1), 1)
    tree.check()
    assert len(tree) == 2 * count - 1
    assert tree[0] == tree[MAX] == 1 and tree[TOP] == count and tree[count // 2] == count // 2 + 1


@each_method
def test_ends(method):
    tree = MapleTree(dtype="u8")
    call(tree, method, 0, MAX, 3)
    assert plain(tree) == [(0, MAX, 3)] and tree.covered == MAX + 1
    call(tree, method, MAX, MAX, 1)
    call(tree, method, 0, 0, 2)
    assert plain(tree) == [(0, 0, 5), (1, MAX - 1, 3), (MAX, MAX, 4)]
    call(tree, method, 0, MAX, 4, "max")
    assert plain(tree) == [(0, 0, 5), (1, MAX - 1, 4), (MAX, MAX, 4)]


def test_neighbours_stay_apart():
    tree = MapleTree(dtype="u8")
    tree.accumulate_many([10, 20, 10], [19, 29, 29], 1)
    assert plain(tree) == [(10, 19, 2), (20, 29, 2)]
    tree.accumulate(15, 15, 0)
    assert len(tree) == 4
    tree.accumulate_many([], [], [])
    tree.accumulate_many([], [], 5)
    tree.accumulate_many(array("Q"), (), array("B"), "and")
    assert len(tree) == 4


@pytest.mark.parametrize(
    ("dtype", "op", "a", "b", "expected"),
    [
        ("u8", "add", MAX - 5, 5, MAX),
        ("i8", "add", -TOP + 5, -5, -TOP),
        ("u8", "min", 5, TOP, 5),
        ("i8", "min", 5, -1, -1),
        ("u8", "max", 5, TOP, TOP),
        ("i8", "max", 5, -1, 5),
        ("u8", "or", TOP, 5, TOP + 5),
        ("i8", "or", -8, 5, -3),
        ("u8", "and", MAX, 5, 5),
        ("i8", "and", -8, 13, 8),
        ("f8", "add", 1e308, 1e308, math.inf),
        ("f8", "add", 0.1, 0.2, 0.1 + 0.2),
        ("f8", "min", -0.0, 0.0, -0.0),
        ("f8", "max", -0.0, 0.0, -0.0),
        ("f8", "min", math.nan, 0.0, math.nan),
        ("f8", "min", 0.0, math.nan, math.nan),
        ("f8", "max", math.nan, math.inf, math.nan),
        ("f8", "max", -math.inf, math.nan, math.nan),
    ],
)
@each_method
def test_operations(method, dtype, op, a, b, expected):
    tree = MapleTree([(10, 19, a)], dtype=dtype)
    call(tree, method, 15, 24, b, op)
    assert repr(plain(tree)) == repr([(10, 14, a), (15, 19, expected), (20, 24, b)])


def test_a_gap_gets_the_number_itself():
    tree = MapleTree(dtype="f8")
    tree.accumulate(0, 9, -0.0)
    assert repr(tree[5]) == "-0.0"


# ---- arguments


COLUMNS = {
    "lists": ([1, 5], [6, 9], [2, 3]),
    "iterators": (iter([1, 5]), iter([6, 9]), iter([2, 3])),
    "arrays": (array("Q", [1, 5]), array("q", [6, 9]), array("B", [2, 3])),
    "ranges": (range(1, 6, 4), range(6, 10, 3), range(2, 4)),
    "indices": ([Index(1), 5], [6, Index(9)], [Index(2), 3]),
}


@pytest.mark.parametrize("given", COLUMNS.values(), ids=COLUMNS)
def test_columns(given):
    tree = MapleTree(dtype="u8")
    tree.accumulate_many(*given, op="add")
    assert plain(tree) == [(1, 4, 2), (5, 6, 5), (7, 9, 3)]


NUMBERS = [2, True, Index(2), 2.0, Decimal(2), Fraction(2)]
if numpy is not None:
    NUMBERS += [numpy.uint8(2), numpy.float32(2)]


@pytest.mark.parametrize("given", NUMBERS, ids=repr)
def test_one_number_for_all(given):
    tree = MapleTree(dtype="f8")
    tree.accumulate_many([1, 5], [6, 9], given)
    tree.accumulate(0, 9, given)
    assert tree[5] == 3 * float(given if not isinstance(given, Index) else 2)


FIVE = "op must be 'add', 'min', 'max', 'or' or 'and'"
THREE = "op must be 'add', 'min' or 'max' for dtype 'f8'"
REFUSED = [
    ("u8", (1, 2, 3, "mul"), ValueError, f"{FIVE}, not 'mul'"),
    ("u8", (1, 2, 3, None), ValueError, f"{FIVE}, not None"),
    ("f8", (1, 2, 3, "or"), TypeError, f"{THREE}, not 'or'"),
    ("f8", (1, 2, 3, "and"), TypeError, f"{THREE}, not 'and'"),
    ("u8", (3, 2, 3), ValueError, "first 3 is above last 2"),
    ("u8", (-1, 2, 3), ValueError, f"first -1 is outside 0 ... {MAX}"),
    ("u8", (1, MAX + 1, 3), ValueError, f"last {MAX + 1} is outside 0 ... {MAX}"),
    ("u8", (1, "2", 3), TypeError, "last must be an integer, not str"),
    ("u8", (1, 2, -3), ValueError, f"value -3 is outside 0 ... {MAX}"),
    ("i8", (1, 2, TOP), ValueError, f"value {TOP} is outside {-TOP} ... {TOP - 1}"),
    ("i8", (1, 2, 1.5), TypeError, "value must be an integer, not float"),
    ("f8", (1, 2, "x"), TypeError, "value must be a number, not str"),
    ("f8", (1, 2, 10**400), OverflowError, "int too large to convert to float"),
    ("u8", (0, 9, MAX), OverflowError, f"the sum over [5, 9] is outside 0 ... {MAX}"),
    ("i8", (0, 9, TOP - 1), OverflowError, f"the sum over [5, 9] is outside {-TOP} ... {TOP - 1}"),
]


@each_method
@pytest.mark.parametrize(("dtype", "given", "error", "message"), REFUSED)
def test_refused(method, dtype, given, error, message):
    tree = MapleTree([(5, 12, 2)], dtype=dtype)
    before = plain(tree)
    with pytest.raises(error) as caught:
        call(tree, method, *given)
    place = "" if error is OverflowError or message.startswith("op") else "position 0: "
    assert str(caught.value) == (place if method == "accumulate_many" else "") + message
    assert plain(tree) == before


LENGTHS = "first, last and values must have the same length"
REFUSED_COLUMNS = [
    (([1], [2], [3, 4]), ValueError, f"{LENGTHS}, not 1, 1, 2"),
    (([1, 2], [2], 3), ValueError, "first and last must have the same length, not 2, 1"),
    ((1, [2], 3), TypeError, "first must be a buffer or a sequence, not int"),
    (([1], None, 3), TypeError, "last must be a buffer or a sequence, not NoneType"),
    (([1], [2], None), TypeError, "values must be a buffer or a sequence, not NoneType"),
    (([1], [2], 1j), TypeError, "values must be a buffer or a sequence, not complex"),
    (([1, 4], [2, 3], 3), ValueError, "position 1: first 4 is above last 3"),
    (([1, -1], [2, 3], 3), ValueError, f"position 1: first -1 is outside 0 ... {MAX}"),
    (([1], [2], -3), ValueError, f"value -3 is outside 0 ... {MAX}"),
    (([1], [2], 2.5), TypeError, "value must be an integer, not float"),
    (([1], [2], array("d", [1])), TypeError, "values must hold integers, not items of format 'd'"),
]


@pytest.mark.parametrize(("given", "error", "message"), REFUSED_COLUMNS)
def test_refused_columns(given, error, message):
    tree = MapleTree([(5, 12, 2)], dtype="u8")
    with pytest.raises(error) as caught:
        tree.accumulate_many(*given)
    assert str(caught.value) == message
    assert plain(tree) == [(5, 12, 2)]


@each_method
def test_a_tree_of_objects(method):
    tree = MapleTree([(5, 12, 2)])
    message = rf"{method}\(\) requires a tree with a dtype: use map_range\(\) for objects"
    with pytest.raises(TypeError, match=message):
        call(tree, method, 1, 2, 3)


# ---- sums that do not fit


def test_only_the_final_sums_must_fit():
    tree = MapleTree([(0, 9, -TOP), (20, 29, 5)], dtype="i8")
    tree.accumulate_many([0, 0, 0, 25], [9, 9, 9, 25], [-5, TOP - 1, 6, TOP - 6])
    assert plain(tree) == [(0, 9, 0), (20, 24, 5), (25, 25, TOP - 1), (26, 29, 5)]
    tree = MapleTree(dtype="u8")
    tree.accumulate_many([0, 5, 20], [9, 9, 29], [MAX - 1, 1, MAX])
    assert plain(tree) == [(0, 4, MAX - 1), (5, 9, MAX), (20, 29, MAX)]


@pytest.mark.parametrize("entries", [0, 40, 5000])
def test_the_first_range_that_does_not_fit(entries):
    tree = MapleTree(((100 + n, 100 + n, 1) for n in range(entries)), dtype="i8")
    before = plain(tree)
    with pytest.raises(OverflowError, match=r"over \[30, 35\] is"):
        tree.accumulate_many([10, 30, 70], [40, 35, 75], [TOP - 3, 3, 5])
    with pytest.raises(OverflowError, match=r"over \[10, 12\] is"):
        tree.accumulate_many([10, 10], [12, 12], TOP - 1)
    assert plain(tree) == before


def test_random_sums_that_may_not_fit():
    random = seeded("sums")
    fits = 0
    for _ in range(scaled(400)):
        dtype = random.choice(["u8", "i8"])
        low, high = (0, MAX) if dtype == "u8" else (-TOP, TOP - 1)
        tree, oracle = MapleTree(dtype=dtype), Oracle(0, SIZE)
        if random.random() < 0.5:
            start = random.choice([low, high, 0])
            tree.store_range(3, 40, start)
            oracle.store(3, 40, start)
        before = plain(tree)
        ranges = [(*window, random.randrange(low, high + 1)) for window in windows(random, 0, 4)]
        for first, last, value in ranges:
            oracle.accumulate(first, last, value, "add")
        wrong = [(a, b) for a, b, value in oracle.entries() if not low <= value <= high]
        if wrong:
            with pytest.raises(OverflowError) as caught:
                tree.accumulate_many(*zip(*ranges, strict=True))
            assert f"over [{wrong[0][0]}, {wrong[0][1]}] is" in str(caught.value)
            assert plain(tree) == before
        else:
            tree.accumulate_many(*zip(*ranges, strict=True))
            assert plain(tree) == oracle.entries()
            fits += 1
        tree.check()
    assert fits


# ---- everything around


def test_cursors_and_loops():
    tree = MapleTree([(10, 19, 1), (30, 39, 2)], dtype="u8")
    cursor, loop = tree.cursor(12), iter(tree)
    cursor.walk()
    next(loop)
    tree.accumulate(15, 34, 1)
    assert next(loop) == (30, 39, 2)
    assert cursor.walk() == (10, 14, 1) and cursor.next() == (15, 19, 2)
    assert cursor.next() == (20, 29, 1)
    tree.accumulate_many([0, 0], [MAX, MAX], 1)
    assert cursor.next() == (30, 34, 5)


def test_a_cyclic_allocation_remembers_the_end():
    for apply in (
        lambda t: t.accumulate(5, 9, 1),
        lambda t: t.accumulate_many([5, 6], [9, 9], 1),
    ):
        tree = MapleTree(dtype="u8")
        assert tree.alloc_cyclic(1, next=MAX) == (MAX, 0, False)
        apply(tree)
        assert tree.alloc_cyclic(1, next=0) == (0, 1, True)


def test_gaps_are_tracked():
    tree = MapleTree(dtype="u8")
    tree.accumulate_many(range(0, 1000, 10), range(7, 1007, 10), 1)
    assert tree.empty_area(2) == 8
    assert tree.empty_area(3) == 998
    tree.accumulate(8, 9, 1)
    assert tree.empty_area(2) == 18


def test_arguments_that_change_the_tree():
    for method in ("accumulate", "accumulate_many"):
        tree = MapleTree([(0, 9, 1)], dtype="u8")
        call(tree, method, 0, 9, Index(5, lambda t=tree: t.__init__([(3, 4, 1.5)], dtype="f8")))
        assert plain(tree) == [(0, 2, 5.0), (3, 4, 6.5), (5, 9, 5.0)]
        with pytest.raises(TypeError, match="requires a tree with a dtype"):
            call(tree, method, 0, 9, Index(5, lambda t=tree: t.__init__()))
