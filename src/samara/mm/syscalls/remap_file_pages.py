# SPDX-License-Identifier: MIT
"""remap_file_pages(2). Called as a method of `AddressSpace`."""

from __future__ import annotations

from errno import EINVAL
from typing import Final

from samara.mm.constants import Map
from samara.mm.do_mmap import do_mmap
from samara.mm.errors import os_error
from samara.mm.rollback import atomic
from samara.mm.state import State
from samara.mm.units import ADDRESS_END, as_u64
from samara.mm.vma import VMA
from samara.mm.vma_ops import vma_at, vmas_over

_NONBLOCK: Final = int(Map.NONBLOCK)
_LOCKED: Final = int(Map.LOCKED)
_REMAP: Final = int(Map.SHARED | Map.FIXED | Map.POPULATE)


@atomic
def remap_file_pages(
    space: State, addr: int, size: int, prot: int, pgoff: int, flags: int = 0
) -> None:
    """remap_file_pages(2): show other pages of a file in a part of a shared mapping.

    Linux makes a new mapping there, with the rights and the file of the old one.

    Args:
        addr, size: the part, in bytes, rounded down to whole pages. It may cover several VMAs if
            they have the same file and VmFlags.
        prot: must be 0
        pgoff: the offset in the file, in pages
        flags: `Map.NONBLOCK`; others are ignored

    Raises:
        OSError: EINVAL (a right, size 0, an overflow, memory that is not shared and writable, a
            hole, other kinds of memory in the range); else as mmap(2) with MAP_FIXED.

    >>> from samara.mm import AddressSpace, Map, Prot
    >>> mm = AddressSpace()
    >>> addr = mm.mmap(0, 0x3000, Prot.READ, Map.SHARED | Map.ANONYMOUS)
    >>> mm.remap_file_pages(addr, 0x1000, 0, 2)
    >>> [hex(vma.offset) for vma in mm]
    ['0x2000', '0x1000']
    """
    addr, size, prot, pgoff, flags = as_u64(addr, size, prot, pgoff, flags)
    page_size = space.limits.page_size
    addr &= -page_size
    size &= -page_size
    if prot or not size or addr + size >= ADDRESS_END:
        raise os_error(EINVAL)
    if pgoff + size // page_size >= ADDRESS_END:
        raise os_error(EINVAL)
    vma = vma_at(space, addr, EINVAL)
    if "sh" not in vma.vm_flags or vma.file is None:
        raise os_error(EINVAL)
    _check_others(space, vma, addr + size)
    how = _REMAP | flags & _NONBLOCK
    if "lo" in vma.vm_flags:
        how |= _LOCKED
    do_mmap(space, addr, size, int(vma.prot), how, vma.file, pgoff * page_size)


def _check_others(space: State, vma: VMA, end: int) -> None:
    """Check that the range is covered by VMAs that differ only in their offsets."""
    at = vma.end
    for other in vmas_over(space, vma.end, end):
        if other.start > at or other.file is not vma.file or other.vm_flags != vma.vm_flags:
            raise os_error(EINVAL)
        if other.pkey != vma.pkey:
            raise os_error(EINVAL)
        at = other.end
    if at < end:
        raise os_error(EINVAL)
