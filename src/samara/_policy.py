# SPDX-License-Identifier: MIT
"""The protocol by which a tree asks about its values, and two policies that are ready to use.

Both trees know COALESCE and OFFSET by identity. The extension runs them in C
(`binding/policy_builtin.c`).
"""

from types import NotImplementedType
from typing import Any, Final, Protocol, TypeVar

from samara._entry import Entry
from samara._errors import type_name

V = TypeVar("V")


class Policy(Protocol[V]):
    """Decides what becomes of values when their ranges are cut or merged: `MapleTree(policy=...)`.

    Each write asks the policy before it changes anything. An exception raised here ends the write
    and leaves the tree as it was. Returning None, for example from a method without a `return`,
    raises TypeError, unless one of the values asked about is None. The methods may read the tree;
    writing it from here raises RuntimeError. If several threads write a tree with a policy, each
    must hold the tree's lock around each write.

    Two policies are ready to use, in C: `samara.COALESCE` merges equal neighbours, and
    `samara.OFFSET` is for values that rise with the index.

    Every way to store a value asks in the same way: if `merge()` merges equal neighbours, trees
    with the same contents have the same entries, in whatever order these were stored. Making a
    tree from ranges is the same as storing one after the other. Erasing merges nothing. Forks,
    duplicates, slices and pickles keep the policy and take the entries as they are.

    >>> from samara import Entry, MapleTree
    >>> class Counts:
    ...     "Values are numbers of items, which are spread evenly over their range."
    ...     def split(self, entry, first, last):
    ...         return entry.value * (last - first + 1) / entry.size
    ...     def merge(self, left, right, stored):
    ...         even = left.value * right.size == right.value * left.size
    ...         return left.value + right.value if even else NotImplemented
    >>> t = MapleTree([(0, 39, 80)], policy=Counts())
    >>> t[10:20] = 0
    >>> [tuple(entry) for entry in t]
    [(0, 9, 20.0), (10, 19, 0), (20, 39, 40.0)]
    >>> t[40:50] = 20
    >>> t.entry(40)
    Entry(first=20, last=49, value=60.0)
    """

    def split(self, entry: Entry[Any, V], first: Any, last: Any, /) -> V:
        """Return the value for [first, last], a part of an entry.

        Asked when a write cuts off the rest of the entry, and when a slice, `pop_range()` or
        `entries(clip=True)` cuts the part out. If values do not depend on the place, return
        `entry.value`.
        """
        ...

    def merge(
        self, left: Entry[Any, V], right: Entry[Any, V], stored: Entry[Any, V], /
    ) -> V | NotImplementedType:
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


