# SPDX-License-Identifier: MIT
"""Arrays of keys of each kind, in every form, against the same keys one by one.

The extension converts most arrays block by block. The same keys in a list are converted one by one.
"""

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from functools import partial
from ipaddress import IPv4Address, IPv6Address

import pytest

from samara import MapleTree
from samara._columns import Column
from samara._keys import kind_of
from samara._keys.times import text_of
from samara._pure.columns import open_keys
from tree_oracle import seeded

np = pytest.importorskip("numpy")

ZONES = ("", ", UTC", ", Europe/Berlin")
MOMENTS = [f"datetime64[{unit}{zone}]" for unit in ("s", "ms", "us", "ns") for zone in ZONES]
NAMES = ["uint64", "int64", "uint128", "float64", "date", "ipv4", "ipv6", *MOMENTS]
NAT = -(2**63)
INTS = [f"{letter}{size}" for letter in "iu" for size in (1, 2, 4, 8)]
UNITS = ["W", "D", "h", "m", "s", "ms", "us", "ns", "ps", "as", "Y", "M", "3D", "25us", "1500ms"]
UNITS += ["36h", "90m", "7ns", "2000000000W"]


class Shifted:
    """A KeyType of ints from -100 on."""

    name = "shifted"
    bits = 64

    def encode(self, key):
        return key + 100

    def decode(self, code):
        return code - 100


SHIFTED = Shifted()


def outcome(call, *arguments, **options):
    """Return what a call returns, or its error."""
    try:
        result = call(*arguments, **options)
    except Exception as error:
        return type(error), [text_of(argument, repr) for argument in error.args]
    if type(result) is tuple:
        return [part.tolist() for part in result]
    return result.tolist() if isinstance(result, np.ndarray) else result


def skip_without_pandas(keys):
    if str(keys).startswith("datetime64[ns,"):  # whose keys are made by pandas
        pytest.importorskip("pandas")


def calls_of(keys, tree):
    """Yield calls that take a column of keys, and the names that their messages have for it."""
    kind = kind_of(keys)

    def numbers(column):
        return np.arange(len(column), dtype=np.uint64)

    def store(column):
        changed = tree.fork()
        changed.store_many(column, column, numbers(column))
        changed.check()
        return changed

    def to_ends(column, **options):
        first = [kind.key(0)] * len(column)
        return make(first, column, numbers(column), **options)

    make = partial(MapleTree.from_arrays, keys=keys, overlap="last", sort=True)
    yield "keys", tree.load_many
    yield "keys", partial(tree.load_many, default=7)
    yield "keys", partial(tree.load_many, found=True)
    yield "first", lambda column: make(column, column, numbers(column))
    yield "first", lambda column: make(column, column, numbers(column), closed="left")
    yield "last", to_ends
    yield "last", partial(to_ends, closed="left")
    yield "first", store


def check(keys, array):
    """Check that all calls do the same with an array as with a list of its keys."""
    kind = kind_of(keys)
    tree = MapleTree(keys=keys, dtype="u8")
    with suppress(TypeError, ValueError):
        for number, item in enumerate(open_keys(kind, array, "first").items):
            with suppress(TypeError, ValueError):
                tree[item] = number
    for name, call in calls_of(keys, tree):
        column = outcome(open_keys, kind, array, name)
        if isinstance(column, Column):
            column = outcome(column.converted, lambda item: item, not kind.has_int_keys)
        refused = isinstance(column, tuple)  # as a whole
        assert outcome(call, array) == (column if refused else outcome(call, column))


def variants(array):
    """Yield the same array with other steps, other alignment, and other kinds of memory."""
    yield array
    yield array[::-1]
    yield array[::3]
    yield array[:0]
    yield array[:1]
    odd = np.frombuffer(b"x" + array.tobytes(), np.uint8)[1:]
    yield odd.view(array.dtype)
    frozen = array.copy()
    frozen.flags.writeable = False
    yield frozen
    yield array.astype(array.dtype.newbyteorder(">"))


