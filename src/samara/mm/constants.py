# SPDX-License-Identifier: MIT
"""The flags of the memory calls, with the numbers of x86-64 Linux. Anybody may call it."""

from __future__ import annotations

from enum import IntEnum, IntFlag


class Prot(IntFlag):
    """PROT_* of mmap(2) and mprotect(2)."""

    NONE = 0
    READ = 1
    WRITE = 2
    EXEC = 4
    SEM = 8
    GROWSDOWN = 0x01000000
    GROWSUP = 0x02000000


class Map(IntFlag):
    """MAP_* of mmap(2). A finished `VMA` still shows SHARED or PRIVATE, and ANONYMOUS."""

    SHARED = 0x01
    PRIVATE = 0x02
    SHARED_VALIDATE = 0x03
    DROPPABLE = 0x08
    FIXED = 0x10
    ANONYMOUS = 0x20
    BIT32 = 0x40  # MAP_32BIT
    ABOVE4G = 0x80
    GROWSDOWN = 0x100
    DENYWRITE = 0x800
    EXECUTABLE = 0x1000
    LOCKED = 0x2000
    NORESERVE = 0x4000
    POPULATE = 0x8000
    NONBLOCK = 0x10000
    STACK = 0x20000
    HUGETLB = 0x40000
    SYNC = 0x80000
    FIXED_NOREPLACE = 0x100000


class Mremap(IntFlag):
    """MREMAP_* of mremap(2)."""

    MAYMOVE = 1
    FIXED = 2
    DONTUNMAP = 4


class Mlock(IntFlag):
    """MLOCK_* of mlock2(2) and MCL_* of mlockall(2)."""

    ONFAULT = 1
    CURRENT = 1
    FUTURE = 2
    ALL_ONFAULT = 4  # MCL_ONFAULT


class Pkey(IntFlag):
    """PKEY_* of pkey_alloc(2): what the thread may not do with memory that has the key."""

    DISABLE_ACCESS = 1
    DISABLE_WRITE = 2


class Mpol(IntFlag):
    """MPOL_* of mbind(2): a mode, with or without flags F_*."""

    DEFAULT = 0
    PREFERRED = 1
    BIND = 2
    INTERLEAVE = 3
    LOCAL = 4
    PREFERRED_MANY = 5
    WEIGHTED_INTERLEAVE = 6
    F_NUMA_BALANCING = 1 << 13
    F_RELATIVE_NODES = 1 << 14
    F_STATIC_NODES = 1 << 15


class MpolMf(IntFlag):
    """MPOL_MF_* of mbind(2): what to do with pages that are elsewhere already."""

    STRICT = 1
    MOVE = 2
    MOVE_ALL = 4


class Shm(IntFlag):
    """SHM_* of shmat(2)."""

    RDONLY = 0o10000
    RND = 0o20000
    REMAP = 0o40000
    EXEC = 0o100000


class Prctl(IntEnum):
    """PR_* of prctl(2), as far as they change VMAs."""

    SET_VMA = 0x53564D41
    SET_VMA_ANON_NAME = 0


class Madv(IntEnum):
    """MADV_* of madvise(2)."""

    NORMAL = 0
    RANDOM = 1
    SEQUENTIAL = 2
    WILLNEED = 3
    DONTNEED = 4
    FREE = 8
    REMOVE = 9
    DONTFORK = 10
    DOFORK = 11
    MERGEABLE = 12
    UNMERGEABLE = 13
    HUGEPAGE = 14
    NOHUGEPAGE = 15
    DONTDUMP = 16
    DODUMP = 17
    WIPEONFORK = 18
    KEEPONFORK = 19
    COLD = 20
    PAGEOUT = 21
    POPULATE_READ = 22
    POPULATE_WRITE = 23
    DONTNEED_LOCKED = 24
    COLLAPSE = 25
    HWPOISON = 100
    SOFT_OFFLINE = 101
    GUARD_INSTALL = 102
    GUARD_REMOVE = 103
