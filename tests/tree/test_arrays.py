# SPDX-License-Identifier: MIT
"""Arrays in and out: from_arrays, to_arrays, load_many and store_many."""

import ctypes
import gc
import math
import struct
import sys
import threading
from array import array

import pytest

from interpreter import (
    HANGS,
    c_only,
    collect,
    counted_nodes,
    counts_references,
    fails,
    live_nodes,
    references,
    settle,
)
from samara import MAX, MapleTree
from tree_oracle import Index, Oracle, seeded

TOP = 2**63
DTYPES = ["u8", "i8", "f8"]
each_kind = pytest.mark.parametrize("dtype", [None, *DTYPES])
ABSENT = object()


@pytest.fixture
def np():
    return pytest.importorskip("numpy")


class Value:
    pass


def columns(count, step=10, width=5):
    first = [step * n for n in range(count)]
    return first, [index + width - 1 for index in first], [n % 100 for n in range(count)]


def refused(error, message, call, *arguments, **options):
    """Check that the call raises exactly this error, and allocates no nodes."""
    nodes = counted_nodes()
    with pytest.raises(error) as caught:
        call(*arguments, **options)
    assert str(caught.value) == message
    caught = None
    assert counted_nodes() == nodes


# ---- from_arrays


@pytest.mark.parametrize("track_gaps", [True, False])
@pytest.mark.parametrize("count", [0, 1, 2, 15, 16, 17, 1000])
@each_kind
def test_from_sequences(count, dtype, track_gaps):
    first, last, values = columns(count)
    expected = MapleTree(zip(first, last, values, strict=True), dtype=dtype, track_gaps=track_gaps)
    for make in (list, tuple, iter):
        t = MapleTree.from_arrays(
            make(first), make(last), make(values), dtype=dtype, track_gaps=track_gaps
        )
        t.check()
        assert t == expected and t.covered == expected.covered
        assert t.dtype == dtype and t.track_gaps is track_gaps
        t[3:40] = 7
        t.check()


def test_the_ends_of_the_keys():
    t = MapleTree.from_arrays([0, 1, TOP, MAX], [0, TOP - 1, MAX - 1, MAX], "abcd")
    assert list(t) == [(0, 0, "a"), (1, TOP - 1, "b"), (TOP, MAX - 1, "c"), (MAX, MAX, "d")]
    assert t.covered == 2**64
    t.check()
    t = MapleTree.from_arrays(array("Q", [0]), array("Q", [MAX]), array("Q", [MAX]))
    assert list(t) == [(0, MAX, MAX)] and t.dtype == "u8"


def test_full_nodes():
    first, last, values = columns(10_000, width=10)
    t = MapleTree.from_arrays(first, last, values, dtype="u8", track_gaps=False)
    assert t.nbytes <= 24 * 10_000
    t = MapleTree.from_arrays(*columns(10_000), dtype="u8")
    assert t.nbytes <= 40 * 10_000


INTEGERS = "bBhHiIlLqQ"


@pytest.mark.parametrize("code", INTEGERS)
def test_buffers_of_every_size_of_integer(code):
    first, last, values = array(code, [1, 5, 100]), array(code, [2, 99, 127]), array(code, b"")
    t = MapleTree.from_arrays(first, last, "abc")
    assert list(t) == [(1, 2, "a"), (5, 99, "b"), (100, 127, "c")]
    values.extend([3, 0, 127])
    for view in (values, memoryview(values), memoryview(bytes(values)).cast(code)):
        t = MapleTree.from_arrays(first, memoryview(last), view)
        assert t.dtype == ("u8" if code.isupper() else "i8")
        assert [value for _, _, value in t] == [3, 0, 127]
    for dtype in DTYPES:
        t = MapleTree.from_arrays([1, 2, 3], [1, 2, 3], values, dtype=dtype)
        assert t.dtype == dtype and [value for _, _, value in t] == [3, 0, 127]


@pytest.mark.parametrize("code", INTEGERS)
def test_the_ends_of_every_size_of_integer(code):
    bits = 8 * array(code).itemsize
    low, high = (0, 2**bits - 1) if code.isupper() else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    numbers = array(code, [low, high])
    t = MapleTree.from_arrays([1, 2], [1, 2], numbers)
    assert [t[1], t[2]] == [low, high]
    t = MapleTree.from_arrays([1, 2], [1, 2], numbers, dtype="f8")
    assert [t[1], t[2]] == [float(low), float(high)]
    if low < 0:
        refused(
            *(ValueError, f"position 0: value {low} is outside 0 ... {MAX}"),
            *(MapleTree.from_arrays, [1, 2], [1, 2], numbers),
            dtype="u8",
        )
        refused(
            *(ValueError, f"position 0: first {low} is outside 0 ... {MAX}"),
            *(MapleTree.from_arrays, numbers, [1, 2], [1, 2]),
        )
        refused(
            *(ValueError, f"position 1: last {low} is outside 0 ... {MAX}"),
            *(MapleTree.from_arrays, [1, 2], numbers[::-1], [1, 2]),
        )
    elif bits == 64:
        refused(
            *(ValueError, f"position 1: value {high} is outside {-TOP} ... {TOP - 1}"),
            *(MapleTree.from_arrays, [1, 2], [1, 2], numbers),
            dtype="i8",
        )


