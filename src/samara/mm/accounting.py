# SPDX-License-Identifier: MIT
"""The counters of an address space: one record, `Counters`.

Owns what each VMA counts for, and every number of an address space that is neither a VMA nor a
limit. The record is copied, restored, pickled and compared as a whole. Restoring a copy is one
assignment and needs no memory. To add a counter, add a field to `Counters` and a line to its
`copy`. `vma_ops`, brk, mlockall and mremap change the record; the checks of limits read it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import lru_cache
from operator import index
from typing import Any, Final, NamedTuple

from samara.mm.inheritance import WIPED, is_changed_by_fork
from samara.mm.keys import NO_KEYS, Keys
from samara.mm.limits import Limits
from samara.mm.units import ADDRESS_END, PAGE_SIZE
from samara.mm.vm_flags import LOCKED_ON_FAULT, NO_LOCKS
from samara.mm.vma import VMA


class VmaCounts(NamedTuple):
    """What a VMA counts for, by its VmFlags.

    Attributes:
        locked: 1 if its bytes count for RLIMIT_MEMLOCK, else 0
        data: 1 if its bytes count for RLIMIT_DATA, else 0
        changed: whether fork leaves it out or changes it
        wiped: whether fork changes it if it was written
    """

    locked: int
    data: int
    changed: bool
    wiped: bool


_new: Final = object.__new__
NO_COUNTS: Final = VmaCounts(0, 0, False, False)


@lru_cache(maxsize=4096)  # a process has a few combinations; a hostile text may have any number
def accounting(vm_flags: frozenset[str]) -> VmaCounts:
    """Return what VMAs with these VmFlags count for. O(1)."""
    data = "wr" in vm_flags and vm_flags.isdisjoint(("sh", "gd"))
    vma = VMA(0, PAGE_SIZE, vm_flags=vm_flags)
    return VmaCounts(int("lo" in vm_flags), int(data), is_changed_by_fork(vma), WIPED in vm_flags)


@dataclass(slots=True)
class Counters:
    """The counters of an address space. The first four follow from its VMAs, the others do not.

    Attributes:
        locked: bytes of locked VMAs
        data: bytes that count for RLIMIT_DATA
        outside: number of VMAs such as [vsyscall] (`Limits.is_gate`), which no limit counts
        sealed: whether there has ever been a sealed VMA
        brk: the end of the heap, as brk() sees it: a byte, not a page; 0 if unknown
        start_brk: the start of the heap; 0 if unknown
        start_stack: the VMA that reaches this address is the stack; above all addresses if unknown
        data_segment: bytes of the program's data, which brk() counts for RLIMIT_DATA with the heap
        left_locked: bytes that still count as locked after MREMAP_DONTUNMAP, though no VMA has them
            locked
        future_locks: VmFlags of mlockall() that new mappings will have
        keys: the protection keys
    """

    locked: int = 0
    data: int = 0
    outside: int = 0
    sealed: bool = False
    brk: int = 0
    start_brk: int = 0
    start_stack: int = ADDRESS_END
    data_segment: int = 0
    left_locked: int = 0
    future_locks: frozenset[str] = NO_LOCKS
    keys: Keys = NO_KEYS

    def copy(self) -> Counters:
        """Return a copy. O(1).

        Each call makes one. This is several times as fast as a loop over the fields.
        """
        new = _new(Counters)
        new.locked = self.locked
        new.data = self.data
        new.outside = self.outside
        new.sealed = self.sealed
        new.brk = self.brk
        new.start_brk = self.start_brk
        new.start_stack = self.start_stack
        new.data_segment = self.data_segment
        new.left_locked = self.left_locked
        new.future_locks = self.future_locks
        new.keys = self.keys
        return new

    def values(self) -> tuple[Any, ...]:
        """Return all counters, as `checked_counters` takes them. O(1)."""
        numbers = (self.locked, self.data, self.outside, self.sealed, self.brk, self.start_brk)
        more = (self.start_stack, self.data_segment, self.left_locked)
        return *numbers, *more, self.future_locks, self.keys

    @property
    def sums(self) -> tuple[int, ...]:
        """The counters that are sums over the VMAs. O(1)."""
        return self.locked, self.data, self.outside

    def of_vmas(self, counted: Counters) -> Counters:
        """Return a copy that takes from `counted` what follows from the VMAs. O(1)."""
        new = self.copy()
        new.locked, new.data, new.outside = counted.sums
        new.sealed = counted.sealed
        return new

    def of_child(self, data: int, outside: int) -> Counters:
        """Return a copy for a child. O(1).

        The child lacks `data` bytes of data and `outside` VMAs outside user space. It inherits no
        locks, neither present ones nor those for future mappings.
        """
        new = self.copy()
        new.locked = new.left_locked = 0
        new.data -= data
        new.outside -= outside
        new.future_locks = NO_LOCKS
        return new

    def without_vmas(self) -> Counters:
        """Return a copy for an address space whose VMAs are all gone. O(1)."""
        new = self.copy()
        new.locked = new.data = new.outside = new.left_locked = 0
        return new


def count_vmas(vmas: Iterable[VMA], limits: Limits) -> tuple[Counters, list[VMA]]:
    """Return the counters that follow from the VMAs, and the VMAs that fork leaves out or changes.

    The other counters keep their defaults. O(VMAs).
    """
    locked = data = outside = 0
    sealed = False
    task_size = limits.task_size
    changed = []
    for vma in vmas:
        start, end, vm_flags = vma.start, vma.end, vma.vm_flags
        is_locked, is_data, is_changed, is_wiped = accounting(vm_flags)
        if is_locked:
            locked += end - start
        if is_data:
            data += end - start
        if start >= task_size and limits.is_gate(start):
            outside += 1
        if "sl" in vm_flags:
            sealed = True
        if is_changed or (is_wiped and is_changed_by_fork(vma)):
            changed.append(vma)
    return Counters(locked, data, outside, sealed), changed


def checked_counters(state: object) -> Counters:
    """Check the counters of a pickle, which may be forged, and return them. O(1).

    Raises:
        ValueError: No address space has such counters.
        TypeError: Something in place of a number is not a number.
    """
    count = len(fields(Counters))
    if not isinstance(state, tuple) or len(state) != count:
        raise ValueError(f"not the state of an AddressSpace: expected a tuple of {count} items")
    numbers, locks, keys = tuple(map(index, state[:-2])), *state[-2:]
    if not 0 <= min(numbers) <= max(numbers) <= ADDRESS_END:
        raise ValueError(
            f"not the state of an AddressSpace: a number is outside 0 ... 2**64: {numbers}"
        )
    if not isinstance(locks, frozenset) or not locks <= LOCKED_ON_FAULT:
        raise ValueError(f"not the state of an AddressSpace: invalid locks {locks!r:.60}")
    if not isinstance(keys, Keys) or not 0 <= min(map(index, keys)) <= max(keys) < 2**32:
        raise ValueError(f"not the state of an AddressSpace: invalid keys {keys!r:.60}")
    counters = Counters(*numbers, locks, keys)  # type: ignore[call-arg, arg-type]
    if not counters.start_brk <= counters.brk < ADDRESS_END:
        raise ValueError(
            f"not the state of an AddressSpace: brk {counters.brk:#x} is outside the heap"
        )
    return counters
