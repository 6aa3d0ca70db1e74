# SPDX-License-Identifier: MIT
"""The errors that trees raise besides Python's own, and how messages name types."""

from typing import Any

from samara._entry import Entry


def type_name(value: object) -> str:
    """Return a type's name as in CPython's own messages: with its module if it is written in C."""
    kind = type(value)
    in_c = kind.__flags__ & 1 << 8  # Py_TPFLAGS_IMMUTABLETYPE
    return f"{kind.__module__}.{kind.__name__}".removeprefix("builtins.") if in_c else kind.__name__


class NoKey(ValueError):
    """A NaN or NaT was given as a key. Look-ups of one key find nothing; all others raise this."""


class RangeOccupiedError(ValueError):
    """An insert found an entry in [first, last]. `.entry` is the first one there.

    >>> error = RangeOccupiedError(5, 10, Entry(10, 19, "a"))
    >>> error.entry.value
    'a'
    """

    def __init__(self, first: Any, last: Any, entry: Entry[Any, Any]) -> None:
        super().__init__(first, last, entry)
        self.first = first
        self.last = last
        self.entry = entry

    def __str__(self) -> str:
        return (
            f"[{self.first}, {self.last}] is not free: "
            f"[{self.entry.first}, {self.entry.last}] has a value"
        )


class NoSpaceError(ValueError):
    """There is no room for a call of `empty_area()`, or of a method that allocates.

    These are `alloc_range()`, `alloc_many()` and `alloc_cyclic()`.
    """


class FileFormatError(ValueError):
    """`MapleTree.load()` was given a file that `save()` did not write, or that is damaged.

    The message has the path and says what is wrong.
    """


# The public module, so that pickles and tracebacks name it.
RangeOccupiedError.__module__ = "samara"
NoSpaceError.__module__ = "samara"
FileFormatError.__module__ = "samara"
