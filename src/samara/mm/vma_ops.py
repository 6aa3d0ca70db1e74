# SPDX-License-Identifier: MIT
"""What every memory call is made of: find VMAs, and store, change or remove ranges of them.

How a call is written. It is a function of the `AddressSpace` and of plain ints, in a module of its
own kind; the public method, in `calls.py`, has the documentation and calls it.

1. Take the arguments through `checked`, look at them in Linux's order, and raise
   `failed(errno.EINVAL)` and the like.
2. Find the VMAs concerned: `find_vma(space, addr)`, `vmas_over(space, start, end)`. No loop over
   the whole tree.
3. Check limits: `check_count`, `check_size`, `check_locked`.
4. Write, range by range: `insert(space, vma)` into free addresses; `modify` for other rights or
   VmFlags of a part of a VMA; `unmap` and `remove`. These keep the books: the ledger, the VMAs that
   fork changes, the sizes that limits are about, and the names that follow from a VMA's place.
   Cutting and merging is the tree's (`merging.py`), so what was found before a write may be gone
   after it: go on by address.
5. A call that fails half-way, as mprotect does at a hole, raises OSError when its first part is
   written. Any other exception, MemoryError above all, undoes the whole call (`rollback`): nothing
   here has to care in what order it writes.

Flags are compared as ints (`int(prot) & 2`) or as codes (`"wr" in vma.vm_flags`): putting IntFlag
members together costs more than a store. Make VMAs with `made` and `flagged`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from errno import EAGAIN, EINVAL, ENOMEM, EPERM
from functools import lru_cache
from operator import index
from typing import Final, NamedTuple

from samara import Entry
from samara.mm.constants import Map, Prot
from samara.mm.merging import DERIVED_NAMES, MERGING, kept_apart
from samara.mm.state import Space
from samara.mm.syscalls.fork import WIPED, is_changed_by_fork
from samara.mm.vma import (
    ADDRESS_END,
    PAGE_SIZE,
    RIGHTS,
    VMA,
    AnonVma,
    File,
    TouchedVMA,
    is_one_file,
    is_touched,
    same_kind,
)

LOCKED: Final = frozenset(("lo",))
LOCKED_ON_FAULT: Final = frozenset(("lo", "lf"))
# In which VMAs may differ that share an anon_vma for the pages to come.
_MAY_DIFFER: Final = frozenset((*RIGHTS, "sd", "gu"))
_PROTS: Final = tuple(Prot(bits) for bits in range(8))
_new: Final = tuple.__new__


def failed(number: int) -> OSError:
    """The error of a call, by its errno. OSError makes the subclass that belongs to it."""
    return OSError(number, os.strerror(number))


def page_end(size: int) -> int:
    """`size` rounded up to a whole page in 64 bits: what exceeds them is 0, as in Linux."""
    return (size + PAGE_SIZE - 1) & (ADDRESS_END - PAGE_SIZE)


def checked(*words: int) -> tuple[int, ...]:
    """The arguments of a call as plain ints. ValueError for what no register holds, TypeError for
    what is no integer."""
    words = tuple(map(index, words))
    for word in words:
        if not 0 <= word < ADDRESS_END:
            raise ValueError(f"{word} is outside 0...2**64-1")
    return words


# ---- VMAs ----------------------------------------------------------------------------------------


def made(
    start: int,
    end: int,
    prot: int,
    flags: Map,
    vm_flags: frozenset[str],
    file: File | None = None,
    offset: int = 0,
    name: str = "",
) -> VMA:
    """A VMA whose fields are known to be right."""
    return _new(VMA, (start, end, _PROTS[prot & 7], flags, offset, file, name, vm_flags))


def flagged(vma: VMA, start: int, end: int, prot: int, vm_flags: frozenset[str]) -> VMA:
    """[start, end) of a VMA, with other rights and VmFlags."""
    first, _, _, flags, offset, file, name, _ = vma
    if file is not None:
        offset += start - first
    return same_kind(vma, (start, end, _PROTS[prot & 7], flags, offset, file, name, vm_flags))


def find_vma(space: Space, addr: int) -> VMA | None:
    """The first VMA of user space that ends above `addr`: Linux's find_vma(). O(log n)."""
    task_size = space.limits.task_size
    if addr >= task_size:
        return None
    entry = space.tree.find(addr, task_size - 1)
    return None if entry is None else entry[2]