def test_buffers_of_floats(np):
    numbers = [1.5, -0.25, math.inf]
    for values in (
        *(array("d", numbers), array("f", numbers)),
        *(np.array(numbers, dtype) for dtype in ("f2", "f4", "f8", "g")),
    ):
        t = MapleTree.from_arrays([1, 2, 3], [1, 2, 3], values)
        assert t.dtype == "f8" and [value for _, _, value in t] == numbers
        code = memoryview(values).format
        for dtype in ("u8", "i8"):
            refused(
                *(TypeError, f"values must hold integers, not items of format '{code}'"),
                *(MapleTree.from_arrays, [1, 2, 3], [1, 2, 3], values),
                dtype=dtype,
            )
        refused(
            *(TypeError, f"first must hold integers, not items of format '{code}'"),
            *(MapleTree.from_arrays, values, [1, 2, 3], [1, 2, 3]),
        )
        refused(
            *(TypeError, f"keys must hold integers, not items of format '{code}'"),
            *(t.load_many, values),
        )
    t = MapleTree.from_arrays([1], [1], np.array([math.nan]))
    assert math.isnan(t[1])


def test_other_buffers():
    assert list(MapleTree.from_arrays(b"\1\5", bytearray(b"\2\6"), b"ab")) == [
        *((1, 2, 97), (5, 6, 98))
    ]
    numbers = (ctypes.c_uint64 * 2)(5, MAX)
    assert list(MapleTree.from_arrays(numbers, numbers, numbers)) == [(5, 5, 5), (MAX, MAX, MAX)]
    numbers = (ctypes.c_long * 2)(5, -6)
    assert list(MapleTree.from_arrays([1, 2], [1, 2], numbers)) == [(1, 1, 5), (2, 2, -6)]
    flags = memoryview(b"\0\1").cast("?")
    t = MapleTree.from_arrays([1, 2], [1, 2], flags)
    assert t.dtype is None and t[2] is True
    assert MapleTree.from_arrays([1, 2], [1, 2], flags, dtype="u8")[2] == 1
    letters = memoryview(b"ab").cast("c")
    assert MapleTree.from_arrays([1, 2], [1, 2], letters)[2] == b"b"
    refused(
        *(TypeError, "position 0: value must be a number, not bytes"),
        *(MapleTree.from_arrays, [1, 2], [1, 2], letters),
        dtype="f8",
    )
    refused(
        *(TypeError, "position 0: first must be an integer, not bytes"),
        *(MapleTree.from_arrays, letters, [1, 2], [1, 2]),
    )


def test_strides(np):
    wide = np.arange(40, dtype=np.uint64)
    t = MapleTree.from_arrays(wide[::4], wide[1::4], wide[30::-1][:10])
    assert list(t) == [(4 * n, 4 * n + 1, 30 - n) for n in range(10)]
    record = np.dtype([("pad", "u1"), ("first", "u8"), ("last", "i4"), ("value", "f8")])
    rows = np.zeros(10, record)
    rows["first"] = np.arange(10) * 3
    rows["last"] = np.arange(10) * 3 + 1
    rows["value"] = np.arange(10) / 4
    t = MapleTree.from_arrays(rows["first"], rows["last"], rows["value"])
    assert list(t) == [(3 * n, 3 * n + 1, n / 4) for n in range(10)]
    assert list(t.load_many(rows["first"])) == list(np.arange(10) / 4)
    same = np.broadcast_to(np.int64(7), 10)
    assert {value for _, _, value in MapleTree.from_arrays(wide[:10], wide[:10], same)} == {7}


def test_readonly_buffers(np):
    numbers = np.arange(10, dtype=np.uint64)
    numbers.flags.writeable = False
    t = MapleTree.from_arrays(numbers, numbers, numbers)
    assert list(t.load_many(numbers)) == list(range(10))
    t.store_many(numbers, numbers, numbers)
    with pytest.raises(ValueError):
        numbers[0] = 1


def test_arrays_of_numpy_that_are_no_numbers(np):
    values = np.array([None, Value], dtype=object)
    t = MapleTree.from_arrays([1, 2], [1, 2], values)
    assert t.dtype is None and t[1] is None and t[2] is Value
    t = MapleTree.from_arrays(np.array([1, 2], object), [1, 2], np.array([3, 4.5], object))
    assert list(t) == [(1, 1, 3), (2, 2, 4.5)] and t.dtype is None
    assert MapleTree.from_arrays([1], [1], np.array([4], object), dtype="u8")[1] == 4
    for values in (
        *(np.array(["x", "y"]), np.array([1j, 2j]), np.array([True, False])),
        *(np.array([b"x", b"y"]), np.array(["2000-01-01", "2001-01-01"], "datetime64[D]")),
        np.zeros(2, [("a", "u8")]),
    ):
        t = MapleTree.from_arrays([1, 2], [1, 2], values)
        assert t.dtype is None and t[2] == values[1]
        with pytest.raises(TypeError, match="^position 0: first must be an integer, not "):
            MapleTree.from_arrays(values, [1, 2], [1, 2])
        with pytest.raises(TypeError, match="^position 0: key must be an integer, not "):
            t.load_many(values)


