# SPDX-License-Identifier: MIT
"""The memory calls of an address space, as its methods."""

from __future__ import annotations

from samara.mm import advice as _advice
from samara.mm import growing, locking, mapping, moving, protection
from samara.mm.changing import checked
from samara.mm.changing import touch as _touch
from samara.mm.space import Space
from samara.mm.vma import VMA, File
from samara.mm.whole import whole


class MemoryCalls(Space):
    """The system calls that change a memory map, as x86-64 Linux does them.

    Addresses, lengths and offsets are bytes; the ends of ranges are exclusive; flags are the
    numbers of `Prot`, `Map`, `Mremap`, `Madv`, `Mlock`, or plain ints. A call that fails raises
    OSError with Linux's errno, and leaves the address space as Linux leaves it: as it was, but
    where the manual page says that a call changes what lies before the hole it stops at. A number
    that no 64-bit register holds raises ValueError. A call that ends with MemoryError, or any other
    exception that is no OSError, has changed nothing; only where MemoryError takes the place of
    such an OSError, that part may be changed. (Where memory is very short `tree` is then another
    object with the same VMAs.) Each costs O(log n) for every VMA that it changes, of n.
    """

    __slots__ = ()

    @whole
    def mmap(
        self,
        addr: int,
        length: int,
        prot: int,
        flags: int,
        file: File | None = None,
        offset: int = 0,
        *,
        mode: str = "rw",
    ) -> int:
        """mmap(2): map `length` bytes, rounded up to pages. Returns the address.

        Args:
            addr: where, with MAP_FIXED or MAP_FIXED_NOREPLACE; else a hint; 0 leaves it to the
                model, which chooses as Linux does: the highest place below `limits.mmap_base`
            file: what is mapped; None is no file descriptor. With MAP_ANONYMOUS it counts only for
                shared memory, as the name that /proc will show; left out, one is made. An
                `OpenFile` merges with what was mapped of the same object alone.
            offset: in the file, a multiple of the page size
            mode: how the file was opened: "r", "w" or "rw"

        OSError: EINVAL (no length, an unaligned offset or fixed address, neither shared nor
        private, flags that exclude each other), EBADF (neither file nor MAP_ANONYMOUS), EACCES
        (`mode` does not allow it), EEXIST (MAP_FIXED_NOREPLACE), ENOMEM (no room, too long, too
        many VMAs, a limit, no huge pages), EPERM (below mmap_min_addr; locked memory where none is
        allowed), EAGAIN (too much locked memory), EOVERFLOW (beyond the largest file), EOPNOTSUPP
        (a flag that MAP_SHARED_VALIDATE does not know).

        >>> from samara.mm import AddressSpace, Map, Prot
        >>> mm = AddressSpace()
        >>> rw, anonymous = Prot.READ | Prot.WRITE, Map.PRIVATE | Map.ANONYMOUS
        >>> hex(mm.mmap(0, 10_000, rw, anonymous))
        '0x7ffff7ffc000'
        >>> hex(mm.mmap(0, 4096, rw, anonymous))
        '0x7ffff7ffb000'
        >>> mm.vmas()
        [VMA(0x7ffff7ffb000-0x7ffff7fff000 rw-p)]
        """
        return mapping.mmap(self, addr, length, prot, flags, file, offset, mode)

    @whole
    def munmap(self, addr: int, length: int) -> None:
        """munmap(2): unmap [addr, addr + length), whatever is there; nothing is no error.

        OSError: EINVAL (no length, an unaligned address, beyond user space), ENOMEM (it would make
        two VMAs of one, and there are `max_map_count`).

        >>> from samara.mm import AddressSpace
        >>> mm = AddressSpace([VMA(0x10000, 0x14000)])
        >>> mm.munmap(0x11000, 4096)
        >>> mm.vmas()
        [VMA(0x10000-0x11000 ---p), VMA(0x12000-0x14000 ---p)]
        """
        mapping.munmap(self, addr, length)

    @whole
    def mprotect(self, addr: int, length: int, prot: int) -> None:
        """mprotect(2): give [addr, addr + length) the rights `prot`.

        OSError: ENOMEM where it meets a hole, when what lies before the hole is changed already;
        ENOMEM for too many VMAs or a limit; EACCES (a shared file that was opened for reading);
        EINVAL (an unaligned address, an unknown right).

        >>> from samara.mm import AddressSpace, Prot
        >>> mm = AddressSpace([VMA(0x10000, 0x12000)])
        >>> mm.mprotect(0x11000, 0x5000, Prot.READ)
        Traceback (most recent call last):
            ...
        OSError: [Errno 12] Cannot allocate memory
        >>> mm.vmas()
        [VMA(0x10000-0x11000 ---p), VMA(0x11000-0x12000 r--p)]
        """
        protection.mprotect(self, addr, length, prot)

    @whole
    def mremap(
        self,
        old: int,
        old_size: int,
        new_size: int,
        flags: int = 0,
        new_addr: int = 0,
    ) -> int:
        """mremap(2): shrink, grow or move a mapping. Returns where it is now.

        flags     `Mremap.MAYMOVE`; with it FIXED, to `new_addr`, and DONTUNMAP
        new_addr  where to, with FIXED; a hint with DONTUNMAP alone

        An `old_size` of 0 makes a second mapping of shared memory. With FIXED and equal sizes the
        range may hold several VMAs (Linux 6.17).

        OSError: EFAULT (nothing at `old`; growing over more than one VMA), ENOMEM (no room, or no
        leave to move; a limit), EINVAL (unaligned, no new size, overlapping, flags that exclude
        each other), EAGAIN (too much locked memory).

        >>> from samara.mm import AddressSpace, Mremap
        >>> mm = AddressSpace([VMA(0x10000, 0x12000), VMA(0x13000, 0x14000)])
        >>> hex(mm.mremap(0x10000, 0x2000, 0x3000))
        '0x10000'
        >>> hex(mm.mremap(0x10000, 0x4000, 0x5000, Mremap.MAYMOVE))
        '0x10000'
        """
        return moving.mremap(self, old, old_size, new_size, flags, new_addr)

    @whole
    def brk(self, addr: int) -> int:
        """brk(2), the system call: move the end of the heap. Returns where it is now: where it was
        if it could not be moved; there is no other error. `heap` tells where it begins; an address
        space of which this is not known (`exec` sets it) has no heap, and returns 0.

        >>> from samara.mm import AddressSpace
        >>> mm = AddressSpace()
        >>> mm.exec(start_brk=0x555555559000)
        >>> hex(mm.brk(0)), hex(mm.brk(0x55555555a000))
        ('0x555555559000', '0x55555555a000')
        >>> mm.vmas()
        [VMA(0x555555559000-0x55555555a000 rw-p '[heap]')]
        """
        return growing.brk(self, addr)

    @whole
    def madvise(self, addr: int, length: int, advice: int) -> None:
        """madvise(2). Advice that Linux keeps with a VMA changes its VmFlags; other advice is
        checked, and has no effect here.

        OSError: ENOMEM where there are holes, when all else is done; EINVAL (an unaligned address,
        unknown advice, memory that cannot have it); EACCES (`Madv.REMOVE` of what is not shared and
        writable); EAGAIN (too many VMAs).

        >>> from samara.mm import AddressSpace, Madv
        >>> mm = AddressSpace([VMA(0x10000, 0x12000)])
        >>> mm.madvise(0x10000, 4096, Madv.DONTFORK)
        >>> mm.fork().vmas()
        [VMA(0x11000-0x12000 ---p)]
        """
        _advice.madvise(self, addr, length, advice)

    @whole
    def mlock(self, addr: int, length: int, flags: int = 0) -> None:
        """mlock(2), and with `Mlock.ONFAULT` mlock2(2): lock the pages that have a byte of [addr,
        addr + length).

        OSError: ENOMEM where it meets a hole, when what lies before it is locked already; ENOMEM
        for memory without any right, when it is locked; ENOMEM beyond RLIMIT_MEMLOCK; EPERM where
        that is 0; EINVAL (unknown flags).

        >>> from samara.mm import AddressSpace, Mlock
        >>> mm = AddressSpace([VMA(0x10000, 0x12000)])
        >>> mm.mlock(0x10000, 1, Mlock.ONFAULT)
        >>> sorted(mm.find(0x10000).vm_flags - mm.find(0x11000).vm_flags)
        ['lf', 'lo']
        """
        locking.mlock(self, addr, length, flags)

    @whole
    def munlock(self, addr: int, length: int) -> None:
        """munlock(2): unlock the pages that have a byte of [addr, addr + length).

        OSError: ENOMEM where it meets a hole, when what lies before it is unlocked already.

        >>> from samara.mm import AddressSpace
        >>> mm = AddressSpace([VMA(0x10000, 0x12000, vm_flags="rd mr lo")])
        >>> mm.munlock(0x10000, 0x2000)
        >>> sorted(mm.find(0x10000).vm_flags)
        ['mr', 'rd']
        """
        locking.munlock(self, addr, length)

    @whole
    def mlockall(self, flags: int) -> None:
        """mlockall(2): lock what is mapped (`Mlock.CURRENT`), what will be (`Mlock.FUTURE`), or
        both; with `Mlock.ALL_ONFAULT` a page when it is first used. O(n).

        OSError: EINVAL (no flags, or unknown ones), ENOMEM beyond RLIMIT_MEMLOCK, EPERM where that
        is 0.

        >>> from samara.mm import AddressSpace, Mlock
        >>> mm = AddressSpace([VMA(0x10000, 0x12000)])
        >>> mm.mlockall(Mlock.CURRENT)
        >>> "lo" in mm.find(0x10000).vm_flags
        True
        """
        locking.mlockall(self, flags)

    @whole
    def munlockall(self) -> None:
        """munlockall(2): unlock all, and lock nothing that will be mapped. O(n).

        >>> from samara.mm import AddressSpace, Mlock
        >>> mm = AddressSpace([VMA(0x10000, 0x12000)])
        >>> mm.mlockall(Mlock.CURRENT | Mlock.FUTURE)
        >>> mm.munlockall()
        >>> "lo" in mm.find(0x10000).vm_flags
        False
        """
        locking.munlockall(self)

    @whole
    def expand_stack(self, addr: int) -> VMA:
        """What a page fault at `addr` does to a stack above it (MAP_GROWSDOWN): the VMA grows down
        to the page of `addr`. Returns the VMA that has `addr` then, which may be one that had it
        before.

        OSError, where the process would get SIGSEGV: EFAULT (no stack above), ENOMEM (RLIMIT_STACK;
        the guard gap to memory below; a limit), EPERM (below mmap_min_addr).

        >>> from samara.mm import AddressSpace
        >>> mm = AddressSpace([VMA(0x7ff000000000, 0x7ff000001000, vm_flags="rd wr mr mw me gd")])
        >>> mm.expand_stack(0x7fefffffe123)
        VMA(0x7fefffffe000-0x7ff000001000 ---p)
        """
        return growing.expand_stack(self, addr)

    @whole
    def touch(self, addr: int, length: int = 1) -> None:
        """What writes to the memory of [addr, addr + length) do to its VMAs: those that are private
        and may be written now have pages of their own. No field of theirs tells, but two such
        VMAs, written apart, stay apart (Linux's anon_vma), keep their accounting when they lose the
        right to be written, and take it along when they are moved. What is not mapped is passed
        over. O(log n) for each VMA.

        >>> from samara.mm import AddressSpace, Map, Prot
        >>> rw, fixed = Prot.READ | Prot.WRITE, Map.PRIVATE | Map.ANONYMOUS | Map.FIXED
        >>> mm = AddressSpace([VMA(0x10000, 0x11000, rw), VMA(0x12000, 0x13000, rw)])
        >>> mm.touch(0x10000, 0x3000)
        >>> mm.mmap(0x11000, 4096, rw, fixed)
        69632
        >>> mm.vmas()
        [VMA(0x10000-0x12000 rw-p), VMA(0x12000-0x13000 rw-p)]
        """
        addr, length = checked(addr, length)
        _touch(self, addr, addr + length)
