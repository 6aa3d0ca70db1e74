# SPDX-License-Identifier: MIT
"""Columns of Arrow as keys, sizes and values, against the same items one by one."""

import gc
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from samara import MapleTree
from samara._keys import kind_of
from tree_oracle import seeded

np = pytest.importorskip("numpy")
pa = pytest.importorskip("pyarrow")

INTS = [pa.int8(), pa.int16(), pa.int32(), pa.int64()]
INTS += [pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()]
FLOATS = [pa.float16(), pa.float32(), pa.float64()]
KINDS = ["uint64", "int64", "uint128", "ipv4", "ipv6", "float64"]
UNITS = ["s", "ms", "us", "ns"]
ZONES = ["", ", UTC", ", Europe/Berlin"]


def cut(array, random):
    """Yield a column whole, sliced, in chunks, and as a part of a table."""
    yield array
    start = random.randrange(len(array))
    yield array.slice(start)
    yield array.slice(start, random.randrange(len(array) - start + 1))
    ends = sorted(random.sample(range(len(array)), 3))
    chunks = [array[a:b] for a, b in zip([0, *ends], [*ends, len(array)], strict=True)]
    yield pa.chunked_array(chunks, array.type)
    yield pa.table({"other": array, "keys": array}).slice(start)["keys"]
    yield pa.chunked_array([], array.type)


def tree_over(keys, codes):
    """Return a tree in which every second one of the codes has a value: its position."""
    kind = kind_of(keys)
    tree = MapleTree(keys=keys, dtype="u8")
    for position, code in enumerate(sorted(set(codes))):
        if position % 2:
            key = kind.key(code)
            tree.store_range(key, key, position)
    return tree


def check_look_ups(keys, column, items):
    """Check that a column's nulls are misses, and that all else is found as one by one."""
    kind = kind_of(keys)
    codes = [kind.code(item, "key") for item in items if item is not None]
    tree = tree_over(keys, [code for code in codes if 0 <= code <= kind.top])
    expected = [None if item is None else tree.get(item) for item in items]
    values, mask = tree.load_many(column, found=True)
    assert mask.tolist() == [value is not None for value in expected]
    assert values.tolist() == [value or 0 for value in expected]
    assert tree.load_many(column, 7).tolist() == [
        7 if value is None else value for value in expected
    ]
    if None in expected:
        with pytest.raises(KeyError) as caught:
            tree.load_many(column)
        bad = items[expected.index(None)]
        if not isinstance(bad, date):
            assert caught.value.args == (bad,)


@pytest.mark.parametrize("form", INTS + FLOATS, ids=str)
@pytest.mark.parametrize("keys", KINDS)
def test_numbers(keys, form):
    random = seeded(f"{keys} {form}")
    whole = form not in FLOATS
    if keys != "float64" and not whole:
        with pytest.raises(TypeError, match="keys must hold integers|must be an IPv"):
            MapleTree(keys=keys, dtype="u8").load_many(pa.array([np.float16(1)], form), 0)
        return
    bits = form.bit_width - 1 if whole else 10
    low = -(2**bits) if whole and pa.types.is_signed_integer(form) else 0
    items = [random.randrange(low, 2**bits) for _ in range(40)] + [low, 2**bits - 1, None, None]
    random.shuffle(items)
    if not whole:
        items = [item if item is None else np.float16(item) for item in items]
    for column in cut(pa.array(items, form), random):
        check_look_ups(keys, column, column.to_pylist())


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("resolution", UNITS)
def test_moments(unit, zone, resolution):
    """Arrow's zone need not be the tree's: what is stored is UTC."""
    random = seeded(f"{unit} {zone} {resolution}")
    keys = f"datetime64[{resolution}{zone}]"
    if resolution == "ns" and zone:
        pytest.importorskip("pandas")
    steps = [random.randrange(-(2**33), 2**33) for _ in range(40)] + [0, -1]
    moments = [
        datetime(1970, 1, 1, tzinfo=UTC if zone else None) + timedelta(seconds=n) for n in steps
    ]
    form = pa.timestamp(unit, "Asia/Tokyo" if zone else None)
    array = pa.array([*moments, None, None], form).take(random.sample(range(44), 44))
    for column in cut(array, random):
        items = [None if item is None else item for item in column.to_pylist()]
        items = [getattr(item, "to_pydatetime", lambda item=item: item)() for item in items]
        check_look_ups(keys, column, items)


