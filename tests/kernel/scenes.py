# SPDX-License-Identifier: MIT
"""Calls that random choice makes too rarely: scenes in which model and kernel once differed, each
in a new process. If a word is a function, it returns the address or size of something. "fd0" and
"fd3" are one file, opened twice. "zero", "secret", "perf" and "segment" are /dev/zero, memory of
memfd_secret(2), a perf event and a shared memory segment. A scene is not run on a kernel that lacks
one of its words.
"""

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
SEGMENT = 5 * PAGE - 100  # bytes of the shared memory segment
# The names of PR_SET_VMA_ANON_NAME, by their numbers in a call "name".
NAMES = (
    "a",
    "b",
    "arena 1",
    "",
    None,
    None,
    "x" * 79,
    "x" * 80,
    "[a",
    "a]",
    "a$",
    "a\\",
    "\x7f",
    "\t",
)


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
    "memory of memfd_secret": (
        *(of_file(A, 4, 3, FILE, "secret", 0), of_file(A, 4, 7, SHARED_FILE, "secret", 0)),
        *(of_file(A, 4, 3, SHARED_FILE, "secret", 0), ("munlock", A, PAGE), ("mlock", A, PAGE)),
        *(("mlock2", A, PAGE, 1), ("mlockall", 1), ("munlockall",), protect(A + PAGE, 1, 1)),
        *(
            ("madvise", A, PAGE, advice)
            for advice in (4, 8, 9, 10, 11, 17, 16, 20, 22, 23, 24, 102)
        ),
        *(move(A, 1, MOVE, FAR), ("mremap", FAR, PAGE, 2 * PAGE, 1), ("fork",), ("enter",)),
        *(("mlock", A + 2 * PAGE, PAGE), ("mlock2", A + 2 * PAGE, PAGE, 1), ("mlockall", 1)),
        *(("madvise", A + 2 * PAGE, PAGE, advice) for advice in (9, 4, 20, 22, 102)),
        *(("mlockall", 6), of_file(FAR + 8 * PAGE, 2, 3, SHARED_FILE, "secret", 0), ("enter",)),
        *(of_file(FAR + 9 * PAGE, 3, 1, SHARED_FILE, "secret", 1), ("munlockall",)),
    ),
    "buffers of a perf event": (
        *(of_file(A, 4, 3, SHARED_FILE, "perf", 0), of_file(A, 5, 3, FILE, "perf", 0)),
        *(of_file(A, 5, 7, SHARED_FILE, "perf", 0), of_file(A, 5, 3, SHARED_FILE, "perf", 1)),
        *(
            of_file(A, 5, 3, SHARED_FILE, "perf", 0),
            ("munmap", A + PAGE, PAGE),
            ("munmap", A, PAGE),
        ),
        *(("munmap", A + 4 * PAGE, 2 * PAGE), protect(A, 1, 1), protect(A + 4 * PAGE, 1, 1)),
        *(protect(A, 1, 3), move(A, 1, MOVE, FAR), ("mremap", A, 5 * PAGE, 6 * PAGE, 1)),
        *(new(A, 1), new(A + 4 * PAGE, 2), ("mlock", A, PAGE), ("mlock", A, 5 * PAGE)),
        *(("madvise", A, PAGE, advice) for advice in (0, 1, 4, 9, 10, 11, 14, 17, 22, 102)),
        *(protect(A, 5, 1), protect(A, 5, 7), move(A, 5, MOVE, FAR), ("mlockall", 1)),
        *(protect(FAR, 5, 0), ("mlock", FAR, 5 * PAGE), ("munlockall",), ("fork",)),
        ("munmap", FAR, 5 * PAGE),
    ),
    "a sealed part of a perf event": (
        *(of_file(A, 2, 3, SHARED_FILE, "perf", 0), ("mseal", A, PAGE, 0)),
        *(("mseal", A, 2 * PAGE, 0), ("munmap", A, 2 * PAGE)),
    ),
    "private /dev/zero": (
        *(of_file(A, 4, 3, FILE, "zero", 2), ("madvise", A, PAGE, 8), ("madvise", A, PAGE, WIPE)),
        *(protect(A, 2, 1), of_file(A + 4 * PAGE, 1, 3, FILE, "zero", 6)),
        *(of_file(A + 5 * PAGE, 1, 3, FILE, "zero", 0), move(A + 2 * PAGE, 1, MOVE, FAR)),
        *(("touch", A + 3 * PAGE), move(A + 3 * PAGE, 1, MOVE, FAR + 8 * PAGE)),
        *(move(A, 1, KEEP_FIXED, FAR + 16 * PAGE), ("madvise", A, PAGE, GUARD), protect(A, 1, 3)),
        *(protect(A, 1, 1), ("madvise", A, PAGE, 9), ("fork",)),
    ),
    "shared /dev/zero": (
        *(
            of_file(A, 2, 3, SHARED_FILE, "zero", 2),
            of_file(A + 2 * PAGE, 2, 3, SHARED_FILE, "zero", 4),
        ),
        *(protect(A, 1, 1), move(A, 1, MOVE, FAR), ("madvise", A + PAGE, PAGE, 9)),
    ),
    "sealed memory": (
        *(new(A, 6), ("mseal", A, PAGE, 1), ("mseal", A + 1, PAGE, 0), ("mseal", A, 0, 0)),
        *(
            ("mseal", A, TOP, 0),
            ("mseal", A, TOP - PAGE + 1, 0),
            ("mseal", A + 5 * PAGE, 2 * PAGE, 0),
        ),
        *(("mseal", A + 2 * PAGE, PAGE + 1, 0), ("munmap", A + PAGE, 2 * PAGE), protect(A, 6, 1)),
        *(protect(A + 2 * PAGE, 1, 3), ("mremap", A + 2 * PAGE, PAGE, PAGE, 0)),
        *(move(A + 2 * PAGE, 1, MOVE, FAR), new(A + 2 * PAGE, 1), ("mlock", A + 2 * PAGE, PAGE)),
        *(("madvise", A + 2 * PAGE, PAGE, advice) for advice in (4, 8, 9, 10, 18, 24, 102, 103)),
        *(protect(A + 4 * PAGE, 1, 1), ("mseal", A + 4 * PAGE, PAGE, 0)),
        *(("madvise", A + 4 * PAGE, PAGE, advice) for advice in (4, 8, 9, 10, 11, 16, 18, 24, 102)),
        *(("munlock", A, 6 * PAGE), ("fork",), ("enter",), ("munmap", A, 6 * PAGE)),
    ),
    "a sealed heap": (
        *(("brk", heap(4)), ("mseal", heap(2), PAGE, 0), ("brk", heap(3)), ("brk", heap(1))),
        *(("brk", heap(6)), ("brk", heap(0))),
    ),
    "names": (
        *(new(A, 6), ("name", A + PAGE, PAGE, 0), ("name", A + 2 * PAGE, PAGE, 0)),
        *(("name", A + 3 * PAGE, PAGE, 1), ("name", A + 3 * PAGE, PAGE, 3)),
        *(("name", A + 1, PAGE, 0), ("name", A, 0, 0), ("name", A, TOP, 0)),
        *(("name", A + 5 * PAGE, 2 * PAGE, 6), *(("name", A, PAGE, n) for n in range(7, 14))),
        *(move(A + PAGE, 1, MOVE, FAR), new(FAR + PAGE, 1), ("name", FAR + PAGE, PAGE, 0)),
        *(("fork",), ("name", A, 6 * PAGE, 4), new(STACK, 2, 3, 0x31), ("name", STACK, PAGE, 0)),
        *(of_file(A, 2, 3, FILE, "fd0", 0), ("name", A, 4 * PAGE, 0)),
        *(of_file(A + PAGE, 1, 3, FILE, "zero", 0), ("name", A + PAGE, 2 * PAGE, 1)),
        *(
            ("brk", heap(4)),
            ("name", heap(1), PAGE, 0),
            ("brk", heap(6)),
            ("name", heap(0), 8 * PAGE, 1),
        ),
        *(new(heap(6), 2), ("name", heap(6), PAGE, 1), ("brk", heap(5)), ("brk", heap(1))),
        *(("name", named("[vdso]"), PAGE, 0), ("name", named("[vdso]"), size_of("[vdso]"), 0)),
        *(("name", named("[stack]"), PAGE, 0), ("name", named("[stack]"), size_of("[stack]"), 0)),
    ),
    "policies": (
        *(new(A, 8), *(("mbind", A + PAGE, PAGE, mode, 1, 0) for mode in range(8))),
        *(("mbind", A + n * PAGE, PAGE, mode, 1, 0) for n, mode in enumerate((1, 2, 3, 5, 6))),
        *(("mbind", A, PAGE, mode, 0, 0) for mode in range(8)),
        *(("mbind", A, PAGE, mode, nodes, 0) for mode in range(8) for nodes in (2, 3)),
        *(
            ("mbind", A + nodes * PAGE, PAGE, mode | flag, nodes, 0)
            for mode in range(8)
            for flag in (1 << 13, 1 << 14, 1 << 15, 3 << 14)
            for nodes in (0, 1, 2, 3)
        ),
        *(("mbind", A, PAGE, 2, 1, flags) for flags in (1, 2, 3, 4, 5, 8)),
        *(("mbind", A + 1, PAGE, 2, 1, 0), ("mbind", A, 0, 2, 1, 0), ("mbind", A, TOP, 2, 1, 0)),
        *(("mbind", A - PAGE, 2 * PAGE, 2, 1, 0), ("mbind", A + 7 * PAGE, 2 * PAGE, 0, 0, 0)),
        *(("mbind", A, 0, mode, 2, 0) for mode in (3, 9, 3 << 14)),
        *(("mbind", A, 8 * PAGE, 2 | 1 << 32, 1, 0), new(A + 8 * PAGE, 1), move(A, 2, MOVE, FAR)),
        *(new(STACK, 2, 3, 0x31), ("mbind", STACK, PAGE, 2, 1, 0), ("touch", A + 2 * PAGE)),
        *(("mbind", A + 3 * PAGE, PAGE, 4, 0, 0), ("touch", A + 3 * PAGE), ("fork",)),
        *(("mbind", A, 9 * PAGE, 0, 0, 0), ("mbind", A + 2 * PAGE, 7 * PAGE, 0, 0, 0)),
    ),
    "segments": (
        *(
            ("shmat", "segment", A, 0),
            ("shmat", "segment", A, 0),
            ("shmat", "segment", A + PAGE, 0),
        ),
        *(("shmat", "segment", A + PAGE, 0o40000), ("shmat", "segment", A + 0x205, 0o20000)),
        *(("shmat", "segment", FAR + 5, 0o20000), ("shmat", "segment", FAR + 5, 0)),
        *(("shmat", "segment", 5, 0o60000), ("shmat", "segment", 0, 0o40000)),
        *(("shmat", "segment", STACK, 0o10000), ("shmat", "segment", STACK + 16 * PAGE, 0o100000)),
        *(("shmat", "segment", addr, 0) for addr in ((1 << 47) - PAGE, 1 << 48, TOP - PAGE + 1, 0)),
        *(protect(STACK, 5, 3), ("shmdt", FAR + 1), ("shmdt", FAR), ("shmdt", FAR), ("fork",)),
        *(("munmap", STACK + 2 * PAGE, PAGE), protect(STACK + 17 * PAGE, 1, 1)),
        *(("shmdt", STACK), ("shmdt", STACK + 16 * PAGE), ("shmat", "segment", A, 0o40000)),
        *(
            ("shmat", "segment", FAR, 0),
            ("munmap", A + PAGE, PAGE),
            move(FAR + PAGE, 1, MOVE, A + PAGE),
        ),
        *(
            ("shmdt", A),
            ("shmat", "segment", STACK, 0),
            ("munmap", STACK, 2 * PAGE),
            ("shmdt", STACK),
        ),
        *(("shmat", "segment", STACK, 0), ("mremap", STACK, 5 * PAGE, 9 * PAGE, 0)),
        *(protect(STACK + 7 * PAGE, 1, 1), ("shmdt", STACK), ("shmdt", A + PAGE)),
    ),
    "a sealed segment": (
        *(("shmat", "segment", A, 0), ("mseal", A, PAGE, 0), ("shmdt", A), ("shmdt", A)),
    ),
    "remap_file_pages": (
        *(new(A, 8, 3, 0x31), ("remap_file_pages", A, PAGE, 0, 2, 0)),
        *(("remap_file_pages", A + PAGE, PAGE, 3, 0, 0), ("remap_file_pages", A, 0, 0, 0, 0)),
        *(("remap_file_pages", A + 5, PAGE, 0, 1, 0), ("remap_file_pages", A, PAGE, 0, 1 << 52, 0)),
        *(
            ("remap_file_pages", A, PAGE, 0, TOP, 0),
            ("remap_file_pages", A, PAGE + 5, 0, 7, 0x10000),
        ),
        *(("remap_file_pages", A - PAGE, PAGE, 0, 0, 0), protect(A + 4 * PAGE, 1, 1)),
        *(("remap_file_pages", A + 3 * PAGE, 3 * PAGE, 0, 0, 0), ("mlock2", A + 6 * PAGE, PAGE, 1)),
        *(("remap_file_pages", A + n * PAGE, PAGE, 0, 1, 0) for n in (4, 6, 7)),
        *(("remap_file_pages", A + 6 * PAGE, 2 * PAGE, 0, 0, 0), protect(A, 2, 5)),
        *(("remap_file_pages", A + 7 * PAGE, 2 * PAGE, 0, 0, 0), new(FAR, 1)),
        *(("remap_file_pages", A, 2 * PAGE, 0, 0, 0), ("remap_file_pages", FAR, PAGE, 0, 0, 0)),
        *(of_file(FAR, 2, 1, SHARED_FILE, "fd1", 0), ("remap_file_pages", FAR, PAGE, 0, 1, 0)),
    ),
    "keys": (
        *(
            new(A, 8),
            *(("pkey_alloc", *words) for words in ((0, 0), (1, 0), (0, 4), (0, 0), (0, 1))),
        ),
        *(("pkey_mprotect", A + n * PAGE, PAGE, 3, n) for n in range(6)),
        *(("pkey_mprotect", A, PAGE, 1, key) for key in (TOP, 15, 16, TOP - 1, (1 << 32) - 1, 1)),
        *(
            ("pkey_mprotect", A + 1, PAGE, 1, 0),
            ("pkey_mprotect", A, 0, 1, 9),
            ("pkey_alloc", 0, 2),
        ),
        *(("pkey_free", key) for key in (0, 1, TOP, 16, 1, 2)),
        *(protect(A, 8, 1), ("pkey_alloc", 0, 0), protect(A, 8, 3), ("fork",), ("enter",)),
        *(("pkey_mprotect", A, 8 * PAGE, 3, 1), *(("pkey_alloc", 0, 0) for _ in range(17))),
        *(new(FAR, 1, 4), protect(A, 1, 4), ("pkey_free", 9), new(FAR + 2 * PAGE, 1, 4)),
    ),
    "execute-only memory": (
        *(new(A, 2, 4), new(A + 2 * PAGE, 2, 5), ("mlock", A, PAGE), protect(A + 2 * PAGE, 1, 4)),
        *(
            ("pkey_alloc", 0, 0),
            ("pkey_mprotect", A, PAGE, 3, 1),
            ("pkey_free", 1),
            ("munlockall",),
        ),
        *(protect(A, 1, 3), protect(A, 1, 4), protect(A, 2, 12), protect(A, 2, 5), ("mlockall", 3)),
        *(new(FAR, 1, 4), ("madvise", FAR, PAGE, 22), ("fork",), ("enter",), new(FAR + PAGE, 1, 4)),
        *(("mlock", FAR, 2 * PAGE), move(FAR, 1, MOVE, A), ("munlockall",)),
    ),
    "memory that a key forbids": (
        *(new(A, 4), ("pkey_alloc", 0, 1), ("pkey_alloc", 0, 2), ("pkey_mprotect", A, PAGE, 3, 1)),
        *(("pkey_mprotect", A + PAGE, PAGE, 3, 2), ("touch", A), ("touch", A + PAGE)),
        *(("mlock", A, PAGE), ("mlock", A + PAGE, PAGE), ("munlockall",)),
        *(("madvise", A + n * PAGE, PAGE, advice) for n in (0, 1) for advice in (4, 22, 23)),
        *(protect(A, 4, 1), ("mlock", A + PAGE, PAGE), ("munlockall",)),
        *(new(FAR, 1, 3, 0x132), ("pkey_mprotect", FAR, PAGE, 3, 1), ("touch", FAR - PAGE)),
    ),
    "sealed memory that a key forbids": (
        *(new(A, 4), ("pkey_alloc", 0, 2), ("pkey_mprotect", A, PAGE, 3, 1), ("mseal", A, PAGE, 0)),
        *(("madvise", A, PAGE, advice) for advice in (4, 8, 9, 10, 11, 18, 24)),
        ("pkey_mprotect", A, PAGE, 3, 0),
    ),
}
