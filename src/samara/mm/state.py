# SPDX-License-Identifier: MIT
"""`State`: what an address space holds, and how it is read.

Owns the fields of an address space. `AddressSpace` is a `State` with the system calls. `populate`
and fork fill the fields of a new one; `vma_ops` writes them for the calls; `rollback` restores
them.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from operator import index
from typing import Any, TypeAlias

from samara import MapleTree
from samara.mm.accounting import Counters
from samara.mm.ledger import Ledger, Tally
from samara.mm.limits import GATES, Limits
from samara.mm.units import ADDRESS_END
from samara.mm.vma import VMA


class ForkMark(Enum):
    """The mark in the tree of a half-made child: here a VMA could not be duplicated."""

    FAILED = "failed"


# A tree of VMAs. A half-made child's tree also holds one ForkMark.
Tree: TypeAlias = MapleTree[int, Any]


class State:
    """The VMAs of one process, and the counters kept of them."""

    __slots__ = (
        "__weakref__",
        "_account",
        "_changed",
        "_counters",
        "_identities",
        "_limit",
        "_shared_memory",
        "ledger",
        "limits",
        "tree",
    )

    # Where writes note what they open and close: the ledger, or the call's tally while a call runs.
    _account: Ledger | Tally
    # The VMAs of `tree` that fork leaves out or changes. Fork by "cow" reads them here instead of
    # searching the tree.
    _changed: Tree
    _counters: Counters
    # The numbers of anon_vmas. A family of forks shares them.
    _identities: Iterator[int]
    # Addresses from here on do not belong to it. In a half-made child, that is the mark's address.
    _limit: int
    # Inode numbers for shared memory without a file. A family of forks shares them.
    _shared_memory: Iterator[int]
    ledger: Ledger
    limits: Limits
    tree: Tree

    def __iter__(self) -> Iterator[VMA]:
        """Iterate over the VMAs by address, as they are when the loop begins."""
        for _first, _last, vma in self.tree:
            if vma is ForkMark.FAILED:
                return
            yield vma

    def vmas(self) -> list[VMA]:
        """Return a list of the VMAs, by address. O(n)."""
        return list(self)

    def __len__(self) -> int:
        """Return the number of VMAs. O(1)."""
        if self.half_made:
            return sum(1 for _ in self)
        return len(self.tree)

    def __contains__(self, what: object, /) -> bool:
        """Return whether an address is in a VMA, or a VMA in the address space. O(log n).

        >>> from samara.mm import VMA, AddressSpace
        >>> mm = AddressSpace([VMA(0x1000, 0x3000)])
        >>> 0x2fff in mm, 0x3000 in mm, VMA(0x1000, 0x3000) in mm
        (True, False, True)
        """
        if isinstance(what, VMA):
            return self.find(what.start) == what
        return hasattr(type(what), "__index__") and self.find(what) is not None  # type: ignore[arg-type]

    def find(self, addr: int) -> VMA | None:
        """Return the VMA that contains `addr`, or None. O(log n).

        (Linux's find_vma() continues to the next VMA above; `mm.tree.find(addr)` does that.)

        >>> from samara.mm import VMA, AddressSpace
        >>> mm = AddressSpace([VMA(0x1000, 0x3000)])
        >>> mm.find(0x2fff), mm.find(0x3000)
        (VMA(0x1000-0x3000 ---p), None)
        """
        addr = index(addr)
        return self.tree.get(addr) if addr < self._limit else None

    def gaps(self, start: int = 0, end: int | None = None) -> Iterator[tuple[int, int]]:
        """Iterate over the free ranges of [start, end), cut at its ends. O(n) for all of them.

        Each is a pair (start, end), end exclusive. The default is what the process may use, up to
        `limits.task_size`.

        >>> from samara.mm import VMA, AddressSpace
        >>> list(AddressSpace([VMA(0x1000, 0x3000)]).gaps(0, 0x10000))
        [(0, 4096), (12288, 65536)]
        """
        start, end = index(start), self.limits.task_size if end is None else index(end)
        if start >= end:
            return
        for first, last in self.tree.gaps(start, end - 1):
            yield first, last + 1

    @property
    def size(self) -> int:
        """The number of mapped bytes as RLIMIT_AS counts them: without [vsyscall]. O(log n).

        >>> from samara.mm import VMA, AddressSpace
        >>> AddressSpace([VMA(0x1000, 0x3000)]).size
        8192
        """
        size: int = self.tree.covered
        if self._counters.outside:
            for start in GATES:
                vma = self.find(start)
                if vma is not None and vma.start == start and self.limits.is_gate(start):
                    size -= vma.size
        return size

    @property
    def heap(self) -> tuple[int, int]:
        """The start and end of brk()'s heap, as byte addresses; (0, 0) if unknown. O(1).

        >>> from samara.mm import VMA, AddressSpace
        >>> AddressSpace([VMA(0x1000, 0x3000, name="[heap]")]).heap
        (4096, 12288)
        """
        return self._counters.start_brk, self._counters.brk

    @property
    def half_made(self) -> bool:
        """Whether this is the child of a fork that failed half-way (`ForkError`)."""
        return self._limit != ADDRESS_END

    def exit(self) -> int:
        """End the process: release all VMAs and leave the address space empty.

        In a half-made child, only the VMAs before the mark are released. O(n), but only for nodes
        that no other address space shares: O(1) for a child by "cow" that was not written since.

        Returns:
            The number of VMAs released, which is 0 the second time.

        >>> from samara.mm import VMA, AddressSpace
        >>> mm = AddressSpace([VMA(0x1000, 0x2000)])
        >>> mm.exit(), mm.exit()
        (1, 0)
        """
        count, counters = len(self), self._counters.without_vmas()
        self.ledger.note_closed(count)  # nothing after this needs memory
        self.tree.clear()
        self._changed.clear()
        self._counters = counters
        self._limit = ADDRESS_END
        return count
