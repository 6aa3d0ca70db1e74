# SPDX-License-Identifier: MIT
"""Keys that are objects, in trees, against `code()` and `key()` of their kinds in Python.

The extension converts the most common types itself: floats, dates, datetimes, addresses and their
texts.
"""

import math
import struct
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from ipaddress import IPv4Address, IPv6Address, ip_address
from zoneinfo import ZoneInfo

import pytest

from samara import MapleTree
from samara._keys import NoKey, kind_of
from tree_oracle import seeded

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = (None, UTC, ZoneInfo("UTC"), BERLIN, ZoneInfo("America/New_York"))
KINDS = [f"datetime64[{u}{z}]" for u in ("s", "ms", "us") for z in ("", ", UTC", ", Europe/Berlin")]


def check(tree, kind, key):
    """Store and look up one key: it comes back as the kind in Python says, or is refused."""
    tree.clear()
    try:
        code = kind.code(key, "index")
    except (TypeError, ValueError, OverflowError) as error:
        with pytest.raises(type(error)) as caught:
            tree[key] = 1
        assert str(caught.value) == str(error)
        if isinstance(error, NoKey):
            assert tree.get(key) is None
        else:
            with pytest.raises(type(error)):
                tree.get(key)
        return False
    if not 0 <= code <= kind.top:
        with pytest.raises(ValueError) as caught:
            tree[key] = 1
        assert str(caught.value) == str(kind.outside(key, "index"))
        assert tree.get(key) is None
        return False
    tree[key] = 1
    found, expected = tree.first_entry(), kind.key(code)
    assert same(found.first, expected)
    assert same(found.last, expected)
    assert tree.get(expected) == tree.get(key) == 1
    return True


def same(a, b):
    """Return whether two keys are equal in each respect."""
    if isinstance(a, datetime):
        naive = a.replace(tzinfo=None) == b.replace(tzinfo=None)
        return naive and a.fold == b.fold and a.tzinfo is b.tzinfo and type(a) is type(b)
    return type(a) is type(b) and a == b and repr(a) == repr(b)


def test_floats():
    rng = seeded("key objects")
    tree, kind = MapleTree(keys="float64"), kind_of("float64")
    floats = [0.0, -0.0, 1.0, -1.0, 5e-324, -5e-324, math.inf, -math.inf, math.nan, -math.nan]
    floats += [math.nextafter(math.inf, 0), math.nextafter(0, 1), 2.2250738585072014e-308]
    floats += struct.unpack("<500d", rng.randbytes(4000))
    for key in (*floats, 0, -1, 2**53 + 1, 10**308, 10**400, -(10**400), True, "1", None, 1j, b"1"):
        check(tree, kind, key)


@pytest.mark.parametrize("keys", ["uint64", "int64", "uint128"])
def test_ints(keys):
    """Around each number of digits that an int can have, and at all limits."""
    rng = seeded("key objects")
    tree, kind = MapleTree(keys=keys), kind_of(keys)
    for power in (0, 29, 30, 31, 59, 60, 61, 63, 64, 65, 89, 90, 91, 119, 120, 121, 127, 128, 150):
        for key in (2**power + step for step in (-1, 0, 1)):
            check(tree, kind, key)
            check(tree, kind, -key)
    for _ in range(200):
        key = rng.getrandbits(rng.randrange(1, 140))
        check(tree, kind, key)
        check(tree, kind, -key)
    for key in (True, 1.0, "1", None):
        check(tree, kind, key)


def test_dates():
    rng = seeded("key objects")
    tree, kind = MapleTree(keys="date"), kind_of("date")
    ordinals = [1, 2, 59, 60, 365, 366, date.max.toordinal(), date(2000, 2, 29).toordinal()]
    ordinals += [rng.randrange(1, date.max.toordinal()) for _ in range(2000)]
    for ordinal in ordinals:
        assert check(tree, kind, date.fromordinal(ordinal))
    for year in range(1, 9999, 7):
        for month, day in ((1, 1), (2, 28), (3, 1), (12, 31)):
            assert check(tree, kind, date(year, month, day))

    class Day(date):
        pass

    for key in (Day(2024, 1, 1), datetime(2024, 1, 1), 5, "2024-01-01", None):
        check(tree, kind, key)


class Zone(tzinfo):
    def __init__(self, offset):
        self.offset = offset

    def utcoffset(self, moment):
        if isinstance(self.offset, Exception):
            raise self.offset
        return self.offset


def some_moments(rng):
    yield datetime.min
    yield datetime.max
    whole = (datetime.max - datetime.min) // timedelta(microseconds=1)
    for _ in range(300):
        number = rng.choice(
            [rng.randrange(whole), rng.randrange(10**13), whole - rng.randrange(10**13)]
        )
        number -= number % rng.choice([1, 1000, 10**6, 3600 * 10**6])
        yield datetime.min + timedelta(microseconds=number)
    # Around the changes of clocks in Berlin in 2024.
    for change in (datetime(2024, 3, 31, 2), datetime(2024, 10, 27, 2)):
        for minutes in range(-90, 120, 15):
            yield change + timedelta(minutes=minutes)


