# SPDX-License-Identifier: MIT
"""Items of columns as Python objects: text, bytes, bools, dates and moments, and nulls as None."""

import struct
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from samara._arrow.abi import Chunk, Field
from samara._arrow.column import column_of, nulls_of, view_of
from samara._arrow.kinds import kind_named
from samara._columns import ArrowColumn
from samara._keys import kind_of
from samara._keys.times import ARROW_UNITS, Moment

INLINE: Final = 12  # bytes of a string that lie in its view
VIEW: Final = struct.Struct("=iIii")  # size, the first bytes, buffer, offset


def items_of(field: Field, chunks: list[Chunk]) -> list[Any] | None:
    """Return the items of a column, or None for a type that is none of these."""
    if field.dictionary is not None:
        return looked_up(field, field.dictionary, chunks)
    way = WAYS.get(field.format)
    if way is None:
        return items_in(column_of(field, chunks))
    items: list[Any] = []
    for chunk in chunks:
        nulls = nulls_of(chunk)
        found = way(chunk)
        items += mask(found, nulls) if nulls else found
    return items


def mask(items: Iterable[Any], nulls: bytes) -> Iterator[Any]:
    return (None if null else item for item, null in zip(items, nulls, strict=True))


def items_in(column: ArrowColumn) -> list[Any] | None:
    """Return the items of a column in which all have one size."""
    if column.data is None:
        return None
    form, _, zone = column.format.partition(":")
    unit = ARROW_UNITS.get(form)
    items: Iterable[Any] = column.data
    if form == "w":
        size = int(zone)
        items = (bytes(column.data[n * size : n * size + size]) for n in range(column.length))
    elif unit is not None:
        kind = kind_of(kind_named(column.format))
        moments = (Moment(number, unit, bool(zone)) for number in column.data)
        items = (kind.key(kind.code(moment, "value")) for moment in moments)
    elif not column.is_number:
        return None
    return list(mask(items, column.nulls) if column.nulls else items)


def looked_up(field: Field, dictionary: Field, chunks: list[Chunk]) -> list[Any] | None:
    """Each chunk has a dictionary of its own, of which the items are places."""
    items: list[Any] = []
    for chunk in chunks:
        inner = chunk.array.dictionary.contents
        words = items_of(dictionary, [Chunk(inner, inner.offset, inner.length, chunk.owner)])
        places = column_of(field._replace(dictionary=None), [chunk])
        if words is None:
            return None
        nulls = places.nulls or bytes(places.length)
        pairs = zip(places.data, nulls, strict=True)
        items += (None if null else words[place] for place, null in pairs)
    return items


def slices(chunk: Chunk, letter: str, size: int) -> Iterator[bytes]:
    """Each string lies between two offsets."""
    if not chunk.length:
        return
    view = view_of(chunk, 1, chunk.start * size, (chunk.length + 1) * size)
    offsets: Any = view.cast(letter)  # type: ignore[call-overload]
    data = bytes(view_of(chunk, 2, 0, offsets[-1]))
    for n in range(chunk.length):
        yield data[offsets[n] : offsets[n + 1]]


def viewed(chunk: Chunk) -> Iterator[bytes]:
    """Each view has a short string itself, or says where a longer one lies."""
    last = chunk.array.n_buffers - 1
    sizes: Any = view_of(chunk, last, 0, 8 * (last - 2)).cast("q")
    buffers = [view_of(chunk, 2 + n, 0, size) for n, size in enumerate(sizes)]
    views = view_of(chunk, 1, chunk.start * VIEW.size, chunk.length * VIEW.size)
    for at in range(0, len(views), VIEW.size):
        size, _, buffer, offset = VIEW.unpack_from(views, at)
        if size <= INLINE:
            yield bytes(views[at + 4 : at + 4 + size])
        else:
            yield bytes(buffers[buffer][offset : offset + size])


def bits(chunk: Chunk) -> Iterator[bool]:
    first, shift = divmod(chunk.start, 8)
    bitmap = view_of(chunk, 1, first, (shift + chunk.length + 7) // 8)
    return (bool(bitmap[n // 8] >> n % 8 & 1) for n in range(shift, shift + chunk.length))


def texts(way: Callable[[Chunk], Iterable[bytes]]) -> Callable[[Chunk], Iterable[str]]:
    return lambda chunk: (data.decode() for data in way(chunk))


def short(chunk: Chunk) -> Iterator[bytes]:
    return slices(chunk, "i", 4)


def long(chunk: Chunk) -> Iterator[bytes]:
    return slices(chunk, "q", 8)


WAYS: Final[dict[str, Callable[[Chunk], Iterable[Any]]]] = {
    **{"z": short, "Z": long, "vz": viewed},
    **{"u": texts(short), "U": texts(long), "vu": texts(viewed)},
    **{"b": bits, "n": lambda chunk: [None] * chunk.length},
}
