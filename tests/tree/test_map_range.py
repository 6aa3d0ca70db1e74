# SPDX-License-Identifier: MIT
"""map_range(): against a plain array; functions that fail, and functions that write the tree."""

import gc
import weakref

import pytest

from interpreter import collect, counts_references, live_nodes, scaled
from samara import MAX, MapleTree
from tree_oracle import Index, Oracle, seeded

SIZE = 60


class Bad(Exception):
    pass


class Value:
    pass


def fail(*_arguments):
    raise Bad


def plain(tree):
    return [tuple(entry) for entry in tree]


def filled(**options):
    return MapleTree(((10 * n, 10 * n + 4, n) for n in range(30)), **options)


@pytest.mark.parametrize("dtype", [None, "u8", "i8", "f8"])
@pytest.mark.parametrize("base", [0, 2**63 - SIZE // 2, MAX - SIZE + 1])
@pytest.mark.parametrize("track_gaps", [True, False], ids=["gaps", "plain"])
def test_random_ranges(dtype, base, track_gaps):
    random = seeded(f"map {dtype} {base} {track_gaps}")
    for _ in range(scaled(100)):
        tree, oracle = MapleTree(dtype=dtype, track_gaps=track_gaps), Oracle(base, SIZE)
        for step in range(random.randrange(12)):
            first = base + random.randrange(SIZE)
            last = min(first + random.choice([0, 2, 9, SIZE]), base + SIZE - 1)
            if random.random() < 0.6:
                tree.store_range(first, last, step)
                oracle.store(first, last, step)
                continue
            relative, before, asked = tree.fork(), plain(tree), []

            def function(value, asked=asked):
                asked.append(value)
                return 3 if value is None else 3 * value + 1

            expected = [value for _, _, value in oracle.clipped(first, last)]
            if random.random() < 0.5:
                tree.map_range(first, last, function)
                oracle.map(first, last, function)
                assert asked == expected * 2
            else:
                tree.map_range(first, last, lambda v, f=function: f(v), default=1000)
                oracle.map(first, last, lambda v, f=function: f(1000 if v is None else v), True)
                assert asked[: len(asked) // 2] == asked[len(asked) // 2 :]
                assert [value for value in asked if value != 1000] == expected * 2
            tree.check()
            assert plain(tree) == oracle.entries()
            assert tree.covered == oracle.covered()
            assert plain(relative) == before


def test_the_whole_key_space():
    tree = MapleTree()
    tree.map_range(0, MAX, fail)
    assert not tree
    tree.map_range(0, MAX, lambda value: [value], default=None)
    assert plain(tree) == [(0, MAX, [None])]
    tree[5] = "five"
    tree.map_range(0, MAX, repr)
    assert plain(tree) == [(0, 4, "[None]"), (5, 5, "'five'"), (6, MAX, "[None]")]
    tree.map_range(MAX, MAX, len)
    assert tree[MAX] == 6 and tree[MAX - 1] == "[None]"


def test_entries_keep_their_bounds():
    tree = MapleTree([(0, 9, "a"), (10, 19, "b"), (25, 29, "c")])
    tree.map_range(5, 26, lambda value: "same")
    same = [(5, 9, "same"), (10, 19, "same"), (25, 26, "same")]
    assert plain(tree) == [(0, 4, "a"), *same, (27, 29, "c")]


def test_the_same_object_goes_in_and_out():
    value, other = Value(), Value()
    tree = MapleTree([(0, 9, value)])
    seen = []
    tree.map_range(3, 5, lambda given: seen.append(given) or other)
    assert seen == [value] and tree[3] is tree[5] is other and tree[2] is tree[6] is value
    tree.map_range(0, 99, lambda given: given, default=value)
    assert tree[50] is value


def test_ellipsis_is_a_default_like_any_other():
    tree = MapleTree([(5, 9, 1)])
    tree.map_range(0, 12, repr, ...)
    assert list(tree) == [(0, 4, "Ellipsis"), (5, 9, "1"), (10, 12, "Ellipsis")]


def test_results_of_a_packed_tree_are_converted():
    tree = MapleTree([(0, 9, 5)], dtype="u8")
    tree.map_range(5, 14, lambda value: Index(value + 1), default=100)
    assert plain(tree) == [(0, 4, 5), (5, 9, 6), (10, 14, 101)]
    tree.map_range(0, 99, lambda given: given + 1, default=2**70 - 2**70)
    assert tree[99] == 1
    # What a gap gives to the function need not be a number of the tree.
    tree = MapleTree(dtype="f8")
    tree.map_range(0, 9, len, default="text")
    assert plain(tree) == [(0, 9, 4.0)]


REFUSED = [
    ((5, 4, str), ValueError, "first 5 is above last 4"),
    ((-1, 4, str), ValueError, f"first -1 is outside 0 ... {MAX}"),
    ((0, MAX + 1, str), ValueError, f"last {MAX + 1} is outside 0 ... {MAX}"),
    ((0, 4.5, str), TypeError, "last must be an integer, not float"),
    ((0, 4, "str"), TypeError, "function must be callable, not str"),
    ((0, 4, None), TypeError, "function must be callable, not NoneType"),
    (
        (0, 400, lambda value: "x" if value == 3 else 1),
        TypeError,
        "value must be an integer, not str",
    ),
    ((0, 400, lambda value: -1), ValueError, f"value -1 is outside 0 ... {MAX}"),
]


@pytest.mark.parametrize(("given", "error", "message"), REFUSED)
def test_refused(given, error, message):
    tree = filled(dtype="u8")
    before = plain(tree)
    with pytest.raises(error) as caught:
        tree.map_range(*given)
    assert str(caught.value) == message
    assert plain(tree) == before
    tree.check()


@counts_references
@pytest.mark.parametrize("dtype", [None, "u8"])
def test_a_function_that_fails(dtype):
    collect()
    nodes = live_nodes()
    results = []

    def function(value):
        if value == 7:
            raise Bad
        if dtype:
            return value + 1
        made = Value()
        results.append(weakref.ref(made))
        return made

    tree = filled(dtype=dtype)
    with pytest.raises(Bad):
        tree.map_range(0, 999, function)
    assert plain(tree) == plain(filled())
    tree.check()
    assert not any(result() for result in results)
    del tree
    assert live_nodes() == nodes


WRITES = {
    "store": lambda t: t.store_range(50, 51, 1),
    "store elsewhere": lambda t: t.__setitem__(MAX, 1),
    "store the same": lambda t: t.store_range(0, 4, 0),
    "clear": lambda t: t.clear(),
    "init": lambda t: t.__init__([(1, 2, 3)]),
    "dtype": lambda t: t.__init__([(1, 2, 3)], dtype="f8"),
    "map": lambda t: t.map_range(0, 99, lambda value: 2),
    "cursor": lambda t: t.cursor(50).erase(),
    "pop": lambda t: t.pop_range(0, MAX),
}


@pytest.mark.parametrize("at", [0, 5, 9])
@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_a_function_that_writes_the_tree(write, at):
    tree, expected = filled(), filled()
    seen = []

    def function(value):
        seen.append(value)
        if value == at:
            write(tree)
            gc.collect()
        return value + 1

    with pytest.raises(RuntimeError, match="the tree has changed while map_range"):
        tree.map_range(2, 92, function)
    write(expected)
    assert seen == list(range(10))
    assert plain(tree) == plain(expected) and tree.dtype == expected.dtype
    tree.check()


def test_a_function_that_looks_at_the_tree():
    tree = filled()

    def function(value):
        tree.check()
        assert tree[10 * value] == value and len(tree.fork()) == 30
        assert plain(tree) == plain(tree.dup()) == plain(filled())
        other = tree.fork()
        other.clear()
        gc.collect()
        return value + 1

    tree.map_range(0, 99, function)
    assert [value for _, _, value in tree] == [*range(1, 11), *range(10, 30)]


@counts_references
def test_results_that_are_dropped_write_the_tree():
    class Ends:
        def __del__(self):
            tree[200] = "ended"
            tree.check()

    tree = filled()

    def function(value):
        if value == 5:
            raise Bad
        return Ends()

    with pytest.raises(Bad):
        tree.map_range(0, 99, function)
    assert tree[200] == "ended"
    tree.check()
    # And the values that results replace.
    tree = MapleTree([(0, 9, Ends()), (300, 309, "old")])
    tree.map_range(0, 309, str)
    assert tree[200] == "ended" and tree[300] == "old"
    tree.check()


def test_the_tree_that_only_the_call_holds():
    names = {"tree": filled()}

    def function(value):
        names.clear()
        gc.collect()
        return value

    reference = weakref.ref(names["tree"])
    names["tree"].map_range(0, 99, function)
    collect()
    assert reference() is None


def test_a_value_that_only_the_tree_holds():
    """The function clears the tree: the values that are still to come stay alive."""
    tree = MapleTree((n, n, Value()) for n in range(20))
    seen = []

    def function(value):
        tree.clear()
        gc.collect()
        seen.append(value)

    with pytest.raises(RuntimeError):
        tree.map_range(0, 20, function)
    assert len({id(value) for value in seen}) == 20
    assert all(type(value) is Value for value in seen) and not tree


# ---- policies


class Offsets:
    """Values rise with the index, and those that continue each other merge."""

    def __init__(self):
        self.asked = []

    def split(self, entry, first, last):
        self.asked.append(("split", tuple(entry), first, last))
        return entry.value + first - entry.first

    def merge(self, left, right, stored):
        self.asked.append(("merge", tuple(left), tuple(right)))
        goes_on = left.value - left.first == right.value - right.first
        return left.value if goes_on else NotImplemented


def test_a_policy_splits_first():
    policy = Offsets()
    tree = MapleTree([(10, 19, 100), (30, 39, 500)], policy=policy)
    policy.asked.clear()
    seen = []
    tree.map_range(15, 34, lambda value: seen.append(value) or value + 1000)
    assert seen == [105, 500]
    pieces = [(10, 14, 100), (15, 19, 1105), (30, 34, 1500), (35, 39, 505)]
    assert plain(tree) == pieces
    splits = [asked for asked in policy.asked if asked[0] == "split"]
    assert sorted(splits) == sorted(
        [
            ("split", (10, 19, 100), 15, 19),
            ("split", (30, 39, 500), 30, 34),
            ("split", (10, 19, 100), 10, 14),
            ("split", (30, 39, 500), 35, 39),
        ]
    )
    tree.check()


def test_a_policy_merges_as_in_any_store():
    policy = Offsets()
    tree = MapleTree([(0, 9, 0), (10, 19, 500), (20, 29, 20)], policy=policy)
    tree.map_range(10, 24, lambda value: 10 if value == 500 else value)
    assert plain(tree) == [(0, 29, 0)]
    tree.map_range(5, 44, lambda value: 30 if value is None else value, default=None)
    assert plain(tree) == [(0, 44, 0)]


class Failing(Offsets):
    """One method fails from the call on that comes after `left` others. None: never."""

    method = left = None

    def asks(self, method):
        if method == self.method:
            self.left -= 1
            if self.left < 0:
                raise Bad

    def split(self, entry, first, last):
        self.asks("split")
        return super().split(entry, first, last)

    def merge(self, left, right, stored):
        self.asks("merge")
        return super().merge(left, right, stored)


@pytest.mark.parametrize("method", ["split", "merge"])
def test_a_policy_that_fails(method):
    for left in range(20):
        policy = Failing()
        tree = MapleTree([(0, 9, 0), (10, 19, 500), (20, 29, 700)], policy=policy)
        before = plain(tree)
        policy.method, policy.left = method, left
        try:
            tree.map_range(5, 25, lambda value: value + 1)
        except Bad:
            assert plain(tree) == before
        else:
            break
        tree.check()
    assert 3 < left < 19 and tree[5] == 6
