# SPDX-License-Identifier: MIT
"""Arrays in and out. Input comes as columns (`samara/_columns.py`), output is numpy arrays."""

from functools import partial
from typing import Any

from samara._arguments import MAX, required_index
from samara._columns import (
    Column,
    Columns,
    array_of,
    check_order,
    import_numpy,
    open_column,
    open_ranges,
)
from samara._policy import Policy
from samara._pure.build import Triple, build, coalesced
from samara._pure.node import GAP, Head
from samara._pure.packed import convert, policy_of
from samara._pure.walk import load


def triples_of(columns: Columns, dtype: str | None, rising: bool) -> list[Triple]:
    """Convert and check all triples. With `rising`, they must be sorted and not overlap."""
    *ends, values = columns
    lists = [end.converted(partial(required_index, name=end.name)) for end in ends]
    lists += [values.converted(partial(convert, dtype=dtype), floats=dtype not in ("u8", "i8"))]
    triples: list[Triple] = list(zip(*lists, strict=True))
    check_order(triples, rising)
    return triples


def head_of(
    columns: Columns, dtype: str | None, track_gaps: bool, policy: Policy[Any] | None
) -> Head:
    """Return a new head from ranges in order. Without a dtype, it has that of the values."""
    head = Head(track_gaps, dtype or columns[2].dtype, policy)
    build(head, coalesced(triples_of(columns, head.dtype, rising=True), policy_of(head)))
    return head


def stores_of(given: tuple[Any, Any, Any], dtype: str | None) -> list[Triple]:
    """Convert and check the arguments of store_many()."""
    return triples_of(open_ranges(*given, objects=dtype is None), dtype, rising=False)


def addends_of(given: tuple[Any, Any, Any], dtype: str | None) -> list[Triple]:
    """Convert and check the arguments of accumulate_many(), whose values may be one number."""
    *ends, values = given
    if not is_number(values):
        return triples_of(open_ranges(*given), dtype, rising=False)
    columns = [open_column(end, name) for end, name in zip(ends, ("first", "last"), strict=True)]
    sizes = [len(column.items) for column in columns]
    if sizes[0] != sizes[1]:
        raise ValueError(f"first and last must have the same length, not {sizes[0]}, {sizes[1]}")
    lists = [column.converted(partial(required_index, name=column.name)) for column in columns]
    number = convert(values, dtype)
    triples = [(first, last, number) for first, last in zip(*lists, strict=True)]
    check_order(triples, rising=False)
    return triples


def is_number(given: Any) -> bool:
    """Return whether an object is one number rather than a column of them."""
    known = any(hasattr(type(given), way) for way in ("__index__", "__float__"))
    return known and not hasattr(type(given), "__iter__")


def look_up(head: Head, keys: Column, indices: list[int], default: Any) -> Any:
    """Return the values at the keys: a list, or in a packed tree a numpy array."""
    if default is not ...:
        default = convert(default, head.dtype)
    numpy = head.dtype and import_numpy("load_many")
    values = []
    for key, index in zip(keys.items, indices, strict=True):
        value = load(head, index) if 0 <= index <= MAX else GAP
        if value is GAP and default is ...:
            raise KeyError(key)
        values.append(default if value is GAP else value)
    return array_of(numpy, values, head.dtype) if numpy else values
