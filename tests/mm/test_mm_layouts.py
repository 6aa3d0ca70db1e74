# SPDX-License-Identifier: MIT
"""Address spaces other than those of x86-64 with 4 KiB pages: what is guessed from the VMAs, and
what the calls make of it.

`tests/kernel/next_mmap.py` compares the guesses with the running kernel.
"""

import copy
import errno
import os
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from places import DATA
from samara.mm import (
    TASK_SIZE,
    VMA,
    AddressSpace,
    File,
    Limits,
    Madv,
    Map,
    Mlock,
    Mpol,
    Mremap,
    Prctl,
    Prot,
    Shm,
)
from samara.mm.layout import guess_limits

RW, PRIVATE = Prot.READ | Prot.WRITE, Map.PRIVATE | Map.ANONYMOUS
FIXED = PRIVATE | Map.FIXED
SHARED = Map.SHARED | Map.ANONYMOUS | Map.FIXED
SEGMENT = File("00:01", 9, "/SYSV00000000 (deleted)")
K = 1024
GIB = 1 << 30


def read(name: str, **options: Any) -> AddressSpace:
    text = (DATA / "maps" / f"{name}.txt").read_text()
    return AddressSpace.from_maps(text, skipped=[], **options)


def name(space: AddressSpace, addr: int, length: int) -> None:
    space.prctl(Prctl.SET_VMA, Prctl.SET_VMA_ANON_NAME, addr, length, "arena")


def mapped(space: AddressSpace) -> int:
    return sum(vma.size for vma in space if not space.limits.is_gate(vma.start))


# ---- what is guessed -----------------------------------------------------------------------------

GUESSED = {
    "aarch64": ("aarch64", 0xFFFF9AA8D000),
    "aarch64_64k": ("aarch64", 0xFFFF9AB10000),
    "i386": ("i386", 0xF7F45000),
    "arm": ("arm", 0xB6EF0000),
    "tombstone": ("aarch64-39bit", 0x7BA6001000),
    "tombstone_32": ("arm", 0xB6E79000),
    "x86_64_5level": ("x86-64-5level", 0x7F3F1C5B5000),
    "hs_err": ("x86-64", 0x7F3F1C9DC000),
    "gdb_old": ("x86-64", 0x7FFFF7FFF000),
}


@pytest.mark.parametrize("name", GUESSED)
def test_limits_are_guessed(name: str) -> None:
    """Once every process was taken for one of x86-64 with 4 levels of page tables."""
    layout, mmap_base = GUESSED[name]
    page_size = 64 * K if name == "aarch64_64k" else 4 * K
    space = read(name)
    limits = space.limits
    assert limits == Limits.of(layout, mmap_base=mmap_base, page_size=page_size)  # type: ignore[arg-type]
    space.check()
    # No VMA but the gate lies outside, and all the others count.
    outside = [vma for vma in space if vma.end > limits.task_size]
    assert [vma.name for vma in outside] in ([], ["[vsyscall]"], ["[vectors]"])
    assert space.size == mapped(space)
    gaps = list(space.gaps())
    assert sum(end - start for start, end in gaps) == limits.task_size - space.size
    assert max(end for _start, end in gaps) <= limits.task_size
    start = space.mmap(0, page_size, RW, PRIVATE)
    assert start % page_size == 0 and start < mmap_base
    space.check()


def test_nine_lines_of_aarch64_are_nine_vmas() -> None:
    """Once those above 2^47 were taken for [vsyscall], each a page, and 128 TiB were free."""
    space = read("aarch64")
    assert len(space) == 9 and space.size == 0x1EA000
    assert sum(end - start for start, end in space.gaps()) == (1 << 48) - 0x1EA000
    child = space.fork()
    assert child.size == space.size and child.limits is space.limits
    child.munmap(0xFFFFCB8E9000, 0x21000)
    assert len(child) == 8 and child.exit() == 8 and child.size == 0


def stack(end: int) -> VMA:
    return VMA(end - 0x21000, end, RW, name="[stack]")


