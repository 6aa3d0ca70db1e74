# SPDX-License-Identifier: MIT
"""brk, and stacks that grow down."""

from __future__ import annotations

from errno import EFAULT, ENOMEM, EPERM
from typing import Final

from samara.mm.constants import Map
from samara.mm.state import Space
from samara.mm.vma import PAGE_SIZE, RIGHTS, VMA, parse_vm_flags
from samara.mm.vma_ops import (
    LOCKED,
    change_apart,
    check_count,
    check_locked,
    check_size,
    checked,
    failed,
    find_vma,
    insert,
    insert_apart,
    made,
    page_end,
    rename,
    touch,
    unmap,
    vma_at,
)

_READ_WRITE: Final = 3
_HEAP_FLAGS: Final = parse_vm_flags("rd wr mr mw me ac")


def brk(space: Space, addr: int) -> int:
    (addr,) = checked(addr)
    now = space._brk
    if addr < space._start_brk or not space._start_brk or addr > space.limits.task_size:
        return now
    limit = space.limits.rlimit_data
    if limit is not None and addr - space._start_brk + space._data_segment > limit:
        return now
    try:
        _move(space, addr, now)
    except OSError:
        return now
    return space._brk


def _move(space: Space, addr: int, now: int) -> None:
    old_end, new_end = page_end(now), page_end(addr)
    if addr <= now:
        _shrink(space, addr, new_end, old_end)
    elif new_end > old_end:
        _grow(space, addr, old_end, new_end)
    else:
        space._brk = addr


def _shrink(space: Space, addr: int, start: int, end: int) -> None:
    if start < end:
        vma = find_vma(space, start)
        if vma is None or vma[0] >= end:
            raise failed(ENOMEM)
        unmap(space, start, end)
    space._brk = addr
    rename(space, start, end)


def _grow(space: Space, addr: int, start: int, end: int) -> None:
    size = end - start
    vm_flags = _HEAP_FLAGS | space._future_locks
    if space._future_locks:
        check_locked(space, size)
    above = find_vma(space, start)
    if above is not None:
        guard = space.limits.stack_guard_gap if "gd" in above[7] else 0
        if end + PAGE_SIZE > above[0] - guard:
            raise failed(ENOMEM)
    check_size(space, size, vm_flags)
    check_count(space, 0)
    space._brk = addr
    heap = made(start, end, _READ_WRITE, Map.PRIVATE | Map.ANONYMOUS, vm_flags, name="[heap]")
    # It joins the heap below it, but never what lies below the heap's beginning.
    (insert if start > space._start_brk else insert_apart)(space, heap)
    if space._future_locks == LOCKED:
        touch(space, start, end)


def expand_stack(space: Space, addr: int) -> VMA:
    (addr,) = checked(addr)
    vma = find_vma(space, addr)
    if vma is None:
        raise failed(EFAULT)
    if vma[0] <= addr:
        return vma
    if "gd" not in vma[7]:
        raise failed(EFAULT)
    start = addr & -PAGE_SIZE
    limits = space.limits
    if start < limits.mmap_min_addr:
        raise failed(EPERM)
    below = space.tree.find_rev(start)
    if below is not None:
        other = below[2]
        accessible = not other[7].isdisjoint(RIGHTS)
        if accessible and "gd" not in other[7] and start - other[1] < limits.stack_guard_gap:
            raise failed(ENOMEM)
    touch(space, vma[0], vma[1], 0)  # before what limits say, and whatever its rights
    vma = vma_at(space, vma[0], EFAULT)
    grown = vma[0] - start
    check_size(space, grown, vma[7])
    if limits.rlimit_stack is not None and vma[1] - start > limits.rlimit_stack:
        raise failed(ENOMEM)
    if "lo" in vma[7]:
        check_locked(space, grown, ENOMEM)
    whole = vma._replace(start=start)
    insert_apart(space, whole._replace(end=vma[0]))
    change_apart(space, whole, vma)
    return whole
