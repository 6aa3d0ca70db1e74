# SPDX-License-Identifier: MIT
"""A column of items of fixed size, in one piece: a column of one chunk is used where it lies."""

import ctypes
import struct
from array import array
from typing import Any, Final

from samara._arrow.abi import Chunk, Field
from samara._columns import ArrowColumn

NUMBERS: Final = {letter: letter for letter in "cCsSiIlLefg"} | {
    **{"c": "b", "C": "B", "s": "h", "S": "H", "l": "q", "L": "Q"},
    **{"f": "f", "g": "d"},
}
"""Arrow's formats of numbers, as those of memoryview."""
SIZES: Final = {"b": 1, "h": 2, "e": 2, "i": 4, "f": 4, "q": 8, "d": 8}
NULLS: Final = [bytes(~byte >> bit & 1 for bit in range(8)) for byte in range(256)]
"""For each byte of a validity bitmap, eight bytes, which are 1 where an item is null."""


def column_of(field: Field, chunks: list[Chunk]) -> ArrowColumn:
    """Put the chunks of a column together."""
    length = sum(chunk.length for chunk in chunks)
    letter, size = (None, 0) if field.dictionary else layout_of(field.format)
    if letter is None:
        return ArrowColumn(field, chunks, length, None, None, False)
    views = [view_of(chunk, 1, chunk.start * size, chunk.length * size) for chunk in chunks]
    data = views[0] if len(views) == 1 else memoryview(b"".join(views))
    masks = [nulls_of(chunk) for chunk in chunks]
    nulls = None
    if any(masks):
        pairs = zip(masks, chunks, strict=True)
        nulls = b"".join(mask or bytes(chunk.length) for mask, chunk in pairs)
    is_number = field.format in NUMBERS
    return ArrowColumn(field, chunks, length, numbers_in(data, letter), nulls, is_number)


def numbers_in(data: Any, letter: str) -> Any:
    if letter == "e":  # memoryview has no halves
        return memoryview(array("d", struct.unpack(f"={len(data) // 2}e", data)))
    return data.cast(letter)


def layout_of(format: str) -> tuple[str | None, int]:
    """Return how memoryview calls the items of a format, and the bytes of each.

    They are numbers, dates, moments or strings of one size. None for any other format.
    """
    if format.startswith("w:"):
        return "B", int(format[2:])
    letter = NUMBERS.get(format)
    if format.startswith(("ts", "td")):
        letter = "i" if format == "tdD" else "q"
    return letter, SIZES[letter.lower()] if letter else 0


def view_of(chunk: Chunk, number: int, start: int, size: int) -> memoryview:
    """Return a view of bytes of a buffer, which keeps the chunk."""
    address = chunk.array.buffers[number] if size else None
    if not address:
        return memoryview(b"")
    memory = (ctypes.c_ubyte * size).from_address(address + start)
    memory.owner = chunk.owner  # type: ignore[attr-defined]
    return memoryview(memory).cast("B").toreadonly()


def nulls_of(chunk: Chunk) -> bytes | None:
    """Return which items are null, a byte for each; or None if there are none."""
    if not chunk.array.null_count:
        return None
    first, shift = divmod(chunk.start, 8)
    bitmap = view_of(chunk, 0, first, (shift + chunk.length + 7) // 8)
    nulls = b"".join(map(NULLS.__getitem__, bitmap))[shift : shift + chunk.length]
    return nulls if 1 in nulls else None
