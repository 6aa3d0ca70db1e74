# SPDX-License-Identifier: MIT
"""Every error that the manual pages of madvise, mlock, mremap and mprotect list, on each kind of
memory. A refused call changes nothing."""

import errno
from typing import Any

import pytest

from samara.mm import VMA, AddressSpace, File, Limits, Madv, Map, Mlock, Mremap, Prot

PAGE = 4096
HUGE = 2 << 20
A = 0x1000_0000
RW = Prot.READ | Prot.WRITE
ANON = Map.PRIVATE | Map.ANONYMOUS
FILE = File("fe:00", 7, "/lib/x")
MOVE = Mremap.MAYMOVE | Mremap.FIXED


def memory(kind: str, **limits: Any) -> AddressSpace:
    """Make four pages of a kind of memory."""
    if kind == "device":
        codes = frozenset("rd wr sh mr mw me ms io pf de dd".split())
        return AddressSpace([VMA(A, A + 4 * PAGE, RW, Map.SHARED, 0, FILE, vm_flags=codes)])
    mm = AddressSpace(limits=Limits(**limits))
    if kind in ("private file", "shared file"):
        sharing = Map.PRIVATE if kind == "private file" else Map.SHARED
        mm.mmap(A, 4 * PAGE, RW, sharing | Map.FIXED, FILE, 0)
    elif kind == "shared":
        mm.mmap(A, 4 * PAGE, RW, Map.SHARED | Map.ANONYMOUS | Map.FIXED)
    else:
        prot = {"no access": Prot.NONE, "read-only": Prot.READ}.get(kind, RW)
        mm.mmap(A, 4 * PAGE, prot, ANON | Map.FIXED)
        if kind == "locked":
            mm.mlock(A, 4 * PAGE)
    return mm


def refused(mm: AddressSpace, number: int, call: str, *arguments: Any) -> None:
    before = mm.vmas()
    with pytest.raises(OSError) as caught:
        getattr(mm, call)(*arguments)
    assert errno.errorcode[caught.value.errno or 0] == errno.errorcode[number]
    assert mm.vmas() == before
    mm.check()


def flags(mm: AddressSpace, addr: int = A) -> frozenset[str]:
    vma = mm.find(addr)
    assert vma is not None
    return vma.vm_flags


@pytest.mark.parametrize(
    ("advice", "kind", "number"),
    [
        (Madv.FREE, "private file", errno.EINVAL),
        (Madv.FREE, "shared file", errno.EINVAL),
        (Madv.FREE, "locked", errno.EINVAL),
        (Madv.DONTNEED, "locked", errno.EINVAL),
        (Madv.DONTNEED, "device", errno.EINVAL),
        (Madv.DONTNEED_LOCKED, "device", errno.EINVAL),
        (Madv.COLD, "locked", errno.EINVAL),
        (Madv.PAGEOUT, "locked", errno.EINVAL),
        (Madv.REMOVE, "private", errno.EINVAL),
        (Madv.REMOVE, "private file", errno.EACCES),
        (Madv.REMOVE, "locked", errno.EINVAL),
        (Madv.DOFORK, "device", errno.EINVAL),
        (Madv.DODUMP, "device", errno.EINVAL),
        (Madv.WIPEONFORK, "shared", errno.EINVAL),
        (Madv.WIPEONFORK, "private file", errno.EINVAL),
        (Madv.POPULATE_READ, "no access", errno.EINVAL),
        (Madv.POPULATE_READ, "device", errno.EINVAL),
        (Madv.POPULATE_WRITE, "read-only", errno.EINVAL),
        (Madv.COLLAPSE, "private", errno.EINVAL),
        (Madv.GUARD_INSTALL, "locked", errno.EINVAL),
        (Madv.GUARD_REMOVE, "device", errno.EINVAL),
        (Madv.HWPOISON, "private", errno.EPERM),
        (99, "private", errno.EINVAL),
    ],
)
def test_advice_that_memory_cannot_have(advice: int, kind: str, number: int) -> None:
    refused(memory(kind), number, "madvise", A, 4 * PAGE, advice)


@pytest.mark.parametrize(
    ("advice", "kind"),
    [
        (Madv.FREE, "private"),
        (Madv.DONTNEED, "shared file"),
        (Madv.DONTNEED_LOCKED, "locked"),
        (Madv.COLD, "private file"),
        (Madv.REMOVE, "shared file"),
        (Madv.POPULATE_READ, "read-only"),
        (Madv.MERGEABLE, "shared"),
        (Madv.GUARD_REMOVE, "private"),
        (Madv.KEEPONFORK, "shared"),
    ],
)
def test_advice_about_pages_alone(advice: int, kind: str) -> None:
    mm = memory(kind)
    before = flags(mm)
    mm.madvise(A, 4 * PAGE, advice)
    assert flags(mm) == before and len(mm) == 1


