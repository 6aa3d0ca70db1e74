# SPDX-License-Identifier: MIT
"""Edge cases of the memory calls, with the errno that Linux 6.18 was seen to return;
`make test-kernel` compares the model with the running kernel."""

import errno
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from samara.mm import VMA, AddressSpace, File, Limits, Madv, Map, Mlock, Mremap, Prot, synthetic

PAGE = 4096
A = 0x1000_0000
RW = Prot.READ | Prot.WRITE
ANON = Map.PRIVATE | Map.ANONYMOUS
FIXED = ANON | Map.FIXED
TASK_SIZE = Limits().task_size
FILE = File("fe:00", 7, "/lib/x")


def fails(number: int, call: Callable[..., Any], *args: Any, **keywords: Any) -> None:
    with pytest.raises(OSError) as caught:
        call(*args, **keywords)
    assert errno.errorcode[caught.value.errno or 0] == errno.errorcode[number]


def space(pages: int = 4, **limits: Any) -> AddressSpace:
    mm = AddressSpace(limits=Limits(**limits))
    mm.mmap(A, pages * PAGE, RW, FIXED)
    return mm


def ranges(mm: AddressSpace) -> list[tuple[int, int, str]]:
    return [((vma.start - A) // PAGE, (vma.end - A) // PAGE, vma.perms) for vma in mm]


def test_mprotect_stops_at_a_hole_with_what_lies_before_it_changed() -> None:
    mm = space()
    mm.munmap(A + 2 * PAGE, PAGE)
    fails(errno.ENOMEM, mm.mprotect, A, 4 * PAGE, Prot.READ)
    assert ranges(mm) == [(0, 2, "r--p"), (3, 4, "rw-p")]
    fails(errno.ENOMEM, mm.mprotect, A + 2 * PAGE, 2 * PAGE, Prot.NONE)
    assert ranges(mm) == [(0, 2, "r--p"), (3, 4, "rw-p")]
    mm.check()


def test_the_top_page_of_user_space() -> None:
    mm = AddressSpace()
    assert mm.mmap(TASK_SIZE - PAGE, PAGE, RW, FIXED) == TASK_SIZE - PAGE
    fails(errno.ENOMEM, mm.mmap, TASK_SIZE, PAGE, RW, FIXED)
    fails(errno.ENOMEM, mm.mmap, TASK_SIZE - PAGE, 2 * PAGE, RW, FIXED)
    fails(errno.EINVAL, mm.munmap, TASK_SIZE - PAGE, 2 * PAGE)
    fails(errno.EINVAL, mm.munmap, TASK_SIZE, PAGE)
    fails(errno.ENOMEM, mm.mprotect, TASK_SIZE - PAGE, 2 * PAGE, Prot.READ)
    assert [vma.perms for vma in mm] == ["r--p"]
    mm.munmap(TASK_SIZE - PAGE, PAGE)
    assert len(mm) == 0 and mm.ledger.open == 0


@pytest.mark.parametrize("length", [2**64 - 1, 2**64 - PAGE + 1, 2**64 - 5000, 2**63, 2**47])
def test_lengths_that_overflow(length: int) -> None:
    mm = space()
    before = mm.vmas()
    fails(errno.ENOMEM, mm.mmap, 0, length, RW, ANON)
    fails(errno.ENOMEM, mm.mmap, A, length, RW, FIXED)
    fails(errno.EINVAL, mm.munmap, A, length)
    fails(errno.EINVAL, mm.mremap, A, PAGE, length, Mremap.MAYMOVE)
    assert mm.vmas() == before
    fails(errno.ENOMEM, mm.mprotect, A + PAGE, length, RW)
    mm.check()


@pytest.mark.parametrize("size", [2**64 - PAGE, 2**63, 2**47])
def test_mremap_of_more_than_user_space(size: int) -> None:
    """Once this raised a ValueError from the tree."""
    mm = space()
    before = mm.vmas()
    fails(errno.EINVAL, mm.mremap, A, size, PAGE, Mremap.MAYMOVE)
    assert mm.vmas() == before
    mm.check()


def test_misaligned_addresses_and_offsets() -> None:
    mm = space()
    before = mm.vmas()
    fails(errno.EINVAL, mm.mmap, A + 1, PAGE, RW, FIXED)
    fails(errno.EINVAL, mm.mmap, 0, PAGE, Prot.READ, Map.PRIVATE, FILE, 1)
    fails(errno.EINVAL, mm.munmap, A + 1, PAGE)
    fails(errno.EINVAL, mm.mprotect, A + 1, PAGE, RW)
    fails(errno.EINVAL, mm.mremap, A + 1, PAGE, PAGE)
    fails(errno.EINVAL, mm.mremap, A, PAGE, PAGE, 3, A + 0x100001)
    fails(errno.EINVAL, mm.madvise, A + 1, PAGE, Madv.NORMAL)
    assert mm.vmas() == before
    assert mm.mmap(A + 0x10001, 1, RW, ANON) == A + 0x10000  # a hint is rounded down
    mm.mlock(A + 1, 1)  # and so are locked ranges
    assert "lo" in mm.find(A).vm_flags  # type: ignore[union-attr]


def test_nothing_of_no_length() -> None:
    mm = space()
    fails(errno.EINVAL, mm.mmap, 0, 0, RW, ANON)
    fails(errno.EINVAL, mm.munmap, A, 0)
    fails(errno.EINVAL, mm.mremap, A, PAGE, 0)
    mm.mprotect(A, 0, 99)
    mm.madvise(A, 0, Madv.DONTFORK)
    mm.mlock(A, 0)
    assert ranges(mm) == [(0, 4, "rw-p")]


def full(spare: int) -> AddressSpace:
    """Make as many VMAs as allowed, less a few, and one of four pages to cut."""
    limit = Limits().max_map_count
    mm = AddressSpace(synthetic(limit - spare - 1))
    mm.mmap(A, 4 * PAGE, RW, FIXED)
    assert len(mm) == limit - spare
    return mm


def test_the_65531st_vma() -> None:
    mm = full(0)
    # Linux lets only mmap exceed the limit, by one.
    start = mm.mmap(0, PAGE, Prot.READ, ANON)
    assert len(mm) == 65531
    fails(errno.ENOMEM, mm.mmap, 0, PAGE, Prot.EXEC, ANON)
    fails(errno.ENOMEM, mm.mmap, start, PAGE, Prot.EXEC, FIXED)
    mm.munmap(start, PAGE)
    before = mm.vmas()
    fails(errno.ENOMEM, mm.munmap, A + PAGE, PAGE)
    fails(errno.ENOMEM, mm.mprotect, A + PAGE, PAGE, Prot.READ)
    fails(errno.ENOMEM, mm.mprotect, A, PAGE, Prot.READ)
    fails(errno.EAGAIN, mm.madvise, A, PAGE, Madv.DONTFORK)
    fails(errno.ENOMEM, mm.mlock, A, PAGE)
    fails(errno.ENOMEM, mm.mremap, A, PAGE, PAGE, 3, A + 0x100000)
    assert mm.vmas() == before
    mm.munmap(A + 3 * PAGE, PAGE)  # an end can be unmapped
    mm.mprotect(A, 3 * PAGE, Prot.READ)  # and a whole VMA can change
    mm.check()
    assert mm.ledger.open == len(mm)


def test_a_change_in_the_middle_with_one_vma_to_spare_leaves_its_first_cut() -> None:
    mm = full(1)
    fails(errno.ENOMEM, mm.mprotect, A + PAGE, PAGE, Prot.READ)
    assert ranges(mm)[:2] == [(0, 1, "rw-p"), (1, 4, "rw-p")]
    mm.check()


def test_a_part_that_joins_its_neighbour_needs_no_room() -> None:
    mm = full(0)
    mm.munmap(A + 3 * PAGE, PAGE)
    mm.mmap(A + 3 * PAGE, PAGE, Prot.READ, FIXED)
    mm.mprotect(A + 2 * PAGE, PAGE, Prot.READ)
    assert ranges(mm)[:2] == [(0, 2, "rw-p"), (2, 4, "r--p")]


def test_limits_of_size() -> None:
    mm = space(rlimit_as=6 * PAGE)
    fails(errno.ENOMEM, mm.mmap, 0, 3 * PAGE, RW, ANON)
    mm.mmap(A + 2 * PAGE, 4 * PAGE, RW, FIXED)  # two of its pages replace others
    assert mm.size == 6 * PAGE
    fails(errno.ENOMEM, mm.mremap, A, 6 * PAGE, 7 * PAGE)
    mm = space(rlimit_data=4 * PAGE)
    fails(errno.ENOMEM, mm.mmap, 0, PAGE, RW, ANON)
    start = mm.mmap(0, PAGE, Prot.READ, ANON)
    fails(errno.ENOMEM, mm.mprotect, start, PAGE, RW)
    mm = space(total_memory=1 << 20)
    fails(errno.ENOMEM, mm.mmap, 0, 2 << 20, RW, ANON)
    mm.mmap(0, 2 << 20, RW, ANON | Map.NORESERVE)


def test_limits_of_locks() -> None:
    mm = space(rlimit_memlock=2 * PAGE)
    mm.mlock(A, 2 * PAGE, Mlock.ONFAULT)
    mm.mlock(A, 2 * PAGE)  # they are locked already
    fails(errno.ENOMEM, mm.mlock, A + 2 * PAGE, PAGE)
    fails(errno.EAGAIN, mm.mmap, 0, PAGE, RW, ANON | Map.LOCKED)
    fails(errno.EAGAIN, mm.mremap, A, 2 * PAGE, 3 * PAGE, Mremap.MAYMOVE)
    fails(errno.ENOMEM, mm.mlockall, Mlock.CURRENT)
    mm.munlockall()
    mm = space(rlimit_memlock=0)
    fails(errno.EPERM, mm.mlock, A, PAGE)
    fails(errno.EPERM, mm.mmap, 0, PAGE, RW, ANON | Map.LOCKED)
    fails(errno.EPERM, mm.mlockall, Mlock.CURRENT)


def test_low_addresses() -> None:
    mm = AddressSpace()
    fails(errno.EPERM, mm.mmap, 0, PAGE, RW, FIXED)
    assert mm.mmap(PAGE, PAGE, RW, ANON) == Limits().mmap_min_addr
    assert AddressSpace(limits=Limits(privileged=True)).mmap(0, PAGE, RW, FIXED) == 0


def test_guard_gap_below_a_stack() -> None:
    mm = AddressSpace()
    stack = mm.mmap(0, 4 * PAGE, RW, ANON | Map.GROWSDOWN)
    below = mm.mmap(0, PAGE, RW, ANON)
    assert below == stack - 257 * PAGE
    assert mm.mmap(stack - PAGE, PAGE, RW, ANON) < below  # a hint within the gap is not taken
    fails(errno.ENOMEM, mm.expand_stack, stack - 1)
    fails(errno.EFAULT, mm.expand_stack, below - 100 * PAGE)
    mm.munmap(below, PAGE)
    assert mm.expand_stack(stack - 1).start == stack - PAGE
    assert mm.expand_stack(stack).size == 5 * PAGE
    mm.check()


def test_stack_limit() -> None:
    mm = AddressSpace(limits=Limits(rlimit_stack=16 * PAGE))
    stack = mm.mmap(0, 4 * PAGE, RW, ANON | Map.GROWSDOWN)
    mm.expand_stack(stack - 12 * PAGE)
    fails(errno.ENOMEM, mm.expand_stack, stack - 13 * PAGE)


def test_huge_pages_are_refused() -> None:
    mm = AddressSpace()
    fails(errno.ENOMEM, mm.mmap, 0, 2 << 20, RW, ANON | Map.HUGETLB)
    fails(errno.EINVAL, mm.mmap, 0, 2 << 20, RW, ANON | Map.HUGETLB | 12 << 26)
    fails(errno.EINVAL, mm.mmap, 0, 2 << 20, RW, Map.PRIVATE | Map.HUGETLB, FILE)
    fails(errno.EINVAL, mm.mmap, A + PAGE, 2 << 20, RW, FIXED | Map.HUGETLB)
    # A length that wraps when it is rounded up to huge pages is invalid.
    fails(errno.EINVAL, mm.mmap, 0, 2**64 - PAGE, RW, ANON | Map.HUGETLB)


def test_places() -> None:
    mm = AddressSpace()
    base = Limits().mmap_base
    assert mm.mmap(0, PAGE, RW, ANON) == base - PAGE
    assert mm.mmap(0, 2 << 20, RW, ANON) % (2 << 20) == 0
    assert mm.mmap(0, PAGE, RW, ANON) == base - 2 * PAGE
    assert mm.mmap(0, PAGE, RW, ANON | Map.BIT32) == 0x4000_0000
    assert mm.mmap(0x4000_0000, PAGE, RW, ANON) not in (0x4000_0000, 0)  # occupied: hint ignored
    fails(errno.EEXIST, mm.mmap, base - PAGE, PAGE, RW, ANON | Map.FIXED_NOREPLACE)
    with_file = mm.mmap(0, (4 << 20) + PAGE, Prot.READ, Map.PRIVATE, FILE, 5 * PAGE)
    assert with_file % (2 << 20) == 5 * PAGE  # huge pages of the file would fit
    mm.check()


def test_shared_memory_without_a_file_has_an_inode_of_its_own() -> None:
    mm = AddressSpace()
    one = mm.mmap(0, PAGE, RW, Map.SHARED | Map.ANONYMOUS)
    two = mm.fork().mmap(0, PAGE, RW, Map.SHARED | Map.ANONYMOUS)
    first = mm.find(one)
    assert first is not None and first.file == File("00:01", 1, "/dev/zero (deleted)")
    assert two == one - PAGE
    copy = mm.mremap(one, 0, PAGE, Mremap.MAYMOVE)
    assert mm.find(copy).file == first.file  # type: ignore[union-attr]
    fails(errno.EINVAL, mm.mremap, mm.mmap(0, PAGE, RW, ANON), 0, PAGE, Mremap.MAYMOVE)


def test_a_file_opened_for_reading() -> None:
    mm = AddressSpace()
    fails(errno.EACCES, mm.mmap, 0, PAGE, RW, Map.SHARED, FILE, mode="r")
    fails(errno.EACCES, mm.mmap, 0, PAGE, Prot.READ, Map.SHARED, FILE, mode="w")
    addr = mm.mmap(0, PAGE, Prot.READ, Map.SHARED, FILE, mode="r")
    fails(errno.EACCES, mm.mprotect, addr, PAGE, RW)
    mm.mprotect(mm.mmap(0, PAGE, Prot.READ, Map.PRIVATE, FILE, mode="r"), PAGE, RW)
    fails(errno.EBADF, mm.mmap, 0, PAGE, Prot.READ, Map.PRIVATE)
    fails(errno.EOVERFLOW, mm.mmap, 0, PAGE, Prot.READ, Map.PRIVATE, FILE, 2**63)


def test_what_was_written_keeps_apart_and_keeps_its_account() -> None:
    mm = space()
    mm.munmap(A + PAGE, PAGE)
    mm.touch(A, 4 * PAGE)
    mm.mmap(A + PAGE, PAGE, RW, FIXED)
    assert ranges(mm) == [(0, 2, "rw-p"), (2, 4, "rw-p")]
    mm.mprotect(A, PAGE, Prot.READ)
    assert "ac" in mm.find(A).vm_flags  # type: ignore[union-attr]
    again = pickle.loads(pickle.dumps(mm))
    assert again == mm
    again.mmap(A + 2 * PAGE, PAGE, RW, FIXED)
    again.check()


def test_brk() -> None:
    mm = AddressSpace()
    assert mm.brk(0x5000_0000) == 0  # no program, no heap
    mm.exec([VMA(A, A + PAGE, RW)], start_brk=A + PAGE)
    assert mm.brk(0) == A + PAGE and mm.brk(A + PAGE + 1) == A + PAGE + 1
    # A mapping below the heap never merges with it.
    assert [vma.name for vma in mm] == ["", "[heap]"]
    assert mm.brk(A + 3 * PAGE) == A + 3 * PAGE
    assert ranges(mm) == [(0, 1, "rw-p"), (1, 3, "rw-p")]
    mm.mmap(A + 5 * PAGE, PAGE, RW, FIXED)
    assert mm.brk(A + 5 * PAGE) == A + 3 * PAGE  # a page stays free above
    assert mm.brk(A) == A + 3 * PAGE
    assert mm.brk(A + PAGE) == A + PAGE
    assert [vma.name for vma in mm] == ["", ""]
    mm.check()


def test_words_that_no_register_holds() -> None:
    mm = space()
    for call in (mm.munmap, mm.mlock, mm.munlock):
        with pytest.raises(ValueError, match="-1 is outside"):
            call(-1, PAGE)
        with pytest.raises(ValueError, match="18446744073709551616"):
            call(A, 2**64)
        with pytest.raises(TypeError):
            call(A, "1")  # type: ignore[arg-type]
    assert ranges(mm) == [(0, 4, "rw-p")]


def test_a_half_made_child_is_not_changed() -> None:
    from samara.mm import ForkError

    with pytest.raises(ForkError) as caught:
        space().fork("dup", fail_at=0)
    with pytest.raises(ValueError, match="half-made"):
        caught.value.child.mmap(0, PAGE, RW, ANON)
