# SPDX-License-Identifier: MIT
"""Columns of text, as CSV files have them, as keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from samara.frames.errors import FrameError
from samara.frames.keys import ADDRESSES, first_row_without, kind_named
from samara.frames.libraries import arrow
from samara.frames.libraries.missing import no_column
from samara.frames.request import Join
from samara.frames.table import SUFFIX, Columns, How, Invalid, RangeTable

ADDRESS: Final[dict[str, Callable[[int], object]]] = {
    "ip": ip_address,
    "ipv4": IPv4Address,
    "ipv6": IPv6Address,
}


def parse_keys(texts: Any, keys: str, name: str, start: int, invalid: str) -> Any:
    """Return an array of text as an array that can be looked up among keys of a kind.

    Empty text is null. Addresses stay text, which tables take; numbers become that text.

    Args:
        texts: an Arrow array of strings
        keys: the kind of keys, as in `RangeTable.keys`
        name, start: the column's name, and the number of its first row, for messages
        invalid: "error", or "miss": text that is no key becomes null

    >>> parse_keys(pa.array(["7", "", "x"]), "int64", "day", 0, "miss").to_pylist()
    [7, None, None]

    Raises:
        FrameError: A text is no key.
    """
    texts = pc.if_else(pc.equal(texts, ""), pa.scalar(None, texts.type), texts)
    if keys in ADDRESSES:
        return addresses_as_text(texts, keys)
    kind = kind_named(keys)
    if not kind.is_moment:
        return parsed(texts, [kind.storage], name, start, invalid)
    zone = "UTC" if kind.is_aware else None
    units = [pa.timestamp(unit, zone) for unit in (kind.unit, "us", "ns")]
    return parsed(texts, units, name, start, invalid)


def addresses_as_text(texts: Any, keys: str) -> Any:
    """Return addresses as text where they are numbers.

    >>> addresses_as_text(pa.array(["167772161", "::1", None]), "ip").to_pylist()
    ['10.0.0.1', '::1', None]
    """
    if not pc.any(pc.match_substring_regex(texts, r"^\d+$")).as_py():
        return texts
    items = texts.dictionary_encode()
    shown = []
    for text in items.dictionary.to_pylist():
        try:
            number = int(text) if text.isdigit() else None
            shown.append(text if number is None else str(ADDRESS[keys](number)))
        except ValueError:
            shown.append(text)  # looking it up will tell
    return pa.DictionaryArray.from_arrays(items.indices, shown).dictionary_decode()


def parsed(texts: Any, kinds: list[Any], name: str, start: int, invalid: str) -> Any:
    """Return the texts as the first of these types that has all of them."""
    for kind in kinds:
        try:
            return texts.cast(kind)
        except pa.ArrowInvalid:
            pass
    kind = kinds[-1]
    row = first_row_without(texts, kind)
    if invalid == "error":
        raise FrameError(f"row {start + row} of {name!r}: {texts[row].as_py()!r} is no {kind}")
    rest = parsed(texts.slice(row + 1), kinds[-1:], name, start, invalid)
    return pa.concat_arrays([texts.slice(0, row).cast(kind), pa.nulls(1, kind), rest])


# In the place of the column of keys while it is joined.
TEXT: Final = "\0text"


def join_text(
    table: RangeTable,
    reader: Any,
    on: str,
    how: How = "left",
    *,
    columns: Columns = None,
    suffix: str = SUFFIX,
    invalid: Invalid = "error",
) -> Any:
    """Join a reader of batches whose columns are text, as `RangeTable.join()` does; they stay text.

    With invalid="miss", text that is no key of the table finds nothing, whatever its kind.
    """
    request = Join(table, how, columns, suffix, on, invalid)
    if on not in reader.schema.names:
        raise no_column(on, reader.schema.names)
    at = reader.schema.names.index(on)

    def joined(batch: Any, start: int) -> Any:
        texts = batch.column(at)
        keys = parse_keys(texts, table.keys, on, start, invalid)
        columns = [*batch.columns[:at], keys, *batch.columns[at + 1 :], texts]
        keyed = pa.RecordBatch.from_arrays(columns, names=[*batch.schema.names, TEXT])
        found = request.apply(keyed, arrow, start)
        place = found.schema.names.index(TEXT)
        columns = list(found.columns)
        columns[at] = columns.pop(place)
        names = [name for name in found.schema.names if name != TEXT]
        return pa.RecordBatch.from_arrays(columns, names=names)

    def batches() -> Iterator[Any]:
        start = 0
        for batch in reader:
            yield joined(batch, start)
            start += len(batch)

    empty = pa.RecordBatch.from_arrays(
        [pa.array([], kind) for kind in reader.schema.types], schema=reader.schema
    )
    return pa.RecordBatchReader.from_batches(joined(empty, 0).schema, batches())