@pytest.mark.parametrize(
    ("vmas", "layout"),
    [
        ([], "x86-64"),
        ([VMA(0x1000, 0x3000)], "x86-64"),
        ([VMA(0x40000000, 0x80000000)], "x86-64"),
        ([stack(TASK_SIZE)], "x86-64"),
        ([stack(0x7FFC00000000), VMA(1 << 48, (1 << 48) + 0x1000)], "x86-64-5level"),
        ([VMA(1 << 50, (1 << 50) + 0x1000)], "x86-64-5level"),
        ([VMA(0xFFFFFFFDE000, 1 << 48)], "aarch64"),
        ([stack(0xFFFFC0000000)], "aarch64"),
        ([stack(0xFFFFC0000000), VMA(1 << 50, (1 << 50) + 0x1000)], "aarch64-52bit"),
        ([stack(0x7FC0000000)], "aarch64-39bit"),
        ([stack(0xC0000000)], "i386-3g"),
        ([stack(0xBF000000), VMA(0xBFFF0000, 0xBFFF1000, name="[sigpage]")], "i386-3g"),
        ([stack(0xBEC00000), VMA(0xBED00000, 0xBED01000, name="[sigpage]")], "arm"),
        ([stack(0xFFFFE000), VMA(0xFFFFE000, 0xFFFFF000, 5, name="[vdso]")], "i386"),
        ([stack(0xFFEE0000), VMA(0xFFFF0000, 0xFFFF1000, 5, name="[vectors]")], "arm-4g"),
        ([stack(0xFFFFF000)], "arm-4g"),
        ([VMA(0xF7F10000, 0xF7F11000)], "i386"),
    ],
)
def test_the_layout_that_is_guessed(vmas: list[VMA], layout: Any) -> None:
    limits = guess_limits(vmas)
    expected = Limits.of(layout)
    assert (limits.task_size, limits.map_window) == (expected.task_size, expected.map_window)


def test_without_a_hint_of_the_layout_the_limits_are_the_defaults() -> None:
    assert guess_limits([VMA(0x1000, 0x3000)]) == Limits.of("x86-64")
    assert AddressSpace.from_maps("").limits == Limits()
    assert Limits() == Limits.of("x86-64")


VDSO = VMA(0x7FFC00000000, 0x7FFC00001000, 5, name="[vdso]")


@pytest.mark.parametrize(
    ("vmas", "expected"),
    [
        # Below a stack that is randomised, and above one that is not.
        ([VMA(0x7F0000000000, 0x7F0000005000), stack(0x7FFC00000000)], 0x7F0000005000),
        ([VMA(0x7FFFF7FF0000, 0x7FFFF7FFF000), stack(TASK_SIZE)], 0x7FFFF7FFF000),
        # A program and its heap are no sign.
        ([VMA(0x555555554000, 0x555555556000), stack(TASK_SIZE)], 0x7FFFF7FFF000),
        ([VMA(0x555555554000, 0x555555556000), stack(0x7FFC00000000)], 0x7FFBF8000000),
        ([VMA(0x555555554000, 0x555555556000)], 0x7FFFF7FFF000),
        ([VMA(0x10000, 0x11000, name="[stack]")], 0x7FFFF7FFF000),
        # Without a limit of the stack; the heap of a program at a low address is no sign.
        ([VMA(0x155555520000, 0x155555554000), stack(TASK_SIZE)], 0x155555554000),
        ([VMA(0x400000, 0x155555554000, name="[heap]"), stack(TASK_SIZE)], 0x7FFFF7FFF000),
        # With a large limit of the stack: where [vdso] and the dynamic loader lie.
        (
            [VMA(0x56555000, 0x57000000), VMA(0xBF6C0000, 0xBF6C1000, name="[vdso]")]
            + [VMA(0xBF6C1000, 0xBF6D0000), VMA(0xBF6D1000, 0xBF6D3000), stack(0xFFFFE000)],
            0xBF6D3000,
        ),
        ([VMA(0xBF6C0000, 0xBF6C1000, name="[vdso]"), stack(0xFFFFE000)], 0xBF6C1000),
        # [vdso] may lie above the stack.
        ([VMA(0x7F0000000000, 0x7F0000005000), VDSO], 0x7F0000005000),
    ],
)  # fmt: skip
def test_mmap_base_follows_from_the_highest_mapping(vmas: list[VMA], expected: int) -> None:
    limits = guess_limits(vmas)
    assert hex(limits.mmap_base) == hex(expected) and not limits.bottom_up


