# SPDX-License-Identifier: MIT
"""Memory that is unlike other memory: execute-only memory and protection keys, memory of
memfd_secret(2), buffers of perf events, /dev/zero. The tests expect what Linux 6.18 was seen to do;
with protection keys, Linux 7.1. `tests/kernel/oracle.py` makes such calls on the running kernel."""

import copy
import errno
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from samara.mm import (
    FORK_METHODS,
    VMA,
    AddressSpace,
    File,
    ForkMethod,
    Limits,
    Madv,
    Map,
    Mlock,
    Mremap,
    Pkey,
    Prot,
)

PAGE = 4096
A = 0x1000_0000
FAR = A + 16 * PAGE
RW = Prot.READ | Prot.WRITE
FIXED = Map.PRIVATE | Map.ANONYMOUS | Map.FIXED
PRIVATE_FILE, SHARED_FILE = Map.PRIVATE | Map.FIXED, Map.SHARED | Map.FIXED
MOVE = Mremap.MAYMOVE | Mremap.FIXED
SECRET = File("00:0e", 7, "/secretmem (deleted)")
PERF = File("00:10", 8, "anon_inode:[perf_event]")
ZERO = File("00:06", 4, "/dev/zero")


def fails(number: int, call: Callable[..., Any], *args: Any) -> None:
    with pytest.raises(OSError) as caught:
        call(*args)
    assert errno.errorcode[caught.value.errno or 0] == errno.errorcode[number]


