# SPDX-License-Identifier: MIT
"""What an address space keeps, for the calls that change it."""

from __future__ import annotations

from collections.abc import Iterator

from samara.mm.ledger import Ledger, Tally
from samara.mm.limits import Limits
from samara.mm.syscalls.fork import Tree
from samara.mm.vma import PAGE_SIZE, File


class Space:
    """The fields of an `AddressSpace`, which sets them."""

    __slots__ = (
        "__weakref__",
        "_account",
        "_brk",
        "_changed",
        "_data",
        "_data_segment",
        "_future_locks",
        "_identities",
        "_left_locked",
        "_limit",
        "_locked",
        "_outside",
        "_sealed",
        "_shared_memory",
        "_start_brk",
        "_start_stack",
        "ledger",
        "limits",
        "tree",
    )

    # Where writes note what they open and close: the ledger, or while a call runs its tally.
    _account: Ledger | Tally
    # The heap, as brk() sees it: its ends are bytes, not pages. 0 where it is not known.
    _brk: int
    _start_brk: int
    # The VMAs of `tree` that fork leaves out or changes, so that fork by "cow" need not look for
    # them.
    _changed: Tree
    # Bytes that count for RLIMIT_DATA and for RLIMIT_MEMLOCK.
    _data: int
    _locked: int
    # Bytes that count as locked though no VMA is: of moves that left what they moved.
    _left_locked: int
    # Bytes of the program's data, which brk() counts for RLIMIT_DATA beside the heap.
    _data_segment: int
    # VmFlags of mlockall() that new mappings will have.
    _future_locks: frozenset[str]
    # Numbers of anon_vmas, in a family of forks.
    _identities: Iterator[int]
    # Addresses from here on are not its own: the mark's, in a child that fork left half-made.
    _limit: int
    # VMAs above the addresses of user space ([vsyscall]), which no limit counts.
    _outside: int
    # Has there ever been a sealed VMA?
    _sealed: bool
    # Inode numbers for shared memory without a file, in a family of forks.
    _shared_memory: Iterator[int]
    # The VMA that reaches this address is the stack; above all addresses where it is not known.
    _start_stack: int
    ledger: Ledger
    limits: Limits
    tree: Tree

    def _new_shared_memory(self) -> File:
        return File("00:01", next(self._shared_memory), "/dev/zero (deleted)")

    @property
    def size(self) -> int:
        """Bytes mapped, as RLIMIT_AS counts them: without the page of [vsyscall]. O(1).

        >>> from samara.mm import VMA, AddressSpace
        >>> AddressSpace([VMA(0x1000, 0x3000)]).size
        8192
        """
        return self.tree.covered - self._outside * PAGE_SIZE
