# SPDX-License-Identifier: MIT
"""What callers get: entries and iterators with keys, made of those with codes."""

from collections.abc import Callable, Iterator
from functools import cache
from threading import RLock
from typing import Any, Final, Generic, Self, TypeVar

from samara._entry import Entry
from samara._keys import Kind
from samara._pure.node import UINT64

T = TypeVar("T")
Keys = Callable[[int], Any]
NOTHING: Final[Any] = object()


def entry_of(kind: Kind, entry: Entry[Any, Any], key: Keys | None = None) -> Entry[Any, Any]:
    """Return an entry with keys."""
    if kind is UINT64:
        return entry
    key = key or kind.key
    return kind.entry(key(entry.first), key(entry.last), entry.value)


def shown_range(kind: Kind, first: int, last: int) -> str:
    ends = [kind.shown(kind.key(code)) for code in (first, last)]
    return f"[{ends[0]}, {ends[1]}]"


def keys_once(kind: Kind) -> Keys:
    """Return kind.key(), which is called only once for each code.

    A KeyType's decode() can write the tree. A method that makes keys before it writes then begins
    again. The second time, no code runs for keys that are the same.
    """
    return kind.key if kind is UINT64 else cache(kind.key)


class Results(Generic[T]):
    """An iterator over results that are made of what another one has, for any number of threads.

    Making them can run any code. Code that calls the iterator gets the next result. If making one
    fails, the next step tries it again.
    """

    def __init__(self, codes: Iterator[Any], make: Callable[[Any], T]) -> None:
        self._codes, self._make, self._again = codes, make, NOTHING
        self._lock = RLock()  # a generator refuses a second thread

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        with self._lock:
            at, self._again = self._again, NOTHING
            if at is NOTHING:
                at = next(self._codes)
        try:
            return self._make(at)
        except BaseException:
            self._again = at
            raise
