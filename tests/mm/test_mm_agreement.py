# SPDX-License-Identifier: MIT
"""Sequences of calls in which model and Linux 6.18 once differed. The tests expect what the kernel
was seen to do. `tests/kernel/oracle.py` makes such calls on the running kernel."""

import errno
import os
import pickle
from collections.abc import Callable
from pathlib import Path
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
    OpenFile,
    Prot,
)

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
    """Return the ranges of the VMAs, in pages from A."""
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


# ---- moves that keep the old mapping -------------------------------------------------------------


def test_a_move_of_a_whole_vma_leaves_memory_without_pages() -> None:
    mm = space(1)
    mm.touch(A)
    mm.mremap(A, PAGE, PAGE, LEAVE | Mremap.FIXED, FAR)
    mm.mprotect(A, PAGE, Prot.NONE)
    mm.mprotect(FAR, PAGE, Prot.NONE)
    assert "ac" not in flags(mm) and "ac" in flags(mm, FAR)


def test_a_move_of_a_part_leaves_the_pages_of_the_rest() -> None:
    mm = space(2)
    mm.touch(A, 2 * PAGE)
    mm.mremap(A, PAGE, PAGE, LEAVE | Mremap.FIXED, FAR)
    mm.mprotect(A, 2 * PAGE, Prot.NONE)
    assert ranges(mm) == [(0, 2), (16, 17)] and "ac" in flags(mm)


def test_what_a_move_left_merges_with_any_written_memory() -> None:
    mm = space(1)
    mm.touch(A)
    mm.mmap(A + 2 * PAGE, PAGE, RW, FIXED)
    mm.touch(A + 2 * PAGE)
    mm.mremap(A, PAGE, PAGE, LEAVE | Mremap.FIXED, FAR)
    mm.mmap(A + PAGE, PAGE, RW, FIXED)
    assert ranges(mm) == [(0, 3), (16, 17)]


def test_what_was_moved_before_and_left_merges_by_its_shift() -> None:
    mm = space(1)
    mm.touch(A)
    mm.mremap(A, PAGE, PAGE, MOVE, FAR)
    mm.mremap(FAR, PAGE, PAGE, LEAVE | Mremap.FIXED, A)  # back: the old mapping is shifted
    again = pickle.loads(pickle.dumps(mm))
    for one in (mm, again):
        one.mmap(FAR + PAGE, PAGE, RW, FIXED)
        assert ranges(one) == [(0, 1), (16, 17), (17, 18)]
    mm.mremap(FAR, PAGE, PAGE, MOVE, A + PAGE)  # moved without pages, its offset starts again
    mm.mmap(A + 2 * PAGE, PAGE, RW, FIXED)
    assert ranges(mm) == [(0, 3), (17, 18)]


def test_what_was_left_keeps_its_account_where_its_rights_stay() -> None:
    mm = space(1)
    mm.touch(A)
    mm.mprotect(A, PAGE, Prot.READ)
    mm.mremap(A, PAGE, PAGE, LEAVE | Mremap.FIXED, FAR)
    mm.mprotect(A, PAGE, Prot.READ)
    assert "ac" in flags(mm)


def test_what_becomes_one_with_what_was_left_is_unlocked() -> None:
    mm = space(3)
    mm.mlock(A, 3 * PAGE, Mlock.ONFAULT)
    mm.mremap(A, PAGE, PAGE, LEAVE, A - PAGE)
    assert ranges(mm) == [(-1, 3)] and flags(mm).isdisjoint(("lo", "lf"))


def test_what_a_move_left_stays_counted_as_locked() -> None:
    mm = space(4, rlimit_memlock=6 * PAGE)
    mm.mlock(A, 4 * PAGE, Mlock.ONFAULT)
    mm.mremap(A, PAGE, PAGE, LEAVE)
    mm.munlockall()
    again = pickle.loads(pickle.dumps(mm))
    for one in (mm, again):
        fails(errno.ENOMEM, one.mlock, A, 3 * PAGE)
        fails(errno.EAGAIN, one.mmap, 0, 3 * PAGE, RW, ANON | Map.LOCKED)
        one.mlock(A, 2 * PAGE)
    child = mm.fork()
    child.mlock(A, 4 * PAGE)
    mm.exec([VMA(A, A + 4 * PAGE, RW)])
    mm.mlock(A, 4 * PAGE)


# ---- the heap ------------------------------------------------------------------------------------

