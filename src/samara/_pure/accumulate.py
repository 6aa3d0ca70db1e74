# SPDX-License-Identifier: MIT
"""Arithmetic on ranges: what accumulate() and accumulate_many() do to a tree of numbers.

Many ranges first become a profile: stretches that do not overlap, each with the result of all
numbers whose ranges cover it. The ends of the ranges cut the indices into stretches, and a binary
tree stands on these: node i has the children 2i and 2i + 1. Each range is applied to the O(log n)
nodes that it is made of, and one pass then brings what a node has to the stretches below it.

    ranges      [ 5          ]
                     [ 2 ]      [ 1 ]
    stretches   [ 5 |  7 | 5 ]  [ 1 ]

The extension combines numbers in the same order, so sums of floats are equal to the bit.
"""

import operator
from collections.abc import Callable, Iterator
from typing import Any, Final

from samara._pure.build import Triple, build
from samara._pure.dup import fork, slice_of
from samara._pure.node import GAP, Head
from samara._pure.packed import LIMITS
from samara._pure.results import shown_range
from samara._pure.walk import pieces_of
from samara._pure.write import write_range

ENTRIES_PER_STRETCH: Final = 16  # with so many or fewer, a new tree is built


def least(a: float, b: float) -> float:
    """Return the lesser number, the first one if they are equal, or a NaN if one is."""
    return a if a != a else b if b != b or b < a else a


def greatest(a: float, b: float) -> float:
    return a if a != a else b if b != b or b > a else a


OPERATIONS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "add": operator.add,
    "min": least,
    "max": greatest,
    "or": operator.or_,
    "and": operator.and_,
}


def checked_operation(op: Any) -> str:
    if not isinstance(op, str) or op not in OPERATIONS:
        raise ValueError(f"op must be 'add', 'min', 'max', 'or' or 'and', not {op!r}")
    return op


def check_dtype(dtype: str | None, op: str, function: str) -> None:
    """Check that a tree of that dtype can do the operation."""
    if dtype is None:
        raise TypeError(f"{function}() requires a tree with a dtype: use map_range() for objects")
    if dtype == "f8" and op in ("or", "and"):
        raise TypeError(f"op must be 'add', 'min' or 'max' for dtype 'f8', not '{op}'")


def accumulated(head: Head, ranges: list[Triple], op: str) -> Head:
    """Return the head of a tree to which these ranges have been applied. It shares nodes."""
    if head.policy is not None:
        return one_by_one(head, ranges, op)
    profile = profile_of(ranges, OPERATIONS[op], head.limit) if len(ranges) > 1 else ranges
    if len(ranges) > 1 and head.known_counts()[0] // ENTRIES_PER_STRETCH <= len(profile):
        return rebuilt(head, profile, op)
    new = fork(head)
    for stretch in profile:
        for piece in combined(head, stretch, op):
            write_range(new, *piece, seen=new.generation)
    return new


def one_by_one(head: Head, ranges: list[Triple], op: str) -> Head:
    """Apply the ranges in order, as the policy may answer depending on what is stored."""
    new = fork(head)
    for stretch in ranges:
        first, last, _ = stretch
        pieces = slice_of(new, first, last)
        write_range(new, first, last, GAP, seen=new.generation)
        for piece in combined(pieces, stretch, op):
            write_range(new, *piece, seen=new.generation)
    return new


def rebuilt(head: Head, profile: list[Triple], op: str) -> Head:
    """Make a new tree of all pieces. O(n)."""
    triples: list[Triple] = []
    free = 0
    for stretch in [*profile, (head.limit + 1, head.limit + 1, GAP)]:
        if free < stretch[0]:
            pieces = pieces_of(head, free, stretch[0] - 1)
            triples += [piece for piece in pieces if piece[2] is not GAP]
        if stretch[2] is not GAP:
            triples += combined(head, stretch, op)
        free = stretch[1] + 1
    new = head.empty()
    new.took_max = head.took_max
    build(new, triples)
    return new


def combined(head: Head, stretch: Triple, op: str) -> Iterator[Triple]:
    """Iterate over the pieces of a stretch, with their new values."""
    first, last, addend = stretch
    bounds = LIMITS.get(head.dtype or "") if op == "add" else None
    combine = OPERATIONS[op]
    for low, high, value in pieces_of(head, first, last):
        new = addend if value is GAP else combine(value, addend)
        if bounds and not bounds[0] <= new <= bounds[1]:
            place = shown_range(head.kind, low, high)
            raise OverflowError(f"the sum over {place} is outside {bounds[0]} ... {bounds[1]}")
        yield low, high, new


def profile_of(
    ranges: list[Triple], combine: Callable[[Any, Any], Any], limit: int
) -> list[Triple]:
    """Return the stretches that some range covers, in order. O(n log n)."""
    ends = {first for first, _, _ in ranges} | {last + 1 for _, last, _ in ranges}
    keys = sorted(ends | {limit + 1})
    count = len(keys) - 1
    place = {key: position for position, key in enumerate(keys, count)}
    nodes: list[Any] = [GAP] * (2 * count)

    def join(node: int, value: Any) -> None:
        own = nodes[node]
        nodes[node] = value if own is GAP else combine(own, value)

    for first, last, value in sorted(ranges, key=operator.itemgetter(0)):
        low, high = place[first], place[last + 1]
        while low < high:
            if low % 2:
                join(low, value)
                low += 1
            if high % 2:
                high -= 1
                join(high, value)
            low, high = low // 2, high // 2
    for node in range(1, count):
        if nodes[node] is not GAP:
            join(2 * node, nodes[node])
            join(2 * node + 1, nodes[node])
    stretches = zip(keys, keys[1:], nodes[count:], strict=False)
    return [(first, end - 1, value) for first, end, value in stretches if value is not GAP]
