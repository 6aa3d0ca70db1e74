# SPDX-License-Identifier: MIT
"""Columns of keys of each kind, arrays of codes, and the names that `dtype=` takes."""

from array import array
from datetime import UTC, date, datetime, timedelta, timezone
from functools import partial
from ipaddress import IPv4Address, IPv6Address
from zoneinfo import ZoneInfo

import pytest
from test_keys import Version

from samara._columns import import_numpy
from samara._dtypes import checked_dtype
from samara._keys import kind_of
from samara._pure.columns import open_keys

np = pytest.importorskip("numpy")

NAMES = {
    "uint64": "uint64",
    "int64": "int64",
    "uint128": "uint64",
    "float64": "float64",
    "date": "datetime64[D]",
    "ipv4": "uint32",
    "ipv6": "uint64",
    **{
        f"datetime64[{unit}{zone}]": f"datetime64[{unit}]"
        for unit in ("s", "ms", "us", "ns")
        for zone in ("", ", UTC", ", Europe/Berlin")
    },
}
each_name = pytest.mark.parametrize("name", NAMES)
each_wide = pytest.mark.parametrize("name", ["uint128", "ipv6"])
WIDE = [0, 1, 2**63, 2**64 - 1, 2**64, 2**64 + 1, 2**127, 2**128 - 1, 0x0102 << 64]


def codes(name, given):
    kind = kind_of(name)
    column = open_keys(kind, given, "first")
    return column.converted(partial(kind.code, name="first"), floats=not kind.has_int_keys)


def refused(error, message, name, given):
    with pytest.raises(error) as caught:
        codes(name, given)
    assert type(caught.value) is error
    assert str(caught.value) == message


def samples(name):
    kind = kind_of(name)
    middle = kind.zero or kind.top // 2
    return [0, 1, middle - 1, middle, middle + 1, kind.top - 1, kind.top]


@each_name
def test_arrays_go_out_and_back_in(name):
    kind = kind_of(name)
    given = samples(name)
    keys = kind.array(np, given)
    assert keys.dtype == NAMES[name]
    assert keys.shape == (len(given), 2) if kind.bits == 128 else (len(given),)
    assert codes(name, keys) == given
    assert codes(name, keys[::-2]) == given[::-2]
    assert len(kind.array(np, [])) == 0
    assert codes(name, kind.array(np, [])) == codes(name, []) == []


@each_name
def test_columns_of_keys(name):
    if name.startswith("datetime64[ns,"):
        pytest.importorskip("pandas")
    kind = kind_of(name)
    given = samples(name)
    keys = [kind.key(c) for c in given]
    objects = np.empty(len(keys), object)
    objects[:] = keys
    for column in (keys, tuple(keys), iter(keys), objects):
        assert codes(name, column) == given


@pytest.mark.parametrize("name", [name for name in NAMES if kind_of(name).bits == 64])
def test_columns_of_pandas(name):
    pd = pytest.importorskip("pandas")
    kind = kind_of(name)
    given = samples(name)[2:5] if "datetime" in name else samples(name)
    keys = kind.array(np, given)
    assert codes(name, pd.Series(keys)) == given
    assert codes(name, pd.Index(keys)) == given


def test_keys_of_a_key_type_are_objects():
    kind = kind_of(Version())
    keys = kind.array(np, [1, 2**32 + 5])
    assert keys.dtype == object
    assert keys.tolist() == [(0, 1), (1, 5)]
    assert codes(Version(), keys) == codes(Version(), [(0, 1), (1, 5)]) == [1, 2**32 + 5]


# ---- dates and moments

UNITS = ["D", "h", "m", "s", "ms", "us", "ns", "6h", "W"]


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("name", [name for name in NAMES if "datetime" in name])
def test_moments_of_any_unit_that_fits(name, unit):
    moments = np.array(["1969-12-25", "1970-01-01", "2024-02-29"], f"datetime64[{unit}]")
    zone = UTC if "," in name else None
    kind = kind_of(name)
    expected = [m.replace(tzinfo=zone) for m in moments.astype("datetime64[us]").tolist()]
    assert codes(name, moments) == [kind.code(moment, "i") for moment in expected]


