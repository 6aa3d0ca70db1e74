# SPDX-License-Identifier: MIT
"""samara.COALESCE and samara.OFFSET: against a plain array, in trees of objects and packed ones.

The array has one cell for each index, with the value that the index has when its entry is cut
there. Neighbouring cells of which the second goes on from the first are one entry.
"""

import contextlib
import copy
import gc
import itertools
import math
import os
import pickle
import struct
import subprocess
import sys
import weakref
from array import array
from typing import NamedTuple

import pytest

import interpreter
import samara
from samara import COALESCE, MAX, OFFSET, Entry, MapleTree, Policy
from tree_oracle import seeded

try:
    import numpy
except ImportError:
    numpy = None

CELLS = 90
TOP = 2**63


class Place(NamedTuple):
    file: object
    offset: int


class Same:
    """Equal to others of its kind, by code in Python."""

    def __init__(self, kind):
        self.kind = kind

    def __eq__(self, other):
        return isinstance(other, Same) and self.kind == other.kind

    __hash__ = None


def bits(value):
    return struct.pack("<d", value) if isinstance(value, float) else value


def same(left, right):
    return left is right or left == right


def same_bits(left, right):
    return bits(left) == bits(right)


def keep(value, by):
    return value


def advance(value, by):
    if type(value) is Place:
        return value._replace(offset=value.offset + by)
    return (value[0], value[1] + by) if isinstance(value, tuple) else value + by


def goes_on(left, right):
    """Whether the value of an index goes on from that of the index before."""
    if isinstance(left, tuple) != isinstance(right, tuple):
        return False
    numbers = [v[1] if isinstance(v, tuple) else v for v in (left, right)]
    if isinstance(numbers[0], float) != isinstance(numbers[1], float):
        return False
    objects = [v[0] if isinstance(v, tuple) else None for v in (left, right)]
    return numbers[0] + 1 == numbers[1] and same(*objects)


class Kind:
    """Trees of one kind: their policy and dtype, and how to make a value for a range."""

    def __init__(self, policy, dtype, make, advance, follows):
        self.policy, self.dtype, self.make = policy, dtype, make
        self.advance, self.follows = advance, follows

    def tree(self, triples=(), **options):
        return MapleTree(triples, dtype=self.dtype, policy=self.policy, **options)

    def entries(self, cells):
        entries = []
        for index, cell in enumerate(cells):
            if cell is None:
                continue
            value = cell[0]
            if entries and cells[index - 1] and self.follows(cells[index - 1][0], value):
                entries[-1][1] = index
            else:
                entries.append([index, index, value])
        return [tuple(entry) for entry in entries]

    def fill(self, cells, first, last, value):
        for index in range(first, last + 1):
            cells[index] = (self.advance(value, index - first),)


FILES = ["f", ("f",), "".join(["f"]), Same(1), Same(1), None, 2.5]
EQUAL = [
    *(0, 1, True, 2**70, 2**70 + 1, "a", "ab", b"a", 1.0, 2.5, None, (1, "x"), (1.0, "x")),
    *(math.nan, Same(1), Same(2), []),
]


def equal_value(random, first):
    value = random.choice(EQUAL)
    return copy.copy(value) if isinstance(value, list | Same) else value


def number(random, first):
    return first + random.choice((0, 7, -200, 2**62, 2**63 - 40, 2**64, 10**30, -(2**63) - 20))


def mixed(random, first):
    kind = random.randrange(4)
    if kind == 0:
        return float(first + random.choice((0, 7)))
    at = first + random.choice((0, 7, 2**70))
    return (at, (random.choice(FILES), at), Place(random.choice(FILES), at))[kind - 1]


FLOATS = (0.0, -0.0, math.nan, -math.nan, 1.5)
KINDS = {
    "COALESCE": Kind(COALESCE, None, equal_value, keep, same),
    "COALESCE-u8": Kind(COALESCE, "u8", lambda r, _: r.choice((0, 1, MAX)), keep, same_bits),
    "COALESCE-i8": Kind(COALESCE, "i8", lambda r, _: r.choice((0, -1, -TOP)), keep, same_bits),
    "COALESCE-f8": Kind(
        COALESCE,
        "f8",
        lambda r, _: r.choice((0.0, -0.0, math.nan, -math.nan, 1.5)),
        keep,
        same_bits,
    ),
    "OFFSET": Kind(OFFSET, None, number, advance, goes_on),
    "OFFSET-mixed": Kind(OFFSET, None, mixed, advance, goes_on),
    "OFFSET-u8": Kind(
        OFFSET, "u8", lambda r, at: at + r.choice((0, 7, TOP, MAX - 99)), advance, goes_on
    ),
    "OFFSET-i8": Kind(
        OFFSET, "i8", lambda r, at: at + r.choice((0, -3, -TOP, TOP - 100)), advance, goes_on
    ),
    "OFFSET-f8": Kind(
        OFFSET, "f8", lambda r, at: at + r.choice((0.0, 0.5, -1e6, 2.0**40)), advance, goes_on
    ),
}
each_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


def text(entries):
    """Return entries in a form that tells 0.0 from -0.0, and NaNs by their bits."""
    return [(first, last, type(value), bits(value)) for first, last, value in entries]


def agree(entries, expected):
    """Check values, and types where values of different types are equal."""
    assert [e[:2] for e in entries] == [e[:2] for e in expected]
    for entry, other in zip(entries, expected, strict=True):
        value, known = entry[2], other[2]
        assert same_bits(value, known) or same(value, known), (entry, other)


def cut(kind, cells, first, last):
    return kind.entries([None] * first + cells[first : last + 1])