def test_another_byte_order(np):
    code = ">" if sys.byteorder == "little" else "<"
    own = "<" if sys.byteorder == "little" else ">"
    for kind in ("u8", "i4", "f8"):
        foreign = np.array([1, 2], code + kind)
        text = memoryview(foreign).format
        assert text[0] in "<>"
        for position, name in enumerate(["first", "last", "values"]):
            given = [[1, 2], [1, 2], [1, 2]]
            given[position] = foreign
            refused(
                ValueError,
                f"{name} must have the native byte order, not format '{text}'",
                *(MapleTree.from_arrays, *given),
            )
        with pytest.raises(ValueError, match="^keys must have the native byte order"):
            MapleTree().load_many(foreign)
        native = np.array([1, 2], own + kind)
        assert MapleTree.from_arrays([1, 2], [1, 2], native) == MapleTree([(1, 1, 1), (2, 2, 2)])


def test_several_dimensions(np):
    for values, count in (
        (np.zeros((2, 1), np.uint64), 2),
        (np.uint64(5), 0),
        (np.array(5), 0),
        (np.zeros((1, 1, 1), object), 3),
    ):
        for position, name in enumerate(["first", "last", "values"]):
            given = [[1, 2], [1, 2], [1, 2]]
            given[position] = values
            message = f"{name} must have one dimension, not {count}"
            refused(ValueError, message, MapleTree.from_arrays, *given)
        refused(
            ValueError, f"keys must have one dimension, not {count}", MapleTree().load_many, values
        )


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (([1, 2, 3], [1, 2, 3], [1, 2]), ValueError, "same length, not 3, 3, 2"),
        (([1], [1, 2, 3], [1, 2]), ValueError, "same length, not 1, 3, 2"),
        (([], [], "a"), ValueError, "same length, not 0, 0, 1"),
        (([1, "x"], [0], []), ValueError, "same length, not 2, 1, 0"),
        ((5, [], []), TypeError, "first must be a buffer or a sequence, not int"),
        (([], None, []), TypeError, "last must be a buffer or a sequence, not NoneType"),
        (([], [], Value), TypeError, "values must be a buffer or a sequence, not type"),
        (([0, 2, "a"], [0, 2, 4], "abc"), TypeError, "position 2: first must be an integer, not"),
        (([0, 2], [0, 2.0], "ab"), TypeError, "position 1: last must be an integer, not float"),
        (([0, -1], [0, 2], "ab"), ValueError, f"position 1: first -1 is outside 0 ... {MAX}"),
        (([0, 1], [MAX + 1, 2], "ab"), ValueError, f"position 0: last {MAX + 1} is outside 0 ..."),
        (([0, 1, 2, 5], [0, 1, 2, 3], "abcd"), ValueError, "position 3: first 5 is above last 3"),
        (([5, 1], [3, 1], "ab"), ValueError, "position 0: first 5 is above last 3"),
        (
            *(([0, 2, 8, 10], [0, 2, 11, 12], "abcd"), ValueError),
            "position 3: [10, 12] overlaps or is below [8, 11]",
        ),
        (([8, 1], [9, 2], "ab"), ValueError, "position 1: [1, 2] overlaps or is below [8, 9]"),
        (([8, 9], [9, 9], "ab"), ValueError, "position 1: [9, 9] overlaps or is below [8, 9]"),
        (([8, MAX], [MAX, MAX], "ab"), ValueError, f"position 1: [{MAX}, {MAX}] overlaps or"),
        (([MAX, 0], [MAX, 0], "ab"), ValueError, "position 1: [0, 0] overlaps or is below ["),
    ],
    ids=str,
)
def test_what_from_arrays_refuses(given, error, message):
    start = counted_nodes()
    with pytest.raises(error) as caught:
        MapleTree.from_arrays(*given)
    assert message in str(caught.value)
    caught = None
    numbers = [array("q", column) if is_numbers(column) else column for column in given]
    with pytest.raises(error) as caught:
        MapleTree.from_arrays(*numbers)
    assert message in str(caught.value)
    caught = None
    assert counted_nodes() == start


def is_numbers(column):
    return isinstance(column, list) and all(isinstance(n, int) and n < TOP for n in column)


@pytest.mark.parametrize(
    ("dtype", "values", "error", "message"),
    [
        ("u8", [1, -1], ValueError, f"position 1: value -1 is outside 0 ... {MAX}"),
        ("u8", array("h", [1, -1]), ValueError, f"position 1: value -1 is outside 0 ... {MAX}"),
        ("u8", ["a", 1], TypeError, "position 0: value must be an integer, not str"),
        ("i8", [1, TOP], ValueError, f"position 1: value {TOP} is outside {-TOP} ... {TOP - 1}"),
        ("i8", [1, 1.0], TypeError, "position 1: value must be an integer, not float"),
        ("f8", [1, "1"], TypeError, "position 1: value must be a number, not str"),
        ("f8", [1, 10**400], OverflowError, "int too large to convert to float"),
    ],
    ids=str,
)
def test_values_that_the_dtype_refuses(dtype, values, error, message):
    refused(error, message, MapleTree.from_arrays, [1, 2], [1, 2], values, dtype=dtype)
    t = MapleTree([(1, 9, 1)], dtype=dtype)
    refused(error, message, t.store_many, [2, 3], [2, 3], values)
    assert list(t) == [(1, 9, 1)]