def some_ints(rng, kind, dtype):
    """Return ints of a dtype: at its own limits, and around those of the kind."""
    info = np.iinfo(dtype)
    zero = kind.zero or 0
    edges = [-zero, -zero + kind.top, 0, info.min, info.max, 2**32, 2**63]
    near = [edge + step for edge in edges for step in (-1, 0, 1)]
    near += [rng.randrange(info.min, info.max + 1) for _ in range(20)]
    inside = [number for number in near if info.min <= number <= info.max]
    fitting = [number for number in inside if 0 <= number + zero <= kind.top]
    return [np.array(rng.sample(some, len(some)), dtype) for some in (inside, fitting)]


@pytest.mark.parametrize("dtype", [*INTS, "bool"])
@pytest.mark.parametrize("keys", [*NAMES[:4], "ipv4", "ipv6", "date", "datetime64[s]", SHIFTED])
def test_columns_of_ints(keys, dtype):
    rng = seeded("key columns")
    if dtype == "bool":
        check(keys, np.array([True, False]))
        return
    kind = kind_of(keys)
    for array in some_ints(rng, kind, dtype):
        for variant in variants(array):
            check(keys, variant)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "g"])
@pytest.mark.parametrize("keys", [*NAMES, SHIFTED])
def test_columns_of_floats(keys, dtype):
    skip_without_pandas(keys)
    rng = seeded("key columns")
    info = np.finfo(dtype)
    some = [0.0, -0.0, 1.0, -1.0, 0.1, info.max, -info.max, info.tiny, -info.tiny]
    some += [info.smallest_subnormal, np.inf, -np.inf, np.nan]
    some += [rng.uniform(-1e4, 1e4) for _ in range(20)]
    with np.errstate(all="ignore"):
        array = np.array(some, dtype)
    for variant in variants(array[:-21]):
        check(keys, variant)
    check(keys, array)


def in_unit(moment, unit):
    """Return a moment as a number of units. Where it does not fit, the nearest one that does."""
    try:
        return int(np.datetime64(moment, "us").astype(f"M8[{unit}]").astype(np.int64))
    except OverflowError:  # numpy 2.5 and newer
        return 2**63 - 1 if moment.year > 1970 else NAT + 1


def test_moments_that_numpy_does_not_write():
    """numpy 2.5 and newer have neither a text nor days for moments that are too far away."""
    far = np.array([2 - 2**63], np.int64).view("M8[us]")
    first = np.array([-(10**6)], np.int64).view("M8[3D]")
    for keys in ("date", "datetime64[s]", "datetime64[s, UTC]"):
        with pytest.raises(ValueError, match="is outside"):
            MapleTree.from_arrays(first, first, np.zeros(1, np.uint64), keys=keys)
    with pytest.raises(TypeError, match="position 1: first must be a date"):
        days = np.concatenate([np.array(["1970-01-02"], "M8[us]"), far])
        MapleTree.from_arrays(days, days, np.zeros(2, np.uint64), keys="date")
    with pytest.raises(ValueError, match="is finer than the unit"):
        MapleTree.from_arrays(far, far, np.zeros(1, np.uint64), keys="datetime64[s]")


def moments_near(rng, kind, unit):
    """Return numbers of that unit: around the kind's limits, NaT, and whole units of the kind."""
    first, last = moments_of(kind)
    ends = [in_unit(end, unit) for end in (first, last)]
    near = [end + step for end in ends for step in range(-3, 4)]
    low, high = sorted(ends)
    for power in (1, 1000, 10**6, 10**9):
        near += [rng.randrange(low, high + 1) // power * power for _ in range(5)]
    near += [NAT, NAT + 1, 2**63 - 1, 0, -1]
    return [number for number in near if NAT <= number < 2**63]


def moments_of(kind):
    if kind.name.startswith("datetime64[ns"):
        return datetime(1678, 1, 1), datetime(2262, 1, 1)
    return datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59)


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("keys", ["date", *MOMENTS])
def test_columns_of_moments(keys, unit):
    rng = seeded("key columns")
    kind = kind_of(keys)
    skip_without_pandas(keys)
    numbers = moments_near(rng, kind, unit)
    array = np.array(rng.sample(numbers, len(numbers)), np.int64).view(f"M8[{unit}]")
    check(keys, array)
    # Only those that fit.
    fits = []
    for number in numbers:
        moment = np.array([number], np.int64).view(f"M8[{unit}]")
        with suppress(TypeError, ValueError):
            [item] = open_keys(kind, moment, "first").items
            if 0 <= kind.code(item, "first") <= kind.top:
                fits.append(number)
    array = np.array(fits, np.int64).view(f"M8[{unit}]")
    for variant in variants(array):
        check(keys, variant)


