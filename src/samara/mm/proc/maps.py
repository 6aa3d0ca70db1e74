# SPDX-License-Identifier: MIT
"""Parsing and formatting the texts of /proc/PID/maps and /proc/PID/smaps.

Owns the format. Called by `AddressSpace` and by the recording of traces.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from samara.mm.constants import Map, Prot
from samara.mm.file import UNNAMED, File
from samara.mm.proc.layouts import Columns, begins_like_a_mapping, read_columns
from samara.mm.vm_flags import parse_vm_flags
from samara.mm.vma import VMA

# A line that smaps adds below each VMA: an amount such as "Rss:      8 kB", or "VmFlags: rd wr"
_FIELD: Final = re.compile(
    r"[ \t>]*([A-Za-z][A-Za-z0-9_]*)[ \t]*:[ \t]*(?:([0-9]{0,20})[ \t]*(?:kB)?[ \t]*|(.*))",
    re.DOTALL,
)
# A field that says nothing about the VMA itself, as kernels print it: most lines of smaps.
_SIZE: Final = re.compile(r"(?!KernelPageSize:)[A-Z][A-Za-z_]*+:[ \t]*+[0-9]{1,20}+ kB")
_LINE_END: Final = re.compile(r"(?<!\r)\r++$", re.MULTILINE)
# Without a VMA above it, one of these shows that the line of the VMA is missing.
_TELLING: Final = frozenset(("VmFlags", "Rss", "Pss", "KernelPageSize"))
# Kernels print it if they and the processor have protection keys.
_KEY: Final = "ProtectionKey"
_NAME_COLUMN = 73
_SHOWN = 100  # characters of a bad line in the error message
_VM_FLAGS_END = 1000  # longest VmFlags line; all known codes take less than 200 characters


class SkippedLine(NamedTuple):
    """A line of a text that is no mapping, and was skipped.

    Attributes:
        number: the number of the line, from 1
        text: the line, without its end
    """

    number: int
    text: str


@dataclass(slots=True)
class MapsText:
    """What a text of maps or smaps says.

    Attributes:
        vmas: the VMAs, in order
        skipped: the lines that are neither mappings nor fields of smaps
        page_size: the smallest page size that a VMA has, or None if the text does not tell
        pkeys: whether it has protection keys
    """

    vmas: list[VMA] = field(default_factory=list)
    skipped: list[SkippedLine] = field(default_factory=list)
    page_size: int | None = None
    pkeys: bool = False


def parse_text(text: str) -> MapsText:
    """Parse a maps or smaps text. O(size).

    Mappings are also found in other text, and in the layouts of `layouts.read_columns`. Lines may
    end in CR LF. VmFlags come from smaps. If a VMA has no such line, it gets those that its
    permissions imply (`implied_vm_flags`).

    Raises:
        ValueError: No line is a mapping, though there are lines; a line begins like a mapping and
            is none; a field of smaps has no VMA above it; a VMA begins before the previous one
            ends. The message has the line's number and text.
        TypeError: `text` is not a str.

    >>> parse_text("1000-3000 rw-p 00000000 00:00 0 [heap]").vmas
    [VMA(0x1000-0x3000 rw-p '[heap]')]
    >>> parse_text("Dynamic libraries:\\n1000-3000 rw-p 00000000 00:00 0").skipped
    [SkippedLine(number=1, text='Dynamic libraries:')]
    >>> parse_text("what is this")
    Traceback (most recent call last):
        ...
    ValueError: line 1 is not in the format of /proc/PID/maps: 'what is this'
    """
    if not isinstance(text, str):
        raise TypeError(f"text must be a str, not {text!r:.60}")
    if "\r" in text:
        text = _LINE_END.sub("", text)
    found = MapsText()
    files: dict[tuple[str, int, str], File] = {}
    floor = 0
    has_vma = False  # whether fields of smaps belong to the last VMA
    # Not splitlines(): a path may contain any line separator except "\n".
    for number, line in enumerate(text.split("\n"), 1):
        is_text = line[:1].isupper()
        if is_text and has_vma and _SIZE.fullmatch(line):
            continue
        columns = None if is_text else read_columns(line)
        if columns is None:
            if line.strip():
                has_vma = _read_other(found, number, line, has_vma)
            continue
        if columns[0] < floor and _is_vsyscall_again(found.vmas[-1], columns):
            found.skipped.append(SkippedLine(number, line))
            has_vma = False
            continue
        vma = _vma_of_line(number, line, columns, files)
        if vma.start < floor:
            raise ValueError(
                f"line {number} starts below {floor:#x}, where the VMA before ends: {_shown(line)}"
            )
        floor = vma.end
        found.vmas.append(vma)
        has_vma = True
    if found.skipped and not found.vmas:
        first = found.skipped[0]
        raise ValueError(
            f"line {first.number} is not in the format of /proc/PID/maps: {_shown(first.text)}"
        )
    return found


def parse_maps(text: str) -> list[VMA]:
    """Parse the text of a running process and return its VMAs, in order. O(size).

    Raises:
        ValueError, TypeError: as `parse_text`

    >>> parse_maps("1000-3000 rw-p 00000000 00:00 0 [heap]")
    [VMA(0x1000-0x3000 rw-p '[heap]')]
    """
    return parse_text(text).vmas


def _read_other(found: MapsText, number: int, line: str, has_vma: bool) -> bool:
    """Read a line that is no mapping. Return whether fields of smaps may follow it."""
    match = _FIELD.fullmatch(line)
    if match is not None:
        name, amount, value = match.groups()
        if has_vma and name == "VmFlags":
            if len(line) > _VM_FLAGS_END:
                raise ValueError(f"line {number} has too many VmFlags: {_shown(line)}")
            found.vmas[-1] = found.vmas[-1]._replace(vm_flags=parse_vm_flags(value or ""))
            return True
        if has_vma and name == _KEY:
            found.vmas[-1] = _with_key(found.vmas[-1], number, line, amount or value or "")
            found.pkeys = True
            return True
        if has_vma and amount is not None:
            if name == "KernelPageSize" and amount:
                _note_page_size(found, int(amount) << 10)
            return True
        if not has_vma and name in _TELLING:
            raise ValueError(f"line {number} of smaps has no VMA above it: {_shown(line)}")
    elif begins_like_a_mapping(line):
        raise ValueError(f"line {number} is not in the format of /proc/PID/maps: {_shown(line)}")
    found.skipped.append(SkippedLine(number, line))
    return has_vma and match is not None


def _note_page_size(found: MapsText, size: int) -> None:
    if found.page_size is None or size < found.page_size:
        found.page_size = size


def _is_vsyscall_again(last: VMA, columns: Columns) -> bool:
    start, label = columns[0], columns[-1]
    return label == last.name == "[vsyscall]" and start == last.start


def summarize_skipped(skipped: Sequence[SkippedLine]) -> str:
    """Return a sentence about skipped lines, of which there is at least one.

    >>> summarize_skipped([SkippedLine(3, "Dynamic libraries:")])
    "skipped 1 line that is not a mapping: line 3, 'Dynamic libraries:'"
    """
    number, text = skipped[0]
    first = f"line {number}, {_shown(text)}"
    if len(skipped) == 1:
        return f"skipped 1 line that is not a mapping: {first}"
    return f"skipped {len(skipped):,} lines that are not mappings; the first is {first}"


def _with_key(vma: VMA, number: int, line: str, key: str) -> VMA:
    try:
        return vma._replace(pkey=int(key))
    except ValueError:
        raise ValueError(f"line {number} has an invalid protection key: {_shown(line)}") from None


def _vma_of_line(
    number: int, line: str, columns: Columns, files: dict[tuple[str, int, str], File]
) -> VMA:
    try:
        return _vma_of_columns(columns, files)
    except ValueError as error:
        raise ValueError(f"line {number}: {error}: {_shown(line)}") from None


def _vma_of_columns(columns: Columns, files: dict[tuple[str, int, str], File]) -> VMA:
    start, end, perms, offset, dev, inode, label = columns
    if label == "[rollup]":
        raise ValueError("smaps_rollup contains sums, not VMAs")
    name = ""
    file = None
    path = label.replace("\\012", "\n")
    if label.startswith("["):
        name, path = path, UNNAMED if label.startswith("[anon_shmem:") else ""
    if path or inode or dev != "00:00":
        key = (dev, inode, path)
        file = files.get(key)
        if file is None:
            file = files[key] = File(dev, inode, path)
    return VMA(start, end, _PROT[perms[:3]], _FLAGS[perms[3], file is None], offset, file, name)


# Tables, since combining IntFlag members for each line would cost more than all the rest.
_PROT = {
    read + write + execute: Prot(
        (read != "-") * Prot.READ | (write != "-") * Prot.WRITE | (execute != "-") * Prot.EXEC
    )
    for read in "-r"
    for write in "-w"
    for execute in "-x"
}
_FLAGS = {
    ("p", False): Map.PRIVATE,
    ("p", True): Map.PRIVATE | Map.ANONYMOUS,
    ("s", False): Map.SHARED,
    ("s", True): Map.SHARED | Map.ANONYMOUS,
}


def _shown(line: str) -> str:
    return repr(line if len(line) <= _SHOWN else line[:_SHOWN] + "...")


def format_maps(vmas: Iterable[VMA]) -> str:
    """Return the text of /proc/PID/maps for these VMAs, exact to the last blank. O(VMAs).

    >>> format_maps([VMA(0x1000, 0x3000, Prot.READ)])
    '00001000-00003000 r--p 00000000 00:00 0 \\n'
    """
    return "".join(map(_format_vma, vmas))


def _format_vma(vma: VMA) -> str:
    file = vma.file
    dev, inode = ("00:00", 0) if file is None else (file.dev, file.inode)
    line = f"{vma.start:08x}-{vma.end:08x} {vma.perms} {vma.offset:08x} {dev} {inode} "
    label = vma.label
    if label:
        # If the columns before are too long, Linux still writes one more blank.
        line = line.ljust(_NAME_COLUMN - 1) + " " + label.replace("\n", "\\012")
    return line + "\n"