def test_the_arguments_of_from_arrays():
    t = MapleTree.from_arrays(values="a", last=[2], first=[1], track_gaps=0, dtype=None)
    assert list(t) == [(1, 2, "a")] and not t.track_gaps
    with pytest.raises(TypeError):
        MapleTree.from_arrays([1], [2])
    with pytest.raises(TypeError):
        MapleTree.from_arrays([1], [2], [3], None)
    with pytest.raises(TypeError):
        MapleTree.from_arrays([1], [2], [3], type="u8")


def test_from_arrays_of_a_subclass():
    class Sub(MapleTree):
        def __init__(self):
            raise AssertionError("made without it")

    t = Sub.from_arrays([1], [2], array("d", [3]))
    assert type(t) is Sub and list(t) == [(1, 2, 3.0)] and t.dtype == "f8"
    assert type(t.fork()) is Sub
    assert type(t[:].from_arrays([], [], [])) is Sub


def test_buffers_are_given_back():
    numbers = array("Q", [1, 2])
    t = MapleTree.from_arrays(numbers, numbers, numbers)
    with pytest.raises(ValueError):
        MapleTree.from_arrays(numbers, numbers, [1])
    with pytest.raises(ValueError):
        MapleTree.from_arrays(numbers, numbers[::-1], [1, 2])
    t.store_many(numbers, numbers, numbers)
    with pytest.raises(KeyError):
        MapleTree().load_many(numbers)
    numbers.append(3)  # BufferError while anything still holds it
    assert list(t) == [(1, 1, 1), (2, 2, 2)]


# ---- to_arrays


@pytest.mark.parametrize("count", [0, 1, 17, 3000])
@each_kind
def test_to_arrays(np, count, dtype):
    t = MapleTree.from_arrays(*columns(count), dtype=dtype)
    first, last, values = t.to_arrays()
    types = {None: object, "u8": np.uint64, "i8": np.int64, "f8": np.float64}
    assert first.dtype == last.dtype == np.uint64 and values.dtype == types[dtype]
    assert first.shape == last.shape == values.shape == (count,)
    assert list(zip(first, last, values, strict=True)) == [tuple(entry) for entry in t]
    again = MapleTree.from_arrays(first, last, values)
    assert again == t and again.dtype == dtype
    first[:] = 0
    values[:] = 0
    assert again == t, "the arrays are copies"
    assert first.flags.writeable and first.flags.owndata


def test_to_arrays_of_the_extremes(np):
    for dtype, numbers in {
        "u8": [0, MAX],
        "i8": [-TOP, TOP - 1],
        "f8": [-math.inf, 5e-324],
    }.items():
        t = MapleTree([(0, TOP, numbers[0]), (TOP + 1, MAX, numbers[1])], dtype=dtype)
        first, last, values = t.to_arrays()
        assert [first.tolist(), last.tolist()] == [[0, TOP + 1], [TOP, MAX]]
        assert values.tolist() == numbers


def test_values_that_are_sequences_stay_what_they_are(np):
    values = [[1, 2], (3,), "text", np.arange(3), None]
    t = MapleTree((n, n, value) for n, value in enumerate(values))
    out = t.to_arrays()[2]
    assert out.shape == (5,) and all(a is b for a, b in zip(out, values, strict=True))


@counts_references
def test_to_arrays_counts_references(np):
    value = Value()
    t = MapleTree((2 * n, 2 * n, value) for n in range(1000))
    start, nones = sys.getrefcount(value), sys.getrefcount(None)
    arrays = t.to_arrays()
    assert sys.getrefcount(value) == start + 1000
    del arrays
    assert sys.getrefcount(value) == start
    assert abs(sys.getrefcount(None) - nones) < 100


WRONG = {
    "too short": lambda numpy, count: numpy.zeros(1, "u8"),
    "too long": lambda numpy, count: numpy.zeros(count + 1, "u8"),
    "other items": lambda numpy, count: numpy.zeros(8 * count, "u1"),
    "other things": lambda numpy, count: numpy.zeros(count, object),
    "no array": lambda numpy, count: bytearray(8),
}


@c_only
@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_what_is_no_array_of_that_many_numbers_is_not_filled(np, monkeypatch, wrong):
    t = MapleTree([(n, n, n) for n in range(3000)], dtype="u8")
    monkeypatch.setattr(np, "empty", lambda count, _: wrong(np, count))
    with pytest.raises(
        TypeError, match=r"numpy\.empty\(\) did not return an array of 3000 uint64 items"
    ):
        t.to_arrays()
    with pytest.raises(TypeError, match="did not return an array of 3 uint64 items"):
        t.load_many([1, 2, 3], 0)
    with monkeypatch.context() as words, pytest.raises(TypeError, match="array of 1 object items"):
        words.setattr(np, "empty", lambda count, _: np.zeros(count, "u8"))
        MapleTree([(0, 0, "x")]).to_arrays()


@pytest.fixture
def without_numpy(monkeypatch):
    monkeypatch.setitem(sys.modules, "numpy", None)


def test_without_numpy(without_numpy):
    t = MapleTree([(1, 2, 3)], dtype="u8")
    with pytest.raises(ImportError) as caught:
        t.to_arrays()
    assert str(caught.value) == "to_arrays() requires numpy: pip install numpy"
    assert isinstance(caught.value.__cause__, ImportError)
    with pytest.raises(ImportError) as caught:
        t.load_many([1])
    assert str(caught.value) == "load_many() requires numpy: pip install numpy"
    objects = MapleTree(t)
    assert objects.load_many([1]) == [3] and t.dtype == "u8"
    t.store_many([5], [6], [7])
    assert MapleTree.from_arrays([1, 5], [2, 6], array("Q", [3, 7])) == t


