# SPDX-License-Identifier: MIT
"""Python objects as the buffers of an Arrow column: the values of a tree of objects."""

import struct
from array import array
from collections.abc import Callable, Sequence
from datetime import date, datetime
from itertools import accumulate
from operator import index
from typing import Any, Final, NamedTuple

from samara._arguments import shown
from samara._errors import type_name
from samara._keys import kind_of

SIGNED: Final = range(-(2**63), 2**63)
UNSIGNED: Final = range(2**64)
BASES: Final = (bool, int, float, str, bytes, datetime, date)
SHORT: Final = 2**31  # bytes of text that offsets of 32 bits can tell apart


class Buffers(NamedTuple):
    """What an Arrow array of such values has."""

    format: str
    null_count: int
    validity: bytes | None
    """A bit for each value, which is 0 for None."""
    data: tuple[bytes, ...]
    """The buffers after that."""


def encode(values: Sequence[Any]) -> Buffers:
    """Return the buffers of values that are all of one type, or None.

    Raises:
        TypeError: They are not, or Arrow has no column for the type.
        ValueError: Ints are outside 64 bits.
    """
    kinds = {base_of(kind) for kind in {type(value) for value in values} - {type(None)}}
    nulls = sum(value is None for value in values)
    if not kinds:
        return Buffers("n", nulls, None, ())
    way = WAYS.get(frozenset(kinds))
    if way is None:
        names = ", ".join(sorted({type_name(value) for value in values if value is not None}))
        raise TypeError(f"Arrow has no column for values of {names}: convert them first")
    format, data = way(values)
    validity = bitmap([value is not None for value in values]) if nulls else None
    return Buffers(format, nulls, validity, data)


def base_of(kind: type) -> type:
    """Return the type that WAYS knows: numpy's scalars are ints and floats too."""
    for base in BASES:
        if issubclass(kind, base):
            return base
    return int if hasattr(kind, "__index__") else kind


def bitmap(bits: Sequence[bool]) -> bytes:
    number = int("".join("01"[bit] for bit in reversed(bits)) or "0", 2)
    return number.to_bytes((len(bits) + 7) // 8, "little")


def bools(values: Sequence[Any]) -> tuple[str, tuple[bytes, ...]]:
    return "b", (bitmap([bool(value) for value in values]),)


def ints(values: Sequence[Any]) -> tuple[str, tuple[bytes, ...]]:
    numbers = [0 if value is None else index(value) for value in values]
    low, high = min(numbers), max(numbers)
    for limits, format, letter in ((SIGNED, "l", "q"), (UNSIGNED, "L", "Q")):
        if low in limits and high in limits:
            return format, (array(letter, numbers).tobytes(),)
    raise ValueError(f"no column of Arrow has values from {shown(low)} to {shown(high)}")


def floats(values: Sequence[Any]) -> tuple[str, tuple[bytes, ...]]:
    return "g", (array("d", [value or 0 for value in values]).tobytes(),)


def texts(values: Sequence[Any]) -> tuple[str, tuple[bytes, ...]]:
    return strings([b"" if value is None else value.encode() for value in values], "uU")


def blobs(values: Sequence[Any]) -> tuple[str, tuple[bytes, ...]]:
    return strings([value or b"" for value in values], "zZ")


def strings(parts: list[bytes], formats: str) -> tuple[str, tuple[bytes, ...]]:
    ends = list(accumulate(map(len, parts), initial=0))
    long = ends[-1] >= SHORT
    offsets = struct.pack(f"={len(ends)}{'q' if long else 'i'}", *ends)
    return formats[long], (offsets, b"".join(parts))


def dates(values: Sequence[Any]) -> tuple[str, tuple[bytes, ...]]:
    epoch = date(1970, 1, 1).toordinal()
    days = [0 if value is None else value.toordinal() - epoch for value in values]
    return "tdD", (array("i", days).tobytes(),)


def moments(values: Sequence[Any]) -> tuple[str, tuple[bytes, ...]]:
    """Aware ones are in UTC. TypeError if there are naive ones too."""
    first = next(value for value in values if value is not None)
    zone = "" if first.utcoffset() is None else "UTC"
    kind: Any = kind_of("datetime64[us, UTC]" if zone else "datetime64[us]")
    numbers = [0 if value is None else kind.moment(value, "value") for value in values]
    return f"tsu:{zone}", (array("q", numbers).tobytes(),)


WAYS: Final[dict[frozenset[type], Callable[[Sequence[Any]], tuple[str, tuple[bytes, ...]]]]] = {
    frozenset({bool}): bools,
    frozenset({int}): ints,
    frozenset({float}): floats,
    frozenset({int, float}): floats,
    frozenset({str}): texts,
    frozenset({bytes}): blobs,
    frozenset({date}): dates,
    frozenset({datetime}): moments,
}
