# SPDX-License-Identifier: MIT
"""Small universes of keys: 60 to 200 consecutive keys of each kind, at the interesting places.

Nothing here uses samara: the keys come from `struct`, `math`, `ipaddress` and `datetime`. So a
plain list of keys, indexed by position, can check a tree.

A universe gives each of its keys a position, an int from 0 to MAX, in order. The position of the
kind's first key is 0 and that of its last is MAX, so everything that is known about trees of ints
(`tree_oracle.py`, `cursor_model.py`) can be asked about positions. `placed.py` has a tree that is
called with positions.
"""

import datetime
import functools
import ipaddress
import math
import struct
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from tree_oracle import Index

try:
    import numpy
except ImportError:
    numpy = None
try:
    import pandas
except ImportError:
    pandas = None

TOP = 2**64 - 1  # the position of the last key
MIDDLE = 2**40  # the position of the first key of a universe that does not begin at an end
NEAR = 50  # so many keys at either end of the kind have a position in every universe
UTC = datetime.UTC
BERLIN = ZoneInfo("Europe/Berlin")
TOKYO = datetime.timezone(datetime.timedelta(hours=9), "JST")
UNITS = {
    "s": datetime.timedelta(seconds=1),
    "ms": datetime.timedelta(milliseconds=1),
    "us": datetime.timedelta(microseconds=1),
}
WEEK = datetime.timedelta(days=7)


def identity(key):
    """Return what tells two keys apart, even if they are equal: 0.0 and -0.0, or the two folds."""
    return type(key), repr(key)


@dataclass
class Line:
    """All keys of a kind: at(n) is the n-th key from `zero`, where alignment begins.

    unit   the size of one key; None if keys have no sizes
    forms  returns other objects that mean a key
    after  one past the last key, if there is such an object
    needs  the package that the keys come from
    """

    name: str
    keys: object
    at: object
    first: int
    last: int
    places: dict
    unit: object = 1
    forms: object = lambda key: []
    after: object = None
    needs: str | None = None
    bits: int = 64
    junk: list = field(default_factory=list)  # objects that are never keys: TypeError
    bad: list = field(default_factory=list)  # of the right type, but no key: ValueError


class Universe:
    """Some consecutive keys of a line, with the keys at the kind's ends."""

    def __init__(self, line, place, count):
        self.line, self.place, self.name = line, place, f"{line.name} {place}"
        start = line.places[place]
        start = max(line.first, min(start, line.last - count + 1))
        self.at_bottom, self.at_top = start == line.first, start + count - 1 == line.last
        self.base = 0 if self.at_bottom else TOP - count + 1 if self.at_top else MIDDLE
        self.size = count
        self.start = start
        self.keys = line.keys
        self.unit = line.unit
        numbers = {self.base + at: start + at for at in range(-NEAR, count + NEAR)}
        numbers |= {at: line.first + at for at in range(NEAR)}
        numbers |= {TOP - at: line.last - at for at in range(NEAR)}
        self.here = {
            position: line.at(number)
            for position, number in numbers.items()
            if 0 <= position <= TOP and line.first <= number <= line.last
        }
        self.positions = {identity(key): position for position, key in self.here.items()}
        # The position that alignment counts from; it may be far below 0.
        self.origin = self.base - start

    def __repr__(self):
        return self.name

    def __reduce__(self):
        return universe_named, (self.line.name, self.place, self.size)

    def key(self, position):
        return self.here[position]

    def position(self, key):
        """Return the position of a key that a tree gave. It must be exactly this universe's own."""
        found = self.positions.get(identity(key))
        assert found is not None, f"{key!r} is no key of {self.name}"
        return found

    def form(self, position, random):
        """Return an object that means the key at a position."""
        key = self.here[position]
        return random.choice([key, *self.line.forms(key)]) if random else key

    def stop(self, position):
        """Return the end of a slice that ends before a position."""
        return self.line.after if position > TOP else self.here[position]

    def length(self, count):
        """Return a number of keys as a size."""
        return count * self.unit

    def count(self, size):
        """Return a size as a number of keys. It must be of the type of this kind's sizes."""
        assert type(size) is type(self.unit), size
        count, rest = divmod(size, self.unit)
        assert not rest
        return int(count)

    def window(self):
        """Return the first and the last position of the run of keys."""
        return self.base, self.base + self.size - 1


