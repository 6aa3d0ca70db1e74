# SPDX-License-Identifier: MIT
"""Columns of keys: what kind of keys an Arrow column holds, and the column as trees take it.

Everything that depends on the kind of keys is here. A kind has a *storage*: the Arrow type in which
a table keeps its bounds, and in which all bounds of the kind can be compared. Columns that are
looked up may have other types: `keys_of()` converts them without changing what they mean.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.lib.stride_tricks import as_strided

from samara.frames.addresses import parse_addresses, wide_from_v4
from samara.frames.errors import FrameError

UNITS: Final = ("s", "ms", "us", "ns")
PER_SECOND: Final = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
ADDRESSES: Final = ("ip", "ipv4", "ipv6")
NAMES: Final = (
    "'uint64', 'int64', 'float64', 'date', 'datetime64[UNIT]', 'datetime64[UNIT, UTC]' "
    "(UNIT is s, ms, us or ns), 'ipv4', 'ipv6' or 'ip'"
)
WIDE: Final = pa.binary(16)


@dataclass(frozen=True)
class Keys:
    """A column of keys, as arrays: the keys, and which of them are there (None: all of them)."""

    values: Any
    valid: Any = None

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True)
class Kind:
    """A kind of keys, by the name that `RangeTable.keys` has.

    >>> Kind("ipv4").storage
    DataType(uint32)
    >>> Kind("datetime64[us, UTC]").storage
    TimestampType(timestamp[us, tz=UTC])
    """

    name: str

    @property
    def storage(self) -> Any:
        """The Arrow type of bounds."""
        simple = {
            "uint64": pa.uint64(),
            "int64": pa.int64(),
            "float64": pa.float64(),
            "date": pa.date32(),
            "ipv4": pa.uint32(),
            "ipv6": WIDE,
            "ip": WIDE,
        }
        if self.name in simple:
            return simple[self.name]
        return pa.timestamp(self.unit, "UTC" if self.is_aware else None)

    @property
    def is_moment(self) -> bool:
        return self.name.startswith("datetime64")

    @property
    def unit(self) -> str:
        return re.split(r"[\[\],]", self.name)[1]

    @property
    def is_aware(self) -> bool:
        return "," in self.name

    def with_unit(self, unit: str) -> Kind:
        """Return the kind of moments in another unit.

        >>> Kind("datetime64[us, UTC]").with_unit("ns").name
        'datetime64[ns, UTC]'
        """
        return Kind(f"datetime64[{unit}, UTC]" if self.is_aware else f"datetime64[{unit}]")


def kind_named(name: Any) -> Kind:
    """Return the kind that `keys=` names.

    >>> kind_named("datetime64[us, Europe/Berlin]").name
    'datetime64[us, UTC]'
    """
    text = str(name)
    if text in ("uint64", "int64", "float64", "date", *ADDRESSES):
        return Kind(text)
    match = re.fullmatch(r"datetime64\[(s|ms|us|ns)(, .+)?\]", text)
    if match is None:
        raise ValueError(f"keys must be {NAMES}, not {text!r}")
    return Kind(f"datetime64[{match[1]}, UTC]" if match[2] else text)


def kind_of_columns(first: Any, last: Any, names: tuple[str, str]) -> Kind:
    """Return the kind of keys of a table with these columns of bounds.

    Raises:
        TypeError: The types are no keys, or do not go together.
    """
    kinds = [
        kind_of_type(column.type, name) for column, name in zip((first, last), names, strict=True)
    ]
    one, two = kinds
    if one.is_moment and two.is_moment:
        if one.is_aware != two.is_aware:
            aware, naive = names if one.is_aware else names[::-1]
            raise TypeError(f"column {aware!r} has a time zone and column {naive!r} has none")
        return one.with_unit(max(one.unit, two.unit, key=UNITS.index))
    if one != two and {one.name, two.name} == {"int64", "uint64"}:
        return Kind("int64")
    if one != two:
        raise TypeError(
            f"columns {names[0]!r} ({first.type}) and {names[1]!r} ({last.type}) "
            "hold different kinds of keys"
        )
    return one


def kind_of_type(kind: Any, name: str) -> Kind:
    """Return the kind of keys that columns of an Arrow type hold if nothing else is said."""
    types = pa.types
    if types.is_dictionary(kind):
        return kind_of_type(kind.value_type, name)
    if types.is_unsigned_integer(kind):
        return Kind("uint64")
    if types.is_signed_integer(kind):
        return Kind("int64")
    if types.is_floating(kind):
        return Kind("float64")
    if types.is_date32(kind):
        return Kind("date")
    if types.is_date64(kind):
        return Kind("date")
    if types.is_timestamp(kind):
        return Kind(f"datetime64[{kind.unit}, UTC]" if kind.tz else f"datetime64[{kind.unit}]")
    if types.is_fixed_size_binary(kind) and kind.byte_width == 16:
        return Kind("ipv6")
    if is_text(kind):
        raise TypeError(
            f"column {name!r} holds text: say keys='ipv4', 'ipv6' or 'ip' if these are addresses"
        )
    raise TypeError(f"column {name!r} ({kind}) does not hold keys")


def is_text(kind: Any) -> bool:
    """Return whether an Arrow type is one of strings."""
    types = pa.types
    views = getattr(types, "is_string_view", lambda kind: False)
    return bool(types.is_string(kind) or types.is_large_string(kind) or views(kind))


def is_bytes(kind: Any) -> bool:
    """Return whether an Arrow type can hold strings of 16 bytes."""
    types = pa.types
    if types.is_fixed_size_binary(kind):
        return bool(kind.byte_width == 16)
    return bool(types.is_binary(kind) or types.is_large_binary(kind) or is_binary_view(kind))


def is_binary_view(kind: Any) -> bool:
    """Return whether an Arrow type is one of bytes that lie anywhere; old versions have none."""
    return hasattr(pa.types, "is_binary_view") and bool(pa.types.is_binary_view(kind))


def stored(column: Any, kind: Kind, name: str, start: int = 0) -> Any:
    """Return a column of bounds in the storage of its kind, without nulls.

    The column begins with the row `start` of its frame.

    Raises:
        FrameError: A value is null, NaN, no address, or outside the kind's limits.
        TypeError: The column holds other things.
    """
    array = plain(column)
    require_no_nulls(array, name, start)
    if kind.name in ADDRESSES and is_text(array.type):
        return parse_addresses(array, kind.name, name, start)
    check_goes_with(array.type, kind, name)
    if kind.name == "ip" and pa.types.is_integer(array.type):
        return wide_from_v4(converted(array, pa.uint32(), name, start))
    array = converted(array, kind.storage, name, start)
    if kind.name == "float64":
        nans = np.flatnonzero(np.isnan(array.to_numpy(zero_copy_only=False)))
        if len(nans):
            raise FrameError(f"row {start + nans[0]} of {name!r} is NaN")
    return array


def plain(column: Any) -> Any:
    """Return one array, without a dictionary, of an array or of a chunked array."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    if isinstance(column, pa.ChunkedArray):  # of no chunks, in older versions
        column = pa.array([], column.type)
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def require_no_nulls(array: Any, name: str, start: int = 0) -> None:
    if array.null_count:
        row = pc.index(array.is_null(), True).as_py()
        raise FrameError(f"row {start + row} of {name!r} is null")


