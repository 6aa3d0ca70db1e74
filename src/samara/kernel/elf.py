# SPDX-License-Identifier: MIT
"""Memory dumps in ELF files: which bytes of memory are where in the file, and the notes.

Owns the file. Such files are written by QEMU (`dump-guest-memory`), by `virsh dump --memory-only`,
and by /proc/vmcore after a crash. Called by `Vmcore`.
"""

from __future__ import annotations

import os
import struct
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

_LOAD, _NOTE = 1, 4
_MOST_OFFSET: Final = 1 << 63  # in a file
_MOST_HEADERS: Final = 1 << 16
_MOST_NOTES: Final = 1 << 24  # bytes


class Segment(NamedTuple):
    """Memory that is in the file.

    address  of its first byte: physical, or virtual
    size     its size in bytes
    offset   where it is in the file
    """

    address: int
    size: int
    offset: int


class CoreFile:
    """An ELF core file with the memory of a machine.

    Reading its headers costs O(segments). Not thread-safe only while it is closed.

    Attributes:
        physical: the segments by physical address, in order
        notes: the notes, as pairs of a name and the bytes

    Raises:
        OSError: The file cannot be read.
        ValueError: It is not a core file of a 64-bit machine.
    """

    def __init__(self, path: str | Path) -> None:
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._read_headers(str(path))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file. Reading raises OSError after that."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _read_headers(self, path: str) -> None:
        ident = os.pread(self._file, 64, 0)
        if len(ident) < 64 or ident[:4] != b"\x7fELF":
            raise ValueError(f"{path} is not an ELF file: it begins with {ident[:4]!r}")
        if ident[4:6] != b"\x02\x01":
            raise ValueError(f"{path} is not of a little-endian 64-bit machine")
        kind, machine = struct.unpack_from("<HH", ident, 16)
        self.machine: int = machine
        if kind != 4:
            raise ValueError(f"{path} is not a core file: its type is {kind}, not 4")
        (table,) = struct.unpack_from("<Q", ident, 32)
        (section_table,) = struct.unpack_from("<Q", ident, 40)
        size, count = struct.unpack_from("<HH", ident, 54)
        if count == 0xFFFF:  # the number is in the first section header
            section = b""
            if section_table < _MOST_OFFSET:
                section = os.pread(self._file, 64, section_table)
            count = struct.unpack_from("<I", section, 44)[0] if len(section) == 64 else 0
        if size != 56 or not 0 < count <= _MOST_HEADERS:
            raise ValueError(f"{path} is damaged: {count} program headers of {size} bytes")
        headers = os.pread(self._file, size * count, table) if table < _MOST_OFFSET else b""
        if len(headers) < size * count:
            raise ValueError(f"{path} is cut: its program headers are missing")
        # What a damaged header promises beyond the end of the file is not there.
        end = os.fstat(self._file).st_size
        loads: list[Segment] = []
        self.notes: list[tuple[str, bytes]] = []
        for header in range(0, size * count, size):
            what, _, offset, _, physical, in_file, _, _ = struct.unpack_from(
                "<IIQQQQQQ", headers, header
            )
            in_file = min(in_file, max(end - offset, 0))
            if what == _LOAD and in_file:
                loads.append(Segment(physical, in_file, offset))
            elif what == _NOTE and in_file:
                data = os.pread(self._file, min(in_file, _MOST_NOTES), offset)
                self.notes += _notes(data)
        # If a byte is in two segments, the one that begins later counts.
        self.physical: list[Segment] = sorted(loads)
        self._starts = [segment.address for segment in self.physical]

    def find(self, address: int) -> tuple[int, int] | None:
        """Return where physical memory is in the file, and how many bytes follow. O(log n)."""
        position = bisect_right(self._starts, address) - 1
        if position < 0:
            return None
        segment = self.physical[position]
        into = address - segment.address
        return (segment.offset + into, segment.size - into) if into < segment.size else None

    def pread(self, size: int, offset: int) -> bytes:
        """Return bytes of the file; fewer at its end."""
        return os.pread(self._file, size, offset)

    def read_physical(self, address: int, size: int) -> bytes:
        """Return bytes of physical memory.

        Raises:
            LookupError: They are not in the file.
        """
        found = self.find(address)
        if found is None or found[1] < size:
            raise LookupError(f"{size} bytes at physical {address:#x} are not in the dump")
        data = os.pread(self._file, size, found[0])
        if len(data) < size:
            raise LookupError(f"the dump is cut before physical {address:#x}")
        return data


def _notes(data: bytes) -> Iterator[tuple[str, bytes]]:
    place = 0
    while place + 12 <= len(data):
        name_size, size, _ = struct.unpack_from("<III", data, place)
        name = data[place + 12 : place + 12 + name_size].rstrip(b"\0").decode(errors="replace")
        start = place + 12 + (name_size + 3) // 4 * 4
        yield name, data[start : start + size]
        place = start + (size + 3) // 4 * 4