# ---- load_many


def answers(result):
    return result if isinstance(result, list) else result.tolist()


@pytest.mark.parametrize("count", [0, 1, 600, 40_000])
@each_kind
def test_load_many(np, dtype, count):
    random = seeded(f"load {dtype} {count}")
    t = MapleTree.from_arrays(*columns(1000), dtype=dtype)
    model = {}
    for first, last, value in t:
        model.update(dict.fromkeys(range(first, last + 1), value))
    keys = [random.randrange(10_020) for _ in range(count)]
    present = [key for key in keys if key in model]
    expected = [model.get(key, 77) for key in keys]
    for code in ("H", "i", "q", "Q"):
        for ordered in (keys, sorted(keys), sorted(keys, reverse=True)):
            wanted = [model.get(key, 77) for key in ordered]
            assert answers(t.load_many(array(code, ordered), 77)) == wanted
        assert answers(t.load_many(array(code, present))) == [model[key] for key in present]
    wide = np.array(keys * 2, np.uint64)
    assert answers(t.load_many(wide[: len(keys)], default=77)) == expected
    assert answers(t.load_many(wide[::-1], 77)) == (expected * 2)[::-1]
    assert answers(t.load_many(keys, 77)) == expected
    assert answers(t.load_many(iter(present))) == [model[key] for key in present]
    result = t.load_many(wide, 77)
    if dtype is None:
        assert type(result) is list
    else:
        types = {"u8": np.uint64, "i8": np.int64, "f8": np.float64}
        assert result.dtype == types[dtype] and result.flags.owndata and result.flags.writeable


@each_kind
def test_keys_that_are_absent(np, dtype):
    t = MapleTree.from_arrays([10, TOP, MAX], [19, TOP, MAX], [1, 2, 3], dtype=dtype)
    for keys, key in (
        ([10, 20, 9], 20),
        ([TOP, MAX, 10, -1], -1),
        ([MAX + 1, 0], MAX + 1),
        (array("q", [15, -1, 3]), -1),
        (array("b", [15, -128, 3]), -128),
        (array("Q", [MAX, TOP, MAX - 1, 0]), MAX - 1),
        (np.array([15, -1, 9, 3])[::2], 9),
        (array("H", [10] * 50_000 + [9, 8]), 9),
        (array("Q", [10] * 16_384 + [9]), 9),
    ):
        with pytest.raises(KeyError) as caught:
            t.load_many(keys)
        assert caught.value.args == (key,) and type(caught.value.args[0]) is int
        wanted = [t.get(int(key), 99) for key in keys]
        assert answers(t.load_many(keys, 99)) == wanted
        mask = [int(key) in t for key in keys]
        absent = None if dtype is None else 0
        for options, value in (({}, absent), ({"default": 99}, 99)):
            values, found = t.load_many(keys, **options, found=True)
            assert answers(found) == mask
            assert answers(values) == [t.get(int(key), value) for key in keys]
    assert answers(t.load_many([-(2**80), 2**80, MAX, -1, TOP], 7)) == [7, 7, 3, 7, 2]
    # As a word, -1 is MAX.
    assert answers(t.load_many(array("q", [-1, 15] * 600), 7)) == [7, 1] * 600
    with pytest.raises(KeyError) as caught:
        t.load_many([10, key := Index(20)])
    assert caught.value.args == (key,)


@each_kind
def test_an_empty_tree(np, dtype):
    t = MapleTree(dtype=dtype)
    assert answers(t.load_many([])) == answers(t.load_many(array("Q"))) == []
    assert answers(t.load_many(range(1000), 5)) == [5] * 1000
    with pytest.raises(KeyError, match="^3$"):
        t.load_many([3, 4])


def test_the_default_is_converted(np):
    t = MapleTree([(1, 2, 1)], dtype="u8")
    assert t.load_many([1, 5], True).tolist() == [1, 1]
    assert t.load_many([5], Index(7)).tolist() == [7]
    with pytest.raises(ValueError) as caught:
        t.load_many([1], -1)
    assert str(caught.value) == f"value -1 is outside 0 ... {MAX}"
    with pytest.raises(TypeError) as caught:
        t.load_many([1], None)
    assert str(caught.value) == "value must be an integer, not NoneType"
    t = MapleTree([(1, 2, 1)], dtype="f8")
    assert math.isnan(t.load_many([1, 5], math.nan)[1])
    t = MapleTree([(1, 2, 1)])
    assert t.load_many([5], None) == [None]
    assert t.load_many([5, 1], ABSENT) == [ABSENT, 1]
    assert t.load_many([5, 1], ...) == t.load_many([5, 1], default=...) == [..., 1]
    for packed in (MapleTree([(1, 2, 1)], dtype=dtype) for dtype in DTYPES):
        with pytest.raises(TypeError, match="not ellipsis"):
            packed.load_many([1], ...)


