# SPDX-License-Identifier: MIT
"""`AddressSpace`: the memory map of a process, and the system calls that change it.

This module only puts together the state, the system calls and the texts of /proc. Users of
`samara.mm` call it; in this package, `synthetic` and replay do.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

from samara.mm.accounting import checked_counters, count_vmas
from samara.mm.difference import Difference, differences
from samara.mm.layout import guess_limits
from samara.mm.limits import Limits
from samara.mm.populate import populate
from samara.mm.proc.maps import (
    MapsText,
    SkippedLine,
    format_maps,
    parse_text,
    summarize_skipped,
)
from samara.mm.proc.pid import read_layout, read_maps
from samara.mm.state import ForkMark, State
from samara.mm.syscalls.brk import brk as _brk
from samara.mm.syscalls.exec import exec as _exec
from samara.mm.syscalls.fork import fork as _fork
from samara.mm.syscalls.madvise import madvise as _madvise
from samara.mm.syscalls.mbind import mbind as _mbind
from samara.mm.syscalls.mlock import mlock as _mlock
from samara.mm.syscalls.mlock import mlockall as _mlockall
from samara.mm.syscalls.mlock import munlock as _munlock
from samara.mm.syscalls.mlock import munlockall as _munlockall
from samara.mm.syscalls.mmap import mmap as _mmap
from samara.mm.syscalls.mprotect import mprotect as _mprotect
from samara.mm.syscalls.mprotect import pkey_mprotect as _pkey_mprotect
from samara.mm.syscalls.mremap import mremap as _mremap
from samara.mm.syscalls.mseal import mseal as _mseal
from samara.mm.syscalls.munmap import munmap as _munmap
from samara.mm.syscalls.pkey_alloc import pkey_alloc as _pkey_alloc
from samara.mm.syscalls.pkey_alloc import pkey_free as _pkey_free
from samara.mm.syscalls.prctl import prctl as _prctl
from samara.mm.syscalls.remap_file_pages import remap_file_pages as _remap_file_pages
from samara.mm.syscalls.shmat import shmat as _shmat
from samara.mm.syscalls.shmat import shmdt as _shmdt
from samara.mm.syscalls.stack import expand_stack as _expand_stack
from samara.mm.syscalls.touch import touch as _touch
from samara.mm.units import ADDRESS_END
from samara.mm.vma import VMA
from samara.mm.vma_ops import derived_name, has_derived_name, rename

_NO_LIMITS_GIVEN = Limits()


class AddressSpace(State):
    """The VMAs of a process: a maple tree of `VMA` values keyed by address.

    `vmas` may come in any order; ValueError if two of them overlap. Two address spaces are equal if
    their VMAs are. Iteration and `len` are over the VMAs. In the costs below, n is their number.

    The heap reaches from the first VMA named [heap] to the last one; the stack is the last VMA
    named [stack]. As on Linux, the name of memory without a file depends on whether it lies there.
    A given name that says otherwise is changed.

    Attributes:
        limits: the `Limits` of the calls. Forks have the same.
        tree: the `MapleTree` itself. A VMA is stored over [start, end - 1]. Only read it: the
            address space does not account for direct writes.
        ledger: the `Ledger` of this address space and of all its forks.

    The system calls are those of x86-64 Linux. Addresses, lengths and offsets are in bytes. The
    ends of ranges are exclusive. Flags are the numbers of `Prot`, `Map`, `Mremap`, `Madv` and
    `Mlock`, or plain ints. Each call costs O(log n) for every VMA that it changes.

    A call that fails raises OSError with Linux's errno, and leaves the address space as Linux
    leaves it. Usually nothing has changed; but if the manual page says that a call changes what
    lies before the hole it stops at, so it does here. A number that does not fit a 64-bit register
    raises ValueError. Any exception other than OSError, such as MemoryError, rolls the call back.
    Only if MemoryError takes the place of such an OSError, the part before the hole may have
    changed. (If memory is very short, `tree` is then another object with the same VMAs.)

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
            raise TypeError(f"limits must be a Limits, not {limits!r}")
        populate(self, vmas, limits)

    @classmethod
    def from_pid(cls, pid: int, *, limits: Limits | None = None) -> AddressSpace:
        """Read the address space of a running process. O(n).

        Reads /proc/PID/smaps, or /proc/PID/maps if there is no smaps. The process keeps running:
        stop it first if its memory must not change meanwhile.

        Args:
            pid: the process id
            limits: the limits of its calls. By default, the layout of its addresses, the page size
                and `mmap_base` are guessed from its VMAs, so that mmap() chooses the address that
                the kernel would choose, and `pkeys` is set if smaps has protection keys; the others
                have their defaults.

        Raises:
            ProcessLookupError: There is no such process, or it has no address space (a kernel
                thread, or a process that has ended).
            PermissionError: The process's map may not be read.
            FileNotFoundError: There is no /proc.

        >>> import os
        >>> AddressSpace.from_pid(os.getpid()).find(id(os)).perms
        'rw-p'
        """
        space = cls._of_text(parse_text(read_maps(pid)), limits)
        start_brk, start_stack, data_segment = read_layout(pid)
        counters = space._counters
        counters.data_segment = data_segment
        if start_brk:
            counters.start_brk, counters.brk = start_brk, max(counters.brk, start_brk)
        if start_stack:
            counters.start_stack = start_stack
        return space

    @classmethod
    def from_maps(
        cls,
        text: str,
        *,
        limits: Limits | None = None,
        skipped: list[SkippedLine] | None = None,
    ) -> AddressSpace:
        """Make an address space from a text of /proc/PID/maps or smaps. O(n).

        The mappings may stand in other text, such as Java's hs_err log, may be indented or have
        tabs between their columns, and lines may end in CR LF. Two other layouts are read: Android
        tombstones and `info proc mappings` of gdb, which show less (a mapping without permissions
        gets `---p`, one without a device 00:00). A field of smaps that is unknown is ignored. A
        second [vsyscall] line is skipped.

        VmFlags come from smaps. Without them, each VMA has those that its permissions imply (rd,
        wr, ex; sh and ms if shared), and mr, mw, me, which nearly every VMA has. So a text of maps
        cannot tell what is locked or not copied on fork.

        Args:
            text: the text. Without any line that is not blank, it is an empty address space.
            limits: the limits of the calls. The default is guessed as in `from_pid`.
            skipped: a list to which the lines that are not mappings are added. Without it, a
                UserWarning says how many there are, and which is the first.

        Raises:
            ValueError: No line is a mapping; a line begins like one, but is damaged; a line of
                smaps has no VMA above it; or a VMA begins below the end of the one before. The
                message has the line's number and text.

        >>> text = "7f0000400000-7f0000401000 r-xp 00002000 fe:00 17".ljust(73) + "/bin/true\\n"
        >>> mm = AddressSpace.from_maps(text)
        >>> mm.find(0x7f0000400abc).file
        File(dev='fe:00', inode=17, path='/bin/true')
        >>> mm.maps() == text
        True
        """
        found = parse_text(text)
        space = cls._of_text(found, limits)
        if skipped is not None:
            skipped += found.skipped
        elif found.skipped:
            warnings.warn(summarize_skipped(found.skipped), stacklevel=2)
        return space

    @classmethod
    def _of_text(cls, found: MapsText, limits: Limits | None) -> AddressSpace:
        if limits is None:
            limits = guess_limits(found.vmas, found.page_size)
            if found.pkeys:
                limits = replace(limits, pkeys=True)
        return cls(found.vmas, limits=limits)

    # The system calls. Each is documented in the file of its manual page in `syscalls/`.
    brk = _brk
    exec = _exec
    expand_stack = _expand_stack
    fork = _fork
    madvise = _madvise
    mbind = _mbind
    mlock = _mlock
    mlockall = _mlockall
    mmap = _mmap
    mprotect = _mprotect
    mremap = _mremap
    mseal = _mseal
    munlock = _munlock
    munlockall = _munlockall
    munmap = _munmap
    pkey_alloc = _pkey_alloc
    pkey_free = _pkey_free
    pkey_mprotect = _pkey_mprotect
    prctl = _prctl
    remap_file_pages = _remap_file_pages
    shmat = _shmat
    shmdt = _shmdt
    touch = _touch

    def diff(self, other: AddressSpace) -> list[Difference]:
        """Return what changed from this address space to the other, by address.

        Each `Difference` is a stretch of addresses: where memory came, went, has other permissions
        and so on, with the whole VMAs there. Memory that is described as before is no difference,
        even if its VMA was cut or has merged. The list is empty if the two are equal.

        O(log n) for each change if one is a `fork()` of the other by "cow", which share nodes;
        otherwise O(n).

        Raises:
            TypeError: other is not an AddressSpace.

        >>> mm = AddressSpace([VMA(0x1000, 0x9000)])
        >>> later = mm.fork()
        >>> later.mprotect(0x3000, 0x1000, 1)
        >>> for change in mm.diff(later):
        ...     print(change.kind, hex(change.start), hex(change.end), change.after)
        protected 0x3000 0x4000 VMA(0x3000-0x4000 r--p)
        """
        if not isinstance(other, AddressSpace):
            raise TypeError(f"other must be an AddressSpace, not {other!r}")
        return list(differences(self, other))

    def maps(self) -> str:
        """Return the text of /proc/PID/maps, exact to the last blank. O(n)."""
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
        """Support pickle. O(n).

        Raises:
            ValueError: This is not the state of an address space.
            TypeError: Something in place of a number is not a number.
        """
        self._counters = checked_counters(state).of_vmas(self._counters)
        rename(self, 0, ADDRESS_END)

    def check(self) -> None:
        """Check that the address space is consistent. O(n).

        Raises:
            AssertionError: The tree is damaged, a VMA is not stored at its own addresses, or the
                record of VMAs that fork changes is wrong. The message says what is wrong.
        """
        self.tree.check()
        for first, last, vma in self.tree:
            if vma is ForkMark.FAILED:
                break
            if (vma.start, vma.end - 1) != (first, last):
                raise AssertionError(f"{vma!r} is stored at {first:#x}...{last:#x}")
            in_user_space = vma.start < self.limits.task_size
            if has_derived_name(vma) and in_user_space and not self.half_made:
                name = derived_name(self, vma)
                if vma.name != name:
                    raise AssertionError(f"{vma!r} should have the name {name!r}")
        counted, changed = count_vmas(self, self.limits)
        if not self.half_made and self._counters.sums != counted.sums:
            raise AssertionError(
                f"the VMAs add up to {counted}, but the counters are {self._counters}"
            )
        expected = [vma for _first, _last, vma in self._changed]
        if expected != changed:
            raise AssertionError(f"fork changes {changed}, but the record says {expected}")
