# SPDX-License-Identifier: MIT
"""The address space of a process, read from a kernel's memory.

Owns the meaning of the fields of a VMA (`struct vm_area_struct`). Called by `Vmcore`, `from_drgn`
and users.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from samara.kernel.files import Files, UnreadableError
from samara.kernel.layout import Layout
from samara.kernel.memory import (
    ByteOrder,
    Damage,
    Read,
    Report,
    raise_damage,
    read_bytes,
    read_name,
    read_word,
)
from samara.kernel.tree import ReservedEntry, read_tree
from samara.mm import VMA, AddressSpace, Map, Prot

_PAGE_SHIFT: Final = 12
_MOST_NAME: Final = 256  # of anonymous memory, its zero byte included
_WORD: Final = 2**64 - 1
_MAY_SHARE: Final = 1 << 7
# The codes of /proc/PID/smaps, by bit of vm_flags. Found by comparing dumps with /proc.
_CODES: Final = {
    0: "rd", 1: "wr", 2: "ex", 3: "sh", 4: "mr", 5: "mw", 6: "me", 7: "ms", 8: "gd", 10: "pf",
    13: "lo", 14: "io", 15: "sr", 16: "rr", 17: "dc", 18: "de", 19: "lf", 20: "ac", 21: "nr",
    22: "ht", 23: "sf", 25: "wf", 26: "dd", 27: "sd", 28: "mm", 29: "hg", 30: "nh", 31: "mg",
}  # fmt: skip


@lru_cache(maxsize=1024)
def vm_flags_of(bits: int) -> frozenset[str]:
    """Return the codes of /proc/PID/smaps for the bits of `vm_flags`. O(bits).

    >>> sorted(vm_flags_of(0x75))
    ['ex', 'me', 'mr', 'mw', 'rd']
    """
    return frozenset(code for bit, code in _CODES.items() if bits >> bit & 1)


def address_space(
    read: Read,
    mm: int,
    layout: Layout,
    *,
    byteorder: ByteOrder = "little",
    report: Report = raise_damage,
) -> AddressSpace:
    """Return the address space of a process as it is in a kernel's memory. O(VMAs).

    Args:
        read: `read(address, size)` returns the bytes there. It may raise OSError, ValueError,
            LookupError or EOFError.
        mm: The address of the process's `struct mm_struct`.
        layout: Where the fields are in this kernel.
        byteorder: "little" or "big".
        report: Called with each `Damage`: a range of addresses that is missing in the result. The
            default raises DamagedMemoryError.

    Raises:
        DamagedMemoryError: Something is damaged, and there is no `report`.
    """
    head = tree_head(read, mm, layout, byteorder)
    if head is None:
        report(Damage(mm, "the head of the tree cannot be read", 0, _WORD))
        return AddressSpace()
    root, flags = head
    tree = read_tree(read, root, flags=flags, byteorder=byteorder, report=report)
    reader = _Reader(read, mm, layout, byteorder)
    vmas = []
    for first, last, entry in tree:
        if isinstance(entry, ReservedEntry):
            continue  # a mark, such as that of an unfinished fork
        try:
            if not isinstance(entry, int):
                raise UnreadableError("a number is in place of a VMA")
            vma = reader.vma(entry)
            if (vma.start, vma.end - 1) != (first, last):
                raise UnreadableError(f"the VMA is at {vma.start:#x}-{vma.end:#x}")
        except (UnreadableError, ValueError) as error:
            address = entry if isinstance(entry, int) else mm
            report(Damage(address, str(error), first, last))
            continue
        vmas.append(vma)
    return AddressSpace(vmas)


def tree_head(
    read: Read, mm: int, layout: Layout, byteorder: ByteOrder = "little"
) -> tuple[int, int] | None:
    """Return the root and the flags of the tree of an `mm_struct`; None if it cannot be read."""
    head = mm + layout.mm["mm_mt"]
    flags = read_word(read, head + layout.tree["ma_flags"], byteorder, 4)
    root = read_word(read, head + layout.tree["ma_root"], byteorder)
    return None if root is None or flags is None else (root, flags)


class _Reader:
    """Reads the VMAs of one process."""

    def __init__(self, read: Read, mm: int, layout: Layout, order: ByteOrder) -> None:
        self._read = read
        self._layout = layout
        self._order = order
        self._files = Files(read, layout, order)
        self._size = max(layout.vma.values()) + 8
        if layout.anon_name is not None:
            self._size = max(self._size, layout.anon_name.vma + 8)
        self._start_brk, self._brk, self._start_stack = (
            read_word(read, mm + layout.mm[name], order) or 0
            for name in ("start_brk", "brk", "start_stack")
        )

    def vma(self, address: int) -> VMA:
        """Return the VMA there.

        Raises:
            UnreadableError: It cannot be read.
            ValueError: Its fields make no sense.
        """
        data = read_bytes(self._read, address, self._size)
        if data is None:
            raise UnreadableError("a VMA cannot be read")

        def word(offset: int) -> int:
            return int.from_bytes(data[offset : offset + 8], self._order)

        at = self._layout.vma
        start, end, bits = word(at["vm_start"]), word(at["vm_end"]), word(at["vm_flags"])
        file_address = word(at["vm_file"])
        file, name, offset = None, "", 0
        flags = Map.SHARED if bits & _MAY_SHARE else Map.PRIVATE
        if file_address:
            file = self._files.file(file_address)
            offset = word(at["vm_pgoff"]) << _PAGE_SHIFT & _WORD
        else:
            flags |= Map.ANONYMOUS
            if word(at["vm_ops"]):
                name = self._special(word(at["vm_private_data"]))
        named = self._layout.anon_name
        if not name and named is not None and (named.files or file is None):
            name = self._anon_name(word(named.vma), named.text, shared=file is not None)
        if not name and file is None:
            name = self._derived(start, end)
        return VMA(start, end, Prot(bits & 7), flags, offset, file, name, vm_flags_of(bits))

    def _special(self, mapping: int) -> str:
        """Return the name of one of the kernel's own mappings, such as [vdso]."""
        if not mapping:
            return ""
        text = read_word(self._read, mapping + self._layout.mapping["name"], self._order)
        name = read_name(self._read, text, _MOST_NAME) if text else None
        return name if name and name.startswith("[") else ""

    def _anon_name(self, address: int, text: int, shared: bool) -> str:
        """Return the name that a process gave to anonymous memory, or nothing."""
        if not address:
            return ""
        name = read_name(self._read, address + text, _MOST_NAME)
        if name is None:
            raise UnreadableError("the name of a VMA cannot be read")
        return f"[anon_shmem:{name}]" if shared else f"[anon:{name}]"

    def _derived(self, start: int, end: int) -> str:
        """Return the name that anonymous memory has because of its place."""
        if start < self._brk and end > self._start_brk:
            return "[heap]"
        return "[stack]" if start <= self._start_stack <= end else ""