@pytest.mark.parametrize("count", [0, 1, 600, 40_000])
@each_kind
def test_which_keys_have_a_value(np, dtype, count):
    random = seeded(f"found {dtype} {count}")
    t = MapleTree.from_arrays(*columns(1000), dtype=dtype)
    keys = [random.randrange(-5, 10_020) for _ in range(count)]
    absent = None if dtype is None else 0
    for given in (keys, np.array(keys, np.int64), np.array(keys * 2, np.int32)[:count]):
        for options, value in (({}, absent), ({"default": 7}, 7)):
            values, mask = t.load_many(given, found=True, **options)
            assert answers(values) == [t.get(key, value) for key in keys]
            assert answers(mask) == [key in t for key in keys]
            if dtype is None:
                assert type(values) is type(mask) is list
                assert all(type(found) is bool for found in mask)
            else:
                assert mask.dtype == np.bool_ and mask.flags.owndata and mask.flags.writeable
    assert answers(t.load_many(keys, 7, False)) == [t.get(key, 7) for key in keys]
    assert answers(t.load_many(keys, 7, True)[1]) == [key in t for key in keys]


def test_found_is_a_truth_value():
    t = MapleTree([(1, 2, "a")])
    assert t.load_many([1], found="yes") == (["a"], [True])
    assert t.load_many([1], found=0) == ["a"]
    with pytest.raises(KeyError, match="^3$"):
        t.load_many([1, 3], found=None)


def test_keys_that_are_none():
    t = MapleTree([(1, 2, "a")])
    for keys, message in (
        (5, "keys must be a buffer or a sequence, not int"),
        (None, "keys must be a buffer or a sequence, not NoneType"),
        ([1, "x"], "position 1: key must be an integer, not str"),
        ([1.0], "position 0: key must be an integer, not float"),
        ("a", "position 0: key must be an integer, not str"),
    ):
        refused(TypeError, message, t.load_many, keys)
        refused(TypeError, message, t.load_many, keys, 5)
    with pytest.raises(TypeError):
        t.load_many()
    with pytest.raises(TypeError):
        t.load_many([], 1, False, 2)


@counts_references
def test_load_many_counts_references():
    value, other = Value(), Value()
    t = MapleTree((2 * n, 2 * n, value) for n in range(1000))
    start = sys.getrefcount(value), sys.getrefcount(other)
    nodes = counted_nodes()
    found = t.load_many(array("Q", range(2000)), other)
    assert sys.getrefcount(value) == start[0] + 1000
    assert sys.getrefcount(other) == start[1] + 1000
    assert found == [value, other] * 1000
    found = None
    with pytest.raises(KeyError):
        t.load_many(range(2000))
    assert (sys.getrefcount(value), sys.getrefcount(other)) == start
    assert counted_nodes() == nodes


def test_a_default_that_writes_the_tree(np):
    t = MapleTree([(1, 2, 1)], dtype="u8")
    found = t.load_many([1, 5], Index(7, lambda: t.__init__([(1, 9, Value())])))
    assert found.tolist() == [1, 7] and found.dtype == np.uint64 and t.dtype is None
    gc.collect()


# ---- store_many


@pytest.mark.parametrize("shared", [False, True])
@each_kind
def test_store_many_is_a_loop_of_stores(dtype, shared):
    random = seeded(f"store many {dtype} {shared}")
    base = random.choice([0, TOP - 150, MAX - 299])
    oracle = Oracle(base, 300)
    t = MapleTree(dtype=dtype)
    for _ in range(60):
        first, last, values = [], [], []
        for _ in range(random.choice([0, 1, 2, 10, 60])):
            low = random.randrange(300)
            high = min(299, low + random.choice([0, 1, 3, 40]))
            first.append(base + low)
            last.append(base + high)
            values.append(random.randrange(1000))
        relative = t.fork() if shared else None
        before = list(t)
        make = random.choice([list, tuple, lambda column: array("Q", column)])
        assert t.store_many(make(first), make(last), values) is None
        for low, high, value in zip(first, last, values, strict=True):
            oracle.store(low, high, value)
        t.check()
        assert [tuple(entry) for entry in t] == oracle.entries()
        assert len(t) == len(oracle.entries()) and t.covered == oracle.covered()
        if shared:
            relative.check()
            assert list(relative) == before


def test_store_many_with_buffers_of_values(np):
    numbers = array("i", [3, -4])
    t = MapleTree(dtype="i8")
    t.store_many(numbers[:0], [], [])
    t.store_many([1, 5], [2, 6], numbers)
    assert list(t) == [(1, 2, 3), (5, 6, -4)]
    t = MapleTree(dtype="f8")
    t.store_many([1, 5], [2, 6], numbers)
    assert list(t) == [(1, 2, 3.0), (5, 6, -4.0)]
    t = MapleTree()
    t.store_many([1, 5], [2, 6], numbers)
    assert list(t) == [(1, 2, 3), (5, 6, -4)] and type(t[1]) is int
    rows = np.arange(4).reshape(2, 2)
    t.store_many([1, 5], [2, 6], rows)
    assert (t[1] == rows[0]).all() and (t[5] == rows[1]).all()


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (
            ([1, 2], [1, 2], [1]),
            ValueError,
            "first, last and values must have the same length, not 2, 2, 1",
        ),
        (([1, 5], [1, 3], [1, 2]), ValueError, "position 1: first 5 is above last 3"),
        (([1, -5], [1, 3], [1, 2]), ValueError, f"position 1: first -5 is outside 0 ... {MAX}"),
        (([1, 2], [1, "x"], [1, 2]), TypeError, "position 1: last must be an integer, not str"),
        ((1, [1], [1]), TypeError, "first must be a buffer or a sequence, not int"),
        (([1], [1], 5), TypeError, "values must be a buffer or a sequence, not int"),
    ],
    ids=str,
)
@each_kind
def test_what_store_many_refuses(dtype, given, error, message):
    t = MapleTree.from_arrays(*columns(100), dtype=dtype)
    before, generation = list(t), t.dump()
    refused(error, message, t.store_many, *given)
    assert list(t) == before and t.dump() == generation


