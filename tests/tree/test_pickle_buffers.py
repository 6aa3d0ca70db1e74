# SPDX-License-Identifier: MIT
"""Pickles of packed trees whose columns go out of band: PEP 574."""

import array
import contextlib
import copy
import ctypes
import datetime
import gc
import mmap
import pickle
import pickletools
import re
import struct
import sys
import tracemalloc

import pytest

from interpreter import COUNTS_REFERENCES, PURE, c_only, live_nodes, scaled
from samara import COALESCE, MAX, OFFSET, MapleTree
from surface_inputs import UNPICKLING

pytestmark = pytest.mark.skipif(not hasattr(pickle, "PickleBuffer"), reason="needs PickleBuffer")
VALUES = {"u8": [0, 1, MAX, 7], "i8": [-(2**63), -1, 2**63 - 1, 7], "f8": [-0.5, 0.0, 1e300, 7.0]}
KEYS = {
    "uint64": lambda n: n,
    "int64": lambda n: n - 50,
    "uint128": lambda n: n << 100,
    "ipv6": lambda n: n << 90,
    "float64": lambda n: n * 0.5,
    "date": lambda n: datetime.date(2000, 1, 1) + datetime.timedelta(n),
}


def tree(count=100, keys="uint64", dtype="u8", **options):
    key, values = KEYS[keys], VALUES[dtype]
    ranges = ((key(3 * n), key(3 * n), values[n % 4]) for n in range(count))
    return MapleTree(ranges, keys=keys, dtype=dtype, **options)


def pickled(t):
    """Pickle a tree with its columns out of band. Return the pickle and the buffers."""
    buffers = []
    data = pickle.dumps(t, protocol=5, buffer_callback=buffers.append)
    return data, buffers


def contents(buffers):
    return [bytes(buffer.raw()) for buffer in buffers]


def into_mmap(data):
    memory = mmap.mmap(-1, max(len(data), 1))
    memory[: len(data)] = data
    return memoryview(memory)[: len(data)]


def into_numpy(data):
    numpy = pytest.importorskip("numpy")
    return numpy.frombuffer(data, numpy.uint8)


def into_numbers(data):
    numpy = pytest.importorskip("numpy")
    return numpy.frombuffer(data, "<u8").copy()


# What a reader can make of bytes that arrived.
FORMS = {
    "bytes": bytes,
    "bytearray": bytearray,
    "memoryview": memoryview,
    "writable memoryview": lambda data: memoryview(bytearray(data)),
    "unaligned": lambda data: memoryview(b"x" + data)[1:],
    "writable and unaligned": lambda data: memoryview(bytearray(b"x" + data))[1:],
    "signed chars": lambda data: memoryview(data).cast("b"),
    "chars": lambda data: memoryview(data).cast("c"),
    "array": lambda data: array.array("B", data),
    "ctypes": lambda data: (ctypes.c_ubyte * len(data)).from_buffer_copy(data),
    "mmap": into_mmap,
    "numpy": into_numpy,
    "numpy numbers": into_numbers,
    "PickleBuffer": pickle.PickleBuffer,
}


@pytest.mark.parametrize("keys", KEYS)
@pytest.mark.parametrize("dtype", VALUES)
@pytest.mark.parametrize("count", [0, 1, 700])
def test_there_and_back(keys, dtype, count):
    policy = COALESCE if dtype == "i8" else None
    t = tree(count, keys, dtype, track_gaps=dtype == "u8", policy=policy)
    data, buffers = pickled(t)
    width = 16 if keys in ("uint128", "ipv6") else 8
    assert [len(column) for column in contents(buffers)] == [width * count] * 2 + [8 * count]
    assert len(data) < 400, "a column is in the pickle"
    u = pickle.loads(data, buffers=buffers)
    assert u == t and u.dtype == dtype and u.keys_dtype == keys
    assert u.policy is policy and u.track_gaps == t.track_gaps
    u.check()


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("keys", ["uint64", "uint128"])
def test_every_form_of_buffer(form, keys):
    t = tree(300, keys, "f8")
    data, buffers = pickled(t)
    given = [form(column) for column in contents(buffers)]
    u = pickle.loads(data, buffers=given)
    assert u == t
    u.check()
    u = MapleTree.__new__(MapleTree)
    state = list(t.__reduce__()[2])
    state[2:5] = given
    u.__setstate__(tuple(state))
    assert u == t
    u.check()


