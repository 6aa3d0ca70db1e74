# SPDX-License-Identifier: MIT
"""The tuples that trees return."""

from types import GenericAlias
from typing import Any, Generic, NamedTuple, TypeVar

K_co = TypeVar("K_co", covariant=True)
V_co = TypeVar("V_co", covariant=True)


class Entry(NamedTuple, Generic[K_co, V_co]):
    """A range and its value: `(first, last, value)`, both ends included.

    >>> first, last, value = Entry(10, 19, "a")
    >>> Entry(10, 19, "a") == (10, 19, "a")
    True
    >>> Entry(10, 19, "a").size, Entry(10, 19, "a").stop
    (10, 20)

    This class is for keys that are ints. A tree of other keys returns instances of a subclass with
    the same name, which knows about these keys.
    """

    first: K_co
    """The first index of the range."""
    last: K_co
    """The last index of the range, which belongs to it."""
    value: V_co
    """The value of each index of the range."""

    @property
    def stop(self) -> K_co | Any:
        """The exclusive end: the index after `last`.

        None after the last key of all, if the keys are not ints.
        """
        return self.last + 1  # type: ignore[operator]

    @property
    def size(self) -> Any:
        """The number of indices in the range. (`len()` is that of the tuple, 3.)

        For dates and moments it is a timedelta. TypeError for floats.
        """
        return self.last - self.first + 1  # type: ignore[operator]

    # The same as tuple's. Generic's has another signature than type checkers assume.
    @classmethod
    def __class_getitem__(cls, item: Any, /) -> GenericAlias:
        return GenericAlias(cls, item)


class Gap(NamedTuple, Generic[K_co]):
    """A free range: `(first, last)`, both ends included.

    >>> Gap(20, 29) == (20, 29)
    True
    >>> Gap(20, 29).size, Gap(20, 29).stop
    (10, 30)
    """

    first: K_co
    """The first free index."""
    last: K_co
    """The last free index."""

    @property
    def stop(self) -> K_co | Any:
        """The exclusive end, as in Entry."""
        return self.last + 1  # type: ignore[operator]

    @property
    def size(self) -> Any:
        """The number of free indices, as in Entry."""
        return self.last - self.first + 1  # type: ignore[operator]

    # As in Entry.
    @classmethod
    def __class_getitem__(cls, item: Any, /) -> GenericAlias:
        return GenericAlias(cls, item)


class Change(NamedTuple, Generic[K_co, V_co]):
    """A range over which two trees differ: `(first, last, before, after)`, both ends included.

    `before` and `after` are the values of the two trees there. None stands for a gap. If None is
    a value too, `change.first in tree` tells the two apart.

    >>> Change(10, 19, "a", None) == (10, 19, "a", None)
    True
    >>> Change(10, 19, "a", None).size, Change(10, 19, "a", None).stop
    (10, 20)
    """

    first: K_co
    last: K_co
    before: V_co | None
    after: V_co | None

    @property
    def stop(self) -> K_co | Any:
        """The exclusive end, as in Entry."""
        return self.last + 1  # type: ignore[operator]

    @property
    def size(self) -> Any:
        """The number of indices in the range, as in Entry."""
        return self.last - self.first + 1  # type: ignore[operator]

    # As in Entry.
    @classmethod
    def __class_getitem__(cls, item: Any, /) -> GenericAlias:
        return GenericAlias(cls, item)


# The public module, so that pickles and messages name it.
Entry.__module__ = "samara"
Gap.__module__ = "samara"
Change.__module__ = "samara"
