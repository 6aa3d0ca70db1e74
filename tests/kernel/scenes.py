# SPDX-License-Identifier: MIT
"""Calls that random choice makes too rarely: scenes in which model and kernel once differed, each
in a new process. If a word is a function, it returns the address or size of something. "fd0" and
"fd3" are one file, opened twice."""

from collections.abc import Callable
from typing import TypeAlias

from samara.mm import AddressSpace

Word: TypeAlias = int | str | Callable[[AddressSpace], int]
Call: TypeAlias = tuple[str | Word, ...]

PAGE = 4096
A = 0x1000_0000
FAR = A + 16 * PAGE
STACK = 0x1200_0000
TOP = (1 << 64) - 1
FIXED, DROPPABLE, GROWING, FILE, SHARED_FILE = 0x32, 0x38, 0x132, 0x12, 0x11
KEEP_FIXED, KEEP, MOVE = 7, 5, 3  # MREMAP_MAYMOVE with DONTUNMAP, FIXED or both
WIPE, GUARD = 18, 102  # MADV_WIPEONFORK, MADV_GUARD_INSTALL


def new(addr: Word, pages: int, prot: int = 3, flags: int = FIXED) -> Call:
    return ("mmap", addr, pages * PAGE, prot, flags, -1, 0)


def of_file(addr: int, pages: int, prot: int, flags: int, file: str, first: int) -> Call:
    return ("mmap", addr, pages * PAGE, prot, flags, file, first * PAGE)


def protect(addr: Word, pages: int, prot: int) -> Call:
    return ("mprotect", addr, pages * PAGE, prot)


def move(old: Word, pages: int, flags: int, to: Word = 0) -> Call:
    return ("mremap", old, pages * PAGE, pages * PAGE, flags, to)