def test_columns_of_moments_are_right():
    """Not only the same as one by one."""
    days = np.arange("2023-12-30", "2024-03-02", dtype="M8[D]")
    dates = [date(2023, 12, 30) + timedelta(n) for n in range(len(days))]
    tree = MapleTree.from_arrays(days, days, np.arange(len(days)), keys="date")
    assert [entry.first for entry in tree] == dates
    assert tree.to_arrays()[0].dtype == "M8[D]"
    assert (tree.to_arrays()[0] == days).all()
    tree = MapleTree.from_arrays(days, days, np.arange(len(days)), keys="datetime64[ms, UTC]")
    expected = [datetime(day.year, day.month, day.day, tzinfo=UTC) for day in dates]
    assert [entry.first for entry in tree] == expected
    assert tree.load_many(days.astype("M8[ns]")).tolist() == list(range(len(days)))
    assert tree.to_arrays()[1].dtype == "M8[ms]"
    assert (tree.to_arrays()[1] == days).all()


@pytest.mark.parametrize("keys", ["date", "datetime64[us]", "datetime64[ns, UTC]"])
def test_moments_in_other_shapes(keys):
    check(keys, np.zeros((2, 2), "M8[us]"))
    check(keys, np.zeros(3, "M8"))
    for shape in ((), (2, 2)):
        tree = MapleTree(keys=keys)
        with pytest.raises((TypeError, ValueError)):
            tree.load_many(np.zeros(shape, "M8[us]"))


WIDE = [0, 1, 2**63, 2**64 - 1, 2**64, 2**64 + 1, 2**127, 2**128 - 2, 2**128 - 1, 0x0102 << 64]


@pytest.mark.parametrize("keys", ["uint128", "ipv6"])
def test_columns_of_128_bits(keys):
    rng = seeded("key columns")
    numbers = WIDE + [rng.getrandbits(rng.randrange(1, 129)) for _ in range(50)]
    rng.shuffle(numbers)
    pairs = np.array([divmod(number, 2**64) for number in numbers], np.uint64)
    fields = np.dtype([("high", "u8"), ("low", "u8")])
    structs = np.ascontiguousarray(pairs).view(fields)[:, 0]
    strings = np.array([number.to_bytes(16, "big") for number in numbers], "V16")
    padded = np.zeros(len(numbers), [("x", "u1"), ("high", "u8"), ("low", "u8")])
    padded["high"], padded["low"] = pairs[:, 0], pairs[:, 1]
    wide = np.zeros((len(numbers), 5), np.uint64)
    wide[:, 1], wide[:, 4] = pairs[:, 0], pairs[:, 1]
    for array in (
        pairs,
        pairs[::-1],
        pairs[::3],
        pairs[:0],
        np.asfortranarray(pairs),
        pairs.astype(">u8"),
        wide[:, 1::3],
        wide[:, [4, 1]][:, ::-1],
        structs,
        structs[::-2],
        structs.astype([("a", ">u8"), ("b", ">u8")]),
        padded[["high", "low"]],
        strings,
        strings[::3],
        strings.view("S16"),
        np.frombuffer(b"x" + strings.tobytes(), np.uint8)[1:].view("S16"),
    ):
        check(keys, array)
    column = np.array(sorted(set(numbers)), object)
    tree = MapleTree.from_arrays(column, column, np.arange(len(column)), keys=keys)
    for form in (pairs, structs, strings, strings.view("S16")):
        assert tree.load_many(form).tolist() == [sorted(set(numbers)).index(n) for n in numbers]
    high, low = tree.to_arrays()[0].T.tolist()
    assert [h << 64 | n for h, n in zip(high, low, strict=True)] == sorted(set(numbers))


@pytest.mark.parametrize("keys", ["uint128", "ipv6", "uint64", "ipv4", "float64"])
def test_columns_in_other_shapes(keys):
    for array in (
        np.zeros((3, 3), np.uint64),
        np.zeros((3, 2), np.int64),
        np.zeros((3, 2), float),
        np.zeros((2, 2, 2), np.uint64),
        np.zeros(3, "V8"),
        np.zeros(3, [("a", "u8"), ("b", "u8"), ("c", "u8")]),
        np.zeros(3, [("a", "u8"), ("b", "i8")]),
        np.zeros(3, [("a", "u4"), ("b", "u4")]),
        np.zeros(3, complex),
    ):
        check(keys, array)


