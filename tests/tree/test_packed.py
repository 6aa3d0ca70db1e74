# SPDX-License-Identifier: MIT
"""Packed trees: values are 64-bit numbers, converted when they are stored."""

import array
import copy
import gc
import math
import operator
import pickle
import struct
import sys
import threading
from fractions import Fraction

import pytest

from interpreter import HANGS, collect, counted_nodes, fails, scaled
from interpreter import live_nodes as live
from samara import (
    MAX,
    Cursor,
    MapleTree,
    NoSpaceError,
    RangeOccupiedError,
    implementation,
)
from tree_oracle import Index, Oracle, seeded

DTYPES = ["u8", "i8", "f8"]
each_dtype = pytest.mark.parametrize("dtype", DTYPES)
TOP = 2**63

LIMITS = {
    "u8": [0, 1, TOP - 1, TOP, MAX],
    "i8": [0, -1, 1, -TOP, TOP - 1],
    "f8": [0.0, -0.0, 1.5, -math.inf, math.inf, sys.float_info.max, 5e-324],
}


class Float:
    def __init__(self, number):
        self.number = number

    def __float__(self):
        return self.number


def kind(dtype):
    return float if dtype == "f8" else int


def tree(dtype, count=100, **options):
    return MapleTree(((10 * n, 10 * n + 4, n) for n in range(count)), dtype=dtype, **options)


def plain(entries):
    return [tuple(entry) for entry in entries]


# ---- dtypes


def test_the_dtype():
    assert MapleTree().dtype is None and MapleTree(dtype=None).dtype is None
    for dtype in DTYPES:
        assert MapleTree(dtype=dtype).dtype == dtype
        assert MapleTree([(1, 2, 3)], dtype=dtype, track_gaps=False).dtype == dtype
    with pytest.raises(AttributeError):
        MapleTree().dtype = "u8"


@pytest.mark.parametrize("dtype", ["x", "U8", "u4", "", "u8 ", 8, b"u8", int, ["u8"], True])
def test_a_bad_dtype(dtype):
    with pytest.raises(ValueError) as caught:
        MapleTree(dtype=dtype)
    assert str(caught.value) == f"dtype must be None, 'u8', 'i8' or 'f8', not {dtype!r}"
    with pytest.raises(ValueError) as caught:
        MapleTree.from_arrays([], [], [], dtype=dtype)
    assert str(caught.value) == f"dtype must be None, 'u8', 'i8' or 'f8', not {dtype!r}"


def test_repr():
    assert repr(MapleTree(dtype="u8")) == "MapleTree([], dtype='u8')"
    t = MapleTree([(1, 2, 1), (5, MAX, -2)], dtype="f8", track_gaps=False)
    assert repr(t) == f"MapleTree([(1, 2, 1.0), (5, {MAX}, -2.0)], dtype='f8', track_gaps=False)"
    assert eval(repr(t)) == t


# ---- values

WRITES = {
    "set": lambda t, v: operator.setitem(t, 12, v),
    "set slice": lambda t, v: operator.setitem(t, slice(12, 14), v),
    "store": lambda t, v: t.store_range(12, 31, v),
    "insert": lambda t, v: t.insert_range(15, 17, v),
    "alloc": lambda t, v: t.alloc_range(2, v),
    "alloc cyclic": lambda t, v: t.alloc_cyclic(v, next=0),
    "cursor": lambda t, v: t.cursor(12, 33).store(v),
    "cursor insert": lambda t, v: t.cursor(15, 17).insert(v),
    "store many": lambda t, v: t.store_many([12, 50], [13, 51], [1, v]),
}
ARITHMETIC = {
    "accumulate": lambda t, v: t.accumulate(12, 33, v),
    "accumulate many": lambda t, v: t.accumulate_many([12, 50], [33, 51], [1, v], "min"),
    "map": lambda t, v: t.map_range(12, 33, lambda value: v),
}
MANY = WRITES["store many"], ARITHMETIC["accumulate many"]
each_write = pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)