def heap(pages: int, more: int = 0) -> Callable[[AddressSpace], int]:
    """Return a function for the address this many pages above the heap's first whole page."""
    return lambda mm: -(-mm.heap[0] // PAGE) * PAGE + pages * PAGE + more


def named(name: str, more: int = 0) -> Callable[[AddressSpace], int]:
    return lambda mm: next(vma.start for vma in mm if vma.name == name) + more


def size_of(name: str) -> Callable[[AddressSpace], int]:
    return lambda mm: next(vma.size for vma in mm if vma.name == name)


def above_the_break(*calls: Call) -> tuple[Call, ...]:
    return (
        *(("brk", heap(1)), new(heap(1), 5), *calls),
        *(protect(heap(4), 1, 1), ("brk", heap(0, 50)), ("munmap", heap(1), PAGE)),
        *(new(heap(1), 1), ("fork",)),
    )


SCENES: dict[str, tuple[Call, ...]] = {
    "locks stop at memory without rights": (
        *(new(A, 3), protect(A + PAGE, 1, 0), ("mlock", A + PAGE, 2 * PAGE)),
        *(protect(A + 2 * PAGE, 1, 1), ("mlockall", 1), protect(A, 1, 1)),
    ),
    "what a move leaves has no pages": (
        *(new(A, 1), ("touch", A), new(A + 2 * PAGE, 1), ("touch", A + 2 * PAGE)),
        *(move(A, 1, KEEP_FIXED, FAR), new(A + PAGE, 1), protect(A, 3, 0)),
    ),
    "what a move leaves of a part": (
        *(new(A, 2), ("touch", A), move(A, 1, KEEP_FIXED, FAR), protect(A, 2, 0)),
    ),
    "what was moved twice": (
        *(new(A, 1), ("touch", A), move(A, 1, MOVE, FAR), move(FAR, 1, KEEP_FIXED, A)),
        *(new(FAR + PAGE, 1), move(FAR, 1, MOVE, A + PAGE), new(A + 2 * PAGE, 1)),
    ),
    "what a move leaves of a file": (
        *(of_file(A, 1, 3, FILE, "fd0", 0), ("touch", A), move(A, 1, KEEP_FIXED, FAR)),
        *(of_file(A + PAGE, 1, 7, FILE, "fd0", 1), ("touch", A + PAGE), protect(A + PAGE, 1, 3)),
    ),
    "the same rights again": (
        *(new(A, 1), ("touch", A), protect(A, 1, 1), move(A, 1, KEEP_FIXED, FAR)),
        protect(A, 1, 1),
    ),
    "moves of locked memory": (
        *(new(A, 4), ("mlock2", A, 4 * PAGE, 1), move(A, 1, KEEP, A - PAGE)),
        *(("mlock2", A, 4 * PAGE, 1), move(A, 1, KEEP), ("munlockall",)),
    ),
    **{
        f"above the break: {call[0]}": above_the_break(call)
        for call in (
            protect(heap(3), 1, 1),
            ("madvise", heap(3), PAGE, 10),
            ("munmap", heap(3), PAGE),
            ("mlock2", heap(3), PAGE, 1),
            new(heap(3), 1, 1),
            move(heap(3), 1, MOVE, A),
        )
    },
    "one file, opened twice": (
        *(of_file(A + n * PAGE, 1, 1, FILE, f"fd{3 * (n > 1)}", n) for n in range(4)),
        *(of_file(A + PAGE, 1, 1, FILE, "fd3", 1), protect(A, 4, 0), ("fork",)),
        *(of_file(FAR, 1, 3, SHARED_FILE, "fd0", 0), move(FAR, 1, MOVE, A)),
        of_file(A + PAGE, 1, 3, SHARED_FILE, "fd3", 1),
    ),
    "pages of one file, opened twice": (
        *(of_file(A, 1, 7, FILE, "fd0", 5), ("touch", A)),
        *(of_file(A - PAGE, 1, 3, FILE, "fd3", 4), ("touch", A - PAGE)),
        *(of_file(A + PAGE, 1, 3, FILE, "fd3", 6), ("touch", A + PAGE)),
        of_file(A, 1, 3, FILE, "fd3", 5),
    ),
    "guards": (
        *(new(A, 2), ("madvise", A, PAGE, GUARD), new(A + 2 * PAGE, 1, 7)),
        *(("touch", A + 2 * PAGE), protect(A, 3, 3)),
        *(of_file(FAR, 1, 3, FILE, "fd0", 0), of_file(FAR + PAGE, 1, 1, FILE, "fd0", 1)),
        *(("madvise", FAR, 2 * PAGE, GUARD), protect(FAR + PAGE, 1, 3)),
    ),
    "memory that may be dropped": (
        *(new(0, 1, 3, 0x128), new(A, 1, 3, DROPPABLE), ("mlock2", A, PAGE, 1)),
        *(move(A, 1, MOVE, FAR), new(FAR + PAGE, 1, 3, DROPPABLE), ("mlockall", 6)),
        *(new(FAR + 2 * PAGE, 2, 3, DROPPABLE), move(FAR + 3 * PAGE, 1, MOVE, A)),
        *(new(A + PAGE, 1, 3, DROPPABLE), new(A, 3, 0, DROPPABLE), ("mlock2", A, 3 * PAGE, 1)),
    ),
    "RLIMIT_DATA": (
        ("limit", "rlimit_data", PAGE),
        *(("brk", heap(0, PAGE - 64)), ("brk", heap(0, PAGE)), ("brk", heap(1, 1))),
        *(new(A, 4, 1), protect(A, 4, 3), ("limit", "rlimit_as", PAGE), protect(A, 4, 3)),
    ),
    "a stack at its limit": (
        *(new(STACK, 1, 3, GROWING), ("limit", "rlimit_stack", PAGE), ("touch", STACK - PAGE)),
        protect(STACK, 1, 0),
    ),
    "a stack without room": (
        *(new(STACK, 1, 3, GROWING), ("limit", "rlimit_as", 0), ("touch", STACK - PAGE)),
        protect(STACK, 1, 0),
    ),
    "a stack that cannot be written": (
        *(new(STACK, 1, 1, GROWING), ("touch", STACK - 1), protect(STACK - PAGE, 2, 3)),
        protect(STACK - PAGE, 2, 1),
    ),
    "wiped in the child": (
        *(new(A, 2), ("touch", A), ("madvise", A, PAGE, WIPE), ("enter",), protect(A, 2, 0)),
        *(protect(A, 2, 3), ("touch", A), ("enter",), protect(A, 2, 0)),
    ),
    "what cannot be unmapped": (
        *(new(named("[vvar]", -4 * PAGE), 4), ("munmap", named("[vvar]", -PAGE), 2 * PAGE)),
        *(new(named("[vvar]", -3 * PAGE), 4), new(A, 4)),
        *(move(A, 3, MOVE, named("[vvar]", -2 * PAGE)), ("munmap", named("[vvar]", PAGE), PAGE)),
    ),
    "[vdso] keeps its accounting": (
        ("mprotect", named("[vdso]"), size_of("[vdso]"), 3),
        ("mprotect", named("[vdso]"), size_of("[vdso]"), 1),
    ),
    "ints have 32 bits": (
        *(new(A, 2), ("madvise", A, PAGE, 10 | 1 << 32), ("mlock2", A, PAGE, 1 | 1 << 32)),
        *(("mlockall", 2 | 1 << 32), ("mlockall", 1 << 32)),
    ),
    "addresses that look like errors": tuple(
        new(TOP - n, 1, 3, flags) for n in (0, 21, 4094, 4095) for flags in (FIXED, 0x100022)
    ),
    "places above 4 GiB": (
        ("mmap", 1 << 32, 0x7FFF_F7F0_0000 - (1 << 32), 0, 0x4032, -1, 0),
        *(("mmap", 0, size, 0, 0x40A2, -1, 0) for size in (0x80000, 0x40000, 0x20000, 0x10000)),
        *(("mmap", 0, size, 0, 0x40A2, -1, 0) for size in (0x8000, 0x4000, 0x2000, 0x1000)),
        *(("mmap", 0, PAGE, 3, 0xA2, -1, 0) for _ in range(4)),
        *(("mmap", A, PAGE, 3, flags, -1, 0) for flags in (0xA2, 0x22, 0xE2)),
    ),
}