def test_the_old_layout_from_the_bottom_up() -> None:
    vmas = [
        VMA(0x2AF6BF117000, 0x2AF6BF118000),
        VMA(0x2AF6BF119000, 0x2AF6BF200000),
        VMA(0x555555554000, 0x555555556000),
        stack(0x7FFC00000000),
    ]
    limits = guess_limits(vmas)
    assert (limits.mmap_base, limits.bottom_up) == (0x2AF6BF117000, True)
    mm = AddressSpace(vmas, limits=limits)
    assert mm.mmap(0, 4 * K, RW, PRIVATE) == 0x2AF6BF118000
    assert mm.mmap(0, 4 * K, RW, PRIVATE) == 0x2AF6BF200000
    assert mm.mmap(0, 2 << 20, RW, PRIVATE) == 0x2AF6BF400000
    mm.munmap(0x2AF6BF201000, 0x1FF000)
    mm.mmap(0x2AF6BF201000, 0x1FF000, RW, FIXED)
    assert mm.mmap(0, 2 << 20, RW, PRIVATE) == 0x2AF6BF600000  # already aligned: no space is left


@pytest.mark.parametrize(
    ("kernel_page_size", "alignment", "expected"),
    [(64, 64, 64), (64, 4, 4), (4, 64, 4), (3, 64, 4), (2048, 2048, 4), (16, 16, 16)],
)
def test_smaps_tell_the_page_size(kernel_page_size: int, alignment: int, expected: int) -> None:
    """It is believed if all VMAs agree with it and there are such pages."""
    text = ""
    for number, size in enumerate((8192, kernel_page_size), 7):
        start = number * alignment * K
        text += f"{start:08x}-{start + alignment * K:08x} rw-p 00000000 00:00 0\n"
        text += f"KernelPageSize: {size} kB\n"
    assert AddressSpace.from_maps(text).limits.page_size == expected * K


def test_limits_that_are_given_are_used() -> None:
    limits = Limits.of("aarch64", max_map_count=7)
    assert read("i386", limits=limits).limits is limits
    assert AddressSpace.from_pid(os.getpid(), limits=limits).limits is limits
    for call in (AddressSpace.from_maps, AddressSpace.from_pid):
        source: Any = "" if call == AddressSpace.from_maps else os.getpid()
        with pytest.raises(TypeError, match="limits must be a Limits, not 5"):
            call(source, limits=5)  # type: ignore[arg-type]


# ---- limits --------------------------------------------------------------------------------------


def test_an_unknown_layout() -> None:
    with pytest.raises(ValueError, match="layout must be one of x86-64, .*, not 'vax'"):
        Limits.of("vax")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="task_size must be 0 or more, not -1"):
        Limits.of("i386", task_size=-1)


@pytest.mark.parametrize("size", [0, 1, 2048, 5000, 12288, 131072, 1 << 64])
def test_no_such_page_size(size: int) -> None:
    with pytest.raises(ValueError, match=f"a power of 2 from 4096 to 65536, not {size}$"):
        Limits(page_size=size)


def test_page_sizes_scale_what_is_counted_in_pages() -> None:
    limits = Limits.of("aarch64", page_size=64 * K)
    assert limits.stack_guard_gap == 256 * 64 * K and limits.huge_page_size == 512 << 20
    assert Limits.of("aarch64", page_size=16 * K).huge_page_size == 32 << 20
    assert Limits.of("aarch64", page_size=16 * K, stack_guard_gap=1).stack_guard_gap == 1
    for copied in (copy.copy(limits), pickle.loads(pickle.dumps(limits))):
        assert copied == limits


