# SPDX-License-Identifier: MIT
"""Finding the VMAs of an address space; storing, changing and removing ranges of them.

Owns the consistency of an address space. Every write to the tree goes through here. A write also
updates the counters, the ledger, the VMAs that fork changes, and the names that follow from a VMA's
place. Called by the system calls (`syscalls/__init__.py` says how one is written), by `fault`, by
`populate` and by replay. The tree cuts and merges the VMAs (`merging`).
"""

from __future__ import annotations

from collections.abc import Iterator
from errno import EINVAL, ENOMEM, EPERM
from types import NotImplementedType
from typing import Any, Final

from samara import Entry
from samara.mm.accounting import NO_COUNTS, VmaCounts, accounting
from samara.mm.errors import os_error
from samara.mm.file import is_segment
from samara.mm.inheritance import is_changed_by_fork
from samara.mm.limit_checks import vma_count
from samara.mm.merging import DERIVED_NAMES, joined, merging_disabled
from samara.mm.state import State
from samara.mm.units import ADDRESS_END
from samara.mm.vma import VMA, anon_label, is_indivisible, with_flags

_HALF_MADE: Final = "cannot change a half-made address space"

# ---- finding -------------------------------------------------------------------------------------


def find_vma(space: State, addr: int) -> VMA | None:
    """Return the first VMA of user space that ends above `addr`: Linux's find_vma(). O(log n)."""
    task_size = space.limits.task_size
    if addr >= task_size:
        return None
    entry = space.tree.find(addr, task_size - 1)
    return None if entry is None else entry.value


def vma_at(space: State, addr: int, error: int) -> VMA:
    """Return the VMA of user space around an address. Raise `error` if there is none. O(log n)."""
    vma = find_vma(space, addr)
    if vma is None or vma.start > addr:
        raise os_error(error)
    return vma


def vmas_over(space: State, start: int, end: int) -> Iterator[VMA]:
    """Iterate over the VMAs of user space that overlap [start, end). O(log n) for each.

    They come whole, by address. Each is looked up when it is needed, from the end of the one
    before, so the tree may be written between two of them.
    """
    find = space.tree.find
    end = min(end, space.limits.task_size)
    while start < end:
        entry = find(start, end - 1)
        if entry is None:
            return
        vma = entry.value
        yield vma
        start = vma.end


def is_mapped(space: State, start: int, end: int) -> bool:
    """Return whether all of [start, end) is mapped user space. O(log n) for each VMA."""
    for vma in vmas_over(space, start, end):
        if vma.start > start:
            return False
        start = vma.end
    return start >= end


# ---- writing -------------------------------------------------------------------------------------


def insert(space: State, vma: VMA) -> None:
    """Store a VMA in free addresses. O(log n)."""
    _put(space, vma, NO_COUNTS, _with_neighbour(space, vma) if is_segment(vma.file) else vma)


def change(space: State, vma: VMA, old: VMA) -> None:
    """Store a VMA over `old`, or over a part of it. Its addresses must be `old`'s. O(log n)."""
    stored = vma
    if is_segment(vma.file) and (vma.start, vma.end) != (old.start, old.end):
        stored = _with_neighbour(space, vma)
    _put(space, vma, accounting(old.vm_flags), stored)


def _with_neighbour(space: State, vma: VMA) -> VMA:
    """Return a part of an attached segment, merged with a neighbour if it can. O(log n).

    Linux does not remove a VMA of a segment to merge it. So what is stored merges with the VMA
    below or else with the one above, but not with both. A VMA that changes as a whole does not
    merge.
    """
    merged = _joined_below(space, vma)
    if merged is NotImplemented:
        merged = _joined_above(space, vma)
    return vma if merged is NotImplemented else merged


def _joined_below(space: State, vma: VMA) -> Any | NotImplementedType:
    entry = space.tree.entry(vma.start - 1) if vma.start else None
    return NotImplemented if entry is None else joined(entry, _entry_of(vma))


def _joined_above(space: State, vma: VMA) -> Any | NotImplementedType:
    entry = space.tree.entry(vma.end)
    return NotImplemented if entry is None else joined(_entry_of(vma), entry)


def _entry_of(vma: VMA) -> Entry[int, Any]:
    return Entry(vma.start, vma.end - 1, vma)


