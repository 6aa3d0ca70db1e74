# SPDX-License-Identifier: MIT
"""What a tree asks about its values."""

from types import NotImplementedType
from typing import Protocol, TypeVar

from samara._entry import Entry

V = TypeVar("V")


class Policy(Protocol[V]):
    """What becomes of values when the ranges around them change: `MapleTree(policy=...)`.

    Each write asks before it changes anything, so an exception raised here ends the write and
    leaves the tree as it was. None, which a method without a `return` answers, is a TypeError but
    where a value asked about is None. The methods may read the tree; to write it from here is a
    RuntimeError. Threads that write one tree with a policy hold its lock around each write.
    Relatives (forks, duplicates, slices) and pickles keep the policy; sorted triples that a tree
    is made of are taken as they are.

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
        """The value for [first, last], a part of an entry of which a write cuts off the rest, or
        that a slice, `pop_range()` or `entries(clip=True)` cuts out. `entry.value` itself where the
        place makes no difference."""
        ...

    def merge(self, left: Entry[V], right: Entry[V], /) -> V | NotImplementedType:
        """The value of the one entry [left.first, right.last] that two become, or NotImplemented:
        they stay apart. Asked by each store about the range stored and the value that stands
        beside it, on both sides. That one comes whole, also where the store covers a part of it: so
        the two may overlap. Not asked where a cursor that stands on an entry stores a new value
        for just that."""
        ...


Policy.__module__ = "samara"