# ---- ints ----------------------------------------------------------------------------------------


def int_forms(key):
    found = [Index(key)]
    if numpy is not None:
        if -(2**63) <= key < 2**63:
            found.append(numpy.int64(key))
        if 0 <= key < 2**64:
            found.append(numpy.uint64(key))
    return found


def ints(name, first, last, places, **more):
    junk = ["15", 1.0, None, b"1", [1], 1j, datetime.date(2024, 1, 1)]
    places = {"bottom": first, **places, "top": last}
    return Line(
        name, name, int, first, last, places, forms=int_forms, after=last + 1, junk=junk, **more
    )


INTS = [
    ints("uint64", 0, 2**64 - 1, {"across 2^63": 2**63 - 30}),
    ints("int64", -(2**63), 2**63 - 1, {"across 0": -30}),
    ints(
        "uint128",
        0,
        2**128 - 1,
        {
            "across 2^63": 2**63 - 30,
            "across 2^64": 2**64 - 30,
            "across 2^65": 2**65 - 30,
            "across 2^127": 2**127 - 30,
        },
        bits=128,
    ),
]


# ---- floats --------------------------------------------------------------------------------------


def float_at(number):
    """Return the number-th float above 0.0, or below it."""
    bits = struct.pack("<Q", abs(number))
    return math.copysign(struct.unpack("<d", bits)[0], number) if number else 0.0


def number_of_float(key):
    bits = struct.unpack("<Q", struct.pack("<d", abs(key)))[0]
    return -bits if key < 0 else bits


def float_forms(key):
    found = [-0.0, 0, Index(0)] if key == 0 else []
    if numpy is not None:
        found.append(numpy.float64(key))
    if abs(key) < 2**53 and key == int(key):
        found.append(int(key))
    return found


INFINITY = number_of_float(math.inf)
FLOATS = [
    Line(
        "float64",
        "float64",
        float_at,
        -INFINITY,
        INFINITY,
        {
            "bottom": -INFINITY,
            "across 0": -30,
            "least normal": number_of_float(2.0**-1022) - 30,
            "across 1": number_of_float(1.0) - 30,
            "across -2^53": number_of_float(-(2.0**53)) - 30,
            "top": INFINITY,
        },
        unit=None,
        forms=float_forms,
        junk=["1.0", b"1", None, [1], 1j, datetime.date(2024, 1, 1)],
        bad=[math.nan, -math.nan],
    )
]


# ---- dates and moments ---------------------------------------------------------------------------

NAT = [] if numpy is None else [numpy.datetime64("NaT")]
NAIVE, AWARE = datetime.datetime(2024, 1, 1), datetime.datetime(2024, 1, 1, tzinfo=UTC)


def date_at(number):
    return datetime.date.min + datetime.timedelta(days=number)


def days_of(date):
    return (date - datetime.date.min).days


def date_forms(key):
    if numpy is None:
        return []
    found = [numpy.datetime64(key.isoformat(), "D")]
    if key.day == 1:
        found.append(numpy.datetime64(key.isoformat()[:7], "M"))
    return found


def moment_at(unit, number):
    return datetime.datetime.min + number * UNITS[unit]


def moment_number(unit, moment):
    return (moment - datetime.datetime.min) // UNITS[unit]


def moment_forms(unit, key):
    found = []
    if numpy is not None:
        found.append(numpy.datetime64(key.isoformat(), unit))
        found.append(numpy.datetime64(key.isoformat(), "us"))
    if pandas is not None and key.year > 1700 and key.year < 2200:
        found.append(pandas.Timestamp(key))
    return found


EPOCH_OF_ZONES = datetime.datetime(1, 1, 8, tzinfo=UTC)
END_OF_ZONES = datetime.datetime(9999, 12, 25, tzinfo=UTC)
EPOCH_OF_UTC = datetime.datetime.min.replace(tzinfo=UTC)
# The moments at which a zone's offset changes.
CHANGES = {
    "Europe/Berlin": {
        "spring": datetime.datetime(2024, 3, 31, 1, tzinfo=UTC),
        "autumn": datetime.datetime(2024, 10, 27, 1, tzinfo=UTC),
        "local mean time": datetime.datetime(1893, 3, 31, 23, 6, 32, tzinfo=UTC),
    },
    "America/St_Johns": {"autumn": datetime.datetime(2024, 11, 3, 4, 30, tzinfo=UTC)},
}