@pytest.mark.parametrize("unit", UNITS)
def test_moments_at_the_limits(unit):
    """Those outside the limits are not there; the lowest number is NaT for numpy and pandas."""
    limits = [-(2**63), -(2**63) + 1, 2**63 - 1, 0]
    column = pa.array(limits, pa.int64()).view(pa.timestamp(unit))
    for resolution in UNITS:
        kind = kind_of(f"datetime64[{resolution}]")
        tree = MapleTree(keys=kind.name, dtype="u8")
        tree.store_range(tree.first_key, tree.last_key, 5)
        atto = {"s": 10**18, "ms": 10**15, "us": 10**12, "ns": 10**9}[unit]
        codes = [divmod(number * atto, kind.unit) for number in limits]
        if any(rest for _, rest in codes):
            with pytest.raises(ValueError, match="position 1: key .* is finer than the unit"):
                tree.load_many(column, 0)
            continue
        inside = [0 <= code - kind.origin <= kind.top for code, _ in codes]
        inside[0] = False
        assert tree.load_many(column, 0).tolist() == [5 * there for there in inside]


@pytest.mark.parametrize(
    "form", [pa.date32(), pa.date64(), pa.timestamp("s"), pa.timestamp("ns")], ids=str
)
@pytest.mark.parametrize("keys", ["date", "datetime64[s]", "datetime64[us]"])
def test_dates(keys, form):
    random = seeded(f"{keys} {form}")
    days = [date(1970, 1, 1) + timedelta(random.randrange(-(10**4), 10**4)) for _ in range(40)]
    for column in cut(pa.array([*days, None], pa.date32()).cast(form), random):
        whole = column.cast(pa.date32()).to_pylist()
        items = (
            whole
            if keys == "date"
            else [item and datetime(item.year, item.month, item.day) for item in whole]
        )
        check_look_ups(keys, column, items)


@pytest.mark.parametrize("keys", ["uint128", "ipv6"])
def test_bytes(keys):
    random = seeded(keys)
    items = [random.randrange(2**128) for _ in range(40)] + [0, 2**128 - 1, 2**64, None]
    data = [item if item is None else item.to_bytes(16, "big") for item in items]
    for column in cut(pa.array(data, pa.binary(16)), random):
        numbers = [item and int.from_bytes(item, "big") for item in column.to_pylist()]
        numbers = [0 if number == b"" else number for number in numbers]
        check_look_ups(keys, column, numbers)


@pytest.mark.parametrize("keys", ["ipv4", "ipv6"])
def test_text_and_dictionaries(keys):
    """Items of no fixed size are taken one by one, as Python's objects."""
    text = ["10.0.0.1", "10.0.0.2", "10.0.0.3"] if keys == "ipv4" else ["::1", "::2", "::3"]
    items = [*text, None, text[0]]
    for form in (pa.string(), pa.large_string(), pa.string_view()):
        check_look_ups(keys, pa.array(items, form), items)
    check_look_ups(keys, pa.array(items).dictionary_encode(), items)


def test_items_that_are_no_keys():
    tree = MapleTree(dtype="u8")
    for column, given in (
        (pa.array(["1"]), "str"),
        (pa.array([Decimal(1)]), "decimal.Decimal"),
        (pa.array([True]), None),
        (pa.array([datetime(2020, 1, 1)]), "datetime.datetime"),
    ):
        if given is None:
            assert tree.load_many(column, 3).tolist() == [3]
            continue
        with pytest.raises(TypeError, match=f"position 0: key must be an integer, not {given}"):
            tree.load_many(column, 0)
    days = MapleTree(keys="date", dtype="u8")
    with pytest.raises(TypeError, match="position 0: first must be a date, not a moment"):
        days.store_many(pa.array([datetime(2020, 1, 1, 1)]), pa.array([date(2020, 1, 1)]), [1])


def test_zones_must_be_there_or_not():
    naive, aware = pa.array([datetime(2020, 1, 1)]), pa.array([datetime(2020, 1, 1, tzinfo=UTC)])
    assert MapleTree(keys="datetime64[us, UTC]", dtype="u8").load_many(naive[:0], 0).size == 0
    with pytest.raises(TypeError, match=r"keys must be a datetime with a time zone \(aware\)"):
        MapleTree(keys="datetime64[us, UTC]", dtype="u8").load_many(naive, 0)
    for keys in ("datetime64[us]", "date"):
        with pytest.raises(TypeError, match=r"first must be a datetime without a time zone"):
            MapleTree.from_arrays(aware, aware, [1], keys=keys)