@each_kind
def test_store_many_out_of_memory(dtype):
    values = [Value() for _ in range(50)] if dtype is None else list(range(50))
    olds = [Value() for _ in range(100)] if dtype is None else list(range(100))
    t = MapleTree.from_arrays(*columns(100)[:2], olds, dtype=dtype)
    before = list(t)
    first = [17 * n for n in range(50)]
    last = [17 * n + 30 for n in range(50)]
    counted = olds if dtype is None else []
    gc.collect()
    nodes = counted_nodes()
    counts = references(counted)
    n = 1
    while fails(n, lambda: t.store_many(first, last, values)):
        assert counted_nodes() == nodes and list(t) == before
        assert references(counted) == counts
        t.check()
        n += 1
    assert n > 1
    expected = MapleTree(before, dtype=dtype)
    for low, high, value in zip(first, last, values, strict=True):
        expected.store_range(low, high, value)
    assert t == expected
    t.check()


@each_kind
def test_from_arrays_out_of_memory(dtype):
    values = [Value() for _ in range(1000)] if dtype is None else list(range(1000))
    first, last, _ = columns(1000)
    counted = values if dtype is None else []
    collect()
    start, nodes = live_nodes(), counted_nodes()
    counts = references(counted)
    made = []
    n = 1
    while fails(n, lambda: made.append(MapleTree.from_arrays(first, last, values, dtype=dtype))):
        assert counted_nodes() == nodes
        assert references(counted) == counts
        n += 1
    assert n > 1
    t = made.pop()
    assert live_nodes() == start + t.node_count
    del t
    assert live_nodes() == start
    assert references(counted) == counts


@counts_references
def test_store_many_counts_references():
    value, old = Value(), Value()
    t = MapleTree((10 * n, 10 * n + 4, old) for n in range(1000))
    start = sys.getrefcount(value), sys.getrefcount(old)
    nodes = counted_nodes()
    t.store_many([10 * n for n in range(1000)], [10 * n + 4 for n in range(1000)], [value] * 1000)
    assert sys.getrefcount(value) == start[0] + 1000
    assert sys.getrefcount(old) == start[1] - 1000
    assert counted_nodes() == nodes and t.covered == 5000


def test_an_end_that_writes_the_tree():
    t = MapleTree()
    seen = []

    class Last:
        def __del__(self):
            seen.append(list(t))
            t[100] = "end"

    t[5] = Last()
    t.store_many([1, 3], [9, 4], "ab")
    settle()
    assert seen == [[(1, 2, "a"), (3, 4, "b"), (5, 9, "a")]]
    assert t[100] == "end"
    t.check()


def test_cursors_and_loops_over_store_many():
    t = MapleTree([(10, 19, "a")])
    loop, cursor = iter(t), t.cursor(10)
    cursor.walk()
    t.store_many([0, 12], [99, 13], "bc")
    assert next(loop) == (10, 19, "a") and cursor.value == "b"
    t.store_many([], [], [])
    assert cursor.next() == (12, 13, "c")


def test_a_tree_in_itself(np):
    t = MapleTree()
    t.store_many([1, 5], [2, 6], [t, t])
    first, last, values = t.to_arrays()
    assert values[0] is t and t.load_many([5]) == [t]
    u = MapleTree.from_arrays(first, last, values)
    assert u[1] is t
    values = None
    collect()
    t.store_many(first, last, [u, u])
    nodes = live_nodes()
    del t, u
    collect()
    assert live_nodes() < nodes


# ---- threads