OUTSIDE_U8 = f"is outside 0 ... {MAX}"
OUTSIDE_I8 = f"is outside {-TOP} ... {TOP - 1}"
REFUSED = [
    ("u8", -1, ValueError, f"value -1 {OUTSIDE_U8}"),
    ("u8", MAX + 1, ValueError, f"value {MAX + 1} {OUTSIDE_U8}"),
    ("u8", Index(-(2**70)), ValueError, f"value {-(2**70)} {OUTSIDE_U8}"),
    ("u8", "5", TypeError, "value must be an integer, not str"),
    ("u8", 5.0, TypeError, "value must be an integer, not float"),
    ("u8", None, TypeError, "value must be an integer, not NoneType"),
    ("i8", TOP, ValueError, f"value {TOP} {OUTSIDE_I8}"),
    ("i8", -TOP - 1, ValueError, f"value {-TOP - 1} {OUTSIDE_I8}"),
    ("i8", Index(2**70), ValueError, f"value {2**70} {OUTSIDE_I8}"),
    ("i8", [], TypeError, "value must be an integer, not list"),
    ("i8", Fraction(2), TypeError, "value must be an integer, not Fraction"),
    ("f8", "5", TypeError, "value must be a number, not str"),
    ("f8", b"5", TypeError, "value must be a number, not bytes"),
    ("f8", None, TypeError, "value must be a number, not NoneType"),
    ("f8", 5j, TypeError, "value must be a number, not complex"),
    ("f8", 10**400, OverflowError, "int too large to convert to float"),
]


@each_dtype
def test_every_value_of_the_dtype(dtype):
    t = MapleTree(dtype=dtype)
    for n, value in enumerate(LIMITS[dtype]):
        t[n] = value
    for n, value in enumerate(LIMITS[dtype]):
        assert t[n] == value and type(t[n]) is kind(dtype)
        assert math.copysign(1, t[n]) == math.copysign(1, value)
    t.check()


def test_what_is_converted():
    for dtype in ("u8", "i8"):
        t = MapleTree([(1, 1, True), (2, 2, Index(7))], dtype=dtype)
        assert list(t) == [(1, 1, 1), (2, 2, 7)] and type(t[1]) is int
    values = [3, True, Fraction(1, 4), Float(2.5), Index(7), TOP + 1, 0.1]
    t = MapleTree(((n, n, value) for n, value in enumerate(values)), dtype="f8")
    assert [value for _, _, value in t] == [3.0, 1.0, 0.25, 2.5, 7.0, float(TOP), 0.1]
    assert all(type(value) is float for _, _, value in t)


@pytest.mark.parametrize(
    "write", [*WRITES.values(), *ARITHMETIC.values()], ids=[*WRITES, *ARITHMETIC]
)
@pytest.mark.parametrize(("dtype", "value", "error", "message"), REFUSED, ids=str)
def test_a_value_that_is_refused(dtype, value, error, message, write):
    t = tree(dtype)
    before = list(t)
    with pytest.raises(error) as caught:
        write(t, value)
    if write in MANY and error is not OverflowError:
        message = f"position 1: {message}"
    assert str(caught.value) == message
    assert list(t) == before
    t.check()


@pytest.mark.parametrize(("dtype", "value", "error", "message"), REFUSED, ids=str)
def test_an_item_that_is_refused(dtype, value, error, message):
    t = tree(dtype)
    before = list(t)
    if error is not OverflowError:
        message = f"item 2: {message}"
    for triples in ([(1, 1, 1), (2, 2, 2), (3, 3, value)], [(3, 9, 1), (2, 9, 2), (3, 3, value)]):
        nodes = counted_nodes()
        with pytest.raises(error) as caught:
            MapleTree(triples, dtype=dtype)
        assert str(caught.value) == message
        caught = None
        assert counted_nodes() == nodes
        with pytest.raises(error):
            t.__init__(triples, dtype=dtype)
        assert list(t) == before