def test_the_buffers_are_what_older_protocols_hold():
    for keys in KEYS:
        t = tree(50, keys, "i8", policy=OFFSET)
        plain = t.__reduce__()
        for protocol in range(5):
            assert t.__reduce_ex__(protocol) == plain
        for protocol in (5, 6, 2**80):
            *head, state = t.__reduce_ex__(protocol)
            assert (*head,) == plain[:2]
            assert all(type(column) is pickle.PickleBuffer for column in state[2:5])
            assert (*state[:2], *contents(state[2:5]), *state[5:]) == plain[2]


def test_without_a_callback_the_columns_are_in_the_pickle():
    for keys in KEYS:
        t = tree(50, keys, "f8")
        data = pickle.dumps(t, protocol=5)
        assert all(column in data for column in contents(t.__reduce_ex__(5)[2][2:5]))
        assert pickle.loads(data) == t
        # A callback that returns something true wants the same.
        assert pickle.dumps(t, protocol=5, buffer_callback=lambda buffer: True) == data
        assert pickle.loads(pickle._dumps(t, protocol=5)) == t
        # A samara that knows no buffers finds bytes in it.
        used = {opcode.name for opcode, _, _ in pickletools.genops(data)}
        assert not used & {"NEXT_BUFFER", "READONLY_BUFFER", "BYTEARRAY8"}


def test_trees_of_objects_have_no_buffers():
    t = MapleTree([(1, 2, "a"), (5, 6, None)], keys="uint128")
    data, buffers = pickled(t)
    assert not buffers and pickle.loads(data) == t
    assert t.__reduce_ex__(5) == t.__reduce__()


def test_several_trees_in_one_pickle():
    trees = [tree(n, dtype=dtype) for n, dtype in enumerate(VALUES)]
    data, buffers = pickled({"trees": trees, "again": trees[1]})
    assert len(buffers) == 9
    loaded = pickle.loads(data, buffers=buffers)
    assert loaded["trees"] == trees and loaded["again"] is loaded["trees"][1]
    with pytest.raises(UNPICKLING):
        pickle.loads(data, buffers=buffers[:-1])
    with pytest.raises(UNPICKLING):
        pickle.loads(data)


# ---- subclasses ----------------------------------------------------------------------------------


class Named(MapleTree):
    """Has an attribute."""


class Own(MapleTree):
    """Pickles itself in its own way, which is also that of protocol 5."""

    def __reduce__(self):
        return Own, (list(self),)


class Late(MapleTree):
    """Adds to what the tree has."""

    def __reduce_ex__(self, protocol):
        function, arguments, state = super().__reduce_ex__(protocol)
        return function, arguments, state, None, None


def test_subclasses():
    t = Named([(1, 2, 3)], dtype="u8")
    t.name = "n"
    data, buffers = pickled(t)
    u = pickle.loads(data, buffers=buffers)
    assert type(u) is Named and u == t and u.name == "n" and len(buffers) == 3
    t = Own([(1, 2, 3)], dtype="u8")
    data, buffers = pickled(t)
    assert not buffers and list(pickle.loads(data)) == [(1, 2, 3)]
    t = Late([(1, 2, 3)], dtype="u8")
    data, buffers = pickled(t)
    assert len(buffers) == 3 and pickle.loads(data, buffers=buffers) == t
    assert copy.deepcopy(t) == t


@pytest.mark.parametrize("protocol", ["5", None, 5.0, []])
def test_a_protocol_is_an_integer(protocol):
    with pytest.raises(TypeError):
        MapleTree(dtype="u8").__reduce_ex__(protocol)


# ---- damage --------------------------------------------------------------------------------------


def row(*numbers):
    return struct.pack(f"<{len(numbers)}Q", *numbers)


def strided(data):
    return memoryview(bytes(2 * len(data)))[::2]