class BuiltInPolicy:
    """A policy that the trees know: only COALESCE and OFFSET, which packed trees can have too.

    An instance of a user's subclass is a policy like any other.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return REPRS.get(id(self)) or super().__repr__()

    def __reduce_ex__(self, protocol: Any) -> str | tuple[Any, ...]:
        """Pickle the two by name."""
        if id(self) in REPRS:
            return repr(self).removeprefix("samara.")
        return super().__reduce_ex__(protocol)


class Coalesce(BuiltInPolicy):
    """Equal neighbours become one entry: `MapleTree(policy=samara.COALESCE)`.

    A store that touches an entry with an equal value extends that entry, so trees with the same
    contents have the same entries. Values are equal if they are identical or `==`. Of two equal
    objects, the merged entry keeps the left one. An entry that is cut keeps its value in each
    piece. In a packed tree, numbers are equal if their bits are: 0.0 and -0.0 stay apart, and a NaN
    merges with the same NaN.

    For int, float, str and bytes no Python code runs. Otherwise `==` can run any code, for which
    the rules of `Policy` hold: what it raises ends the write, and it cannot write the tree.

    >>> from samara import COALESCE, MapleTree
    >>> t = MapleTree([(0, 9, 'a'), (10, 19, 'a'), (20, 29, 'b')], policy=COALESCE)
    >>> t
    MapleTree([(0, 19, 'a'), (20, 29, 'b')])
    >>> t[15:30] = 'a'
    >>> t
    MapleTree([(0, 29, 'a')])
    >>> MapleTree([(0, 9, 1.5), (10, 19, 1.5)], dtype='f8', policy=COALESCE)
    MapleTree([(0, 19, 1.5)], dtype='f8')
    """

    __slots__ = ()

    def split(self, entry: Entry[Any, Any], first: int, last: int, /) -> Any:
        """Return the value as it is."""
        return entry.value

    def merge(
        self, left: Entry[Any, Any], right: Entry[Any, Any], stored: Entry[Any, Any], /
    ) -> Any:
        """Return the left value if the two are equal, else NotImplemented."""
        same = left.value is right.value or left.value == right.value
        return left.value if same else NotImplemented


class Offset(BuiltInPolicy):
    """Values that rise with the index: `MapleTree(policy=samara.OFFSET)`.

    A value is a number: an int or a float, but no bool. It belongs to the first index of its range,
    and is one more at each next index. Or a value is a tuple (object, number), for example a file
    and an offset in it. The number of a piece is advanced to the first index of the piece. A named
    tuple stays one. `t[i]` returns the value of the whole entry; `t[i:i + 1][i]` is advanced to i.

    Neighbours merge if the right number is the left one, advanced, and if both are of one kind:
    both int or both float, and both with equal objects (identical or `==`) or both without one. The
    merged entry keeps the left value. Floats are rounded, as in every addition of floats.

    Any other value raises TypeError when it is cut or would merge. In a packed tree, cutting raises
    OverflowError if the number of a piece does not fit the dtype's 64 bits. Either way the tree
    stays as it was.

    >>> from samara import MapleTree, OFFSET
    >>> t = MapleTree([(100, 199, ('file', 5000))], policy=OFFSET)
    >>> t[120:150] = 'other', 0
    >>> t
    MapleTree([(100, 119, ('file', 5000)), (120, 149, ('other', 0)), (150, 199, ('file', 5050))])
    >>> t[120:150] = 'file', 5020
    >>> t
    MapleTree([(100, 199, ('file', 5000))])
    >>> MapleTree([(10, 19, 1), (20, 29, 11)], dtype='u8', policy=OFFSET)
    MapleTree([(10, 29, 1)], dtype='u8')
    """

    __slots__ = ()

    def split(self, entry: Entry[Any, Any], first: int, last: int, /) -> Any:
        """Return the value, advanced from the entry's first index to `first`."""
        value = entry.value
        number = number_in(value)
        if first == entry.first:
            return value
        number = advanced(number, first - entry.first)
        if not isinstance(value, tuple):
            return number
        return tuple.__new__(type(value), (tuple.__getitem__(value, 0), number))

    def merge(
        self, left: Entry[Any, Any], right: Entry[Any, Any], stored: Entry[Any, Any], /
    ) -> Any:
        """Return the left value if the right one continues it, else NotImplemented."""
        values = left.value, right.value
        numbers = number_in(left.value), number_in(right.value)
        goes_on = advanced(numbers[0], right.first - left.first) == advanced(numbers[1], 0)
        if not goes_on or len({isinstance(number, float) for number in numbers}) > 1:
            return NotImplemented
        parts = [tuple.__getitem__(v, 0) for v in values if isinstance(v, tuple)]
        apart = len(parts) == 1 or (parts and not (parts[0] is parts[1] or parts[0] == parts[1]))
        return NotImplemented if apart else left.value


def number_in(value: Any) -> int | float:
    """Return the number of a value in a tree with OFFSET."""
    size = tuple.__len__(value) if isinstance(value, tuple) else 0
    number = tuple.__getitem__(value, 1) if size == 2 else value
    if isinstance(number, int | float) and not isinstance(number, bool):
        return number
    given = type_name(number)
    if size == 2:
        given = f"a tuple (object, {given})"
    elif isinstance(value, tuple):
        given = f"a tuple of {size} items"
    text = f"with samara.OFFSET, a value must be a number or a tuple (object, number), not {given}"
    raise TypeError(text)


def advanced(number: int | float, by: int) -> int | float:
    """Add to a number without the methods of its class, if that is a subclass."""
    return float.__add__(number, by) if isinstance(number, float) else int.__add__(number, by)


COALESCE: Final = Coalesce()
OFFSET: Final = Offset()
REPRS: Final = {id(COALESCE): "samara.COALESCE", id(OFFSET): "samara.OFFSET"}

# The public module, so that pickles and messages name it.
Policy.__module__ = Coalesce.__module__ = Offset.__module__ = "samara"