CUTS: dict[str, Callable[[AddressSpace], Any]] = {
    "mprotect": lambda mm: mm.mprotect(A + 3 * PAGE, PAGE, Prot.READ),
    "madvise": lambda mm: mm.madvise(A + 3 * PAGE, PAGE, Madv.DONTFORK),
    "munmap": lambda mm: mm.munmap(A + 3 * PAGE, PAGE),
    "mmap": lambda mm: mm.mmap(A + 3 * PAGE, PAGE, Prot.READ, FIXED),
    "mlock": lambda mm: mm.mlock(A + 3 * PAGE, PAGE, Mlock.ONFAULT),
    "mremap": lambda mm: mm.mremap(A + 3 * PAGE, PAGE, PAGE, MOVE, FAR),
}


@pytest.mark.parametrize("brk", [PAGE, 100])
@pytest.mark.parametrize("cut", CUTS)
def test_what_is_cut_off_above_the_break_is_no_heap(cut: str, brk: int) -> None:
    mm = AddressSpace()
    mm.exec(start_brk=A)
    mm.brk(A + brk)
    mm.mmap(A + PAGE, 5 * PAGE, RW, FIXED)
    assert ranges(mm) == [(0, 6)] and [vma.name for vma in mm] == ["[heap]"]
    CUTS[cut](mm)
    assert {vma.name for vma in mm if vma.start > A} == {""}
    assert mm.vmas()[0].name == "[heap]" and ranges(mm)[0] == (0, 3)


# ---- one file, opened twice ----------------------------------------------------------------------


@pytest.mark.parametrize("sharing", [Map.PRIVATE, Map.SHARED])
def test_what_was_opened_twice_is_mapped_twice(sharing: Map) -> None:
    one, other = OpenFile(*FILE), OpenFile(*FILE)
    mm = AddressSpace()
    for n, file in enumerate((one, one, other, other, FILE, File(*FILE))):
        mm.mmap(A + n * PAGE, PAGE, Prot.READ, sharing | Map.FIXED, file, n * PAGE)
    assert ranges(mm) == [(0, 2), (2, 4), (4, 6)]
    assert len({vma.file for vma in mm}) == 1  # they are equal
    again = pickle.loads(pickle.dumps(mm))
    for space in (mm, mm.fork(), again):
        opened = space.vmas()[1].file
        space.mmap(A + PAGE, PAGE, Prot.READ, sharing | Map.FIXED, opened, PAGE)
        assert ranges(space) == [(0, 1), (1, 4), (4, 6)]


def test_pages_of_what_was_opened_twice_keep_apart() -> None:
    one, other = OpenFile(*FILE), OpenFile(*FILE)
    for file, expected in ((one, [(-1, 2)]), (other, [(-1, 1), (1, 2)])):
        mm = AddressSpace()
        mm.mmap(A, PAGE, RW | Prot.EXEC, Map.PRIVATE | Map.FIXED, one, 5 * PAGE)
        mm.touch(A)
        for at in (-1, 1):
            mm.mmap(A + at * PAGE, PAGE, RW, Map.PRIVATE | Map.FIXED, file, (5 + at) * PAGE)
            mm.touch(A + at * PAGE)
        mm.mmap(A, PAGE, RW, Map.PRIVATE | Map.FIXED, file, 5 * PAGE)
        assert ranges(mm) == expected


# ---- pages ---------------------------------------------------------------------------------------


def test_guards_do_not_keep_a_neighbour_from_sharing_pages() -> None:
    mm = space(2)
    mm.madvise(A, PAGE, Madv.GUARD_INSTALL)
    mm.mmap(A + 2 * PAGE, PAGE, RW | Prot.EXEC, FIXED)
    mm.touch(A + 2 * PAGE)
    mm.mprotect(A, 3 * PAGE, RW)
    assert ranges(mm) == [(0, 3)]


@pytest.mark.parametrize("device", ["fe:00", "00:01"])
def test_guards_in_a_file_are_no_pages(device: str) -> None:
    file = File(device, 7, "/x")
    mm = AddressSpace()
    mm.mmap(A, PAGE, RW, Map.PRIVATE | Map.FIXED, file)
    mm.mmap(A + PAGE, PAGE, Prot.READ, Map.PRIVATE | Map.FIXED, file, PAGE)
    mm.madvise(A, 2 * PAGE, Madv.GUARD_INSTALL)
    mm.mprotect(A + PAGE, PAGE, RW)
    assert ranges(mm) == [(0, 2)]


def test_guards_in_private_memory_are_pages() -> None:
    mm = space(1)
    mm.madvise(A, PAGE, Madv.GUARD_INSTALL)
    mm.mprotect(A, PAGE, Prot.NONE)
    assert "ac" in flags(mm)


# ---- memory that may be dropped ------------------------------------------------------------------