def instant_at(unit, zone, epoch, number):
    return (epoch + number * UNITS[unit]).astimezone(zone)


def instant_forms(key):
    found = []
    if EPOCH_OF_ZONES < key < END_OF_ZONES:
        found += [key.astimezone(UTC), key.astimezone(TOKYO), key.astimezone(BERLIN)]
    if pandas is not None and key.year > 1700 and key.year < 2200:
        found.append(pandas.Timestamp(key))
    return found


def moments(unit):
    last = moment_number(unit, datetime.datetime.max)
    name = f"datetime64[{unit}]"
    around = datetime.datetime(2024, 2, 29) - 30 * UNITS[unit]
    return Line(
        name,
        name,
        functools.partial(moment_at, unit),
        0,
        last,
        {
            "bottom": 0,
            "across 1970": moment_number(unit, datetime.datetime(1970, 1, 1)) - 30,
            "across a leap day": moment_number(unit, around),
            "top": last,
        },
        UNITS[unit],
        functools.partial(moment_forms, unit),
        junk=[5, 1.0, "2024-01-01", None, datetime.date(2024, 1, 1), AWARE],
        bad=[NAIVE.replace(microsecond=1)] * (unit != "us") + NAT,
    )


def instants(unit, zone, utc=False):
    """Return the keys of a zone. With `utc`, they reach datetime's own limits."""
    epoch = EPOCH_OF_UTC if utc else EPOCH_OF_ZONES
    end = datetime.datetime.max.replace(tzinfo=UTC) if utc else END_OF_ZONES - UNITS[unit]
    last = (end - epoch) // UNITS[unit]
    name = f"datetime64[{unit}, {zone}]"
    places = {"bottom": 0, "top": last}
    for label, moment in CHANGES.get(zone, {}).items():
        places[label] = (moment - epoch) // UNITS[unit] - 30
    return Line(
        name,
        name,
        functools.partial(instant_at, unit, UTC if utc else ZoneInfo(zone), epoch),
        0,
        last,
        places,
        UNITS[unit],
        instant_forms,
        junk=[5, 1.0, "2024-01-01", None, datetime.date(2024, 1, 1), NAIVE],
        bad=[AWARE.replace(microsecond=1)] * (unit != "us") + NAT,
    )


TIMES = [
    Line(
        "date",
        "date",
        date_at,
        0,
        days_of(datetime.date.max),
        {
            "bottom": 0,
            "across a leap day": days_of(datetime.date(2024, 2, 29)) - 30,
            "no leap day in 1900": days_of(datetime.date(1900, 3, 1)) - 30,
            "top": days_of(datetime.date.max),
        },
        datetime.timedelta(days=1),
        date_forms,
        junk=[5, 1.0, "2024-01-01", None, NAIVE, AWARE],
        bad=NAT,
    ),
    *map(moments, UNITS),
    instants("us", "UTC", utc=True),
    instants("s", "Europe/Berlin"),
    instants("us", "Europe/Berlin"),
    instants("ms", "America/St_Johns"),
]


def nanosecond_at(number):
    return numpy.datetime64(number, "ns")


def timestamp_at(number):
    return pandas.Timestamp(number, unit="ns", tz=BERLIN)