def write(kind, tree, cells, random, first, last):
    value = kind.make(random, first)
    way = random.randrange(9)
    if way == 0:
        tree[first : last + 1] = value
    elif way == 1:
        tree.store_many([first], [last], [value])
    elif way == 2:
        tree.cursor(first, last).store(value)
    elif way == 3:
        cursor = tree.cursor(first)
        cursor.walk()
        first, last = max(cursor.index, 0), min(cursor.last, CELLS - 1)
        cursor.set_range(first, last)
        value = kind.make(random, first)
        cursor.store(value)
    elif way == 4:
        agree(tree.pop_range(first, last), cut(kind, cells, first, last))
        cells[first : last + 1] = [None] * (last + 1 - first)
        return
    elif way == 5:
        entry = tree.erase(first)
        if entry:
            cells[entry.first : entry.last + 1] = [None] * entry.size
        return
    elif way == 6 and not any(cells[first : last + 1]):
        tree.insert_range(first, last, value)
    elif way == 7 and tree.track_gaps and not any(cells[first : last + 1]):
        assert tree.alloc_range(last + 1 - first, value, first=first, last=last) == first
    else:
        tree.store_range(first, last, value)
    kind.fill(cells, first, last, value)


@pytest.mark.parametrize("track_gaps", [True, False], ids=["gaps", "plain"])
@each_kind
def test_random_writes_against_an_array(kind, track_gaps):
    random = seeded(f"built in {kind.policy} {kind.dtype}")
    tree, cells, relatives = kind.tree(track_gaps=track_gaps), [None] * CELLS, []
    for _ in range(interpreter.steps(1500)):
        first = random.randrange(CELLS)
        last = min(CELLS - 1, first + random.choice((0, 0, 1, 3, 12)))
        write(kind, tree, cells, random, first, last)
        agree(list(tree), kind.entries(cells))
        assert tree.covered == sum(cell is not None for cell in cells)
        low = random.randrange(CELLS)
        high = min(CELLS - 1, low + random.randrange(30))
        agree(list(tree[low : high + 1]), cut(kind, cells, low, high))
        agree(list(tree.entries(low, high, clip=True)), cut(kind, cells, low, high))
        if random.random() < 0.04:
            relatives = [*relatives[-3:], (tree, list(cells))]
            ways = tree.fork, tree.dup, lambda t=tree: copy.copy(t), lambda t=tree: t[:]
            tree = random.choice(ways)()
            assert tree.policy is kind.policy and tree.dtype == kind.dtype
        tree.check()
    for relative, then in relatives:
        agree(list(relative), kind.entries(then))


def pieces_of(kind, random):
    pieces, first = [], random.randrange(3)
    while first < CELLS and random.random() < 0.97:
        last = min(CELLS - 1, first + random.choice((0, 0, 1, 5)))
        pieces.append((first, last, kind.make(random, first)))
        first = last + random.choice((1, 1, 1, 2))
    return pieces


def columns_of(rows):
    return [[row[n] for row in rows] for n in range(3)]


@each_kind
def test_trees_that_are_made_of_ranges(kind):
    """All at once is the same as one after the other, in whatever order."""
    random = seeded(f"made {kind.policy} {kind.dtype}")
    options = {"dtype": kind.dtype, "policy": kind.policy}
    for _ in range(interpreter.steps(150)):
        pieces = pieces_of(kind, random)
        cells = [None] * CELLS
        for piece in pieces:
            kind.fill(cells, *piece)
        expected = kind.entries(cells)
        middle = random.randrange(len(pieces) + 1)
        shuffled = pieces[middle:] + random.sample(pieces[:middle], middle)
        columns = columns_of(pieces)
        many = kind.tree()
        many.store_many(*columns)
        for tree in (
            MapleTree(pieces, **options),
            MapleTree(shuffled, **options),
            MapleTree(MapleTree(pieces, dtype=kind.dtype), **options),
            MapleTree.from_arrays(*columns, **options),
            MapleTree.from_arrays(*columns, **options, track_gaps=False),
            MapleTree.from_arrays(*columns, **options, overlap="last"),
            MapleTree.from_arrays(*columns_of(shuffled), **options, sort=True),
            MapleTree.from_arrays(*columns_of(shuffled), **options, sort=True, overlap="last"),
            many,
        ):
            agree(list(tree), expected)
            assert (tree.dtype, tree.policy) == (kind.dtype, kind.policy)
            tree.check()


CODES = {"u8": "Q", "i8": "q", "f8": "d"}


@pytest.mark.parametrize("kind", [k for k in KINDS.values() if k.dtype], ids=str)
def test_from_arrays_keeps_a_buffer_packed(kind):
    random = seeded(f"buffers {kind.policy} {kind.dtype}")
    for _ in range(interpreter.steps(100)):
        pieces = pieces_of(kind, random)
        first, last = (array("Q", [piece[n] for piece in pieces]) for n in range(2))
        values = array(CODES[kind.dtype], [piece[2] for piece in pieces])
        given = bytes(first), bytes(last), bytes(values)
        tree = MapleTree.from_arrays(first, last, values, policy=kind.policy)
        assert tree.dtype == kind.dtype and tree.policy is kind.policy
        assert text(tree) == text(MapleTree(pieces, dtype=kind.dtype, policy=kind.policy))
        assert given == (bytes(first), bytes(last), bytes(values))
        tree.check()


