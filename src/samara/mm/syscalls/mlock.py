# SPDX-License-Identifier: MIT
"""mlock(2): mlock, mlock2, munlock, mlockall, munlockall. Called as methods of `AddressSpace`."""

from __future__ import annotations

from errno import EINVAL, ENOMEM
from typing import Final

from samara.mm.constants import Mlock
from samara.mm.errors import os_error
from samara.mm.fault import fault_in
from samara.mm.file import is_secret
from samara.mm.keys import Keys, is_denied
from samara.mm.limit_checks import check_may_lock, locked_bytes
from samara.mm.rollback import atomic
from samara.mm.state import State
from samara.mm.units import ADDRESS_END, as_u64, page_end
from samara.mm.vm_flags import LOCKED, LOCKED_ON_FAULT, NO_LOCKS, RIGHTS
from samara.mm.vma import VMA
from samara.mm.vma_ops import modify, vma_at, vmas_over

_ONFAULT: Final = int(Mlock.ONFAULT)
_CURRENT: Final = int(Mlock.CURRENT)
_FUTURE: Final = int(Mlock.FUTURE)
_ALL_ONFAULT: Final = int(Mlock.ALL_ONFAULT)
# The kernel's own memory, huge pages, and memory that may be dropped: locks skip these, and memory
# of memfd_secret(2).
_UNLOCKABLE: Final = ("io", "de", "pf", "mm", "ht", "dp")


@atomic
def mlock(space: State, addr: int, length: int, flags: int = 0) -> None:
    """mlock(2), and with `Mlock.ONFAULT` mlock2(2): lock the pages of [addr, addr + length).

    A page is locked if any byte of it is in the range.

    Raises:
        OSError: ENOMEM at a hole (what lies before it is locked already); ENOMEM for memory without
            any right, and for memory that its protection key or memfd_secret(2) keeps the kernel
            from reading (it is locked nevertheless, except for the latter); ENOMEM beyond
            RLIMIT_MEMLOCK; EPERM if that is 0; EINVAL (unknown flags).

    >>> from samara.mm import VMA, AddressSpace, Mlock
    >>> mm = AddressSpace([VMA(0x10000, 0x12000)])
    >>> mm.mlock(0x10000, 1, Mlock.ONFAULT)
    >>> sorted(mm.find(0x10000).vm_flags - mm.find(0x11000).vm_flags)
    ['lf', 'lo']
    """
    addr, length, flags = as_u64(addr, length, flags)
    flags %= 1 << 32  # an int
    if flags & ~_ONFAULT:
        raise os_error(EINVAL)
    check_may_lock(space)
    limits = space.limits
    length = page_end(length + addr % limits.page_size, limits.page_size)
    addr &= -limits.page_size
    limit = limits.rlimit_memlock
    if limit is not None and not limits.privileged and locked_bytes(space) + length > limit:
        already = 0
        for vma in vmas_over(space, addr, addr + length):
            if "lo" in vma.vm_flags:
                already += min(vma.end, addr + length) - max(vma.start, addr)
        if locked_bytes(space) + length - already > limit:
            raise os_error(ENOMEM)
    _set_locks(space, addr, length, LOCKED_ON_FAULT if flags else LOCKED)
    keys = space._counters.keys
    for vma in vmas_over(space, addr, addr + length):
        if _cannot_be_filled(vma, keys):
            raise os_error(ENOMEM)  # all is locked, but nothing is faulted in from here on
        _bring_in(space, vma, addr, addr + length)


@atomic
def munlock(space: State, addr: int, length: int) -> None:
    """munlock(2): unlock the pages of [addr, addr + length).

    A page is unlocked if any byte of it is in the range.

    Raises:
        OSError: ENOMEM at a hole (what lies before it is unlocked already).

    >>> from samara.mm import VMA, AddressSpace
    >>> mm = AddressSpace([VMA(0x10000, 0x12000, vm_flags="rd mr lo")])
    >>> mm.munlock(0x10000, 0x2000)
    >>> sorted(mm.find(0x10000).vm_flags)
    ['mr', 'rd']
    """
    addr, length = as_u64(addr, length)
    size = space.limits.page_size
    _set_locks(space, addr & -size, page_end(length + addr % size, size), NO_LOCKS)