def nanoseconds():
    ends = -(2**63) + 1, 2**63 - 1
    places = {"bottom": ends[0], "across 1970": -30, "top": ends[1]}
    name = "datetime64[ns]"
    yield Line(
        name,
        name,
        nanosecond_at,
        *ends,
        places,
        numpy.timedelta64(1, "ns"),
        junk=[5, 1.0, "2024-01-01", None, datetime.date(2024, 1, 1), AWARE],
        bad=NAT,
    )
    if pandas is None:
        return
    name = "datetime64[ns, Europe/Berlin]"
    autumn = 1_729_990_800_000_000_000
    # pandas shows no moment whose wall time is above its limit: seven days less.
    ends = ends[0] + 7 * 86_400 * 10**9, ends[1] - 7 * 86_400 * 10**9
    yield Line(
        name,
        name,
        timestamp_at,
        *ends,
        {"bottom": ends[0], "autumn": autumn - 30, "top": ends[1]},
        pandas.Timedelta(1, unit="ns"),
        junk=[5, 1.0, "2024-01-01", None, datetime.date(2024, 1, 1), NAIVE],
        bad=[pandas.NaT],
    )


NANOSECONDS = [] if numpy is None else list(nanoseconds())


# ---- addresses -----------------------------------------------------------------------------------


def address_forms(key):
    return [str(key), int(key), Index(int(key))]


NO_ADDRESSES = [1.0, None, b"1", [1], datetime.date(2024, 1, 1)]
ADDRESSES = [
    Line(
        "ipv4",
        "ipv4",
        ipaddress.IPv4Address,
        0,
        2**32 - 1,
        {
            "bottom": 0,
            "a /24": int(ipaddress.ip_address("10.0.0.240")),
            "across 2^31": 2**31 - 30,
            "top": 2**32 - 1,
        },
        forms=address_forms,
        junk=[*NO_ADDRESSES, ipaddress.ip_address("::1"), "10.0.0.0/24"],
        bad=["10.0.0.256", "x", "::1", "10.0.0", ""],
    ),
    Line(
        "ipv6",
        "ipv6",
        ipaddress.IPv6Address,
        0,
        2**128 - 1,
        {
            "bottom": 0,
            "a /64": int(ipaddress.ip_address("2001:db8:0:1::")) - 30,
            "across 2^64": 2**64 - 30,
            "mapped": int(ipaddress.ip_address("::ffff:0:0")) - 30,
            "top": 2**128 - 1,
        },
        forms=address_forms,
        bits=128,
        junk=[*NO_ADDRESSES, ipaddress.ip_address("1.2.3.4"), "fe80::/10"],
        bad=["::x", "1.2.3.4", "fe80::1%eth0", ipaddress.ip_address("fe80::1%1"), ""],
    ),
]


# ---- keys of people's own kind -------------------------------------------------------------------


class Cells:
    """Cells of a sheet: keys are (row, column), both of 32 bits."""

    name, bits = "cells", 64

    def __reduce__(self):
        return "CELLS"

    def encode(self, key):
        row, column = key
        return row << 32 | column

    def decode(self, code):
        return cell_at(code)


class Words:
    """Strings of 16 bytes."""

    name, bits = "words", 128

    def __reduce__(self):
        return "WORDS"

    def encode(self, key):
        if len(key) != 16:
            raise ValueError(f"a word has 16 bytes, not {len(key)}")
        return int.from_bytes(key, "big")

    def decode(self, code):
        return word_at(code)


def cell_at(number):
    return divmod(number, 2**32)


def word_at(number):
    return number.to_bytes(16, "big")


CELLS, WORDS = Cells(), Words()
CUSTOM = [
    Line(
        "cells",
        CELLS,
        cell_at,
        0,
        2**64 - 1,
        {"bottom": 0, "across rows": 2**40 - 30, "top": 2**64 - 1},
        forms=lambda key: [list(key)],
        junk=[5, None],
        bad=[(1, 2, 3), ()],
    ),
    Line(
        "words",
        WORDS,
        word_at,
        0,
        2**128 - 1,
        {"bottom": 0, "across 2^64": 2**64 - 30, "top": 2**128 - 1},
        forms=lambda key: [bytearray(key)],
        bits=128,
        junk=[5, None],
        bad=[b"", b"x" * 17],
    ),
]

LINES = [*INTS, *FLOATS, *TIMES, *NANOSECONDS, *ADDRESSES, *CUSTOM]
LINE = {line.name: line for line in LINES}


def universe_named(name, place, count):
    return Universe(LINE[name], place, count)


def universes(count=120, lines=LINES):
    """Return a universe of so many keys for each place of each line."""
    return [Universe(line, place, count) for line in lines for place in line.places]