@each_kind
def test_from_arrays_of_rows_that_overlap(kind):
    """As if they were stored one after the other, in the order in which they are given."""
    random = seeded(f"layouts {kind.policy} {kind.dtype}")
    for _ in range(interpreter.steps(150)):
        rows = []
        for _ in range(random.randrange(12)):
            first = random.randrange(60)
            rows.append((first, first + random.randrange(12), kind.make(random, first)))
        rising = random.random() < 0.3
        if rising:
            rows.sort(key=lambda row: row[0])
        first, last, values = columns_of(rows)
        if kind.dtype and random.random() < 0.5:
            values = array(CODES[kind.dtype], values)
        options = {"dtype": kind.dtype, "policy": kind.policy, "overlap": "last"}
        expected = kind.tree()
        error = raised(expected.store_many, first, last, values)
        for sort in (True, False) if rising else (True,):
            for closed, ends in ("both", last), ("left", [end + 1 for end in last]):
                given = options | {"sort": sort, "closed": closed}
                made = raised(MapleTree.from_arrays, first, ends, values, **given)
                if error:
                    assert made == error
                    continue
                agree(list(made), [tuple(entry) for entry in expected])
                assert (made.dtype, made.policy) == (kind.dtype, kind.policy)
                made.check()


def raised(function, *args, **options):
    """Return what a call raises, or else what it returns."""
    try:
        return function(*args, **options)
    except (OverflowError, TypeError) as error:
        return type(error), str(error)


def test_from_arrays_with_narrow_buffers_and_numpy():
    tree = MapleTree.from_arrays(range(0, 40, 10), range(9, 49, 10), b"aabb", policy=COALESCE)
    assert repr(tree) == "MapleTree([(0, 19, 97), (20, 39, 98)], dtype='u8')"
    with pytest.raises(ValueError, match=r"position 2: \[5, 29\] overlaps or is below \[10, 19\]"):
        MapleTree.from_arrays([0, 10, 5], [9, 19, 29], array("q", [1, 1, 1]), policy=COALESCE)
    with pytest.raises(ValueError, match=r"position 2: first 25 is above last 24"):
        MapleTree.from_arrays([0, 10, 25], [9, 19, 24], array("q", [1, 2, 3]), policy=OFFSET)
    with pytest.raises(
        ValueError,
        match=r"position 1: \[0, 19\] overlaps or is below \[0, MAX\]".replace("MAX", str(MAX)),
    ):
        MapleTree.from_arrays([0, 0], [MAX, 19], array("q", [1, 1]), policy=COALESCE)
    if numpy:
        values = numpy.repeat(numpy.arange(500.0), 2)
        first = numpy.arange(1000) * 10
        tree = MapleTree.from_arrays(first, first + 9, values, policy=COALESCE)
        assert len(tree) == 500 and tree.dtype == "f8"
        assert tree.entry(15) == (0, 19, 0.0)
        tree = MapleTree.from_arrays(first, first + 9, first, policy=OFFSET)
        assert list(tree) == [(0, 9999, 0)] and tree.dtype == "i8"
    tree = MapleTree.from_arrays([0, 10], [9, 19], ["a", "a"], policy=COALESCE)
    assert list(tree) == [(0, 19, "a")] and tree.dtype is None
    assert not MapleTree.from_arrays([], [], array("d"), policy=OFFSET)


def test_the_left_object_stays():
    left, middle, right = [1], [1], [1]
    tree = MapleTree([(0, 9, left), (20, 29, right)], policy=COALESCE)
    tree[10:20] = middle
    assert list(tree) == [(0, 29, [1])] and tree[25] is left
    tree = MapleTree([(20, 29, right)], policy=COALESCE)
    tree[10:20] = middle
    assert tree[25] is middle
    for tree in (
        MapleTree([(0, 9, left), (10, 19, right)], policy=COALESCE),
        MapleTree.from_arrays([0, 10], [9, 19], [left, right], policy=COALESCE),
    ):
        assert list(tree) == [(0, 19, [1])] and tree[15] is left
    places = ["f", 0], ["f", 10]
    tree = MapleTree([(0, 9, (places[0], 0)), (10, 19, (["f", 0], 10))], policy=OFFSET)
    assert len(tree) == 1 and tree[15][0] is places[0]


def test_equal_numbers_and_strings_of_any_size():
    """Those that differ in one digit, the sign, or a character merge as little as others."""
    ints = [0, 1, -1, 2, 2**30 - 1, 2**30, 2**30 + 1, 2**60, 2**61, 2**90, 2**90 + 1, 2**90 + 2**60]
    values = [*ints, *(-number for number in ints), True, 0.0, 1.0, 2.0**30, math.inf]
    values += ["", "a", "b", "aa", "ab", "ba", "a\xe4", "a\u0101", "a\U00010000", b"", b"a", b"b"]
    for left, right in itertools.product(values, repeat=2):
        # Equal, but where possible not the same object.
        again = pickle.loads(pickle.dumps(right))
        for order in (0, 1), (1, 0):
            tree = MapleTree(policy=COALESCE)
            for place in order:
                tree[10 * place : 10 * place + 10] = (left, again)[place]
            assert len(tree) == (1 if left == right else 2), (left, right)


def test_numbers_that_fall_do_not_go_on():
    for low, high in (11, 1), (2**60, 1), (2**60 - 1, 2**59), (1, 2**60), (2**62, 5):
        steps = (high - low) % 2**64
        for number, merged in (high, high > low), (high + 1, False), (high - 1, False):
            tree = MapleTree([(0, steps - 1, low)], policy=OFFSET)
            tree[steps] = number
            assert len(tree) == (1 if merged else 2), (low, number)