@atomic
def mlockall(space: State, flags: int) -> None:
    """mlockall(2): lock all current mappings, all future ones, or both. O(n).

    Args:
        flags: `Mlock.CURRENT`, `Mlock.FUTURE`, or both. With `Mlock.ALL_ONFAULT`, a page is locked
            when it is first used.

    Raises:
        OSError: EINVAL (no flags, or unknown ones), ENOMEM beyond RLIMIT_MEMLOCK, EPERM if that is
            0.

    >>> from samara.mm import VMA, AddressSpace, Mlock
    >>> mm = AddressSpace([VMA(0x10000, 0x12000)])
    >>> mm.mlockall(Mlock.CURRENT)
    >>> "lo" in mm.find(0x10000).vm_flags
    True
    """
    (flags,) = as_u64(flags)
    flags %= 1 << 32  # an int
    if not flags or flags & ~(_CURRENT | _FUTURE | _ALL_ONFAULT) or flags == _ALL_ONFAULT:
        raise os_error(EINVAL)
    check_may_lock(space)
    limits = space.limits
    limit = limits.rlimit_memlock
    if flags & _CURRENT and limit is not None and not limits.privileged and space.size > limit:
        raise os_error(ENOMEM)
    locks = LOCKED_ON_FAULT if flags & _ALL_ONFAULT else LOCKED
    space._counters.future_locks = locks if flags & _FUTURE else NO_LOCKS
    if flags & _CURRENT:
        _set_all(space, locks)
        for vma in vmas_over(space, 0, limits.task_size):
            _bring_in(space, vma, vma.start, vma.end)


@atomic
def munlockall(space: State) -> None:
    """munlockall(2): unlock everything, and do not lock future mappings. O(n).

    >>> from samara.mm import VMA, AddressSpace, Mlock
    >>> mm = AddressSpace([VMA(0x10000, 0x12000)])
    >>> mm.mlockall(Mlock.CURRENT | Mlock.FUTURE)
    >>> mm.munlockall()
    >>> "lo" in mm.find(0x10000).vm_flags
    False
    """
    space._counters.future_locks = NO_LOCKS
    _set_all(space, NO_LOCKS)


def _set_locks(space: State, addr: int, length: int, locks: frozenset[str]) -> None:
    end = (addr + length) % ADDRESS_END
    if end < addr:
        raise os_error(EINVAL)
    while addr < end:
        vma = vma_at(space, addr, ENOMEM)
        _set(space, vma, addr, end, locks)
        addr = vma.end


def _bring_in(space: State, vma: VMA, start: int, end: int) -> None:
    """Fault in the pages of a VMA in [start, end), unless they are locked on fault.

    (Memory that cannot be locked is faulted in by every call.)
    """
    if "lf" not in vma.vm_flags:
        fault_in(space, max(start, vma.start), min(end, vma.end))


def _cannot_be_filled(vma: VMA, keys: Keys) -> bool:
    """Return whether the kernel fails to fault in the pages that are to be locked."""
    vm_flags = vma.vm_flags
    if not vm_flags.isdisjoint(("lf", "io", "pf")):
        return False
    if vm_flags.isdisjoint(RIGHTS) or is_secret(vma.file):
        return True
    return is_denied(keys, vma.pkey, "wr" in vm_flags and "sh" not in vm_flags)


def _set_all(space: State, locks: frozenset[str]) -> None:
    for vma in vmas_over(space, 0, space.limits.task_size):
        try:
            _set(space, vma, vma.start, vma.end, locks)
        except OSError:
            continue


def _set(space: State, vma: VMA, start: int, end: int, locks: frozenset[str]) -> None:
    old = vma.vm_flags
    if old.isdisjoint(_UNLOCKABLE) and not is_secret(vma.file):
        modify(space, vma, start, end, vma.prot, (old - LOCKED_ON_FAULT) | locks)
