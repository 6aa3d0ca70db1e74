# SPDX-License-Identifier: MIT
"""Arrays in and out. Input comes as columns (`samara/_columns.py`), output is numpy arrays."""

import struct
from collections.abc import Iterable
from functools import partial
from typing import Any, Final

from samara._columns import (
    Column,
    Columns,
    array_of,
    import_numpy,
    open_column,
    require_same_length,
)
from samara._keys import Kind
from samara._keys.arrays import open_keys
from samara._policy import Policy
from samara._pure.build import Triple, build, coalesced
from samara._pure.node import GAP, UINT64, Head
from samara._pure.packed import FORMS, checked_policy, convert, policy_of
from samara._pure.ranges import Layout, Ranges, open_ranges
from samara._pure.walk import entries_of, load
from samara._pure.write import write_range


class NoDefault:
    """What a parameter has if no default is given. It is shown as in the extension."""

    def __repr__(self) -> str:
        return "Ellipsis"


NO_DEFAULT: Final[Any] = NoDefault()


def head_of(
    kind: Kind,
    columns: Columns,
    dtype: str | None,
    track_gaps: bool,
    policy: Policy[Any] | None,
    layout: Layout,
) -> Head:
    """Return a new head. Without a dtype, it has that of the values."""
    head = Head(track_gaps, dtype or columns[2].dtype, policy, kind)
    ranges = Ranges(kind, columns, head.dtype, layout)
    if layout.sort:
        ranges.require_sound()
    elif layout.last_wins:
        ranges.require_rising()
    if policy is not None and layout.last_wins and ranges.first_overlap() is not None:
        return store_all(head, ranges.triples)
    if layout.sort:
        ranges.sort()
    build(head, coalesced(ranges.disjoint(), policy_of(head)))
    return head


def restored(
    kind: Kind,
    first: Any,
    last: Any,
    values: Any,
    dtype: str | None,
    track_gaps: bool,
    policy: Any,
) -> Head:
    """Return a new head from columns that were saved, without asking the policy."""
    policy = checked_policy(policy, dtype, None)
    ranges = Ranges(UINT64, open_ranges(UINT64, first, last, values, objects=dtype is None), dtype)
    ranges.require_apart()
    head = Head(track_gaps, dtype, policy, kind)
    build(head, ranges.triples)
    return head


def store_all(head: Head, triples: Iterable[Triple]) -> Head:
    """Store all triples, which may overlap, in order."""
    for triple in triples:
        write_range(head, *triple, seen=head.generation)
    return head


def stores_of(kind: Kind, given: tuple[Any, Any, Any], dtype: str | None) -> list[Triple]:
    """Convert and check the arguments of store_many()."""
    ranges = Ranges(kind, open_ranges(kind, *given, objects=dtype is None), dtype)
    ranges.require_sound()
    return ranges.triples


def addends_of(kind: Kind, given: tuple[Any, Any, Any], dtype: str | None) -> list[Triple]:
    """Convert and check the arguments of accumulate_many(), whose values may be one number."""
    *ends, values = given
    if not is_number(values):
        return stores_of(kind, given, dtype)
    first, last = open_keys(kind, ends[0], "first"), open_keys(kind, ends[1], "last")
    require_same_length([first, last])
    ranges = Ranges(kind, (first, last, Column("values", (0,) * len(first.items))), dtype)
    number = convert(values, dtype)
    ranges.require_sound()
    return [(low, high, number) for low, high, _ in ranges.triples]


def is_number(given: Any) -> bool:
    """Return whether an object is one number rather than a column of them."""
    known = any(hasattr(type(given), way) for way in ("__index__", "__float__"))
    return known and not hasattr(type(given), "__iter__")


def values_beside(sizes: Column, given: Any, dtype: str | None) -> list[Any]:
    """Convert the values of alloc_many(), one for each size."""
    values = open_column(given, "values", objects=dtype is None)
    require_same_length([sizes, values])
    return values.converted(partial(convert, dtype=dtype), floats=dtype not in ("u8", "i8"))


def saved(head: Head) -> tuple[Any, ...]:
    """Return what `samara._file` saves of a tree."""
    entries = entries_of(head, 0, head.kind.top)
    first, last, values = list(zip(*entries, strict=True)) or ((), (), ())
    form = f"={len(values)}"
    ends = struct.pack(f"{form}Q", *first), struct.pack(f"{form}Q", *last)
    words = struct.pack(form + FORMS[head.dtype], *values) if head.dtype else list(values)
    return *ends, words, head.dtype, head.tracks_gaps, head.policy


def look_up(head: Head, keys: Column, codes: list[int], default: Any, found: bool) -> Any:
    """Return the values at the keys: a list, or in a packed tree a numpy array.

    With `found`, return also which keys have a value.
    """
    if default is not NO_DEFAULT:
        default = convert(default, head.dtype)
    numpy = head.dtype and import_numpy("load_many")
    values = [load(head, code) if code >= 0 else GAP for code in codes]
    mask = [value is not GAP for value in values]
    if default is NO_DEFAULT:
        if not found and not all(mask):
            raise KeyError(keys.items[mask.index(False)])
        default = 0 if head.dtype else None
    values = [default if value is GAP else value for value in values]
    if numpy:
        result = array_of(numpy, values, head.dtype)
        return (result, numpy.array(mask, bool)) if found else result
    return (values, mask) if found else values