def test_only_gates_do_not_count() -> None:
    """Other VMAs above user space do, whatever the limits say."""
    above = VMA(1 << 50, (1 << 50) + 0x5000)
    vsyscall = VMA(0xFFFFFFFFFF600000, 0xFFFFFFFFFF601000, 5, name="[vsyscall]")
    mm = AddressSpace([VMA(0x10000, 0x11000), above, vsyscall], limits=Limits(max_map_count=2))
    assert mm.size == 0x6000
    mm.mmap(0x100000, 4 * K, Prot.NONE, FIXED)
    with pytest.raises(OSError, match="Cannot allocate memory"):
        mm.mmap(0x200000, 4 * K, Prot.NONE, FIXED)
    wide = VMA(0xFFFFFFFFFF600000, 0xFFFFFFFFFFE00000, name="[vdso]")  # of Linux 2.6
    assert AddressSpace([VMA(0x10000, 0x11000), wide]).size == 0x1000
    mm.check()


# ---- calls ---------------------------------------------------------------------------------------


def test_gaps_keep_to_the_task_size() -> None:
    """Once they reached to 128 TiB for a 32-bit process."""
    mm = AddressSpace([VMA(0x10000, 0x11000)], limits=Limits.of("i386"))
    assert list(mm.gaps()) == [(0, 0x10000), (0x11000, 0xFFFFE000)]
    assert list(mm.gaps(0x20000)) == [(0x20000, 0xFFFFE000)]
    assert list(mm.gaps(0x20000, 1 << 40)) == [(0x20000, 1 << 40)]


def test_calls_of_a_32_bit_process() -> None:
    mm = AddressSpace(limits=Limits.of("i386"))
    assert mm.mmap(0, 4 * K, RW, PRIVATE) == 0xF7FFD000
    # Not aligned for huge pages, and MAP_32BIT is for 64-bit programs (mmap(2)).
    assert mm.mmap(0, 2 << 20, RW, PRIVATE) == 0xF7DFD000
    assert mm.mmap(0, 4 * K, RW, PRIVATE | Map.BIT32) == 0xF7DFC000
    for addr, length in ((0xFFFFE000, 4 * K), (0, 4 * GIB), (1 << 32, 4 * K)):
        with pytest.raises(OSError) as caught:
            mm.mmap(addr, length, RW, FIXED if addr else PRIVATE)
        assert caught.value.errno == errno.ENOMEM


def test_hints_above_the_window_of_5_level_page_tables() -> None:
    """Without such a hint, mmap() stays below 2^47 (5-level paging in the kernel's documents)."""
    mm = AddressSpace(limits=Limits.of("x86-64-5level"))
    assert mm.mmap(0, 4 * K, RW, PRIVATE) == 0x7FFFF7FFE000
    hint = 1 << 52
    assert mm.mmap(hint, 4 * K, RW, PRIVATE) == hint
    # What is taken already: the search is over all addresses.
    assert mm.mmap(hint, 4 * K, RW, PRIVATE) == 0xFFFFFFF7FFE000
    assert mm.mmap(0x7FFFF7FFE000, 4 * K, RW, PRIVATE) == 0x7FFFF7FFD000
    assert mm.mmap(0x7FFFFFFFF000, 8 * K, RW, FIXED) == 0x7FFFFFFFF000
    mm.check()


def test_with_a_small_window_nothing_lies_above_it() -> None:
    """From the bottom up too, when there is no room below mmap_base."""
    mm = AddressSpace(limits=Limits.of("x86-64-5level", mmap_base=0x100000, mmap_min_addr=0x10000))
    mm.mmap(0x10000, 0xF0000, RW, FIXED)
    assert mm.mmap(0, 4 * K, RW, PRIVATE) == 0x2AAAAAAAB000
    with pytest.raises(OSError, match="Cannot allocate"):
        mm.mmap(0, TASK_SIZE, RW, PRIVATE)
    assert mm.mmap(1 << 50, TASK_SIZE, RW, PRIVATE) == 1 << 50


@pytest.fixture(params=[16 * K, 64 * K], ids=["16k", "64k"])
def page(request: pytest.FixtureRequest) -> int:
    size: int = request.param
    return size


def space_of(page: int, flags: Map = FIXED) -> AddressSpace:
    mm = AddressSpace(limits=Limits.of("aarch64", page_size=page, pkeys=True))
    mm.mmap(1 << 24, 8 * page, RW, flags)
    return mm


START = 1 << 24