def test_equal_numbers_next_to_a_leaf():
    """Trees of many leaves: stores at their edges, of 0, which is also what a gap's slot holds."""
    for dtype, gap in itertools.product(("u8", "i8", "f8"), (0, 2)):
        stored = {10 * n: n % 3 for n in range(200)}
        for place in range(0, 2000, 70):
            tree = MapleTree(
                ((first, first + 9 - gap, value) for first, value in stored.items()),
                dtype=dtype,
                policy=COALESCE,
            )
            for value in 0, 1, 2:
                tree.store_range(place, place + 9, value)
                before = value == stored.get(place - 10) and not gap
                after = value == stored.get(place + 10)
                assert len(tree) == 200 - before - after, (place, value)
                entry = tree.entry(place)
                assert (entry.first, entry.value) == (place - 10 * before, value)
                assert entry.last == place + 9 + (10 - gap) * after


def test_values_that_are_cut():
    value = [1]
    tree = MapleTree([(0, 99, value)], policy=COALESCE)
    tree[40:60] = "x"
    assert all(tree[index] is value for index in (0, 39, 60, 99))
    place = Place("f", 100)
    tree = MapleTree([(0, 99, place)], policy=OFFSET)
    tree[40:60] = "x", 7
    assert tree[0] is place
    assert list(tree) == [(0, 39, ("f", 100)), (40, 59, ("x", 7)), (60, 99, ("f", 160))]
    assert type(tree[60]) is Place and tree[60].file is place.file and type(tree[50]) is tuple
    tree[40:60] = "f", 140
    assert list(tree) == [(0, 99, place)] and tree[0] is place


def test_whole_numbers_of_any_size():
    for start in (-(2**64), -(2**63) - 1, -(2**63), -1, 0, 2**63 - 2, 2**63, MAX - 1, MAX, 2**70):
        for size in (1, 2, 2**63, 2**63 + 1, MAX):
            tree = MapleTree([(0, MAX, start)], policy=OFFSET)
            (piece,) = tree.pop_range(size, size)
            assert piece == (size, size, start + size) and type(piece.value) is int
            assert len(tree) == 1 + (size < MAX)
            if size < MAX:
                assert tree[MAX] == start + size + 1
            tree[size] = start + size
            assert list(tree) == [(0, MAX, start)]
            tree[size] = start + size + 1
            assert len(tree) == 2 + (size < MAX)


def test_a_neighbour_that_begins_before_the_stored_range():
    """The neighbour is given whole, so the right one can begin first."""
    for value in (0, 0.0, ("f", 0)):
        for shift in (-40, 0, 40):
            tree = MapleTree([(0, 99, value)], policy=OFFSET)
            tree[40:60] = advance(value, 40 + shift)
            assert len(tree) == (1 if shift == 0 else 3)
    for dtype, values in {"u8": (0, 39, 40, 80, MAX - 40), "i8": (0, -40, 40, 80)}.items():
        for value in values:
            tree = MapleTree([(0, 99, 0)], dtype=dtype, policy=OFFSET)
            tree[40:60] = value
            assert len(tree) == (1 if value == 40 else 3), value


def test_subclasses_of_numbers_count_as_numbers():
    class Odd(int):
        def __add__(self, other):
            raise AssertionError

        __radd__ = __eq__ = __ne__ = __sub__ = __index__ = __add__
        __hash__ = None

    class Real(float):
        __add__ = __radd__ = __eq__ = __float__ = Odd.__add__
        __hash__ = None

    for kind, plain in ((Odd, int), (Real, float)):
        tree = MapleTree([(0, 9, kind(5)), (10, 19, kind(15)), (20, 29, 7)], policy=OFFSET)
        assert [entry[:2] for entry in tree] == [(0, 19), (20, 29)]
        piece = tree[5:][5]
        assert type(tree[0]) is kind and type(piece) is plain and piece == 10


def test_floats_are_rounded_as_floats_are():
    tree = MapleTree([(0, MAX, 0.5)], policy=OFFSET)
    packed = MapleTree([(0, MAX, 0.5)], policy=OFFSET, dtype="f8")
    for index in (1, 2**52 + 1, 2**53 + 1, 2**63, 2**63 + 1025, MAX):
        assert repr(tree[index:][index]) == repr(packed[index:][index]) == repr(0.5 + index)
    for value in (math.inf, -math.inf, 1e300):
        for dtype in (None, "f8"):
            tree = MapleTree([(0, 9, value), (10, 19, value)], policy=OFFSET, dtype=dtype)
            assert list(tree) == [(0, 19, value)]
    for dtype in (None, "f8"):
        tree = MapleTree([(0, 9, math.nan), (10, 19, math.nan)], policy=OFFSET, dtype=dtype)
        assert len(tree) == 2
        tree = MapleTree([(0, 9, -0.0)], policy=OFFSET, dtype=dtype)
        assert repr(tree[:5][0]) == "-0.0"


def test_numbers_of_different_kinds_stay_apart():
    for left, right in (
        (0, 10.0),
        (0.0, 10),
        (0, ("f", 10)),
        (("f", 0), 10),
        (("f", 0), ("g", 10)),
    ):
        assert len(MapleTree([(0, 9, left), (10, 19, right)], policy=OFFSET)) == 2


BAD = {
    "str": "x",
    "NoneType": None,
    "bool": True,
    "complex": 1j,
    r"a tuple of 0 items": (),
    r"a tuple of 1 items": (1,),
    r"a tuple of 3 items": ("f", 1, 2),
    r"a tuple \(object, str\)": (1, "x"),
    r"a tuple \(object, bool\)": (1, True),
    r"a tuple \(object, tuple\)": (1, (1, 2)),
    "Same": Same(1),
}


