# SPDX-License-Identifier: MIT
"""from_arrays() of rows in other layouts: exclusive ends, any order, overlapping ranges."""

from array import array

import pytest

from interpreter import collect, counted_nodes, counts_references, fails, live_nodes, references
from samara import MAX, MapleTree
from tree_oracle import Index, Oracle, seeded

TOP = 2**63
KINDS = [None, "u8", "i8", "f8"]
each_kind = pytest.mark.parametrize("dtype", KINDS)


@pytest.fixture(autouse=True)
def no_garbage():
    """Collect first: nodes in garbage would go away while they are counted."""
    collect()


@pytest.fixture
def np():
    return pytest.importorskip("numpy")


class Asking:
    """A policy that records its calls and merges equal neighbours."""

    def __init__(self):
        self.asked = []

    def split(self, entry, first, last):
        self.asked.append(("split", tuple(entry), first, last))
        return entry.value

    def merge(self, left, right, stored):
        self.asked.append(("merge", tuple(left), tuple(right), stored is left))
        return left.value if left.value == right.value else NotImplemented


def refused(error, message, *columns, **options):
    nodes = counted_nodes()
    with pytest.raises(error) as caught:
        MapleTree.from_arrays(*columns, **options)
    assert type(caught.value) is error and str(caught.value) == message
    caught = None
    assert counted_nodes() == nodes


# ---- exclusive ends


@each_kind
def test_exclusive_ends(dtype):
    first, end, values = [0, 10, 20], [1, 20, 25], [1, 2, 3]
    expected = [(0, 0, 1), (10, 19, 2), (20, 24, 3)]
    for make in (list, lambda c: array("B", c), lambda c: array("q", c), lambda c: array("Q", c)):
        t = MapleTree.from_arrays(make(first), make(end), values, dtype=dtype, closed="left")
        assert list(t) == expected and t.dtype == dtype
        t.check()
    both = MapleTree.from_arrays(first, [n - 1 for n in end], values, dtype=dtype, closed="both")
    assert both == t


def test_an_end_of_two_to_the_64():
    t = MapleTree.from_arrays([5, MAX], [6, 2**64], "ab", closed="left")
    assert list(t) == [(5, 5, "a"), (MAX, MAX, "b")]
    assert list(MapleTree.from_arrays([0], [Index(2**64)], "a", closed="left")) == [(0, MAX, "a")]
    t = MapleTree.from_arrays(array("Q", [5]), array("Q", [MAX]), "a", closed="left")
    assert list(t) == [(5, MAX - 1, "a")]


RANGE = f"1 ... {2**64}"


@pytest.mark.parametrize(
    ("first", "end", "error", "message"),
    [
        ([3, 5], [4, 5], ValueError, "position 1: first 5 is not below last 5"),
        ([3, 5], [4, 2], ValueError, "position 1: first 5 is not below last 2"),
        ([MAX], [MAX], ValueError, f"position 0: first {MAX} is not below last {MAX}"),
        ([0, 0], [1, 0], ValueError, f"position 1: last 0 is outside {RANGE}"),
        ([0], [-5], ValueError, f"position 0: last -5 is outside {RANGE}"),
        ([0], [2**64 + 1], ValueError, f"position 0: last {2**64 + 1} is outside {RANGE}"),
        ([2**64], [2**64], ValueError, f"position 0: first {2**64} is outside 0 ... {MAX}"),
        ([0], ["x"], TypeError, "position 0: last must be an integer, not str"),
        ([0, 5], [6, 9], ValueError, "position 1: [5, 9) overlaps or is below [0, 6)"),
        (
            *([5, 0], [2**64, 7], ValueError),
            f"position 1: [0, 7) overlaps or is below [5, {2**64})",
        ),
    ],
    ids=str,
)
def test_exclusive_ends_that_are_refused(first, end, error, message):
    refused(error, message, first, end, "ab"[: len(first)], closed="left")
    if all(type(n) is int and -TOP <= n < TOP for n in first + end):
        columns = array("q", first), array("q", end)
        refused(error, message, *columns, "ab"[: len(first)], closed="left")


def test_exclusive_ends_in_buffers_of_floats():
    message = "last must hold integers, not items of format 'd'"
    refused(TypeError, message, [1], array("d", [2]), "a", closed="left")


# ---- sorting


def shuffled(random, count, spread, base):
    """Return rows of ranges that do not overlap, in random order."""
    ends = sorted(random.sample(range(spread), 2 * count))
    pairs = zip(ends[::2], ends[1::2], strict=True)
    rows = [(base + low, base + high, n % 90) for n, (low, high) in enumerate(pairs)]
    random.shuffle(rows)
    return rows


def columns_of(rows):
    return [[row[n] for row in rows] for n in range(3)]


