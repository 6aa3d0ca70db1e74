# SPDX-License-Identifier: MIT
"""Arrays for plain Python: array operations take columns, and return numpy arrays.

A column is a buffer of numbers with one dimension, or any other iterable. It is read into a tuple.
Only the extension reads buffers in place.
"""

import struct
import sys
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final, NamedTuple, NoReturn, TypeVar, cast

from samara._errors import NoKey, type_name

T = TypeVar("T")

KINDS: Final = {"u8": "BHILQN", "i8": "bhilqn", "f8": "efdg"}
DTYPES: Final = {code: dtype for dtype, codes in KINDS.items() for code in codes}
STREAM: Final = "__arrow_c_stream__"
ARRAY: Final = "__arrow_c_array__"
INTEGERS: Final = {1: "b", 2: "h", 4: "i", 8: "q"}  # by size, since the size of "l" varies
TYPES: Final[dict[str | None, str]] = {  # numpy's
    **{"u8": "uint64", "i8": "int64", "f8": "float64", None: "object"},
    **{"u4": "uint32", "i4": "int32", "f4": "float32"},
}
ORDERS: Final = ("", *"@=<>!")
FOREIGN: Final = ">!" if sys.byteorder == "little" else "<"


class Column(NamedTuple):
    name: str
    items: tuple[Any, ...]
    format: str = ""  # of a buffer of numbers; dtype is the dtype of that format
    dtype: str | None = None
    nulls: bytes | None = None  # for each item 1 where it is null, if any is

    def converted(
        self, convert: Callable[[Any], T], floats: bool = False, null: T | None = None
    ) -> list[T]:
        """Convert each item. Without `floats`, a buffer of floats is refused as a whole.

        Null items become `null`; if that is None, they are an error.
        """
        if self.dtype == "f8" and not floats:
            text = f"{self.name} must hold integers, not items of format '{self.format}'"
            raise TypeError(text)
        if self.nulls and null is None:
            raise ValueError(f"position {self.nulls.index(1)}: {self.name} is null")
        nulls = self.nulls or bytes(len(self.items))
        return [
            cast(T, null) if nulls[i] else convert_one(item, convert, "position", i)
            for i, item in enumerate(self.items)
        ]


Columns = tuple[Column, Column, Column]


class ArrowColumn(NamedTuple):
    """A column of Arrow. Trees take it where they take columns."""

    field: Any
    """What the schema says: `samara._arrow.abi.Field`."""
    chunks: list[Any]
    length: int
    data: Any
    """The items as a memoryview; None if they have no fixed size."""
    nulls: bytes | None
    """For each item 1 where it is null, if any is. Its data can then be anything."""
    is_number: bool

    @property
    def format(self) -> str:
        """Arrow's name of the type."""
        return str(self.field.format)

    def __arrow_c_array__(self, requested_schema: object = None) -> NoReturn:
        """Mark it as a column of Arrow. samara reads it as it is."""
        raise NotImplementedError("this column is only for samara")


class Opened(NamedTuple):
    """A column of keys of Arrow, as both implementations take it."""

    layout: str
    """"numbers", "moments", "bytes" or "items"."""
    data: Any
    """A buffer of numbers, also for moments; a buffer of 16 bytes for each item; or a tuple."""
    nulls: bytes | None
    """For each item 1 where it is null, if any is. Its data can then be anything."""
    unit: str | None = None
    """Of moments, as numpy writes it: "<M8[us]"."""
    item: Callable[[int], Any] | None = None
    """Makes of the number of a moment what `Kind.code()` takes."""


def convert_one(item: Any, convert: Callable[[Any], T], noun: str, position: int) -> T:
    """Convert one item. If that fails, a plain TypeError or ValueError says which item it is."""
    try:
        return convert(item)
    except (TypeError, ValueError) as error:
        if type(error) not in (TypeError, ValueError, NoKey):
            raise
        kind = TypeError if type(error) is TypeError else ValueError
        raise kind(f"{noun} {position}: {error}") from None


def open_iterable(given: Any, name: str) -> Column:
    try:
        items = given if hasattr(type(given), "__iter__") else iter(given)
    except TypeError:
        text = f"{name} must be a buffer or a sequence, not {type_name(given)}"
        raise TypeError(text) from None
    return Column(name, tuple(items))


def require_same_length(columns: Sequence[Column]) -> None:
    sizes = [len(column.items) for column in columns]
    if len(set(sizes)) > 1:
        *names, name = [column.name for column in columns]
        lengths = ", ".join(map(str, sizes))
        text = f"{', '.join(names)} and {name} must have the same length, not {lengths}"
        raise ValueError(text)


def open_buffer(given: Any, name: str) -> Column | None:
    """Open a buffer of numbers.

    Returns None for anything that is not a buffer, and for a buffer without a format that fits,
    such as numpy's dates.
    """
    try:
        view = memoryview(given)
    except (TypeError, ValueError, BufferError):
        return None
    with view:
        if view.ndim != 1:
            raise ValueError(f"{name} must have one dimension, not {view.ndim}")
        order, code = view.format[:-1], view.format[-1:]
        dtype = DTYPES.get(code) if order in ORDERS else None
        letter = code if dtype == "f8" else INTEGERS.get(view.itemsize)
        if dtype is None or letter is None:
            return None
        if order and order in FOREIGN:
            text = f"{name} must have the native byte order, not format '{view.format}'"
            raise ValueError(text)
        letter = letter.upper() if dtype == "u8" else letter
        return Column(name, numbers_of(view, letter), view.format, dtype)


def numbers_of(view: memoryview, letter: str) -> tuple[Any, ...]:
    packed = bytes_of(view)
    if letter == "g":  # a long double, which struct does not support
        from ctypes import c_longdouble

        return tuple((c_longdouble * len(view)).from_buffer_copy(packed))
    return struct.unpack(f"={len(view)}{letter}", packed)


def bytes_of(view: memoryview) -> bytes:
    """Do what tobytes() does. On PyPy, tobytes() ignores the strides of numpy's arrays."""
    if view.contiguous or sys.implementation.name != "pypy":
        return view.tobytes()
    return b"".join(view[n : n + 1].cast("B").tobytes() for n in range(len(view)))


def import_numpy(function: str) -> Any:
    try:
        import numpy
    except ImportError as error:
        raise ImportError(f"{function}() requires numpy: pip install numpy") from error
    return numpy


def array_of(numpy: Any, values: Collection[Any], dtype: str | None) -> Any:
    return numpy.fromiter(values, TYPES[dtype], len(values))


def numpy_array(given: Any) -> Any:
    """Return an object as a numpy array, or None if it is not a column that has one."""
    if not hasattr(type(given), "__array__"):
        return None
    try:
        import numpy
    except ImportError:
        return None
    array = numpy.asarray(given)
    return array if array.ndim else None


def is_foreign(given: Any) -> bool:
    """Return whether an object may be a column of Arrow or of pandas, but is no buffer itself."""
    offers = is_arrow(given) or hasattr(type(given), "__array__")
    return offers and not is_buffer(given)


def is_buffer(given: Any) -> bool:
    try:
        memoryview(given).release()
    except (TypeError, ValueError, BufferError) as error:
        return not isinstance(error, TypeError)
    return True


def is_arrow(given: Any) -> bool:
    return hasattr(type(given), STREAM) or hasattr(type(given), ARRAY)


def is_of_numpy(given: Any) -> bool:
    """Return whether a column's items lie in an array of numpy."""
    dtype: Any = getattr(given, "dtype", None)
    return hasattr(type(given), "__array__") and hasattr(dtype, "newbyteorder")