@pytest.mark.parametrize("name", BAD)
def test_values_that_offset_refuses(name):
    match = (
        rf"with samara.OFFSET, a value must be a number or a tuple \(object, number\), not {name}$"
    )
    for value, good in itertools.product((BAD[name],), (1, ("f", 2))):
        tree = MapleTree([(10, 19, value), (30, 39, good)], policy=OFFSET)
        before = list(tree)
        for change in (
            lambda: tree.store_range(20, 25, good),  # noqa: B023
            lambda: tree.store_range(5, 9, good),  # noqa: B023
            lambda: tree.store_range(40, 45, value),  # noqa: B023
            lambda: tree.store_range(29, 29, value),  # noqa: B023
            lambda: tree.__delitem__(slice(12, 50)),  # noqa: B023
            lambda: tree.pop_range(5, 12),  # noqa: B023
            lambda: tree[12:15],  # noqa: B023
            lambda: tree.entries(12, 15, clip=True),  # noqa: B023
            lambda: tree.store_many([50, 40], [51, 41], [good, value]),  # noqa: B023
            lambda: MapleTree([(0, 9, good), (10, 19, value)], policy=OFFSET),  # noqa: B023
            lambda: MapleTree([(0, 9, value), (10, 19, good)], policy=OFFSET),  # noqa: B023
        ):
            with pytest.raises(TypeError, match=match):
                change()
            assert list(tree) == before
            tree.check()
        tree.store_range(10, 19, good)  # neither cut nor merged
        tree.store_range(60, 69, value)


def test_a_tuple_that_cannot_be_made_again():
    class Counted(tuple):
        made = 0

        def __new__(cls, *given):
            cls.made += 1
            return tuple.__new__(cls, given)

        def __len__(self):
            return 7

        def __getitem__(self, at):
            return "no"

    tree = MapleTree([(0, 99, Counted("f", 10))], policy=OFFSET)
    tree[40:50] = "g", 0
    assert Counted.made == 1 and type(tree[50]) is Counted and tuple(iter(tree[50])) == ("f", 60)
    if hasattr(os, "terminal_size"):  # a tuple in C that tuple.__new__() refuses to make
        tree = MapleTree([(0, 9, os.terminal_size((80, 24)))], policy=OFFSET)
        with contextlib.suppress(TypeError):
            assert tuple(tree[5:][5]) == (80, 29)
        tree.check()


@pytest.mark.parametrize(
    ("dtype", "value", "by", "limits"),
    [
        ("u8", MAX - 4, 5, "0 ... 18446744073709551615"),
        ("u8", MAX, 1, "0 ... 18446744073709551615"),
        ("u8", 2**63, 2**63, "0 ... 18446744073709551615"),
        ("i8", 2**63 - 5, 5, "-9223372036854775808 ... 9223372036854775807"),
        ("i8", -(2**63), MAX, None),
        ("i8", -1, 2**63 + 1, "-9223372036854775808 ... 9223372036854775807"),
        ("i8", -1, 2**63, None),
        ("u8", 0, MAX, None),
    ],
)
def test_an_advance_that_leaves_64_bits(dtype, value, by, limits):
    tree = MapleTree([(0, MAX, value)], dtype=dtype, policy=OFFSET)
    before = list(tree)
    if limits is None:
        assert tree[by:][by] == value + by
        return
    match = (
        rf"value {value} of \[0, {MAX}\] cannot advance by {by}: with dtype '{dtype}' it must be "
        rf"in {limits}$"
    ).replace("...", r"\.\.\.")
    for change in (
        lambda: tree.store_range(by - 1, by - 1, 3),
        lambda: tree.__delitem__(slice(0, by)),
        lambda: tree.pop_range(by, by),
        lambda: tree[by:],
        lambda: tree.entries(by, MAX, clip=True),
        lambda: tree.cursor(by - 1).store(3),
        lambda: tree.store_many([by - 1], [by - 1], [3]),
    ):
        with pytest.raises(OverflowError, match=match):
            change()
        assert list(tree) == before
        tree.check()
    tree.cursor(0, MAX).store(5, merge=False)


@pytest.mark.parametrize("merge", [True, False])
@each_kind
def test_a_cursor_that_stores_apart(kind, merge):
    value = kind.make(seeded("apart"), 0)
    tree = kind.tree([(0, 9, value)])
    going_on = kind.advance(value, 10)
    tree.cursor(10, 19).store(going_on, merge=False)
    assert [entry[:2] for entry in tree] == [(0, 9), (10, 19)]
    cursor = tree.cursor(10)
    cursor.walk()
    cursor.store(going_on, merge=merge)
    assert len(tree) == (1 if merge else 2)
    assert (cursor.index, cursor.last) == (10, 19)
    tree.check()


def test_packed_floats_are_compared_by_their_bits():
    nan = struct.unpack("<d", struct.pack("<Q", 0x7FF8000000000001))[0]
    for left, right, merge in (
        (0.0, -0.0, False),
        (math.nan, math.nan, True),
        (math.nan, nan, False),
        (1.5, 1.5, True),
    ):
        tree = MapleTree([(0, 9, left), (10, 19, right)], dtype="f8", policy=COALESCE)
        assert len(tree) == (1 if merge else 2)
    assert len(MapleTree([(0, 9, 0.0), (10, 19, -0.0)], policy=COALESCE)) == 1


def test_a_value_that_means_keep_apart():
    tree = MapleTree([(0, 9, NotImplemented), (10, 19, NotImplemented)], policy=COALESCE)
    assert len(tree) == 2


# ---- the objects themselves


