# SPDX-License-Identifier: MIT
"""The columns of a table, in the form in which rows of them are taken fastest.

A join takes the same rows from each column. Columns of fixed width are taken by numpy, and the hits
become the validity bitmap: nothing is copied twice. Strings that repeat are dictionary-encoded, so
that only their codes are taken.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from samara.frames.index import Found
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

    def take(self, found: Found) -> Any:
        """Return the items of these rows as an Arrow array; null for a row that is no hit."""
        count = len(found.rows)
        if self.values is None:
            if not len(self.array):
                return pa.nulls(count, self.type)
            missing = None if found.hits.all() else ~found.hits
            return self.array.take(pa.array(found.rows, mask=missing))
        bits = pa.py_buffer(np.packbits(self.is_there(found), bitorder="little"))
        data = self.bits(found)
        if pa.types.is_boolean(self.type):
            data = np.packbits(data, bitorder="little")
        codes = pa.Array.from_buffers(self.codes_type, count, [bits, pa.py_buffer(data)])
        if not self.is_dictionary:
            return codes
        items, ordered = self.array.dictionary, self.type.ordered
        return pa.DictionaryArray.from_arrays(codes, items, ordered=ordered, safe=False)

    def bits(self, found: Found) -> Any:
        """Return rows of `values`: any item for a row that is no hit."""
        if not len(self.values):
            return np.zeros(len(found.rows), self.values.dtype)
        return self.values.take(found.rows, mode="clip")

    def is_there(self, found: Found) -> Any:
        """Return which of these rows are hits with an item that is not null."""
        if self.valid is None:
            return found.hits
        return found.hits & self.valid.take(found.rows, mode="clip")
