# SPDX-License-Identifier: MIT
"""Objects of many types as keys, sizes and columns: both implementations say the same about each.

Every call gets an empty tree. What is right and what is refused is tested elsewhere.
"""

import datetime
import decimal
import ipaddress
import math
import re
from array import array
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest

from samara import _pure
from tree_oracle import Index

_core = pytest.importorskip("samara._core", reason="there is no extension to compare with")
np = pytest.importorskip("numpy")
pd = pytest.importorskip("pandas")

UTC = datetime.UTC
BERLIN = ZoneInfo("Europe/Berlin")


class Letters:
    """A KeyType: strings of one letter."""

    name = "letters"
    bits = 64

    def encode(self, key):
        return ord(key)

    def decode(self, code):
        return chr(min(code, 0x10FFFF))


KINDS = [
    *("uint64", "int64", "uint128", "float64", "date", "ipv4", "ipv6", Letters()),
    *("datetime64[s]", "datetime64[us]", "datetime64[us, UTC]", "datetime64[ms, Europe/Berlin]"),
    *("datetime64[ns]", "datetime64[ns, UTC]", "datetime64[ns, Europe/Berlin]"),
]
each_kind = pytest.mark.parametrize(
    "keys", KINDS, ids=lambda keys: keys if isinstance(keys, str) else keys.name
)


def of(base, *arguments, **options):
    """Return an instance of a new subclass."""
    return type("Sub", (base,), {})(*arguments, **options)


OBJECTS = [
    *(0, 1, -1, 2**32, 2**63, 2**64 - 1, 2**64, 2**128 - 1, 2**128, -(2**63), 10**5000),
    *(True, Index(5), of(int, 5), 1.5, math.nan, math.inf, -math.inf, -0.0, of(float, 2.5)),
    *(Fraction(1, 3), decimal.Decimal("0.5"), 10**400, 2j),
    *("a", "", "10.0.0.1", "::1", "fe80::1%eth0", "10.0.0.0/8", "10.0.0.1/8", "::/0", "x" * 50),
    *(of(str, "10.0.0.2"), of(str, "::2"), b"x", None, (1, 2), [1], {}, object, range(3)),
    *(datetime.date(2020, 1, 1), of(datetime.date, 2020, 1, 2), datetime.time(5)),
    *(datetime.datetime(2020, 1, 1), of(datetime.datetime, 2020, 1, 1, 1)),
    *(datetime.datetime.min, datetime.datetime.max, datetime.datetime(2020, 1, 1, tzinfo=UTC)),
    datetime.datetime(2024, 10, 27, 2, 30, fold=1, tzinfo=BERLIN),
    datetime.datetime(1, 1, 1, tzinfo=ZoneInfo("Asia/Tokyo")),
    datetime.datetime.max.replace(tzinfo=datetime.timezone(-datetime.timedelta(hours=3))),
    *(datetime.timedelta(1), datetime.timedelta(microseconds=1), datetime.timedelta(0)),
    *(datetime.timedelta(-1), of(datetime.timedelta, 2)),
    *(np.datetime64("NaT"), np.datetime64("2020"), np.datetime64("2020-01-01T05", "h")),
    *(np.datetime64("2020-01-01T00:00:00.000000001"), np.datetime64(5, "7D")),
    *(np.timedelta64(5, "s"), np.timedelta64("NaT"), np.timedelta64(1, "M"), np.timedelta64(5)),
    *(pd.NaT, pd.Timestamp("2020-01-01 00:00:00.000001"), pd.Timestamp(5)),
    *(pd.Timestamp(5, tz="UTC"), pd.Timedelta(1), pd.Timedelta("1D")),
    *(ipaddress.ip_address("10.0.0.1"), ipaddress.ip_address("::5")),
    *(ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("2001:db8::/32")),
    *(ipaddress.ip_interface("10.0.0.1/8"), ipaddress.IPv6Address("fe80::1%eth0")),
    *(np.uint8(5), np.float32(1.5), np.int64(-3), np.array([1]), np.array(5), np.str_("10.0.0.7")),
]


