# SPDX-License-Identifier: MIT
"""The account of what a family of address spaces holds open."""

from __future__ import annotations

import threading


class Ledger:
    """Counts the mappings that an address space and all its forks, and theirs, have opened and
    closed.

    Linux takes a reference to the file of each VMA that fork gives the child, and gives it back
    when that address space ends. So here: making an address space opens as many mappings as it has
    VMAs, fork opens as many as the child has, whatever the method (with "cow" they are opened in
    one sum, not one by one), and `AddressSpace.exit()` closes as many as it finds in the tree, up
    to the mark of a half-made child. The two counts come from different places: what is opened from
    the parent's VMAs, what is closed from the child's tree. So `open` is the number of VMAs in the
    living address spaces of the family, and 0 when all have exited; anything else is a leak, or a
    thing given back twice. An address space that is dropped without `exit()` stays on the account.

    >>> ledger = Ledger()
    >>> ledger.note_opened(3)
    >>> ledger.note_closed(2)
    >>> ledger
    Ledger(opened=3, closed=2, open=1)
    """

    __slots__ = ("_closed", "_lock", "_opened")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._opened = 0
        self._closed = 0

    def note_opened(self, count: int) -> None:
        """Add `count` opened mappings. O(1)."""
        with self._lock:
            self._opened += count

    def note_closed(self, count: int) -> None:
        """Add `count` closed mappings. O(1)."""
        with self._lock:
            self._closed += count

    @property
    def opened(self) -> int:
        """How many were ever opened."""
        return self._opened

    @property
    def closed(self) -> int:
        """How many were ever closed."""
        return self._closed

    @property
    def open(self) -> int:
        """How many are open now."""
        with self._lock:
            return self._opened - self._closed

    def __repr__(self) -> str:
        return f"Ledger(opened={self._opened}, closed={self._closed}, open={self.open})"
