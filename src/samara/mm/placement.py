# SPDX-License-Identifier: MIT
"""The address of a new mapping: chosen as Linux does, from the top down.

Owns that choice. Called by mmap and mremap.

The rules are in mmap(2) (hints, MAP_FIXED, MAP_32BIT) and in the kernel's sysctl documentation
(mmap_min_addr, stack_guard_gap). What these leave open was tried on a running kernel
(`docs/mm.md`).
"""

from __future__ import annotations

from errno import EINVAL, ENOMEM, EPERM
from typing import Final

from samara import NoSpaceError
from samara.mm.constants import Map
from samara.mm.errors import os_error
from samara.mm.file import File
from samara.mm.state import State
from samara.mm.units import ADDRESS_END, PAGE_SIZE, page_end
from samara.mm.vma import VMA
from samara.mm.vma_ops import find_vma

# Addresses after this are the negative numbers of errors.
_ERRORS: Final = ADDRESS_END - PAGE_SIZE
_FIXED: Final = int(Map.FIXED)
_BIT32: Final = int(Map.BIT32)
_ABOVE4G: Final = int(Map.ABOVE4G)
_32BIT_END: Final = 1 << 32  # user addresses of 32-bit processes end here or below
_BIT32_START: Final = 0x4000_0000
_BIT32_END: Final = 0x8000_0000


def unmapped_area(
    space: State,
    addr: int,
    length: int,
    flags: int,
    file: File | None = None,
    offset: int = 0,
    *,
    shared: bool = False,
) -> int:
    """Return the address at which Linux would put a mapping. O(log n).

    `length` is in bytes, whole pages. With MAP_FIXED, the address is `addr` itself.

    Raises:
        OSError: ENOMEM if there is no room or the mapping lies beyond user space; EINVAL if `addr`
            is fixed and not the start of a page; EPERM below mmap_min_addr.
    """
    limits = space.limits
    if length > limits.task_size:
        raise os_error(ENOMEM)
    if flags & _FIXED:
        start = addr
        if start > _ERRORS:
            raise os_error(ADDRESS_END - start)  # Linux takes the address for an error
    else:
        if file is not None:
            huge = not shared_memory(file)
        else:
            huge = not shared and not addr and length % limits.huge_page_size == 0
        huge = huge and limits.task_size > _32BIT_END
        found = _huge_aligned(space, addr, length, flags, offset) if huge else None
        if found is None:
            found = _search(space, addr, length, flags)
            if found is None:
                raise os_error(ENOMEM)
        start = found
    if start > limits.task_size - length:
        raise os_error(ENOMEM)
    if start % limits.page_size:
        raise os_error(EINVAL)
    if start < limits.mmap_min_addr and not limits.privileged:
        raise os_error(EPERM)
    return start


def shared_memory(file: File) -> bool:
    """Return whether the file is on a device without a disk, such as tmpfs.

    Mappings of other files are placed so that huge pages of the file fit them.
    """
    return file.dev.startswith("00:")


def _huge_aligned(space: State, addr: int, length: int, flags: int, offset: int) -> int | None:
    """Return a place where the file's huge pages are aligned with the memory's.

    Returns None if the file has no huge page in this range, or if there is no room.
    """
    size = space.limits.huge_page_size
    end = offset + length
    first = -(-offset // size) * size
    # If it rounds up to 2**63, Linux takes it for negative: it lies before any end.
    if first < 1 << 63 and (end <= first or end - first < size):
        return None
    if length + size >= ADDRESS_END:
        return None
    padded = _search(space, addr, length + size, flags)
    if padded is None or padded == addr:
        return padded
    shift = (offset - padded) % size
    if not shift and not space.limits.bottom_up:
        shift = size
    return padded + shift


def _search(space: State, addr: int, length: int, flags: int) -> int | None:
    limits = space.limits
    if length > limits.task_size:
        return None
    if flags & _BIT32 and limits.task_size > _32BIT_END:
        return _from_bottom(space, addr, length, _BIT32_START, _BIT32_END)
    page_size = limits.page_size
    addr &= -page_size
    if addr and addr <= limits.task_size - length and _is_open(space, addr, length):
        return addr
    low = 1 << 32 if flags & _ABOVE4G else limits.mmap_min_addr
    low = max(page_end(low, page_size), page_size)
    base, end = limits.mmap_base, limits.task_size
    if limits.map_window is not None:
        window = limits.window
        if addr > window:  # such a hint asks for the addresses above, too
            base += end - window
        else:
            end = window
    if limits.bottom_up:
        return _from_bottom(space, addr, length, page_end(limits.mmap_base, page_size), end)
    start = _highest(space, length, low, base & -page_size)
    if start is None:
        start = _from_bottom(space, addr, length, limits.bottom_up_base, end)
    return start


def _is_open(space: State, addr: int, length: int) -> bool:
    above = find_vma(space, addr)
    return above is None or addr + length <= _guarded_start(space, above)


def _guarded_start(space: State, vma: VMA) -> int:
    """Return the start of a VMA, less the gap that is kept free below it if it grows down."""
    if "gd" in vma.vm_flags:
        return max(vma.start - space.limits.stack_guard_gap, 0)
    return vma.start


def _highest(space: State, length: int, low: int, high: int) -> int | None:
    empty_area = space.tree.empty_area
    while high - low >= length:
        try:
            start = empty_area(length, low, high - 1, reverse=True)
        except NoSpaceError:
            return None
        above = find_vma(space, start + length)
        if above is None:
            return start
        guarded = _guarded_start(space, above)
        if start + length <= guarded:
            return start
        if not guarded:
            raise os_error(ENOMEM)  # the gap reaches down to 0: Linux looks no further up either
        high = guarded
    return None


def _from_bottom(space: State, addr: int, length: int, low: int, high: int) -> int | None:
    page_size = space.limits.page_size
    addr = -(-addr // page_size) * page_size
    if addr and addr <= high - length and _is_open(space, addr, length):
        return addr
    empty_area = space.tree.empty_area
    while high - low >= length:
        try:
            start = empty_area(length, low, high - 1)
        except NoSpaceError:
            return None
        above = find_vma(space, start + length)
        if above is None or start + length <= _guarded_start(space, above):
            return start
        low = above.end
    return None
