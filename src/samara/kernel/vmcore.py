# SPDX-License-Identifier: MIT
"""A memory dump of a whole machine, read by the addresses of its kernel.

Owns the open dump. Called by the command and by users.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from samara.kernel.btf import Btf
from samara.kernel.elf import CoreFile
from samara.kernel.kernel import Kernel
from samara.kernel.paging import PageTables
from samara.kernel.symbols import number, parse_vmcoreinfo, symbol

_X86_64: Final = 62
_PAGE: Final = 4096
_KERNEL_MAP: Final = 0xFFFFFFFF80000000  # where x86-64 maps the kernel's image
_NOTE: Final = b"VMCOREINFO\0\0OSRELEASE="
_STEP: Final = 1 << 24  # of the search for VMCOREINFO
_MOST_PAGES: Final = 1 << 14  # that are kept: 64 MiB


class Vmcore(Kernel):
    """The memory dump of a machine with an x86-64 kernel, Linux 6.1 or newer, in an ELF file.

    Opening reads the headers, and searches the memory for VMCOREINFO if no note has it: up to a
    second for a gigabyte. Use it as a context manager, or call `close`.

    Args:
        path: The file.
        btf: The types of the kernel, if they are not in the dump.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is not such a dump.
    """

    def __init__(self, path: str | Path, *, btf: Btf | None = None) -> None:
        self._core = CoreFile(path)
        self._pages: dict[int, bytes] = {}
        try:
            if self._core.machine != _X86_64:
                raise ValueError(f"{path} is not of an x86-64 machine")
            super().__init__(self._read, self._vmcoreinfo(str(path)), btf=btf)
            self._tables = PageTables(self._core.read_physical, self._root(), self._levels())
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file. Reading raises OSError after that."""
        self._core.close()

    def _read(self, address: int, size: int) -> bytes:
        """Return bytes of the kernel's memory. LookupError if they are not in the dump."""
        into = address % _PAGE
        if into + size <= _PAGE:
            return self._page(address // _PAGE)[into : into + size]
        parts = []
        while size > 0:
            into = address % _PAGE
            parts.append(self._page(address // _PAGE)[into : into + size])
            address, size = address + len(parts[-1]), size - len(parts[-1])
        return b"".join(parts)

    def _page(self, page: int) -> bytes:
        data = self._pages.get(page)
        if data is None:
            if len(self._pages) >= _MOST_PAGES:
                self._pages.clear()
            physical = self._tables.physical(page * _PAGE)
            data = self._pages[page] = self._core.read_physical(physical, _PAGE)
        return data

    def _vmcoreinfo(self, path: str) -> dict[str, str]:
        notes = [data for name, data in self._core.notes if name == "VMCOREINFO"]
        for data in [*notes, *self._found_notes()]:
            info = parse_vmcoreinfo(data)
            if "OSRELEASE" in info:
                return info
        raise ValueError(f"{path} has no VMCOREINFO: it is not the memory of a Linux kernel")

    def _found_notes(self) -> Iterator[bytes]:
        """Yield the notes that lie in memory, where the kernel keeps its own."""
        for segment in self._core.physical:
            for offset in range(segment.offset, segment.offset + segment.size, _STEP):
                data = self._core.pread(_STEP + _PAGE, offset)
                place = data.find(_NOTE)
                while 0 <= place < _STEP:
                    if place >= 12:
                        (size,) = struct.unpack_from("<I", data, place - 8)
                        start = place + len(_NOTE) - len(b"OSRELEASE=")
                        yield data[start : start + min(size, _PAGE)]
                    place = data.find(_NOTE, place + 1)

    def _root(self) -> int:
        """Return the physical address of the kernel's page tables."""
        base = number(self.info, "phys_base", 0)
        return symbol(self.info, "swapper_pg_dir") - _KERNEL_MAP + base

    def _levels(self) -> int:
        return 5 if number(self.info, "pgtable_l5_enabled", 0) else 4