def test_a_table_is_no_column():
    table = pa.table({"a": [1], "b": [2]})
    for given in (table, table.to_batches()[0], table.to_struct_array()):
        with pytest.raises(TypeError, match="keys must be one column, not a table"):
            MapleTree(dtype="u8").load_many(given, 0)


def test_nulls_cannot_be_stored():
    good, bad = pa.array([1, 20, 30]), pa.array([1, 20, None])
    tree = MapleTree.from_arrays(good, good, [1, 2, 3])
    for first, last, name in ((bad, good, "first"), (good, bad, "last")):
        with pytest.raises(ValueError, match=f"position 2: {name} is null"):
            MapleTree.from_arrays(first, last, [1, 2, 3])
        with pytest.raises(ValueError, match=f"position 2: {name} is null"):
            MapleTree.from_arrays(first, last, [1, 2, 3], closed="left")
        with pytest.raises(ValueError, match=f"position 2: {name} is null"):
            tree.store_many(first, last, [4, 5, 6])
    with pytest.raises(ValueError, match="position 1: first is null"):
        addresses = pa.array(["10.0.0.1", None])
        MapleTree.from_arrays(addresses, addresses, [1, 2], keys="ipv4")
    with pytest.raises((TypeError, ValueError), match="position 2: value must be an integer"):
        MapleTree.from_arrays(good, good, bad, dtype="u8")
    assert tree.values() is not None and list(tree.values()) == [1, 2, 3]


def test_values():
    """Numbers make a packed tree. Anything else, and numbers with nulls, are objects."""
    ends = pa.array([1, 2, 3])
    for column, dtype in (
        (pa.array([1, 2, 3], pa.int8()), "i8"),
        (pa.array([1, 2, 3], pa.uint32()), "u8"),
        (pa.chunked_array([[1.5], [2.5, 3.5]]), "f8"),
        (pa.array([1, None, 3]), None),
        (pa.array(["a", None, "c"]), None),
        (pa.array(["a", "b", "a"]).dictionary_encode(), None),
        (pa.array([date(2020, 1, 1)] * 3), None),
        (pa.array([True, False, True]), None),
        (pa.array([{"a": 1}] * 3), None),
    ):
        tree = MapleTree.from_arrays(ends, ends, column)
        assert tree.dtype == dtype
        assert list(tree.values()) == column.to_pylist()
        objects = MapleTree()
        objects.store_many(ends, ends, column)
        assert [(type(value), value) for value in objects.values()] == [
            (type(value), value) for value in column.to_pylist()
        ]


def test_sizes_and_addends():
    tree = MapleTree(dtype="i8")
    firsts = tree.alloc_many(pa.array([5, 8], pa.uint16()), pa.chunked_array([[1], [2]]))
    assert list(tree) == [(firsts[0], firsts[0] + 4, 1), (firsts[1], firsts[1] + 7, 2)]
    tree.accumulate_many(pa.array([firsts[0]]), pa.array([firsts[0] + 4]), pa.array([10]))
    assert tree[firsts[0]] == 11
    with pytest.raises(TypeError, match="position 1: size must be an integer, not NoneType"):
        tree.alloc_many(pa.array([5, None]), [1, 2])


def test_the_memory_of_a_producer_is_kept_and_given_back():
    class Fresh:
        """A column that nobody else refers to."""

        def __init__(self, way):
            self.way = way

        def __arrow_c_stream__(self, requested_schema=None):
            return pa.chunked_array([np.arange(10_000)]).__arrow_c_stream__()

        def __len__(self):
            return 10_000

    tree = MapleTree([(0, 9_999, 1)], dtype="u8")
    gc.collect()  # what other tests left
    before = pa.total_allocated_bytes()
    for _ in range(20):
        column = Fresh("stream")
        assert tree.load_many(column, 0).all()
        assert MapleTree.from_arrays(column, column, column).covered == 10_000
    assert pa.total_allocated_bytes() == before


def test_a_producer_that_fails():
    def batches():
        yield pa.record_batch({"a": [1]})
        raise ValueError("the disk is full")

    reader = pa.RecordBatchReader.from_batches(pa.schema({"a": pa.int64()}), batches())
    with pytest.raises(RuntimeError, match="(?s)did not give its Arrow data: .*the disk is full"):
        MapleTree(dtype="u8").load_many(reader, 0)


