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

    Every way to store a value asks in the same way: if `merge()` merges equal neighbours, trees
    with the same contents have the same entries, in whatever order these were stored. Making a
    tree from ranges is the same as storing one after the other. Erasing merges nothing. Forks,
    duplicates, slices and pickles keep the policy and take the entries as they are.

    >>> from samara import Entry, MapleTree
    >>> class Offsets:
    ...     "Values are offsets into something, and rise with the index."
    ...     def split(self, entry, first, last):
    ...         return entry.value + first - entry.first
    ...     def merge(self, left, right, stored):
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

    def merge(self, left: Entry[V], right: Entry[V], stored: Entry[V], /) -> V | NotImplementedType:
        """Return the value of the merged entry [left.first, right.last], or NotImplemented.

        NotImplemented keeps the two apart. Each store asks about the range stored and the entry
        beside it: first on the left, then on the right. If it merged on the left, the merged entry
        counts as the one stored. The entry beside it is passed whole, even if the store covers a
        part of it, so the two may overlap. `Cursor.store(value, merge=False)` does not ask.

        Args:
            left, right: two neighbours, in ascending order
            stored: the one that is being stored: `stored is left` or `stored is right`

        >>> from samara import MapleTree
        >>> class NewestNote:
        ...     "Values are (kind, note). One kind merges, and the later note wins."
        ...     def split(self, entry, first, last):
        ...         return entry.value
        ...     def merge(self, left, right, stored):
        ...         return stored.value if left.value[0] == right.value[0] else NotImplemented
        >>> t = MapleTree([(20, 29, ('a', 'first'))], policy=NewestNote())
        >>> t[10:20] = 'a', 'second'
        >>> t[30:40] = 'b', 'third'
        >>> [tuple(entry) for entry in t]
        [(10, 29, ('a', 'second')), (30, 39, ('b', 'third'))]
        """
        ...


Policy.__module__ = "samara"
