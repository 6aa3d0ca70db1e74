# SPDX-License-Identifier: MIT
"""`Ledger`: what a family of address spaces holds open, and `Tally`: what one call adds to it.

Owns the two counts and their lock. Called by `populate`, `vma_ops`, `rollback`, fork, exec and
exit.
"""

from __future__ import annotations

import threading


class Tally:
    """What one call has opened and closed, before it is on the account."""

    # Each call makes one: without an __init__() that takes half the time.
    opened: int = 0
    closed: int = 0

    def note_opened(self, count: int) -> None:
        self.opened += count

    def note_closed(self, count: int) -> None:
        self.closed += count


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
        try:
            self._lock = threading.Lock()
        except RuntimeError as error:  # so CPython says that there is no memory for a lock
            raise MemoryError(*error.args) from None
        self._opened = 0
        self._closed = 0

    def note_opened(self, count: int) -> None:
        """Add `count` opened mappings. O(1)."""
        self.note(count, 0)

    def note_closed(self, count: int) -> None:
        """Add `count` closed mappings. O(1)."""
        self.note(0, count)

    def note(self, opened: int, closed: int) -> None:
        """Add opened and closed mappings, both or, if memory runs out, none. O(1)."""
        # A `with` needs memory to let go of the lock.
        self._lock.acquire()
        try:
            opened += self._opened
            closed += self._closed
            self._opened = opened
            self._closed = closed
        finally:
            self._lock.release()

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
