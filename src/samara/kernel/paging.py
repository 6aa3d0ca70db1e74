# SPDX-License-Identifier: MIT
"""The kernel's own page tables on x86-64: from virtual to physical addresses.

Owns the walk, which the manuals of the processors document. Called by `Vmcore`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

_PRESENT, _LARGE = 1, 1 << 7
_ADDRESS: Final = (1 << 52) - 1 & ~0xFFF
_BITS = 9  # of an address for each level
_PAGE_BITS = 12
_MOST_CACHED: Final = 1 << 18


class PageTables:
    """The page tables of a kernel.

    A translation that is remembered costs O(1), another one four or five reads.

    Args:
        read: Returns bytes of physical memory; LookupError if they are missing.
        root: The physical address of the top table.
        levels: 4 or 5.
    """

    def __init__(self, read: Callable[[int, int], bytes], root: int, levels: int) -> None:
        self._read = read
        self._root = root & _ADDRESS
        self._levels = levels
        self._pages: dict[int, int] = {}
        # The upper bits of an address are all alike, up to the first that the tables translate.
        self._upper = _PAGE_BITS + _BITS * levels - 1
        self._canonical = (0, (1 << 64 - self._upper) - 1)

    def physical(self, address: int) -> int:
        """Return the physical address of a virtual one.

        Raises:
            LookupError: Nothing is mapped there, or a table is missing.
        """
        if address >> self._upper not in self._canonical:
            raise LookupError(f"{address:#x} is no address")
        page = address >> _PAGE_BITS
        found = self._pages.get(page)
        if found is None:
            if len(self._pages) >= _MOST_CACHED:
                self._pages.clear()
            found = self._pages[page] = self._walk(address & ~0xFFF)
        return found | address & 0xFFF

    def _walk(self, address: int) -> int:
        table = self._root
        for level in reversed(range(self._levels)):
            shift = _PAGE_BITS + _BITS * level
            place = table + (address >> shift & 0x1FF) * 8
            entry = int.from_bytes(self._read(place, 8), "little")
            if not entry & _PRESENT:
                break
            table = entry & _ADDRESS
            if not level or (entry & _LARGE and level <= 2):
                within = (1 << shift) - 1
                return table & ~within | address & within
        raise LookupError(f"nothing is mapped at {address:#x}")