def test_what_may_be_dropped_does_not_grow_down() -> None:
    mm = AddressSpace()
    fails(errno.EINVAL, mm.mmap, 0, PAGE, RW, Map.DROPPABLE | Map.ANONYMOUS | Map.GROWSDOWN)


def test_locks_to_come_bring_in_what_may_be_dropped() -> None:
    mm = AddressSpace()
    mm.mlockall(Mlock.FUTURE | Mlock.ALL_ONFAULT)
    mm.mmap(A, 2 * PAGE, RW, DROPPABLE)
    mm.mremap(A, PAGE, PAGE, MOVE, FAR)
    mm.mmap(FAR + PAGE, PAGE, RW, DROPPABLE)
    assert ranges(mm) == [(1, 2), (16, 17), (17, 18)]


def test_locks_to_come_keep_apart_what_may_be_dropped() -> None:
    mm = space(1, flags=DROPPABLE)
    mm.mlockall(Mlock.FUTURE | Mlock.ALL_ONFAULT)
    mm.mmap(A + PAGE, PAGE, RW, DROPPABLE)
    assert ranges(mm) == [(0, 1), (1, 2)]


# ---- RLIMIT_DATA ---------------------------------------------------------------------------------


def test_brk_counts_the_data_segment() -> None:
    mm = AddressSpace(limits=Limits(rlimit_data=2 * PAGE))
    for data_segment, allowed in ((0, True), (64, False)):
        mm.exec(start_brk=A, data_segment=data_segment)
        assert mm.brk(A + 2 * PAGE - 64) == A + 2 * PAGE - 64
        assert pickle.loads(pickle.dumps(mm)).brk(A + 2 * PAGE) == mm.fork().brk(A + 2 * PAGE)
        assert (mm.brk(A + 2 * PAGE) == A + 2 * PAGE) == allowed


def test_the_data_segment_of_a_process_is_known() -> None:
    layout = Path("/proc/self/stat")
    if not layout.exists():
        pytest.skip("there is no /proc")
    fields = layout.read_text().rpartition(")")[2].split()
    size = int(fields[43]) - int(fields[42])
    assert size > 0 and AddressSpace.from_pid(os.getpid())._counters.data_segment == size


def test_a_data_limit_of_0_is_the_hard_limit_but_for_brk() -> None:
    space(rlimit_data=0)
    mm = space(4, rlimit_data=0, rlimit_data_max=4 * PAGE)
    fails(errno.ENOMEM, mm.mmap, 0, PAGE, RW, ANON)
    assert mm.mmap(0, PAGE, Prot.READ, ANON)
    mm.exec(start_brk=A)
    assert mm.brk(A + 1) == A


def test_mprotect_forgets_the_data_limit_where_the_size_limit_is_near() -> None:
    mm = space(4, Prot.READ, rlimit_data=PAGE, rlimit_as=5 * PAGE)
    mm.mprotect(A, 4 * PAGE, RW)
    mm = space(4, Prot.READ, rlimit_data=PAGE, rlimit_as=8 * PAGE)
    fails(errno.ENOMEM, mm.mprotect, A, 4 * PAGE, RW)


# ---- stacks that grow ----------------------------------------------------------------------------


@pytest.mark.parametrize("limits", [{"rlimit_stack": PAGE}, {"rlimit_as": PAGE}])
def test_a_stack_that_a_limit_stops_was_touched(limits: dict[str, int]) -> None:
    mm = space(1, flags=FIXED | Map.GROWSDOWN, **limits)
    fails(errno.ENOMEM, mm.expand_stack, A - PAGE)
    mm.mprotect(A, PAGE, Prot.NONE)
    assert "ac" in flags(mm)


def test_a_stack_that_its_guard_gap_stops_was_not_touched() -> None:
    mm = space(1, flags=FIXED | Map.GROWSDOWN)
    mm.mmap(A - 4 * PAGE, PAGE, RW, FIXED)
    fails(errno.ENOMEM, mm.expand_stack, A - PAGE)
    mm.mprotect(A, PAGE, Prot.NONE)
    assert "ac" not in flags(mm)


def test_a_stack_that_cannot_be_written_is_touched_as_it_grows() -> None:
    mm = space(1, Prot.READ, FIXED | Map.GROWSDOWN)
    mm.expand_stack(A - 1)
    mm.mprotect(A - PAGE, 2 * PAGE, RW)
    mm.mprotect(A - PAGE, 2 * PAGE, Prot.READ)
    assert ranges(mm) == [(-1, 1)] and "ac" in flags(mm)