@pytest.mark.parametrize("count", [0, 1, 2, 20, 3000])
@each_kind
def test_rows_in_any_order(dtype, count):
    random = seeded(f"sort {dtype} {count}")
    for base, spread in ((0, 10_000), (2**40, 2**24), (TOP - 2**20, 2**21), (0, 2**64)):
        if spread == 2**64:
            picked = sorted({random.randrange(2**64) for _ in range(count)})
            rows = [(index, index, n % 90) for n, index in enumerate(picked)]
            random.shuffle(rows)
        else:
            rows = shuffled(random, count, spread, base)
        expected = MapleTree(sorted(rows), dtype=dtype)
        given = columns_of(rows)
        for make in (list, lambda column: array("Q", column)):
            t = MapleTree.from_arrays(make(given[0]), make(given[1]), given[2], dtype=dtype, sort=1)
            assert t == expected and t.covered == expected.covered
            t.check()
        t = MapleTree.from_arrays(*columns_of(sorted(rows)), dtype=dtype, sort=True)
        assert t == expected
        assert t.node_count == expected.node_count


@pytest.mark.parametrize("shift", range(0, 64, 8))
def test_keys_that_differ_in_one_byte(shift):
    first = [n << shift for n in (200, 3, 255, 0, 100)]
    t = MapleTree.from_arrays(first, first, "cbead"[:5], sort=True)
    assert [index for index, _, _ in t] == sorted(first)
    assert [value for *_, value in t] == ["a", "b", "d", "c", "e"]


def test_strides(np):
    wide = np.arange(40, dtype=np.uint32)[::-4]
    t = MapleTree.from_arrays(wide, wide, wide, sort=True)
    assert list(t) == [(4 * n + 3, 4 * n + 3, 4 * n + 3) for n in range(10)]


@pytest.mark.parametrize(
    ("first", "last", "options", "message"),
    [
        (
            *([20, 0, 9], [30, 10, 15], {}),
            "positions 1 and 2 overlap: [0, 10] and [9, 15]",
        ),
        (
            *([20, 0, 9], [30, 10, 15], {"closed": "left"}),
            "positions 1 and 2 overlap: [0, 10) and [9, 15)",
        ),
        (
            *([20, 9, 0], [30, 2**64, 10], {"closed": "left"}),
            f"positions 2 and 1 overlap: [0, 10) and [9, {2**64})",
        ),
        # Equal ones keep their order.
        ([5, 7, 5], [6, 7, 5], {}, "positions 0 and 2 overlap: [5, 6] and [5, 5]"),
        ([0, 5, 8], [4, 8, 9], {}, "positions 1 and 2 overlap: [5, 8] and [8, 9]"),
        ([9, 5, 8], [9, 4, 7], {}, "position 1: first 5 is above last 4"),
        ([9, 5, 8], [9, 4, 7], {"overlap": "last"}, "position 1: first 5 is above last 4"),
    ],
    ids=str,
)
def test_errors_name_the_given_positions(first, last, options, message):
    refused(ValueError, message, first, last, "abc", sort=True, **options)
    numbers = [1, 2, 3]
    refused(ValueError, message, first, last, numbers, dtype="u8", sort=True, **options)


# ---- overlaps


def stored(rows, **options):
    t = MapleTree(**options)
    t.store_many(*columns_of(rows))
    return t