def vma_at(space: Space, addr: int, error: int) -> VMA:
    """The VMA of user space around an address; `error` where there is none. O(log n)."""
    vma = find_vma(space, addr)
    if vma is None or vma[0] > addr:
        raise failed(error)
    return vma


def vmas_over(space: Space, start: int, end: int) -> Iterator[VMA]:
    """The VMAs of user space that have an address of [start, end), whole, by address. Each is
    looked up when it is asked for, behind the end of the one before: so the tree may be written
    between two. O(log n) for each."""
    find = space.tree.find
    end = min(end, space.limits.task_size)
    while start < end:
        entry = find(start, end - 1)
        if entry is None:
            return
        yield entry[2]
        start = entry[2][1]


def is_special(vma: VMA) -> bool:
    """Is it one of the kernel's own, such as [vdso], that cannot be cut?"""
    return vma[6].startswith("[v") and vma[5] is None


class _Weight(NamedTuple):
    locked: int
    data: int
    changed: bool
    wiped: bool


_NO_WEIGHT: Final = _Weight(0, 0, False, False)


@lru_cache(maxsize=4096)  # a process has a few combinations; a hostile text may have any number
def weight(vm_flags: frozenset[str]) -> _Weight:
    """What VMAs with these VmFlags count for, 1 or 0: for RLIMIT_MEMLOCK and for RLIMIT_DATA;
    whether fork changes them; and whether it does where they were written."""
    data = "wr" in vm_flags and vm_flags.isdisjoint(("sh", "gd"))
    vma = VMA(0, PAGE_SIZE, vm_flags=vm_flags)
    return _Weight(int("lo" in vm_flags), int(data), is_changed_by_fork(vma), WIPED in vm_flags)


# ---- limits --------------------------------------------------------------------------------------


def vma_count(space: Space) -> int:
    """How many VMAs count for vm.max_map_count: all but [vsyscall]. O(1)."""
    return len(space.tree) - space._outside


def check_count(space: Space, more: int) -> None:
    """ENOMEM where `more` VMAs would be more than vm.max_map_count. O(1)."""
    if vma_count(space) + more > space.limits.max_map_count:
        raise failed(ENOMEM)


def check_size(space: Space, more: int, vm_flags: frozenset[str]) -> None:
    """ENOMEM where `more` bytes of such memory pass RLIMIT_AS or RLIMIT_DATA, or are more than the
    machine could ever have. O(1)."""
    limits = space.limits
    if limits.rlimit_as is not None and space.size + more > limits.rlimit_as:
        raise failed(ENOMEM)
    if weight(vm_flags).data:
        check_data(space, more)
    if limits.total_memory is not None and "ac" in vm_flags:
        check_commit(space, more)


def check_data(space: Space, more: int) -> None:
    """ENOMEM where `more` bytes of private writable memory pass RLIMIT_DATA. O(1)."""
    limits = space.limits
    limit = limits.rlimit_data if limits.rlimit_data != 0 else limits.rlimit_data_max
    if limit is not None and space._data + more > limit:
        raise failed(ENOMEM)


def check_commit(space: Space, more: int) -> None:
    """ENOMEM where one call wants more memory than the machine could ever have. O(1)."""
    total = space.limits.total_memory
    if total is not None and more > total:
        raise failed(ENOMEM)


def check_may_lock(space: Space) -> None:
    """EPERM for a process that may lock nothing at all. O(1)."""
    if space.limits.rlimit_memlock == 0 and not space.limits.privileged:
        raise failed(EPERM)


def check_locked(space: Space, more: int, error: int = EAGAIN) -> None:
    """`error` where `more` bytes of locked memory pass RLIMIT_MEMLOCK. O(1)."""
    limits = space.limits
    limit = limits.rlimit_memlock
    if limit is not None and locked_bytes(space) + more > limit and not limits.privileged:
        raise failed(error)


def locked_bytes(space: Space) -> int:
    """What counts for RLIMIT_MEMLOCK. O(1)."""
    return space._locked + space._left_locked


# ---- writes --------------------------------------------------------------------------------------


def insert(space: Space, vma: VMA) -> None:
    """Put a VMA where nothing is. O(log n)."""
    _put(space, vma, _NO_WEIGHT)


def change(space: Space, vma: VMA, old: VMA) -> None:
    """Put a VMA in place of what `old` has at its addresses, which must be `old`'s. O(log n)."""
    _put(space, vma, weight(old[7]))