@pytest.mark.parametrize("name", ["COALESCE", "OFFSET"])
def test_the_policies_are_found_by_name(name):
    policy = getattr(samara, name)
    assert repr(policy) == f"samara.{name}"
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(policy, protocol)) is policy
    assert copy.copy(policy) is policy and copy.deepcopy(policy) is policy
    assert name in samara.__all__
    check: Policy[int] = policy
    assert check.split(Entry(0, 9, 5), 0, 3) == 5


def test_the_methods_work_when_they_are_called():
    left, right = Entry(0, 9, "a"), Entry(10, 19, "a")
    assert COALESCE.split(left, 3, 4) == "a"
    assert COALESCE.merge(left, right, right) == "a"
    assert COALESCE.merge(left, Entry(10, 19, "b"), left) is NotImplemented
    assert OFFSET.split(Entry(0, 9, ("f", 5)), 3, 4) == ("f", 8)
    assert OFFSET.merge(Entry(0, 9, 5), Entry(10, 19, 15), left) == 5
    assert OFFSET.merge(Entry(0, 9, 5), Entry(10, 19, 16), left) is NotImplemented


class Wrapped:
    """A user's policy around a built-in one."""

    def __init__(self, policy):
        self.policy = policy
        self.asked = 0

    def split(self, entry, first, last):
        self.asked += 1
        return self.policy.split(entry, first, last)

    def merge(self, left, right, stored):
        self.asked += 1
        return self.policy.merge(left, right, stored)


class Louder(type(COALESCE)):
    """A user's subclass is a policy like any other."""

    def merge(self, left, right, stored):
        value = super().merge(left, right, stored)
        return value if value is NotImplemented else value + "!"


def test_a_policy_made_of_one():
    tree = MapleTree([(0, 9, "a"), (10, 19, "a"), (20, 29, "b")], policy=Louder())
    assert list(tree) == [(0, 19, "a!"), (20, 29, "b")]
    again = pickle.loads(pickle.dumps(tree))
    assert type(again.policy) is Louder and again == tree
    assert "Louder" in repr(again.policy)
    with pytest.raises(ValueError, match=r"must be samara.COALESCE or samara.OFFSET, not .*Louder"):
        MapleTree(dtype="u8", policy=Louder())


@pytest.mark.parametrize("kind", [k for k in KINDS.values() if not k.dtype], ids=str)
def test_a_wrapped_policy_does_the_same(kind):
    """The methods in Python do what the trees do by themselves."""
    random = seeded(f"wrapped {kind.policy}")
    trees = kind.tree(), MapleTree(policy=Wrapped(kind.policy))
    for _ in range(interpreter.steps(800)):
        first = random.randrange(CELLS)
        last = min(CELLS - 1, first + random.choice((0, 0, 1, 3, 12)))
        value, way = kind.make(random, first), random.randrange(4)
        for tree in trees:
            if way:
                tree.store_range(first, last, value)
            else:
                tree.pop_range(first, last)
        agree(*map(list, trees))
        assert all(
            a is b or type(a) is type(b)
            for a, b in zip(*([entry.value for entry in tree] for tree in trees), strict=True)
        )
    assert trees[1].policy.asked


# ---- attributes, copies and pickles


@each_kind
def test_relatives_and_pickles_keep_it(kind):
    random = seeded(f"relatives {kind.policy} {kind.dtype}")
    tree = kind.tree(pieces_of(kind, random))
    expected = text(tree) if kind.dtype else [e[:2] for e in tree]
    into = kind.tree()
    tree.dup_into(into)
    relatives = [tree.fork(), tree.dup(), tree[:], copy.copy(tree), copy.deepcopy(tree), into]
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with contextlib.suppress(TypeError):  # NotImplemented cannot be pickled by all protocols
            relatives.append(pickle.loads(pickle.dumps(tree, protocol)))
    if kind.dtype:
        relatives.append(MapleTree(tree, dtype=kind.dtype, policy=kind.policy))
    for relative in relatives:
        assert relative.policy is kind.policy and relative.dtype == kind.dtype
        assert (text(relative) if kind.dtype else [e[:2] for e in relative]) == expected
        relative.check()
    assert MapleTree(tree, dtype=kind.dtype).policy is None
    assert "policy" not in repr(tree)


def test_the_state_of_a_packed_tree_with_a_policy():
    for dtype, policy in itertools.product(("u8", "i8", "f8"), (COALESCE, OFFSET)):
        tree = MapleTree([(0, 9, 5), (10, 19, 6)], dtype=dtype, policy=policy, track_gaps=False)
        state = tree.__reduce__()[2]
        assert (state[0], state[-2], state[-1]) == (4, dtype, policy) and len(state) == 8
        again = MapleTree.__new__(MapleTree)
        again.__setstate__(state)
        assert again == tree and again.policy is policy and again.dtype == dtype
        again[20:30] = again[19]
        assert len(again) == (2 if policy is COALESCE else 3)


def test_a_forged_state_is_refused():
    good = MapleTree([(0, 9, 5)], dtype="u8", policy=COALESCE).__reduce__()[2]
    for state, match in (
        (good[:7], "expected a tuple of 8 items"),
        ((*good, 1, 1), "expected a tuple of 6 to 9 items"),
        ((*good[:6], "x", COALESCE), "dtype is not 'u8', 'i8' or 'f8'"),
        ((*good[:6], None, COALESCE), "dtype is not 'u8', 'i8' or 'f8'"),
        ((*good[:4], [5], *good[5:]), "the values are not bytes"),
        ((*good[:7], Louder()), "must be samara.COALESCE or samara.OFFSET"),
        ((3, *good[1:]), "expected a tuple of 7 items"),
        ((2, *good[1:]), "expected a tuple of 7 items"),
    ):
        tree = MapleTree()
        with pytest.raises(ValueError, match=match):
            tree.__setstate__(state)
        assert not tree and tree.dtype is None and tree.policy is None
        tree.check()
    tree = MapleTree()
    tree.__setstate__((*good[:7], None))
    assert tree.policy is None and tree.dtype == "u8"
    with pytest.raises(ValueError, match="cannot change the policy of a tree"):
        MapleTree(policy=OFFSET).__setstate__(good)


