# SPDX-License-Identifier: MIT
"""Parsing and formatting the texts of /proc/PID/maps and /proc/PID/smaps.

Owns the format. Called by `AddressSpace` and by the recording of traces.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from samara.mm.constants import Map, Prot
from samara.mm.file import UNNAMED, File
from samara.mm.vm_flags import parse_vm_flags
from samara.mm.vma import VMA

# start-end perms offset dev inode, then blanks and the name or path
_VMA_LINE = re.compile(
    r"([0-9a-f]{1,16})-([0-9a-f]{1,16}) ([r-])([w-])([x-])([ps])"
    r" ([0-9a-f]{1,16}) ([0-9a-f]{2,8}:[0-9a-f]{2,8}) ([0-9]{1,20})(?: +(.*))?",
    re.DOTALL,
)
# The lines that smaps adds below each of these lines, such as "Rss:      8 kB"
_SMAPS_LINE = re.compile(r"[A-Z][A-Za-z_]*: ")
# Kernels print it if they and the processor have protection keys.
KEY_FIELD = "ProtectionKey:"
_NAME_COLUMN = 73
_SHOWN = 100  # characters of a bad line in the error message
_VM_FLAGS_END = 1000  # longest VmFlags line; all known codes take less than 200 characters


def parse_maps(text: str) -> list[VMA]:
    """Parse a maps or smaps text and return its VMAs, in order. O(lines).

    VmFlags come from smaps. If a VMA has no such line, it gets those that its permissions imply
    (`implied_vm_flags`).

    Raises:
        ValueError: A line is of neither kind, or a VMA begins before the previous one ends. The
            message has the line's number and text.
        TypeError: `text` is not a str.

    >>> parse_maps("1000-3000 rw-p 00000000 00:00 0 [heap]")
    [VMA(0x1000-0x3000 rw-p '[heap]')]
    >>> parse_maps("what is this")
    Traceback (most recent call last):
        ...
    ValueError: line 1 is not of /proc/PID/maps: 'what is this'
    """
    if not isinstance(text, str):
        raise TypeError(f"a text of maps is a str, not {text!r:.60}")
    vmas: list[VMA] = []
    files: dict[tuple[str, str, str], File] = {}
    floor = 0
    # Not splitlines(): a path may contain any line separator except "\n".
    for number, line in enumerate(text.split("\n"), 1):
        match = _VMA_LINE.fullmatch(line)
        if match is None:
            if vmas and _SMAPS_LINE.match(line):
                if line.startswith("VmFlags:"):
                    if len(line) > _VM_FLAGS_END:
                        raise ValueError(f"line {number} has too many VmFlags: {_shown(line)}")
                    vmas[-1] = vmas[-1]._replace(vm_flags=parse_vm_flags(line[8:].strip()))
                elif line.startswith(KEY_FIELD):
                    vmas[-1] = _with_key(vmas[-1], number, line)
            elif line.strip():
                raise ValueError(f"line {number} is not of /proc/PID/maps: {_shown(line)}")
            continue
        vma = _vma_of_line(number, line, match, files)
        if vma.start < floor:
            raise ValueError(
                f"line {number} begins below {floor:#x}, the end of the one before: {_shown(line)}"
            )
        floor = vma.end
        vmas.append(vma)
    return vmas


def _with_key(vma: VMA, number: int, line: str) -> VMA:
    try:
        return vma._replace(pkey=int(line[len(KEY_FIELD) :]))
    except ValueError:
        raise ValueError(f"line {number} has no protection key: {_shown(line)}") from None


def _vma_of_line(
    number: int, line: str, match: re.Match[str], files: dict[tuple[str, str, str], File]
) -> VMA:
    try:
        return _parse_vma(match, files)
    except ValueError as error:
        raise ValueError(f"line {number}: {error}: {_shown(line)}") from None


def _parse_vma(match: re.Match[str], files: dict[tuple[str, str, str], File]) -> VMA:
    start, end, read, write, execute, sharing, offset, dev, inode, label = match.groups("")
    if label == "[rollup]":
        raise ValueError("smaps_rollup holds sums, not VMAs")
    name = ""
    file = None
    path = label.replace("\\012", "\n")
    if label.startswith("["):
        name, path = path, UNNAMED if label.startswith("[anon_shmem:") else ""
    if path or int(inode) or dev != "00:00":
        key = (dev, inode, path)
        file = files.get(key)
        if file is None:
            file = files[key] = File(dev, int(inode), path)
    prot = _PROT[read + write + execute]
    flags = _FLAGS[sharing, file is None]
    return VMA(int(start, 16), int(end, 16), prot, flags, int(offset, 16), file, name)


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