def insert_apart(space: Space, vma: VMA) -> None:
    """`insert`, but it does not become one with its neighbours."""
    with kept_apart():
        insert(space, vma)


def change_apart(space: Space, vma: VMA, old: VMA) -> None:
    """`change`, but it does not become one with its neighbours."""
    with kept_apart():
        change(space, vma, old)


def _put(space: Space, vma: VMA, was: _Weight) -> None:
    _check_whole(space)
    start, end = vma[0], vma[1]
    tree = space.tree
    before = len(tree)
    tree.store_range(start, end - 1, vma)
    locked, data, changed, wiped = weight(vma[7])
    space._locked += (locked - was[0]) * (end - start)
    space._data += (data - was[1]) * (end - start)
    if changed:
        space._changed.store_range(start, end - 1, vma)
    elif wiped:
        _note_wiped(space, start, end)
    elif was[2] or was[3]:
        space._changed.pop_range(start, end - 1)
    _written(space, start, end, len(tree) - before, vma[6] == "[heap]")


def _note_wiped(space: Space, start: int, end: int) -> None:
    """Fork changes a VMA that it wipes if any part of it was written: what was stored over [start,
    end) may have become one with such a VMA, or have made one of others."""
    vma = space.tree[start]
    if not is_changed_by_fork(vma):
        space._changed.pop_range(start, end - 1)
        return
    with kept_apart():
        space._changed.store_range(vma[0], vma[1] - 1, vma)


def remove(space: Space, start: int, end: int) -> None:
    """Take away [start, end), whatever is there. O(log n), and O(1) for each VMA."""
    _check_whole(space)
    tree = space.tree
    before = len(tree)
    pieces = tree.pop_range(start, end - 1)
    if not pieces:
        return
    changes = named = False
    for first, last, vma in pieces:
        locked, data, changed, wiped = weight(vma[7])
        space._locked -= locked * (last + 1 - first)
        space._data -= data * (last + 1 - first)
        changes = changes or changed or wiped
        named = named or vma[6] == "[heap]"
    if changes:
        space._changed.pop_range(start, end - 1)
    _written(space, start, end, len(tree) - before, named)


def cut(space: Space, at: int) -> None:
    """Make two of the VMA around `at`, which are as one but stay apart: what Linux leaves of a call
    that failed after its first split. O(log n)."""
    vma = find_vma(space, at)
    if vma is not None and vma[0] < at:
        change_apart(space, flagged(vma, at, vma[1], vma[2], vma[7]), vma)


def unmap(space: Space, start: int, end: int) -> None:
    """Unmap [start, end), as munmap(2) does. O(log n), and O(1) for each VMA. ENOMEM where it would
    make two VMAs of one and there are max_map_count already; EPERM for a sealed one; EINVAL for a
    part of what cannot be cut, and for a range that leaves user space."""
    check_unmap(space, start, end)
    remove(space, start, end)


def check_unmap(space: Space, start: int, end: int) -> None:
    """Raise what `unmap` would raise. Linux finds a VMA that it cannot unmap when it has cut the
    first at `start`, and leaves it so."""
    if end > space.limits.task_size:
        raise failed(EINVAL)
    tree = space.tree
    first = tree.find(start, end - 1)
    if first is None:
        return
    vma = first[2]
    if vma[0] < start and end < vma[1] and vma_count(space) >= space.limits.max_map_count:
        raise failed(ENOMEM)
    _check_cut(vma, start, end)
    if vma[1] < end:
        try:
            _check_others(space, vma[1], end)
        except OSError:
            cut(space, start)
            raise


def _check_others(space: Space, start: int, end: int) -> None:
    """`_check_cut` of the VMAs behind the first: only the last can be cut, any can be sealed."""
    if space._sealed:
        for other in vmas_over(space, start, end):
            _check_cut(other, start, end)
        return
    last = space.tree.find_rev(end - 1, start)
    if last is not None:
        _check_cut(last[2], start, end)


def _check_cut(vma: VMA, start: int, end: int) -> None:
    if "sl" in vma[7]:
        raise failed(EPERM)
    if (vma[0] < start or end < vma[1]) and is_special(vma):
        raise failed(EINVAL)


