# SPDX-License-Identifier: MIT
"""Keys that are dates or moments: "date", "datetime64[us]" and the like.

All conversions are integer arithmetic. numpy and pandas are imported only for keys of
"datetime64[ns]", and their objects are recognized without importing them.
"""

import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import partial
from typing import Any, Final

from samara._columns import ArrowColumn, Opened
from samara._errors import NoKey, type_name
from samara._keys.arrays import number_array
from samara._keys.kind import Kind

UNITS: Final = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}  # of moments: so many are a second
ATTO: Final = 10**18
DAY: Final = 86400  # seconds
# Units of numpy, in attoseconds. Those of months are converted to days first.
NUMPY_UNITS: Final[dict[str, int]] = {
    "W": 7 * DAY * ATTO,
    "D": DAY * ATTO,
    "h": 3600 * ATTO,
    "m": 60 * ATTO,
    **{unit: ATTO // 1000**power for power, unit in enumerate(("s", "ms", "us", "ns", "ps"))},
    "fs": 10**3,
    "as": 1,
}
ARROW_UNITS: Final = {
    **{"tdD": "D", "tdm": "ms"},
    **{"tss": "s", "tsm": "ms", "tsu": "us", "tsn": "ns"},
}
ORDER: Final = "<" if sys.byteorder == "little" else ">"
MONTHS: Final = {"Y": 12, "M": 1}
NAT: Final = -(2**63)
EPOCH: Final = date(1970, 1, 1).toordinal()
WEEK: Final = 7 * DAY


def is_numpy(thing: Any, name: str) -> bool:
    """Return whether an object is a numpy scalar of that type."""
    return type(thing).__name__ == name and type(thing).__module__ == "numpy"


def numpy_number(thing: Any, name: str) -> tuple[int, str]:
    """Return the number in a datetime64 or timedelta64, and its unit without a multiple."""
    import numpy

    number = int(thing.astype("int64"))
    if number == NAT:
        raise NoKey(f"{name} must not be NaT")
    unit, multiple = numpy.datetime_data(thing.dtype)
    return number * multiple, unit


def days_to_month(month: int) -> int:
    """Return the days from 1970-01-01 to the first day of a month, counted from then."""
    year, month = divmod(month, 12)
    cycles, year = divmod(year + 1970, 400)  # the calendar repeats
    return date(year + 400, month + 1, 1).toordinal() + (cycles - 1) * 146097 - EPOCH


def numpy_moment(key: Any, name: str) -> tuple[int, str]:
    """Return the number in a datetime64 since 1970-01-01, and its unit, one of NUMPY_UNITS."""
    number, unit = numpy_number(key, name)
    if unit in MONTHS:
        return days_to_month(number * MONTHS[unit]), "D"
    return number, unit


def text_of(key: Any, form: Callable[[Any], str] = str) -> str:
    """Format a key for a message."""
    try:
        return form(key)
    except OverflowError:  # so far away that numpy 2.5 and newer do not write it
        number, unit = numpy_number(key, "key")
        return f"{number} {unit}"


def as_day(item: Any) -> Any:
    """Return a datetime64 as one in days, if it is a midnight and that fits."""
    import numpy

    with suppress(NoKey):
        number, unit = numpy_moment(item, "key")
        days, rest = divmod(number * NUMPY_UNITS.get(unit, 1), NUMPY_UNITS["D"])
        if unit in NUMPY_UNITS and not rest and NAT < days < -NAT:
            return numpy.datetime64(days, "D")
    return item


def require_no_nat(key: datetime, name: str) -> None:
    """Refuse pandas.NaT, which is a datetime."""
    if key != key:
        raise NoKey(f"{name} must not be NaT")


def microseconds_of(span: timedelta) -> int:
    return (span.days * DAY + span.seconds) * 10**6 + span.microseconds


def size_in_atto(size: Any, name: str) -> int:
    if is_numpy(size, "timedelta64") or hasattr(size, "to_timedelta64"):
        exact = size if is_numpy(size, "timedelta64") else size.to_timedelta64()
        number, unit = numpy_number(exact, name)
        if unit in NUMPY_UNITS:
            return int(number * NUMPY_UNITS[unit])
    elif isinstance(size, timedelta):
        return microseconds_of(size) * 10**12
    given = size.dtype if is_numpy(size, "timedelta64") else type_name(size)
    raise TypeError(f"{name} must be a timedelta, not {given}")


class Moment:
    """An item of a column of Arrow: so many units since 1970-01-01, in UTC if it is aware."""

    __slots__ = ("aware", "number", "unit")

    def __init__(self, number: int, unit: str, aware: bool) -> None:
        self.number, self.unit, self.aware = number, unit, aware

    @property
    def atto(self) -> int:
        return self.number * NUMPY_UNITS[self.unit]

    def require_time(self, name: str) -> None:
        """Refuse the number that numpy and pandas have for NaT."""
        if self.number == NAT:
            raise NoKey(f"{name} must not be NaT")

    def __repr__(self) -> str:
        try:
            shown = datetime(1970, 1, 1) + timedelta(microseconds=self.atto // 10**12)
        except OverflowError:
            return f"{self.number} {self.unit} since 1970-01-01"
        rest = self.atto // 10**9 % 1000
        return shown.isoformat() + (f" and {rest} ns" if rest else "")


class TimeKind(Kind):
    """Dates and moments: their sizes are timedeltas."""

    name: str
    unit: int  # attoseconds
    zone: tzinfo | None = None

    def of_arrow(self, column: ArrowColumn, name: str) -> Opened | None:
        """Dates count days or milliseconds, moments their own unit, in UTC if there is a zone."""
        form, _, zone = column.format.partition(":")
        unit = ARROW_UNITS.get(form)
        if unit is None:
            return None
        if column.length:
            self.require_awareness(bool(zone), f"position 0: {name}")
        item = partial(Moment, unit=unit, aware=bool(zone))
        return Opened("moments", column.data, column.nulls, f"{ORDER}M8[{unit}]", item)

    def require_awareness(self, aware: bool, name: str) -> None:
        if aware and not self.zone:
            text = "must be a datetime without a time zone (naive), not an aware one"
            raise TypeError(f"{name} {text}")
        if self.zone and not aware:
            text = "must be a datetime with a time zone (aware), not a naive one"
            raise TypeError(f"{name} {text}")

    def shown(self, key: Any) -> str:
        return text_of(key)

    def count(self, size: Any, name: str) -> int:
        count, rest = divmod(size_in_atto(size, name), self.unit)
        if rest:
            raise ValueError(f"{name} {size} is finer than the unit of {self.name}")
        return count


class DateKind(TimeKind):
    """The code of a date is the number of days since 0001-01-01."""

    name = "date"
    unit = NUMPY_UNITS["D"]
    top = date.max.toordinal() - 1

    def code(self, key: Any, name: str) -> int:
        if isinstance(key, date) and not isinstance(key, datetime):
            return int(key.toordinal()) - 1
        given = type_name(key)
        if type(key) is Moment:
            key.require_time(name)
            days, rest = divmod(key.atto, self.unit)
            if not rest:
                return days + EPOCH - 1
            given = "a moment"
        elif is_numpy(key, "datetime64"):
            number, unit = numpy_moment(key, name)
            if unit in ("D", "W"):
                return number * (7 if unit == "W" else 1) + EPOCH - 1
            given = key.dtype
        elif isinstance(key, datetime):
            require_no_nat(key, name)
        raise TypeError(f"{name} must be a date, not {given}")

    def items(self, array: Any) -> Iterable[Any] | None:
        """Moments are dates if they are midnights: most libraries have no unit for days.

        numpy does not convert units below nanoseconds to days.
        """
        if array.dtype.kind != "M" or array.dtype.str.endswith(("ps]", "fs]", "as]")):
            return None
        try:
            days = array.astype("datetime64[D]")
            return [day if day == item else item for day, item in zip(days, array, strict=True)]
        except OverflowError:  # an item that is far away; numpy 2.5 and newer
            return map(as_day, array)

    def array(self, numpy: Any, codes: Sequence[int]) -> Any:
        return number_array(numpy, codes, "datetime64[D]", EPOCH - 1)

    def key(self, code: int) -> date:
        return date.fromordinal(code + 1)

    def size(self, count: int) -> timedelta:
        return timedelta(count)


class Instant:
    """An item of an array of datetime64, which a kind with a zone takes as UTC."""

    __slots__ = ("moment",)

    def __init__(self, moment: Any) -> None:
        self.moment = moment

    def __repr__(self) -> str:
        return text_of(self.moment, repr)

    def __str__(self) -> str:
        return text_of(self.moment)


class MomentKind(TimeKind):
    """The code of a moment is the number of units since the first one.

    Keys are naive if there is no zone. Otherwise they are aware, and codes are moments in UTC. For
    other zones the limits are 7 days nearer, so that each key can be shown in its zone.
    """

    first = 1 - EPOCH  # days from 1970-01-01 to the first and past the last possible day
    end = date.max.toordinal() + 1 - EPOCH

    def __init__(self, unit: str, zone: str | None) -> None:
        self.name = f"datetime64[{unit}, {zone}]" if zone else f"datetime64[{unit}]"
        self.resolution, self.per_second = unit, UNITS[unit]
        self.unit = ATTO // self.per_second
        self.zone = zone_of(zone) if zone else None
        self.margin = 0 if zone in (None, "UTC") else WEEK * self.per_second
        first, end = self.limits()
        self.origin = first + self.margin
        """The moment of code 0: units since 1970-01-01."""
        self.top = end - 1 - self.margin - self.origin
        start = datetime(1, 1, 1, tzinfo=self.zone and UTC)
        self.start = start + timedelta(seconds=self.margin // self.per_second)

    def limits(self) -> tuple[int, int]:
        """Return the first moment, and the one past the last: units since 1970-01-01."""
        day = DAY * self.per_second
        return self.first * day, self.end * day

    def code(self, key: Any, name: str) -> int:
        return self.moment(key, name) - self.origin

    def moment(self, key: Any, name: str) -> int:
        """Return the units since 1970-01-01, naive or in UTC."""
        if type(key) is Moment:
            key.require_time(name)
            return self.in_units(key.atto, key, name)
        aware = type(key) is Instant
        if aware:
            key = key.moment
        if is_numpy(key, "datetime64"):
            number, unit = numpy_moment(key, name)
            self.require_awareness(aware, name)
            if unit not in NUMPY_UNITS:
                raise TypeError(f"{name} must have a unit, as datetime64[s] has")
            return self.in_units(number * NUMPY_UNITS[unit], key, name)
        if not isinstance(key, datetime):
            raise TypeError(f"{name} must be a datetime, not {type_name(key)}")
        require_no_nat(key, name)
        offset = key.utcoffset()
        self.require_awareness(offset is not None, name)
        if hasattr(key, "to_datetime64"):  # a pandas.Timestamp, which can have nanoseconds
            number, unit = numpy_moment(key.to_datetime64(), name)
            return self.in_units(number * NUMPY_UNITS[unit], key, name)
        days = key.toordinal() - EPOCH
        seconds = ((days * 24 + key.hour) * 60 + key.minute) * 60 + key.second
        number = seconds * 10**6 + key.microsecond
        if offset:
            number -= microseconds_of(offset)
        return self.in_units(number * 10**12, key, name)

    def in_units(self, atto: int, key: Any, name: str) -> int:
        units, rest = divmod(atto, self.unit)
        if rest:
            raise ValueError(f"{name} {text_of(key)} is finer than the unit of {self.name}")
        return units

    def as_array(self, given: Any) -> Any:
        """Take a column of pandas with a zone as it is stored, as moments in UTC."""
        dtype: Any = getattr(given, "dtype", None)
        if self.zone and hasattr(dtype, "tz") and hasattr(given, "to_numpy"):
            return given.to_numpy(f"datetime64[{dtype.unit}]")
        return super().as_array(given)

    def items(self, array: Any) -> Iterable[Any] | None:
        if array.dtype.kind != "M":
            return None
        return map(Instant, array) if self.zone else array

    def array(self, numpy: Any, codes: Sequence[int]) -> Any:
        unit = f"datetime64[{self.resolution}]"
        return number_array(numpy, codes, unit, -self.origin)

    def key(self, code: int) -> Any:
        moment = self.start + timedelta(microseconds=code * (10**6 // self.per_second))
        return moment.astimezone(self.zone) if self.margin else moment

    def size(self, count: int) -> Any:
        return timedelta(microseconds=count * (10**6 // self.per_second))


class NanosecondKind(MomentKind):
    """Moments as numpy and pandas have them: 64-bit nanoseconds since 1970, of which one is NaT."""

    def __init__(self, zone: str | None) -> None:
        super().__init__("ns", zone)
        self.zero = -self.origin

    def limits(self) -> tuple[int, int]:
        return NAT + 1, 2**63

    def key(self, code: int) -> Any:
        if self.zone is None:
            return imported("numpy", self.name).datetime64(code + self.origin, "ns")
        pandas = imported("pandas", self.name)
        return pandas.Timestamp(code + self.origin, unit="ns", tz=self.zone)

    def size(self, count: int) -> Any:
        if count >= 2**63:
            raise OverflowError(f"a size of {count} ns does not fit in 64 bits")
        if self.zone is None:
            return imported("numpy", self.name).timedelta64(count, "ns")
        return imported("pandas", self.name).Timedelta(count, unit="ns")


def imported(module: str, keys: str) -> Any:
    """Return numpy or pandas, which keys of that name consist of."""
    try:
        return __import__(module)
    except ImportError as error:
        raise ImportError(f"keys={keys!r} requires {module}: pip install {module}") from error


def zone_of(name: str) -> tzinfo:
    if name == "UTC":
        return UTC
    # CPython 3.12 cannot import it in an interpreter that has a lock of its own.
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"there is no time zone {name!r}") from None


def moment_kind(unit: str, zone: str | None) -> MomentKind:
    return NanosecondKind(zone) if unit == "ns" else MomentKind(unit, zone)
