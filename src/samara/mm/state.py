# SPDX-License-Identifier: MIT
"""`State`: what an address space holds, and how it is read.

Owns the fields of an address space. `AddressSpace` is a `State` with the system calls. Who writes
the fields: `populate` and fork, which fill a new one; `vma_ops`, for the calls; `rollback`, which
puts them back.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from operator import index
from typing import Any, TypeAlias

from samara import MapleTree
from samara.mm.accounting import Counters
from samara.mm.ledger import Ledger, Tally
from samara.mm.limits import TASK_SIZE, Limits
from samara.mm.units import ADDRESS_END, PAGE_SIZE
from samara.mm.vma import VMA


class ForkMark(Enum):
    """Stands in the tree of a half-made child in place of the VMA that could not be duplicated."""

    FAILED = "failed"


# Of VMAs; in a half-made child also of one ForkMark.
Tree: TypeAlias = MapleTree[Any]


class State:
    """The VMAs of one process, and what is counted of them."""

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

    # Where writes note what they open and close: the ledger, or while a call runs its tally.
    _account: Ledger | Tally
    # The VMAs of `tree` that fork leaves out or changes, so that fork by "cow" need not look for
    # them.
    _changed: Tree
    _counters: Counters
    # Numbers of anon_vmas, in a family of forks.
    _identities: Iterator[int]
    # Addresses from here on are not its own: the mark's, in a child that fork left half-made.
    _limit: int
    # Inode numbers for shared memory without a file, in a family of forks.
    _shared_memory: Iterator[int]
    ledger: Ledger
    limits: Limits
    tree: Tree

    def __iter__(self) -> Iterator[VMA]:
        """Over the VMAs by address, as they are when the loop begins."""
        for _first, _last, vma in self.tree:
            if vma is ForkMark.FAILED:
                return
            yield vma

    def vmas(self) -> list[VMA]:
        """The VMAs, by address. O(n)."""
        return list(self)

    def __len__(self) -> int:
        """How many VMAs. O(1)."""
        if self.half_made:
            return sum(1 for _ in self)
        return len(self.tree)

    def __contains__(self, what: object, /) -> bool:
        """Is this address in a VMA, or this VMA one of them? O(log n).

        >>> from samara.mm import VMA, AddressSpace
        >>> mm = AddressSpace([VMA(0x1000, 0x3000)])
        >>> 0x2fff in mm, 0x3000 in mm, VMA(0x1000, 0x3000) in mm
        (True, False, True)
        """
        if isinstance(what, VMA):
            return self.find(what.start) == what
        return hasattr(type(what), "__index__") and self.find(what) is not None  # type: ignore[arg-type]

    def find(self, addr: int) -> VMA | None:
        """The VMA that contains `addr`, or None. (Linux's find_vma() goes on to the next one above;
        here that is `mm.tree.find(addr)`.) O(log n).

        >>> from samara.mm import VMA, AddressSpace
        >>> mm = AddressSpace([VMA(0x1000, 0x3000)])
        >>> mm.find(0x2fff), mm.find(0x3000)
        (VMA(0x1000-0x3000 ---p), None)
        """
        addr = index(addr)
        return self.tree.get(addr) if addr < self._limit else None

    def gaps(self, start: int = 0, end: int = TASK_SIZE) -> Iterator[tuple[int, int]]:
        """The free ranges of [start, end), cut at its ends, as pairs (start, end), ends exclusive.
        O(n) for all of them. The default is what a process on x86-64 may use.

        >>> from samara.mm import VMA, AddressSpace
        >>> list(AddressSpace([VMA(0x1000, 0x3000)]).gaps(0, 0x10000))
        [(0, 4096), (12288, 65536)]
        """
        start, end = index(start), index(end)
        if start >= end:
            return
        for first, last in self.tree.gaps(start, end - 1):
            yield first, last + 1

    @property
    def size(self) -> int:
        """Bytes mapped, as RLIMIT_AS counts them: without the page of [vsyscall]. O(1).

        >>> from samara.mm import VMA, AddressSpace
        >>> AddressSpace([VMA(0x1000, 0x3000)]).size
        8192
        """
        return self.tree.covered - self._counters.outside * PAGE_SIZE

    @property
    def heap(self) -> tuple[int, int]:
        """Where the heap of brk() begins and ends, in bytes; (0, 0) if that is not known. O(1).

        >>> from samara.mm import VMA, AddressSpace
        >>> AddressSpace([VMA(0x1000, 0x3000, name="[heap]")]).heap
        (4096, 12288)
        """
        return self._counters.start_brk, self._counters.brk

    @property
    def half_made(self) -> bool:
        """Is this the child of a fork that failed half-way (`ForkError`)?"""
        return self._limit != ADDRESS_END

    def exit(self) -> int:
        """End the process: give back all VMAs, up to the mark where fork stopped half-way, and
        leave the address space empty. Returns how many VMAs it gave back: 0 the second time. O(n),
        but only for nodes that no other address space shares: O(1) for a child by "cow" that was
        not written since.

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
