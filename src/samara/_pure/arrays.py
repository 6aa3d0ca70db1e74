# SPDX-License-Identifier: MIT
"""Arrays in and out. Input comes as columns (`samara/_columns.py`), output is numpy arrays."""

import struct
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, Final

from samara._arguments import MAX
from samara._columns import (
    Column,
    Columns,
    array_of,
    import_numpy,
    require_same_length,
)
from samara._dtypes import half_dtype
from samara._keys import Kind, kind_of
from samara._policy import Policy
from samara._pure.build import Triple, build, coalesced
from samara._pure.columns import open_column, open_keys
from samara._pure.node import GAP, Head
from samara._pure.packed import FORMS, checked_policy, convert, policy_of
from samara._pure.ranges import Layout, Ranges, open_ranges
from samara._pure.walk import entries_of, load
from samara._pure.write import write_range


class NoDefault:
    """What a parameter has if no default is given. It is shown as in the extension."""

    def __repr__(self) -> str:
        return "Ellipsis"


NO_DEFAULT: Final[Any] = NoDefault()
WIDER: Final[dict[str | None, str | None]] = {"u4": "u8", "i4": "i8", "f4": "f8"}
HALF_RANGES: Final = {"u4": range(2**32), "i4": range(-(2**31), 2**31)}


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
    ranges = Ranges.read(kind, columns, head.dtype, layout)
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
    first: Any,
    last: Any,
    values: Any,
    keys: Any,
    dtype: str | None,
    track_gaps: bool,
    policy: Any,
) -> Head:
    """Return a new head from columns that were saved, without asking the policy."""
    kind = kind_of(keys)
    head = Head(track_gaps, dtype, checked_policy(policy, dtype, None), kind)
    ends = [codes_in(kind, end) for end in (first, last)]
    column = open_column(values, "values", objects=dtype is None)
    numbers = column.converted(partial(convert, dtype=dtype), floats=dtype not in ("u8", "i8"))
    ranges = Ranges(kind, list(zip(*ends, numbers, strict=True)))
    ranges.require_apart()
    build(head, ranges.triples)
    return head


def codes_in(kind: Kind, words: Sequence[int]) -> Iterable[int]:
    """Return the codes in saved words: in 128 bits, two for each code, the low one first."""
    if kind.bits == 64:
        return words
    return (low | high << 64 for low, high in zip(words[::2], words[1::2], strict=True))


def store_all(head: Head, triples: Iterable[Triple]) -> Head:
    """Store all triples, which may overlap, in order."""
    for triple in triples:
        write_range(head, *triple, seen=head.generation)
    return head


def stores_of(kind: Kind, given: tuple[Any, Any, Any], dtype: str | None) -> list[Triple]:
    """Convert and check the arguments of store_many()."""
    ranges = Ranges.read(kind, open_ranges(kind, *given, objects=dtype is None), dtype)
    ranges.require_sound()
    return ranges.triples


def addends_of(kind: Kind, given: tuple[Any, Any, Any], dtype: str | None) -> list[Triple]:
    """Convert and check the arguments of accumulate_many(), whose values may be one number."""
    *ends, values = given
    if not is_number(values):
        return stores_of(kind, given, dtype)
    first, last = open_keys(kind, ends[0], "first"), open_keys(kind, ends[1], "last")
    require_same_length([first, last])
    ranges = Ranges.read(kind, (first, last, Column("values", (0,) * len(first.items))), dtype)
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
    words: Any = list(values)
    if head.dtype:
        words = struct.pack(f"={len(values)}{FORMS[head.dtype]}", *values)
    ends = words_of(head.kind, first), words_of(head.kind, last)
    return *ends, words, head.kind.name, head.dtype, head.tracks_gaps, head.policy


def words_of(kind: Kind, codes: Sequence[int]) -> bytes:
    """Return the words that `codes_in()` reads, in this machine's byte order."""
    if kind.bits == 128:
        codes = [word for code in codes for word in (code & MAX, code >> 64)]
    return struct.pack(f"={len(codes)}Q", *codes)


def look_up(
    head: Head, keys: Column, codes: list[int], default: Any, found: bool, dtype: Any
) -> Any:
    """Return the values at the keys: a list, or in a packed tree a numpy array.

    With `found`, return also which keys have a value. With `dtype`, numbers have 32 bits.
    """
    half = None if dtype is None else half_dtype(dtype, head.dtype)
    if default is not NO_DEFAULT:
        default = convert(default, WIDER.get(half, head.dtype))
        if half and not fits(half, default):
            raise ValueError(f"default {default} does not fit in 32 bits")
    numpy = head.dtype and import_numpy("load_many")
    values = [load(head, code) if code >= 0 else GAP for code in codes]
    mask = [value is not GAP for value in values]
    if default is NO_DEFAULT:
        if not found and not all(mask):
            bad = mask.index(False)
            raise KeyError(None if keys.nulls and keys.nulls[bad] else keys.items[bad])
        default = 0 if head.dtype else None
    for position, value in enumerate(values if half else ()):
        if value is not GAP and not fits(half, value):
            raise ValueError(f"position {position}: value {value} does not fit in 32 bits")
    values = [default if value is GAP else value for value in values]
    if numpy:
        result = array_of(numpy, values, head.dtype if half is None else half)
        return (result, numpy.array(mask, bool)) if found else result
    return (values, mask) if found else values


def fits(half: Any, number: Any) -> bool:
    """Return whether a number fits in 32 bits."""
    return half == "f4" or number in HALF_RANGES[half]