@each_dtype
def test_an_empty_slice_stores_nothing_but_looks_at_the_value(dtype):
    t = MapleTree(dtype=dtype)
    t[5:5] = 1
    with pytest.raises(TypeError, match="value must be"):
        t[5:5] = "x"
    assert not t


@each_write
@each_dtype
def test_a_value_whose_conversion_fails(dtype, write):
    def fail():
        raise KeyError("mine")

    t = tree(dtype)
    before = list(t)
    with pytest.raises(KeyError, match="mine"):
        write(t, Index(1, fail))
    assert list(t) == before


@each_dtype
def test_indices_are_looked_at_before_values(dtype):
    t = MapleTree(dtype=dtype)
    with pytest.raises(ValueError, match="index -1 is outside"):
        t[-1] = "x"
    with pytest.raises(ValueError, match="first 5 is above last 3"):
        t.store_range(5, 3, "x")
    with pytest.raises(ValueError, match="size must be 1 or more, not 0"):
        t.alloc_range(0, "x")


@each_dtype
def test_a_value_is_refused_before_the_place_is(dtype):
    t = MapleTree([(0, MAX, 1)], dtype=dtype)
    with pytest.raises(TypeError, match="value must be"):
        t.insert_range(1, 2, "x")
    with pytest.raises(TypeError, match="value must be"):
        t.alloc_range(1, "x")
    with pytest.raises(RangeOccupiedError) as caught:
        t.insert_range(1, 2, 1)
    assert caught.value.entry == (0, MAX, 1) and type(caught.value.entry.value) is kind(dtype)
    with pytest.raises(NoSpaceError):
        t.alloc_range(1, 1)


# ---- reading


@each_dtype
def test_everything_that_returns_a_value(dtype):
    t = tree(dtype)
    value = kind(dtype)(3)
    entry = (30, 34, 3)
    answers = [
        t.entry(32),
        t.find(26),
        t.find_rev(36),
        t.next(22),
        t.prev(41),
        next(t.entries(32)),
        next(t.entries(0, 34, reverse=True)),
        t.cursor(32).walk(),
        t.cursor(32).find(),
        t.cursor(22).next(),
        t.cursor(42).prev(),
        t.cursor(36).find_rev(),
        t.dup().erase(31),
        t.dup().cursor(31).erase(),
        t.dup().pop_range(30, 39)[0],
        list(t)[3],
        list(reversed(t))[-4],
        next(iter(t[30:40])),
    ]
    for answer in answers:
        assert answer == entry and type(answer.value) is type(value)
    assert t[33] == t.get(33) == value and type(t[33]) is type(t.get(33)) is type(value)
    assert t.get(35) is None and t.get(35, "none") == "none"
    cursor = t.cursor(33)
    assert cursor.value is None
    cursor.walk()
    assert cursor.value == value and type(cursor.value) is type(value)
    t[30] = 7
    assert cursor.value == 7 and cursor.status == "active"
    cursor.store(8)
    assert t[33] == 8 and cursor.value == 8
    assert [entry.value for entry in Cursor(t, 30)][:2] == [8, 4]
    del t[:]
    assert cursor.value is None and cursor.status == "active"


@each_dtype
def test_dump_shows_the_words(dtype):
    t = MapleTree([(10, 19, 1)], dtype=dtype)
    word = struct.unpack("<Q", struct.pack({"f8": "<d"}.get(dtype, "<q"), 1))[0]
    assert f"[10, 19]: {word:#x}" in t.dump(hex=True).replace("0xa, 0x13", "10, 19")


# ---- random operations