def insert_apart(space: State, vma: VMA) -> None:
    """Like `insert`, but do not merge with the neighbours."""
    with merging_disabled():
        insert(space, vma)


def change_apart(space: State, vma: VMA, old: VMA) -> None:
    """Like `change`, but do not merge with the neighbours."""
    with merging_disabled():
        change(space, vma, old)


def _put(space: State, vma: VMA, was: VmaCounts, stored: VMA) -> None:
    """Store a VMA. `stored` is the same, or already merged with a neighbour."""
    if space._limit != ADDRESS_END:
        raise ValueError(_HALF_MADE)
    start, end = vma.start, vma.end
    tree = space.tree
    before = len(tree)
    tree.store_range(stored.start, stored.end - 1, stored)
    locked, data, changed, wiped = accounting(vma.vm_flags)
    if locked != was.locked or data != was.data:
        counters = space._counters
        counters.locked += (locked - was.locked) * (end - start)
        counters.data += (data - was.data) * (end - start)
    if changed:
        space._changed.store_range(stored.start, stored.end - 1, stored)
    elif wiped:
        _note_wiped(space, start, end)
    elif was.changed or was.wiped:
        space._changed.pop_range(start, end - 1)
    _written(space, start, end, len(tree) - before, vma.name == "[heap]")


def _note_wiped(space: State, start: int, end: int) -> None:
    """Update the record of VMAs that fork changes, after a store over [start, end).

    Fork changes a VMA that it wipes if any part of it was written. What was stored may have merged
    with such a VMA, or may have joined others into one.
    """
    vma = space.tree[start]
    if not is_changed_by_fork(vma):
        space._changed.pop_range(start, end - 1)
        return
    with merging_disabled():
        space._changed.store_range(vma.start, vma.end - 1, vma)


def remove(space: State, start: int, end: int) -> None:
    """Remove [start, end), whatever is there. O(log n), and O(1) for each VMA."""
    if space._limit != ADDRESS_END:
        raise ValueError(_HALF_MADE)
    tree = space.tree
    before = len(tree)
    pieces = tree.pop_range(start, end - 1)
    if not pieces:
        return
    counters = space._counters
    changes = named = False
    for first, last, vma in pieces:
        locked, data, changed, wiped = accounting(vma.vm_flags)
        if locked or data:
            counters.locked -= locked * (last + 1 - first)
            counters.data -= data * (last + 1 - first)
        changes = changes or changed or wiped
        named = named or vma.name == "[heap]"
    if changes:
        space._changed.pop_range(start, end - 1)
    _written(space, start, end, len(tree) - before, named)


def cut(space: State, at: int) -> None:
    """Split the VMA around `at` into two that could merge but stay apart. O(log n).

    Linux leaves this if a call fails after its first split.
    """
    vma = find_vma(space, at)
    if vma is not None and vma.start < at:
        change_apart(space, with_flags(vma, at, vma.end, vma.prot, vma.vm_flags), vma)


def unmap(space: State, start: int, end: int) -> None:
    """Unmap [start, end), like munmap(2). O(log n), and O(1) for each VMA.

    Raises:
        OSError: ENOMEM if it would make two VMAs of one and there are max_map_count already; EPERM
            for a sealed VMA; EINVAL for a part of a VMA that cannot be cut, and for a range that
            leaves user space.
    """
    check_unmap(space, start, end)
    remove(space, start, end)


def check_unmap(space: State, start: int, end: int) -> None:
    """Raise the error that `unmap` would raise."""
    if end > space.limits.task_size:
        raise os_error(EINVAL)
    tree = space.tree
    first = tree.find(start, end - 1)
    if first is None:
        return
    vma = first.value
    if vma.start < start and end < vma.end and vma_count(space) >= space.limits.max_map_count:
        raise os_error(ENOMEM)
    _check_cut(vma, start, end)
    if vma.end < end:
        _check_or_cut(space, start, vma.end, end)


def _check_or_cut(space: State, start: int, first_end: int, end: int) -> None:
    """Check the VMAs after the first, which ends at `first_end`.

    Linux cuts the first VMA at `start` before it finds a later one that it cannot unmap. The cut
    stays.
    """
    try:
        _check_others(space, first_end, end)
    except OSError:
        cut(space, start)
        raise