UNALIGNED: dict[str, Callable[[AddressSpace], object]] = {
    "mmap": lambda mm: mm.mmap(START + 4096, 4096, RW, FIXED),
    "mmap offset": lambda mm: mm.mmap(0, 4096, RW, Map.PRIVATE, read("arm").vmas()[0].file, 4096),
    "munmap": lambda mm: mm.munmap(START + 4096, 4096),
    "mprotect": lambda mm: mm.mprotect(START + 4096, 4096, 1),
    "madvise": lambda mm: mm.madvise(START + 4096, 4096, Madv.DONTFORK),
    "mremap": lambda mm: mm.mremap(START + 4096, 4096, 8192, Mremap.MAYMOVE),
    "mremap to": lambda mm: mm.mremap(START, 4096, 4096, 3, START + (1 << 20) + 4096),
    "mseal": lambda mm: mm.mseal(START + 4096, 4096),
    "prctl": lambda mm: name(mm, START + 4096, 4096),
    "mbind": lambda mm: mm.mbind(START + 4096, 4096, Mpol.BIND, 1),
    "pkey_mprotect": lambda mm: mm.pkey_mprotect(START + 4096, 4096, 1, 0),
    "shmat": lambda mm: mm.shmat(SEGMENT, 4096, START + (1 << 20) + 4096),
    "shmdt": lambda mm: mm.shmdt(START + 4096),
}


@pytest.mark.parametrize("call", UNALIGNED)
def test_an_address_between_pages_is_refused(page: int, call: str) -> None:
    mm = space_of(page)
    with pytest.raises(OSError) as caught:
        UNALIGNED[call](mm)
    assert caught.value.errno == errno.EINVAL
    assert mm.vmas() == space_of(page).vmas()


def test_lengths_are_rounded_up_to_pages(page: int) -> None:
    mm = space_of(page)
    start = mm.mmap(0, 1, RW, PRIVATE)
    assert start == (1 << 48) - (128 << 20) - page and mm.find(start).size == page  # type: ignore[union-attr]
    assert mm.mmap(START + page + 1, 4096, Prot.READ, PRIVATE) % page == 0
    mm.mprotect(START, 1, Prot.READ)
    mm.madvise(START + page, 1, Madv.DONTFORK)
    mm.mlock(START + 2 * page + 4096, 1)
    mm.mlock(START + 4 * page - 1, 2, Mlock.ONFAULT)
    mm.munlock(START + 4 * page + 1, 1)
    mm.munmap(START + 5 * page, 1)
    mm.mremap(START + 6 * page, page + 1, 1)
    pieces = [vma for vma in mm if vma.start < 1 << 30]
    bounds = [(vma.start - START) / page for vma in pieces]
    assert bounds == [0, 1, 2, 3, 4, 6] and pieces[-1].end == START + 7 * page
    assert "lo" in pieces[2].vm_flags and "lf" in pieces[3].vm_flags
    moved = mm.mremap(START, 1, page + 1, Mremap.MAYMOVE)
    assert moved % page == 0 and moved > START + 8 * page
    assert mm.mremap(START + 6 * page, 1, page + 1) == START + 6 * page
    assert VMA(START + 6 * page, START + 8 * page, RW) in mm
    mm.check()


