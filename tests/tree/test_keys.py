# SPDX-License-Identifier: MIT
"""Kinds of keys: how each maps keys to codes and back, checked against other arithmetic.

The oracles are struct, `math.nextafter`, `ipaddress`, arithmetic of datetimes, numpy and zoneinfo.
Trees with such keys have tests of their own.
"""

import copy
import gc
import math
import pickle
import struct
import sys
import weakref
from datetime import UTC, date, datetime, timedelta, timezone
from fractions import Fraction
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_interface,
)
from zoneinfo import ZoneInfo

import pytest

from samara import Change, Entry, Gap, KeyType
from samara._errors import NoKey
from samara._keys import kind_of
from tree_oracle import Index, seeded

TOP = 2**64 - 1
WIDE = 2**128 - 1
DAY = 86400
UNITS = {"s": 1, "ms": 10**3, "us": 10**6}
WEEK = timedelta(7)
BERLIN = ZoneInfo("Europe/Berlin")
NAMES = [
    *("uint64", "int64", "uint128", "float64", "date", "ipv4", "ipv6"),
    *(f"datetime64[{unit}{zone}]" for unit in UNITS for zone in ("", ", UTC", ", Europe/Berlin")),
]
each_name = pytest.mark.parametrize("name", NAMES)
each_unit = pytest.mark.parametrize("unit", UNITS)


class Version:
    """A KeyType: versions (major, minor)."""

    name = "version"
    bits = 64

    def encode(self, key):
        major, minor = key
        return major << 32 | minor

    def decode(self, code):
        return code >> 32, code & 0xFFFFFFFF

    def __eq__(self, other):
        return type(other) is Version

    __hash__ = None


class Wide:
    name = "wide"
    bits = 128

    def encode(self, key):
        return key

    def decode(self, code):
        return code


def code(name, key):
    return kind_of(name).code(key, "index")


def refused(error, message, call, *arguments):
    with pytest.raises(error) as caught:
        call(*arguments)
    assert type(caught.value) is error
    assert str(caught.value) == message


# ---- names


@each_name
def test_a_kind_is_made_once_for_each_name(name):
    kind = kind_of(name)
    assert kind_of("".join(name)) is kind is kind_of(type("S", (str,), {})(name))
    assert kind.name == name
    assert kind.same_as(kind)
    assert not kind.same_as(kind_of("ipv4" if name != "ipv4" else "uint64"))
    assert name in repr(kind)


@pytest.mark.parametrize(
    ("name", "bits", "top", "zero"),
    [
        ("uint64", 64, TOP, 0),
        ("int64", 64, TOP, 2**63),
        ("uint128", 128, WIDE, 0),
        ("float64", 64, 2 * 0x7FF0000000000000, None),
        ("date", 64, (date.max - date.min).days, 0),
        ("datetime64[s]", 64, (date.max - date.min).days * DAY + DAY - 1, 0),
        ("ipv4", 64, 2**32 - 1, 0),
        ("ipv6", 128, WIDE, 0),
    ],
)
def test_widths_and_limits(name, bits, top, zero):
    kind = kind_of(name)
    assert (kind.bits, kind.top, kind.zero) == (bits, top, zero)


@pytest.mark.parametrize(
    "keys",
    [
        "",
        "Uint64",
        "int32",
        "datetime64",
        "datetime64[D]",
        "datetime64[us",
        "datetime64[us,UTC]",
        "datetime64[us, ]",
        "ipv4\n",
    ],
)
def test_other_names_are_refused(keys):
    with pytest.raises(ValueError, match=r"^keys must be 'uint64', .*, 'ipv6' or") as caught:
        kind_of(keys)
    assert str(caught.value).endswith(f"not {keys!r}")


@pytest.mark.parametrize("zone", ["Nowhere/At_all", "../UTC", "/etc/passwd", "Europe", "\0"])
def test_an_unknown_zone_is_named(zone):
    refused(ValueError, f"there is no time zone {zone!r}", kind_of, f"datetime64[us, {zone}]")


@pytest.mark.parametrize("keys", [None, 5, b"uint64", int, ["uint64"], object()])
def test_keys_of_other_types_are_refused(keys):
    with pytest.raises(TypeError, match=r"^keys must be a str or a samara\.KeyType, not "):
        kind_of(keys)