# ---- forks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", FORK_METHODS)
def test_wiped_memory_has_no_pages_in_the_child(method: ForkMethod) -> None:
    mm = space(3)
    mm.touch(A, PAGE)
    mm.madvise(A, 2 * PAGE, Madv.WIPEONFORK)
    child = mm.fork(method)
    assert child == mm and child.fork(method) == mm
    for one in (child, child.fork(method)):
        one.mprotect(A, 3 * PAGE, Prot.NONE)
        assert "ac" not in flags(one) and "ac" in flags(one, A + 2 * PAGE)
    mm.mprotect(A, 3 * PAGE, Prot.NONE)
    assert "ac" in flags(mm) and ranges(mm) == [(0, 2), (2, 3)]


def test_fork_knows_the_wiped_memory_that_was_written() -> None:
    """However it came about: by a write, or by a merge with memory that was written."""
    mm = space(3)
    mm.madvise(A, 3 * PAGE, Madv.WIPEONFORK)
    assert ranges(mm) == [(0, 3)] and not mm._changed
    mm.touch(A)
    assert ranges(mm) == [(0, 3)] and len(mm._changed) == 1
    mm.munmap(A + PAGE, PAGE)
    assert ranges(mm) == [(0, 1), (2, 3)] and len(mm._changed) == 2
    for advice in (Madv.KEEPONFORK, Madv.WIPEONFORK):
        mm.mmap(A + 4 * PAGE, PAGE, RW, FIXED)
        mm.madvise(A + 4 * PAGE, PAGE, Madv.WIPEONFORK)
        mm.mmap(A + 3 * PAGE, PAGE, RW, FIXED)
        mm.madvise(A + 3 * PAGE, PAGE, advice)
        pages = 4 if advice == Madv.WIPEONFORK else 2
        assert len(mm._changed) == 2 and mm._changed.covered == pages * PAGE
    mm.mremap(A + 2 * PAGE, 3 * PAGE, 3 * PAGE, LEAVE | Mremap.FIXED, FAR)
    assert ranges(mm) == [(0, 1), (2, 5), (16, 19)] and len(mm._changed) == 2
    mm.munmap(A, PAGE)
    mm.madvise(FAR, 3 * PAGE, Madv.KEEPONFORK)
    assert ranges(mm) == [(2, 5), (16, 19)] and not mm._changed


# ---- what cannot be unmapped ---------------------------------------------------------------------

VVAR = "rd mr pf io de dd"
UNMAPPING: dict[str, Callable[[AddressSpace], Any]] = {
    "munmap": lambda mm: mm.munmap(A + 3 * PAGE, 2 * PAGE),
    "mmap": lambda mm: mm.mmap(A + 3 * PAGE, 2 * PAGE, RW, FIXED),
    "mremap": lambda mm: mm.mremap(FAR, 2 * PAGE, 2 * PAGE, MOVE, A + 3 * PAGE),
}


@pytest.mark.parametrize("call", UNMAPPING)
@pytest.mark.parametrize("kind", ["vvar", "sealed"])
def test_what_cannot_be_unmapped_leaves_what_lies_below_it_cut(call: str, kind: str) -> None:
    if kind == "vvar":
        other, number = (
            VMA(A + 4 * PAGE, A + 8 * PAGE, 1, name="[vvar]", vm_flags=VVAR),
            errno.EINVAL,
        )
    else:
        other, number = VMA(A + 4 * PAGE, A + 8 * PAGE, 1, vm_flags="rd mr mw me sl"), errno.EPERM
    mm = AddressSpace([VMA(A, A + 4 * PAGE, RW), other, VMA(FAR, FAR + 2 * PAGE, RW)])
    fails(number, UNMAPPING[call], mm)
    assert ranges(mm) == [(0, 3), (3, 4), (4, 8), (16, 18)] and mm.ledger.open == 4
    fails(number, mm.munmap, A + 5 * PAGE, 8 * PAGE)  # the first VMA itself cannot be unmapped
    fails(number, mm.munmap, A - PAGE, 7 * PAGE)  # nothing to cut
    assert ranges(mm) == [(0, 3), (3, 4), (4, 8), (16, 18)]


@pytest.mark.parametrize("advice", [4, 8, 9, 10, 18, 24, 102])
def test_sealed_memory_that_cannot_be_written_is_not_dropped(advice: int) -> None:
    for codes, refused in (("rd mr mw me sl", True), ("rd wr mr mw me ac sl", advice == 9)):
        prot = RW if "wr" in codes else Prot.READ
        mm = AddressSpace([VMA(A, A + 4 * PAGE, prot, vm_flags=codes)])
        if refused:
            fails(errno.EINVAL if "wr" in codes else errno.EPERM, mm.madvise, A, PAGE, advice)
        else:
            mm.madvise(A, PAGE, advice)
    mm = AddressSpace([VMA(A, A + PAGE, 1, Map.PRIVATE, 0, FILE, vm_flags="rd mr mw me sl")])
    if advice in (4, 10, 24, 102):
        mm.madvise(A, PAGE, advice)