def stored(tree, first, last):
    tree.store_range(first, last, 1)
    return tree


def assigned(tree, key):
    tree[key] = 1
    return tree


def full(tree):
    return stored(tree, tree.first_key, tree.last_key)


CALLS = {
    "get": lambda t, x: t.get(x, "no"),
    "in": lambda t, x: x in t,
    "[]": lambda t, x: t[x],
    "[]=": assigned,
    "del": lambda t, x: t.__delitem__(x),
    "[x:]": lambda t, x: t[x:],
    "[:x]=": lambda t, x: assigned(t, slice(None, x)),
    "[x:]=": lambda t, x: assigned(t, slice(x, None)),
    "del [x:]": lambda t, x: t.__delitem__(slice(x, None)),
    "store_range": lambda t, x: stored(t, x, x),
    "upwards": lambda t, x: stored(t, t.first_key, x),
    "downwards": lambda t, x: stored(t, x, t.first_key),
    "insert_range": lambda t, x: full(t).insert_range(x, x, 1),
    "pop_range": lambda t, x: full(t).pop_range(x, x),
    "entry": lambda t, x: full(t).entry(x),
    "erase": lambda t, x: full(t).erase(x),
    "find": lambda t, x: full(t).find(x),
    "find_rev": lambda t, x: full(t).find_rev(x),
    "next": lambda t, x: full(t).next(x),
    "prev": lambda t, x: full(t).prev(x),
    "covers": lambda t, x: full(t).covers(x, x),
    "overlaps": lambda t, x: t.overlaps(x, x),
    "is_free": lambda t, x: t.is_free(x, x),
    "gaps": lambda t, x: list(t.gaps(x, x)),
    "gaps up": lambda t, x: list(t.gaps(last=x)),
    "entries": lambda t, x: list(full(t).entries(x, clip=True)),
    "empty_area": lambda t, x: t.empty_area(x),
    "no empty_area": lambda t, x: full(t).empty_area(x),
    "alloc_range": lambda t, x: t.alloc_range(x, "a"),
    "alloc_cyclic": lambda t, x: t.alloc_cyclic("a", next=x),
    "align": lambda t, x: full(t).empty_area(x, align=x, reverse=True),
    "cursor": lambda t, x: t.cursor(x).index,
    "cursor.set": lambda t, x: t.cursor().set(x),
    "cursor.find": lambda t, x: t.cursor().find(x),
    "map_range": lambda t, x: t.map_range(x, x, str),
}

COLUMNS = [
    *([], [1, 2], [5.5], range(3), "ab", b"ab", 5, None, {1}, {1: 2}, [None], bytearray(b"ab")),
    *(array("d", [1.5]), memoryview(b"ab"), ["::1", 5], [datetime.datetime(2020, 1, 1), None]),
    *([math.nan], np.array([3, 4], "i4"), np.array([-3], "i8"), np.array([2**63], "u8")),
    *(np.array([1.5]), np.array([math.nan]), np.array([1.5], "f4"), np.array([True])),
    *(np.zeros((2, 2)), np.ones((2, 2), "u8"), np.zeros((1, 3), "u8"), np.array([5], ">u8")),
    np.array(["2020-01-01", "NaT"], "M8[D]"),
    np.array(["2020-01-01T05"], "M8[h]"),
    np.array(["2020-01-01T00"], "M8[h]"),
    np.array(["2020-01-01T00:00:00.5"], "M8[ms]"),
    np.array(["0000-01-01"], "M8[s]"),
    np.array(["12000-01-01"], "M8[s]"),
    *(np.array([5], "M8[7D]"), np.array([5], "M8[as]"), np.array([[5]], "M8[s]")),
    *(np.array([5], ">M8[s]"), np.array(["NaT"], "M8"), np.array([5], "m8[s]")),
    *(np.array(["::1", "10.0.0.1"]), np.array([b"10.0.0.1"]), np.array([b"::1"])),
    *(np.array([b"\1" * 16], "S16"), np.array([b"\1" * 16], "V16"), np.array([b"\1"], "V8")),
    *(np.array([(1, 2)], "u8,u8"), np.array([(1, 2)], "u8,i8"), np.array([(1, 2)], ">u8,>u8")),
    np.array([5], object),
    *(pd.Series([1, 2]), pd.Series([1.5]), pd.Series([1, None], dtype="Int64")),
    pd.Series(pd.to_datetime(["2020-01-01"])),
    pd.Series(pd.to_datetime(["2020-01-01", None])),
    pd.Series(pd.to_datetime(["2020-01-01"])).dt.tz_localize("Asia/Tokyo"),
    *(pd.Series(["10.0.0.1", "::1"]), pd.Series([datetime.date(2020, 1, 1)])),
    pd.date_range("2020", periods=2, tz="UTC"),
    [datetime.timedelta(1), datetime.timedelta(0)],
]


