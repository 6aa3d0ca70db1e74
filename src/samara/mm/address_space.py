# SPDX-License-Identifier: MIT
"""`AddressSpace`: the memory map of a process, and the system calls that change it.

Owns nothing but the names: it puts together the state, the system calls and the texts of /proc.
This is what users of `samara.mm` call; in this package, `synthetic` and replay do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, ClassVar

from samara.mm.accounting import checked_counters, count_vmas
from samara.mm.difference import Difference, differences
from samara.mm.limits import Limits
from samara.mm.populate import populate
from samara.mm.proc.maps import format_maps, parse_maps
from samara.mm.proc.pid import read_layout, read_maps
from samara.mm.state import ForkMark, State
from samara.mm.syscalls.brk import brk as _brk
from samara.mm.syscalls.exec import exec as _exec
from samara.mm.syscalls.fork import fork as _fork
from samara.mm.syscalls.madvise import madvise as _madvise
from samara.mm.syscalls.mlock import mlock as _mlock
from samara.mm.syscalls.mlock import mlockall as _mlockall
from samara.mm.syscalls.mlock import munlock as _munlock
from samara.mm.syscalls.mlock import munlockall as _munlockall
from samara.mm.syscalls.mmap import mmap as _mmap
from samara.mm.syscalls.mprotect import mprotect as _mprotect
from samara.mm.syscalls.mremap import mremap as _mremap
from samara.mm.syscalls.munmap import munmap as _munmap
from samara.mm.syscalls.stack import expand_stack as _expand_stack
from samara.mm.syscalls.touch import touch as _touch
from samara.mm.units import ADDRESS_END
from samara.mm.vma import VMA
from samara.mm.vma_ops import derived_name, has_derived_name, rename

_NO_LIMITS_GIVEN = Limits()


class AddressSpace(State):
    """The VMAs of a process: a maple tree of `VMA` values keyed by address.

    `vmas` may come in any order; two that overlap raise ValueError. Equal to another address space
    with equal VMAs. Iterating and `len` are over the VMAs. n is their number below.

    The first VMA [heap] and the last one tell where the heap is, the last VMA [stack] where the
    stack is. As on Linux, memory without a file is named by whether it lies there: where the names
    that came say otherwise, they are changed.

    Attributes:
        limits: the `Limits` that calls keep to; forks have the same.
        tree: the `MapleTree` itself, a VMA over [start, end - 1]. For reading: what is written to
            it directly is not on the address space's books.
        ledger: the `Ledger` of this address space and all that are forked from it.

    The system calls are those of x86-64 Linux. Addresses, lengths and offsets are bytes; the ends
    of ranges are exclusive; flags are the numbers of `Prot`, `Map`, `Mremap`, `Madv`, `Mlock`, or
    plain ints. A call that fails raises OSError with Linux's errno, and leaves the address space as
    Linux leaves it: as it was, but where the manual page says that a call changes what lies before
    the hole it stops at. A number that no 64-bit register holds raises ValueError. A call that ends
    with MemoryError, or any other exception that is no OSError, has changed nothing; only where
    MemoryError takes the place of such an OSError, that part may be changed. (Where memory is very
    short `tree` is then another object with the same VMAs.) Each costs O(log n) for every VMA that
    it changes, of n.

    >>> heap = VMA(0x1000, 0x3000, name="[heap]")
    >>> mm = AddressSpace([heap, VMA(0x8000, 0x9000, vm_flags="rd dc")])
    >>> len(mm), mm.find(0x2fff)
    (2, VMA(0x1000-0x3000 ---p '[heap]'))
    >>> child = mm.fork()
    >>> child.vmas()
    [VMA(0x1000-0x3000 ---p '[heap]')]
    >>> mm.ledger
    Ledger(opened=3, closed=0, open=3)
    >>> child.exit(), mm.exit(), mm.ledger.open
    (1, 2, 0)
    """

    __slots__ = ()

    __hash__: ClassVar[None] = None  # type: ignore[assignment]

    def __init__(self, vmas: Iterable[VMA] = (), *, limits: Limits = _NO_LIMITS_GIVEN) -> None:
        if not isinstance(limits, Limits):
            raise TypeError(f"limits must be Limits, not {limits!r}")
        populate(self, vmas, limits)

    @classmethod
    def from_pid(cls, pid: int) -> AddressSpace:
        """The address space of a running process, from its /proc/PID/smaps, or maps where there is
        no smaps. O(n). The process is not stopped for it: stop it first if it must not change
        meanwhile.

        ProcessLookupError: no such process, or one without an address space (a kernel thread, or
        one that has ended); PermissionError: its map may not be read; FileNotFoundError: there is
        no /proc.

        >>> import os
        >>> AddressSpace.from_pid(os.getpid()).find(id(os)).perms
        'rw-p'
        """
        space = cls(parse_maps(read_maps(pid)))
        start_brk, start_stack, data_segment = read_layout(pid)
        counters = space._counters
        counters.data_segment = data_segment
        if start_brk:
            counters.start_brk, counters.brk = start_brk, max(counters.brk, start_brk)
        if start_stack:
            counters.start_stack = start_stack
        return space

    @classmethod
    def from_maps(cls, text: str) -> AddressSpace:
        """The address space that a text of /proc/PID/maps or smaps shows. O(n).

        VmFlags come from smaps; without them each VMA has those that its permissions imply (rd, wr,
        ex; sh and ms where shared) and mr, mw, me, which nearly every VMA has. So a text of maps
        cannot tell what is locked or not copied on fork. ValueError, with the line's number and
        text: a line of neither kind; a VMA that begins below the end of the one before it.

        >>> text = "7f0000400000-7f0000401000 r-xp 00002000 fe:00 17".ljust(73) + "/bin/true\\n"
        >>> mm = AddressSpace.from_maps(text)
        >>> mm.find(0x7f0000400abc).file
        File(dev='fe:00', inode=17, path='/bin/true')
        >>> mm.maps() == text
        True
        """
        return cls(parse_maps(text))

    # The system calls, each with its documentation in the file of its manual page in `syscalls/`.
    brk = _brk
    exec = _exec
    expand_stack = _expand_stack
    fork = _fork
    madvise = _madvise
    mlock = _mlock
    mlockall = _mlockall
    mmap = _mmap
    mprotect = _mprotect
    mremap = _mremap
    munlock = _munlock
    munlockall = _munlockall
    munmap = _munmap
    touch = _touch

    def diff(self, other: AddressSpace) -> list[Difference]:
        """What changed from this address space to the other, by address: the VMAs that came, went,
        grew, shrank, or have other permissions or VmFlags. Empty where the two are equal. O(n).

        >>> mm = AddressSpace([VMA(0x1000, 0x3000)])
        >>> later = mm.fork()
        >>> later.mprotect(0x1000, 0x2000, 1)
        >>> [(change.kind, change.after) for change in mm.diff(later)]
        [('protected', VMA(0x1000-0x3000 r--p))]
        """
        if not isinstance(other, AddressSpace):
            raise TypeError(f"other must be an AddressSpace, not {other!r}")
        return differences(self, other)

    def maps(self) -> str:
        """The text of /proc/PID/maps, to the blank. O(n)."""
        return format_maps(self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, AddressSpace):
            return NotImplemented
        return self.tree == other.tree

    def __repr__(self) -> str:
        state = "half-made " if self.half_made else ""
        return f"<{state}AddressSpace of {len(self)} VMAs>"

    def __reduce__(self) -> tuple[Callable[..., AddressSpace], tuple[list[VMA]], tuple[Any, ...]]:
        make = partial(type(self), limits=self.limits)
        return make, (self.vmas(),), self._counters.values()

    def __setstate__(self, state: object) -> None:
        """For pickle. ValueError for what is no state of an address space, TypeError for numbers
        that are none. O(n)."""
        self._counters = checked_counters(state).of_vmas(self._counters)
        rename(self, 0, ADDRESS_END)

    def check(self) -> None:
        """Raise AssertionError, saying what is wrong, unless the tree is sound, each VMA stands at
        its own addresses, and the VMAs that fork changes are known. O(n)."""
        self.tree.check()
        for first, last, vma in self.tree:
            if vma is ForkMark.FAILED:
                break
            if (vma.start, vma.end - 1) != (first, last):
                raise AssertionError(f"{vma!r} stands at {first:#x}...{last:#x}")
            in_user_space = vma.start < self.limits.task_size
            if has_derived_name(vma) and in_user_space and not self.half_made:
                name = derived_name(self, vma.start, vma.end)
                if vma.name != name:
                    raise AssertionError(f"{vma!r} should have the name {name!r}")
        counted, changed = count_vmas(self, self.limits.task_size)
        if not self.half_made and self._counters.sums != counted.sums:
            raise AssertionError(f"the VMAs add up to {counted}, not to {self._counters}")
        expected = [vma for _first, _last, vma in self._changed]
        if expected != changed:
            raise AssertionError(f"fork would change {changed}, but {expected} are known")