def check_goes_with(kind: Any, keys: Kind, name: str) -> None:
    """Raise TypeError if a column of an Arrow type cannot hold keys of this kind."""
    types = pa.types
    if keys.name in ADDRESSES:
        number = types.is_integer(kind) or types.is_floating(kind)
        fits = is_text(kind) or (number and keys.name != "ipv6")
        fits = fits or (is_bytes(kind) and keys.name != "ipv4")
    elif keys.is_moment:
        fits = types.is_timestamp(kind)
        if fits and bool(kind.tz) != keys.is_aware:
            has, table = ("has a", "none") if kind.tz else ("has no", "one")
            raise TypeError(f"column {name!r} {has} time zone, and the table's keys have {table}")
    elif keys.name == "date":
        fits = types.is_date(kind)
    elif keys.name == "float64":
        fits = types.is_floating(kind) or types.is_integer(kind)
    else:
        fits = types.is_integer(kind) or types.is_floating(kind)
    if not fits and not types.is_null(kind):
        raise TypeError(f"column {name!r} ({kind}) does not hold keys of the kind {keys.name!r}")


def converted(array: Any, kind: Any, name: str, start: int = 0) -> Any:
    """Return the array as another Arrow type. FrameError if a value has no exact form there."""
    if array.type == kind:
        return array
    if kind == WIDE:
        regular = without_offsets(array)
        if regular is not None:
            return regular
        array = array.cast(pa.binary())
    try:
        return array.cast(kind)
    except pa.ArrowInvalid:
        row = first_row_without(array, kind)
        value, what = array[row].as_py(), "of 16 bytes" if kind == WIDE else str(kind)
        raise FrameError(f"row {start + row} of {name!r}: {value} is not {what}") from None