READ = """
import pickle, sys
import samara
for line in sys.stdin:
    name, dtype, data = line.split()
    tree = pickle.loads(bytes.fromhex(data))
    assert tree.policy is getattr(samara, name) and repr(tree.dtype) == dtype
    tree.check()
    print(pickle.dumps(tree, 4).hex())
"""


@interpreter.c_only
def test_pickles_of_one_are_read_by_the_other():
    trees = [
        (policy, dtype, MapleTree([(0, 9, 5), (10, 19, 7)], dtype=dtype, policy=policy))
        for policy, dtype in itertools.product((COALESCE, OFFSET), (None, "u8", "i8", "f8"))
    ]
    lines = [
        f"{repr(p).removeprefix('samara.')} {d!r} {pickle.dumps(t, 4).hex()}\n" for p, d, t in trees
    ]
    done = subprocess.run(
        [sys.executable, "-c", READ],
        input="".join(lines),
        capture_output=True,
        text=True,
        env={**os.environ, "SAMARA_PURE": "1"},
    )
    assert done.returncode == 0, done.stderr
    for (policy, dtype, tree), line in zip(trees, done.stdout.split(), strict=True):
        again = pickle.loads(bytes.fromhex(line))
        assert (again.policy, again.dtype, again) == (policy, dtype, tree)


def test_the_attributes_of_a_tree():
    tree = MapleTree(dtype="u8", policy=COALESCE)
    tree.__init__([(0, 9, 1), (10, 19, 1)], policy=COALESCE)  # another dtype, the same policy
    assert list(tree) == [(0, 19, 1)] and tree.dtype is None
    tree[20:30] = "x"
    tree.__init__([(0, 9, 1.5), (10, 19, 1.5)], dtype="f8", policy=COALESCE)
    assert repr(tree) == "MapleTree([(0, 19, 1.5)], dtype='f8')"
    for options in ({}, {"policy": OFFSET}, {"dtype": "u8", "policy": None}):
        with pytest.raises(ValueError, match="cannot change the policy of a tree from samara.COAL"):
            tree.__init__([], **options)
    with pytest.raises(ValueError, match="policy=samara.COALESCE, not .* policy=samara.OFFSET"):
        MapleTree(policy=COALESCE).dup_into(MapleTree(policy=OFFSET))
    plain = MapleTree([(0, 9, 1)], dtype="u8")
    assert plain == MapleTree([(0, 9, 1)], dtype="u8", policy=COALESCE)  # == ignores policies
    plain = MapleTree()
    plain.__init__([(0, 9, 1), (10, 19, 1)], dtype="i8", policy=COALESCE)
    assert plain.policy is COALESCE and len(plain) == 1


def test_a_dtype_that_comes_while_the_triples_are_read():
    """The contents must not be built with the operations of another dtype."""
    tree = MapleTree()

    def triples():
        tree.__init__([(5, 6, "old")], policy=COALESCE)
        yield (0, 9, 1)
        yield (10, 19, 1)

    tree.__init__(triples(), dtype="u8", policy=COALESCE)
    assert repr(tree) == "MapleTree([(0, 19, 1)], dtype='u8')"
    tree[15:30] = 1
    tree[5] = 2
    assert len(tree) == 3
    tree.check()


# ---- memory and references