def test_the_kernels_own_memory_keeps_its_account() -> None:
    vdso = VMA(A, A + 2 * PAGE, Prot.READ | Prot.EXEC, name="[vdso]", vm_flags="rd ex mr mw me de")
    mm = AddressSpace([vdso])
    mm.mprotect(A, 2 * PAGE, RW)
    mm.mprotect(A, 2 * PAGE, Prot.READ)
    assert "ac" in flags(mm)


# ---- addresses -----------------------------------------------------------------------------------


def test_places_above_4_gib_and_above_the_least_address() -> None:
    base = Limits().mmap_base
    mm = AddressSpace()
    mm.mmap(1 << 32, base - (1 << 32), Prot.NONE, FIXED)
    assert mm.mmap(0, PAGE, RW, ANON | Map.ABOVE4G) == base
    assert mm.mmap(A, PAGE, RW, ANON | Map.ABOVE4G) == A  # a hint is respected
    assert mm.mmap(0, PAGE, RW, ANON) == (1 << 32) - PAGE
    mm.mmap(0x11000, (1 << 32) - 0x11000, Prot.NONE, FIXED)
    assert mm.mmap(0, PAGE, RW, ANON) == 0x10000  # vm.mmap_min_addr
    assert mm.mmap(0, PAGE, RW, ANON) == base + PAGE
    mm.check()


@pytest.mark.parametrize("flag", [Map.FIXED, Map.FIXED_NOREPLACE])
def test_an_address_that_looks_like_an_error_is_one(flag: Map) -> None:
    mm = AddressSpace()
    for number in (errno.EPERM, errno.EINVAL):
        fails(number, mm.mmap, 2**64 - number, PAGE, RW, ANON | flag)
    fails(errno.ENOMEM, mm.mmap, 2**64 - PAGE, PAGE, RW, ANON | flag)


def test_an_offset_near_the_largest_is_aligned_for_huge_pages() -> None:
    huge = 2 << 20
    for pages, aligned in ((2, True), (511, True), (512, False), (513, False)):
        start = AddressSpace().mmap(0, PAGE, 1, Map.SHARED, FILE, 2**63 - pages * PAGE)
        assert (start % huge == -pages * PAGE % huge) == aligned


def test_what_is_an_int_to_linux_has_32_bits() -> None:
    mm = space()
    mm.madvise(A, PAGE, Madv.DONTFORK | 1 << 32)
    assert "dc" in flags(mm)
    mm.mlock(A, PAGE, Mlock.ONFAULT | 1 << 32)
    assert {"lo", "lf"} <= flags(mm)
    mm.mlockall(Mlock.CURRENT | 1 << 63)
    assert "lf" not in flags(mm)
    fails(errno.EINVAL, mm.mlockall, 1 << 32)


def test_pages_of_a_pickle_keep_apart_from_new_ones() -> None:
    mm = space(1)
    mm.touch(A)
    for one in (mm, pickle.loads(pickle.dumps(mm))):
        one.mmap(A + 2 * PAGE, PAGE, RW, FIXED)
        one.touch(A + 2 * PAGE)
        one.mmap(A + PAGE, PAGE, RW, FIXED)
        assert ranges(one) == [(0, 2), (2, 3)]


def test_a_gap_below_a_stack_that_reaches_down_to_0_ends_the_search() -> None:
    for start, number in ((0x100000, errno.ENOMEM), (0x101000, 0)):
        mm = AddressSpace()
        mm.mmap(start, PAGE, RW, FIXED | Map.GROWSDOWN)
        mm.mmap(start + PAGE, Limits().mmap_base - start - PAGE, Prot.NONE, FIXED)
        if number:
            fails(number, mm.mmap, 0, PAGE, RW, ANON)
        else:
            assert mm.mmap(0, PAGE, RW, ANON) == Limits().mmap_base


def test_a_lower_part_of_the_stack_loses_the_name() -> None:
    mm = AddressSpace([VMA(A, A + 4 * PAGE, RW, name="[stack]")])
    mm.mprotect(A, PAGE, Prot.READ)
    assert ranges(mm) == [(0, 1), (1, 4)]
    assert [vma.name for vma in mm] == ["", "[stack]"]
    mm.mprotect(A, PAGE, RW)
    assert [vma.name for vma in mm] == ["[stack]"]
