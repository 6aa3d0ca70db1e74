# SPDX-License-Identifier: MIT
"""Synthetic address spaces of any size. For users; nothing in this package calls it."""

from __future__ import annotations

from collections.abc import Iterator

from samara.mm.address_space import AddressSpace
from samara.mm.constants import Map, Prot
from samara.mm.file import File
from samara.mm.units import PAGE_SIZE
from samara.mm.vma import VMA

_BASE = 1 << 40
# The usual mappings of a program, repeated: (rights, pages, whether there is a file, gap above in
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
    """Return an address space of `count` distinct VMAs, the same for the same count. O(n).

    Some have a gap above them. Fork leaves out or changes none of them.

    Raises:
        ValueError: count is negative.

    >>> mm = synthetic(21)
    >>> len(mm), len(set(mm.vmas())), len(list(mm.gaps()))
    (21, 21, 8)
    """
    if count < 0:
        raise ValueError(f"count must be 0 or more, not {count}")
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