def without_offsets(array: Any) -> Any:
    """Return strings that all have 16 bytes as an array of WIDE; or None if that is not quick.

    Nothing is copied if they lie one after the other.
    """
    buffers = array.buffers()
    if array.null_count or len(buffers) != 3 or not len(array) or buffers[2] is None:
        return None
    _, given, data = buffers
    if is_binary_view(array.type):
        views = np.frombuffer(given, "i4", 4 * len(array), array.offset * 16).reshape(-1, 4)
        sizes, places = views[:, 0], views[:, 3]
    else:
        dtype = np.dtype("i4" if pa.types.is_binary(array.type) else "i8")
        ends = np.frombuffer(given, dtype, len(array) + 1, array.offset * dtype.itemsize)
        sizes, places = np.diff(ends), ends[:-1]
    width = WIDE.byte_width
    if not (sizes == width).all():
        return None
    if (np.diff(places) == width).all():
        data = data.slice(int(places[0]))
    else:
        anywhere = np.frombuffer(data, f"S{width}", 1)
        count = data.size - width + 1
        data = pa.py_buffer(as_strided(anywhere, (count,), (1,), writeable=False)[places])
    return pa.Array.from_buffers(WIDE, len(array), [None, data])


def first_row_without(array: Any, kind: Any) -> int:
    """Return the position of the first item that cannot be cast, by bisection."""
    low, high = 0, len(array)
    while high - low > 1:
        middle = (low + high) // 2
        try:
            array.slice(low, middle - low).cast(kind)
        except pa.ArrowInvalid:
            high = middle
        else:
            low = middle
    return low


def keys_of(array: Any, kind: Kind, name: str, start: int = 0) -> Keys:
    """Return a column to look up, an Arrow array without a dictionary, as trees take it.

    The column begins with the row `start` of its frame. Nulls and NaN are keys that
    are not there. Text is not converted here.

    Raises:
        FrameError: A float is looked up among integers, and is not a whole number.
        TypeError: The column holds other things.
    """
    check_goes_with(array.type, kind, name)
    valid = None
    if array.null_count:
        valid = array.is_valid().to_numpy(zero_copy_only=False)
    if pa.types.is_null(array.type):
        return Keys(native(pa.nulls(len(array), kind.storage)), valid)
    if kind.name != "float64" and pa.types.is_floating(array.type):
        return whole_numbers(array, name, start)
    if kind.name == "float64" and pa.types.is_integer(array.type):
        array = converted(array, pa.float64(), name, start)
    if kind.name == "date":
        array = array.cast(pa.date32())
    if is_bytes(array.type):
        array = converted(array, WIDE, name, start)
    if kind.is_moment and array.type.tz not in (None, "UTC"):
        array = array.cast(pa.timestamp(array.type.unit, "UTC"))
    return Keys(native(array), valid)


def whole_numbers(array: Any, name: str, start: int) -> Keys:
    """Return floats as integers: pandas makes floats of integers when some are missing."""
    floats = array.cast(pa.float64()).fill_null(float("nan")).to_numpy(zero_copy_only=False)
    there = ~np.isnan(floats)
    inside = there & (np.abs(floats) < 2.0**63)
    whole = np.zeros(len(floats), np.int64)
    whole[inside] = floats[inside]
    wrong = np.flatnonzero(inside & (whole != floats))
    if len(wrong):
        raise FrameError(
            f"row {start + wrong[0]} of {name!r}: {floats[wrong[0]]} is not a whole number, "
            "and the table's keys are integers"
        )
    return Keys(whole, inside)


def native(array: Any) -> Any:
    """Return an Arrow array as what MapleTree takes for a column, without copying.

    What stands in the place of a null is any key.
    """
    kind, types = array.type, pa.types
    if types.is_fixed_size_binary(kind):
        return buffer_of(array, f"S{kind.byte_width}")
    if types.is_date32(kind):
        # numpy's dates have 64 bits.
        return buffer_of(array, "i4").astype("datetime64[D]")
    if types.is_timestamp(kind):
        return buffer_of(array, "i8").view(f"datetime64[{kind.unit}]")
    return buffer_of(array, np.dtype(kind.to_pandas_dtype()).str)


def buffer_of(array: Any, dtype: str) -> Any:
    """Return the values of an Arrow array of fixed width, with any number in place of a null."""
    size, buffer = np.dtype(dtype).itemsize, array.buffers()[1]
    if buffer is None or not len(array):
        return np.zeros(len(array), dtype)
    return np.frombuffer(buffer, dtype, len(array), array.offset * size)
