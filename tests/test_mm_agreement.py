# SPDX-License-Identifier: MIT
"""Sequences of calls in which model and Linux 6.18 once parted. What is expected is what the kernel
was seen to do; `tests/kernel/oracle.py` makes such calls on the running one."""

import errno
from collections.abc import Callable
from typing import Any

import pytest

from samara.mm import AddressSpace, File, Limits, Map, Mlock, Mremap, Prot

PAGE = 4096
A = 0x1000_0000
FAR = A + 16 * PAGE
RW = Prot.READ | Prot.WRITE
ANON = Map.PRIVATE | Map.ANONYMOUS
FIXED = ANON | Map.FIXED
DROPPABLE = Map.DROPPABLE | Map.ANONYMOUS | Map.FIXED
MOVE = Mremap.MAYMOVE | Mremap.FIXED
LEAVE = Mremap.MAYMOVE | Mremap.DONTUNMAP
ALL_ONFAULT = Mlock.CURRENT | Mlock.ALL_ONFAULT
FILE = File("fe:00", 7, "/lib/x")


def space(pages: int = 4, prot: int = RW, flags: int = FIXED, **limits: Any) -> AddressSpace:
    mm = AddressSpace(limits=Limits(**limits))
    mm.mmap(A, pages * PAGE, prot, flags)
    return mm


def fails(number: int, call: Callable[..., Any], *args: Any, **keywords: Any) -> None:
    with pytest.raises(OSError) as caught:
        call(*args, **keywords)
    assert errno.errorcode[caught.value.errno or 0] == errno.errorcode[number]


def ranges(mm: AddressSpace) -> list[tuple[int, int]]:
    """In pages from A."""
    mm.check()
    return [((vma.start - A) // PAGE, (vma.end - A) // PAGE) for vma in mm]


def flags(mm: AddressSpace, addr: int = A) -> frozenset[str]:
    mm.check()
    vma = mm.find(addr)
    assert vma is not None
    return vma.vm_flags


# ---- locks ---------------------------------------------------------------------------------------


def test_mlock_brings_in_nothing_behind_memory_without_rights() -> None:
    mm = space(3)
    mm.mprotect(A + PAGE, PAGE, Prot.NONE)
    fails(errno.ENOMEM, mm.mlock, A + PAGE, 2 * PAGE)
    mm.mprotect(A + 2 * PAGE, PAGE, Prot.READ)
    assert "lo" in flags(mm, A + 2 * PAGE) and "ac" not in flags(mm, A + 2 * PAGE)


def test_mlockall_goes_on_behind_memory_without_rights() -> None:
    mm = space(3)
    mm.mprotect(A + PAGE, PAGE, Prot.NONE)
    mm.mlockall(Mlock.CURRENT)
    mm.mprotect(A + 2 * PAGE, PAGE, Prot.READ)
    assert "ac" in flags(mm, A + 2 * PAGE)


@pytest.mark.parametrize(
    "lock", [lambda mm: mm.mlock(A, PAGE, Mlock.ONFAULT), lambda mm: mm.mlockall(ALL_ONFAULT)]
)
def test_locks_on_fault_bring_in_what_cannot_be_locked(
    lock: Callable[[AddressSpace], None],
) -> None:
    mm = space(1, flags=DROPPABLE)
    lock(mm)
    mm.mremap(A, PAGE, PAGE, MOVE, FAR)
    mm.mmap(FAR + PAGE, PAGE, RW, DROPPABLE)
    assert ranges(mm) == [(16, 17), (17, 18)]