@pytest.mark.parametrize("keys", [*KINDS, "datetime64[ns]"])
def test_moments(keys):
    if keys == "datetime64[ns]":
        pytest.importorskip("numpy")
    rng = seeded("key objects")
    tree, kind = MapleTree(keys=keys), kind_of(keys)
    zones = (*ZONES, timezone(timedelta(hours=5, microseconds=7)), Zone(timedelta(hours=-20)))
    for moment in some_moments(rng):
        for fold in (0, 1):
            check(tree, kind, moment.replace(tzinfo=rng.choice(zones), fold=fold))

    class Moment(datetime):
        pass

    for key in (
        Moment(2024, 1, 1),
        Moment(2024, 1, 1, tzinfo=UTC),
        datetime(2024, 1, 1, tzinfo=Zone(None)),
        date(2024, 1, 1),
        5,
        1.5,
        "2024-01-01",
        None,
    ):
        check(tree, kind, key)


def test_a_zone_that_raises():
    tree = MapleTree(keys="datetime64[us, UTC]")
    for error in (ZeroDivisionError("x"), ValueError("y")):
        with pytest.raises(type(error), match=str(error)):
            tree.get(datetime(2024, 1, 1, tzinfo=Zone(error)))
    with pytest.raises(TypeError):
        tree.get(datetime(2024, 1, 1, tzinfo=Zone(5)))


def test_a_zone_that_writes():
    tree = MapleTree(keys="datetime64[us, UTC]", dtype="u8")

    class Writer(tzinfo):
        def utcoffset(self, moment):
            tree.clear()
            tree.store_range(datetime(2020, 1, 1, tzinfo=UTC), tree.last_key, 7)
            return timedelta(0)

    assert tree.get(datetime(2024, 1, 1, tzinfo=Writer())) == 7
    tree[datetime(2024, 1, 1, tzinfo=Writer())] = 8
    assert [entry.value for entry in tree] == [7, 8, 7]


# ---- addresses


def some_octets(rng):
    odd = ["", "00", "01", "256", "999", "0x1", "1e1", "-1", "+1", " 1", "1_0", "\u0661", "1000"]
    octets = [str(rng.randrange(256)) for _ in range(4)]
    if rng.random() < 0.3:
        octets[rng.randrange(4)] = rng.choice(odd)
    if rng.random() < 0.05:
        octets.append("1")
    return ".".join(octets)


def some_groups(rng):
    forms = ["0", "1", "f", "ABCD", "00ff", "ffff"]
    odd = ["", "12345", "g", "0x1", "+1", " 1", "\u0661", "1_0"]
    groups = [rng.choice(forms) for _ in range(rng.choice([8, 8, 7, 6, 5, 4, 3, 2, 1, 0, 9]))]
    if rng.random() < 0.15 and groups:
        groups[rng.randrange(len(groups))] = rng.choice(odd)
    if rng.random() < 0.3 and groups:
        groups[-1] = some_octets(rng)
    for _ in range(rng.choice([0, 1, 1, 1, 2])):
        place = rng.randrange(len(groups) + 1)
        groups[place:place] = [""] * rng.choice([1, 1, 2, 3]) if place in (0, len(groups)) else [""]
    return ":".join(groups)


def damaged(rng, text):
    if rng.random() < 0.2:
        place = rng.randrange(len(text) + 1)
        letter = rng.choice([*".:0fg%/ \x00", "\u00e9", "\u0660", ""])
        text = text[:place] + letter + text[place + rng.randrange(2) :]
    return text


def text_of(rng, keys):
    if keys == "ipv4":
        return damaged(rng, some_octets(rng))
    if rng.random() < 0.3:
        return damaged(rng, str(IPv6Address(rng.getrandbits(128) & -1 << rng.randrange(129))))
    return damaged(rng, some_groups(rng))


@pytest.mark.parametrize(("keys", "address"), [("ipv4", IPv4Address), ("ipv6", IPv6Address)])
def test_addresses_in_text(keys, address):
    rng = seeded("key objects")
    tree = MapleTree(keys=keys)
    tree.store_range(tree.first_key, tree.last_key, 1)
    good = 0
    for _ in range(20_000):
        text = text_of(rng, keys)
        try:
            number = int(address(text))
        except ValueError:
            number = None
        if "%" in text or "/" in text or number is None:
            with pytest.raises((ValueError, TypeError)):
                tree.entry(text)
            continue
        good += 1
        tree.store_range(text, text, 2)
        assert tree.entry(number).value == 2
        assert int(tree.entry(text).first) == int(tree.entry(text).last) == number
        tree.store_range(number, number, 1)
    assert good > 2000


@pytest.mark.parametrize(("keys", "address"), [("ipv4", IPv4Address), ("ipv6", IPv6Address)])
def test_address_objects(keys, address):
    rng = seeded("key objects")
    tree, kind = MapleTree(keys=keys), kind_of(keys)

    class Mine(address):
        pass

    class Text(str):
        __slots__ = ()

    for _ in range(200):
        key = address(rng.getrandbits(address(0).max_prefixlen) >> rng.randrange(32))
        for form in (key, int(key), str(key), Mine(int(key)), Text(key)):
            assert check(tree, kind, form)
        found = tree.first_entry().first
        assert found == key
        assert hash(found) == hash(key)
        assert found.__reduce__() == key.__reduce__()
        assert str(found) == str(key)
        assert found.packed == key.packed
        assert (found + 0).is_private == key.is_private
    for form in (
        ip_address("1.2.3.4"),
        ip_address("::1"),
        IPv6Address("fe80::1%eth0"),
        "fe80::1%eth0",
        -1,
        2**32,
        2**128,
        2**200,
        1.0,
        None,
        b"\x01\x02\x03\x04",
        "",
    ):
        check(tree, kind, form)