@each_kind
def test_the_last_row_wins(dtype):
    random = seeded(f"overlap {dtype}")
    for _ in range(400):
        size = random.choice([8, 40, 300])
        base = random.choice([0, 2**40, TOP - size // 2, MAX - size + 1])
        rows = []
        for number in range(random.choice([0, 1, 2, 5, 40])):
            first = base + random.randrange(size)
            last = min(first + random.choice([0, 1, 3, size]), base + size - 1)
            rows.append((first, last, number))
        if random.random() < 0.4:
            rows.sort(key=lambda row: row[0])
        oracle = Oracle(base, size)
        for row in rows:
            oracle.store(*row)
        first, last, values = columns_of(rows)
        rising = first == sorted(first)
        for sort in (True, False) if rising else (True,):
            t = MapleTree.from_arrays(first, last, values, dtype=dtype, sort=sort, overlap="last")
            t.check()
            assert [tuple(entry) for entry in t] == oracle.entries()
            assert list(t) == list(stored(rows, dtype=dtype))
        if not rising:
            at = next(n for n in range(1, len(first)) if first[n] < first[n - 1])
            message = f"position {at}: first {first[at]} is below first {first[at - 1]}"
            refused(ValueError, message, first, last, values, dtype=dtype, overlap="last")


def test_ranges_within_each_other():
    first, last = [0, 1, 2, 3, 2], [99, 90, 80, 4, 6]
    t = MapleTree.from_arrays(first, last, "abcde", sort=True, overlap="last")
    assert list(t) == [
        *((0, 0, "a"), (1, 1, "b"), (2, 6, "e"), (7, 80, "c"), (81, 90, "b"), (91, 99, "a")),
    ]
    t = MapleTree.from_arrays([0, 0, 0], [2**64, 5, 9], "abc", closed="left", overlap="last")
    assert list(t) == [(0, 8, "c"), (9, MAX, "a")]
    t = MapleTree.from_arrays([0, 3], [MAX, MAX], "ab", overlap="last")
    assert list(t) == [(0, 2, "a"), (3, MAX, "b")]
    t = MapleTree.from_arrays([3, 0], [MAX, MAX], "ab", sort=True, overlap="last")
    assert list(t) == [(0, MAX, "b")]


def test_equal_values_that_touch_stay_apart():
    t = MapleTree.from_arrays([0, 5, 5], [9, 5, 7], [1, 1, 1], overlap="last")
    assert list(t) == [(0, 4, 1), (5, 7, 1), (8, 9, 1)]


def test_many_layers():
    count = 2000
    first, last = list(range(count)), [2 * count - n for n in range(count)]
    t = MapleTree.from_arrays(first, last, first, dtype="u8", overlap="last")
    t.check()
    assert t == stored(list(zip(first, last, first, strict=True)), dtype="u8")
    rows = list(zip(first, last, first, strict=True))[::-1]
    t = MapleTree.from_arrays(*columns_of(rows), dtype="u8", sort=True, overlap="last")
    assert list(t) == [(0, 2 * count, 0)]


# ---- policies


def test_with_a_policy_sorted_rows_are_stored_in_ascending_order():
    random = seeded("policy")
    for _ in range(100):
        rows = [(3 * n, 3 * n + random.choice([1, 2]), random.randrange(2)) for n in range(20)]
        expected = Asking()
        tree = MapleTree(policy=expected)
        for row in rows:
            tree.store_range(*row)
        given = random.sample(rows, len(rows))
        for overlap in ("error", "last"):
            policy = Asking()
            t = MapleTree.from_arrays(*columns_of(given), policy=policy, sort=True, overlap=overlap)
            assert list(t) == list(tree)
            if overlap == "error":
                assert policy.asked == expected.asked


def test_with_a_policy_overlapping_rows_are_stored_as_given():
    random = seeded("overlapping policy")
    for _ in range(200):
        rows = []
        for _ in range(random.randrange(12)):
            first = random.randrange(60)
            rows.append((first, first + random.randrange(12), random.randrange(3)))
        expected, policy = Asking(), Asking()
        tree = stored(rows, policy=expected)
        t = MapleTree.from_arrays(*columns_of(rows), policy=policy, sort=True, overlap="last")
        assert list(t) == list(tree) and policy.asked == expected.asked
        t.check()


def test_a_policy_that_raises():
    class Raises(Asking):
        def merge(self, left, right, stored):
            raise OSError("no")

    nodes = counted_nodes()
    for options in ({"sort": True}, {"overlap": "last"}):
        with pytest.raises(OSError, match="no"):
            MapleTree.from_arrays([0, 5], [4, 9], "ab", policy=Raises(), **options)
        assert counted_nodes() == nodes


# ---- words and memory


@pytest.mark.parametrize(
    ("option", "word", "message"),
    [
        ("closed", "right", "closed must be 'both' or 'left', not 'right'"),
        ("closed", None, "closed must be 'both' or 'left', not None"),
        ("closed", b"left", "closed must be 'both' or 'left', not b'left'"),
        ("overlap", "first", "overlap must be 'error' or 'last', not 'first'"),
        ("overlap", True, "overlap must be 'error' or 'last', not True"),
    ],
)
def test_other_words(option, word, message):
    refused(ValueError, message, [1], [2], "a", **{option: word})


@counts_references
def test_references():
    value = object()
    alone = references([value])
    for options in (
        {"sort": True},
        {"sort": True, "overlap": "last"},
        {"sort": True, "overlap": "last", "policy": Asking()},
    ):
        first = [5, 1, 3]
        t = MapleTree.from_arrays(first, first, [value] * 3, **options)
        assert len(t) == 3 and references([value]) == [alone[0] + 3]
        t = MapleTree.from_arrays([3, 0], [4, 9], [value, value], **options | {"overlap": "last"})
        assert references([value]) == [alone[0] + len(t)]
        t = None
        assert references([value]) == alone


@each_kind
def test_out_of_memory(dtype):
    values = [object() for _ in range(60)] if dtype is None else list(range(60))
    first = [10 * n for n in range(60)][::-1]
    last = [n + 14 for n in first]
    counted = values if dtype is None else []
    start, counts, made, n = live_nodes(), references(counted), [], 1

    def make():
        made.append(
            MapleTree.from_arrays(first, last, values, dtype=dtype, sort=True, overlap="last")
        )

    while fails(n, make):
        assert live_nodes() == start and references(counted) == counts
        n += 1
    assert n > 1 and len(made.pop()) == 60
    assert live_nodes() == start and references(counted) == counts
