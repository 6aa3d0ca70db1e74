# SPDX-License-Identifier: MIT
"""The tuples that trees return."""

from types import GenericAlias
from typing import Any, Generic, NamedTuple, TypeVar

V_co = TypeVar("V_co", covariant=True)


class Entry(NamedTuple, Generic[V_co]):
    """A range and its value: `(first, last, value)`, both ends included.

    >>> first, last, value = Entry(10, 19, "a")
    >>> Entry(10, 19, "a") == (10, 19, "a")
    True
    >>> Entry(10, 19, "a").size
    10
    """

    first: int
    """The first index of the range."""
    last: int
    """The last index of the range, which belongs to it."""
    value: V_co
    """The value of each index of the range."""

    @property
    def size(self) -> int:
        """The number of indices in the range. (`len()` is that of the tuple, 3.)"""
        return self.last - self.first + 1

    # The same as tuple's. Generic's has another signature than type checkers assume.
    @classmethod
    def __class_getitem__(cls, item: Any, /) -> GenericAlias:
        return GenericAlias(cls, item)


class Gap(NamedTuple):
    """A free range: `(first, last)`, both ends included.

    >>> Gap(20, 29) == (20, 29)
    True
    >>> Gap(20, 29).size
    10
    """

    first: int
    """The first free index."""
    last: int
    """The last free index."""

    @property
    def size(self) -> int:
        """The number of free indices."""
        return self.last - self.first + 1


class Change(NamedTuple, Generic[V_co]):
    """A range over which two trees differ: `(first, last, before, after)`, both ends included.

    `before` and `after` are the values of the two trees there. None stands for a gap. If None is
    a value too, `change.first in tree` tells the two apart.

    >>> Change(10, 19, "a", None) == (10, 19, "a", None)
    True
    >>> Change(10, 19, "a", None).size
    10
    """

    first: int
    last: int
    before: V_co | None
    after: V_co | None

    @property
    def size(self) -> int:
        """The number of indices in the range."""
        return self.last - self.first + 1

    # As in Entry.
    @classmethod
    def __class_getitem__(cls, item: Any, /) -> GenericAlias:
        return GenericAlias(cls, item)


# The public module, so that pickles and messages name it.
Entry.__module__ = "samara"
Gap.__module__ = "samara"
Change.__module__ = "samara"