@pytest.mark.parametrize("unit", UNITS)
def test_dates_of_any_unit_that_fits(unit):
    moments = np.array(["1969-12-25", "1970-01-01", "2024-02-29"], f"datetime64[{unit}]")
    expected = [(day - date.min).days for day in moments.astype("datetime64[D]").tolist()]
    assert codes("date", moments) == expected


def test_moments_that_are_no_dates():
    moments = np.array(["2024-01-01T00", "2024-01-02T01"], "datetime64[h]")
    refused(TypeError, "position 1: first must be a date, not datetime64[h]", "date", moments)


def test_moments_that_are_finer():
    moments = np.array(["2024-01-01", "2024-01-02T00:00:00.5"], "datetime64[ms]")
    for name in ("datetime64[s]", "datetime64[s, UTC]", "datetime64[s, Europe/Berlin]"):
        text = "position 1: first 2024-01-02T00:00:00.500 is finer than the unit of "
        refused(ValueError, text + name, name, moments)


@pytest.mark.parametrize("name", [name for name in NAMES if "date" in name])
def test_nat_is_no_key(name):
    moments = np.array(["2024-01-01", "NaT"], "datetime64[D]")
    refused(ValueError, "position 1: first must not be NaT", name, moments)


def test_nan_is_no_key():
    for floats in ([0.0, np.nan], np.array([0.0, np.nan]), array("f", [0.0, np.nan])):
        refused(ValueError, "position 1: first must not be NaN", "float64", floats)


def test_aware_columns():
    pd = pytest.importorskip("pandas")
    naive = pd.Series(pd.to_datetime(["2024-01-01 12:00", "2024-07-01 12:00"]))
    aware = naive.dt.tz_localize("Asia/Tokyo")
    for name in ("datetime64[us, UTC]", "datetime64[ns, Europe/Berlin]"):
        kind = kind_of(name)
        tokyo = timezone(timedelta(hours=9))
        expected = [kind.code(datetime(2024, m, 1, 12, tzinfo=tokyo), "i") for m in (1, 7)]
        assert codes(name, aware) == codes(name, pd.DatetimeIndex(aware)) == expected
        # An array of datetime64 has no zone: it is in UTC.
        utc = [kind.code(datetime(2024, m, 1, 12, tzinfo=UTC), "i") for m in (1, 7)]
        assert codes(name, naive) == codes(name, naive.to_numpy()) == utc
        text = "position 0: first must be a datetime with a time zone (aware), not a naive one"
        refused(TypeError, text, name, naive.tolist())
    text = "position 0: first must be a datetime without a time zone (naive), not an aware one"
    refused(TypeError, text, "datetime64[us]", aware)
    kind = kind_of("datetime64[us, Europe/Berlin]")
    assert kind.key(codes(kind.name, aware)[0]).tzinfo is ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize("name", ["date", "datetime64[us]", "datetime64[us, UTC]"])
def test_numbers_are_no_moments(name):
    noun = "date" if name == "date" else "datetime"
    refused(TypeError, f"position 0: first must be a {noun}, not int", name, np.array([5]))


# ---- 128 bits


@each_wide
def test_the_forms_of_wide_columns(name):
    rows = np.array([divmod(number, 2**64) for number in WIDE], np.uint64)
    big = rows.astype(">u8")
    fields = np.dtype([("high", "<u8"), ("low", "<u8")])
    swapped = np.dtype([("a", ">u8"), ("b", ">u8")])
    data = np.array([number.to_bytes(16, "big") for number in WIDE], "V16")
    for column in (
        rows,
        np.asfortranarray(rows),
        big,
        rows.astype("<u8").view(fields)[:, 0],
        big.view(swapped)[:, 0],
        data,
        data.view("S16"),
    ):
        assert codes(name, column) == WIDE
        assert codes(name, column[::-2]) == WIDE[::-2]
        assert codes(name, column[:0]) == []
    assert (kind_of(name).array(np, WIDE) == rows).all()
    assert codes(name, WIDE) == WIDE
    assert codes(name, np.arange(5)) == codes(name, array("B", range(5))) == [0, 1, 2, 3, 4]