class Same:
    """A packed tree and its oracle. Values are compared by their text, so that -0.0 and NaN
    count."""

    def __init__(self, random, dtype, track_gaps, base, size):
        self.random = random
        self.dtype = dtype
        self.tree = MapleTree(dtype=dtype, track_gaps=track_gaps)
        self.oracle = Oracle(base, size)

    def value(self):
        random = self.random
        if self.dtype == "f8":
            return random.choice([random.uniform(-1e9, 1e9), math.nan, *LIMITS["f8"]])
        low = 0 if self.dtype == "u8" else -TOP
        return random.choice([random.randint(low, low + MAX), *LIMITS[self.dtype]])

    def window(self):
        size = len(self.oracle.cells)
        first = self.random.randrange(size)
        last = min(size - 1, first + self.random.choice([0, 0, 1, 2, 5, size // 3]))
        return self.oracle.base + first, self.oracle.base + last

    def write(self):
        tree, oracle, random = self.tree, self.oracle, self.random
        first, last = self.window()
        value = self.value()
        way = random.randrange(10)
        if way < 3:
            oracle.store(first, last, value)
            if way == 0:
                tree.store_range(first, last, value)
            elif way == 1:
                tree[first : last + 1] = value
            else:
                tree.cursor(first, last).store(value)
        elif way == 3 and oracle.is_free(first, last):
            tree.insert_range(first, last, value)
            oracle.store(first, last, value)
        elif way == 4:
            assert repr(tree.pop_range(first, last)) == entries_text(oracle.pop(first, last))
        elif way == 5:
            entry = oracle.erase(first)
            assert repr(tree.erase(first)) == (entries_text([entry])[1:-1] if entry else "None")
        elif way == 6 and tree.track_gaps:
            start = oracle.empty_area(2, first, last)
            if start is not None:
                assert tree.alloc_range(2, value, first=first, last=last) == start
                oracle.store(start, start + 1, value)
        elif way == 7:
            op = random.choice(["min", "max"])
            tree.accumulate(first, last, value, op)
            oracle.accumulate(first, last, value, op)
        elif way == 8:
            tree.map_range(first, last, lambda number: value)
            oracle.map(first, last, lambda number: value)
        else:
            windows = [self.window() for _ in range(random.randrange(5))]
            values = [self.value() for _ in windows]
            tree.store_many([w[0] for w in windows], [w[1] for w in windows], values)
            for (low, high), number in zip(windows, values, strict=True):
                oracle.store(low, high, number)

    def look(self):
        tree, oracle = self.tree, self.oracle
        tree.check()
        assert repr(list(tree)) == entries_text(oracle.entries())
        assert repr(list(reversed(tree))) == entries_text(oracle.entries()[::-1])
        assert len(tree) == len(oracle.entries()) and tree.covered == oracle.covered()
        first, last = self.window()
        assert repr(tree.get(first)) == repr(oracle.get(first))
        assert repr(list(tree.entries(first, last, clip=True))) == entries_text(
            oracle.clipped(first, last)
        )
        assert repr(list(tree[first : last + 1])) == entries_text(oracle.clipped(first, last))
        assert tree.dtype == self.dtype


def entries_text(entries):
    texts = [f"Entry(first={a}, last={b}, value={v!r})" for a, b, v in entries]
    return f"[{', '.join(texts)}]"


@pytest.mark.parametrize("track_gaps", [True, False], ids=["gaps", "plain"])
@pytest.mark.parametrize("size", [12, 60, 700])
@each_dtype
def test_random_operations(dtype, size, track_gaps):
    random = seeded(f"packed {dtype} {size} {track_gaps}")
    base = random.choice([0, 2**40, TOP - size // 2, MAX - size + 1])
    pair = Same(random, dtype, track_gaps, base, size)
    relatives = []
    for step in range(300):
        pair.write()
        if step % 10 == 0:
            pair.look()
        if step % 40 == 0:
            relatives.append((random.choice(COPIES)(pair.tree), pair.oracle.copy()))
    pair.look()
    for relative, oracle in relatives:
        relative.check()
        assert repr(list(relative)) == entries_text(oracle.entries())
        assert relative.dtype == dtype and relative.track_gaps is track_gaps


# ---- copies


def again(t):
    return MapleTree(t, dtype=t.dtype, track_gaps=t.track_gaps)


def into(t):
    other = MapleTree(dtype=t.dtype, track_gaps=t.track_gaps)
    t.dup_into(other)
    return other


def pickled(t):
    return pickle.loads(pickle.dumps(t))


COPIES = [MapleTree.fork, MapleTree.dup, copy.copy, copy.deepcopy, pickled, again, into]


@pytest.mark.parametrize("way", COPIES)
@pytest.mark.parametrize("count", [0, 1, 1000])
@each_dtype
def test_copies(dtype, count, way):
    t = tree(dtype, count, track_gaps=False)
    u = way(t)
    assert u == t and u.dtype == dtype and not u.track_gaps and u.covered == t.covered
    u[5:5000] = 7
    t[3] = 9
    assert t[3] == 9 and u.get(3) == (0 if count else None)
    assert u[6] == 7 and t.get(6) is None
    t.check()
    u.check()


def test_a_tree_of_a_tree():
    t = tree("u8")
    nodes = t.node_count
    before = live()
    same = MapleTree(t, dtype="u8")
    assert live() == before, "a fork has no nodes of its own"
    others = [MapleTree(t), MapleTree(t, dtype="f8"), MapleTree(t, dtype="u8", track_gaps=False)]
    assert live() > before + nodes
    assert [u.dtype for u in others] == [None, "f8", "u8"]
    assert all(u == t == same for u in others)
    with pytest.raises(TypeError, match="item 0: value must be an integer, not float"):
        MapleTree(others[1], dtype="u8")
    with pytest.raises(ValueError, match=r"item 1: value -1 is outside 0 ... "):
        MapleTree(MapleTree([(1, 1, 1), (2, 2, -1)], dtype="i8"), dtype="u8")


def test_dup_into_trees_of_another_kind():
    t = tree("u8")
    for other, there in [
        (MapleTree(), "track_gaps=True, dtype=None"),
        (MapleTree(dtype="i8"), "track_gaps=True, dtype='i8'"),
        (MapleTree(dtype="u8", track_gaps=False), "track_gaps=False, dtype='u8'"),
    ]:
        with pytest.raises(ValueError) as caught:
            t.dup_into(other)
        assert str(caught.value) == (
            "other must have the attributes track_gaps=True, dtype='u8', policy=None, not "
            f"{there}, policy=None"
        )
        assert not other
        with pytest.raises(ValueError, match="other must have the attributes"):
            other.dup_into(MapleTree(dtype="u8"))


# ---- equality


def test_equality_between_dtypes():
    for a in (None, *DTYPES):
        for b in (None, *DTYPES):
            t, u = tree(a), tree(b)
            assert t == u and not t != u
            u[200] = 21
            assert t != u and not t == u
            u[200] = 20
            assert t != u, "two ranges where t has one"
            u.store_range(200, 204, 20)
            assert t == u
            u[MAX] = 1
            assert t != u and u != t
    assert MapleTree([(1, 1, MAX)], dtype="u8") != MapleTree([(1, 1, -1)], dtype="i8")
    assert MapleTree([(1, 1, 0.0)], dtype="f8") == MapleTree([(1, 1, -0.0)], dtype="f8")
    assert MapleTree(dtype="f8") == MapleTree()


def test_a_nan_equals_the_same_nan():
    nan = math.nan
    packed = MapleTree([(1, 2, nan)], dtype="f8")
    objects = MapleTree([(1, 2, nan)])
    assert objects == objects.fork(), "as lists do: the same object"
    assert packed == packed == packed.fork() == packed.dup(), "and packed, the same bits"
    assert packed != MapleTree([(1, 2, -nan)], dtype="f8")
    assert packed != objects and objects != packed
    if implementation == "c":  # the pure-Python tree returns the stored object itself
        assert packed.entry(1) != packed.entry(1)


# ---- pickling

GOOD = (
    2,
    True,
    struct.pack("<2Q", 1, 5),
    struct.pack("<2Q", 2, 6),
    struct.pack("<2Q", 7, MAX),
    None,
    "u8",
)


def test_the_format_of_a_pickle():
    t = MapleTree([(1, 2, 7), (5, 6, MAX)], dtype="u8")
    assert t.__reduce__()[2] == GOOD
    t = MapleTree([(1, MAX, -1)], dtype="i8", track_gaps=False)
    assert t.__reduce__()[2] == (
        *(2, False, struct.pack("<Q", 1), b"\xff" * 8, b"\xff" * 8, None, "i8"),
    )
    t = MapleTree([(1, 1, -1.5)], dtype="f8")
    assert t.__reduce__()[2][4:] == (struct.pack("<d", -1.5), None, "f8")
    assert MapleTree(dtype="f8").__reduce__()[2] == (2, True, b"", b"", b"", None, "f8")
    assert MapleTree([(1, 1, 1)]).__reduce__()[2][0] == 1


def forged(**changes):
    names = ["version", "track_gaps", "firsts", "lasts", "values", "attributes", "dtype"]
    return tuple(changes.get(name, member) for name, member in zip(names, GOOD, strict=True))


@pytest.mark.parametrize(
    ("state", "text"),
    [
        (GOOD[:6], "expected a tuple of 7"),
        (GOOD[:5], "expected a tuple of"),
        ((*GOOD, 1), "expected a tuple of"),
        (list(GOOD), "expected a tuple of"),
        (forged(version=1), "expected a tuple of 6"),
        (forged(version=4), "expected a tuple of 8 items"),
        (forged(version=6), "format of a pickled MapleTree must be 1, 2, 3, 4 or 5, not 6"),
        (forged(version=2.0), "format is not an integer"),
        (forged(track_gaps=1), "track_gaps is not a bool"),
        (forged(firsts="ab"), "the ranges are not bytes"),
        (forged(firsts=GOOD[2][:8]), "lasts differ in number"),
        (forged(values=[7, MAX]), "the values are not bytes"),
        (forged(values=array.array("I", [7, 8, 9, 10])), "neither bytes nor little-endian words"),
        (forged(values=b""), "ranges and values differ in number"),
        (forged(values=GOOD[4][:15]), "ranges and values differ in number"),
        (forged(values=GOOD[4] + b"1"), "ranges and values differ in number"),
        (forged(firsts=GOOD[2][::-1]), r"range 0, \[\d+, 2\], is out of order"),
        (forged(lasts=struct.pack("<2Q", 5, 6)), r"range 1, \[5, 6\], is out of order"),
        (forged(dtype=None), "dtype is not 'u8', 'i8' or 'f8'"),
        (forged(dtype="u4"), "dtype is not 'u8', 'i8' or 'f8'"),
        (forged(dtype=8), "dtype is not 'u8', 'i8' or 'f8'"),
        (forged(dtype=[]), "dtype is not 'u8', 'i8' or 'f8'"),
        (forged(attributes={"x": 1}), "instances cannot have any"),
    ],
    ids=str,
)
def test_a_forged_state_is_refused(state, text):
    t = MapleTree(dtype="f8")
    with pytest.raises(ValueError, match=text):
        t.__setstate__(state)
    assert not t and t.track_gaps and t.dtype == "f8"
    t.check()
    t.__setstate__(GOOD)
    assert t.dtype == "u8" and list(t) == [(1, 2, 7), (5, 6, MAX)]
    with pytest.raises(ValueError, match="requires an empty tree"):
        t.__setstate__(GOOD)


class Named(MapleTree):
    def __init__(self, name, **options):
        super().__init__([(1, 2, 3)], **options)
        self.name = name


def test_a_subclass():
    t = Named("n", dtype="i8")
    for u in (pickled(t), copy.deepcopy(t), t.fork(), t.dup(), t[:]):
        assert type(u) is Named and u.name == "n" and u.dtype == "i8" and u == t
    assert repr(t) == "Named([(1, 2, 3)], dtype='i8')"


# ---- a tree that changes its dtype


def test_making_a_tree_anew():
    value = Index(5)
    t = MapleTree([(n, n, value) for n in range(0, 200, 2)])
    loop, cursor = iter(t), t.cursor(10)
    cursor.walk()
    relative = t.fork()
    t.__init__([(10, 11, 1.5)], dtype="f8")
    assert t.dtype == "f8" and cursor.value == 1.5 and relative.dtype is None
    assert next(loop) == (0, 0, value) and relative[2] is value
    loop = iter(t)
    t.__init__([(10, 11, loop)])
    assert t.dtype is None and cursor.value is loop
    gc.collect()
    assert next(loop) == (10, 11, 1.5)


@each_write
def test_a_conversion_that_changes_the_dtype(write):
    """The value is converted again, to the tree's new dtype."""
    t = MapleTree(dtype="u8")
    write(t, Index(5, lambda: t.__init__(dtype="f8")))
    assert t.dtype == "f8" and {value for _, _, value in t} <= {1.0, 5.0}
    t.check()
    t = MapleTree(dtype="u8")
    value = Index(5, lambda: t.__init__())
    write(t, value)
    assert t.dtype is None and any(stored is value for _, _, stored in t)
    gc.collect()


# ---- memory


@pytest.mark.skipif(implementation == "python", reason="there a number is an object too")
@each_dtype
def test_no_references_are_kept(dtype):
    value = 2**62 + 1
    start = sys.getrefcount(value)
    t = MapleTree(((n, n, value) for n in range(100)), dtype=dtype)
    t[5:9] = value
    t.store_many([1, 2], [3, 4], [value, value])
    u = t.fork()
    u[7] = value
    t.__reduce__()
    assert sys.getrefcount(value) == start
    assert not any(isinstance(referent, int | float) for referent in gc.get_referents(t))


@each_dtype
def test_nothing_is_left(dtype):
    collect()
    before = live()
    t = tree(dtype, 1000)
    u, v, w = t.fork(), t.dup(), t[50:5000]
    u[3:700] = 1
    loops = [iter(t), t.entries(5, 99, reverse=True), t.gaps()]
    for loop in loops:
        next(loop)
    gc.collect()
    del t, u, v, w, loops, loop
    assert live() == before


FAILING = {
    **WRITES,
    "delete": lambda t, v: operator.delitem(t, slice(33, 5551)),
    "pop": lambda t, v: t.pop_range(333, 2222),
    "erase": lambda t, v: t.erase(2002),
    "dup": lambda t, v: t.dup(),
    "slice": lambda t, v: t[2002:4003],
    "again": lambda t, v: t.__init__([(5, 6, v), (1, 2, v), (3, 4, v)], dtype=t.dtype),
    "unpickle": lambda t, v: MapleTree().__setstate__(t.__reduce__()[2]),
    "dup into": lambda t, v: t.dup_into(MapleTree(dtype=t.dtype)),
}


@pytest.mark.parametrize("write", FAILING.values(), ids=FAILING)
@each_dtype
def test_each_allocation_failing(dtype, write):
    t = tree(dtype, 600)
    relative = t.fork()
    before = list(t)
    gc.collect()
    nodes = counted_nodes()
    n = 1
    while fails(n, lambda: write(t, 7)):
        assert counted_nodes() == nodes
        assert list(t) == before and t.dtype == dtype
        t.check()
        n += 1
    assert n > 1
    t.check()
    relative.check()
    assert list(relative) == before


# ---- threads


@pytest.mark.parametrize("dtype", [None, *DTYPES])
@pytest.mark.parametrize("way", [MapleTree.fork, iter, lambda t: t[1:50], lambda t: MapleTree(t)])
def test_a_tree_that_is_emptied_while_a_copy_waits_for_its_lock(way, dtype):
    for _ in range(scaled(20, 4)):
        t = tree(dtype)
        copies = []
        waiting = threading.Event()

        def copy_it(t=t, copies=copies, waiting=waiting):
            waiting.set()
            copies.append(way(t))

        thread = threading.Thread(target=copy_it)
        with t.lock:
            thread.start()
            waiting.wait(HANGS)
            thread.join(0.001)
            t.clear()
            t[5] = 1
        thread.join(HANGS)
        t[7] = 2
        assert plain(copies[0]) == [(5, 5, 1)]
        gc.collect()