def test_dtypes_of_numpy_and_pandas_are_names():
    np = pytest.importorskip("numpy")
    for name in ("uint64", "int64", "float64", "datetime64[s]", "datetime64[ns]"):
        assert kind_of(np.dtype(name)) is kind_of(name)
    with pytest.raises(ValueError, match=r"not 'int32'$"):
        kind_of(np.dtype("int32"))
    pd = pytest.importorskip("pandas")
    assert kind_of(pd.DatetimeTZDtype("us", "UTC")) is kind_of("datetime64[us, UTC]")


# ---- all kinds


@each_name
def test_codes_go_there_and_back_at_both_ends(name):
    kind = kind_of(name)
    middles = [kind.top // 2, kind.top // 3, kind.zero or 7]
    codes = sorted({c for m in [1, *middles, kind.top - 1] for c in (m - 1, m, m + 1)})
    keys = [kind.key(c) for c in codes]
    assert [kind.code(key, "index") for key in keys] == codes
    assert all(left < right for left, right in zip(keys, keys[1:], strict=False))


@each_name
def test_the_stop_is_the_next_key(name):
    kind = kind_of(name)
    assert kind.stop(0) == kind.key(1)
    assert kind.stop(kind.top - 1) == kind.key(kind.top)
    past = {"uint64": 2**64, "int64": 2**63, "uint128": 2**128}.get(name)
    assert kind.stop(kind.top) == past


@each_name
def test_results_know_their_kind(name):
    kind = kind_of(name)
    first, last = kind.key(3), kind.key(5)
    for cls, base, rest in (
        (kind.entry, Entry, ("a",)),
        (kind.gap, Gap, ()),
        (kind.change, Change, ("a", None)),
    ):
        result = cls(first, last, *rest)
        assert result == (first, last, *rest)
        assert isinstance(result, base)
        assert (cls.__name__, cls.__module__) == (base.__name__, "samara")
        assert repr(result) == repr(base(first, last, *rest))
        assert result.stop == kind.key(6)
        if name == "float64":
            with pytest.raises(TypeError, match="^float64 keys have no sizes$"):
                _ = result.size
        else:
            assert kind.count(result.size, "size") == 3
        same = [copy.copy(result), copy.deepcopy(result), result._replace()]
        same += [pickle.loads(pickle.dumps(result, p)) for p in range(pickle.HIGHEST_PROTOCOL + 1)]
        for other in same:
            assert other == result
            assert type(other) is cls
    assert (kind.entry is Entry) == kind.has_int_keys
    assert kind.entry(kind.key(0), kind.key(kind.top), 1).stop == kind.stop(kind.top)


@each_name
def test_a_key_outside_is_shown_with_the_limits(name):
    kind = kind_of(name)
    key, first, last = kind.key(5), kind.key(0), kind.key(kind.top)
    text = repr if name == "float64" else str
    shown = f"index {text(key)} is outside {text(first)} ... {text(last)}"
    assert str(kind.outside(key, "index")) == shown
    past = kind.stop(kind.top)
    shown = f"last {text(key)} is outside {text(kind.key(1))} ... "
    shown += text(last if past is None else past)
    assert str(kind.outside(key, "last", 1, end=True)) == shown
    assert type(kind.outside(key, "last")) is ValueError


# ---- ints


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [("uint64", 0, TOP), ("int64", -(2**63), 2**63 - 1), ("uint128", 0, WIDE)],
)
def test_ints(name, low, high):
    kind = kind_of(name)
    for key in (low - 1, low, low + 1, 0, 2**64 - 1, 2**64, 2**64 + 1, high, high + 1, 10**5000):
        assert code(name, key) == key - low
    assert [kind.key(0), kind.key(kind.top)] == [low, high]
    assert code(name, Index(7)) == code(name, 7)
    assert type(kind.key(code(name, True))) is int
    for wrong in (1.5, "1", None, b"1", Fraction(1), 2j):
        given = type(wrong).__name__
        given = "Fraction" if isinstance(wrong, Fraction) else given
        refused(TypeError, f"index must be an integer, not {given}", code, name, wrong)
    assert kind.count(Index(7), "size") == 7 == kind.size(7)
    refused(TypeError, "size must be an integer, not float", kind.count, 1.0, "size")
    assert kind.shown(10**5000) == hex(10**5000)


