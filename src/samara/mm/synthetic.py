# SPDX-License-Identifier: MIT
"""Address spaces of any size, made up. For users; nothing in this package calls it."""

from __future__ import annotations

from collections.abc import Iterator

from samara.mm.address_space import AddressSpace
from samara.mm.constants import Map, Prot
from samara.mm.file import File
from samara.mm.units import PAGE_SIZE
from samara.mm.vma import VMA

_BASE = 1 << 40
# A program's usual company, again and again: (rights, pages, with a file behind it, gap above in
# pages). No VMA could merge with the next one.
_PATTERN = (
    (Prot.READ, 2, True, 0),
    (Prot.READ | Prot.EXEC, 4, True, 0),
    (Prot.READ, 1, True, 0),
    (Prot.READ | Prot.WRITE, 1, True, 3),
    (Prot.READ | Prot.WRITE, 8, False, 0),
    (Prot.NONE, 1, False, 5),
)


def synthetic(count: int) -> AddressSpace:
    """An address space of `count` distinct VMAs, some with a gap above them, none that fork leaves
    out or changes: the same for the same count. O(n). ValueError for a negative count.

    >>> mm = synthetic(21)
    >>> len(mm), len(set(mm.vmas())), len(list(mm.gaps()))
    (21, 21, 8)
    """
    if count < 0:
        raise ValueError(f"an address space cannot have {count} VMAs")
    return AddressSpace(_vmas(count))


def _vmas(count: int) -> Iterator[VMA]:
    start = _BASE
    file = None
    offset = 0
    for number in range(count):
        library, part = divmod(number, len(_PATTERN))
        prot, pages, has_file, gap = _PATTERN[part]
        if part == 0:
            file = File("fe:00", 1000 + library, f"/usr/lib/lib{library}.so")
            offset = 0
        end = start + pages * PAGE_SIZE
        if has_file:
            yield VMA(start, end, prot, Map.PRIVATE, offset, file)
            offset += end - start
        else:
            yield VMA(start, end, prot)
        start = end + gap * PAGE_SIZE