def modify(
    space: Space, vma: VMA, start: int, end: int, prot: int, vm_flags: frozenset[str]
) -> None:
    """Give [start, end), cut to the VMA, other rights and VmFlags. O(log n). ENOMEM where that
    needs more VMAs than vm.max_map_count, EINVAL for a part of what cannot be cut."""
    start, end = max(start, vma[0]), min(end, vma[1])
    if vm_flags is vma[7] or (vm_flags == vma[7] and prot == vma[2]):
        return
    new = flagged(vma, start, end, prot, vm_flags)
    pieces = (vma[0] < start) + (end < vma[1])
    if pieces:
        # A part at an end that becomes one with its neighbour needs no new VMA.
        if vma_count(space) + pieces > space.limits.max_map_count and not _joins(space, new):
            if vma[0] < start and vma_count(space) < space.limits.max_map_count:
                cut(space, start)
            raise failed(ENOMEM)
        if is_special(vma) and not _joins(space, new):
            raise failed(EINVAL)
    change(space, new, vma)


def _joins(space: Space, vma: VMA) -> bool:
    start, end = vma[0], vma[1]
    entry = Entry(start, end - 1, vma)
    before = space.tree.entry(start - 1) if start else None
    if before is not None and before.last == start - 1:
        if MERGING.merge(before, entry) is not NotImplemented:
            return True
    after = space.tree.entry(end)
    if after is not None and after.first == end:
        return MERGING.merge(entry, after) is not NotImplemented
    return False


def touch(space: Space, start: int, end: int, rights: int = 2) -> None:
    """Private memory of [start, end) that has these rights is written. O(log n) for each VMA."""
    for vma in vmas_over(space, start, end):
        private = vma[7].isdisjoint(("ms", "pf", "io"))
        if not is_touched(vma) and int(vma[2]) & rights == rights and private:
            anon_vma = _reusable(space, vma) or AnonVma(next(space._identities), _shift(vma))
            store_apart(space, TouchedVMA.of(vma, anon_vma))


def _reusable(space: Space, vma: VMA) -> AnonVma | None:
    """The anon_vma of a neighbour with which this VMA might be one but for its rights.
    O(log n)."""
    for at in (vma[1], vma[0] - 1):
        other = space.tree.get(at) if at >= 0 else None
        if not isinstance(other, TouchedVMA) or not is_touched(other):
            continue
        if not is_one_file(other[5], vma[5]):
            continue
        if vma[5] is None:
            goes_on = other.anon_vma.shift == _shift(vma)
        else:
            goes_on = other[4] - other[0] == vma[4] - vma[0]
        if goes_on and other[7] ^ vma[7] <= _MAY_DIFFER:
            return other.anon_vma
    return None


def _shift(vma: VMA) -> int:
    return vma.anon_vma.shift if isinstance(vma, TouchedVMA) else 0


def store_apart(space: Space, vma: VMA) -> None:
    """Put a VMA in place of one that has the same addresses and weight."""
    with kept_apart():
        space.tree.store_range(vma[0], vma[1] - 1, vma)
        if is_changed_by_fork(vma):
            space._changed.store_range(vma[0], vma[1] - 1, vma)


def _check_whole(space: Space) -> None:
    if space._limit != ADDRESS_END:
        raise ValueError("a half-made address space cannot be changed")


def _written(space: Space, start: int, end: int, more: int, heap: bool) -> None:
    if more > 0:
        space._account.note_opened(more)
    elif more:
        space._account.note_closed(-more)
    # Of a heap that has become one with what lies behind it, a part may be cut off.
    if heap or (start <= space._brk and end >= space._start_brk) or end >= space._start_stack:
        rename(space, start, end)


# ---- names ---------------------------------------------------------------------------------------


def derived_name(space: Space, start: int, end: int) -> str:
    """The name that /proc gives private anonymous memory by where it lies. O(1)."""
    if start < space._brk and end > space._start_brk:
        return "[heap]"
    if start <= space._start_stack <= end:
        return "[stack]"
    return ""


def rename(space: Space, start: int, end: int) -> None:
    """Give the VMAs in and beside [start, end) the names that follow from their places. O(log n)
    for each VMA."""
    for vma in vmas_over(space, max(start - 1, 0), end + 1):
        if vma[5] is None and vma[6] in DERIVED_NAMES:
            name = derived_name(space, vma[0], vma[1])
            if name != vma[6]:
                store_apart(space, vma._replace(name=name))