# ---- floats

NORMAL = sys.float_info.min
INTERESTING = [
    *(0.0, 5e-324, 1e-323, math.nextafter(NORMAL, 0.0), NORMAL, 1.0, 1.5),
    *(2.0**53, 2.0**63, 2.0**64, sys.float_info.max, math.inf),
]


def test_floats_are_in_order_and_neighbours_follow_each_other():
    codes = [code("float64", x) for x in INTERESTING]
    assert codes == sorted(set(codes))
    for x in [*INTERESTING, *(-x for x in INTERESTING)]:
        here = code("float64", x)
        assert kind_of("float64").key(here) == x
        if x != math.inf:
            assert code("float64", math.nextafter(x, math.inf)) == here + 1
            assert kind_of("float64").stop(here) == math.nextafter(x, math.inf)
    assert code("float64", -math.inf) == 0
    assert code("float64", math.inf) == kind_of("float64").top
    assert kind_of("float64").stop(kind_of("float64").top) is None


def test_floats_of_random_bits():
    rng = seeded("floats")
    floats = [struct.unpack("<d", rng.randbytes(8))[0] for _ in range(2000)]
    floats = [x for x in floats if x == x]
    codes = [code("float64", x) for x in floats]
    assert [x for _, x in sorted(zip(codes, floats, strict=True))] == sorted(floats)
    assert [kind_of("float64").key(c) for c in codes] == floats


def test_minus_zero_is_zero():
    assert code("float64", -0.0) == code("float64", 0.0) == 0x7FF0000000000000
    assert math.copysign(1, kind_of("float64").key(code("float64", -0.0))) == 1
    assert kind_of("float64").stop(code("float64", -5e-324)) == 0.0


def test_floats_take_numbers_but_no_text():
    for number, same in ((3, 3.0), (True, 1.0), (Fraction(3), 3.0), (Index(3), 3.0)):
        assert code("float64", number) == code("float64", same)
    for wrong, given in (("1", "str"), (b"1", "bytes"), (None, "NoneType"), (2j, "complex")):
        refused(TypeError, f"index must be a number, not {given}", code, "float64", wrong)
    with pytest.raises(OverflowError):
        code("float64", 10**400)
    for nan in (math.nan, -math.nan):
        refused(NoKey, "last must not be NaN", kind_of("float64").code, nan, "last")
    assert issubclass(NoKey, ValueError)


def test_floats_have_no_sizes():
    kind = kind_of("float64")
    refused(TypeError, "float64 keys have no sizes", kind.size, 1)
    refused(TypeError, "float64 keys have no sizes", kind.count, 1, "size")


# ---- dates


def test_dates():
    for day in (date.min, date(1970, 1, 1), date(2000, 2, 29), date.max):
        assert code("date", day) == (day - date.min).days
        assert kind_of("date").key((day - date.min).days) == day
    for wrong, given in (
        (5, "int"),
        ("2020-01-01", "str"),
        (datetime(2020, 1, 1), "datetime.datetime"),
        (timedelta(1), "datetime.timedelta"),
    ):
        refused(TypeError, f"index must be a date, not {given}", code, "date", wrong)
    assert kind_of("date").count(timedelta(3), "size") == 3
    assert kind_of("date").size(3) == timedelta(3)
    text = "size 1:00:00 is finer than the unit of date"
    refused(ValueError, text, kind_of("date").count, timedelta(hours=1), "size")
    refused(TypeError, "size must be a timedelta, not int", kind_of("date").count, 3, "size")
    assert kind_of("date").size(kind_of("date").top + 1) == date.max - date.min + timedelta(1)