def test_a_producer_that_raises():
    class Broken:
        def __arrow_c_stream__(self, requested_schema=None):
            raise ZeroDivisionError

        def __iter__(self):
            return iter([1, 2])

    for call in (
        lambda: MapleTree(dtype="u8").load_many(Broken(), 0),
        lambda: MapleTree.from_arrays([1, 2], [1, 2], Broken()),
    ):
        with pytest.raises(ZeroDivisionError):
            call()


@pytest.mark.parametrize(
    "form", ["int64", "Int64", "UInt32", "int64[pyarrow]", "float64", "object"]
)
def test_pandas(form):
    pd = pytest.importorskip("pandas")
    keys = "float64" if form == "float64" else "int64"
    series = pd.Series([5, 17, 2, 9], dtype=form)
    tree = MapleTree([(5, 5, 1), (9, 9, 2)], keys=keys, dtype="u8")
    assert tree.load_many(series, 0).tolist() == [1, 0, 0, 2]
    assert tree.load_many(series[::-1], 0).tolist() == [2, 0, 0, 1]
    made = MapleTree.from_arrays(series.sort_values(), series.sort_values(), series, keys=keys)
    assert list(made.values()) == [5, 17, 2, 9]
    assert made.dtype == {"object": None, "float64": "f8", "UInt32": "u8"}.get(form, "i8")
    if form[0] in "IU" or form.endswith("[pyarrow]"):
        gaps = pd.Series([5, None, 9], dtype=form)
        assert tree.load_many(gaps, 0).tolist() == [1, 0, 2]
        with pytest.raises(ValueError, match="position 1: first is null"):
            MapleTree.from_arrays(gaps, gaps, [1, 2, 3], keys=keys)


def test_pandas_without_pyarrow(monkeypatch):
    """Its columns say that pyarrow is missing, and are read in other ways."""
    pd = pytest.importorskip("pandas")

    def refuse(self, requested_schema=None):
        raise ImportError("pyarrow is missing")

    monkeypatch.setattr(pd.Series, "__arrow_c_stream__", refuse, raising=False)
    tree = MapleTree([(5, 5, 1)], dtype="u8")
    assert tree.load_many(pd.Series([5, 6], dtype="Int64"), 0).tolist() == [1, 0]
    assert tree.load_many(pd.Series([5, 6]), 0).tolist() == [1, 0]
    aware = pd.Series(pd.to_datetime(["2020-01-01"])).dt.tz_localize(UTC)
    zoned = MapleTree.from_arrays(aware, aware, [1], keys="datetime64[ns, UTC]", dtype="u8")
    assert zoned.load_many(aware).tolist() == [1]


def test_an_object_that_has_an_array():
    class Tensor:
        def __init__(self, *numbers):
            self.numbers = numbers

        def __array__(self, dtype=None, copy=None):
            return np.array(self.numbers, dtype)

        def __iter__(self):
            raise RuntimeError("item by item")

    ends, values = Tensor(1, 2, 3), Tensor(1.5, 2.5, 3.5)
    tree = MapleTree.from_arrays(ends, ends, values)
    assert list(tree) == [(1, 1, 1.5), (2, 2, 2.5), (3, 3, 3.5)]
    assert tree.load_many(Tensor(3, 4), 0).tolist() == [3.5, 0]
    tree.store_many(ends, ends, ends)
    assert list(tree.values()) == [1, 2, 3]


def test_polars():
    pl = pytest.importorskip("polars")
    series = pl.Series([5, None, 17]).extend(pl.Series([9]))
    tree = MapleTree([(5, 9, 1)], dtype="u8")
    assert tree.load_many(series, 0).tolist() == [1, 0, 0, 1]
    assert (
        tree.load_many(pl.concat([series, series], rechunk=False), 0).tolist() == [1, 0, 0, 1] * 2
    )
    assert MapleTree.from_arrays(pl.Series([1]), pl.Series([2]), pl.Series(["a"])).get(1) == "a"
    aware = pl.Series([datetime(2020, 1, 1)]).dt.replace_time_zone("Europe/Berlin")
    with pytest.raises(TypeError, match="keys must be a datetime without a time zone"):
        MapleTree(keys="datetime64[us]", dtype="u8").load_many(aware, 0)
    zoned = MapleTree(keys="datetime64[us, Europe/Berlin]", dtype="u8")
    zoned[aware[0]] = 4
    assert zoned.load_many(aware).tolist() == [4]
    with pytest.raises(TypeError, match="keys must be one column, not a table"):
        tree.load_many(pl.DataFrame({"a": [1]}), 0)
