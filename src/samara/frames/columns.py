# SPDX-License-Identifier: MIT
"""The columns of a table, in the form in which rows of them are taken fastest.

A join takes the same rows from each column. Columns of fixed width are taken by numpy, block by
block while keys are looked up, and the hits become the validity bitmap: nothing is copied twice.
Strings that repeat are dictionary-encoded, so that only their codes are taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from samara.frames.found import Found, Search
from samara.frames.keys import buffer_of, is_text


def encoded(column: Any, categories: bool) -> Any:
    """Return a column as one Arrow array; strings as a dictionary if that is wanted and smaller.

    >>> encoded(pa.chunked_array([["a", "b", "a", "a"]]), True).type.index_type
    DataType(int8)
    >>> encoded(pa.chunked_array([["a", "b", "c"]]), True).type
    DataType(string)
    """
    if column.num_chunks == 1:
        array = column.chunk(0)  # not a copy: it may be a part of a mapped file
    else:
        array = pa.concat_arrays(column.unify_dictionaries().chunks or [pa.array([], column.type)])
    kind = array.type
    if pa.types.is_dictionary(kind):
        array = as_dictionary(array) if categories else array.dictionary_decode()
    elif is_text(kind):
        if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
            array = array.cast(pa.large_string())
        if not categories:
            return array
        found = array.dictionary_encode()
        if 2 * len(found.dictionary) <= len(array):
            array = as_dictionary(found)
    return array


def as_dictionary(array: Any) -> Any:
    """Return a dictionary of distinct strings with the smallest signed codes, or a plain array."""
    items = array.dictionary
    if not is_text(items.type):
        return array.dictionary_decode()
    if items.null_count or len(pc.unique(items)) != len(items):
        array = array.dictionary_decode().dictionary_encode()
        items = array.dictionary
    sizes = ((127, pa.int8()), (2**15 - 1, pa.int16()), (2**31 - 1, pa.int32()))
    size = next(size for most, size in sizes if len(items) <= most)
    return pa.DictionaryArray.from_arrays(
        array.indices.cast(size), items, ordered=array.type.ordered
    )


class Column:
    """One column of a table."""

    def __init__(self, name: str, array: Any) -> None:
        self.name: str = name
        self.array: Any = array
        self.type: Any = array.type
        self.is_dictionary: bool = pa.types.is_dictionary(array.type)

    @cached_property
    def codes_type(self) -> Any:
        """The type of the items, or of the codes of a dictionary."""
        return self.type.index_type if self.is_dictionary else self.type

    @cached_property
    def values(self) -> Any:
        """The bits of the items or codes as a numpy array, or None without a fixed width."""
        kind, types = self.codes_type, pa.types
        if types.is_boolean(kind):
            return self.array.fill_null(False).to_numpy(zero_copy_only=False).view("u1")
        plain = types.is_primitive(kind) and kind.bit_width in (8, 16, 32, 64)
        if not plain:
            return None
        array = self.array.indices if self.is_dictionary else self.array
        return buffer_of(array, f"u{kind.bit_width // 8}")

    @cached_property
    def valid(self) -> Any:
        """Which items are not null, or None if all are."""
        if not self.array.null_count:
            return None
        return self.array.is_valid().to_numpy(zero_copy_only=False)

    def write(self, found: Found, bits: Any, there: Any) -> None:
        """Write rows of `values`, and which of them are hits with an item that is not null."""
        if not len(self.values):
            bits[:], there[:] = 0, False
            return
        self.values.take(found.rows, mode="clip", out=bits)
        there[:] = found.hits
        if self.valid is not None:
            there &= self.valid.take(found.rows, mode="clip")

    def without_width(self, found: Found) -> Any:
        """Return the items of these rows as an Arrow array; null for a row that is no hit."""
        if not len(self.array):
            return pa.nulls(len(found), self.type)
        missing = None if found.hits.all() else ~found.hits
        return self.array.take(pa.array(found.rows, mask=missing))


@dataclass(frozen=True)
class Taken:
    """Rows of a column of fixed width: the bits of their items or codes, and which are not null."""

    column: Column
    bits: Any
    there: Any

    def codes(self, kind: Any) -> Any:
        """Return the bits as an Arrow array of this type."""
        bitmap = pa.py_buffer(np.packbits(self.there, bitorder="little"))
        is_bool = pa.types.is_boolean(kind)
        data = np.packbits(self.bits, bitorder="little") if is_bool else self.bits
        return pa.Array.from_buffers(kind, len(self.bits), [bitmap, pa.py_buffer(data)])

    @property
    def array(self) -> Any:
        """The items as an Arrow array."""
        codes = self.codes(self.column.codes_type)
        if not self.column.is_dictionary:
            return codes
        items, ordered = self.column.array.dictionary, self.column.type.ordered
        return pa.DictionaryArray.from_arrays(codes, items, ordered=ordered, safe=False)


@dataclass(frozen=True)
class TakenItems:
    """Rows of another column, as an Arrow array."""

    column: Column
    array: Any


def take_columns(columns: Sequence[Column], search: Search) -> list[Taken | TakenItems]:
    """Return what a search finds of each column."""
    if any(column.values is None for column in columns):
        search = Search([search.found()])
    results: list[Taken | TakenItems] = []
    wide: list[Taken] = []
    for column in columns:
        if column.values is None:
            results.append(TakenItems(column, column.without_width(search.found())))
            continue
        bits = np.empty(len(search), column.values.dtype)
        wide.append(Taken(column, bits, np.empty(len(search), bool)))
        results.append(wide[-1])

    def write(place: slice, found: Found) -> None:
        for taken in wide:
            taken.column.write(found, taken.bits[place], taken.there[place])

    if wide:
        search.each_block(write)
    return results
