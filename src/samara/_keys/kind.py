# SPDX-License-Identifier: MIT
"""Kind: what a tree knows about its keys.

A tree holds codes: ints from 0 up to the kind's `top`, in the order of the keys. Everything inside
a tree is the same for all kinds. A kind maps keys to codes and back, sizes to numbers of keys and
back, and shows keys in messages.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any

from samara._columns import ArrowColumn, Opened, numpy_array
from samara._entry import Change, Entry, Gap


class Kind(ABC):
    """One kind of keys. `kind_of()` returns the only instance for each name or KeyType object."""

    name: Any
    """What `MapleTree.keys_dtype` returns: the name, or the object with the KeyType protocol."""
    bits: int = 64
    """How many bits the codes have: 64 or 128."""
    top: int
    """The last code. The first one is 0."""
    zero: int | None = 0
    """The code that alignment counts from. None: keys have no sizes."""
    extension: Any = None
    """What the extension keeps here."""
    has_int_keys: bool = False
    """Whether keys are ints."""
    entry: type[Entry[Any, Any]] = Entry
    gap: type[Gap[Any]] = Gap
    change: type[Change[Any, Any]] = Change

    @abstractmethod
    def code(self, key: Any, name: str) -> int:
        """Return a key's code. Below 0, or above `top`: the key is outside the limits.

        `top` + 1 means exactly one past the last key.

        Args:
            key: any object
            name: the name of the argument, for messages

        Raises:
            TypeError: The object is no key of this kind.
            ValueError: Nor is this value. samara._errors.NoKey for NaN and NaT.
        """

    @abstractmethod
    def key(self, code: int) -> Any:
        """Return the key of a code from 0 to `top`, which is not checked."""

    def stop(self, code: int) -> Any:
        """Return the key after the key of a code, or None if that is the last one."""
        return self.key(code + 1) if code < self.top else None

    @abstractmethod
    def count(self, size: Any, name: str) -> int:
        """Return a size as a number of keys. It can be below 1.

        Raises:
            TypeError: The object is no size of this kind, or the kind has no sizes.
            ValueError: The size is no whole number of keys.
        """

    @abstractmethod
    def size(self, count: int) -> Any:
        """Return a number of keys as a size. TypeError if the kind has no sizes."""

    def window_of(self, key: Any) -> tuple[int, int] | None:
        """Return the first and the last code of a network, or None for anything else."""
        return None

    def ranges_in(self, other: Any) -> tuple[Any, ...]:
        """Return what the right operand of a set operation contains, which must be ranges."""
        return tuple(other)

    def as_array(self, given: Any) -> Any:
        """Return a column as a numpy array, or None if it has no such form."""
        return numpy_array(given)

    def items(self, array: Any) -> Iterable[Any] | None:
        """Return what `code()` takes for the items of a numpy array, if that is not its items.

        The array has one dimension or more. None: `code()` takes the items themselves.
        """
        return None

    def of_arrow(self, column: ArrowColumn, name: str) -> Opened | None:
        """Say how a column of items of fixed size has keys; None: `code()` takes its items.

        Raises:
            TypeError: It has none: moments in a zone are not naive.
        """
        return None

    def array(self, numpy: Any, codes: Sequence[int]) -> Any:
        """Return a numpy array of the keys of codes. For keys without a dtype, it holds objects."""
        array = numpy.empty(len(codes), object)
        for position, code in enumerate(codes):
            array[position] = self.key(code)
        return array

    def shown(self, key: Any) -> str:
        """Format a key for a message."""
        return str(key)

    def outside(self, key: Any, name: str, low: int = 0, *, end: bool = False) -> ValueError:
        """Return the exception for a key outside the limits, from the code `low` on.

        With `end`, one past the last key is within them, if there is such a key.
        """
        first, last = self.key(low), self.stop(self.top) if end else None
        if last is None:
            last = self.key(self.top)
        limits = f"{self.shown(first)} ... {self.shown(last)}"
        return ValueError(f"{name} {self.shown(key)} is outside {limits}")

    def same_as(self, other: "Kind") -> bool:
        """Return whether trees of the two kinds can be combined."""
        return self is other

    def __repr__(self) -> str:
        return f"<kind of keys {self.name!r}>"