def table(data):
    return memoryview(data).cast("B", (2, len(data) // 2))


def typed(code):
    def make(data):
        numpy = pytest.importorskip("numpy")
        return numpy.frombuffer(data, code)

    return make


def zero_dimensions(data):
    numpy = pytest.importorskip("numpy")
    return numpy.zeros((), "u8")


def released(data):
    view = memoryview(data)
    view.release()
    return view


ROW, WORDS, BYTES = "are not one row of bytes", "are neither bytes nor little-endian", "not bytes"
BAD_FORMS = {
    "strided": (strided, ROW),
    "backwards": (lambda data: memoryview(data)[::-1], ROW),
    "two dimensions": (table, ROW),
    "no dimension": (zero_dimensions, ROW),
    "big-endian": (typed(">u8"), WORDS),
    "two bytes": (typed("u2"), WORDS),
    "four bytes": (typed("<f4"), WORDS),
    "bools": (typed("?"), WORDS),
    "complex": (typed("c16"), WORDS),
    "records": (typed([("a", "u4"), ("b", "u4")]), WORDS),
    "dates": (typed("M8[s]"), BYTES),
    "released": (released, BYTES),
    "text": (lambda data: data.decode("latin-1"), BYTES),
    "list": (list, BYTES),
    "None": (lambda data: None, BYTES),
}


@pytest.mark.parametrize(("form", "text"), BAD_FORMS.values(), ids=BAD_FORMS)
@pytest.mark.parametrize("place", [2, 3, 4])
@pytest.mark.parametrize("keys", ["uint64", "uint128"])
def test_buffers_of_other_forms_are_refused(form, text, place, keys):
    good = tree(4, keys).__reduce__()[2]
    bad = (*good[:place], form(good[place]), *good[place + 1 :])
    noun = "values" if place == 4 else "ranges"
    for state in (bad, bad[:2] + (*map(bytearray, good[2:place]), *bad[place:])):
        u = MapleTree.__new__(MapleTree)
        with pytest.raises(ValueError, match=f"not the state of a MapleTree: the {noun} .*{text}"):
            u.__setstate__(state)
        assert not u and u.dtype is None
        u.check()
        u.__setstate__(good)


@pytest.mark.parametrize(
    ("columns", "text"),
    [
        ((row(1), row(2, 6), row(7, 8)), "firsts and lasts differ in number"),
        ((row(1, 5)[:-1], row(2, 6)[:-1], row(7, 8)), "firsts and lasts differ in number"),
        ((row(1, 5), row(2, 6), row(7)), "ranges and values differ in number"),
        ((row(1, 5), row(2, 6), row(7, 8, 9)), "ranges and values differ in number"),
        ((row(1, 5), row(2, 6), row(7, 8)[:-1]), "ranges and values differ in number"),
        ((b"", b"", b"1"), "ranges and values differ in number"),
        ((row(5, 1), row(6, 2), row(7, 8)), "range 1, [1, 2], is out of order"),
        ((row(1, 2), row(2, 6), row(7, 8)), "range 1, [2, 6], is out of order"),
        ((row(3, 5), row(2, 6), row(7, 8)), "range 0, [3, 2], is out of order"),
    ],
    ids=str,
)
@pytest.mark.parametrize("form", ["bytes", "bytearray", "unaligned", "mmap"])
def test_columns_that_do_not_fit_are_refused(columns, text, form):
    before = live_nodes()
    t = tree(2)
    data, buffers = pickled(t)
    given = [FORMS[form](column) for column in columns]
    with pytest.raises(ValueError, match=re.escape(text)):
        pickle.loads(data, buffers=given)
    assert pickle.loads(data, buffers=buffers) == t
    del t
    assert live_nodes() == before


def test_buffers_in_another_order():
    """Firsts after lasts: the ranges overlap."""
    t = MapleTree([(10, 19, 1), (30, 39, 2)], dtype="u8")
    data, (firsts, lasts, values) = pickled(t)
    with pytest.raises(ValueError, match="out of order"):
        pickle.loads(data, buffers=[lasts, firsts, values])


def test_codes_above_the_last_key():
    state = tree(1, "date").__reduce__()[2]
    codes = bytearray(row(2**40))
    u = MapleTree.__new__(MapleTree)
    with pytest.raises(ValueError, match="range 0, .* is out of order"):
        u.__setstate__((*state[:2], codes, codes, *state[4:]))
    assert not u


def test_every_change_of_a_byte_of_the_ranges():
    """If it loads, it is what the bytes say. If not, they were not ranges in order."""
    t = MapleTree([(1, 2, 0), (5, 300, 1), (301, 2**40, 2)], dtype="i8")
    data, buffers = pickled(t)
    columns = [bytearray(column) for column in contents(buffers)]
    outcomes = set()
    for column in columns[:2]:
        for at in range(len(column)):
            before = column[at]
            for byte in range(256):
                column[at] = byte
                ends = [struct.unpack(f"<{len(t)}Q", end) for end in columns[:2]]
                flat = [key for pair in zip(*ends, strict=True) for key in pair]
                sound = all(first <= last for first, last in zip(*ends, strict=True)) and all(
                    last < first for last, first in zip(flat[1::2], flat[2::2], strict=False)
                )
                outcomes.add(sound)
                if sound:
                    u = pickle.loads(data, buffers=columns)
                    assert list(u) == [(*pair, n) for n, pair in enumerate(zip(*ends, strict=True))]
                    u.check()
                else:
                    with pytest.raises(ValueError, match="out of order"):
                        pickle.loads(data, buffers=columns)
            column[at] = before
    assert outcomes == {True, False}


def test_the_tree_does_not_keep_the_buffers():
    t = tree(300)
    data, buffers = pickled(t)
    given = [bytearray(column) for column in contents(buffers)]
    u = pickle.loads(data, buffers=given)
    for column in given:
        column[:] = b""  # a BufferError if anything still had a view of it
    assert u == t
    t.clear()
    assert pickle.loads(data, buffers=buffers) == u, "nor do the buffers keep the tree"
    given = [bytearray(column) for column in contents(buffers)]
    with pytest.raises(ValueError, match="differ in number"):
        pickle.loads(data, buffers=[given[0], given[1], given[2][1:]])
    for column in given:
        column[:] = b""


@pytest.mark.skipif(sys.version_info < (3, 12), reason="__buffer__() is new in Python 3.12")
def test_buffers_that_run_code():
    t = tree(3)
    state = t.__reduce__()[2]

    class Fails:
        def __buffer__(self, flags):
            raise LookupError

    u = MapleTree.__new__(MapleTree)
    with pytest.raises(LookupError):
        u.__setstate__((*state[:3], Fails(), *state[4:]))

    class Fills:
        def __buffer__(self, flags):
            u[5] = 1
            return memoryview(state[3])

    with pytest.raises(ValueError, match="requires an empty tree"):
        u.__setstate__((*state[:3], Fills(), *state[4:]))
    assert list(u) == [(5, 5, 1)]


# ---- memory --------------------------------------------------------------------------------------


@contextlib.contextmanager
def measured():
    """Yield a list that afterwards has the peak of the memory that Python allocated meanwhile."""
    peak = []
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        yield peak
        peak.append(tracemalloc.get_traced_memory()[1] - before)
    finally:
        tracemalloc.stop()


def million(keys):
    """A packed tree with keys that are ints, made without a list."""
    key = KEYS[keys]
    count = scaled(1_000_000)
    return MapleTree(((key(2 * n), key(2 * n), n) for n in range(count)), keys=keys, dtype="u8")


@pytest.mark.skipif(not COUNTS_REFERENCES, reason="about CPython's memory")
@pytest.mark.parametrize("keys", ["uint64", "uint128"])
def test_a_million_ranges_are_copied_once(keys):
    t = million(keys)
    width = 16 if keys == "uint128" else 8
    columns = len(t) * (2 * width + 8)
    buffers = []
    with measured() as peak:
        data = pickle.dumps(t, protocol=5, buffer_callback=buffers.append)
    assert len(data) < 400 and sum(len(buffer.raw()) for buffer in buffers) == columns
    if not PURE:  # in plain Python, each key and value is an object on the way
        assert columns <= peak[0] < columns + 20_000
    with measured() as peak:
        u = pickle.loads(data, buffers=buffers)
    if not PURE:  # the nodes are not Python's memory
        assert peak[0] < 20_000
    assert u == t


@c_only
def test_the_buffers_are_read_where_they_are():
    """Only what the machine cannot read in place is copied."""
    t = million("uint64")
    data, buffers = pickled(t)
    shifted = [memoryview(b"x" + column)[1:] for column in contents(buffers)]
    for number in range(4):
        given = shifted[:number] + buffers[number:]
        with measured() as peak:
            u = pickle.loads(data, buffers=given)
        copied = 8 * len(t) * number
        assert copied <= peak[0] < copied + 20_000
        assert u == t