def test_advice_that_stays() -> None:
    mm = memory("private")
    mm.madvise(A, PAGE, Madv.WIPEONFORK)
    assert "wf" in flags(mm) and "wf" not in flags(mm, A + PAGE)
    mm.madvise(A, PAGE, Madv.KEEPONFORK)
    assert len(mm) == 1
    mm.madvise(A + PAGE, PAGE, Madv.GUARD_INSTALL)
    assert "gu" in flags(mm) and len(mm) == 1
    mm.madvise(A + 3 * PAGE, PAGE, Madv.GUARD_INSTALL)
    assert len(mm) == 1
    mm.mmap(A + HUGE, 2 * HUGE, RW, ANON | Map.FIXED)
    mm.madvise(A + HUGE, 2 * HUGE, Madv.COLLAPSE)
    mm.check()


def test_advice_over_holes_and_ends() -> None:
    mm = memory("private")
    mm.munmap(A + PAGE, PAGE)
    with pytest.raises(OSError) as caught:
        mm.madvise(A, 4 * PAGE, Madv.DONTFORK)
    assert caught.value.errno == errno.ENOMEM
    assert "dc" in flags(mm) and "dc" in flags(mm, A + 2 * PAGE)
    # Populating stops at the hole.
    refused(mm, errno.ENOMEM, "madvise", A, 4 * PAGE, Madv.POPULATE_WRITE)
    refused(mm, errno.EINVAL, "madvise", A, 2**64 - PAGE, Madv.DONTFORK)
    refused(mm, errno.EINVAL, "madvise", A, 2**64 - 1, Madv.DONTFORK)


def test_locks() -> None:
    mm = memory("private")
    refused(mm, errno.EINVAL, "mlock", A, PAGE, 2)
    refused(mm, errno.EINVAL, "mlock", A, 2**64 - PAGE)
    refused(mm, errno.EINVAL, "mlockall", 0)
    refused(mm, errno.EINVAL, "mlockall", 8)
    refused(mm, errno.EINVAL, "mlockall", Mlock.ALL_ONFAULT)
    mm.mlock(A, 2 * PAGE, Mlock.ONFAULT)
    assert {"lo", "lf"} <= flags(mm) and "lo" not in flags(mm, A + 2 * PAGE)
    mm.mlock(A, 2 * PAGE)
    assert "lo" in flags(mm) and "lf" not in flags(mm)
    mm.munlock(A, PAGE)
    assert "lo" not in flags(mm) and "lo" in flags(mm, A + PAGE)
    mm.munlockall()
    assert len(mm) == 1 and "lo" not in flags(mm)


def test_locks_on_what_comes_later() -> None:
    mm = memory("private")
    mm.mlockall(Mlock.CURRENT | Mlock.FUTURE | Mlock.ALL_ONFAULT)
    later = mm.mmap(0, PAGE, RW, ANON)
    assert {"lo", "lf"} <= flags(mm) & flags(mm, later)
    mm.munlockall()
    assert "lo" not in flags(mm, mm.mmap(0, PAGE, RW, ANON))
    mm.mlockall(Mlock.CURRENT)
    assert all("lo" in vma.vm_flags and "lf" not in vma.vm_flags for vma in mm)


def test_memory_without_access_is_locked_but_not_brought_in() -> None:
    mm = memory("no access")
    with pytest.raises(OSError) as caught:
        mm.mlock(A, PAGE)
    assert caught.value.errno == errno.ENOMEM and "lo" in flags(mm)
    mm.mlock(A + 2 * PAGE, PAGE, Mlock.ONFAULT)
    assert {"lo", "lf"} <= flags(mm, A + 2 * PAGE)


def test_devices_are_passed_over() -> None:
    mm = memory("device")
    mm.mlock(A, 4 * PAGE)
    mm.mlockall(Mlock.CURRENT)
    assert "lo" not in flags(mm)


def test_what_is_locked_already_counts_once() -> None:
    mm = memory("private", rlimit_memlock=3 * PAGE)
    mm.mlock(A, 2 * PAGE)
    mm.mlock(A + PAGE, 2 * PAGE)
    refused(mm, errno.ENOMEM, "mlock", A, 4 * PAGE)
    refused(mm, errno.ENOMEM, "mlockall", Mlock.CURRENT)
    refused(memory("private", rlimit_memlock=0), errno.EPERM, "mlock", A, PAGE)


