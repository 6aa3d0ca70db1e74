# SPDX-License-Identifier: MIT
"""mlock, mlock2, munlock, mlockall, munlockall."""

from __future__ import annotations

from errno import EINVAL, ENOMEM
from typing import Final

from samara.mm.constants import Mlock
from samara.mm.state import Space
from samara.mm.vma import ADDRESS_END, PAGE_SIZE, RIGHTS, VMA
from samara.mm.vma_ops import (
    LOCKED,
    LOCKED_ON_FAULT,
    check_may_lock,
    checked,
    failed,
    locked_bytes,
    modify,
    page_end,
    touch,
    vma_at,
    vmas_over,
)

_ONFAULT: Final = int(Mlock.ONFAULT)
_CURRENT: Final = int(Mlock.CURRENT)
_FUTURE: Final = int(Mlock.FUTURE)
_ALL_ONFAULT: Final = int(Mlock.ALL_ONFAULT)
_NONE: Final[frozenset[str]] = frozenset()
# The kernel's own memory, huge pages, and memory that may be dropped: locks pass over them.
_UNLOCKABLE: Final = ("io", "de", "pf", "mm", "ht", "dp")


def mlock(space: Space, addr: int, length: int, flags: int) -> None:
    addr, length, flags = checked(addr, length, flags)
    flags %= 1 << 32  # an int
    if flags & ~_ONFAULT:
        raise failed(EINVAL)
    check_may_lock(space)
    limits = space.limits
    length = page_end(length + addr % PAGE_SIZE)
    addr &= -PAGE_SIZE
    limit = limits.rlimit_memlock
    if limit is not None and not limits.privileged and locked_bytes(space) + length > limit:
        already = 0
        for vma in vmas_over(space, addr, addr + length):
            if "lo" in vma[7]:
                already += min(vma[1], addr + length) - max(vma[0], addr)
        if locked_bytes(space) + length - already > limit:
            raise failed(ENOMEM)
    _set_locks(space, addr, length, LOCKED_ON_FAULT if flags else LOCKED)
    for vma in vmas_over(space, addr, addr + length):
        if "lf" not in vma[7] and vma[7].isdisjoint(RIGHTS):
            raise failed(ENOMEM)  # all is locked, but from here on nothing is brought in
        _bring_in(space, vma, addr, addr + length)


def munlock(space: Space, addr: int, length: int) -> None:
    addr, length = checked(addr, length)
    _set_locks(space, addr & -PAGE_SIZE, page_end(length + addr % PAGE_SIZE), _NONE)


def mlockall(space: Space, flags: int) -> None:
    (flags,) = checked(flags)
    flags %= 1 << 32  # an int
    if not flags or flags & ~(_CURRENT | _FUTURE | _ALL_ONFAULT) or flags == _ALL_ONFAULT:
        raise failed(EINVAL)
    check_may_lock(space)
    limits = space.limits
    limit = limits.rlimit_memlock
    if flags & _CURRENT and limit is not None and not limits.privileged and space.size > limit:
        raise failed(ENOMEM)
    locks = LOCKED_ON_FAULT if flags & _ALL_ONFAULT else LOCKED
    space._future_locks = locks if flags & _FUTURE else _NONE
    if flags & _CURRENT:
        _set_all(space, locks)
        for vma in vmas_over(space, 0, limits.task_size):
            _bring_in(space, vma, vma[0], vma[1])


def munlockall(space: Space) -> None:
    space._future_locks = _NONE
    _set_all(space, _NONE)


def _set_locks(space: Space, addr: int, length: int, locks: frozenset[str]) -> None:
    end = (addr + length) % ADDRESS_END
    if end < addr:
        raise failed(EINVAL)
    while addr < end:
        vma = vma_at(space, addr, ENOMEM)
        _set(space, vma, addr, end, locks)
        addr = vma[1]


def _bring_in(space: Space, vma: VMA, start: int, end: int) -> None:
    """The pages of a VMA in [start, end), but those that wait for a fault. (Memory that cannot be
    locked does not wait, whatever the call.)"""
    if "lf" not in vma[7]:
        touch(space, max(start, vma[0]), min(end, vma[1]))


def _set_all(space: Space, locks: frozenset[str]) -> None:
    for vma in vmas_over(space, 0, space.limits.task_size):
        try:
            _set(space, vma, vma[0], vma[1], locks)
        except OSError:
            continue


def _set(space: Space, vma: VMA, start: int, end: int, locks: frozenset[str]) -> None:
    old = vma[7]
    if old.isdisjoint(_UNLOCKABLE):
        modify(space, vma, start, end, vma[2], (old - LOCKED_ON_FAULT) | locks)