def shown(mm: AddressSpace) -> list[tuple[int, int, str, int]]:
    """Return the VMAs: pages from A, permissions, and key."""
    mm.check()
    return [((vma.start - A) // PAGE, (vma.end - A) // PAGE, vma.perms, vma.pkey) for vma in mm]


def codes(mm: AddressSpace, addr: int = A) -> frozenset[str]:
    vma = mm.find(addr)
    assert vma is not None
    return vma.vm_flags


def with_keys(pages: int = 4, prot: int = RW) -> AddressSpace:
    mm = AddressSpace(limits=Limits(pkeys=True))
    mm.mmap(A, pages * PAGE, prot, FIXED)
    return mm


# ---- protection keys -----------------------------------------------------------------------------


def test_mlock_of_execute_only_memory_locks_it_and_fails() -> None:
    mm = with_keys(2, Prot.EXEC)
    assert shown(mm) == [(0, 2, "--xp", 1)]
    fails(errno.ENOMEM, mm.mlock, A, PAGE)
    assert "lo" in codes(mm) and "lo" not in codes(mm, A + PAGE)
    mm.mlock(A + PAGE, PAGE, Mlock.ONFAULT)  # faults nothing in
    fails(errno.EINVAL, mm.madvise, A, PAGE, Madv.POPULATE_READ)
    without = AddressSpace()
    without.mmap(A, PAGE, Prot.EXEC, FIXED)
    without.mlock(A, PAGE)
    assert shown(without) == [(0, 1, "--xp", 0)]


def test_execute_only_memory_has_a_key_that_no_call_can_use() -> None:
    mm = with_keys()
    mm.mprotect(A, PAGE, Prot.EXEC)
    fails(errno.EINVAL, mm.pkey_mprotect, A, PAGE, RW, 1)
    fails(errno.EINVAL, mm.pkey_free, 1)
    assert mm.pkey_alloc() == 2
    mm.mprotect(A + PAGE, PAGE, Prot.EXEC | Prot.SEM)  # not execute-only to the kernel
    assert shown(mm) == [(0, 1, "--xp", 1), (1, 2, "--xp", 0), (2, 4, "rw-p", 0)]
    mm.mprotect(A, PAGE, RW)  # gives up the key
    mm.mprotect(A + PAGE, PAGE, RW)
    assert shown(mm) == [(0, 4, "rw-p", 0)]


def test_pkey_mprotect_sets_a_key_that_mprotect_keeps() -> None:
    mm = with_keys()
    assert [mm.pkey_alloc(), mm.pkey_alloc()] == [1, 2]
    mm.pkey_mprotect(A + PAGE, PAGE, RW, 2)
    assert shown(mm) == [(0, 1, "rw-p", 0), (1, 2, "rw-p", 2), (2, 4, "rw-p", 0)]
    mm.mprotect(A, 4 * PAGE, Prot.READ)
    mm.pkey_mprotect(A, PAGE, Prot.READ, -1)
    assert [vma.pkey for vma in mm] == [0, 2, 0]
    mm.mremap(A + PAGE, PAGE, PAGE, MOVE, FAR)
    mm.pkey_mprotect(FAR, PAGE, Prot.READ, 0)
    mm.mremap(FAR, PAGE, PAGE, MOVE, A + PAGE)
    assert [vma.pkey for vma in mm] == [0]


@pytest.mark.parametrize("pkeys", [True, False])
def test_pkey_mprotect_refuses_keys_that_are_not_allocated(pkeys: bool) -> None:
    mm = AddressSpace(limits=Limits(pkeys=pkeys))
    mm.mmap(A, 2 * PAGE, RW, FIXED)
    before = mm.vmas()
    for key in (3, 15, 16, 2**32 - 2, 2**64 - 2, *(() if pkeys else (0,))):
        fails(errno.EINVAL, mm.pkey_mprotect, A, PAGE, Prot.READ, key)
    fails(errno.EINVAL, mm.pkey_mprotect, A + 1, PAGE, Prot.READ, 0)
    mm.pkey_mprotect(A, 0, Prot.READ, 3)  # length 0 is checked first
    assert mm.vmas() == before
    mm.pkey_mprotect(A, PAGE, Prot.READ, 2**32 - 1)  # -1 as an int
    assert [vma.perms for vma in mm] == ["r--p", "rw-p"]


def test_pkey_alloc_takes_the_lowest_key() -> None:
    mm = with_keys()
    fails(errno.EINVAL, mm.pkey_alloc, 1, 0)
    fails(errno.EINVAL, mm.pkey_alloc, 0, 4)
    assert [mm.pkey_alloc() for _ in range(15)] == list(range(1, 16))
    fails(errno.ENOSPC, mm.pkey_alloc)
    mm.mmap(FAR, PAGE, Prot.EXEC, FIXED)  # no key is left for it
    assert mm.vmas()[-1].pkey == 0
    mm.pkey_free(7)
    mm.pkey_free(3)
    for key in (3, 16, 2**64 - 1):
        fails(errno.EINVAL, mm.pkey_free, key)
    assert [mm.pkey_alloc(), mm.pkey_alloc()] == [3, 7]
    mm.pkey_free(0)
    assert mm.pkey_alloc() == 0


def test_pkey_alloc_without_keys() -> None:
    mm = AddressSpace()
    assert [_error(mm.pkey_alloc) for _ in range(3)] == ["EINVAL", "ENOSPC", "ENOSPC"]
    fails(errno.EINVAL, mm.pkey_free, 0)
    assert [_error(mm.fork().pkey_alloc)] == ["ENOSPC"]


def _error(call: Callable[..., Any]) -> str:
    with pytest.raises(OSError) as caught:
        call()
    return errno.errorcode[caught.value.errno or 0]


def test_memory_that_its_key_forbids_is_not_faulted_in() -> None:
    mm = with_keys()
    mm.pkey_mprotect(A, PAGE, RW, mm.pkey_alloc(0, Pkey.DISABLE_ACCESS))
    mm.pkey_mprotect(A + PAGE, PAGE, RW, mm.pkey_alloc(0, Pkey.DISABLE_WRITE))
    for page in range(2):
        fails(errno.ENOMEM, mm.mlock, A + page * PAGE, PAGE)
        fails(errno.EINVAL, mm.madvise, A + page * PAGE, PAGE, Madv.POPULATE_WRITE)
    fails(errno.EINVAL, mm.madvise, A, PAGE, Madv.POPULATE_READ)
    mm.madvise(A + PAGE, PAGE, Madv.POPULATE_READ)
    mm.munlockall()
    mm.touch(A, 4 * PAGE)
    mm.mprotect(A, 4 * PAGE, Prot.READ)
    assert ["ac" in vma.vm_flags for vma in mm] == [False, False, True]  # where it was written


def test_a_key_forbids_sealed_memory_to_be_dropped() -> None:
    mm = with_keys()
    mm.pkey_mprotect(A, PAGE, RW, mm.pkey_alloc(0, Pkey.DISABLE_WRITE))
    mm.mseal(A, 4 * PAGE)
    fails(errno.EPERM, mm.madvise, A, PAGE, Madv.DONTNEED)
    mm.madvise(A + PAGE, PAGE, Madv.DONTNEED)


@pytest.mark.parametrize("method", FORK_METHODS)
def test_children_have_the_keys_of_their_parent(method: ForkMethod) -> None:
    mm = with_keys()
    mm.mmap(FAR, PAGE, Prot.EXEC, FIXED)
    mm.pkey_mprotect(A, PAGE, RW, mm.pkey_alloc())
    for child in (mm.fork(method), pickle.loads(pickle.dumps(mm)), copy.deepcopy(mm)):
        assert child == mm
        assert child.pkey_alloc() == 3
        child.mprotect(A + PAGE, PAGE, Prot.EXEC)
        assert [vma.pkey for vma in child] == [2, 1, 0, 1]
    mm.exec()
    assert mm.pkey_alloc() == 1


SMAPS = """\
10000000-10001000 rw-p 00000000 00:00 0 \n\
Size:                  4 kB
ProtectionKey:         0
VmFlags: rd wr mr mw me ac \n\
10001000-10002000 rw-p 00000000 00:00 0 \n\
ProtectionKey:         5
VmFlags: rd wr mr mw me ac \n\
10002000-10003000 --xp 00000000 00:00 0 \n\
ProtectionKey:         1
VmFlags: ex mr mw me \n\
"""


def test_protection_keys_of_smaps_keep_vmas_apart() -> None:
    mm = AddressSpace.from_maps(SMAPS)
    assert [vma.pkey for vma in mm] == [0, 5, 1]
    assert mm.limits.pkeys
    mm.madvise(A, 2 * PAGE, Madv.DONTFORK)
    mm.madvise(A, 2 * PAGE, Madv.DOFORK)
    assert [vma.pkey for vma in mm] == [0, 5, 1]
    assert mm.pkey_alloc() == 2  # 1 is known to be that of execute-only memory
    mm.pkey_mprotect(A + PAGE, PAGE, RW, 0)
    assert shown(mm) == [(0, 2, "rw-p", 0), (2, 3, "--xp", 1)]
    mm.mprotect(A + 2 * PAGE, PAGE, RW)
    assert shown(mm) == [(0, 3, "rw-p", 0)]


def test_protection_keys_of_smaps_leave_given_limits_alone() -> None:
    mm = AddressSpace.from_maps(SMAPS, limits=Limits(max_map_count=9))
    assert mm.limits == Limits(max_map_count=9)
    assert [vma.pkey for vma in mm] == [0, 5, 1]


def test_maps_does_not_show_protection_keys() -> None:
    mm = AddressSpace.from_maps(SMAPS)
    lines = [line for line in SMAPS.splitlines(keepends=True) if "-" in line]
    assert mm.maps() == "".join(lines)
    assert not AddressSpace.from_maps("".join(lines)).limits.pkeys


@pytest.mark.parametrize("text", ["16", "-1", "x", ""])
def test_a_bad_protection_key_in_smaps(text: str) -> None:
    with pytest.raises(ValueError, match=r"line 2 has an invalid protection key: 'ProtectionKey: "):
        AddressSpace.from_maps(f"1000-2000 rw-p 00000000 00:00 0\nProtectionKey: {text}\n")


def test_the_key_of_a_vma_is_checked() -> None:
    with pytest.raises(ValueError, match=r"pkey 16 is outside 0 \.\.\. 15"):
        VMA(A, A + PAGE, pkey=16)
    with pytest.raises(TypeError):
        VMA(A, A + PAGE, pkey="1")  # type: ignore[arg-type]
    assert VMA(A, A + PAGE, pkey=3) != VMA(A, A + PAGE)


# ---- memfd_secret --------------------------------------------------------------------------------


def secret() -> AddressSpace:
    mm = AddressSpace()
    mm.mmap(A, 4 * PAGE, RW, SHARED_FILE, SECRET)
    return mm


def test_secret_memory_stays_locked() -> None:
    mm = secret()
    assert codes(mm) == frozenset("rd wr sh mr mw ms lo dd".split())
    mm.munlock(A, PAGE)
    fails(errno.ENOMEM, mm.mlock, A, PAGE)
    fails(errno.ENOMEM, mm.mlock, A, PAGE, Mlock.ONFAULT)
    mm.mlockall(Mlock.CURRENT)
    mm.munlockall()
    assert shown(mm) == [(0, 4, "rw-s", 0)] and codes(mm) == frozenset(
        "rd wr sh mr mw ms lo dd".split()
    )
    fails(errno.EINVAL, mm.madvise, A, PAGE, Madv.POPULATE_READ)


@pytest.mark.parametrize("method", FORK_METHODS)
def test_secret_memory_of_a_child_cannot_be_locked(method: ForkMethod) -> None:
    child = secret().fork(method)
    assert "lo" not in codes(child)
    fails(errno.ENOMEM, child.mlock, A, PAGE)
    fails(errno.ENOMEM, child.mlock, A, PAGE, Mlock.ONFAULT)
    child.mlockall(Mlock.CURRENT)
    assert "lo" not in codes(child) and len(child) == 1
    fails(errno.EOPNOTSUPP, child.madvise, A, PAGE, Madv.REMOVE)


def test_secret_memory_is_shared_and_not_executable() -> None:
    mm = AddressSpace(limits=Limits(rlimit_memlock=2 * PAGE))
    fails(errno.EINVAL, mm.mmap, A, PAGE, RW, PRIVATE_FILE, SECRET)
    fails(errno.EPERM, mm.mmap, A, PAGE, RW | Prot.EXEC, SHARED_FILE, SECRET)
    fails(errno.EAGAIN, mm.mmap, A, 3 * PAGE, RW, SHARED_FILE, SECRET)
    assert not mm.vmas()
    mm.mmap(A, 2 * PAGE, RW, SHARED_FILE, SECRET)
    fails(errno.EACCES, mm.mprotect, A, PAGE, Prot.EXEC)
    fails(errno.EAGAIN, mm.mremap, A, 2 * PAGE, 3 * PAGE, Mremap.MAYMOVE)


# ---- perf events ---------------------------------------------------------------------------------


def perf() -> AddressSpace:
    mm = AddressSpace()
    mm.mmap(A, 5 * PAGE, RW, SHARED_FILE, PERF)
    return mm


def test_a_part_of_a_perf_event_cannot_be_unmapped_or_protected() -> None:
    mm = perf()
    assert codes(mm) == frozenset("rd wr sh mr mw ms pf io dc de dd".split())
    before = mm.vmas()
    for start, pages in ((0, 1), (1, 1), (4, 1), (4, 2), (-1, 2)):
        fails(errno.EINVAL, mm.munmap, A + start * PAGE, pages * PAGE)
    for page in (0, 1, 4):
        fails(errno.EINVAL, mm.mprotect, A + page * PAGE, PAGE, Prot.READ)
        fails(errno.EINVAL, mm.mseal, A + page * PAGE, PAGE)
    fails(errno.EINVAL, mm.mmap, A + PAGE, PAGE, RW, FIXED)
    fails(errno.EINVAL, mm.mremap, A, PAGE, PAGE, MOVE, FAR)
    fails(errno.EINVAL, mm.madvise, A, PAGE, Madv.RANDOM)
    fails(errno.ENODEV, mm.madvise, A, PAGE, Madv.REMOVE)
    mm.mprotect(A, PAGE, RW)  # changes nothing
    mm.mlock(A, PAGE)
    assert mm.vmas() == before
    mm.mprotect(A, 5 * PAGE, Prot.READ)
    mm.mremap(A, 5 * PAGE, 5 * PAGE, MOVE, FAR)
    assert shown(mm) == [(16, 21, "r--s", 0)]
    assert not mm.fork().vmas()
    mm.munmap(FAR - PAGE, 7 * PAGE)
    assert not mm.vmas()


def test_a_part_of_a_perf_event_from_smaps_cannot_be_cut() -> None:
    line = f"{A:08x}-{A + 5 * PAGE:08x} rw-s 00000000 00:10 1038".ljust(72)
    text = f"{line} anon_inode:[perf_event]\nVmFlags: rd wr sh mr mw ms pf io dc de dd\n"
    mm = AddressSpace.from_maps(text)
    fails(errno.EINVAL, mm.munmap, A + PAGE, PAGE)
    assert len(mm) == 1


def test_the_size_of_a_perf_event() -> None:
    mm = AddressSpace()
    for pages, offset in ((4, 0), (5, PAGE), (6, 0), (7, 0)):
        fails(errno.EINVAL, mm.mmap, A, pages * PAGE, RW, SHARED_FILE, PERF, offset)
    fails(errno.EINVAL, mm.mmap, A, 5 * PAGE, RW, PRIVATE_FILE, PERF)
    fails(errno.EPERM, mm.mmap, A, 5 * PAGE, Prot.EXEC, SHARED_FILE, PERF)
    for pages in (1, 2, 3, 5, 9):
        mm.mmap(A, pages * PAGE, Prot.READ, SHARED_FILE, PERF)
        mm.munmap(A, pages * PAGE)


# ---- /dev/zero -----------------------------------------------------------------------------------


def test_private_dev_zero_takes_madv_free() -> None:
    mm = AddressSpace()
    mm.mmap(A, 4 * PAGE, RW, PRIVATE_FILE, ZERO, 2 * PAGE)
    mm.madvise(A, PAGE, Madv.FREE)
    fails(errno.EINVAL, mm.madvise, A, PAGE, Madv.WIPEONFORK)
    fails(errno.EACCES, mm.madvise, A, PAGE, Madv.REMOVE)
    on_disk = AddressSpace()
    on_disk.mmap(A, PAGE, RW, PRIVATE_FILE, File("fe:00", 4, "/dev/zero"))
    fails(errno.EINVAL, on_disk.madvise, A, PAGE, Madv.FREE)


def test_private_dev_zero_loses_its_accounting_when_it_becomes_read_only() -> None:
    mm = AddressSpace()
    mm.mmap(A, 4 * PAGE, RW, PRIVATE_FILE, ZERO, 2 * PAGE)
    mm.touch(A + 3 * PAGE)
    mm.mprotect(A + PAGE, PAGE, Prot.READ)
    assert "ac" in codes(mm, A + PAGE)  # the VMA was written
    mm.munmap(A, 4 * PAGE)
    mm.mmap(A, 4 * PAGE, RW, PRIVATE_FILE, ZERO, 2 * PAGE)
    mm.mprotect(A + PAGE, PAGE, Prot.READ)
    assert codes(mm, A + PAGE) == frozenset("rd mr mw me".split())
    assert [vma.offset // PAGE for vma in mm] == [2, 3, 4]


def test_moved_private_dev_zero_counts_its_offset_from_address_0() -> None:
    mm = AddressSpace()
    mm.mmap(A, 2 * PAGE, RW, PRIVATE_FILE, ZERO, 2 * PAGE)
    mm.mremap(A, PAGE, PAGE, MOVE, FAR)
    assert [vma.offset for vma in mm] == [3 * PAGE, FAR]
    mm.touch(A + PAGE)
    mm.mremap(A + PAGE, PAGE, PAGE, MOVE, FAR + 8 * PAGE)
    assert [vma.offset for vma in mm] == [FAR, 3 * PAGE]
    fails(errno.EFAULT, mm.mremap, FAR, 9 * PAGE, 9 * PAGE, MOVE, A)  # not several at once


def test_guards_in_private_dev_zero_count_as_written() -> None:
    mm = AddressSpace()
    mm.mmap(A, PAGE, RW, PRIVATE_FILE, ZERO)
    mm.madvise(A, PAGE, Madv.GUARD_INSTALL)
    mm.mprotect(A, PAGE, Prot.READ)
    assert codes(mm) == frozenset("rd mr mw me gu ac".split())


def test_shared_dev_zero_is_new_shared_memory() -> None:
    mm = AddressSpace()
    mm.mmap(A, PAGE, RW, SHARED_FILE, ZERO, 2 * PAGE)
    mm.mmap(A + PAGE, PAGE, RW, SHARED_FILE, ZERO, 3 * PAGE)
    one, other = mm.vmas()
    assert one.label == other.label == "/dev/zero (deleted)" and one.file != other.file
    assert [one.offset, other.offset] == [2 * PAGE, 3 * PAGE]