def test_the_newer_calls_round_to_pages(page: int) -> None:
    mm = space_of(page)
    name(mm, START, 1)
    mm.mbind(START + 2 * page, 1, Mpol.BIND, 1)
    mm.mseal(START + 4 * page, 1)
    mm.pkey_mprotect(START + 6 * page, 1, RW, mm.pkey_alloc())
    assert [vma.size // page for vma in mm] == [1] * 8
    mm = space_of(page, SHARED)
    mm.remap_file_pages(START + page + 4096, page + 4096, 0, 7)
    assert [vma.offset // page for vma in mm] == [0, 7, 2]
    segment = START + 16 * page
    assert mm.shmat(SEGMENT, page + 1, segment + 4096, Shm.RND) == segment
    assert VMA(segment, segment + 2 * page, RW, Map.SHARED, 0, SEGMENT) in mm
    with pytest.raises(ValueError, match=rf"size must be from 1 to 2\*\*64 - {page}, not 0"):
        mm.shmat(SEGMENT, 0)
    mm.check()


def test_the_heap_and_the_stack_consist_of_pages(page: int) -> None:
    top = VMA(1 << 40, (1 << 40) + page, RW, name="[stack]")
    mm = AddressSpace(limits=Limits.of("aarch64", page_size=page))
    mm.exec([top], start_brk=START)
    assert mm.brk(START + 5) == START + 5 and mm.vmas()[0].size == page
    assert mm.brk(START + page + 1) == START + page + 1 and mm.vmas()[0].size == 2 * page
    assert mm.brk(START + 1) == START + 1 and mm.vmas()[0].size == page
    # A page stays free above the heap.
    mm.mmap(START + 3 * page, page, RW, FIXED)
    assert mm.brk(START + 2 * page + 1) == START + 1
    assert mm.brk(START + 2 * page) == START + 2 * page
    grown = mm.expand_stack(top.start - 4096)
    assert grown.size == 2 * page and grown.name == "[stack]"
    mm.check()


def test_huge_pages_have_another_size(page: int) -> None:
    mm = AddressSpace(limits=Limits.of("aarch64", page_size=page))
    huge = page * page // 8
    assert mm.mmap(0, huge, RW, PRIVATE) % huge == 0
    mm.mmap(START, huge - page, RW, FIXED)
    with pytest.raises(OSError, match="Invalid argument"):
        mm.madvise(START, page, Madv.COLLAPSE)
    mm.mmap(8 * huge, huge, RW, FIXED)
    mm.madvise(8 * huge, page, Madv.COLLAPSE)
    for shift, number in ((huge.bit_length() - 1, errno.ENOMEM), (21, errno.EINVAL)):
        with pytest.raises(OSError) as caught:
            mm.mmap(0, huge, RW, PRIVATE | Map.HUGETLB | Map(shift << 26))
        assert caught.value.errno == number


def test_random_calls_keep_to_pages(page: int) -> None:
    """Every bound of every VMA and gap is the start of a page, whatever is called."""
    from random import Random

    seed = int(os.environ.get("SAMARA_SEED", "1"))
    print(f"SAMARA_SEED={seed}")
    rng = Random(seed)
    mm = AddressSpace(limits=Limits.of("aarch64", page_size=page))
    mm.exec(start_brk=1 << 30)
    for _ in range(400):
        addr = START + rng.randrange(64 * page) // rng.choice((1, page)) * page
        length = rng.randrange(1, 6 * page)
        call: Callable[[], object] = rng.choice(
            [
                lambda a=addr, n=length: mm.mmap(a, n, RW, rng.choice((PRIVATE, FIXED))),
                lambda a=addr, n=length: mm.munmap(a, n),
                lambda a=addr, n=length: mm.mprotect(a, n, rng.choice((0, 1, 3))),
                lambda a=addr, n=length: mm.mremap(a, n, rng.randrange(1, 6 * page), 1),
                lambda a=addr, n=length: mm.mlock(a, n),
                lambda n=length: mm.brk((1 << 30) + n),
                lambda a=addr, n=length: mm.mmap(a, n, RW, SHARED),
                lambda a=addr, n=length: mm.shmat(SEGMENT, n, a, Shm.RND | Shm.REMAP),
                lambda a=addr: mm.shmdt(a),
                lambda a=addr, n=length: mm.remap_file_pages(a, n, 0, rng.randrange(9)),
                lambda a=addr, n=length: mm.mbind(a, n, Mpol.BIND, 1),
                lambda a=addr, n=length: name(mm, a, n),
                lambda a=addr, n=length: mm.pkey_mprotect(a, n, 3, 0),
            ]
        )
        try:
            call()
        except OSError:
            pass
        assert all(not (vma.start | vma.end | vma.offset) % page for vma in mm)
    assert len(mm) > 1 and all(not (start | end) % page for start, end in mm.gaps())
    mm.check()


def test_vmas_between_pages_are_refused() -> None:
    vma = VMA(0x11000, 0x13000, RW)
    with pytest.raises(ValueError, match="0x11000-0x13000.* whole pages of 65536 bytes"):
        AddressSpace([vma], limits=Limits(page_size=64 * K))
    gate = VMA(0xFFFFFFFFFF600000, 0xFFFFFFFFFF601000)
    assert len(AddressSpace([gate], limits=Limits(page_size=64 * K))) == 1