@pytest.mark.parametrize("dtype", [None, "u8"])
def test_look_ups_while_others_write(np, dtype):
    size = 20_000
    t = MapleTree.from_arrays(*columns(size // 10), dtype=dtype)
    keys = np.arange(0, size, 10, dtype=np.uint64)
    errors = []
    done = threading.Event()

    def look():
        try:
            while not done.is_set():
                found = np.asarray(t.load_many(keys, 0), dtype=np.int64)
                # One store_many() writes every range, so a look-up sees one number or columns().
                plain = (found == np.arange(size // 10) % 100).all()
                assert plain or (found == found[0]).all(), found
                first, last, values = t.to_arrays()
                assert len(first) == size // 10 and len(set(values.tolist())) in (1, 100)
        except BaseException as error:
            errors.append(error)
            done.set()

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    first, last, _ = t.to_arrays()
    for n in range(60):
        if not done.is_set():
            t.store_many(first, last, [1000 + n] * len(first))
    done.set()
    for thread in threads:
        thread.join(HANGS)
        assert not thread.is_alive()
    assert not errors, errors
    t.check()


# ---- against a plain array


@each_kind
def test_random_arrays(np, dtype):
    random = seeded(f"arrays {dtype}")
    for _ in range(60):
        size = random.choice([1, 5, 50, 400])
        base = random.choice([0, 2**40, TOP - size // 2, MAX - size + 1])
        oracle = Oracle(base, size)
        for _ in range(random.choice([0, 1, 5, size])):
            low = random.randrange(size)
            high = min(size - 1, low + random.choice([0, 0, 1, 5]))
            oracle.store(base + low, base + high, random.randrange(2**40))
        entries = oracle.entries()
        first, last, values = ([entry[n] for entry in entries] for n in range(3))
        makes = [list, lambda column: array("Q", column), lambda c: np.array(c, np.uint64)]
        make = random.choice(makes)
        track_gaps = random.random() < 0.5
        t = MapleTree.from_arrays(
            make(first), make(last), list(values), dtype=dtype, track_gaps=track_gaps
        )
        t.check()
        assert [tuple(entry) for entry in t] == entries and t.covered == oracle.covered()
        out = t.to_arrays()
        assert [column.tolist() for column in out] == [first, last, values]
        keys = [base + random.randrange(size) for _ in range(random.choice([0, 3, 700]))]
        assert answers(t.load_many(make(keys), 5)) == [oracle.get(key, 5) for key in keys]
        low, high = sorted(base + random.randrange(size) for _ in range(2))
        cut = t[low : high + 1]
        assert list(zip(*(c.tolist() for c in cut.to_arrays()), strict=True)) == oracle.clipped(
            low, high
        )
        t.store_range(low, high, 1)
        oracle.store(low, high, 1)
        assert list(zip(*(c.tolist() for c in t.to_arrays()), strict=True)) == oracle.entries()


def test_the_words_of_a_pickle_are_the_arrays(np):
    t = MapleTree.from_arrays(*columns(100), dtype="i8")
    first, last, values = t.to_arrays()
    state = t.__reduce__()[2]
    packed = [
        struct.pack(f"<100{code}", *c) for code, c in zip("QQq", (first, last, values), strict=True)
    ]
    assert list(state[2:5]) == packed


HALVES = [("u8", "u4"), ("u8", "i4"), ("i8", "i4"), ("i8", "u4"), ("f8", "f4")]


@pytest.mark.parametrize(("dtype", "half"), HALVES)
def test_results_of_32_bits(np, dtype, half):
    """As numpy converts results of 64 bits."""
    rng = np.random.default_rng(seeded(half).randrange(2**32))
    values = rng.integers(0, 2**31, 500).astype(dtype)
    if dtype == "i8" and half == "i4":
        values -= 2**30
    if dtype == "f8":
        values = rng.random(500)
    starts = np.arange(500, dtype="u8") * 10
    tree = MapleTree.from_arrays(starts, starts + np.uint64(4), values)
    keys = rng.integers(0, 6000, 4000).astype("u8")
    whole, mask = tree.load_many(keys, found=True)
    for given in (half, {"u": np.uint32, "i": "int32", "f": np.dtype("f4")}[half[0]]):
        result, found = tree.load_many(keys, found=True, dtype=given)
        assert result.dtype == half and (found == mask).all()
        assert (result == whole.astype(half)).all()
    absent = 7 if half == "u4" else -1
    expected = np.where(mask, whole.astype(half), np.array(absent, half))
    assert (tree.load_many(keys, absent, dtype=half) == expected).all()
    assert tree.load_many(starts, dtype=half).tolist() == values.astype(half).tolist()
    assert tree.load_many([], dtype=half).dtype == half
    with pytest.raises(KeyError, match="5"):
        tree.load_many([0, 5], dtype=half)


@pytest.mark.parametrize(
    ("dtype", "half", "limits"),
    [
        ("u8", "u4", [0, 2**32 - 1, 2**32]),
        ("u8", "i4", [0, 2**31 - 1, 2**31, 2**64 - 1]),
        ("i8", "u4", [-1, 0, 2**32 - 1, 2**32]),
        ("i8", "i4", [-(2**31) - 1, -(2**31), 2**31 - 1, 2**31]),
    ],
)
def test_what_does_not_fit_in_32_bits(np, dtype, half, limits):
    info = np.iinfo(half)
    for value in limits:
        tree = MapleTree([(10, 10, 1), (20, 20, value)], dtype=dtype)
        if info.min <= value <= info.max:
            assert tree.load_many([10, 20], dtype=half).tolist() == [1, value]
            assert tree.load_many([10, 15], value, dtype=half).tolist() == [1, value]
            continue
        with pytest.raises(ValueError, match=f"^position 1: value {value} does not fit in 32"):
            tree.load_many([10, 20], dtype=half)
        with pytest.raises(ValueError, match=f"{value}"):
            tree.load_many([10], value, dtype=half)
    with pytest.raises(TypeError, match="value must be an integer, not str"):
        tree.load_many([10], "a", dtype=half)


def test_dtypes_of_results_that_are_none(np):
    for tree, names in (
        (MapleTree(dtype="u8"), "'u4' or 'i4' for a tree of 'u8'"),
        (MapleTree(dtype="f8"), "'f4' for a tree of 'f8'"),
    ):
        for given in ("u8", "x", 5, np.int8, "f4" if tree.dtype == "u8" else "u4"):
            with pytest.raises(ValueError, match=f"dtype must be {names}, not "):
                tree.load_many([1], 0, dtype=given)
    with pytest.raises(TypeError, match="dtype requires a tree of numbers"):
        MapleTree().load_many([1], 0, dtype="u4")