@each_wide
@pytest.mark.parametrize("shape", [(3, 2), (3, 3), (3, 2, 2), (3, 1)])
def test_other_shapes_are_refused(name, shape):
    dtype = float if shape == (3, 2) else np.uint64
    text = f"first must have one dimension, not {len(shape)}"
    refused(ValueError, text, name, np.zeros(shape, dtype))
    refused(ValueError, text, "uint64", np.zeros(shape, np.uint64))


# ---- addresses


@pytest.mark.parametrize(("name", "address"), [("ipv4", IPv4Address), ("ipv6", IPv6Address)])
def test_columns_of_addresses(name, address):
    numbers = [0, 1, 0x0A000001, 2**32 - 1]
    texts = [str(address(number)) for number in numbers]
    for column in (texts, np.array(texts), np.array(texts, "S40"), np.array(texts, object)):
        assert codes(name, column) == numbers
    for dtype in (np.uint32, np.int64, np.uint64):
        assert codes(name, np.array(numbers, dtype)) == numbers
    text = f"position 1: first must be an {kind_of(name).family} address, not 'x'"
    refused(ValueError, text, name, np.array(["1.1.1.1" if name == "ipv4" else "::", "x"]))
    refused(ValueError, text, name, np.array([b"1.1.1.1" if name == "ipv4" else b"::", b"x"]))
    text = f"position 0: first must be an {kind_of(name).family} address, not float"
    refused(TypeError, text, name, np.array([1.0]))


# ---- ints and floats


def test_int_columns_refuse_floats():
    for name in ("uint64", "int64", "uint128"):
        text = "first must hold integers, not items of format 'd'"
        refused(TypeError, text, name, np.array([1.0]))


def test_float_columns_take_ints():
    kind = kind_of("float64")
    for dtype in ("i1", "u4", "i8", "f2", "f4", "f8"):
        assert codes("float64", np.array([0, 1, 5], dtype)) == [
            kind.code(x, "i") for x in (0.0, 1.0, 5.0)
        ]


@pytest.mark.parametrize("given", [5, None, 1.5, np.float64(1.5), np.array(5, object)])
def test_what_is_no_column(given):
    for name in ("uint64", "datetime64[us]", "ipv6"):
        with pytest.raises((TypeError, ValueError), match=r"^first must |^iteration over a 0-d"):
            codes(name, given)


# ---- dtype=


@pytest.mark.parametrize(
    ("given", "dtype"),
    [
        (None, None),
        *((name, name) for name in ("u8", "i8", "f8")),
        *(("uint64", "u8"), ("int64", "i8"), ("float64", "f8")),
        *((np.uint64, "u8"), (np.int64, "i8"), (np.float64, "f8"), (np.longlong, "i8")),
        *((np.dtype("u8"), "u8"), (np.dtype("=i8"), "i8"), (np.dtype(float), "f8")),
        (np.str_("u8"), "u8"),
    ],
)
def test_names_of_dtypes(given, dtype):
    assert checked_dtype(given) == dtype
    assert type(checked_dtype(given)) in (str, type(None))


@pytest.mark.parametrize(
    "given",
    [
        *(float, int, "f4", "", "U8", 8, [], b"u8", np.float32, np.ndarray, object),
        *(np.dtype("u4"), np.dtype("f8").newbyteorder(), np.dtype("M8[s]"), np.dtype("u8,u8")),
    ],
)
def test_other_dtypes_are_refused(given):
    with pytest.raises(
        ValueError, match=r"^dtype must be None, 'u8', 'i8' or 'f8', not "
    ) as caught:
        checked_dtype(given)
    assert str(caught.value).endswith(f"not {given!r}")


def test_numpy_is_named_if_it_is_missing(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "numpy", None)
    with pytest.raises(ImportError, match=r"^to_arrays\(\) requires numpy: pip install numpy$"):
        import_numpy("to_arrays")
    with pytest.raises(ImportError, match=r"^keys='datetime64\[ns\]' requires numpy: pip install"):
        kind_of("datetime64[ns]").key(5)
    assert codes("ipv4", ["0.0.0.1"]) == [1]