def test_dates_of_numpy():
    np = pytest.importorskip("numpy")
    epoch = (date(1970, 1, 1) - date.min).days
    for unit, number in (("D", -5), ("W", 100), ("7D", 100), ("M", -1), ("Y", 30), ("M", 10**7)):
        moment = np.datetime64(number, unit)
        assert code("date", moment) == epoch + int(moment.astype("datetime64[D]").astype(int))
    assert code("date", np.datetime64("0000-12-31")) == -1
    assert code("date", np.datetime64("10000-01-01")) == kind_of("date").top + 1
    for unit in ("h", "s", "ns"):
        given = np.datetime64("2020-01-01", unit)
        text = f"index must be a date, not datetime64[{unit}]"
        refused(TypeError, text, code, "date", given)
    refused(NoKey, "index must not be NaT", code, "date", np.datetime64("NaT"))
    assert kind_of("date").count(np.timedelta64(3, "W"), "size") == 21


# ---- moments


def units(span, unit):
    return span // timedelta(microseconds=10**6 // UNITS[unit])


@each_unit
def test_naive_moments(unit):
    kind = kind_of(f"datetime64[{unit}]")
    end = datetime.max.replace(microsecond=(UNITS[unit] - 1) * 10**6 // UNITS[unit])
    step = timedelta(microseconds=10**6 // UNITS[unit])
    for moment in (datetime.min, datetime.min + step, datetime(1969, 12, 31, 23, 59, 59), end):
        expected = units(moment - datetime.min, unit)
        assert kind.code(moment, "index") == expected
        assert kind.key(expected) == moment
    assert kind.code(end, "index") == kind.top
    assert kind.code(end, "index") - kind.code(end - step, "index") == 1
    assert kind.count(step, "size") == 1
    assert kind.size(kind.top + 1) == end - datetime.min + step


@each_unit
def test_moments_in_utc(unit):
    kind = kind_of(f"datetime64[{unit}, UTC]")
    naive = kind_of(f"datetime64[{unit}]")
    assert (kind.top, kind.zero) == (naive.top, 0)
    for c in (0, 12345678, kind.top):
        assert kind.key(c) == naive.key(c).replace(tzinfo=UTC)
        assert kind.key(c).tzinfo is UTC
        assert kind.code(naive.key(c).replace(tzinfo=ZoneInfo("UTC")), "index") == c
    # Beyond the limits in UTC, though not as they stand.
    tokyo, step = timezone(timedelta(hours=9)), timedelta(microseconds=10**6 // UNITS[unit])
    first = datetime.min.replace(tzinfo=tokyo)
    assert kind.code(first, "index") == -9 * 3600 * UNITS[unit]
    assert kind.code(first + timedelta(hours=9), "index") == 0
    west = timezone(-timedelta(hours=9))
    last = naive.key(kind.top).replace(tzinfo=west)
    assert kind.code(last, "index") == kind.top + 9 * 3600 * UNITS[unit]
    assert kind.code(last - timedelta(hours=9) + step - step, "index") == kind.top


@each_unit
@pytest.mark.parametrize(
    "zone", ["Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Pacific/Apia", "Etc/UTC"]
)
def test_moments_in_a_zone(unit, zone):
    kind = kind_of(f"datetime64[{unit}, {zone}]")
    first = datetime.min.replace(tzinfo=UTC) + WEEK
    end = datetime(9999, 12, 25, tzinfo=UTC)
    step = timedelta(microseconds=10**6 // UNITS[unit])
    assert kind.zero == 0
    assert kind.top == units(end - step - first, unit)
    assert first.weekday() == 0  # so that weeks begin at multiples
    for moment in (first, first + step, datetime(2020, 1, 1, tzinfo=UTC), end - step):
        here = units(moment - first, unit)
        assert kind.code(moment, "index") == here
        key = kind.key(here)
        assert key == moment
        assert key.tzinfo is ZoneInfo(zone)
        assert kind.code(key, "index") == here
    assert kind.code(first - step, "index") == -1
    assert kind.code(end, "index") == kind.top + 1
    # Walls clocks at the limits of datetime.
    for wall in (datetime.min, datetime.max.replace(microsecond=0)):
        offset = wall.replace(tzinfo=ZoneInfo(zone)).utcoffset()
        expected = (
            units(wall - offset - first.replace(tzinfo=None), unit)
            if (datetime.min + WEEK < wall < datetime(9999, 12, 24))
            else None
        )
        given = kind.code(wall.replace(tzinfo=ZoneInfo(zone)), "index")
        assert expected is None or given == expected
        assert given < 0 or given > kind.top


@each_unit
def test_changes_of_summer_time(unit):
    kind = kind_of(f"datetime64[{unit}, Europe/Berlin]")
    # 02:30 exists twice on that day, and both come back as they are.
    early = datetime(2024, 10, 27, 2, 30, tzinfo=BERLIN)
    late = early.replace(fold=1)
    codes = [kind.code(moment, "index") for moment in (early, late)]
    assert codes[1] - codes[0] == 3600 * UNITS[unit]
    assert [kind.key(c).fold for c in codes] == [0, 1]
    assert [kind.key(c).utcoffset() for c in codes] == [timedelta(hours=2), timedelta(hours=1)]
    # 02:30 does not exist on that day: it is the moment that zoneinfo says.
    gap = datetime(2024, 3, 31, 2, 30, tzinfo=BERLIN)
    assert kind.key(kind.code(gap, "index")) == gap.astimezone(UTC)
    assert kind.key(kind.code(gap, "index")).hour == 3
    before = datetime(2024, 3, 31, 0, 59, 59, tzinfo=UTC)
    key = kind.key(kind.code(before, "index") + UNITS[unit])
    assert (key.hour, key.minute, key.utcoffset()) == (3, 0, timedelta(hours=2))


def test_random_moments_in_random_zones():
    rng = seeded("moments")
    zones = [UTC, BERLIN, ZoneInfo("America/St_Johns"), ZoneInfo("Australia/Lord_Howe")]
    zones += [timezone(timedelta(seconds=rng.randrange(-86399, 86400), microseconds=0))]
    kinds = [kind_of(f"datetime64[us, {zone}]") for zone in ("UTC", *map(str, zones[1:4]))]
    low, span = datetime(1, 1, 10), datetime(9999, 12, 20) - datetime(1, 1, 10)
    for _ in range(500):
        wall = low + timedelta(microseconds=rng.randrange(span // timedelta(microseconds=1)))
        moment = wall.replace(tzinfo=rng.choice(zones), fold=rng.randrange(2))
        utc = moment.astimezone(UTC)
        for kind in kinds:
            here = kind.code(moment, "index")
            # Moments that exist twice never equal those of another zone: compare in UTC.
            assert kind.key(here).astimezone(UTC) == utc
            assert kind.code(kind.key(here), "index") == kind.code(utc, "index") == here
            assert kind.stop(here).astimezone(UTC) == utc + timedelta(microseconds=1)


def test_awareness_must_be_that_of_the_tree():
    naive = "index must be a datetime without a time zone (naive), not an aware one"
    refused(TypeError, naive, code, "datetime64[us]", datetime(2020, 1, 1, tzinfo=UTC))
    aware = "index must be a datetime with a time zone (aware), not a naive one"
    for name in ("datetime64[us, UTC]", "datetime64[us, Europe/Berlin]"):
        refused(TypeError, aware, code, name, datetime(2020, 1, 1))
    for wrong, given in ((5, "int"), ("2020", "str"), (date(2020, 1, 1), "datetime.date")):
        text = f"index must be a datetime, not {given}"
        refused(TypeError, text, code, "datetime64[us]", wrong)


def test_what_is_finer_than_the_unit():
    text = "index 2020-01-01 00:00:00.000500 is finer than the unit of datetime64[ms]"
    refused(ValueError, text, code, "datetime64[ms]", datetime(2020, 1, 1, microsecond=500))
    kind = kind_of("datetime64[s, Europe/Berlin]")
    text = "size 0:00:00.500000 is finer than the unit of datetime64[s, Europe/Berlin]"
    refused(ValueError, text, kind.count, timedelta(milliseconds=500), "size")
    # An offset can have what the wall clock needs.
    offset = timezone(timedelta(microseconds=500))
    assert kind.code(datetime(2020, 1, 1, microsecond=500, tzinfo=offset), "index") == (
        kind.code(datetime(2020, 1, 1, tzinfo=UTC), "index")
    )
    refused(TypeError, "size must be a timedelta, not int", kind.count, 5, "size")


def test_moments_of_numpy():
    np = pytest.importorskip("numpy")
    kind = kind_of("datetime64[us]")
    for text in ("2020-01-01", "2020-01", "2020", "2020-01-01T05", "2020-01-01T05:06:07.123456"):
        moment = np.datetime64(text)
        assert kind.key(kind.code(moment, "i")) == moment.astype("datetime64[us]").item()
    week = np.datetime64(100, "W")
    assert kind.key(kind.code(week, "i")) == week.astype("datetime64[us]").item()
    multiple = np.datetime64(7, "25s")
    assert kind.key(kind.code(multiple, "i")) == datetime(1970, 1, 1, 0, 2, 55)
    whole = np.datetime64(5 * 10**12, "as")
    assert kind.key(kind.code(whole, "i")) == datetime(1970, 1, 1, microsecond=5)
    fine = np.datetime64("2020-01-01T00:00:00.000000001")
    text = f"index {fine} is finer than the unit of datetime64[us]"
    refused(ValueError, text, kind.code, fine, "index")
    refused(NoKey, "index must not be NaT", kind.code, np.datetime64("NaT"), "index")
    refused(NoKey, "index must not be NaT", kind.code, np.datetime64("NaT", "ns"), "index")
    aware = "index must be a datetime with a time zone (aware), not a naive one"
    refused(TypeError, aware, code, "datetime64[us, UTC]", np.datetime64("2020"))
    assert kind.code(np.datetime64(-1, "us"), "i") == kind.code(datetime(1970, 1, 1), "i") - 1
    assert kind.code(np.datetime64("0000-12-31T23:59:59.999999"), "i") == -1
    assert kind.code(np.datetime64("10000-01-01"), "i") == kind.top + 1
    for size, count in ((np.timedelta64(2, "ms"), 2000), (np.timedelta64(-1, "D"), -DAY * 10**6)):
        assert kind.count(size, "size") == count
    refused(NoKey, "size must not be NaT", kind.count, np.timedelta64("NaT"), "size")
    text = "size must be a timedelta, not timedelta64[M]"
    refused(TypeError, text, kind.count, np.timedelta64(1, "M"), "size")


def test_nanoseconds_of_numpy():
    np = pytest.importorskip("numpy")
    kind = kind_of("datetime64[ns]")
    assert (kind.top, kind.zero) == (2**64 - 2, 2**63 - 1)
    for number in (-(2**63) + 1, -1, 0, 1, 2**63 - 1):
        key = np.datetime64(number, "ns")
        assert kind.code(key, "index") == number + kind.zero
        back = kind.key(number + kind.zero)
        assert back == key
        assert back.dtype == key.dtype
    assert kind.code(datetime(1970, 1, 1, microsecond=1), "i") == kind.zero + 1000
    assert kind.code(datetime.max, "i") > kind.top
    assert kind.code(datetime.min, "i") < 0
    assert kind.size(5) == np.timedelta64(5, "ns")
    assert kind.size(2**63 - 1) == np.timedelta64(2**63 - 1, "ns")
    text = f"a size of {2**63} ns does not fit in 64 bits"
    refused(OverflowError, text, kind.size, 2**63)
    entry = kind.entry(kind.key(3), kind.key(5), "a")
    assert (entry.size, entry.stop) == (np.timedelta64(3, "ns"), kind.key(6))
    assert pickle.loads(pickle.dumps(entry)) == entry


def test_timestamps_of_pandas():
    pd = pytest.importorskip("pandas")
    stamp = pd.Timestamp("2020-01-01 00:00:00.123456")
    assert code("datetime64[us]", stamp) == code("datetime64[us]", stamp.to_pydatetime())
    stamp = pd.Timestamp("2020-01-01 00:00:00.123456789")
    text = f"index {stamp} is finer than the unit of datetime64[us]"
    refused(ValueError, text, code, "datetime64[us]", stamp)
    assert kind_of("datetime64[ns]").key(code("datetime64[ns]", stamp)) == stamp
    far = pd.Timestamp("2020-01-01").as_unit("s").replace(year=9999)
    assert code("datetime64[s]", far) == code("datetime64[s]", datetime(9999, 1, 1))
    for name in ("date", "datetime64[us]", "datetime64[us, UTC]", "datetime64[ns]"):
        refused(NoKey, "index must not be NaT", code, name, pd.NaT)
    refused(TypeError, "index must be a date, not Timestamp", code, "date", stamp)
    assert kind_of("datetime64[us]").count(pd.Timedelta("1s"), "size") == 10**6
    text = "size 0 days 00:00:00.000000001 is finer than the unit of datetime64[us]"
    refused(ValueError, text, kind_of("datetime64[us]").count, pd.Timedelta(1), "size")


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York"])
def test_nanoseconds_in_a_zone(zone):
    pd = pytest.importorskip("pandas")
    kind = kind_of(f"datetime64[ns, {zone}]")
    margin = 0 if zone == "UTC" else 7 * DAY * 10**9
    assert kind.top == 2**64 - 2 - 2 * margin
    for c in (0, 1, kind.zero, kind.top):
        key = kind.key(c)
        assert isinstance(key, pd.Timestamp)
        assert key.value == c - (2**63 - 1) + margin
        assert kind.code(key, "index") == c
        assert str(key.tz) == zone
    assert kind.key(kind.zero) == pd.Timestamp(0, tz="UTC")
    fine = pd.Timestamp("2024-10-27 00:30:00.000000001", tz="UTC")
    assert kind.key(kind.code(fine.tz_convert("Asia/Tokyo"), "i")) == fine
    assert kind.size(5) == pd.Timedelta(5)


# ---- addresses


@pytest.mark.parametrize(
    ("name", "address", "bits"), [("ipv4", IPv4Address, 32), ("ipv6", IPv6Address, 128)]
)
def test_addresses(name, address, bits):
    kind = kind_of(name)
    for number in (0, 1, 2**31, 2**32 - 1, 2**64 - 1, 2**64, 2**64 + 1, 2**bits - 1):
        assert code(name, number) == number
        if number < 2**bits:
            key = address(number)
            assert code(name, key) == code(name, str(key)) == code(name, key.exploded) == number
            assert kind.key(number) == key
            assert type(kind.key(number)) is address
    assert code(name, Index(5)) == 5
    assert (code(name, -1), code(name, 2**bits)) == (-1, kind.top + 1)
    assert kind.count(5, "size") == 5 == kind.size(5)
    assert str(kind.outside(2**bits, "index")) == (
        f"index {2**bits} is outside {address(0)} ... {address(2**bits - 1)}"
    )
    for wrong in (1.5, None, b"\0" * (bits // 8), []):
        text = f"index must be an {kind.family} address, not {type(wrong).__name__}"
        refused(TypeError, text, code, name, wrong)


def test_text_that_is_no_address():
    for text in ("10.0.0.256", "10.0.0", "010.0.0.1", "", "::1", "10.0.0.1 ", "a\0"):
        message = f"index must be an IPv4 address, not {text!r}"
        refused(ValueError, message, code, "ipv4", text)
    for text in ("10.0.0.1", ":::", "1::2::3", "12345::", "[::1]"):
        message = f"index must be an IPv6 address, not {text!r}"
        refused(ValueError, message, code, "ipv6", text)


def test_addresses_of_the_other_family():
    other = IPv6Address(1)
    text = "index must be an IPv4 address, not IPv6Address"
    refused(TypeError, text, code, "ipv4", other)
    text = "index must be an IPv6 address, not IPv4Address"
    refused(TypeError, text, code, "ipv6", IPv4Address(1))
    assert code("ipv6", "::ffff:10.0.0.1") == 0xFFFF0A000001
    assert code("ipv4", ip_interface("10.0.0.1/8")) == 0x0A000001


def test_addresses_with_a_zone():
    text = "index must be an address without a zone, not 'fe80::1%eth0'"
    refused(ValueError, text, code, "ipv6", "fe80::1%eth0")
    refused(ValueError, text, code, "ipv6", IPv6Address("fe80::1%eth0"))


def test_networks_are_windows():
    for name, text in (("ipv4", "10.0.0.0/8"), ("ipv4", "10.1.2.3/32"), ("ipv4", "0.0.0.0/0")):
        network = IPv4Network(text)
        window = int(network[0]), int(network[-1])
        assert kind_of(name).window_of(text) == kind_of(name).window_of(network) == window
    for text in ("2001:db8::/32", "::/0", "::1/128"):
        network = IPv6Network(text)
        window = int(network[0]), int(network[-1])
        assert kind_of("ipv6").window_of(text) == kind_of("ipv6").window_of(network) == window
    assert kind_of("ipv4").window_of("10.0.0.0/255.255.0.0") == (0x0A000000, 0x0A00FFFF)
    for name in NAMES:
        for key in (5, "10.0.0.0", IPv4Address(1), None, IPv4Network("10.0.0.0/8")):
            if name != "ipv4" or not isinstance(key, IPv4Network):
                assert kind_of(name).window_of(key) is None


def test_networks_are_no_keys():
    text = "index must be one IPv4 address, not the network 10.0.0.0/8"
    refused(TypeError, text, code, "ipv4", "10.0.0.0/8")
    refused(TypeError, text, code, "ipv4", IPv4Network("10.0.0.0/8"))
    text = "index must be one IPv6 address, not the network 10.0.0.0/8"
    refused(TypeError, text, code, "ipv6", IPv4Network("10.0.0.0/8"))


def test_text_that_is_no_network():
    window = kind_of("ipv4").window_of
    text = "index must be an IPv4 network, not '10.0.0.1/8', which has host bits set"
    refused(ValueError, text, window, "10.0.0.1/8")
    for text in ("10.0.0.0/33", "::/0", "/", "10.0.0.0/8/8"):
        refused(ValueError, f"index must be an IPv4 network, not {text!r}", window, text)
    with pytest.raises(ValueError, match="^index must be an"):
        kind_of("ipv6").window_of("fe80::%eth0/64")


# ---- the caller's own


def test_a_key_type_makes_a_kind():
    keys = Version()
    kind = kind_of(keys)
    assert isinstance(keys, KeyType)
    assert kind_of(keys) is kind
    assert (kind.name, kind.bits, kind.top, kind.zero) == (keys, 64, TOP, 0)
    assert kind.code((1, 2), "index") == 2**32 + 2
    assert kind.key(2**32 + 2) == (1, 2)
    assert (kind.stop(5), kind.stop(TOP)) == ((0, 6), None)
    assert (kind.count(7, "size"), kind.size(7)) == (7, 7)
    entry = kind.entry((1, 2), (1, 5), "a")
    assert (entry.stop, entry.size) == ((1, 6), 4)
    back = pickle.loads(pickle.dumps(entry))
    assert back == entry
    assert kind.same_as(back._kind)
    assert str(kind.outside((1, 2), "index")) == (
        f"index (1, 2) is outside (0, 0) ... {(2**32 - 1, 2**32 - 1)}"
    )
    wide = kind_of(Wide())
    assert (wide.bits, wide.top) == (128, WIDE)
    assert wide.code(2**130, "index") == 2**130


def test_key_types_that_are_equal_are_the_same():
    assert kind_of(Version()).same_as(kind_of(Version()))
    assert not kind_of(Wide()).same_as(kind_of(Wide()))
    assert not kind_of(Version()).same_as(kind_of("uint64"))
    assert not kind_of("uint64").same_as(kind_of(Version()))


def test_a_kind_lives_as_long_as_it_is_used():
    kind = weakref.ref(kind_of(Version()))
    gc.collect()
    assert kind() is None


@pytest.mark.parametrize("bits", [0, 32, 65, 64.0, "64", None])
def test_bits_must_be_64_or_128(bits):
    keys = Version()
    keys.bits = bits
    refused(ValueError, f"the bits of a KeyType must be 64 or 128, not {bits!r}", kind_of, keys)


def test_members_of_a_key_type_are_checked():
    keys = Version()
    keys.name = 5
    refused(TypeError, "the name of a KeyType must be a str, not int", kind_of, keys)
    keys = Version()
    keys.encode = None
    text = "the encode of a KeyType must be callable, not NoneType"
    refused(TypeError, text, kind_of, keys)


def test_what_encode_returns_is_checked():
    keys = Wide()
    text = "the result of encode() must be an integer, not str"
    refused(TypeError, text, kind_of(keys).code, "a", "index")
    assert kind_of(keys).code(Index(3), "index") == 3
    with pytest.raises(ValueError, match="unpack"):
        kind_of(Version()).code((1,), "index")