def numbers_beside(column):
    return list(range(len(column))) if hasattr(column, "__len__") else []


COLUMN_CALLS = {
    "from_arrays": lambda t, c: t.from_arrays(c, c, numbers_beside(c), keys=t.keys_dtype),
    "half-open": lambda t, c: t.from_arrays(
        c, c, numbers_beside(c), keys=t.keys_dtype, closed="left", sort=True
    ),
    "load_many": lambda t, c: t.load_many(c, default=7),
    "load_many found": lambda t, c: full(t).load_many(c, found=True),
    "load_many strictly": lambda t, c: t.load_many(c),
    "store_many": lambda t, c: t.store_many(c, c, numbers_beside(c)),
    "alloc_many": lambda t, c: t.alloc_many(c, numbers_beside(c)),
}


def outcome(tree, call, argument):
    try:
        answer = call(tree, argument)
    except Exception as error:
        answer = error
    if isinstance(answer, Exception):
        text = f"{type(answer).__name__} {answer.args!r:.500}" if too_long(answer) else repr(answer)
    else:
        text = repr(answer)
    return re.sub("0x[0-9a-f]{6,}", "0x...", text)


def too_long(error):
    """Return whether an int in an error cannot be shown in base 10."""
    try:
        return not repr(error)
    except ValueError:
        return True


def compare(keys, calls, arguments):
    differences = []
    for name, call in calls.items():
        for argument in arguments:
            sides = _core.MapleTree(keys=keys), _pure.MapleTree(keys=keys)
            left, right = (outcome(tree, call, argument) for tree in sides)
            if left != right:
                differences.append(f"{name}({argument!r:.60}):\n  {left:.300}\n  {right:.300}")
    assert not differences, "\n".join(differences)


@each_kind
def test_objects_as_keys_and_sizes(keys):
    compare(keys, CALLS, [x for x in OBJECTS if not (isinstance(x, int) and x == 10**5000)])


@each_kind
def test_columns(keys):
    compare(keys, COLUMN_CALLS, COLUMNS)


@each_kind
def test_an_int_that_is_too_long_for_base_10(keys):
    calls = {name: call for name, call in CALLS.items() if name != "[]"}  # which raises KeyError
    compare(keys, calls, [10**5000, -(10**5000)])


@pytest.mark.parametrize(
    "keys",
    [5, None, "x", b"uint64", Letters, np.dtype("i4"), np.dtype("i8"), np.int64, "datetime64[s, X]"]
    + [pd.DatetimeTZDtype("ns", "UTC"), of(str, "ipv4"), np.str_("date"), np.dtype("M8[s]")],
)
def test_keys_and_dtypes(keys):
    for option in ("keys", "dtype"):
        sides = []
        for side in (_core, _pure):
            try:
                tree = side.MapleTree(**{option: keys})
                sides.append((tree.keys_dtype, tree.dtype))
            except Exception as error:
                sides.append(repr(error))
        assert sides[0] == sides[1]
