# SPDX-License-Identifier: MIT
"""`AddressSpace`: the VMAs of one process, in a maple tree."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from itertools import count, islice, pairwise
from operator import attrgetter, index, itemgetter
from typing import ClassVar, TypeAlias

from samara import MapleTree
from samara.mm.calls import MemoryCalls
from samara.mm.changing import LOCKED_ON_FAULT, checked, derived_name, rename, weight
from samara.mm.difference import Difference, differences
from samara.mm.fork import (
    FORK_METHODS,
    NOT_COPIED,
    ForkError,
    ForkMark,
    ForkMethod,
    Stopped,
    Tree,
    is_changed_by_fork,
)
from samara.mm.ledger import Ledger, Tally
from samara.mm.limits import TASK_SIZE, Limits
from samara.mm.maps import format_maps, parse_maps, read_layout, read_maps
from samara.mm.merging import DERIVED_NAMES, MERGING, kept_apart
from samara.mm.vma import ADDRESS_END, PAGE_SIZE, VMA, TouchedVMA

_NO_LIMITS_GIVEN = Limits()
# Of a pickle: start_brk, brk, start_stack, the data segment's bytes, those that moves left counted
# as locked, locks to come.
_State: TypeAlias = tuple[int, int, int, int, int, frozenset[str]]


class AddressSpace(MemoryCalls):
    """The VMAs of a process: a maple tree of `VMA` values keyed by address.

    `vmas` may come in any order; two that overlap raise ValueError. Equal to another address space
    with equal VMAs. Iterating and `len` are over the VMAs. n is their number below.

    The first VMA [heap] and the last one tell where the heap is, the last VMA [stack] where the
    stack is. As on Linux, memory without a file is named by whether it lies there: where the names
    that came say otherwise, they are changed.

    limits    the `Limits` that calls keep to; forks have the same.
    tree      the `MapleTree` itself, a VMA over [start, end - 1]. For reading: what is written to
              it directly is not on the address space's books.
    ledger    the `Ledger` of this address space and all that are forked from it.

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

    # Declared in Space too. `pyright --verifytypes` needs the types in the class that sets them.
    ledger: Ledger
    tree: Tree

    __hash__: ClassVar[None] = None  # type: ignore[assignment]

    def __init__(self, vmas: Iterable[VMA] = (), *, limits: Limits = _NO_LIMITS_GIVEN) -> None:
        if not isinstance(limits, Limits):
            raise TypeError(f"limits must be Limits, not {limits!r}")
        given = _in_order(vmas)
        self.limits = limits
        self._limit = ADDRESS_END
        self._future_locks = frozenset()
        self._shared_memory = count(1)
        self.ledger = self._account = Ledger()
        self._take(given)

    def _take(self, given: list[VMA]) -> None:
        locked_bytes = data_bytes = identity = 0
        changed_by_fork = []
        sealed = False
        for vma in given:
            end = vma[1]
            locked, data, changed, wiped = weight(vma[7])
            size = end - vma[0]
            locked_bytes += locked * size
            data_bytes += data * size
            if changed or (wiped and is_changed_by_fork(vma)):
                changed_by_fork.append((vma[0], end - 1, vma))
            sealed = sealed or "sl" in vma[7]
            if isinstance(vma, TouchedVMA):
                identity = max(identity, vma.anon_vma.identity)
        # Sorted triples are taken as they are: no VMA is merged with its neighbour.
        self.tree = MapleTree([(vma[0], vma[1] - 1, vma) for vma in given], policy=MERGING)
        self._changed = MapleTree(changed_by_fork, policy=MERGING)
        self._locked, self._data, self._sealed = locked_bytes, data_bytes, sealed
        self._left_locked = self._data_segment = 0
        self._identities = count(identity + 1)  # behind those of a pickle
        inside = bisect_left(given, self.limits.task_size, key=itemgetter(0))
        self._outside = len(given) - inside
        self._find_heap_and_stack(given)
        self.ledger.note_opened(len(given))
        for vma in given:
            if _is_derived(vma) and derived_name(self, vma[0], vma[1]) != vma[6]:
                rename(self, 0, ADDRESS_END)
                break

    def _find_heap_and_stack(self, vmas: list[VMA]) -> None:
        self._start_brk = self._brk = 0
        self._start_stack = ADDRESS_END
        for vma in vmas:
            if vma[0] >= self.limits.task_size:
                return
            if vma[6] == "[heap]":
                self._start_brk = self._start_brk or vma[0]
                self._brk = vma[1]
            elif vma[6] == "[stack]":
                self._start_stack = vma[1] - PAGE_SIZE

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
        start_brk, start_stack, space._data_segment = read_layout(pid)
        if start_brk:
            space._start_brk, space._brk = start_brk, max(space._brk, start_brk)
        if start_stack:
            space._start_stack = start_stack
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

    @classmethod
    def _of(cls, tree: Tree, parent: AddressSpace, limit: int = ADDRESS_END) -> AddressSpace:
        space = cls.__new__(cls)
        space.tree = tree
        space._changed = MapleTree(policy=MERGING)  # fork leaves nothing that it would change again
        space._limit = limit
        space._locked = space._left_locked = 0  # locks are not inherited, neither those there are
        space._future_locks = frozenset()  # nor those to come
        space._sealed = parent._sealed
        space._brk, space._start_brk = parent._brk, parent._start_brk
        space._data_segment = parent._data_segment
        space._start_stack = parent._start_stack
        space._identities = parent._identities
        space._shared_memory = parent._shared_memory
        left_out = (entry.value for entry in parent._changed if NOT_COPIED in entry.value.vm_flags)
        lost = outside = 0
        for vma in left_out:
            lost += weight(vma.vm_flags).data * vma.size
            outside += vma.start >= parent.limits.task_size
        space._data = parent._data - lost
        space._outside = parent._outside - outside
        space.limits = parent.limits
        space.ledger = space._account = parent.ledger
        return space

    # ---- looking ---------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[VMA]:
        """Over the VMAs by address, as they are when the loop begins."""
        for _first, _last, vma in self.tree:
            if vma is ForkMark.FAILED:
                return
            yield vma

    def vmas(self) -> list[VMA]:
        """The VMAs, by address. O(n)."""
        return list(self)

    def __len__(self) -> int:
        """How many VMAs. O(1)."""
        if self.half_made:
            return sum(1 for _ in self)
        return len(self.tree)

    def __contains__(self, what: object, /) -> bool:
        """Is this address in a VMA, or this VMA one of them? O(log n).

        >>> mm = AddressSpace([VMA(0x1000, 0x3000)])
        >>> 0x2fff in mm, 0x3000 in mm, VMA(0x1000, 0x3000) in mm
        (True, False, True)
        """
        if isinstance(what, VMA):
            return self.find(what.start) == what
        return hasattr(type(what), "__index__") and self.find(what) is not None  # type: ignore[arg-type]

    def find(self, addr: int) -> VMA | None:
        """The VMA that contains `addr`, or None. (Linux's find_vma() goes on to the next one above;
        here that is `mm.tree.find(addr)`.) O(log n).

        >>> mm = AddressSpace([VMA(0x1000, 0x3000)])
        >>> mm.find(0x2fff), mm.find(0x3000)
        (VMA(0x1000-0x3000 ---p), None)
        """
        addr = index(addr)
        return self.tree.get(addr) if addr < self._limit else None

    def gaps(self, start: int = 0, end: int = TASK_SIZE) -> Iterator[tuple[int, int]]:
        """The free ranges of [start, end), cut at its ends, as pairs (start, end), ends exclusive.
        O(n) for all of them. The default is what a process on x86-64 may use.

        >>> list(AddressSpace([VMA(0x1000, 0x3000)]).gaps(0, 0x10000))
        [(0, 4096), (12288, 65536)]
        """
        start, end = index(start), index(end)
        if start >= end:
            return
        for first, last in self.tree.gaps(start, end - 1):
            yield first, last + 1

    @property
    def heap(self) -> tuple[int, int]:
        """Where the heap of brk() begins and ends, in bytes; (0, 0) where that is not known. O(1).

        >>> AddressSpace([VMA(0x1000, 0x3000, name="[heap]")]).heap
        (4096, 12288)
        """
        return self._start_brk, self._brk

    @property
    def half_made(self) -> bool:
        """Is this the child of a fork that failed half-way (`ForkError`)?"""
        return self._limit != ADDRESS_END

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

    def __reduce__(self) -> tuple[Callable[..., AddressSpace], tuple[list[VMA]], _State]:
        places = (self._start_brk, self._brk, self._start_stack)
        state = (*places, self._data_segment, self._left_locked, self._future_locks)
        return partial(type(self), limits=self.limits), (self.vmas(),), state

    def __setstate__(self, state: _State) -> None:
        """For pickle. ValueError for what is no state of an address space, TypeError for numbers
        that are none. O(n)."""
        if not isinstance(state, tuple) or len(state) != 6:
            raise ValueError("not the state of an AddressSpace: it is no tuple of 6")
        *numbers, locks = state
        start_brk, brk, start_stack, data_segment, left_locked = map(index, numbers)
        if not 0 <= start_brk <= brk < ADDRESS_END or not 0 <= start_stack <= ADDRESS_END:
            raise ValueError("not the state of an AddressSpace: no such heap or stack")
        if not (0 <= data_segment < ADDRESS_END and 0 <= left_locked < ADDRESS_END):
            raise ValueError("not the state of an AddressSpace: no such sizes")
        if not isinstance(locks, frozenset) or not locks <= LOCKED_ON_FAULT:
            raise ValueError("not the state of an AddressSpace: no such locks")
        self._start_brk, self._brk, self._start_stack = start_brk, brk, start_stack
        self._data_segment, self._left_locked = data_segment, left_locked
        self._future_locks = locks
        rename(self, 0, ADDRESS_END)

    def check(self) -> None:
        """Raise AssertionError, saying what is wrong, unless the tree is sound, each VMA stands at
        its own addresses, and the VMAs that fork changes are known. O(n)."""
        self.tree.check()
        changed = []
        for first, last, vma in self.tree:
            if vma is ForkMark.FAILED:
                break
            if (vma.start, vma.end - 1) != (first, last):
                raise AssertionError(f"{vma!r} stands at {first:#x}...{last:#x}")
            if is_changed_by_fork(vma):
                changed.append(vma)
            in_user_space = vma.start < self.limits.task_size
            if _is_derived(vma) and in_user_space and not self.half_made:
                name = derived_name(self, vma.start, vma.end)
                if vma.name != name:
                    raise AssertionError(f"{vma!r} should have the name {name!r}")
        if not self.half_made:
            weights = [(weight(vma.vm_flags), vma.size) for vma in self]
            books = (self._locked, self._data)
            counted = (
                sum(one.locked * size for one, size in weights),
                sum(one.data * size for one, size in weights),
            )
            if books != counted:
                raise AssertionError(f"locked and data bytes are {counted}, but {books} are known")
        known = [vma for _first, _last, vma in self._changed]
        if known != changed:
            raise AssertionError(f"fork would change {changed}, but {known} are known")

    # ---- fork and exit ---------------------------------------------------------------------------

    def fork(self, method: ForkMethod = "cow", *, fail_at: int | None = None) -> AddressSpace:
        """The child's address space, as Linux's fork() makes it. This one is not changed.

        The child has equal VMAs, but: those marked not to be copied (VmFlags dc, MADV_DONTFORK) are
        left out; locks (lo, lf) and registrations with a userfaultfd (um, uw, ui) are not
        inherited. Those marked to be wiped (wf, MADV_WIPEONFORK) stay, and stay marked, but have no
        written pages.

        method    "cow"     O(1), and O(log n) for each VMA that fork leaves out or changes
                  "dup"     O(n): MapleTree.dup(), then each VMA replaced by its copy
                  "insert"  O(n log n): each VMA's copy stored in a new tree
                  All three give equal children.
        fail_at   act as if memory ran out at the fail_at-th VMA to be duplicated, from 0; for
                  tests. ValueError where there is no such VMA.

        ForkError (an OSError, ENOMEM) where memory runs out, in truth or by `fail_at`. Its `child`
        is the half-made address space: it has the VMAs duplicated before; in its tree
        `ForkMark.FAILED` stands where the next should be, and whatever is behind that does not
        belong to it. `child.exit()` gives back what was duplicated. This address space is as it
        was. MemoryError where there is no memory to tell even this: then there is no child.

        >>> mm = AddressSpace([VMA(0x1000, 0x2000), VMA(0x2000, 0x3000), VMA(0x5000, 0x6000)])
        >>> mm.fork("dup") == mm.fork("insert") == mm.fork("cow") == mm
        True
        >>> try:
        ...     mm.fork("dup", fail_at=1)
        ... except ForkError as error:
        ...     error.child.vmas(), error.child.exit()
        ([VMA(0x1000-0x2000 ---p)], 1)
        """
        duplicate = FORK_METHODS.get(method)
        if duplicate is None:
            raise ValueError(f"fork by {method!r}: the methods are {', '.join(FORK_METHODS)}")
        if self.half_made:
            raise ValueError("a half-made address space cannot be forked")
        failing = None if fail_at is None else self._to_duplicate(fail_at)
        tree = self._duplicated(duplicate, failing)
        left_out = sum(1 for entry in self._changed if NOT_COPIED in entry.value.vm_flags)
        child = self._of(tree, self)
        self.ledger.note_opened(len(self.tree) - left_out)
        return child

    def _duplicated(self, duplicate: Callable[..., Tree], failing: VMA | None) -> Tree:
        try:
            with kept_apart():
                return duplicate(self.tree, self._changed, failing)
        except Stopped as stopped:
            raise self._half(stopped) from stopped.__cause__
        except MemoryError as error:
            raise ForkError(self._of(MapleTree(policy=MERGING), self, limit=0), None) from error

    def _to_duplicate(self, fail_at: int) -> VMA:
        copied = (vma for vma in self if NOT_COPIED not in vma.vm_flags)
        vma = next(islice(copied, fail_at, None), None) if fail_at >= 0 else None
        if vma is None:
            raise ValueError(f"fork duplicates no VMA number {fail_at} of {self!r}")
        return vma

    def _half(self, stopped: Stopped) -> ForkError:
        tree, vma = stopped.tree, stopped.vma
        limit = None
        if vma is not None:
            with suppress(MemoryError):
                tree.store_range(vma.start, vma.end - 1, ForkMark.FAILED)
                limit = vma.start
        if limit is None:
            # There is no mark to stop at, so all goes now: clear() needs no memory.
            tree.clear()
            limit = 0
        error = ForkError(self._of(tree, self, limit), vma)
        self.ledger.note_opened(self._copied_below(limit))
        return error

    def _copied_below(self, limit: int) -> int:
        copied = 0
        for vma in self:
            if vma.start >= limit:
                break
            copied += NOT_COPIED not in vma.vm_flags
        return copied

    def exit(self) -> int:
        """End the process: give back all VMAs, up to the mark where fork stopped half-way, and
        leave the address space empty. Returns how many VMAs it gave back: 0 the second time. O(n),
        but only for nodes that no other address space shares: O(1) for a child by "cow" that was
        not written since.

        >>> mm = AddressSpace([VMA(0x1000, 0x2000)])
        >>> mm.exit(), mm.exit()
        (1, 0)
        """
        count = len(self)
        self.ledger.note_closed(count)  # nothing after this needs memory
        self.tree.clear()
        self._changed.clear()
        self._data = self._locked = self._left_locked = self._outside = 0
        self._limit = ADDRESS_END
        return count

    def exec(
        self,
        vmas: Iterable[VMA] = (),
        *,
        start_brk: int = 0,
        start_stack: int | None = None,
        data_segment: int = 0,
    ) -> None:
        """Start another program, as execve(2) does: all mappings and locks go, and the VMAs of the
        new program stand here instead. Limits and ledger stay. O(n).

        start_brk     where its heap begins, if it shall have one: the end of its data
        start_stack   an address of its stack; left out, found by the name [stack]
        data_segment  bytes of its data, which count for RLIMIT_DATA when the heap grows

        ValueError, and nothing is changed, where two of the VMAs overlap.

        >>> mm = AddressSpace([VMA(0x1000, 0x3000)])
        >>> mm.exec([VMA(0x8000, 0x9000)], start_brk=0x9000)
        >>> mm.vmas(), mm.heap
        ([VMA(0x8000-0x9000 ---p)], (36864, 36864))
        """
        start_brk, data_segment = checked(start_brk, data_segment)
        if start_stack is not None:
            (start_stack,) = checked(start_stack)
        new = AddressSpace(vmas, limits=self.limits)
        if start_brk:
            new._start_brk = new._brk = start_brk
        if start_stack is not None:
            new._start_stack = start_stack
        rename(new, 0, ADDRESS_END)
        tally, no_locks = Tally(), frozenset[str]()
        tally.opened, tally.closed = len(new), len(self)
        self.ledger.note(tally)  # nothing after this needs memory
        self.tree, self._changed = new.tree, new._changed
        self._data, self._locked, self._sealed = new._data, new._locked, new._sealed
        self._left_locked, self._data_segment = 0, data_segment
        self._outside, self._limit, self._future_locks = new._outside, ADDRESS_END, no_locks
        self._start_brk, self._brk, self._start_stack = new._start_brk, new._brk, new._start_stack


def _in_order(vmas: Iterable[VMA]) -> list[VMA]:
    """The VMAs by address; ValueError where two overlap, TypeError for what is none."""
    given = []
    for vma in vmas:
        if not isinstance(vma, VMA):
            raise TypeError(f"an address space holds VMAs, not {vma!r}")
        given.append(vma)
    given.sort(key=attrgetter("start"))
    for before, vma in pairwise(given):
        if vma[0] < before[1]:
            raise ValueError(f"{vma!r} overlaps {before!r}")
    return given


def _is_derived(vma: VMA) -> bool:
    """Does its name follow from its place?"""
    return vma[5] is None and vma[6] in DERIVED_NAMES
