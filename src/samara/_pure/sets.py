# SPDX-License-Identifier: MIT
"""Set operations: union, intersection and difference of two trees.

Each makes a fork of the left tree and writes to it. What to write comes from walking both trees
side by side (`diff`). Nodes that both share are skipped, or cleared without reading them.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from samara._columns import convert_one
from samara._entry import Entry
from samara._keys import Kind
from samara._keys.windows import required_window
from samara._pure.build import Triple, triple_of
from samara._pure.diff import Stretch, same_word, stretches
from samara._pure.dup import fork
from samara._pure.node import GAP, Head
from samara._pure.packed import convert
from samara._pure.walk import entries_of
from samara._pure.write import write_range

Given = Head | tuple[Any, ...]  # a right operand: a tree that nobody writes, or items


def stores_from(kind: Kind, given: Given, dtype: str | None) -> Head | list[Triple]:
    """Return what union() takes for a tree of that kind and dtype."""
    if isinstance(given, Head) and given.dtype == dtype:
        return given
    parse: Callable[[Any], Triple] = partial(triple_of, kind, dtype)
    items: Iterable[Any] = given if isinstance(given, tuple) else entries_of(given, 0, given.limit)
    if isinstance(given, Head):
        parse = partial(converted_entry, dtype)
    return [convert_one(item, parse, "item", position) for position, item in enumerate(items)]


def converted_entry(dtype: str | None, entry: Entry[Any, Any]) -> Triple:
    return entry.first, entry.last, convert(entry.value, dtype)


def ranges_from(kind: Kind, given: Given, dtype: str | None) -> Head:
    """Return what intersection() and difference() take, for a tree of that kind and any dtype."""
    if isinstance(given, Head):
        return given
    ranges = Head(False, kind=kind)
    parse = partial(range_of, kind)
    for position, item in enumerate(given):
        write_range(ranges, *convert_one(item, parse, "item", position), seen=ranges.generation)
    return ranges


def range_of(kind: Kind, item: Any) -> Triple:
    members = tuple(item)
    if len(members) not in (2, 3):
        text = f"expected (first, last) or (first, last, value), got {len(members)} items"
        raise ValueError(text)
    return *required_window(kind, *members[:2]), None


def union(left: Head, right: Head | list[Triple]) -> Head:
    """Return a fork of `left` in which all of `right` is stored, in order."""
    new = fork(left)
    for triple in new_entries(left, right) if isinstance(right, Head) else right:
        write_range(new, *triple, seen=new.generation)
    return new


def new_entries(left: Head, right: Head) -> list[Triple]:
    """Return the entries of `right` that `left` does not have with the same ends and value."""
    return [
        at.b
        for at in stretches(left, right)
        if isinstance(at, Stretch)
        and at.b.value is not GAP
        and at.b.first == at.first
        and not (at.a[:2] == at.b[:2] and same_word(at.a.value, at.b.value, left.dtype))
    ]


def intersection(left: Head, right: Head) -> Head:
    """Return what both cover, with the values of `left`."""
    return clear_where(left, right, covered=False)


def difference(left: Head, right: Head) -> Head:
    """Return what `left` covers and `right` does not."""
    return clear_where(left, right, covered=True)


def clear_where(left: Head, right: Head, covered: bool) -> Head:
    """Return a fork of `left` without what lies where `right` has entries (`covered`) or has none.

    Stretches to clear without anything to keep between them are cleared at once.
    """
    new = fork(left)
    clears: list[list[int]] = []
    joined = False
    for at in stretches(left, right):
        if isinstance(at, Stretch) and at.a.value is GAP:
            continue
        goes = (not isinstance(at, Stretch) or at.b.value is not GAP) == covered
        if goes and joined:
            clears[-1][1] = at[1]
        elif goes:
            clears.append([at[0], at[1]])
        joined = goes
    if clears:
        new.counts = None  # its entries are counted when somebody asks
    for first, last in clears:
        write_range(new, first, last, GAP, seen=new.generation)
    return new
