# SPDX-License-Identifier: MIT
"""The protocol by which a tree asks about its values."""

from types import NotImplementedType
from typing import Protocol, TypeVar

from samara._entry import Entry

V = TypeVar("V")


class Policy(Protocol[V]):
    """Decides what becomes of values when their ranges are cut or merged: `MapleTree(policy=...)`.

    Each write asks the policy before it changes anything. An exception raised here ends the write
    and leaves the tree as it was. Returning None, for example from a method without a `return`,
    raises TypeError, unless one of the values asked about is None. The methods may read the tree;
    writing it from here raises RuntimeError. If several threads write a tree with a policy, each
    must hold the tree's lock around each write.

    Forks, duplicates, slices and pickles keep the policy. Sorted triples that a tree is made from
    are taken as they are, without asking.

    >>> from samara import Entry, MapleTree
    >>> class Offsets:
    ...     "Values are offsets into something, and rise with the index."
    ...     def split(self, entry, first, last):
    ...         return entry.value + first - entry.first
    ...     def merge(self, left, right):
    ...         goes_on = left.value - left.first == right.value - right.first
    ...         return left.value if goes_on else NotImplemented
    >>> t = MapleTree([(10, 39, 100)], policy=Offsets())
    >>> t[20:30] = 500
    >>> list(t.entries())[2]
    Entry(first=30, last=39, value=120)
    >>> t[20:30] = 110
    >>> list(t.entries())
    [Entry(first=10, last=39, value=100)]
    """

    def split(self, entry: Entry[V], first: int, last: int, /) -> V:
        """Return the value for [first, last], a part of an entry.

        Asked when a write cuts off the rest of the entry, and when a slice, `pop_range()` or
        `entries(clip=True)` cuts the part out. If values do not depend on the place, return
        `entry.value`.
        """
        ...

    def merge(self, left: Entry[V], right: Entry[V], /) -> V | NotImplementedType:
        """Return the value of the merged entry [left.first, right.last], or NotImplemented.

        NotImplemented keeps the two apart. Each store asks about the range stored and the entry
        beside it, on both sides. That entry is passed whole, even if the store covers a part of it,
        so the two may overlap. A cursor that is on an entry and stores a new value for exactly that
        range does not ask.
        """
        ...


Policy.__module__ = "samara"