@interpreter.counts_references
def test_references_balance():
    values = [Same(n // 3) for n in range(60)]
    files = [Same(n) for n in range(3)]
    counts = interpreter.references(values), interpreter.references(files)
    for policy, stored in (
        (COALESCE, values),
        (OFFSET, [(files[n // 20], 10 * n) for n in range(60)]),
    ):
        triples = [(10 * n, 10 * n + 9, value) for n, value in enumerate(stored)]
        columns = list(zip(*triples, strict=True))
        for tree in (
            MapleTree(triples, policy=policy),
            MapleTree(triples[::-1], policy=policy),
            MapleTree.from_arrays(*columns, policy=policy),
        ):
            assert len(tree) == (20 if policy is COALESCE else 3)
            for start in range(5, 500, 35):
                tree[start : start + 20] = stored[start // 10]
            tree.pop_range(33, 77)
            tree.fork()[100:200] = stored[0]
            list(tree.entries(13, 214, clip=True))
            del tree, start
        del triples, columns
    del stored
    assert (interpreter.references(values), interpreter.references(files)) == counts


@each_kind
def test_no_memory_changes_nothing(kind):
    random = seeded("no memory")
    triples = [(10 * n, 10 * n + 9, kind.make(random, n % 80)) for n in range(200)]
    tree = kind.tree(triples)
    before = list(tree)
    shown = text(before) if kind.dtype else before
    for nth in range(1, 60):
        fork = tree.fork()
        value = kind.make(seeded("no memory"), 55)
        if not interpreter.fails(nth, lambda f=fork, v=value: f.store_range(55, 65, v)):
            break
        for relative in (tree, fork):
            assert (text(relative) if kind.dtype else list(relative)) == shown
            relative.check()
    else:
        pytest.fail("it never came to an end")
    assert nth > 1


def test_a_cycle_through_the_values_is_collected():
    class Value:
        pass

    for policy in (COALESCE, OFFSET):
        value = Value()
        value.tree = MapleTree([(0, 9, (value, 1)), (10, 19, (value, 11))], policy=policy)
        gone = weakref.ref(value)
        del value
        interpreter.collect()
        assert gone() is None
    assert repr(MapleTree([(0, 9, 1), (10, 19, 11)], policy=OFFSET)) == "MapleTree([(0, 19, 1)])"


# ---- values whose == does something


class Equal:
    """A value that does something when it is compared."""

    act = None

    def __eq__(self, other):
        if Equal.act:
            Equal.act()
        return isinstance(other, Equal)

    __hash__ = None


@pytest.fixture
def acting():
    yield
    Equal.act = None


WRITES = {
    "store": lambda t: t.store_range(10, 19, value_for(t, 10)),
    "slice": lambda t: t.__setitem__(slice(10, 20), value_for(t, 10)),
    "store many": lambda t: t.store_many([10, 60], [19, 61], [value_for(t, 10)] * 2),
    "cursor": lambda t: t.cursor(10, 19).store(value_for(t, 10)),
    "insert": lambda t: t.insert_range(10, 19, value_for(t, 10)),
    "alloc": lambda t: t.alloc_range(10, value_for(t, 10)),
}


def value_for(tree, at):
    return Equal() if tree.policy is COALESCE else (Equal(), at)


def acted(policy):
    tree = MapleTree(policy=policy)
    for first in (0, 20, 40):
        tree.store_range(first, first + 9, value_for(tree, first))
    return tree


each_policy = pytest.mark.parametrize("policy", [COALESCE, OFFSET], ids=repr)
each_write = pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)


@each_write
@each_policy
def test_an_eq_that_raises_ends_the_write(policy, write, acting):
    def fail():
        raise LookupError("no answer")

    tree = acted(policy)
    before = [(entry[:2], id(entry.value)) for entry in tree]
    Equal.act = fail
    with pytest.raises(LookupError, match="no answer"):
        write(tree)
    Equal.act = None
    assert [(entry[:2], id(entry.value)) for entry in tree] == before
    tree.check()
    write(tree)
    assert [entry[:2] for entry in tree][0] == (0, 29)


@each_write
@each_policy
def test_an_eq_that_writes_the_tree_is_refused(policy, write, acting):
    inner = {
        "store": lambda t: t.store_range(0, 99, value_for(t, 0)),
        "clear": lambda t: t.clear(),
        "pop": lambda t: t.pop_range(0, MAX),
        "many": lambda t: t.store_many([0], [99], [value_for(t, 0)]),
        "init": lambda t: t.__init__([], policy=policy),
        "packed": lambda t: t.__init__([(0, 9, 1)], dtype="u8", policy=policy),
        "set state": lambda t: t.__setstate__(MapleTree(policy=policy).__reduce__()[2]),
    }
    for name, change in inner.items():
        tree = acted(policy)
        refused = []

        def act(change=change, tree=tree, refused=refused):
            with pytest.raises((RuntimeError, ValueError), match=r"calls its policy|empty tree"):
                change(tree)
            refused.append(change)

        Equal.act = act
        write(tree)
        Equal.act = None
        assert refused, name
        assert [entry[:2] for entry in tree][0] == (0, 29)
        tree.check()


@each_write
@each_policy
def test_an_eq_that_looks_forks_collects_and_drops(policy, write, acting):
    kept = []
    for act in (
        lambda t: list(t),
        lambda t: kept.append(t.fork()),
        lambda t: kept.append(iter(t)),
        lambda t: t.fork().clear(),
        lambda t: gc.collect(),
        lambda t: (t[5:45], t.dup(), list(t.entries(5, 45, clip=True))),
        lambda t: names.clear(),  # noqa: B023
    ):
        names = {"t": acted(policy)}
        tree = weakref.proxy(names["t"])

        def once(act=act, names=names):
            Equal.act = None
            act(names["t"])
            Equal.act = lambda: gc.collect()

        Equal.act = once
        write(names["t"])
        Equal.act = None
        if names:
            assert [entry[:2] for entry in tree][0] == (0, 29)
            tree.check()
        for relative in kept:
            assert next(iter(relative)) is not None
        kept.clear()


@each_policy
def test_an_eq_that_changes_what_the_tree_is_made_of(policy, acting):
    pair = value_for(MapleTree(policy=policy), 0), value_for(MapleTree(policy=policy), 10)
    firsts, lasts, values = array("Q", [0, 10]), array("Q", [9, 19]), list(pair)

    def act():
        firsts[:] = lasts[:] = array("Q", [MAX] * 2)
        values[:] = [None] * 2
        gc.collect()

    Equal.act = act
    tree = MapleTree.from_arrays(firsts, lasts, values, policy=policy)
    Equal.act = None
    assert [entry[:2] for entry in tree] == [(0, 19)]
    tree.check()


def test_a_truth_value_that_fails():
    class Vague:
        def __eq__(self, other):
            return Vague()

        def __bool__(self):
            raise ValueError("ambiguous")

        __hash__ = None

    for policy, values in ((COALESCE, (Vague(), Vague())), (OFFSET, ((Vague(), 0), (Vague(), 10)))):
        tree = MapleTree([(0, 9, values[0])], policy=policy)
        with pytest.raises(ValueError, match="ambiguous"):
            tree[10:20] = values[1]
        assert len(tree) == 1