@pytest.mark.parametrize(("keys", "address"), [("ipv4", IPv4Address), ("ipv6", IPv6Address)])
def test_columns_of_addresses(keys, address):
    rng = seeded("key columns")
    bits = address(0).max_prefixlen
    addresses = [address(rng.getrandbits(bits)) for _ in range(30)] + [address(0)]
    texts = [str(item) for item in addresses]
    for array in (
        np.array(texts),
        np.array(texts, "S40"),
        np.array(texts, object),
        np.array(addresses, object),
        np.array([*texts, "x"]),
        np.array([b"1.2.3.4", b"\xff"]),
    ):
        check(keys, array)


@pytest.mark.parametrize("keys", NAMES)
def test_arrays_go_out_and_come_back(keys):
    skip_without_pandas(keys)
    kind = kind_of(keys)
    rng = seeded("key columns")
    codes = sorted(
        {
            0,
            1,
            kind.top // 2,
            kind.top - 1,
            kind.top,
            *(rng.randrange(kind.top) for _ in range(600)),
        }
    )
    array = kind.array(np, codes)
    tree = MapleTree.from_arrays(array, array, np.arange(len(codes)), keys=keys)
    assert [kind.code(entry.first, "first") for entry in tree] == codes
    first, last, _ = tree.to_arrays()
    assert first.dtype == last.dtype == array.dtype
    assert first.shape == array.shape
    assert first.tolist() == last.tolist() == array.tolist()
    assert first.flags.writeable
    assert MapleTree.from_arrays(*tree.to_arrays(), keys=keys) == tree
    empty = MapleTree(keys=keys).to_arrays()
    assert [part.shape for part in empty[:2]] == [array[:0].shape] * 2
    assert empty[0].dtype == array.dtype


@pytest.mark.parametrize("keys", [*NAMES[:2], "float64", "ipv4", "date", *MOMENTS])
def test_columns_of_pandas_and_polars(keys):
    pd = pytest.importorskip("pandas")
    kind = kind_of(keys)
    middle = kind.zero or kind.top // 2
    codes = [middle - 1, middle, middle + 1]
    array = kind.array(np, codes)
    check(keys, pd.Series(array))
    check(keys, pd.Series(array)[::-1])
    if keys.startswith("datetime64") and "," in keys:
        check(keys, pd.Series(array).dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo"))
    if not keys.startswith("date"):
        check(keys, pd.Series([*array.tolist(), None], dtype=object))
    check(keys, pd.Series(array.astype(float) if not keys.startswith("date") else [1.5]))
    with suppress(ImportError):
        import polars as pl

        coarse = keys == "date" or keys.startswith("datetime64[s")
        check(keys, pl.Series(array.astype("M8[ms]") if coarse else array))


def test_columns_of_pandas_with_a_zone():
    """As they are stored: a Timestamp for each would take seconds."""
    pd = pytest.importorskip("pandas")
    naive = pd.Series(np.arange(1000).view("M8[s]"))
    aware = naive.dt.tz_localize("UTC").dt.tz_convert("Europe/Berlin")
    aware[7] = pd.NaT
    for keys in ("datetime64[us, UTC]", "datetime64[s, Asia/Tokyo]"):
        tree = MapleTree.from_arrays(naive, naive, np.arange(1000), keys=keys)
        for column in (aware, pd.DatetimeIndex(aware), aware.array):
            found = tree.load_many(column, default=5000)
            assert found.tolist() == [*range(7), 5000, *range(8, 1000)]
        with pytest.raises(ValueError, match="position 7: first (must not be NaT|is null)"):
            MapleTree.from_arrays(aware, aware, np.arange(1000), keys=keys)


def test_a_column_that_changes_while_it_is_read():
    """A key outside the limits is converted again, on its own."""
    array = np.array([1.0, np.nan, 2.0])
    with pytest.raises(ValueError, match="position 1: first must not be NaN"):
        MapleTree.from_arrays(array, array, [1, 2, 3], keys="float64")
