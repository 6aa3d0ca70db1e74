# SPDX-License-Identifier: MIT
"""Entry, Gap and Change for keys that are not ints: subclasses that know their kind of keys.

Their names are those of the public classes. `MapleTree` returns them, and they unpickle through
`kind_of()`, so they are the same classes after that.
"""

from collections.abc import Callable
from typing import Any, Final

from samara._entry import Change, Entry, Gap
from samara._keys.kind import Kind

CLASSES: Final = (Entry, Gap, Change)


class Result:
    """What the subclasses have in common. `tuple` comes after it in their bases."""

    __slots__ = ()

    _kind: Kind
    _number: int  # of the class in CLASSES
    _restore: Callable[..., Any]
    first: Any
    last: Any

    @property
    def stop(self) -> Any:
        """The exclusive end: the key after `last`, or None if that is the last key of all."""
        return self._kind.stop(self._kind.code(self.last, "last"))

    @property
    def size(self) -> Any:
        """The number of keys in the range; a timedelta for dates and moments."""
        first, last = (self._kind.code(end, "end") for end in (self.first, self.last))
        return self._kind.size(last - first + 1)

    def __reduce__(self) -> tuple[Any, ...]:
        return self._restore, (self._kind.name, self._number, *self)  # type: ignore[misc]


def add_results(kind: Kind, restore: Callable[..., Any]) -> None:
    """Give a kind its classes. `restore(name, number, *items)` is what unpickles an instance."""
    own: list[Any] = [
        type(
            base.__name__,
            (Result, base),
            {
                "__slots__": (),
                "__doc__": base.__doc__,
                "__module__": base.__module__,
                "_kind": kind,
                "_number": number,
                "_restore": staticmethod(restore),
            },
        )
        for number, base in enumerate(CLASSES)
    ]
    kind.entry, kind.gap, kind.change = own
