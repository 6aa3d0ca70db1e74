# SPDX-License-Identifier: MIT
"""brk(2). Called as a method of `AddressSpace`."""

from __future__ import annotations

from errno import ENOMEM
from typing import Final

from samara.mm.constants import Map
from samara.mm.errors import os_error
from samara.mm.fault import fault_in
from samara.mm.limit_checks import check_count, check_locked, check_size
from samara.mm.rollback import atomic
from samara.mm.state import State
from samara.mm.units import as_u64, page_end
from samara.mm.vm_flags import LOCKED, parse_vm_flags
from samara.mm.vma import make_vma
from samara.mm.vma_ops import find_vma, insert, insert_apart, rename, unmap

_READ_WRITE: Final = 3
_HEAP_FLAGS: Final = parse_vm_flags("rd wr mr mw me ac")


@atomic
def brk(space: State, addr: int) -> int:
    """brk(2), the system call: move the end of the heap.

    `heap` shows where the heap begins. `exec` sets that. If it is not known, there is no heap.

    Returns:
        The end of the heap now. If it could not be moved, that is the old end; there is no other
        error. 0 if there is no heap.

    >>> from samara.mm import AddressSpace
    >>> mm = AddressSpace()
    >>> mm.exec(start_brk=0x555555559000)
    >>> hex(mm.brk(0)), hex(mm.brk(0x55555555a000))
    ('0x555555559000', '0x55555555a000')
    >>> mm.vmas()
    [VMA(0x555555559000-0x55555555a000 rw-p '[heap]')]
    """
    (addr,) = as_u64(addr)
    counters = space._counters
    now, start_brk = counters.brk, counters.start_brk
    if addr < start_brk or not start_brk or addr > space.limits.task_size:
        return now
    limit = space.limits.rlimit_data
    if limit is not None and addr - start_brk + counters.data_segment > limit:
        return now
    try:
        _move(space, addr, now)
    except OSError:
        return now
    return space._counters.brk


def _move(space: State, addr: int, now: int) -> None:
    page_size = space.limits.page_size
    old_end, new_end = page_end(now, page_size), page_end(addr, page_size)
    if addr <= now:
        _shrink(space, addr, new_end, old_end)
    elif new_end > old_end:
        _grow(space, addr, old_end, new_end)
    else:
        space._counters.brk = addr


def _shrink(space: State, addr: int, start: int, end: int) -> None:
    if start < end:
        vma = find_vma(space, start)
        if vma is None or vma.start >= end:
            raise os_error(ENOMEM)
        unmap(space, start, end)
    space._counters.brk = addr
    rename(space, start, end)


def _grow(space: State, addr: int, start: int, end: int) -> None:
    size = end - start
    future_locks, start_brk = space._counters.future_locks, space._counters.start_brk
    vm_flags = _HEAP_FLAGS | future_locks
    if future_locks:
        check_locked(space, size)
    above = find_vma(space, start)
    if above is not None:
        guard = space.limits.stack_guard_gap if "gd" in above.vm_flags else 0
        if end + space.limits.page_size > above.start - guard:
            raise os_error(ENOMEM)
    check_size(space, size, vm_flags)
    check_count(space, 0)
    space._counters.brk = addr
    heap = make_vma(start, end, _READ_WRITE, Map.PRIVATE | Map.ANONYMOUS, vm_flags, name="[heap]")
    # It merges with the heap below it, but never with anything below the start of the heap.
    (insert if start > start_brk else insert_apart)(space, heap)
    if future_locks == LOCKED:
        fault_in(space, start, end)
