# SPDX-License-Identifier: MIT
"""Arrays of keys, in and out.

Most columns of keys are read item by item. Some arrays of numpy are not made of keys: for them a
kind's `items()` returns what `code()` takes, and for the way out its `array()` turns codes into an
array.
"""

from collections.abc import Sequence
from typing import Any, Final

from samara._columns import ArrowColumn, Opened

LOW: Final = 2**64 - 1
WORD: Final = 16  # bytes


def numbers_in(column: ArrowColumn, bits: int) -> Opened | None:
    """Say how a column has keys that are ints: as numbers, or as bytes in big-endian order."""
    if column.is_number:
        return Opened("numbers", column.data, column.nulls)
    if column.format == "w:16" and bits == 128:
        return Opened("bytes", column.data, column.nulls)
    return None


def wide_of_bytes(data: bytes) -> list[int]:
    return [int.from_bytes(data[n : n + WORD], "big") for n in range(0, len(data), WORD)]


def wide_numbers(array: Any) -> list[int] | None:
    """Return the 128-bit numbers in an array that holds such, or None for any other array.

    They are rows or pairs of two uint64, the high word first, or 16 bytes in big-endian order.
    """
    dtype = array.dtype
    if array.shape[1:] == (2,) and is_word(dtype):
        pairs = array.tolist()
    elif array.ndim != 1:
        return None
    elif dtype.names and [is_word(dtype[name]) for name in dtype.names] == [True, True]:
        pairs = array.tolist()
    elif dtype.kind in "SV" and dtype.itemsize == WORD and not dtype.names:
        return wide_of_bytes(array.tobytes())
    else:
        return None
    return [high << 64 | low for high, low in pairs]


def is_word(dtype: Any) -> bool:
    return bool(dtype.kind == "u" and dtype.itemsize == 8)


def wide_array(numpy: Any, codes: Sequence[int]) -> Any:
    """Return 128-bit codes as rows of two uint64, the high word first."""
    array = numpy.empty((len(codes), 2), numpy.uint64)
    for column, shift in enumerate((64, 0)):
        words = (code >> shift & LOW for code in codes)
        array[:, column] = numpy.fromiter(words, numpy.uint64, len(codes))
    return array


def number_array(numpy: Any, codes: Sequence[int], dtype: str, zero: int = 0) -> Any:
    """Return an array of numbers, or of numpy's dates: each is its code minus `zero`."""
    integers = dtype if dtype.startswith(("u", "i")) else "int64"
    numbers = numpy.fromiter((code - zero for code in codes), integers, len(codes))
    return numbers.astype(dtype, copy=False)