def _check_others(space: State, start: int, end: int) -> None:
    """Check the VMAs after the first: only the last can be cut, but any can be sealed."""
    if space._counters.sealed:
        for other in vmas_over(space, start, end):
            _check_cut(other, start, end)
        return
    last = space.tree.find_rev(end - 1, start)
    if last is not None:
        _check_cut(last.value, start, end)


def _check_cut(vma: VMA, start: int, end: int) -> None:
    if "sl" in vma.vm_flags:
        raise os_error(EPERM)
    if (vma.start < start or end < vma.end) and is_indivisible(vma):
        raise os_error(EINVAL)


def modify(
    space: State,
    vma: VMA,
    start: int,
    end: int,
    prot: int,
    vm_flags: frozenset[str],
    pkey: int | None = None,
) -> None:
    """Give the part of a VMA in [start, end) other rights, VmFlags and key. O(log n).

    `pkey` None keeps the key.

    Raises:
        OSError: as `change_part`.
    """
    if pkey is None or pkey == vma.pkey:
        if vm_flags is vma.vm_flags or (vm_flags == vma.vm_flags and prot == vma.prot):
            return
    start, end = max(start, vma.start), min(end, vma.end)
    change_part(space, vma, with_flags(vma, start, end, prot, vm_flags, pkey))


def change_part(space: State, vma: VMA, new: VMA) -> None:
    """Store `new`, which differs from `vma`, over the part of `vma` that it covers. O(log n).

    Raises:
        OSError: ENOMEM if that needs more VMAs than vm.max_map_count; EINVAL for a part of a VMA
            that cannot be cut.
    """
    start, end = new.start, new.end
    pieces = (vma.start < start) + (end < vma.end)
    if pieces:
        # A part at an end that merges with its neighbour needs no new VMA.
        if vma_count(space) + pieces > space.limits.max_map_count and not _joins(space, new):
            if vma.start < start and vma_count(space) < space.limits.max_map_count:
                cut(space, start)
            raise os_error(ENOMEM)
        if is_indivisible(vma) and not _joins(space, new):
            raise os_error(EINVAL)
    change(space, new, vma)


def _joins(space: State, vma: VMA) -> bool:
    if _joined_below(space, vma) is not NotImplemented:
        return True
    return _joined_above(space, vma) is not NotImplemented


def store_apart(space: State, vma: VMA) -> None:
    """Store a VMA over one that has the same addresses and counts."""
    with merging_disabled():
        space.tree.store_range(vma.start, vma.end - 1, vma)
        if is_changed_by_fork(vma):
            space._changed.store_range(vma.start, vma.end - 1, vma)


def _written(space: State, start: int, end: int, more: int, heap: bool) -> None:
    if more > 0:
        space._account.note_opened(more)
    elif more:
        space._account.note_closed(-more)
    # The heap may have merged with what lies after it, and now lose a part.
    counters = space._counters
    in_heap = heap or (start <= counters.brk and end >= counters.start_brk)
    if in_heap or end >= counters.start_stack:
        rename(space, start, end)


# ---- names ---------------------------------------------------------------------------------------


def derived_name(space: State, vma: VMA) -> str:
    """Return the name that /proc shows for memory without a file. O(1).

    The heap and the stack have theirs because of their place. Other memory may have been named.
    """
    counters, start, end = space._counters, vma.start, vma.end
    if start < counters.brk and end > counters.start_brk:
        return "[heap]"
    if start <= counters.start_stack <= end:
        return "[stack]"
    return anon_label(vma.anon_name, None)


def has_derived_name(vma: VMA) -> bool:
    """Return whether the VMA's name follows from its place. O(1)."""
    name = vma.name
    return vma.file is None and (name in DERIVED_NAMES or name.startswith("[anon:"))


def rename(space: State, start: int, end: int) -> None:
    """Give the VMAs in and beside [start, end) the names that follow from their places.

    O(log n) for each VMA.
    """
    for vma in vmas_over(space, max(start - 1, 0), end + 1):
        if has_derived_name(vma):
            name = derived_name(space, vma)
            if name != vma.name:
                store_apart(space, vma._replace(name=name))
