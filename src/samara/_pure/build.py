# SPDX-License-Identifier: MIT
"""Building a tree from triples. If they are in order: level by level, from full leaves, in O(n).

A policy is asked the same questions as if the triples were stored one by one.
"""

from functools import partial
from typing import Any

from samara._columns import convert_one
from samara._entry import Entry
from samara._keys import Kind
from samara._keys.windows import required_window
from samara._policy import Policy
from samara._pure.node import GAP, Head, Item, deal, even_shares
from samara._pure.packed import convert, policy_of
from samara._pure.write import merged, write_range

Triple = tuple[int, int, Any]


def build(head: Head, triples: list[Triple]) -> None:
    """Fill an empty tree with triples that are sorted and do not overlap."""
    items = slots_of(triples, head) if triples else []
    most = head.capacity(is_leaf=True)
    full, rest = divmod(len(items), most)
    shares = [most] * full + [rest] * (rest > 0)
    if full and rest == 1 and items[-1][1] is GAP:
        shares[-2:] = [most - 1, 2]  # a leaf must not contain only the last gap
    height = 0
    while triples and (height == 0 or len(items) > 1):
        if height:
            shares = even_shares(len(items), head.capacity(is_leaf=False))
        items = deal(items, shares, height == 0, head.owner)
        height += 1
    if triples:
        covered = sum(last - first + 1 for first, last, _ in triples)
        head.root, head.height, head.counts = items[0][1], height, (len(triples), covered)
        head.generation += 1


def coalesced(triples: list[Triple], policy: Policy[Any] | None) -> list[Triple]:
    """Merge the neighbours that the policy merges, in sorted triples that do not overlap."""
    if policy is None:
        return triples
    entries: list[Entry[Any, Any]] = []
    for triple in triples:
        stored = Entry(*triple)
        if entries and entries[-1].last + 1 == stored.first:
            left = entries[-1]
            value = merged(policy, left, stored, stored)
            if value is not NotImplemented:
                entries[-1] = Entry(left.first, stored.last, value)
                continue
        entries.append(stored)
    return [*entries]


def slots_of(triples: list[Triple], head: Head) -> list[Item]:
    """Return the entries and the gaps between them, as items."""
    items: list[Item] = []
    free = 0
    for first, last, value in triples:
        if first > free:
            items.append((first - 1, GAP, (first - free) * head.tracks_gaps))
        items.append((last, value, 0))
        free = last + 1
    if free <= head.limit:
        items.append((head.limit, GAP, (head.limit - free + 1) * head.tracks_gaps))
    return items


def fill(head: Head, iterable: Any) -> None:
    """Fill an empty tree with triples in any order.

    From the first triple that breaks the order, they are stored one by one.
    """
    parse = partial(triple_of, head.kind, head.dtype)
    in_order: list[Triple] | None = []
    for position, item in enumerate(iterable):
        triple = convert_one(item, parse, "item", position)
        if in_order and triple[0] <= in_order[-1][1]:
            build(head, coalesced(in_order, policy_of(head)))
            in_order = None
        if in_order is None:
            write_range(head, *triple, seen=head.generation)
        else:
            in_order.append(triple)
    build(head, coalesced(in_order or [], policy_of(head)))


def triple_of(kind: Kind, dtype: str | None, item: Any) -> Triple:
    members = tuple(item)
    if len(members) != 3:
        raise ValueError(f"expected (first, last, value), got {len(members)} items")
    return *required_window(kind, *members[:2]), convert(members[2], dtype)