def test_mremap_refuses() -> None:
    mm = memory("private")
    free = A + 0x100000
    for old, old_size, new_size, how, new, number in [
        (A, PAGE, PAGE, 8, 0, errno.EINVAL),  # unknown flags
        (A, PAGE, PAGE, Mremap.FIXED, free, errno.EINVAL),  # not without MAYMOVE
        (A, PAGE, PAGE, MOVE, free + 1, errno.EINVAL),
        (A, PAGE, 2 * PAGE, Mremap.MAYMOVE | Mremap.DONTUNMAP, 0, errno.EINVAL),
        (A, 2 * PAGE, 2 * PAGE, MOVE, A + PAGE, errno.EINVAL),  # onto itself
        (A, PAGE, PAGE, MOVE, 2**47, errno.EINVAL),
        (A, 0, PAGE, Mremap.MAYMOVE, 0, errno.EINVAL),  # a copy, of private memory
        (A + 8 * PAGE, PAGE, PAGE, 0, 0, errno.EFAULT),
        (A, 5 * PAGE, 6 * PAGE, Mremap.MAYMOVE, 0, errno.EFAULT),
        (A, 5 * PAGE, 6 * PAGE, MOVE, free, errno.EFAULT),
        (A, PAGE, 2 * PAGE, 0, 0, errno.ENOMEM),  # no room where it is
    ]:
        refused(mm, number, "mremap", old, old_size, new_size, how, new)
    device = memory("device")
    refused(device, errno.EFAULT, "mremap", A, 4 * PAGE, 5 * PAGE, Mremap.MAYMOVE)
    how = Mremap.MAYMOVE | Mremap.DONTUNMAP
    refused(device, errno.EINVAL, "mremap", A, 4 * PAGE, 4 * PAGE, how)
    locked = memory("locked", rlimit_memlock=4 * PAGE)
    refused(locked, errno.EAGAIN, "mremap", A, 4 * PAGE, 5 * PAGE, Mremap.MAYMOVE)
    small = memory("private", rlimit_as=5 * PAGE)
    refused(small, errno.ENOMEM, "mremap", A, 4 * PAGE, 6 * PAGE, Mremap.MAYMOVE)


def test_mremap_moves() -> None:
    mm = memory("private")
    free = A + 0x100000
    mm.mmap(A + 4 * PAGE, PAGE, Prot.READ, ANON | Map.FIXED)
    # Move several at once, with holes, and shrink at the same time.
    assert mm.mremap(A, 6 * PAGE, 6 * PAGE, MOVE, free) == free
    assert [(vma.start, vma.end, vma.perms) for vma in mm] == [
        (free, free + 4 * PAGE, "rw-p"),
        (free + 4 * PAGE, free + 5 * PAGE, "r--p"),
    ]
    assert mm.mremap(free, 4 * PAGE, 2 * PAGE, MOVE, A) == A
    assert [(vma.start, vma.size) for vma in mm] == [(A, 2 * PAGE), (free + 4 * PAGE, PAGE)]
    # The old mapping stays, empty and without its locks.
    mm.mlock(A, 2 * PAGE)
    left = Mremap.MAYMOVE | Mremap.DONTUNMAP
    to = mm.mremap(A, 2 * PAGE, 2 * PAGE, left)
    assert "lo" in flags(mm, to) and "lo" not in flags(mm, A)
    # It grows in place, with its lock; or elsewhere.
    assert mm.mremap(A, 2 * PAGE, 3 * PAGE, Mremap.MAYMOVE) == A
    assert mm.mremap(A, 3 * PAGE, 1 * PAGE) == A
    mm.mmap(A + PAGE, PAGE, Prot.NONE, ANON | Map.FIXED)
    away = mm.mremap(A, PAGE, 3 * PAGE, Mremap.MAYMOVE)
    assert away != A and mm.find(A) is None
    mm.check()


def test_a_second_mapping_of_shared_memory() -> None:
    mm = memory("shared file")
    again = mm.mremap(A + PAGE, 0, 2 * PAGE, Mremap.MAYMOVE)
    vma = mm.find(again)
    assert vma is not None and (vma.size, vma.offset, vma.file) == (2 * PAGE, PAGE, FILE)
    assert flags(mm) == vma.vm_flags


def test_mprotect_refuses() -> None:
    mm = memory("private")
    both = Prot.GROWSDOWN | Prot.GROWSUP
    refused(mm, errno.EINVAL, "mprotect", A, PAGE, Prot.READ | both)
    refused(mm, errno.EINVAL, "mprotect", A, PAGE, Prot.READ | Prot.GROWSDOWN)
    refused(mm, errno.EINVAL, "mprotect", A, PAGE, Prot.READ | Prot.GROWSUP)
    refused(mm, errno.EINVAL, "mprotect", A, PAGE, 1 << 20)
    refused(mm, errno.ENOMEM, "mprotect", A + 8 * PAGE, PAGE, Prot.READ)
    refused(mm, errno.ENOMEM, "mprotect", A - 4 * PAGE, PAGE, Prot.READ | Prot.GROWSDOWN)
    refused(mm, errno.ENOMEM, "mprotect", A, 2**64 - PAGE, Prot.READ)


def test_mprotect_of_a_stack_down_to_its_end() -> None:
    mm = AddressSpace()
    mm.mmap(A, 4 * PAGE, RW, ANON | Map.FIXED | Map.GROWSDOWN)
    mm.mprotect(A + 2 * PAGE, PAGE, Prot.READ | Prot.GROWSDOWN)
    assert [(vma.start - A, vma.perms) for vma in mm] == [(0, "r--p"), (3 * PAGE, "rw-p")]
